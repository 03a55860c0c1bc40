"""The calendar's TOML form: bytes to rules, with every fault of the file at once.

``[[hours]]`` say a class's day from a date on (``until`` makes it temporary), ``[[coverage]]`` the
years whose holidays are known, ``[[holidays]]`` the closed days (``closed`` = day, morning or
evening, parted at ``parted``), ``[[special]]`` a single day that differs (without ``phases``: the
usual hours), ``[[reopened]]`` takes holidays and special days back, ``[changes.NAME]`` holds the
same tables for a change that has to be switched on. Phases are "HH:MM kind", each running to the
next; the last one is ``closed``.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from firki.model.calendar_table import Classes, MinutePhase, Table
from firki.model.session import SessionClass

_CLOSED: Final = ("day", "morning", "evening")


class CalendarError(ValueError):
    """A calendar file is wrong; ``errors`` holds one line for each fault."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Hours:
    """A class's day from ``first`` on, to ``until`` if it says so."""

    classes: Classes
    first: date
    until: date | None
    phases: tuple[MinutePhase, ...]
    verified: bool
    note: str


@dataclass(frozen=True, slots=True)
class Closure:
    """A day without its morning, its evening or all of it; ``parted`` is a minute of the day."""

    closed: str
    parted: int
    verified: bool
    note: str


@dataclass(frozen=True, slots=True)
class Special:
    """A day with its own phases, or with the usual ones where there would be none."""

    phases: tuple[MinutePhase, ...] | None
    verified: bool
    note: str


DayRule = Closure | Special | None
"""What is said of one day; None takes back what an earlier layer said."""


@dataclass(slots=True)
class Layer:
    """What one file, or one switched-on change, says."""

    name: str
    hours: list[Hours] = field(default_factory=list)
    coverage: list[tuple[Classes, tuple[int, ...]]] = field(default_factory=list)
    days: list[tuple[Classes, date, DayRule]] = field(default_factory=list)
    changes: dict[str, "Layer"] = field(default_factory=dict)
    note: str = ""

    def dates(self) -> Iterator[tuple[SessionClass, date]]:
        """The days from which, or on which, it changes something."""
        for hours in self.hours:
            yield from ((kind, hours.first) for kind in hours.classes)
        for classes, day, _ in self.days:
            yield from ((kind, day) for kind in classes)


def read_layer(data: bytes, name: str, errors: list[str], *, with_changes: bool) -> Layer:
    """The rules of a file; what is wrong with it is added to ``errors``, named by ``name``."""
    try:
        tables = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        errors.append(f"{name}: not TOML in UTF-8: {fault}")
        return Layer(name)
    top = Table(tables, name, errors)
    layer = _layer(top, name)
    if with_changes:
        for title, change in top.mapping("changes").items():
            part = Table(change, f"{name}: change {title}", errors)
            layer.changes[title] = _layer(part, title)
            part.finish()
    top.finish()
    return layer


def _layer(top: Table, name: str) -> Layer:
    layer = Layer(name, note=top.text("note"))
    for table in top.tables("hours"):
        layer.hours.append(_hours(table))
    for table in top.tables("coverage"):
        layer.coverage.append((table.classes(), tuple(table.each("years", table.year))))
        table.text("source")
    for table in top.tables("reopened"):
        classes = table.classes()
        layer.days += [(classes, day, None) for day in table.each("dates", table.day)]
    for table in top.tables("holidays"):
        rule, classes = _closure(table), table.classes()
        layer.days += [(classes, day, rule) for day in table.each("dates", table.day)]
    for table in top.tables("special"):
        special, classes = _special(table), table.classes()
        layer.days += [(classes, day, special) for day in table.each("dates", table.day)]
    return layer


def _hours(table: Table) -> Hours:
    first = table.one("from", table.day) or date.max
    until = table.one("until", table.day, optional=True)
    if until is not None and until < first:
        table.fault("until", f"expected a day not before {first}, found {until}")
    return Hours(
        classes=table.classes(), first=first, until=until, phases=table.phases(),
        verified=table.verified(), note=table.note(),
    )  # fmt: skip


def _closure(table: Table) -> Closure:
    closed = table.text("closed") or "day"
    if closed not in _CLOSED:
        table.fault("closed", f"expected {', '.join(_CLOSED)}, found {closed!r}")
    parted = table.one("parted", table.minute, optional=closed == "day")
    return Closure(closed, parted or 0, table.verified(), table.note())


def _special(table: Table) -> Special:
    phases = table.phases() if table.has("phases") else None
    return Special(phases, table.verified(), table.note())
