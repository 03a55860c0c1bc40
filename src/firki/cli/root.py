"""The ``firki`` command and its groups. Nothing heavy is imported before a command runs."""

import typer

from firki.cli.config import show_config
from firki.cli.sim import simulate
from firki.cli.up import demo, replay, up

app = typer.Typer(
    name="firki",
    help="Live Indian-market data on your own machine: ticks in, trusted candles out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


@app.callback()
def group() -> None:
    """Keeps ``firki`` a group of commands however few there are."""


app.command("config")(show_config)
app.command("sim")(simulate)
app.command("demo")(demo)
app.command("up")(up)
app.command("replay")(replay)
