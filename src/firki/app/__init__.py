"""Builds the parts and joins them; nothing else does."""
