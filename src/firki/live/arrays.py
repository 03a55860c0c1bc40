"""The arrays of a day's grid as the kernels see them, and how they are found.

Kernels call each other over three files: ``arrays`` (places), ``cells`` (what a price does to its
candle), ``fold`` (what a snapshot is). The compiler's cache is keyed by all three together, see
``firki.app.kernels``. Reference counting is off (``_nrt=False``): it would cost more than the fold.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import carray, njit, types
from numba.extending import intrinsic

from firki.live import layout as at

_HASH: Final = 2654435761
MOST_AHEAD: Final = 3600
"""Seconds a snapshot may be ahead of its arrival; one that is further is refused."""

# Places in ``rules`` (int64).
R_MIDNIGHT, R_MARKET, R_FINAL_EXCHANGE, R_FINAL_MARKET, R_STRICT, R_REPAIR = range(6)
RULE_COUNT: Final = 6
# Places in ``tally`` (int64): what a call leaves for its caller.
T_UNDO, T_CHANGED = range(2)
# Places in ``links`` per connection (uint32).
L_EXCHANGE, L_GENERATION, L_OPEN = range(3)
# Places in ``classes`` per session class (int64).
K_FIRST_SECOND, K_SAFE_SLOT, K_HAS_OI = range(3)


class Day(NamedTuple):
    """The arrays of a day's grid as the kernels see them."""

    state: Any
    minutes: Any
    cells: Any
    halves: Any
    row_sequence: Any
    hash_tokens: Any
    hash_columns: Any
    slot_at: Any
    slot_floor: Any
    slot_times: Any
    classes: Any
    links: Any
    counters: Any
    undo: Any
    changed: Any
    tally: Any
    rules: Any


called = njit(nogil=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""A kernel that only kernels call: part of its caller's cache, with no door to Python."""
inlined = njit(
    nogil=True, _nrt=False, forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True
)
"""The same, put into its caller: a call would copy the descriptions of 17 arrays."""

_PLACES: Final = len(Day._fields)


def addresses(day: Day) -> npt.NDArray[np.int64]:
    """Where the arrays lie and how long they are, for ``fold``: handing over 17 arrays one by one
    takes longer than folding a small frame. The caller keeps the arrays alive and in place."""
    table = np.zeros((_PLACES + 1, 2), np.int64)
    for place, array in enumerate(day):
        table[place] = array.ctypes.data, array.shape[0]
    table[_PLACES, 0] = day.slot_times.shape[2]
    return table


@intrinsic
def _pointer(_context: Any, _address: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), generate


@njit(nogil=True, forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def day_of(t: Any) -> Day:
    longest = t[_PLACES, 0]
    return Day(
        carray(_pointer(t[0, 0]), (t[0, 1], at.STATE_WORDS), np.uint32),
        carray(_pointer(t[1, 0]), (t[1, 1], 2, at.MINUTE_WORDS), np.uint32),
        carray(_pointer(t[2, 0]), (t[2, 1], at.CELL_WORDS), np.uint32),
        carray(_pointer(t[3, 0]), (t[3, 1], at.CELL_HALVES), np.uint16),
        carray(_pointer(t[4, 0]), (t[4, 1],), np.uint32),
        carray(_pointer(t[5, 0]), (t[5, 1],), np.uint32),
        carray(_pointer(t[6, 0]), (t[6, 1],), np.int32),
        carray(_pointer(t[7, 0]), (t[7, 1], at.MINUTES_IN_DAY), np.int32),
        carray(_pointer(t[8, 0]), (t[8, 1], at.MINUTES_IN_DAY), np.int32),
        carray(_pointer(t[9, 0]), (t[9, 1], 2, longest), np.int64),
        carray(_pointer(t[10, 0]), (t[10, 1], 3), np.int64),
        carray(_pointer(t[11, 0]), (t[11, 1], 3), np.uint32),
        carray(_pointer(t[12, 0]), (t[12, 1],), np.uint64),
        carray(_pointer(t[13, 0]), (t[13, 1], at.UNDO_WORDS), np.uint32),
        carray(_pointer(t[14, 0]), (t[14, 1], 2), np.uint32),
        carray(_pointer(t[15, 0]), (t[15, 1],), np.int64),
        carray(_pointer(t[16, 0]), (t[16, 1],), np.int64),
    )


class Snapshot(NamedTuple):
    """One row after its times were read."""

    price: int
    volume: int
    bucket: int
    made: int
    length: int
    connection: int
    day_high: int
    day_low: int
    oi: int
    has_volume: bool
    stale: bool
    """Of another day, or without a trade: volume is 0 and the day's values do not count."""


@njit(cache=True, nogil=True, _nrt=False, forceinline=True)
def find(hash_tokens: Any, hash_columns: Any, token: int) -> int:
    """The instrument's place in the state, -1 when it is not captured."""
    last = hash_tokens.shape[0] - 1
    place = ((np.int64(token) * _HASH) & 0xFFFFFFFF) >> 7 & last
    while hash_columns[place] >= 0:
        if hash_tokens[place] == token:
            return int(hash_columns[place])
        place = (place + 1) & last
    return -1


@njit(cache=True, nogil=True, _nrt=False)
def enter(hash_tokens: Any, hash_columns: Any, token: int, column: int) -> None:
    """Put a token into the look-up; the table is never more than half full."""
    last = hash_tokens.shape[0] - 1
    place = ((np.int64(token) * _HASH) & 0xFFFFFFFF) >> 7 & last
    while hash_columns[place] >= 0:
        place = (place + 1) & last
    hash_tokens[place] = token
    hash_columns[place] = column


@inlined
def slot_of(day: Day, index: int, second: int) -> int:
    """The slot a trade of that second belongs to, -1 for none."""
    minute = (second - day.rules[R_MIDNIGHT]) // 60
    if minute < 0 or minute >= at.MINUTES_IN_DAY:
        return np.int64(-1)
    return np.int64(day.slot_at[day.state[index, at.S_CLASS], minute])


@inlined
def slot_begun(day: Day, index: int, second: int) -> int:
    """The newest slot that had begun at that second, -1 before the first."""
    minute = (second - day.rules[R_MIDNIGHT]) // 60
    if minute < 0:
        return np.int64(-1)
    minute = min(minute, at.MINUTES_IN_DAY - 1)
    return np.int64(day.slot_floor[day.state[index, at.S_CLASS], minute])


@inlined
def cell_of(state: Any, index: int, slot: int) -> int:
    """The instrument's cell of a slot, counted over the whole file."""
    return np.uintp(np.int64(state[index, at.S_CELL]) + slot * np.int64(state[index, at.S_STRIDE]))


@inlined
def is_final(day: Day, index: int, slot: int, connection: int) -> bool:
    end = day.slot_times[day.state[index, at.S_CLASS], 1, slot]
    return (
        end + day.rules[R_FINAL_EXCHANGE] <= day.links[connection, L_EXCHANGE]
        or end + day.rules[R_FINAL_MARKET] <= day.rules[R_MARKET]
    )
