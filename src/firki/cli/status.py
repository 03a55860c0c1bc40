"""``firki status``: what the running firki says of itself."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from firki.cli.exits import told
from firki.cli.options import AsJson, ConfigFile, OfDemo, folder_of
from firki.cli.text import grouped, pairs
from firki.cli.totals import refusals

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from firki.app.folder import DataFolder

    Pause = Callable[[float], Awaitable[None]]

_EVERY_SECONDS = 1.0
_HOME = "\x1b[H\x1b[J"
"""Moves the cursor to the top of a terminal and clears what follows."""


def status(
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Show it again every second, until Ctrl-C.")
    ] = False,
    as_json: AsJson = False,
    demo: OfDemo = False,
    config: ConfigFile = None,
) -> None:
    """Show how the running firki is: feed, journal, candles, and how old each thing is.

    With exit code 4 no firki runs on the data folder. --json --watch prints a document a line.
    """
    import asyncio

    with told():
        folder = folder_of(config, demo=demo)
        try:
            asyncio.run(show(folder, watch=watch, as_json=as_json))
        except KeyboardInterrupt:
            typer.echo()


async def show(
    folder: "DataFolder", *, watch: bool, as_json: bool, pause: "Pause | None" = None
) -> None:
    """Print the status, with ``watch`` again after every ``pause``; raises what asking raises."""
    import sys

    from firki import timing
    from firki.app.running import ask_status

    wait = pause or timing.pause
    while True:
        document = await ask_status(folder)
        clear = _HOME if watch and not as_json and sys.stdout.isatty() else ""
        typer.echo(clear + (_json(document, lines=watch) if as_json else describe(document)))
        sys.stdout.flush()
        if not watch:
            return
        await wait(_EVERY_SECONDS)


def _json(document: dict[str, Any], *, lines: bool) -> str:
    import json

    return json.dumps(document, ensure_ascii=False, indent=None if lines else 2)


def describe(document: dict[str, Any]) -> str:
    """The document as lines for people."""
    d, n = document, grouped
    journal, market, gaps = d["journal"], d["market"], d["gaps"]
    seen, wanted = n(d["instruments_with_ticks"]), n(d["instrument_count"])
    created, completed, amended = d["candles_created"], d["candles_completed"], d["amendments"]
    rows = [
        ("status", str(d["status"])),
        ("market", f"{market['phase'].replace('_', ' ')}, {market['trading_date']}"),
        ("as of", _time(d["as_of"])),
        ("data age", _seconds(d["data_age_seconds"])),
        ("tick age", _seconds(d["tick_age_seconds"])),
        ("exchange lag", _seconds(d["exchange_lag_seconds"])),
        ("ticks", f"{n(d['ticks_processed'])}, {n(d['ticks_per_second'])} a second"),
        ("last tick time", _time(d["last_tick_time"])),
        ("instruments", f"{seen} with ticks of {wanted}"),
        ("registered symbols", n(d["registered_symbols"])),
        ("candles", f"{n(created)} created, {n(completed)} completed, {n(amended)} amended"),
        ("gaps", f"{n(gaps['minutes'])} minutes of {n(gaps['instruments'])} instruments"),
        ("journal", f"{n(journal['acknowledged'])} of {n(journal['newest'])} records on disk"),
        ("uptime", f"{_duration(d['uptime_seconds'])}, since {_time(d['start_time'])}"),
        ("memory", f"{n(d['memory_mb'], 1)} MB"),
    ]
    rows += [(f"connection {link['connection']}", _link(link)) for link in d["connections"]]
    rows += refusals(d["refused"])
    rows += [("posted refused", words) for _, words in refusals(d["posted_refused"])]
    if journal["failure"]:
        rows.append(("journal failure", str(journal["failure"])))
    rows += [("note", note) for note in d["notes"]]
    return pairs(rows)


def _link(link: dict[str, Any]) -> str:
    return (
        f"{link['account']}: {link['state']}, {link['tokens']} instruments in {link['mode']} mode, "
        f"age {_seconds(link['age_seconds'])}, replaced {link['replaced']} times"
    )


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"


def _time(text: str | None) -> str:
    return "-" if text is None else text[:19].replace("T", " ") + " IST"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
