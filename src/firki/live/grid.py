"""The day as a matrix: the journal's records go in, candles come out.

``DayGrid`` owns the file of one trading day. It takes time only from the records, so the same
journal gives the same bytes, live, after a kill and in a replay.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from firki.live import arrays as kernels
from firki.live import layout as at
from firki.live.checkpoint import Checkpoints
from firki.live.file import GridFile, slot_tables
from firki.live.fold import finalize, fold, touch
from firki.model.tick import SECOND, TickBatch
from firki.ports import Frame, RecordKind

Describe = Callable[[int], tuple[str, int] | None]
"""Session class and price scale of a token; None when the instrument master lacks it."""

_EVERYONE: Final = at.CONNECTIONS
"""Row of the pointers that market time moves, for all connections together."""
_NO_OI_CLASSES: Final = frozenset({"cas", "cash", "index"})
_NEVER: Final = 1 << 60
_AHEAD: Final = 3
"""Minutes whose pages are brought in before they begin."""
_RESERVE_SECONDS: Final = 60
"""Market time after which more pages are set aside."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that decide what a candle is; part of the journal's header."""

    final_exchange_seconds: int = 3
    final_market_seconds: int = 5
    strict: bool = False
    repair_extremes: bool = True


class Changes(msgspec.Struct, frozen=True, eq=False, gc=False):
    """What a record did: rows that were trades, minutes now final, final minutes amended.

    ``final`` lists (class, slot, instruments), ``amended`` has shape (n, 2): instrument, slot;
    instruments are places in the grid's state.
    """

    trades: npt.NDArray[np.bool_]
    final: list[tuple[int, int, npt.NDArray[np.uint32]]]
    amended: npt.NDArray[np.uint32]


_NO_TRADES: Final = np.zeros(0, np.bool_)
_NONE_AMENDED: Final = np.zeros((0, 2), np.uint32)


class DayGrid:
    """One trading day of candles under construction."""

    def __init__(self, file: GridFile, describe: Describe, rules: Rules) -> None:
        self.file = file
        self.header = file.header
        self._describe = describe
        room = self.header.columns
        self.state = file.state
        self.minutes = np.full((room, 2, at.MINUTE_WORDS), at.NONE, np.uint32)
        self.links = np.zeros((at.CONNECTIONS, 3), np.uint32)
        self.counters = np.zeros(at.COUNTER_COUNT, np.uint64)
        self.pointers = np.zeros((at.CONNECTIONS + 1, max(1, len(self.header.classes))), np.uint32)
        self.columns = 0
        self._without: set[int] = set()
        self.seq = 0
        self._cells = file.cells.view("<u4").reshape(-1, at.CELL_WORDS)
        self._halves = file.cells.view("<u2").reshape(-1, at.CELL_HALVES)
        size = 1 << max(4, (2 * room - 1).bit_length())
        self._hash_tokens = np.zeros(size, np.uint32)
        self._hash_columns = np.full(size, -1, np.int32)
        self._slot_at, self._slot_floor, self._slot_times = slot_tables(self.header)
        self._classes = np.zeros((max(1, len(self.header.classes)), 3), np.int64)
        for k, layout in enumerate(self.header.classes):
            self._classes[k, kernels.K_FIRST_SECOND] = (
                layout.from_ts[0] // SECOND if layout.slots else _NEVER
            )
            self._classes[k, kernels.K_HAS_OI] = layout.name not in _NO_OI_CLASSES
        self._class_numbers = {layout.name: k for k, layout in enumerate(self.header.classes)}
        self._members: list[list[int]] = [[] for _ in self.header.classes]
        self._member_arrays: list[npt.NDArray[np.uint32]] = []
        self._reserved = [(_AHEAD, 0) for _ in self.header.classes]
        self._changed = np.zeros((1 << 16, 2), np.uint32)
        self._tally = np.zeros(2, np.int64)
        self._rules = np.zeros(kernels.RULE_COUNT, np.int64)
        self._rules[:] = (
            self.header.midnight_ts // SECOND, 0, rules.final_exchange_seconds,
            rules.final_market_seconds, rules.strict, rules.repair_extremes,
        )  # fmt: skip
        self._final_exchange = rules.final_exchange_seconds
        self._final_market = rules.final_market_seconds
        self._market = 0
        self._exchange = [0] * at.CONNECTIONS
        self._undo_used = 0
        self._reserve_at = 0
        longest = max((layout.slots for layout in self.header.classes), default=0)
        self._undo_a_row = max(at.UNDO_CELLS, -(-longest // at.UNDO_MARKS))
        self._checkpoints = Checkpoints(file)
        self._bind()
        self._due = [_NEVER] * (at.CONNECTIONS + 1)
        self._fix_members()
        self._plan_due()

    # -- start and end -------------------------------------------------------------------------

    def recover(self, journal_end: int) -> int:
        """Go back to what the journal proves; answers the number of the last record applied.

        The caller applies every record after it. Without a usable checkpoint the grid is emptied
        and the answer is 0.
        """
        seq = self._checkpoints.restore(self, journal_end)
        if seq is None:
            self._empty()
            seq = 0
        for index in range(self.columns):
            self._enter(index)
        self._fix_members()
        self.seq = seq
        self._exchange = [int(second) for second in self.links[:, kernels.L_EXCHANGE]]
        self._forget_undo()
        self._plan_due()
        self._reserve_ahead()
        self._show()
        return seq

    def _empty(self) -> None:
        self.columns = 0
        self.file.empty()
        self._checkpoints.write(self, 0, [])

    def checkpoint(self) -> bool:
        """Keep the state as of the last record; False when too many minutes are open at once."""
        if not self._checkpoints.write(self, self.seq, self._open_rows()):
            return False
        self._forget_undo()
        return True

    def close(self) -> None:
        """The last checkpoint; open candles stay provisional. ``file.flush`` hands it to the
        disk."""
        self.checkpoint()
        self._show()

    # -- one record ----------------------------------------------------------------------------

    @property
    def market_second(self) -> int:
        """Newest ``received_ts`` seen, in seconds."""
        return self._market

    @market_second.setter
    def market_second(self, value: int) -> None:
        self._market = value
        self._rules[kernels.R_MARKET] = value

    def apply(self, frame: Frame, batch: TickBatch | None) -> Changes | None:
        """Fold one record; ``batch`` is the decoded frame, None for anything else (or corrupt).

        Answers None when the record changed nothing that anyone is told of.
        """
        if batch is not None and self._undo_used + self._undo_a_row * len(batch) >= at.UNDO_ROOM:
            self._make_undo_room(len(batch))
        self.seq = frame.seq
        second = frame.received_ts // SECOND
        if second > self._market:
            self.market_second = second
            self._show()
            if second >= self._reserve_at:
                self._reserve_ahead()
        if batch is not None and batch.columns.shape[1]:
            if frame.received_ts > self.counters[at.C_NEWEST_TICK]:
                self.counters[at.C_NEWEST_TICK] = frame.received_ts
            trades, exchange = self._fold(batch, second, frame.connection)
            amended = _NONE_AMENDED
            if exchange < 0:
                exchange, amended = -exchange - 1, self._take_changed()
            self._exchange[frame.connection] = exchange
        elif frame.kind is RecordKind.FRAME and second - self._final_market < self._due[_EVERYONE]:
            return None  # a heartbeat inside the minute
        else:
            trades, amended = _NO_TRADES, _NONE_AMENDED
            self._control(frame)
        return Changes(trades, self._finalize(frame.connection), amended)

    def _control(self, frame: Frame) -> None:
        link = self.links[frame.connection]
        if frame.kind is RecordKind.WANTED:
            self._want(msgspec.json.decode(frame.payload, type=dict[int, int]), frame.connection)
        elif frame.kind is RecordKind.CONNECTED:
            link[kernels.L_GENERATION] = self.links[:, kernels.L_GENERATION].max() + 1
            link[kernels.L_OPEN] = 1
            if frame.payload:
                self._carry_over(frame)
        elif frame.kind is RecordKind.DISCONNECTED:
            link[kernels.L_OPEN] = 0

    def _want(self, wish: Mapping[int, int], connection: int) -> None:
        """What a connection is asked for. An instrument that is new on it, or gone from it, begins
        with a cached snapshot when it is next heard of."""
        self.give_columns(wish)
        state = self.state[: self.columns]
        asked = state[:, at.S_WANTED] == connection + 1
        wanted = np.isin(state[:, at.S_TOKEN], np.fromiter(wish, np.uint32, len(wish)))
        moved = (wanted != asked) & (state[:, at.S_GENERATION] != 0)
        state[moved, at.S_GENERATION] = at.AWAY
        state[asked, at.S_WANTED] = 0
        state[wanted, at.S_WANTED] = connection + 1
        for index in np.flatnonzero(wanted):
            state[index, at.S_MODE] = wish[int(state[index, at.S_TOKEN])]

    def _carry_over(self, frame: Frame) -> None:
        """A connection that has been open since the day before misses nothing of this day: the
        instruments it wants (the payload) need no first snapshot and start with volume 0."""
        generation = self.links[frame.connection, kernels.L_GENERATION]
        for token in msgspec.json.decode(frame.payload):
            if (index := self.index_of(int(token))) >= 0:
                self.state[index, at.S_GENERATION] = generation
                self.state[index, at.S_CONNECTION] = frame.connection
                self.state[index, at.S_WANTED] = frame.connection + 1
                self.state[index, at.S_MADE] = frame.received_ts // SECOND

    def give_columns(self, tokens: Iterable[int]) -> None:
        """Give each known token a column, in order; it keeps it for the day."""
        before = self.columns
        for token in tokens:
            if kernels.find(self._hash_tokens, self._hash_columns, token) < 0:
                self._give_column(token)
        if self.columns > before:
            self._fix_members()
            self._show()

    @property
    def without_column(self) -> int:
        """Known instruments that were wished when all columns of their class were taken."""
        return len(self._without)

    def index_of(self, token: int) -> int:
        """The token's place in the state; -1 when it has no column."""
        return int(kernels.find(self._hash_tokens, self._hash_columns, token))

    # -- inside --------------------------------------------------------------------------------

    def _fold(
        self, batch: TickBatch, second: int, connection: int
    ) -> tuple[npt.NDArray[np.bool_], int]:
        """Trade marks, and the exchange time: negative when the tally has something to tell."""
        trades = np.zeros(len(batch), np.bool_)
        return trades, fold(batch.columns, trades, second, connection, self._table)

    def _make_undo_room(self, rows: int) -> None:
        """Before a record that might not fit into the undo list: a checkpoint begins a new one."""
        if not self.checkpoint() or self._undo_a_row * rows >= at.UNDO_ROOM:
            # Then nothing can be undone, and the next start folds the whole journal.
            self._checkpoints.forget()
            self._forget_undo()
            self._classes[:, kernels.K_SAFE_SLOT] = 0

    def _give_column(self, token: int) -> None:
        described = self._describe(token)
        number = self._class_numbers.get(described[0], -1) if described else -1
        if described is None or number < 0:
            return
        layout = self.header.classes[number]
        members = self._members[number]
        if len(members) >= layout.capacity:
            self._without.add(token)
            return
        index = self.columns
        row = self.state[index]
        row[:] = 0
        row[at.S_TOKEN], row[at.S_CLASS] = token, number
        row[at.S_CELL] = layout.first_cell + len(members)
        row[at.S_STRIDE], row[at.S_FIRST_ROW] = layout.capacity, layout.first_row
        row[at.S_SEEN + 1] = row[at.S_PARTIAL_SLOT] = at.NONE
        row[at.S_SCALE] = described[1]
        self.minutes[index] = at.NONE
        self.columns = index + 1
        self._enter(index)
        members.append(index)

    def _enter(self, index: int) -> None:
        kernels.enter(
            self._hash_tokens, self._hash_columns, int(self.state[index, at.S_TOKEN]), index
        )

    def _fix_members(self) -> None:
        classes = self.state[: self.columns, at.S_CLASS]
        self._member_arrays = [
            np.flatnonzero(classes == k).astype(np.uint32) for k in range(len(self._members))
        ]
        self._members = [list(map(int, members)) for members in self._member_arrays]
        for k, layout in enumerate(self.header.classes):
            self._reserve(k, min(self._reserved[k][0], layout.slots))
        longest = max((len(m) for m in self._member_arrays), default=0)
        self._out = np.zeros(longest, np.uint32)

    def _take_changed(self) -> npt.NDArray[np.uint32]:
        self._undo_used = int(self._tally[kernels.T_UNDO])
        count = min(int(self._tally[kernels.T_CHANGED]), len(self._changed))
        self._tally[kernels.T_CHANGED] = 0
        return self._changed[:count].copy() if count else _NONE_AMENDED

    def _finalize(self, connection: int) -> list[tuple[int, int, npt.NDArray[np.uint32]]]:
        exchange = self._exchange[connection] - self._final_exchange
        market = self._market - self._final_market
        if exchange < self._due[connection] and market < self._due[_EVERYONE]:
            return []
        done: list[tuple[int, int, npt.NDArray[np.uint32]]] = []
        if exchange >= self._due[connection]:
            self._advance(connection, exchange, done)
        if market >= self._due[_EVERYONE]:
            self._advance(_EVERYONE, market, done)
            self.checkpoint()
            self._show()
        return done

    def _advance(
        self, who: int, horizon: int, done: list[tuple[int, int, npt.NDArray[np.uint32]]]
    ) -> None:
        """Mark every slot that ended by ``horizon`` (seconds) final, for one connection or all."""
        for k, layout in enumerate(self.header.classes):
            slot = int(self.pointers[who, k])
            ends = self._slot_times[k, 1]
            while slot < layout.slots and ends[slot] <= horizon:
                count = finalize(
                    self.state, self._halves, self.file.row_sequence, self._member_arrays[k],
                    slot, -1 if who == _EVERYONE else who, self._out,
                )  # fmt: skip
                if count:
                    self.counters[at.C_COMPLETED] += count
                    done.append((k, slot, self._out[:count].copy()))
                slot += 1
            self.pointers[who, k] = slot
            if who == _EVERYONE:
                self._touch_ahead(k, slot)
        self._due[who] = self._next_end(who)

    def _reserve_ahead(self) -> None:
        """Have pages for every row the records of the next minute may touch: a snapshot may be so
        far ahead of this machine's clock, and the first one of an instrument marks what it missed
        in all rows before its own."""
        self._reserve_at = self._market + _RESERVE_SECONDS
        for k, layout in enumerate(self.header.classes):
            begun = self._slot_begun(k, self._reserve_at + kernels.MOST_AHEAD)
            ahead = int(self.pointers[_EVERYONE, k]) + _AHEAD
            self._reserve(k, min(max(begun + 1, ahead), layout.slots))

    def _touch_ahead(self, k: int, slot: int) -> None:
        layout = self.header.classes[k]
        self._reserve(k, min(slot + _AHEAD, layout.slots))
        for ahead in range(slot, min(slot + _AHEAD, layout.slots)):
            first = layout.first_cell + ahead * layout.capacity
            touch(self._cells, first, len(self._members[k]))

    def _reserve(self, k: int, until: int) -> None:
        """Have pages for the class's columns in all rows before ``until``."""
        layout, width = self.header.classes[k], len(self._members[k])
        rows, had = self._reserved[k]
        for slot in range(0 if width > had else rows, until):
            self.file.reserve(layout.first_cell + slot * layout.capacity, width)
        self._reserved[k] = (max(rows, until), max(width, had))

    def _next_end(self, who: int) -> int:
        ends = [
            int(self._slot_times[k, 1, int(self.pointers[who, k])])
            for k, layout in enumerate(self.header.classes)
            if int(self.pointers[who, k]) < layout.slots
        ]
        return min(ends, default=_NEVER)

    def _plan_due(self) -> None:
        ends = {row.tobytes(): self._next_end(who) for who, row in self._distinct_pointers()}
        self._due = [ends[row.tobytes()] for row in self.pointers]

    def _distinct_pointers(self) -> list[tuple[int, npt.NDArray[np.uint32]]]:
        _, first = np.unique(self.pointers, axis=0, return_index=True)
        return [(int(who), self.pointers[who]) for who in first]

    def _open_rows(self) -> list[int]:
        """Rows not final for everyone that hold anything yet."""
        rows: list[int] = []
        for k, layout in enumerate(self.header.classes):
            members = self._member_arrays[k]
            newest = self.minutes[members, 0, at.M_SLOT]
            begun = newest[newest != at.NONE]
            # A gap may be marked beyond the newest candle.
            traded = int(self.state[members, at.S_LAST_TRADE].max(initial=0))
            last = max(int(begun.max()) if len(begun) else -1, self._slot_begun(k, traded))
            first = int(self.pointers[_EVERYONE, k])
            rows += range(layout.first_row + first, layout.first_row + last + 1)
        return rows

    def _slot_begun(self, k: int, second: int) -> int:
        """The newest slot of a class that had begun at that second, -1 before the first."""
        minute = (int(second) - self.header.midnight_ts // SECOND) // 60
        return int(self._slot_floor[k, min(minute, at.MINUTES_IN_DAY - 1)]) if minute >= 0 else -1

    def _forget_undo(self) -> None:
        """After a checkpoint: nothing to undo yet, and what rows before its pointers hold is to be
        kept when it changes."""
        self._tally[kernels.T_UNDO] = self._undo_used = 0
        self._classes[:, kernels.K_SAFE_SLOT] = self.pointers[_EVERYONE]
        self._bind()

    def _bind(self) -> None:
        """Tell the kernels where the arrays lie."""
        self._arrays = kernels.Day(
            self.state, self.minutes, self._cells, self._halves, self.file.row_sequence,
            self._hash_tokens, self._hash_columns, self._slot_at, self._slot_floor,
            self._slot_times, self._classes, self.links, self.counters, self._checkpoints.undo,
            self._changed, self._tally, self._rules,
        )  # fmt: skip
        self._table = kernels.addresses(self._arrays)

    def _show(self) -> None:
        """Tell readers in other processes how far the fold has come."""
        live = self.file.live[0]
        live["columns"], live["seq"] = self.columns, self.seq
        live["market_ts"] = self.market_second * SECOND
        live["counters"] = self.counters

    # -- what it came to -----------------------------------------------------------------------

    def totals(self) -> dict[str, int]:
        """Counters of the day: rows, trades, candles, amendments, and rows refused by reason."""
        names: dict[str, int] = dict(zip(at.REASONS, map(int, self.counters), strict=False))
        names["ticks"] = int(self.counters[at.C_ROWS])
        names["trades"] = int(self.counters[at.C_TRADES])
        names["candles"] = int(self.counters[at.C_CANDLES])
        names["completed"] = int(self.counters[at.C_COMPLETED])
        names["amendments"] = int(self.counters[at.C_AMENDMENTS])
        names["without_column"] = self.without_column
        names["gap_cells"] = int(self.counters[at.C_GAP_CELLS])
        marked = self.state[: self.columns, at.S_GAP_CELLS]
        names["gap_instruments"] = int(np.count_nonzero(marked))
        return names

    @property
    def newest_tick_ts(self) -> int | None:
        """When the day's newest tick came in; None before the first."""
        return int(self.counters[at.C_NEWEST_TICK]) or None

    def youngest(self) -> npt.NDArray[np.int32]:
        """Slot of each instrument's newest candle, -1 for none."""
        return self.minutes[: self.columns, 0, at.M_SLOT].astype(np.int32)

    def volumes(self, token: int) -> dict[str, int]:
        """The parts the day's volume of an instrument consists of, candles left out."""
        row: Any = self.state[self.index_of(token)]
        return {
            "baseline": int(row[at.S_BASELINE]), "outside": int(row[at.S_OUTSIDE_VOLUME]),
            "gap": int(row[at.S_GAP_VOLUME]), "newest": int(row[at.S_VOLUME]),
        }  # fmt: skip
