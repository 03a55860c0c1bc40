"""All that knows Kite."""
