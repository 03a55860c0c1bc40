"""Feed in, bytes kept, ticks out: pool, journal, plant."""
