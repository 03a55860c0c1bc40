"""``firki instruments``: what can be captured, by name, and the day's master fetched."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from firki.cli.exits import told
from firki.cli.help import Command
from firki.cli.options import AsJson, ConfigFile, OfDemo, existing, settings_of
from firki.cli.text import dump, grouped, pairs, table

if TYPE_CHECKING:
    from firki.app.reader import Reader
    from firki.config import Settings
    from firki.model.instrument import Instrument

app = typer.Typer(
    help="The instrument master: search it, show one instrument, fetch it anew.",
    short_help="What can be traded, by name.",
    no_args_is_help=True,
)


@app.command(cls=Command, short_help="Search by symbol or name.")
def find(
    text: Annotated[
        list[str],
        typer.Argument(help="Words of a symbol or a name; NSE:INF looks on one exchange."),
    ],
    limit: Annotated[
        int, typer.Option(metavar="NUMBER", min=1, max=100_000, help="The most that are shown.")
    ] = 20,
    as_json: AsJson = False,
    demo: OfDemo = False,
    config: ConfigFile = None,
) -> None:
    """Search instruments by words of their symbol or name, the likeliest first."""
    with told():
        master = _reader(settings_of(config, demo=demo)).instruments
        found = master.find(" ".join(text), limit)
    if as_json:
        typer.echo(dump({"instruments": [_row(one) for one in found]}))
        return
    typer.echo(_table(found) if found else f"nothing like {' '.join(text)!r} of {master.day}")


@app.command(cls=Command, short_help="All about one instrument.")
def show(
    key: Annotated[str, typer.Argument(help="Such as NSE:INFY, or an instrument token.")],
    as_json: AsJson = False,
    demo: OfDemo = False,
    config: ConfigFile = None,
) -> None:
    """Show what is known of an instrument, and its hours on the newest day."""
    with told():
        reader = _reader(settings_of(config, demo=demo))
        instrument = reader.instrument(key)
        hours = _hours(reader, instrument)
    if as_json:
        typer.echo(dump({**_row(instrument), "price_scale": instrument.price_scale, **hours}))
        return
    known = {**_row(instrument), **hours}
    typer.echo(pairs([(n.replace("_", " "), str(v)) for n, v in known.items() if v is not None]))


@app.command(cls=Command, short_help="Fetch today's master.")
def sync(as_json: AsJson = False, config: ConfigFile = None) -> None:
    """Fetch today's instruments from the first account's broker and keep them."""
    import asyncio

    with told():
        settings = settings_of(config, demo=False)
        from firki.app.fetching import fetch_instruments

        fetched = asyncio.run(fetch_instruments(settings))
    day, count = fetched.table.day.isoformat(), len(fetched.table)
    oddities = dict(fetched.table.oddities)
    if as_json:
        document = {"date": day, "instruments": count, "oddities": oddities}
        typer.echo(dump({**document, "file": str(fetched.path)}))
        return
    typer.echo(f"{grouped(count)} instruments of {day} are kept in {fetched.path}")
    for reason, number in oddities.items():
        typer.echo(f"odd: {reason}: {grouped(number)}")


def _reader(settings: "Settings") -> "Reader":
    folder = existing(settings)
    from firki.app.calendars import read_calendar
    from firki.app.reader import Reader

    return Reader(folder.root, read_calendar(settings.calendar)[1])


def _row(instrument: "Instrument") -> dict[str, Any]:
    import msgspec

    from firki.serve.instruments import instrument_row

    row: dict[str, Any] = msgspec.to_builtins(instrument_row(instrument))
    return row


def _hours(reader: "Reader", instrument: "Instrument") -> dict[str, Any]:
    """When it trades on the day the instruments are of."""
    from firki.model.ist import ist_midnight, ist_text

    day = reader.instruments.day
    session = reader.session_of(instrument.instrument_token, ist_midnight(day))
    if session is None:
        return {"date": day.isoformat(), "open": None, "close": None}
    return {
        "date": day.isoformat(),
        "open": ist_text(session.open_ts),
        "close": ist_text(session.close_ts),
    }


def _table(found: "list[Instrument]") -> str:
    head = ("key", "token", "name", "type", "expiry", "strike", "lot", "tick", "hours")
    rows = [
        (
            one.key, str(one.instrument_token), one.name, one.instrument_type,
            one.expiry.isoformat() if one.expiry else "",
            grouped(one.strike, 2) if one.strike else "", grouped(one.lot_size),
            f"{one.tick_size:g}", one.session_class.value,
        )
        for one in found
    ]  # fmt: skip
    return table(head, rows, left=("key", "name", "type", "expiry", "hours"))
