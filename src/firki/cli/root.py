"""The ``firki`` command and its groups. Nothing heavy is imported before a command runs."""

from typing import Annotated

import typer

from firki import __version__
from firki.cli import instruments, journal
from firki.cli.bench import bench
from firki.cli.build import build
from firki.cli.candles import candles
from firki.cli.config import show_config
from firki.cli.doctor import doctor
from firki.cli.sim import simulate
from firki.cli.status import status
from firki.cli.up import demo, replay, up

app = typer.Typer(
    name="firki",
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
        typer.Option("--version", help="Tell the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Live Indian-market data on your own machine: ticks in, trusted candles out."""


app.command("demo", short_help="A whole market on this machine, no account.")(demo)
app.command("up", short_help="Capture the market and serve it.")(up)
app.command("sim", short_help="A Kite of your own on loopback.")(simulate)
app.command("replay", short_help="Serve a recorded day again.")(replay)
app.command("candles", short_help="Candles of an instrument, live or past.")(candles)
app.command("build", short_help="Recorded ticks into candles.")(build)
app.add_typer(instruments.app, name="instruments")
app.add_typer(journal.app, name="journal")
app.command("status", short_help="How the running firki is.")(status)
app.command("doctor", short_help="Is all there that firki needs.")(doctor)
app.command("config", short_help="The settings in force.")(show_config)
app.command("bench", short_help="Its speed on this machine.")(bench)
