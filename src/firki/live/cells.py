"""What a price does to its candle: open, high, low, close, missed extremes, amendments.

The rules are in docs/candles.md. Sides are 0 for the high and 1 for the low.
"""

from typing import Any, Final

import numpy as np

from firki.live import layout as at
from firki.live.arrays import (
    K_HAS_OI,
    K_SAFE_SLOT,
    T_CHANGED,
    T_UNDO,
    Day,
    Snapshot,
    called,
    cell_of,
    inlined,
    is_final,
    slot_begun,
)
from firki.live.layout import NONE
from firki.model.candle import Flag

_FINAL: Final = int(Flag.FINAL)
_PARTIAL: Final = int(Flag.PARTIAL)
_AMBIGUOUS: Final = int(Flag.AMBIGUOUS)
_GAP: Final = int(Flag.GAP)
_UNAMBIGUOUS: Final = 0xFFFF ^ _AMBIGUOUS
_AMENDED: Final = int(Flag.AMENDED)
_ARRIVAL: Final = int(Flag.ARRIVAL)
_NO_VOLUME: Final = int(Flag.NO_VOLUME)
_NO_OI: Final = int(Flag.NO_OI)
_FULL: Final = 184
_INDEX_FULL: Final = 32
_LARGEST_COUNT: Final = 0xFFFF


@inlined
def keep_for_undo(day: Day, index: int, slot: int, cell: int) -> None:
    """Before a cell that the newest checkpoint did not copy is changed, keep what it held."""
    if slot >= day.classes[day.state[index, at.S_CLASS], K_SAFE_SLOT]:
        return
    n = day.tally[T_UNDO] + 1
    day.undo[n, 0] = cell
    for word in range(at.CELL_WORDS):
        day.undo[n, 1 + word] = day.cells[cell, word]
    day.undo[0, 0] = n
    day.tally[T_UNDO] = n


@called
def begin_marks(day: Day, index: int, slot: int) -> int:
    """A new undo entry for gap marks from a slot on; its bits are set one by one."""
    n = day.tally[T_UNDO] + 1
    day.undo[n, 0] = NONE
    day.undo[n, 1] = index
    day.undo[n, 2] = slot
    for word in range(at.UNDO_MARKS_AT, at.UNDO_WORDS):
        day.undo[n, word] = 0
    day.undo[0, 0] = n
    day.tally[T_UNDO] = n
    return n


@inlined
def minute_of(day: Day, index: int, slot: int) -> int:
    """Where the slot's keys are kept: 0 or 1, or -1 for a slot older than the two youngest."""
    m = day.minutes
    for k in range(2):
        if m[index, k, at.M_SLOT] == slot:
            return k
    youngest = m[index, 0, at.M_SLOT]
    if youngest == NONE or slot > youngest:
        for word in range(at.MINUTE_WORDS):
            m[index, 1, word] = m[index, 0, word]
        k = 0
    elif m[index, 1, at.M_SLOT] == NONE or slot > m[index, 1, at.M_SLOT]:
        k = 1
    else:
        return -1
    for word in range(at.M_SLOT, at.M_BEFORE_SLOT):
        m[index, k, word] = NONE
    m[index, k, at.M_SLOT] = slot
    m[index, k, at.M_DOUBT] = m[index, k, at.M_SURE] = at.NO_HIGH
    m[index, k, at.M_DOUBT + 1] = m[index, k, at.M_SURE + 1] = at.NO_LOW
    if k == 0:
        before = slot_begun(day, index, np.int64(day.state[index, at.S_MADE]))
        m[index, k, at.M_BEFORE_SLOT] = before if before >= 0 else NONE
        m[index, k, at.M_BEFORE] = day.state[index, at.S_SEEN]
        m[index, k, at.M_BEFORE + 1] = day.state[index, at.S_SEEN + 1]
    else:  # it came after the younger one, and was before it
        for word in (at.M_BEFORE_SLOT, at.M_BEFORE, at.M_BEFORE + 1):
            m[index, k, word] = m[index, 0, word]
    return k


@inlined
def take_price(day: Day, index: int, s: Snapshot, slot: int, cell: int, m: int, late: bool) -> bool:
    """Price into open, high, low and close; True when a reader would see a change."""
    cells = day.cells
    if day.halves[cell, at.TICK_COUNT] == 0:
        _begin(day, index, s, slot, cell)
        if m >= 0:
            _set_open_key(day, index, m, s)
            _set_close_key(day, index, m, s)
            day.minutes[index, m, at.M_SURE] = s.price
            day.minutes[index, m, at.M_SURE + 1] = s.price
        return True
    changed = False
    if s.price > cells[cell, at.HIGH]:
        cells[cell, at.HIGH] = s.price
        changed = True
    if s.price < cells[cell, at.LOW]:
        cells[cell, at.LOW] = s.price
        changed = True
    if m < 0:
        return changed
    minute = day.minutes[index, m]
    minute[at.M_SURE] = max(minute[at.M_SURE], s.price)
    minute[at.M_SURE + 1] = min(minute[at.M_SURE + 1], s.price)
    if _before_open(minute, s):
        changed = changed or cells[cell, at.OPEN] != s.price
        cells[cell, at.OPEN] = s.price
        _set_open_key(day, index, m, s)
    if _after_close(minute, s, late):
        changed = _close_with(day, index, s, slot, cell) or changed
        _set_close_key(day, index, m, s)
    return changed


@inlined
def _before_open(minute: Any, s: Snapshot) -> bool:
    time = minute[at.M_OPEN_TIME]
    return s.bucket < time or (
        s.has_volume and s.bucket == time and s.volume < minute[at.M_OPEN_VOLUME]
    )


@inlined
def _after_close(minute: Any, s: Snapshot, late: bool) -> bool:
    time = minute[at.M_CLOSE_TIME]
    if s.bucket != time:
        return s.bucket > time
    return s.volume > minute[at.M_CLOSE_VOLUME] if s.has_volume else not late


@inlined
def _set_open_key(day: Day, index: int, m: int, s: Snapshot) -> None:
    day.minutes[index, m, at.M_OPEN_TIME] = s.bucket
    day.minutes[index, m, at.M_OPEN_VOLUME] = s.volume


@inlined
def _set_close_key(day: Day, index: int, m: int, s: Snapshot) -> None:
    day.minutes[index, m, at.M_CLOSE_TIME] = s.bucket
    day.minutes[index, m, at.M_CLOSE_VOLUME] = s.volume


@inlined
def _begin(day: Day, index: int, s: Snapshot, slot: int, cell: int) -> None:
    """A cell's first price."""
    cells, halves, state = day.cells, day.halves, day.state
    for word in range(4):
        cells[cell, word] = s.price
    flags = halves[cell, at.FLAGS] & (_GAP | _FINAL)
    if s.length != _FULL and s.length != _INDEX_FULL:
        flags |= _ARRIVAL
    if not s.has_volume:
        flags |= _NO_VOLUME
    if s.length != _FULL or not day.classes[state[index, at.S_CLASS], K_HAS_OI]:
        flags |= _NO_OI
    partial = state[index, at.S_PARTIAL_SLOT]
    if partial != NONE and slot <= partial:
        flags |= _PARTIAL
    halves[cell, at.FLAGS] = flags
    _close_with(day, index, s, slot, cell)
    day.counters[at.C_CANDLES] += 1


@inlined
def _close_with(day: Day, index: int, s: Snapshot, slot: int, cell: int) -> bool:
    cells, halves = day.cells, day.halves
    # Slots begin on whole minutes; the pre-open and the auction last longer than one.
    begin = _slot_begin(day, index, slot)
    second = min(max(s.bucket - begin, 0), _LARGEST_COUNT)
    changed = cells[cell, at.CLOSE] != s.price or halves[cell, at.LAST_SECOND] != second
    cells[cell, at.CLOSE] = s.price
    halves[cell, at.LAST_SECOND] = second
    if not halves[cell, at.FLAGS] & _NO_OI and s.length == _FULL:
        changed = changed or cells[cell, at.OI] != s.oi
        cells[cell, at.OI] = s.oi
    return changed


@inlined
def _slot_begin(day: Day, index: int, slot: int) -> int:
    return day.slot_times[day.state[index, at.S_CLASS], 0, slot]


@inlined
def _beyond(price: int, other: int, side: int) -> bool:
    """Above for the high (side 0), below for the low (side 1)."""
    return price > other if side == 0 else price < other


@inlined
def missed_extreme(
    day: Day, index: int, s: Snapshot, slot: int, cell: int, m: int, side: int
) -> None:
    """A day's extreme beyond everything seen is a trade between the last snapshot and this one."""
    shown = s.day_high if side == 0 else s.day_low
    seen = np.int64(day.state[index, at.S_SEEN + side])
    if shown == 0 or not _beyond(shown, seen, side) or not _beyond(shown, s.price, side):
        return
    before = slot_begun(day, index, np.int64(day.state[index, at.S_MADE]))
    _raise(day, index, shown, cell, m, side, before == slot)


@inlined
def _raise(day: Day, index: int, extreme: int, cell: int, m: int, side: int, sure: bool) -> bool:
    """Give a candle an extreme no snapshot had as its price; True when that changed it."""
    flags = day.halves[cell, at.FLAGS]
    if not sure:
        day.halves[cell, at.FLAGS] = flags | _AMBIGUOUS
    if m >= 0:
        kept = at.M_SURE if sure else at.M_DOUBT
        if _beyond(extreme, np.int64(day.minutes[index, m, kept + side]), side):
            day.minutes[index, m, kept + side] = extreme
    if _beyond(extreme, np.int64(day.cells[cell, at.HIGH + side]), side):
        day.cells[cell, at.HIGH + side] = extreme
        return True
    return day.halves[cell, at.FLAGS] != flags


@called
def late_extremes(day: Day, index: int, s: Snapshot, slot: int, cell: int, m: int) -> bool:
    """A late snapshot may show that an extreme was reached in its own minute, and not in a later
    one that was given it; True when that changed its own candle."""
    changed = False
    first = True
    for k in range(1, -1, -1):
        minute = day.minutes[index, k]
        if minute[at.M_SLOT] == NONE or minute[at.M_SLOT] <= slot:
            continue
        for side in range(at.SIDES):
            shown = s.day_high if side == 0 else s.day_low
            new = shown != 0 and _beyond(shown, np.int64(minute[at.M_BEFORE + side]), side)
            if first and new and _beyond(shown, s.price, side):
                sure = minute[at.M_BEFORE_SLOT] == slot
                changed = _raise(day, index, shown, cell, m, side, sure) or changed
            _learn(minute, s.price, side)
            if shown != 0:
                _learn(minute, shown, side)
        made_in = slot_begun(day, index, s.made)
        if minute[at.M_BEFORE_SLOT] == NONE or made_in > minute[at.M_BEFORE_SLOT]:
            minute[at.M_BEFORE_SLOT] = made_in if made_in >= 0 else NONE
        _settle(day, index, minute, s.connection)
        first = False
    return changed


@inlined
def _learn(minute: Any, price: int, side: int) -> None:
    """A price from before a minute's first snapshot is known only now."""
    if _beyond(price, np.int64(minute[at.M_BEFORE + side]), side):
        minute[at.M_BEFORE + side] = price
    if not _beyond(np.int64(minute[at.M_DOUBT + side]), np.int64(minute[at.M_BEFORE + side]), side):
        minute[at.M_DOUBT + side] = at.NO_HIGH if side == 0 else at.NO_LOW


@inlined
def _settle(day: Day, index: int, minute: Any, connection: int) -> None:
    """Leave a candle no extreme that was reached before it."""
    slot = np.int64(minute[at.M_SLOT])
    cell = cell_of(day.state, index, slot)
    high = max(minute[at.M_SURE], minute[at.M_DOUBT])
    low = min(minute[at.M_SURE + 1], minute[at.M_DOUBT + 1])
    flags = day.halves[cell, at.FLAGS]
    if minute[at.M_DOUBT] == at.NO_HIGH and minute[at.M_DOUBT + 1] == at.NO_LOW:
        flags &= _UNAMBIGUOUS
    if (
        day.cells[cell, at.HIGH] == high
        and day.cells[cell, at.LOW] == low
        and day.halves[cell, at.FLAGS] == flags
    ):
        return
    row = day.state[index, at.S_FIRST_ROW] + slot
    keep_for_undo(day, index, slot, cell)
    day.row_sequence[row] += 1
    day.cells[cell, at.HIGH], day.cells[cell, at.LOW] = high, low
    day.halves[cell, at.FLAGS] = flags
    if is_final(day, index, slot, connection):
        amend(day, index, slot, cell)
    day.row_sequence[row] += 1


@inlined
def amend(day: Day, index: int, slot: int, cell: int) -> None:
    flags = day.halves[cell, at.FLAGS]
    if not flags & _FINAL:  # its first trade came when its minute was over
        day.counters[at.C_COMPLETED] += 1
    day.halves[cell, at.FLAGS] = flags | _AMENDED | _FINAL
    day.halves[cell, at.REVISION] = min(day.halves[cell, at.REVISION] + 1, _LARGEST_COUNT)
    day.counters[at.C_AMENDMENTS] += 1
    note_change(day, index, slot)


@inlined
def note_change(day: Day, index: int, slot: int) -> None:
    n = day.tally[T_CHANGED]
    if n < day.changed.shape[0]:
        day.changed[n, 0] = index
        day.changed[n, 1] = slot
    day.tally[T_CHANGED] = n + 1
