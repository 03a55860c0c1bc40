"""When each row of a recording arrives, and what the day had come to by then."""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import numpy.typing as npt

from firki.model.tick import SECOND
from firki.simulator.recording import I64, RecordedTicks

LATENESS_NS: Final = SECOND // 2
"""From the second a row carries to the first of its arrivals; the last is a second later."""

_PHASES: Final = 997
_NO_LOW: Final = 1 << 40


@dataclass(frozen=True)
class Rows:
    """The rows in order of delivery; ``open``, ``high`` and ``low`` are 0 before the day's first.

    ``gained`` is the volume beyond all before it, -1 where the row proves no trade on the day.
    """

    delivery_ts: I64
    number: npt.NDArray[np.int32]
    ts: I64
    price: I64
    volume: I64
    oi: I64
    open: I64
    high: I64
    low: I64
    gained: I64


def in_order(recorded: RecordedTicks, is_index: npt.NDArray[np.bool_]) -> Rows:
    """Each instrument's rows in the order recorded; among instruments by the time they carry.

    A row that is late, repeated, without a time or of another date arrives right after the row
    recorded before it.
    """
    of_day = recorded.on(recorded.trading_date)
    order = np.argsort(recorded.number, kind="stable")
    ends = np.cumsum(np.bincount(recorded.number, minlength=len(recorded.instruments)))
    first_second = int(recorded.ts[of_day].min() // SECOND)
    parts = []
    for number, rows in enumerate(np.split(order, ends[:-1])):
        on_day = of_day[rows]
        ts, price, volume = recorded.ts[rows], recorded.price[rows], recorded.volume[rows]
        delivery = _deliveries(ts, on_day, first_second, number % _PHASES / _PHASES)
        gained = np.where(on_day, 0, -1) if is_index[number] else _gains(volume, on_day)
        day = _so_far(price, on_day)
        own = recorded.number[rows], ts, price, volume, recorded.oi[rows]
        parts.append((delivery, *own, *day, gained))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    names = [field.name for field in fields(Rows)]
    return Rows(**{name: column[order] for name, column in zip(names, columns, strict=True)})


def _deliveries(ts: I64, on_day: npt.NDArray[np.bool_], first_second: int, phase: float) -> I64:
    """Rows of one instrument that arrive in one second are spread over it."""
    second = np.maximum.accumulate(np.where(on_day, ts // SECOND, 0))
    begun = second[second > 0]
    second = np.where(second > 0, second, begun[0] if len(begun) else first_second)
    starts = np.flatnonzero(np.diff(second, prepend=-1))
    counts = np.diff(np.append(starts, len(second)))
    place = np.arange(len(second)) - np.repeat(starts, counts) + phase
    part: I64 = (place / np.repeat(counts, counts) * SECOND).astype(np.int64)
    return second * SECOND + LATENESS_NS + part


def _gains(volume: I64, on_day: npt.NDArray[np.bool_]) -> I64:
    counted = np.where(on_day, volume, 0)
    most = np.maximum.accumulate(counted)
    gained = np.diff(most, prepend=0)
    begun = np.flatnonzero(on_day)
    if len(begun):
        gained[begun[0]] = 0
    return np.where(gained > 0, gained, -1)


def _so_far(price: I64, on_day: npt.NDArray[np.bool_]) -> tuple[I64, I64, I64]:
    """Open, high and low of the day's prices up to each row."""
    high = np.maximum.accumulate(np.where(on_day, price, 0))
    low = np.minimum.accumulate(np.where(on_day, price, _NO_LOW))
    first = price[np.argmax(on_day)]
    return np.where(high > 0, first, 0), high, np.where(low < _NO_LOW, low, 0)
