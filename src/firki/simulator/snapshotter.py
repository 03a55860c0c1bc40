"""What Kite sends of the truth: snapshots, a few a second, late, whole seconds only.

An instrument is looked at ``hz`` times a second, at moments of its own; a snapshot is made when a
trade or the order book has changed since the last look, and arrives after a delay.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from firki.kite.vocabulary import INDEX_PACKET_LENGTHS, PACKET_LENGTHS
from firki.model.tick import COLUMN_COUNT, DEPTH, SECOND, Column
from firki.ports import Mode
from firki.simulator.chance import STEP, mixed, uniform
from firki.simulator.day import Day
from firki.simulator.tape import Block
from firki.simulator.trading import Kind

U32 = npt.NDArray[np.uint32]

FULL: Final = PACKET_LENGTHS[Mode.FULL]
INDEX_FULL: Final = INDEX_PACKET_LENGTHS[Mode.FULL]
"""Packet lengths in full mode."""

LEVELS: Final = 5

MOST_HZ: Final = 8
"""Looks at an instrument in a second, at most."""

SEEN: Final = np.dtype(
    [
        ("price", "<i8"), ("quantity", "<i8"), ("trade_time", "<i8"), ("volume", "<i8"),
        ("turnover", "<i8"), ("open", "<i8"), ("high", "<i8"), ("low", "<i8"), ("oi", "<i8"),
        ("oi_high", "<i8"), ("oi_low", "<i8"), ("fresh", "<i8"), ("delivered", "<i8"),
    ]
)  # fmt: skip
"""What the exchange's screen shows of one instrument; times in Unix seconds, delivery in ns."""

(
    _LENGTH, _TOKEN, _PRICE, _QUANTITY, _AVERAGE, _VOLUME, _BUY, _SELL, _OPEN, _HIGH, _LOW,
    _CLOSE, _TRADE_TIME, _OI, _OI_HIGH, _OI_LOW, _EXCHANGE_TIME,
) = (int(column) for column in list(Column)[: Column.OFFSET])  # fmt: skip
_CHANGE: Final = int(Column.PRICE_CHANGE)
_INDEX: Final = int(Kind.INDEX)
_FUTURE: Final = int(Kind.FUTURE)
_NOTHING, _COLLECTING, _OPENING, _TRADING, _GATHERING, _CLOSING, _SETTLED = range(7)
_BOOK: Final = np.uint64(0xA0761D6478BD642F)
_LATE: Final = np.uint64(0xE7037ED1A0B428DB)
_LOW_6: Final = np.uint64(63)
_CLOSED_CALM: Final = 0.1
_UINT32: Final = 0xFFFFFFFF


@dataclass(frozen=True)
class Delays:
    """How late snapshots arrive, in seconds: ``least`` plus an exponential one, cut at ``most``.

    The defaults are the figures of one user's measurement: 0.41 at least, 0.92 in the mean, 2.98 at
    most over 177,017 ticks (tradingqna.com, topic 193331). Waiting for an earlier snapshot of the
    same instrument adds a little to the mean, which ``spread`` allows for.
    """

    least: float = 0.35
    spread: float = 0.5
    most: float = 3.0

    @classmethod
    def none(cls) -> "Delays":
        """Delivered at the moment the snapshot is made."""
        return cls(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Snapshots:
    """What Kite would send, in order of delivery.

    ``row`` is the instrument's in the listing. ``columns`` are those of a full packet
    (``model.tick.Column``); ``depth`` has dtype ``DEPTH`` and shape (n, 2, 5), zeros for an index.
    """

    delivery_ts: npt.NDArray[np.int64]
    row: npt.NDArray[np.int32]
    columns: U32
    depth: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.row)

    @classmethod
    def empty(cls, length: int = 0) -> "Snapshots":
        return cls(
            np.zeros(length, np.int64), np.zeros(length, np.int32),
            np.zeros((COLUMN_COUNT, length), np.uint32), np.zeros((length, 2, LEVELS), DEPTH),
        )  # fmt: skip

    @classmethod
    def joined(cls, parts: "list[Snapshots]") -> "Snapshots":
        """The parts one after the other."""
        parts = [part for part in parts if len(part)] or [cls.empty()]
        if len(parts) == 1:
            return parts[0]
        return cls(
            np.concatenate([part.delivery_ts for part in parts]),
            np.concatenate([part.row for part in parts]),
            np.concatenate([part.columns for part in parts], axis=1),
            np.concatenate([part.depth for part in parts]),
        )

    def take(self, index: npt.NDArray[Any] | slice) -> "Snapshots":
        return Snapshots(
            self.delivery_ts[index], self.row[index], self.columns[:, index], self.depth[index]
        )


@njit(cache=True, nogil=True)
def _apply(seen: Any, price: int, quantity: int, oi: int, second: int, ordinary: bool) -> None:
    """A trade, or an index's new value, reaches the screen."""
    seen["price"], seen["fresh"] = price, 1
    seen["high"] = max(seen["high"], price)
    if seen["open"] == 0:
        seen["open"], seen["low"] = price, price
    seen["low"] = min(seen["low"], price)
    if not ordinary:
        return
    seen["quantity"], seen["trade_time"] = quantity, second
    seen["volume"] += quantity
    seen["turnover"] += quantity * price
    if oi > 0:
        if seen["oi_low"] == 0:
            seen["oi_high"], seen["oi_low"] = seen["oi"], seen["oi"]
        seen["oi"] = oi
        seen["oi_high"] = max(seen["oi_high"], oi)
        seen["oi_low"] = min(seen["oi_low"], oi)


@njit(cache=True, nogil=True)
def _book_moves(term: Any, doing: int, hz: int, draw: float) -> Any:
    """Whether the order book has changed since the last look, with no trade."""
    if doing == _TRADING:
        chance = term["calm"] / hz
    elif doing == _NOTHING or (doing in (_COLLECTING, _OPENING) and not term["collects"]):
        chance = 0.0
    else:
        chance = term["calm"] / hz * _CLOSED_CALM
    return draw < chance


@njit(cache=True, nogil=True)
def _fill_book(term: Any, bid: int, ask: int, drawn: int, levels: Any) -> tuple[int, int]:
    """Five levels each side; the answer is the total quantity of each side, theirs and beyond."""
    tick, lot = term["tick"], term["lot"]
    gap = tick * (1 + int(term["spread"] * bid / tick / 2))
    unit = lot * (1 + int(term["size"] / 4))
    totals = (0, 0)
    for side in range(2):
        drawn = mixed(drawn + STEP)
        total = 0
        for level in range(5):
            price = bid - level * gap if side == 0 else ask + level * gap
            bits = (drawn >> np.uint64(6 * level)) & _LOW_6
            if price > 0:
                levels[side, level, 0] = unit * (1 + int(bits))
                levels[side, level, 1] = price
                levels[side, level, 2] = 1 + int(bits) // 4
                total += levels[side, level, 0]
        beyond = int(uniform(mixed(drawn)) * 100) * unit
        totals = (total + beyond, totals[1]) if side == 0 else (totals[0], total + beyond)
    return totals


@njit(cache=True, nogil=True)
def _write_index(term: Any, seen: Any, second: int, column: Any) -> None:
    column[_LENGTH], column[_PRICE], column[_OPEN] = INDEX_FULL, seen["price"], seen["open"]
    column[_HIGH], column[_LOW], column[_CLOSE] = seen["high"], seen["low"], term["previous"]
    column[_CHANGE] = (seen["price"] - term["previous"]) & _UINT32
    column[_EXCHANGE_TIME] = second


@njit(cache=True, nogil=True)
def _write(term: Any, seen: Any, second: int, price: int, totals: Any, column: Any) -> None:
    column[_LENGTH], column[_PRICE], column[_QUANTITY] = FULL, price, seen["quantity"]
    volume = seen["volume"]
    column[_VOLUME] = volume
    column[_AVERAGE] = (2 * seen["turnover"] + volume) // (2 * volume) if volume else 0
    column[_BUY], column[_SELL] = totals
    column[_OPEN], column[_HIGH], column[_LOW] = seen["open"], seen["high"], seen["low"]
    column[_CLOSE], column[_TRADE_TIME] = term["previous"], seen["trade_time"]
    column[_OI], column[_OI_HIGH], column[_OI_LOW] = seen["oi"], seen["oi_high"], seen["oi_low"]
    column[_EXCHANGE_TIME] = second


@njit(cache=True, nogil=True)
def _delivery(seen: Any, made: int, delays: Any, drawn: int) -> Any:
    least, spread, most = delays
    wait = min(least - spread * math.log(1.0 - uniform(drawn)), most)
    # in order per instrument: never before, nor with, the snapshot made earlier
    seen["delivered"] = max(made + int(wait * SECOND), seen["delivered"] + 1)
    return seen["delivered"]


@njit(cache=True, nogil=True)
def _emit(
    term: Any, seen: Any, at: Any, quotes: Any, look: int, delays: Any, out: Any, used: int
) -> int:
    """Make one snapshot."""
    made, second, doing, row = at
    delivery, rows, columns, depth = out
    bid, ask = quotes
    delivery[used] = _delivery(
        seen, made, delays, mixed((term["key"] ^ _LATE) + np.uint64(look) * STEP)
    )
    rows[used] = row
    column = columns[used]
    column[:] = 0
    depth[used] = 0
    if term["kind"] == _INDEX:
        _write_index(term, seen, second, column)
        return used + 1
    drawn = mixed((term["key"] ^ _BOOK) + np.uint64(look) * STEP)
    totals = _fill_book(term, bid, ask, drawn, depth[used])
    price = seen["price"]
    if doing == _COLLECTING and seen["volume"] == 0:
        price = max((bid + ask) // 2 // term["tick"] * term["tick"], term["tick"])
    _write(term, seen, second, price, totals, column)
    return used + 1


@njit(cache=True, nogil=True)
def _look(
    term: Any, seen: Any, trades: Any, place: int, span: Any, rule: Any, at: Any, quotes: Any,
    out: Any, used: int,
) -> tuple[int, int]:  # fmt: skip
    """The looks of one second: (trades taken in, snapshots so far)."""
    ts, price, quantity, oi = trades
    end, second_at, start_second = span
    hz, steady, delays = rule
    doing, row = at
    gap = SECOND // hz
    phase = int(uniform(mixed(term["key"])) * gap)
    second, ordinary = start_second + second_at, term["kind"] != _INDEX
    for number in range(hz + 1):
        moment = second_at * SECOND + phase + number * gap
        limit = moment if number < hz else (second_at + 1) * SECOND - 1
        while place < end and ts[place] <= limit:
            _apply(seen, price[place], quantity[place], oi[place], second, ordinary)
            place += 1
        if number == hz:
            break
        look = second_at * MOST_HZ + number
        draw = uniform(mixed((term["key"] ^ _BOOK ^ _LATE) + np.uint64(look) * STEP))
        if seen["fresh"] or steady or (ordinary and _book_moves(term, doing, hz, draw)):
            seen["fresh"] = 0
            made = start_second * SECOND + moment
            used = _emit(term, seen, (made, second, doing, row), quotes, look, delays, out, used)
    return place, used


@njit(cache=True, nogil=True)
def _sample(
    terms: Any, tokens: Any, seen: Any, block: Any, doing: Any, start_second: int, rule: Any,
    out: Any, used: int,
) -> int:  # fmt: skip
    """The snapshots of all instruments in a block, by row; the answer is how many there are now."""
    offsets, ts, price, quantity, oi, bid, ask, first = block
    columns = out[2]
    for row in range(len(terms)):
        term, screen = terms[row], seen[row]
        place, begin = offsets[row], used
        for column in range(bid.shape[1]):
            at = first + column
            place, used = _look(
                term, screen, (ts, price, quantity, oi), place,
                (offsets[row + 1], at, start_second), rule, (doing[term["class"], at], row),
                (bid[row, column], ask[row, column]), out, used,
            )  # fmt: skip
        for made in range(begin, used):
            columns[made, _TOKEN] = tokens[row]
    return used


class Snapshotter:
    """The screen of every instrument through the day, and the snapshots taken of it."""

    def __init__(
        self,
        day: Day,
        terms: npt.NDArray[Any],
        tokens: U32,
        cached: Snapshots,
        *,
        hz: int,
        steady: bool,
        delays: Delays,
    ) -> None:
        self._terms, self._tokens = terms, tokens
        self._doing, self._start_second = day.doing, day.start_ts // SECOND
        self._rule = (hz, steady, (delays.least, delays.spread, delays.most))
        self._seen = np.zeros(len(terms), SEEN)
        self._seen["price"] = terms["previous"]
        self._seen["trade_time"] = cached.columns[Column.LAST_TRADE_TIME, : len(terms)]
        self._seen["oi"] = terms["oi"]

    def most(self, block: Block) -> int:
        """No more snapshots than this come of the block."""
        return block.bid.size * int(self._rule[0])

    def sample(self, block: Block, out: tuple[npt.NDArray[Any], ...], count: int) -> int:
        """Write the snapshots made within the block's seconds after the first ``count``.

        ``out`` is delivery_ts, row, columns (a row per snapshot) and depth as plain integers. The
        answer is the count now.
        """
        columns = (block.ts, block.price, block.quantity, block.oi)
        return int(
            _sample(
                self._terms,
                self._tokens,
                self._seen,
                (block.offsets, *columns, block.bid, block.ask, block.first),
                self._doing,
                self._start_second,
                self._rule,
                out,
                count,
            )
        )
