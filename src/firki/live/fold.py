"""The fold: one snapshot after another into the cells of the day. The rules are in docs/candles.md.

Times are Unix seconds, prices the exchange's integers.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from firki.live import layout as at
from firki.live.arrays import (
    K_FIRST_SECOND,
    L_EXCHANGE,
    L_GENERATION,
    MOST_AHEAD,
    R_MIDNIGHT,
    R_REPAIR,
    R_STRICT,
    T_CHANGED,
    T_UNDO,
    Day,
    Snapshot,
    called,
    cell_of,
    day_of,
    find,
    inlined,
    is_final,
    slot_of,
)
from firki.live.cells import (
    amend,
    keep_for_undo,
    late_extremes,
    minute_of,
    missed_extreme,
    take_price,
)
from firki.live.layout import NONE
from firki.live.opening import start_lower, take_first
from firki.model.candle import Flag
from firki.model.tick import Column

_LENGTH: Final = int(Column.LENGTH)
_TOKEN: Final = int(Column.INSTRUMENT_TOKEN)
_PRICE: Final = int(Column.LAST_PRICE)
_VOLUME: Final = int(Column.VOLUME_TRADED)
_DAY_OPEN: Final = int(Column.OPEN)
_DAY_HIGH: Final = int(Column.HIGH)
_DAY_LOW: Final = int(Column.LOW)
_PREVIOUS_CLOSE: Final = int(Column.CLOSE)
_TRADE_TIME: Final = int(Column.LAST_TRADE_TIME)
_OI: Final = int(Column.OI)
_EXCHANGE_TIME: Final = int(Column.EXCHANGE_TIME)
_FINAL: Final = int(Flag.FINAL)
_FULL: Final = 184
_QUOTE: Final = 44
_INDEX_FULL: Final = 32
_INDEX_QUOTE: Final = 28
_LTP: Final = 8
_DAY: Final = 86400
_LARGEST_PRICE: Final = 0x7FFFFFFF
_LARGEST_COUNT: Final = 0xFFFF


@njit(cache=True, nogil=True)
def fold(columns: Any, trades: Any, arrival: int, connection: int, table: Any) -> int:
    """Fold a batch; ``trades`` is set where a row was a trade.

    Answers the connection's exchange time, negative when ``tally`` has something to tell.
    """
    return _rows(day_of(table), columns, trades, arrival, connection)


@called
def _rows(day: Day, columns: Any, trades: Any, arrival: int, connection: int) -> int:
    count = 0
    undone = day.tally[T_UNDO]
    _open(day, connection)
    for i in range(columns.shape[1]):
        found = find(day.hash_tokens, day.hash_columns, columns[_TOKEN, i])
        if found < 0:
            day.counters[at.C_UNKNOWN_TOKEN] += 1
            continue
        index = np.uintp(found)  # unsigned: the compiler need not allow for negative places
        refused = _refusal(day, columns, i, arrival, index)
        if refused >= 0:
            day.counters[refused] += 1
            continue
        snapshot = _snapshot(day, columns, i, arrival, connection, index)
        if day.rules[R_STRICT] and _is_inconsistent(columns, i, snapshot):
            day.counters[at.C_INCONSISTENT] += 1
            continue
        if _apply(day, index, snapshot):
            trades[i] = True
            count += 1
        _remember(day, index, columns, i, snapshot)
        _move_exchange_time(day, columns, i, connection)
    day.counters[at.C_ROWS] += columns.shape[1]
    day.counters[at.C_TRADES] += count
    newest = np.int64(day.links[connection, L_EXCHANGE])
    if day.tally[T_CHANGED] > 0 or day.tally[T_UNDO] > undone:
        return -newest - 1
    return newest


@called
def _open(day: Day, connection: int) -> None:
    """A connection nobody announced: its first snapshots are cached ones, as of any other."""
    if day.links[connection, L_GENERATION] > 0:
        return
    newest = 0
    for other in range(at.CONNECTIONS):
        newest = max(newest, day.links[other, L_GENERATION])
    day.links[connection, L_GENERATION] = newest + 1


@inlined
def _refusal(day: Day, columns: Any, i: int, arrival: int, index: int) -> int:
    """Which counter refuses the row, -1 for none."""
    price = columns[_PRICE, i]
    length = columns[_LENGTH, i]
    if _carries(length) < day.state[index, at.S_MODE]:
        return at.C_LOWER_MODE
    if price == 0:
        return at.C_NO_PRICE
    prices = price | columns[_DAY_OPEN, i] | columns[_DAY_HIGH, i] | columns[_DAY_LOW, i]
    if prices > _LARGEST_PRICE:
        return at.C_PRICE_RANGE
    if length == _FULL:
        return _refused_times(
            day, columns[_TRADE_TIME, i], columns[_EXCHANGE_TIME, i], arrival,
            columns[_VOLUME, i] > 0, day.state[index, at.S_VOLUME] > 0,
        )  # fmt: skip
    if arrival >= day.rules[R_MIDNIGHT] + _DAY and length != _INDEX_FULL:
        return at.C_OTHER_DATE  # without a time of its own
    if length == _INDEX_FULL:
        made = columns[_EXCHANGE_TIME, i]
        seen = day.state[index, at.S_SEEN] > 0
        return _refused_times(day, made, made, arrival, True, seen)
    return -1


@inlined
def _carries(length: int) -> int:
    """The mode a packet of that length is of."""
    if length in (_FULL, _INDEX_FULL):
        return 3
    return 2 if length in (_QUOTE, _INDEX_QUOTE) else 1


@inlined
def _refused_times(
    day: Day, traded: int, made: int, arrival: int, needs_time: bool, seen_today: bool
) -> int:
    midnight = day.rules[R_MIDNIGHT]
    if traded > arrival + MOST_AHEAD or made > arrival + MOST_AHEAD:
        return at.C_FUTURE
    if traded == 0 and needs_time:
        return at.C_NO_TIME
    if traded >= midnight + _DAY or made >= midnight + _DAY or (seen_today and traded < midnight):
        return at.C_OTHER_DATE
    return -1


@inlined
def _is_yesterdays(day: Day, index: int, length: int, arrival: int, volume: int) -> bool:
    """Without times only the calendar can tell, and the volume while it is what it was before."""
    if arrival < day.classes[day.state[index, at.S_CLASS], K_FIRST_SECOND]:
        return True
    return (
        length == _QUOTE
        and volume == day.state[index, at.S_YESTERDAY]
        and volume > 0
        and day.state[index, at.S_VOLUME] == 0
    )


@inlined
def _snapshot(
    day: Day, columns: Any, i: int, arrival: int, connection: int, index: int
) -> Snapshot:
    length = np.int64(columns[_LENGTH, i])
    volume = np.int64(columns[_VOLUME, i])
    bucket = np.int64(arrival)
    made = np.int64(arrival)
    has_volume = length in (_FULL, _QUOTE)
    stale = False
    if length == _FULL:
        bucket = np.int64(columns[_TRADE_TIME, i])
        if columns[_EXCHANGE_TIME, i] > 0:
            made = np.int64(columns[_EXCHANGE_TIME, i])
        stale = bucket < day.rules[R_MIDNIGHT]
    elif length == _INDEX_FULL:
        bucket = np.int64(columns[_EXCHANGE_TIME, i])
        made = bucket
        stale = bucket < day.rules[R_MIDNIGHT]
    elif length in (_QUOTE, _INDEX_QUOTE):
        stale = _is_yesterdays(day, index, length, arrival, volume)
    high = np.int64(0)
    low = np.int64(0)
    if length >= _INDEX_QUOTE and not stale and day.rules[R_REPAIR]:
        high = np.int64(columns[_DAY_HIGH, i])
        low = np.int64(columns[_DAY_LOW, i])
    if stale:
        volume = np.int64(0)
    return Snapshot(
        np.int64(columns[_PRICE, i]), volume, bucket, made, length, np.int64(connection),
        high, low, np.int64(columns[_OI, i]), has_volume, stale,
    )  # fmt: skip


@called
def _is_inconsistent(columns: Any, i: int, s: Snapshot) -> bool:
    """Whether the price lies outside the packet's own range of the day."""
    high = columns[_DAY_HIGH, i]
    return (
        s.length >= _INDEX_QUOTE
        and not s.stale
        and high > 0
        and (s.price > high or s.price < columns[_DAY_LOW, i])
    )


@inlined
def _apply(day: Day, index: int, s: Snapshot) -> bool:
    """Fold one snapshot; True when it was a trade."""
    state = day.state
    if _is_first(day, index, s):
        take_first(day, index, s)
        return False
    if s.has_volume:
        newest = np.int64(state[index, at.S_VOLUME])
        if s.volume > newest:
            _trade(day, index, s, s.volume - newest)
            return True
        if s.volume < newest:
            if s.length == _QUOTE and newest == state[index, at.S_BASELINE]:
                start_lower(day, index, s)
            else:
                _late(day, index, s)
            return False
        day.counters[at.C_DEPTH_ONLY] += 1
        return False
    if s.length == _INDEX_FULL and s.made < state[index, at.S_MADE]:
        _late(day, index, s)
        return False
    if s.stale or not _has_moved(day, index, s):
        day.counters[at.C_DEPTH_ONLY] += 1
        return False
    _trade(day, index, s, np.int64(0))
    return True


@inlined
def _is_first(day: Day, index: int, s: Snapshot) -> bool:
    """The first on its connection, or the first with a volume after some without."""
    return day.state[index, at.S_GENERATION] != day.links[s.connection, L_GENERATION] or (
        s.has_volume and day.state[index, at.S_LENGTH] == _LTP
    )


@inlined
def _has_moved(day: Day, index: int, s: Snapshot) -> bool:
    """Whether a snapshot without volume is news."""
    state = day.state
    return (
        s.price != state[index, at.S_LAST_PRICE]
        or (s.length == _INDEX_FULL and s.made > state[index, at.S_MADE])
        or s.day_high > state[index, at.S_SEEN] > 0
        or (s.day_low > 0 and s.day_low < state[index, at.S_SEEN + 1] != NONE)
    )


@inlined
def _trade(day: Day, index: int, s: Snapshot, volume: int) -> None:
    state = day.state
    slot = slot_of(day, index, s.bucket)
    if s.has_volume:
        state[index, at.S_VOLUME] = s.volume
    state[index, at.S_LAST_TRADE] = max(np.int64(state[index, at.S_LAST_TRADE]), s.bucket)
    if slot < 0:
        day.counters[at.C_OUTSIDE] += 1
        state[index, at.S_OUTSIDE_VOLUME] += volume
        return
    cell = cell_of(state, index, slot)
    row = state[index, at.S_FIRST_ROW] + slot
    keep_for_undo(day, index, slot, cell)
    day.row_sequence[row] += 1
    m = minute_of(day, index, slot)
    take_price(day, index, s, slot, cell, m, False)
    day.cells[cell, at.VOLUME] += volume
    ticks = day.halves[cell, at.TICK_COUNT]
    if ticks < _LARGEST_COUNT:
        day.halves[cell, at.TICK_COUNT] = ticks + 1
    missed_extreme(day, index, s, slot, cell, m, 0)
    missed_extreme(day, index, s, slot, cell, m, 1)
    if is_final(day, index, slot, s.connection):
        amend(day, index, slot, cell)
    day.row_sequence[row] += 1


@called
def _late(day: Day, index: int, s: Snapshot) -> None:
    day.counters[at.C_LATE] += 1
    state = day.state
    slot = slot_of(day, index, s.bucket)
    cached = (s.volume if s.has_volume else s.made) <= state[index, at.S_FROM]
    # Without a time of its own a late snapshot does not tell which minute it belongs to.
    if s.stale or slot < 0 or cached or s.length == _QUOTE:
        return
    cell = cell_of(state, index, slot)
    row = state[index, at.S_FIRST_ROW] + slot
    keep_for_undo(day, index, slot, cell)
    day.row_sequence[row] += 1
    m = minute_of(day, index, slot)
    changed = take_price(day, index, s, slot, cell, m, True)
    if day.halves[cell, at.TICK_COUNT] == 0:
        day.halves[cell, at.TICK_COUNT] = 1
    changed = late_extremes(day, index, s, slot, cell, m) or changed
    if changed and is_final(day, index, slot, s.connection):
        amend(day, index, slot, cell)
    day.row_sequence[row] += 1
    _see(day, index, s)


@inlined
def _see(day: Day, index: int, s: Snapshot) -> None:
    """Widen what has been seen of the instrument."""
    state = day.state
    high = max(s.day_high, s.price)
    low = s.price if s.day_low == 0 else min(s.day_low, s.price)
    state[index, at.S_SEEN] = max(np.int64(state[index, at.S_SEEN]), high)
    state[index, at.S_SEEN + 1] = min(np.int64(state[index, at.S_SEEN + 1]), low)


@inlined
def _remember(day: Day, index: int, columns: Any, i: int, s: Snapshot) -> None:
    """The newest of the instrument; a late snapshot is not it."""
    state = day.state
    if s.has_volume:
        if s.volume != state[index, at.S_VOLUME]:
            return
    elif s.length == _INDEX_FULL and s.made < state[index, at.S_MADE]:
        return
    state[index, at.S_LAST_PRICE] = s.price
    state[index, at.S_MADE] = max(np.int64(state[index, at.S_MADE]), s.made)
    state[index, at.S_LENGTH] = s.length
    if s.stale:
        if s.length == _QUOTE:
            state[index, at.S_YESTERDAY] = columns[_VOLUME, i]
        return
    _see(day, index, s)
    if s.length >= _INDEX_QUOTE:
        state[index, at.S_DAY_OPEN] = columns[_DAY_OPEN, i]
        state[index, at.S_DAY_HIGH] = columns[_DAY_HIGH, i]
        state[index, at.S_DAY_LOW] = columns[_DAY_LOW, i]
        state[index, at.S_PREVIOUS_CLOSE] = columns[_PREVIOUS_CLOSE, i]
    if s.length == _FULL:
        state[index, at.S_OI] = s.oi


@inlined
def _move_exchange_time(day: Day, columns: Any, i: int, connection: int) -> None:
    length = columns[_LENGTH, i]
    if length != _FULL and length != _INDEX_FULL:
        return
    made = columns[_EXCHANGE_TIME, i]
    midnight = day.rules[R_MIDNIGHT]
    if midnight <= made < midnight + _DAY and made > day.links[connection, L_EXCHANGE]:
        day.links[connection, L_EXCHANGE] = made


@njit(cache=True, nogil=True, _nrt=False)
def touch(cells: Any, first: int, count: int) -> None:
    """Bring the pages of a row in before its minute begins, so that no tick waits for one."""
    for cell in range(first, first + count, at.PAGE // 32):
        cells[cell, at.OPEN] = cells[cell, at.OPEN]


@njit(cache=True, nogil=True, _nrt=False)
def finalize(
    state: Any, halves: Any, row_sequence: Any, members: Any, slot: int, connection: int, out: Any
) -> int:
    """Mark the candles of a slot final: those of one connection, or all when it is negative.

    ``members`` are the class's instruments; those newly final go to ``out``. Answers how many.
    """
    if members.shape[0] == 0:
        return 0
    count = 0
    row = state[members[0], at.S_FIRST_ROW] + slot
    row_sequence[row] += 1
    for k in range(members.shape[0]):
        index = np.uintp(members[k])
        cell = cell_of(state, index, slot)
        if halves[cell, at.TICK_COUNT] == 0 or halves[cell, at.FLAGS] & _FINAL:
            continue
        if connection >= 0 and state[index, at.S_CONNECTION] != connection:
            continue
        halves[cell, at.FLAGS] |= _FINAL
        out[count] = index
        count += 1
    row_sequence[row] += 1
    return count
