"""Pure nouns of the market. Nothing here opens a file, reads a clock or logs."""
