"""A market in a box: Kite on loopback."""
