"""When each class of instruments trades: phases, holidays and special days, all dated.

The facts come as TOML bytes (``data/calendar.toml`` in this package, and a user's overrides; the
form is told in ``calendar_file``), so nothing here knows an hour. Indian time is found here too.
"""

import hashlib
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from itertools import groupby
from typing import Final, NamedTuple

from firki.model.calendar_file import CalendarError, Layer, read_layer
from firki.model.calendar_rules import Rules
from firki.model.ist import IST, ist_date, ist_midnight, ist_text, to_ist
from firki.model.session import MINUTE_NS, Phase, PhaseKind, Session, SessionClass, Slot

__all__ = [
    "IST", "MINUTE_NS", "Calendar", "CalendarError", "Phase", "PhaseKind", "Session",
    "SessionClass", "Slot", "Unverified", "ist_date", "ist_midnight", "ist_text", "to_ist",
]  # fmt: skip

_DAY: Final = timedelta(days=1)
_LONGEST_CLOSURE: Final = 60
"""Days without a session after which the data, not the market, is taken to have run out."""


class Unverified(NamedTuple):
    """A day, or the first day of a stretch, that stands without a good source."""

    date: date
    classes: tuple[SessionClass, ...]
    what: str


class Calendar:
    """Sessions by class and date.

    A weekday of a year without a holiday list (see ``known_until``) is taken to be a trading day
    with the newest hours, and its session says ``verified=False``: recording must not stop because
    a calendar is old.
    """

    def __init__(self, layers: list[Layer], *, off: dict[str, Layer], digest: str) -> None:
        self.digest: Final = digest
        """Hex sha256 of the base, the overrides and the names of the switched-on changes."""
        self._off = off
        self._rules = {kind: Rules(layers, kind) for kind in SessionClass}
        self._sessions: dict[tuple[SessionClass, date], Session | None] = {}
        if faults := [
            f"calendar: {kind}: {fault}"
            for kind, rules in self._rules.items()
            for fault in rules.cut_faults()
        ]:
            raise CalendarError(faults)

    @classmethod
    def parse(
        cls, base: bytes, *, overrides: bytes | None = None, changes: Collection[str] = ()
    ) -> "Calendar":
        """From the packaged file, a user's file and the names of the changes to switch on.

        Raises CalendarError that lists every fault of both files.
        """
        errors: list[str] = []
        wanted = sorted(set(changes))
        bottom = read_layer(base, "calendar", errors, with_changes=True)
        for name in wanted:
            if name not in bottom.changes:
                known = ", ".join(sorted(bottom.changes)) or "none"
                errors.append(f"calendar: changes: unknown change {name!r}; there is: {known}")
        layers = [bottom, *(change for name, change in bottom.changes.items() if name in wanted)]
        if overrides is not None:
            layers.append(read_layer(overrides, "overrides", errors, with_changes=False))
        if errors:
            raise CalendarError(errors)
        off = {name: change for name, change in bottom.changes.items() if name not in wanted}
        return cls(layers, off=off, digest=_digest(base, overrides or b"", *wanted))

    def session(self, session_class: SessionClass, day: date) -> Session | None:
        """The day's session; None when there is none, and before the data begin."""
        key = session_class, day
        if key not in self._sessions:
            self._sessions[key] = self._build(session_class, day)
        return self._sessions[key]

    def state(self, session_class: SessionClass, ts: int) -> PhaseKind:
        session = self.session(session_class, ist_date(ts))
        return session.phase_at(ts) if session else PhaseKind.CLOSED

    def trading_date(self, ts: int) -> date:
        """The Indian date at ``ts``; no session runs over midnight."""
        return ist_date(ts)

    def next_session(self, session_class: SessionClass, day: date) -> Session:
        """The first session after ``day``; LookupError when the data have run out."""
        return self._seek(session_class, day, _DAY)

    def previous_session(self, session_class: SessionClass, day: date) -> Session:
        """The last session before ``day``; LookupError when the data begin later."""
        return self._seek(session_class, day, -_DAY)

    def sessions(
        self, session_class: SessionClass, from_date: date, to_date: date
    ) -> Iterator[Session]:
        """Sessions from ``from_date`` to ``to_date``, both included."""
        for day in _span(from_date, to_date):
            if session := self.session(session_class, day):
                yield session

    def known_until(self, session_class: SessionClass) -> date:
        """The last day of the last year whose holidays are known; LookupError when none is."""
        years = self._rules[session_class].years
        if not years:
            raise LookupError(f"calendar: no year of {session_class} has a holiday list")
        return date(max(years), 12, 31)

    def unverified(self, from_date: date, to_date: date) -> list[Unverified]:
        """What stands without a good source in these days, and announced changes that are off.

        A stretch (hours in force for months, a year without holidays) is told once, by its first
        day.
        """
        found: list[tuple[date, str, SessionClass]] = []
        for kind, rules in self._rules.items():
            told: set[str] = set()
            for day in _span(from_date, to_date):
                if doubt := rules.day_doubt(day):
                    found.append((day, doubt, kind))
                fresh = [what for what in rules.stretch_doubts(day) if what not in told]
                told.update(fresh)
                found += [(day, what, kind) for what in fresh]
        found += self._announced(from_date, to_date)
        order = list(SessionClass)
        found.sort(key=lambda row: (row[0], row[1], order.index(row[2])))
        return [
            Unverified(day, tuple(kind for _, _, kind in rows), what)
            for (day, what), rows in groupby(found, key=lambda row: row[:2])
        ]

    def announced(self) -> dict[str, tuple[date, str]]:
        """Announced changes that are off: the first day each would touch, and what it says."""
        return {
            name: (min(day for _, day in change.dates()), change.note)
            for name, change in self._off.items()
        }

    def _announced(
        self, from_date: date, to_date: date
    ) -> Iterator[tuple[date, str, SessionClass]]:
        for name, change in self._off.items():
            for kind, day in sorted(change.dates()):
                if from_date <= day <= to_date:
                    yield day, f"announced change {name} is off: {change.note}", kind

    def _build(self, session_class: SessionClass, day: date) -> Session | None:
        rules = self._rules[session_class]
        phases = rules.phases(day)
        if not phases:
            return None
        midnight = ist_midnight(day)
        return Session(
            trading_date=day,
            session_class=session_class,
            phases=tuple(
                Phase(kind, midnight + start * MINUTE_NS, midnight + end * MINUTE_NS)
                for kind, start, end in phases
            ),
            verified=rules.verified(day),
            note=rules.note(day),
        )

    def _seek(self, session_class: SessionClass, day: date, step: timedelta) -> Session:
        here = day
        for _ in range(_LONGEST_CLOSURE):
            here += step
            if session := self.session(session_class, here):
                return session
        rules = self._rules[session_class]
        where = "after" if step > timedelta() else "before"
        raise LookupError(
            f"calendar: no {session_class} session within {_LONGEST_CLOSURE} days {where} {day}; "
            f"the data begin on {rules.first} and know the holidays of {sorted(rules.years)}"
        )


def _span(from_date: date, to_date: date) -> Iterator[date]:
    return (from_date + timedelta(days=n) for n in range((to_date - from_date).days + 1))


def _digest(base: bytes, overrides: bytes, *changes: str) -> str:
    """Each part by its own hash, so that bytes moved from one to another change the whole."""
    parts = [base, overrides, *(name.encode() for name in changes)]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()
