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
    n = day.tally[T_UNDO]
    day.undo[n, 0] = cell
    for word in range(at.CELL_WORDS):
        day.undo[n, 1 + word] = day.cells[cell, word]
    day.tally[T_UNDO] = n + 1


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
    for word in range(at.MINUTE_WORDS):
        m[index, k, word] = NONE
    m[index, k, at.M_SLOT] = slot
    m[index, k, at.M_SURE] = 0
    return k


@inlined
def take_price(day: Day, index: int, s: Snapshot, slot: int, cell: int, m: int) -> bool:
    """Price into open, high, low and close; True when one of them changed."""
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
    if _after_close(minute, s):
        changed = changed or cells[cell, at.CLOSE] != s.price
        _close_with(day, index, s, slot, cell)
        _set_close_key(day, index, m, s)
    return changed


@inlined
def _before_open(minute: Any, s: Snapshot) -> bool:
    time = minute[at.M_OPEN_TIME]
    return s.bucket < time or (
        s.has_volume and s.bucket == time and s.volume < minute[at.M_OPEN_VOLUME]
    )


@inlined
def _after_close(minute: Any, s: Snapshot) -> bool:
    time = minute[at.M_CLOSE_TIME]
    if s.bucket != time:
        return s.bucket > time
    return not s.has_volume or s.volume > minute[at.M_CLOSE_VOLUME]


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
def _close_with(day: Day, index: int, s: Snapshot, slot: int, cell: int) -> None:
    day.cells[cell, at.CLOSE] = s.price
    if not day.halves[cell, at.FLAGS] & _NO_OI and s.length == _FULL:
        day.cells[cell, at.OI] = s.oi
    # Slots begin on whole minutes; the pre-open and the auction last longer than one.
    begin = _slot_begin(day, index, slot)
    day.halves[cell, at.LAST_SECOND] = min(max(s.bucket - begin, 0), _LARGEST_COUNT)


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
    if _beyond(shown, np.int64(day.cells[cell, at.HIGH + side]), side):
        day.cells[cell, at.HIGH + side] = shown
    before = slot_begun(day, index, np.int64(day.state[index, at.S_MADE]))
    if before != slot:
        day.halves[cell, at.FLAGS] |= _AMBIGUOUS
        if m >= 0:
            _lend(day.minutes[index, m], s, seen, before, side)
    elif m >= 0:
        day.minutes[index, m, at.M_SURE + side] = shown


@inlined
def _lend(minute: Any, s: Snapshot, seen: int, before: int, side: int) -> None:
    """Note that an extreme may belong to an earlier minute."""
    lent = at.M_LENT + side * at.LENT_WORDS
    price = minute[lent + at.LENT_PRICE]
    if price != NONE and _beyond(price, minute[at.M_SURE + side], side):
        minute[at.M_SURE + side] = price
    minute[lent + at.LENT_PRICE] = s.day_high if side == 0 else s.day_low
    minute[lent + at.LENT_VOLUME] = s.volume
    minute[lent + at.LENT_BEFORE] = seen
    minute[lent + at.LENT_BEFORE_SLOT] = before if before >= 0 else NONE


@called
def give_back(day: Day, index: int, s: Snapshot, slot: int, side: int) -> None:
    """A late snapshot may show that an ambiguous extreme was reached in its own, earlier minute."""
    shown = s.day_high if side == 0 else s.day_low
    lent = at.M_LENT + side * at.LENT_WORDS
    for k in range(2):
        minute = day.minutes[index, k]
        later = minute[at.M_SLOT]
        price = minute[lent + at.LENT_PRICE]
        before = minute[lent + at.LENT_BEFORE]
        if later == NONE or later <= slot or price == NONE:
            continue
        if s.volume >= minute[lent + at.LENT_VOLUME] or not _beyond(shown, before, side):
            continue
        before_slot = minute[lent + at.LENT_BEFORE_SLOT]
        if _beyond(price, shown, side):
            made_in = slot_begun(day, index, s.made)
            minute[lent + at.LENT_BEFORE] = shown
            minute[lent + at.LENT_BEFORE_SLOT] = made_in if made_in >= 0 else NONE
        else:
            minute[lent + at.LENT_PRICE] = NONE
            sure = minute[at.M_SURE + side]
            _set_extreme(day, index, np.int64(later), at.HIGH + side, sure, s.connection)
            if minute[at.M_LENT + (1 - side) * at.LENT_WORDS] == NONE:
                day.halves[cell_of(day.state, index, np.int64(later)), at.FLAGS] &= _UNAMBIGUOUS
        _take_back(day, index, s, slot, before, before_slot, side)
        return


@called
def _take_back(
    day: Day, index: int, s: Snapshot, slot: int, before: int, before_slot: int, side: int
) -> None:
    """The extreme goes to the late snapshot's own minute, ambiguous if it may be older still."""
    shown = s.day_high if side == 0 else s.day_low
    cell = cell_of(day.state, index, slot)
    if _beyond(shown, np.int64(day.cells[cell, at.HIGH + side]), side):
        _set_extreme(day, index, slot, at.HIGH + side, shown, s.connection)
    m = minute_of(day, index, slot)
    if before_slot != slot and shown != s.price:
        day.halves[cell, at.FLAGS] |= _AMBIGUOUS
        if m >= 0:
            _lend(day.minutes[index, m], s, before, np.int64(before_slot), side)
    elif m >= 0 and _beyond(shown, np.int64(day.minutes[index, m, at.M_SURE + side]), side):
        day.minutes[index, m, at.M_SURE + side] = shown


@inlined
def _set_extreme(day: Day, index: int, slot: int, word: int, price: int, connection: int) -> None:
    state = day.state
    cell = cell_of(state, index, slot)
    row = state[index, at.S_FIRST_ROW] + slot
    keep_for_undo(day, index, slot, cell)
    day.row_sequence[row] += 1
    changed = day.cells[cell, word] != price
    day.cells[cell, word] = price
    if changed and is_final(day, index, slot, connection):
        amend(day, index, slot, cell)
    day.row_sequence[row] += 1


@inlined
def amend(day: Day, index: int, slot: int, cell: int) -> None:
    day.halves[cell, at.FLAGS] |= _AMENDED | _FINAL
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
