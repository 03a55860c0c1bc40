"""Scans over live and past bars."""
