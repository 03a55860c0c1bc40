"""``firki journal``: the record of every frame; what is kept of it, and whether it is sound."""

from typing import TYPE_CHECKING, Annotated

import typer

from firki.cli.exits import DAMAGED, told
from firki.cli.help import Command
from firki.cli.options import AsJson, ConfigFile, Day, OfDemo, folder_of, recorded_day
from firki.cli.text import dump, grouped, pairs, size

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from firki.capture.journal_info import JournalInfo
    from firki.capture.journal_verify import Fault, Verification

app = typer.Typer(
    help="The record of every frame: days kept, what is in one, whether it is sound.",
    short_help="The record of every frame.",
    no_args_is_help=True,
)


@app.command(cls=Command, short_help="The trading days kept.")
def days(as_json: AsJson = False, demo: OfDemo = False, config: ConfigFile = None) -> None:
    """List the trading days that have a journal, oldest first."""
    with told():
        folder = folder_of(config, demo=demo)
        kept = [(day.isoformat(), _stored_bytes(folder.journal(day))) for day in folder.days()]
    if as_json:
        typer.echo(dump({"days": [{"date": name, "stored_bytes": count} for name, count in kept]}))
        return
    typer.echo(pairs([(name, size(count)) for name, count in kept]) or "no journal is kept")


@app.command(cls=Command, short_help="What a day's journal holds.")
def info(
    day: Day = None, as_json: AsJson = False, demo: OfDemo = False, config: ConfigFile = None
) -> None:
    """Show a day's journal from its headers: quick, and no proof that all of it is sound."""
    with told():
        folder = folder_of(config, demo=demo)
        chosen = recorded_day(folder, day)
        from firki.capture import journal_info

        found = journal_info.info(folder.journal(chosen))
    if as_json:
        import msgspec

        typer.echo(dump(msgspec.to_builtins(found)))
        return
    typer.echo(_describe(found))


@app.command(cls=Command, short_help="Read all of a day, and check it.")
def verify(
    day: Day = None, as_json: AsJson = False, demo: OfDemo = False, config: ConfigFile = None
) -> None:
    """Read every record of a day and check it against its checksums; exit code 5 when one is bad.

    What a kill cut off within a write is torn, not bad: it was never said to be safe.
    """
    with told():
        folder = folder_of(config, demo=demo)
        chosen = recorded_day(folder, day)
        from firki.capture import journal_verify

        found = journal_verify.verify(folder.journal(chosen))
    if as_json:
        import msgspec

        typer.echo(dump({"date": chosen.isoformat(), **msgspec.to_builtins(found)}))
    else:
        typer.echo(_verdict(chosen, found))
    if found.bad:
        raise typer.Exit(DAMAGED)


@app.command(cls=Command, short_help="Throw a day away.")
def remove(
    day: Annotated[str, typer.Argument(metavar="DATE", help="Trading day, as 2026-11-20.")],
    confirm: Annotated[bool, typer.Option("--confirm", help="Really do it.")] = False,
    demo: OfDemo = False,
    config: ConfigFile = None,
) -> None:
    """Throw away what was captured of a day: its journal and its grid. The lake keeps its candles.

    Nothing brings it back, and nobody may be capturing meanwhile.
    """
    with told():
        folder = folder_of(config, demo=demo)
        from firki.app.forget import forget, kept_of
        from firki.cli.moments import day_of
        from firki.errors import ConfigError

        chosen = day_of("DATE", day)
        assert chosen is not None, "an argument that must be given"
        kept = kept_of(folder, chosen)
        what = f"{size(kept.bytes)} of {kept.day}: " + ", ".join(map(str, kept.folders))
        if not confirm:
            raise ConfigError(f"--confirm removes {what}; without it nothing is done")
        forget(folder, chosen)
    typer.echo(f"removed {what}")


def _stored_bytes(folder: "Path") -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def _describe(found: "JournalInfo") -> str:
    rows = [
        ("date", found.header.trading_date.isoformat()),
        ("records", f"{grouped(found.frames)}, {found.first or '-'} to {found.last or '-'}"),
        ("from", _time(found.first_ts)),
        ("to", _time(found.last_ts)),
        ("frames' bytes", size(found.raw_bytes)),
        ("on disk", f"{size(found.stored_bytes)} in {len(found.segments)} segments"),
        ("instruments", f"sha256 {found.header.instruments}"),
        ("calendar", f"sha256 {found.header.calendar}"),
        ("fold settings", f"sha256 {found.header.settings}"),
    ]
    return pairs(rows)


def _verdict(day: "date", found: "Verification") -> str:
    span = f"{found.first} to {found.last}" if found.first else "none"
    kinds = ", ".join(f"{grouped(count)} {kind}" for kind, count in found.by_kind.items())
    lines = [
        f"journal of {day}",
        f"records   {grouped(found.frames)} ({span})" + (f": {kinds}" if kinds else ""),
        f"segments  {found.segments}, {size(found.raw_bytes)} in {size(found.stored_bytes)}",
    ]
    if found.torn_bytes:
        lines.append(f"torn      {size(found.torn_bytes)} of writes that were cut short")
    lines += [f"BAD       {_fault(fault)}" for fault in found.faults]
    return "\n".join([*lines, f"{found.bad} bad" if found.bad else "all of it is sound"])


def _fault(fault: "Fault") -> str:
    where = "" if fault.offset is None else f" at offset {fault.offset}"
    return f"{fault.file}{where}: {fault.message}"


def _time(ts: int | None) -> str:
    from firki.model.ist import ist_text

    return "-" if ts is None else ist_text(ts).partition("+")[0].replace("T", " ")[:23] + " IST"
