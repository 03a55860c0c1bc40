"""The command line: one file per command group, each parses and calls ``app``."""


def main() -> None:
    """Entry point of the ``firki`` command."""
    from firki.app.kernels import place_cache
    from firki.cli.root import app

    place_cache()
    app()
