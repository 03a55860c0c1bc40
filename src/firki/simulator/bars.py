"""Candles of the simulated broker: its own fold of trades, and longer ones out of minutes."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from firki.model.calendar import MINUTE_NS, Session, ist_midnight
from firki.model.candle import SessionKind

I64 = npt.NDArray[np.int64]

_DAY_NS: Final = 86_400_000_000_000
_WEEK_DAYS: Final = 7
_MONDAY_SHIFT: Final = 3
"""1 January 1970 was a Thursday."""
_IST_NS: Final = 19_800_000_000_000


@dataclass(frozen=True)
class Bars:
    """Candles of one instrument in ascending order; prices in paise."""

    start_ts: I64
    open: I64
    high: I64
    low: I64
    close: I64
    volume: I64
    oi: I64

    def __len__(self) -> int:
        return len(self.start_ts)

    @classmethod
    def empty(cls) -> "Bars":
        return cls(*(np.zeros(0, np.int64) for _ in range(7)))

    @classmethod
    def joined(cls, parts: "list[Bars]") -> "Bars":
        """The parts one after the other."""
        return cls.empty() if not parts else cls(*(np.concatenate(c) for c in _columns(parts)))

    def between(self, from_ts: int, to_ts: int) -> "Bars":
        """Those that start in the span, both ends included."""
        keep = (self.start_ts >= from_ts) & (self.start_ts <= to_ts)
        return Bars(*(column[0][keep] for column in _columns([self])))

    def closed_at(self, price: int) -> "Bars":
        """With this official close in the last bar."""
        high, low, close = self.high.copy(), self.low.copy(), self.close.copy()
        close[-1:] = price
        np.maximum(high, close, out=high)
        np.minimum(low, close, out=low)
        return Bars(self.start_ts, self.open, high, low, close, self.volume, self.oi)

    def merged(self, group: I64, start_ts: I64) -> "Bars":
        """One bar per run of equal ``group``; ``start_ts`` is what each bar's would be."""
        if not len(self):
            return self
        at = np.flatnonzero(np.diff(group, prepend=group[0] - 1))
        last = np.append(at[1:], len(group)) - 1
        return Bars(
            start_ts[at], self.open[at], np.maximum.reduceat(self.high, at),
            np.minimum.reduceat(self.low, at), self.close[last],
            np.add.reduceat(self.volume, at), self.oi[last],
        )  # fmt: skip


def _columns(parts: list[Bars]) -> list[list[I64]]:
    names = ("start_ts", "open", "high", "low", "close", "volume", "oi")
    return [[getattr(part, name) for part in parts] for name in names]


def fold_minutes(session: Session, ts: I64, price: Any, quantity: Any, oi: Any) -> Bars:
    """A bar per slot of continuous trading or closing auction that has a trade.

    Trades in order of time. The opening auction has no minute of its own in a broker's history,
    and what trades after the close belongs to none.
    """
    begin, start, end = slot_times(session)
    slot = np.searchsorted(begin, ts, side="right") - 1
    inside = (slot >= 0) & (ts < end[np.maximum(slot, 0)])
    trades = _each(ts[inside], price[inside], quantity[inside], oi[inside])
    return trades.merged(slot[inside], start[slot[inside]])


def fold_day(session: Session, ts: I64, price: Any, quantity: Any, oi: Any) -> Bars:
    """The day's bar out of all its trades; stamped with Indian midnight, as Kite stamps it."""
    trades = _each(ts, price, quantity, oi)
    midnight = np.full(len(ts), ist_midnight(session.trading_date))
    return trades.merged(np.zeros(len(ts), np.int64), midnight)


def _each(ts: I64, price: Any, quantity: Any, oi: Any) -> Bars:
    paise, volume = price.astype(np.int64), quantity.astype(np.int64)
    return Bars(ts, paise, paise, paise, paise, volume, oi.astype(np.int64))


def slot_times(session: Session) -> tuple[I64, I64, I64]:
    """When each slot of the session begins, the stamp of its bar, and when it ends."""
    slots = [slot for slot in session.slots() if slot.session is not SessionKind.PRE_OPEN]
    times = np.array([(slot.from_ts, slot.start_ts, slot.end_ts) for slot in slots], np.int64)
    return times[:, 0], times[:, 1], times[:, 2]


def longer(session: Session, minutes: Bars, length: int) -> Bars:
    """Bars of ``length`` minutes, counted from the open; the closing auction stays by itself."""
    if length == 1:
        return minutes
    step = length * MINUTE_NS
    group = (minutes.start_ts - session.open_ts) // step
    start = session.open_ts + group * step
    auctions = [s.start_ts for s in session.slots() if s.session is SessionKind.CLOSING_AUCTION]
    alone = np.isin(minutes.start_ts, auctions)
    return minutes.merged(
        np.where(alone, group + (1 << 40), group), np.where(alone, minutes.start_ts, start)
    )


def weeks(days: Bars) -> Bars:
    """Weeks from Monday, stamped with Monday's midnight."""
    number = (days.start_ts + _IST_NS) // _DAY_NS
    monday = number - (number + _MONDAY_SHIFT) % _WEEK_DAYS
    return days.merged(monday, monday * _DAY_NS - _IST_NS)
