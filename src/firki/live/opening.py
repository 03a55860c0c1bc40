"""The first snapshot after a connection opens: where the volume stands, and what was missed.

The rules are in docs/candles.md.
"""

from typing import Any, Final

import numpy as np

from firki.live import layout as at
from firki.live.arrays import (
    K_SAFE_SLOT,
    L_GENERATION,
    Day,
    Snapshot,
    called,
    cell_of,
    inlined,
    slot_begun,
    slot_of,
)
from firki.live.cells import begin_marks, note_change
from firki.live.layout import NONE
from firki.model.candle import Flag

_FINAL: Final = int(Flag.FINAL)
_GAP: Final = int(Flag.GAP)
_INDEX_FULL: Final = 32


@called
def take_first(day: Day, index: int, s: Snapshot) -> None:
    """The cached snapshot after a connection opened: where the volume stands, what was missed."""
    state = day.state
    newest = np.int64(state[index, at.S_VOLUME])
    made = np.int64(state[index, at.S_MADE])
    never = state[index, at.S_GENERATION] == 0
    day.counters[at.C_FIRST] += 1
    older = s.length == _INDEX_FULL and s.made < made
    if s.has_volume:
        older = s.volume < newest
    if older and not never:
        day.counters[at.C_STALE] += 1
        return
    missed: Any = s.length != _INDEX_FULL or s.made > made
    if s.has_volume:
        missed = s.volume > newest
        state[index, at.S_BASELINE if never else at.S_GAP_VOLUME] += s.volume - newest
        state[index, at.S_VOLUME] = state[index, at.S_FROM] = s.volume
    elif never:
        missed = not s.stale and slot_begun(day, index, s.bucket) >= 0
    if s.length == _INDEX_FULL:
        state[index, at.S_FROM] = s.made
    if missed:
        _mark_gap(day, index, _missed_from(day, index), slot_begun(day, index, s.bucket))
        if never:
            made_in = slot_begun(day, index, s.made)
            state[index, at.S_PARTIAL_SLOT] = made_in if made_in >= 0 else NONE
    if (missed or never) and not s.stale:
        state[index, at.S_LAST_TRADE] = max(np.int64(state[index, at.S_LAST_TRADE]), s.bucket)
    state[index, at.S_GENERATION] = day.links[s.connection, L_GENERATION]
    state[index, at.S_CONNECTION] = s.connection


@called
def _missed_from(day: Day, index: int) -> int:
    """The slot of the last trade seen, or the next one where it was in none."""
    newest = np.int64(day.state[index, at.S_LAST_TRADE])
    slot = slot_of(day, index, newest)
    return int(slot if slot >= 0 else slot_begun(day, index, newest) + 1)


@called
def start_lower(day: Day, index: int, s: Snapshot) -> None:
    """Quote packets tell no day: less volume than the first one's means that was yesterday's."""
    state = day.state
    day.counters[at.C_STALE] += 1
    state[index, at.S_BASELINE] = s.volume
    state[index, at.S_VOLUME] = s.volume
    state[index, at.S_FROM] = s.volume


@called
def _mark_gap(day: Day, index: int, from_slot: int, to_slot: int) -> None:
    safe = day.classes[day.state[index, at.S_CLASS], K_SAFE_SLOT]
    for first in range(from_slot, to_slot + 1, at.UNDO_MARKS):
        entry = -1
        for slot in range(first, min(first + at.UNDO_MARKS, to_slot + 1)):
            cell = cell_of(day.state, index, slot)
            if day.halves[cell, at.FLAGS] & _GAP:
                continue
            if slot < safe:
                entry = begin_marks(day, index, first) if entry < 0 else entry
                bit = slot - first
                day.undo[entry, at.UNDO_MARKS_AT + bit // 32] |= np.uint32(1) << np.uint32(bit % 32)
            _mark(day, index, slot, cell)


@inlined
def _mark(day: Day, index: int, slot: int, cell: int) -> None:
    row = day.state[index, at.S_FIRST_ROW] + slot
    day.row_sequence[row] += 1
    day.halves[cell, at.FLAGS] |= _GAP
    day.row_sequence[row] += 1
    day.state[index, at.S_GAP_CELLS] += 1
    day.counters[at.C_GAP_CELLS] += 1
    if day.halves[cell, at.FLAGS] & _FINAL:
        note_change(day, index, slot)
