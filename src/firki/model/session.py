"""One class's trading day: its phases, and the slots its trades fall into."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from itertools import groupby
from typing import Final

from firki.model.candle import SessionKind

MINUTE_NS: Final = 60_000_000_000
"""Nanoseconds in a minute."""


class SessionClass(StrEnum):
    """Instruments that keep the same hours."""

    CAS = "cas"
    """Cash stocks with derivatives: they close in the auction that began on 3 Aug 2026."""
    CASH = "cash"
    """All other cash securities."""
    INDEX = "index"
    DERIVATIVE = "derivative"
    CURRENCY = "currency"
    COMMODITY = "commodity"
    """Not agricultural; the close follows US daylight saving."""
    COMMODITY_AGRI = "commodity_agri"
    COMMODITY_AGRI_INTL = "commodity_agri_intl"
    """Agricultural with an international reference price: cotton, kapas, palm oil."""


class PhaseKind(StrEnum):
    """What the exchange does during a stretch of the day."""

    PRE_OPEN = "pre_open"
    """Orders are collected for the opening auction."""
    PRE_OPEN_LIMIT = "pre_open_limit"
    """The same, limit orders only."""
    PRE_OPEN_MATCHING = "pre_open_matching"
    BUFFER = "buffer"
    CONTINUOUS = "continuous"
    CLOSING_REFERENCE = "closing_reference"
    """Continuous trading is over; the auction's reference price is worked out."""
    CLOSING_ENTRY = "closing_entry"
    CLOSING_LIMIT = "closing_limit"
    CLOSING_AUCTION = "closing_auction"
    """The closing auction is matched at one price."""
    POST_CLOSE = "post_close"
    """Trades at the closing price."""
    CANCEL_ONLY = "cancel_only"
    CLOSED = "closed"


_PRE_OPEN: Final = frozenset(
    {PhaseKind.PRE_OPEN, PhaseKind.PRE_OPEN_LIMIT, PhaseKind.PRE_OPEN_MATCHING, PhaseKind.BUFFER}
)
_CLOSING: Final = frozenset(
    {PhaseKind.CLOSING_ENTRY, PhaseKind.CLOSING_LIMIT, PhaseKind.CLOSING_AUCTION}
)


@dataclass(frozen=True, slots=True)
class Phase:
    """A half-open stretch [start_ts, end_ts) of one kind."""

    kind: PhaseKind
    start_ts: int
    end_ts: int


@dataclass(frozen=True, slots=True)
class Slot:
    """Room for one candle: trades with from_ts <= t < end_ts, stamped ``start_ts``.

    ``from_ts`` differs from ``start_ts`` for the closing auction only: whatever is printed from
    order entry on belongs to the auction, which is stamped when its matching begins.
    """

    session: SessionKind
    from_ts: int
    start_ts: int
    end_ts: int


@dataclass(frozen=True)
class Session:
    """A trading day of one class; phases in time order, with gaps where it is closed."""

    trading_date: date
    session_class: SessionClass
    phases: tuple[Phase, ...]
    verified: bool
    """False where the day or its hours stand without a good source; ``note`` says which."""
    note: str

    @property
    def first_ts(self) -> int:
        return self.phases[0].start_ts

    @property
    def last_ts(self) -> int:
        return self.phases[-1].end_ts

    @cached_property
    def open_ts(self) -> int:
        """When continuous trading first begins; intraday buckets are anchored here."""
        return min(p.start_ts for p in self.phases if p.kind is PhaseKind.CONTINUOUS)

    @cached_property
    def close_ts(self) -> int:
        """The end of the last continuous trading or closing auction."""
        ends = (PhaseKind.CONTINUOUS, PhaseKind.CLOSING_AUCTION)
        return max(p.end_ts for p in self.phases if p.kind in ends)

    def phase_at(self, ts: int) -> PhaseKind:
        at = bisect_right(self.phases, ts, key=lambda phase: phase.start_ts) - 1
        if at < 0 or ts >= self.phases[at].end_ts:
            return PhaseKind.CLOSED
        return self.phases[at].kind

    def slots(self) -> tuple[Slot, ...]:
        """One slot per pre-open, per minute of continuous trading, per closing auction."""
        return self._slots

    @cached_property
    def _slots(self) -> tuple[Slot, ...]:
        return tuple(_slots(self.phases))


def _slots(phases: tuple[Phase, ...]) -> Iterator[Slot]:
    for part, run in groupby(phases, key=lambda phase: _part(phase.kind)):
        members = list(run)
        start, end = members[0].start_ts, members[-1].end_ts
        if part is SessionKind.PRE_OPEN:
            yield Slot(part, start, start, end)
        elif part is SessionKind.CLOSING_AUCTION:
            yield Slot(part, start, members[-1].start_ts, end)
        elif part is SessionKind.CONTINUOUS:
            for phase in members:
                for minute in range(phase.start_ts, phase.end_ts, MINUTE_NS):
                    yield Slot(part, minute, minute, minute + MINUTE_NS)


def _part(kind: PhaseKind) -> SessionKind | None:
    if kind in _PRE_OPEN:
        return SessionKind.PRE_OPEN
    if kind in _CLOSING:
        return SessionKind.CLOSING_AUCTION
    return SessionKind.CONTINUOUS if kind is PhaseKind.CONTINUOUS else None


def order_fault(kinds: list[PhaseKind]) -> str | None:
    """Why these phases, ``CLOSED`` among them, cannot follow each other; None when they can."""
    if PhaseKind.CONTINUOUS not in kinds:
        return "no continuous phase"
    for kind, then in zip(kinds, [*kinds[1:], PhaseKind.CLOSED], strict=True):
        if kind in _PRE_OPEN and then not in {*_PRE_OPEN, PhaseKind.CONTINUOUS}:
            return f"{kind} must lead to continuous, it leads to {then}"
        if kind in _CLOSING and kind is not PhaseKind.CLOSING_AUCTION and then not in _CLOSING:
            return f"{kind} must lead to closing_auction, it leads to {then}"
        if kind is PhaseKind.CLOSING_AUCTION and then in _CLOSING:
            return f"closing_auction ends the auction, it leads to {then}"
    return None
