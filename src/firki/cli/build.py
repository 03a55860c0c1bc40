"""``firki build``: recorded ticks into candles by the path of the live feed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firki.cli.exits import told
from firki.cli.moments import day_of
from firki.cli.options import AsJson, ConfigFile, OfDemo, settings_of
from firki.cli.text import dump, grouped, table

if TYPE_CHECKING:
    from firki.app.build import Progress
    from firki.app.build_report import BuildReport, DayReport, Volumes
    from firki.model.session import SessionClass

_MOST_LINES = 100
"""Instruments whose volumes are listed; of more, those that do not add up."""


def build(
    ticks: Annotated[
        list[str],
        typer.Argument(
            metavar="TICKS",
            help="Parquet or CSV files, folders of them, journal folders, or dates of journals.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="File ending in .parquet or .csv.")
    ],
    interval: Annotated[
        list[str] | None,
        typer.Option(
            "--interval",
            "-i",
            metavar="INTERVAL",
            help="Such as 1m, 90m, 2h, day; may be repeated. Else 1m 5m 15m 30m 60m and day.",
        ),
    ] = None,
    day: Annotated[
        str | None,
        typer.Option(
            "--date", metavar="DATE", help="Trading day of the ticks; else the one most rows carry."
        ),
    ] = None,
    session_class: Annotated[
        str | None,
        typer.Option(
            "--class",
            metavar="CLASS",
            help="Hours of all but indices: cash, cas, derivative, currency.",
        ),
    ] = None,
    instruments: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Kite's instruments CSV of the day: tokens, hours and price scales.",
        ),
    ] = None,
    as_json: AsJson = False,
    demo: OfDemo = False,
    config: ConfigFile = None,
) -> None:
    """Turn recorded ticks into candles, and say what became of every row.

    A file has symbol or instrument_token, ts, ltp, volume (the day's running total) and may have oi
    and row (order of arrival). An integer ts is ns UTC; a time without an offset is Indian.
    """
    with told():
        settings = settings_of(config, demo=demo)
        from firki.app.build import BuildOptions
        from firki.app.build import build as run

        options = BuildOptions(
            sources=ticks, out=out, intervals=interval or (), day=day_of("--date", day),
            session_class=_class(session_class), instruments=instruments,
        )  # fmt: skip
        with _progress() as progress:
            report = run(settings, options, progress)
    typer.echo(_json(report) if as_json else _words(report))


def _class(text: str | None) -> "SessionClass | None":
    from firki.errors import ConfigError
    from firki.model.session import SessionClass

    try:
        return SessionClass(text) if text else None
    except ValueError:
        known = ", ".join(SessionClass)
        raise ConfigError(f"--class: expected one of {known}; found {text!r}") from None


@contextmanager
def _progress() -> "Iterator[Progress]":
    """A bar a day, on a terminal only."""
    if not sys.stderr.isatty():
        yield _silent
        return
    shown = ""

    def show(what: str, done: int, total: int) -> None:
        nonlocal shown
        text = f"{what}  {100 * done // max(total, 1):3}%"
        if text != shown:
            sys.stderr.write(f"\r{text}")
            sys.stderr.flush()
            shown = text

    try:
        yield show
    finally:
        if shown:
            sys.stderr.write("\n")


def _silent(_what: str, _done: int, _total: int) -> None:
    """Nobody looks."""


def _json(report: "BuildReport") -> str:
    import msgspec

    return dump(msgspec.to_builtins(report))


def _words(report: "BuildReport") -> str:
    written = ", ".join(f"{grouped(count)} of {name}" for name, count in report.bars.items())
    return "\n\n".join([*map(_day, report.days), f"wrote {report.out}: bars {written}"])


def _day(day: "DayReport") -> str:
    outside = f" ({grouped(day.outside_session)} of them outside the session, in no bar)"
    lines = [
        f"{day.date}  {grouped(day.rows)} rows from {', '.join(day.sources)}",
        f"  trades     {grouped(day.trades)}{outside if day.outside_session else ''}",
        f"  no trade   {_counts(day.no_trade)}",
    ]
    if day.refused:
        lines.append(f"  refused    {_counts(day.refused)}")
    if day.left_out:
        lines.append(f"  left out   {_counts(day.left_out)}")
    if day.rounded:
        lines.append(f"  rounded    {grouped(day.rounded)} prices finer than the exchange's")
    right = sum(volumes.adds_up for volumes in day.volumes)
    lines.append(
        "  volume     baseline + bars + outside + gap = last cumulative: "
        f"{right} of {len(day.volumes)} instruments"
    )
    shown = day.volumes
    if len(shown) > _MOST_LINES:
        shown = [volumes for volumes in shown if not volumes.adds_up]
    return "\n".join([*lines, _volumes(shown)] if shown else lines)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{why} {grouped(count)}" for why, count in counts.items())


def _volumes(found: "list[Volumes]") -> str:
    head = ["symbol", "hours", "baseline", "bars", "outside", "gap", "last", ""]
    rows = []
    for v in found:
        counts = map(grouped, (v.baseline, v.bars, v.outside, v.gap, v.last))
        rows.append([v.symbol, v.session_class, *counts, "" if v.adds_up else "does not add up"])
    return table(head, rows, left=("symbol", "hours", ""))
