"""``firki candles``: candles of a data folder, live or past, from any process."""

from typing import TYPE_CHECKING, Annotated

import typer

from firki.cli.exits import DAMAGED, WRONG, told
from firki.cli.options import AsJson, ConfigFile, OfDemo, existing, settings_of
from firki.cli.text import grouped, table

if TYPE_CHECKING:
    from firki.app.lookup import Found
    from firki.model.candle import CandleColumns

_ABSENT = frozenset({"no_volume", "no_oi"})
"""Flags that an empty cell says already."""
_TIMES = "2026-11-20, 09:30 (of the newest day), or ISO time with its offset"


def candles(
    key: Annotated[str, typer.Argument(help="Such as NSE:INFY, or an instrument token.")],
    interval: Annotated[
        str,
        typer.Option(
            "--interval",
            "-i",
            metavar="INTERVAL",
            help="Such as 1m, 5m, 90m, 2h, day, week, month.",
        ),
    ] = "5m",
    from_time: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help=f"First start: {_TIMES}.")
    ] = None,
    to_time: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Last start, in the same forms.")
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            "--count", "-n", metavar="NUMBER", min=1, max=1_000_000, help="The newest so many."
        ),
    ] = None,
    no_current: Annotated[
        bool, typer.Option("--no-current", help="Leave out candles that are still forming.")
    ] = False,
    sessions: Annotated[
        str | None,
        typer.Option(
            metavar="PARTS", help="Some of pre_open,continuous,closing_auction; all by default."
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="What was known then, in the same forms; within a day only a replay can tell.",
        ),
    ] = None,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="CSV: a header, and a line for each candle.")
    ] = False,
    as_json: AsJson = False,
    demo: OfDemo = False,
    config: ConfigFile = None,
) -> None:
    """Show an instrument's candles from the data folder, the live one included.

    Without --from and --count: the newest day, or the newest 30 day, week or month candles.
    """
    if as_csv and as_json:
        typer.echo("firki: candles: expected --csv or --json, found both", err=True)
        raise typer.Exit(WRONG)
    with told():
        settings = settings_of(config, demo=demo)
        folder = existing(settings)
        from firki.app.calendars import read_calendar
        from firki.app.lookup import Ask, read_candles
        from firki.app.reader import Reader

        reader = Reader(folder.root, read_calendar(settings.calendar)[1])
        ask = Ask(
            key=key, interval=interval, from_time=from_time, to_time=to_time, count=count,
            include_current=not no_current, sessions=sessions, as_of=as_of,
        )  # fmt: skip
        found = read_candles(reader, ask)
    typer.echo(_csv(found) if as_csv else _json(found) if as_json else _table(found))
    for file, reason in reader.lake.damaged.items():
        typer.echo(f"firki: {file} could not be read and was left out: {reason}", err=True)
    if reader.lake.damaged:
        raise typer.Exit(DAMAGED)


def _json(found: "Found") -> str:
    from firki.model.ist import ist_text
    from firki.serve import encode
    from firki.serve.directory import decimals

    columns = found.candles
    document = (
        encode.json_head(found.instrument.key, columns.interval.name)
        + ist_text(columns.as_of_ts).encode()
        + encode.json_source(columns.source)
        + encode.json_rows(columns, decimals=decimals(found.instrument))
        + encode.json_tail(encode.gaps(columns))
    )
    return document.decode()


def _csv(found: "Found") -> str:
    from firki.serve import encode
    from firki.serve.directory import decimals

    text = encode.csv(found.candles, decimals=decimals(found.instrument)).decode()
    return text.replace("\r\n", "\n").rstrip("\n")


def _table(found: "Found") -> str:
    from firki.model.candle import Status
    from firki.model.ist import ist_text

    columns, instrument = found.candles, found.instrument
    title = f"{instrument.key}  {columns.interval}"
    if not len(columns):
        days = found.days
        held = f"the folder holds {days[0]} to {days[-1]}" if days else "the folder holds no day"
        return f"{title}: no candles in that range; {held}"
    head, rows = _cells(found)
    as_of = ist_text(columns.as_of_ts)[:19].replace("T", " ")
    last = "; the last candle is forming" if columns.status[-1] == Status.FORMING else ""
    body = table(head, rows, left=("start (IST)", "status", "session", "flags"))
    return f"{title}\n{body}\nsource {columns.source}, as of {as_of} IST{last}"


def _cells(found: "Found") -> tuple[list[str], list[list[str]]]:
    """Head and rows; a column that has nothing to say of any candle is left out."""
    from firki.serve import encode
    from firki.serve.directory import decimals

    places = decimals(found.instrument)
    shown = encode.rows(found.candles, decimals=places)
    columns = [("start (IST)", [_start(row.start_ts, found.candles) for row in shown])]
    for name in ("open", "high", "low", "close"):
        prices = [getattr(row, name) for row in shown]
        columns.append((name, ["-" if p is None else grouped(p, places) for p in prices]))
    for name, values in (
        ("volume", [row.volume for row in shown]),
        ("oi", [row.oi for row in shown]),
    ):
        if any(value is not None for value in values):
            columns.append((name, ["-" if v is None else grouped(v) for v in values]))
    columns.append(("ticks", [grouped(row.tick_count) for row in shown]))
    columns.append(("status", [row.status for row in shown]))
    if any(row.session != "continuous" for row in shown):
        columns.append(("session", [row.session for row in shown]))
    words = [" ".join(word for word in row.flags if word not in _ABSENT) for row in shown]
    if any(words):
        columns.append(("flags", words))
    return [name for name, _ in columns], [
        list(row) for row in zip(*(c for _, c in columns), strict=True)
    ]


def _start(text: str, columns: "CandleColumns") -> str:
    return text[:16].replace("T", " ") if columns.interval.minutes else text[:10]
