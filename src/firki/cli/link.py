"""``firki link``: a further way into the page of the running firki."""

import typer

from firki.cli.exits import told
from firki.cli.options import ConfigFile, OfDemo, existing, settings_of


def link(demo: OfDemo = False, config: ConfigFile = None) -> None:
    """Print a new one-time link to the page of the firki that runs on the data folder.

    It works once, for five minutes. A replay has keys of its own: start it again for a new link.
    """
    import asyncio

    with told():
        settings = settings_of(config, demo=demo)
        folder = existing(settings)
        from firki.app.running import ask_link

        typer.echo(asyncio.run(ask_link(folder, settings.serve.public_url)))
