"""The ``firki`` command and its groups. Nothing heavy is imported before a command runs."""

from collections.abc import Callable
from typing import Annotated

import typer

from firki import __version__
from firki.cli import instruments, journal
from firki.cli.bench import bench
from firki.cli.build import build
from firki.cli.candles import candles
from firki.cli.config import show_config
from firki.cli.doctor import doctor
from firki.cli.help import Command, Group
from firki.cli.link import link
from firki.cli.sim import simulate
from firki.cli.status import status
from firki.cli.up import demo, replay, up

app = typer.Typer(
    name="firki",
    cls=Group,
    no_args_is_help=True,
    add_completion=False,
    # plain help: drawn with boxes and colours it takes three times as long to come
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"firki {__version__}")
        raise typer.Exit


@app.callback()
def group(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and end.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Live Indian-market data on your own machine: ticks in, trusted candles out."""


def _add(panel: str, name: str, short_help: str, function: Callable[..., None]) -> None:
    command = app.command(name, cls=Command, short_help=short_help, rich_help_panel=panel)
    command(function)


_RUN, _READ, _CHECK = "Run a market", "Read and build", "Check"

_add(_RUN, "demo", "A whole market on this machine, no account.", demo)
_add(_RUN, "up", "Capture the market and serve it.", up)
_add(_RUN, "sim", "A Kite of your own on loopback.", simulate)
_add(_RUN, "replay", "Serve a recorded day again.", replay)
_add(_READ, "candles", "Candles of an instrument, live or past.", candles)
_add(_READ, "build", "Recorded ticks into candles.", build)
app.add_typer(instruments.app, name="instruments", rich_help_panel=_READ)
_add(_READ, "link", "A new link to the page.", link)
_add(_CHECK, "status", "How the running firki is.", status)
_add(_CHECK, "doctor", "Whether all is there that firki needs.", doctor)
app.add_typer(journal.app, name="journal", rich_help_panel=_CHECK)
_add(_CHECK, "config", "The settings in force.", show_config)
_add(_CHECK, "bench", "Its speed on this machine.", bench)
