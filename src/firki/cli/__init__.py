"""The command line: one file per command group, each parses and calls ``app``."""


def main() -> None:
    """Entry point of the ``firki`` command."""
    from firki.cli.root import app

    app()
