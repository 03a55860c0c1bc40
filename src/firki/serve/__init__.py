"""The gateway: API, stream, page."""
