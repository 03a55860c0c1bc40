"""Sealed secrets."""
