"""The day in memory: grid, quotes."""
