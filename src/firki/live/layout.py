"""Where everything of a day's grid lies: cells, rows, instrument state, the file.

The grid is minute-major: one row per slot of a session class, one column per instrument, so that a
minute that ends is one contiguous run of bytes. All classes of the day share one file; a row's
number counts over all classes.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

CELL: Final = np.dtype(
    [
        ("open", "<i4"),
        ("high", "<i4"),
        ("low", "<i4"),
        ("close", "<i4"),
        ("volume", "<u4"),
        ("oi", "<u4"),
        ("last_second", "<u2"),
        ("tick_count", "<u2"),
        ("flags", "<u2"),
        ("revision", "<u2"),
    ]
)
"""A candle of one instrument and slot, 32 bytes; prices are the exchange's integers."""

# The same cell as the kernels see it: words of 4 bytes, and the last two words as halves.
OPEN, HIGH, LOW, CLOSE, VOLUME, OI = range(6)
LAST_SECOND, TICK_COUNT, FLAGS, REVISION = 12, 13, 14, 15
CELL_WORDS: Final = 8
CELL_HALVES: Final = 16

NONE: Final = 0xFFFFFFFF
"""No slot, no price, no key: absent, in a word of state."""
AWAY: Final = NONE
"""A generation: the instrument was not wanted for a while, its next snapshot is a first one."""

# One row of instrument state, in words (uint32).
(
    S_TOKEN,
    S_CLASS,
    S_CELL,  # the instrument's cell in its class's first row, counted in cells of the file
    S_STRIDE,  # cells from one row of its class to the next
    S_FIRST_ROW,
    S_GENERATION,  # of the connection whose first snapshot was taken; 0 before the first
    S_CONNECTION,
    S_VOLUME,  # the running maximum of volume_traded
    S_FROM,  # where the present connection started: volume_traded, of an index its time
    S_BASELINE,
    S_OUTSIDE_VOLUME,
    S_GAP_VOLUME,
    S_LAST_PRICE,
    S_LAST_TRADE,  # bucket time of the newest trade
    S_MADE,  # when the newest snapshot was made (exchange time, else arrival)
    S_SEEN,  # the highest seen; the lowest follows
    _,
    S_DAY_OPEN,
    S_DAY_HIGH,
    S_DAY_LOW,
    S_PREVIOUS_CLOSE,
    S_OI,
    S_PARTIAL_SLOT,  # slots up to this one are partial; NONE when there is none
    S_LENGTH,  # packet length of the newest snapshot
    S_SCALE,  # what a price is divided by to give rupees
    S_MODE,  # as wanted: 1 ltp, 2 quote, 3 full; 0 when nobody said
    S_WANTED,  # 1 + the connection that was asked for it; 0 for none
    S_YESTERDAY,  # volume_traded of the quote packets that came before the day began
    S_GAP_CELLS,  # how many of its cells are marked as a gap
) = range(29)
STATE_WORDS: Final = 29

# What is kept of each of the two youngest minutes of an instrument, in words. Of a pair the high's
# comes first, then the low's.
(
    M_SLOT,
    M_OPEN_TIME,
    M_OPEN_VOLUME,
    M_CLOSE_TIME,
    M_CLOSE_VOLUME,
    M_BEFORE_SLOT,  # the slot the last snapshot before the minute's first was made in, or NONE
    M_SURE,  # the extreme, but for one that may belong to an earlier minute
    _,
    M_DOUBT,  # the extreme that may belong to an earlier minute
    _,
    M_BEFORE,  # the extreme of everything seen before the minute's first snapshot
    _,
) = range(12)
MINUTE_WORDS: Final = 12
NO_HIGH: Final = 0
NO_LOW: Final = NONE
"""Every price lies beyond them."""
SIDES: Final = 2
"""High and low: side 0 and side 1 of everything that exists for both."""

REASONS: Final = (
    "unknown_token",
    "no_price",
    "price_range",
    "future",
    "no_time",
    "other_date",
    "inconsistent",
    "outside_session",
    "late",
    "stale_snapshot",
    "depth_only",
    "first_snapshot",
    "lower_mode",
)
"""Why a row made no candle, in the order of the counters."""
(
    C_UNKNOWN_TOKEN,
    C_NO_PRICE,
    C_PRICE_RANGE,
    C_FUTURE,
    C_NO_TIME,
    C_OTHER_DATE,
    C_INCONSISTENT,
    C_OUTSIDE,
    C_LATE,
    C_STALE,
    C_DEPTH_ONLY,
    C_FIRST,
    C_LOWER_MODE,
    C_ROWS,
    C_TRADES,
    C_CANDLES,
    C_AMENDMENTS,
    C_GAP_CELLS,
    C_COMPLETED,
    C_NEWEST_TICK,  # no count: when it came in, ns
) = range(20)
COUNTER_COUNT: Final = 24
REFUSALS: Final = (*REASONS[:7], "lower_mode")

CONNECTIONS: Final = 256
MINUTES_IN_DAY: Final = 1440
CHECKPOINT_ROWS: Final = 512
"""Rows a checkpoint has room for: those not yet final, over all classes. It is more than an hour of
eight classes, for a snapshot may be an hour ahead of this machine's clock."""
READY_ROWS: Final = 16
"""Those of them whose pages are set aside at once: as many as are usually open."""
UNDO_ROOM: Final = 1 << 15
"""Room for what final cells held before they changed since a checkpoint; the first entry's first
word says how many follow."""
UNDO_WORDS: Final = CELL_WORDS + 1
"""A cell and what it held; or NONE, an instrument, a slot, and a bit for each slot from there on
that was newly marked as a gap, for a first snapshot may mark a whole day."""
UNDO_MARKS_AT: Final = 3
UNDO_MARKS: Final = 32 * (UNDO_WORDS - UNDO_MARKS_AT)
UNDO_CELLS: Final = 3
"""Cells a snapshot changes at most: a late one its own and the two youngest minutes'."""
PAGE: Final = 4096
MAGIC: Final = b"FIRKIGRD"
SCHEMA: Final = 6


class ClassLayout(msgspec.Struct, frozen=True):
    """One session class of the day: its slots (start, end, from; ns) and where its rows lie."""

    name: str
    first_row: int
    first_cell: int
    capacity: int
    start_ts: tuple[int, ...]
    end_ts: tuple[int, ...]
    from_ts: tuple[int, ...]
    session: tuple[int, ...]

    @property
    def slots(self) -> int:
        return len(self.start_ts)


class Header(msgspec.Struct, frozen=True):
    """What the file says of itself; JSON in its first pages."""

    schema: int
    trading_date: date
    midnight_ts: int
    instruments: str
    """Digest of the instrument master the columns were given out by."""
    calendar: str
    settings: str
    final_market_seconds: int
    """Market time after its end at which a candle is final."""
    classes: tuple[ClassLayout, ...]
    rows: int
    cells: int
    columns: int
    """Columns there is room for, over all classes."""


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of the file seen as an array."""

    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def end(self) -> int:
        size = self.dtype.itemsize * int(np.prod(self.shape))
        return self.offset + -(-size // PAGE) * PAGE

    def of(self, file: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
        size = self.dtype.itemsize * int(np.prod(self.shape))
        return file[self.offset : self.offset + size].view(self.dtype).reshape(self.shape)


_HEADER_BYTES: Final = 256 * PAGE
_U4: Final = np.dtype("<u4")
_U8: Final = np.dtype("<u8")

CHECKPOINT_META: Final = np.dtype(
    [
        ("complete", "<u8"),  # the serial, written last; 0 while being written
        ("seq", "<u8"),
        ("market_second", "<u8"),
        ("columns", "<u8"),
        ("row_count", "<u8"),
        ("boot", "S40"),  # memory-mapped pages outlive a kill, not a loss of power
    ]
)


@dataclass(frozen=True, slots=True)
class CheckpointLayout:
    """Regions of one of the two checkpoints."""

    meta: Region
    counters: Region
    connections: Region
    pointers: Region
    state: Region
    minutes: Region
    row_numbers: Region
    rows: Region
    undo: Region

    @property
    def row_size(self) -> int:
        """Bytes of one kept row."""
        return self.rows.dtype.itemsize * self.rows.shape[1]


@dataclass(frozen=True, slots=True)
class FileLayout:
    """Regions of the whole grid file."""

    head: Region
    live: Region
    state: Region
    row_sequence: Region
    checkpoints: tuple[CheckpointLayout, CheckpointLayout]
    cells: Region

    @property
    def size(self) -> int:
        return self.cells.end

    @property
    def needed(self) -> list[tuple[int, int]]:
        """Stretches that are written whatever the day brings: all but cells and spare rows."""
        first, second = self.checkpoints
        ready = [c.rows.offset + READY_ROWS * c.row_size for c in self.checkpoints]
        begins = self.live.offset, first.undo.offset, second.undo.offset
        return list(zip(begins, (*ready, self.cells.offset), strict=True))


LIVE: Final = np.dtype(
    [("columns", "<u8"), ("seq", "<u8"), ("market_ts", "<i8"), ("counters", "<u8", COUNTER_COUNT)]
)
"""What readers in other processes see of the fold's progress."""


def file_layout(header: Header) -> FileLayout:
    """Where each region lies; the same for every process that knows the header."""
    head = Region(0, np.dtype("u1"), (_HEADER_BYTES,))
    live = Region(head.end, LIVE, (1,))
    state = Region(live.end, _U4, (header.columns, STATE_WORDS))
    row_sequence = Region(state.end, _U4, (header.rows,))
    first = _checkpoint(row_sequence.end, header)
    second = _checkpoint(first.undo.end, header)
    cells = Region(second.undo.end, CELL, (header.cells,))
    return FileLayout(head, live, state, row_sequence, (first, second), cells)


def _checkpoint(offset: int, header: Header) -> CheckpointLayout:
    widest = max((c.capacity for c in header.classes), default=1)
    meta = Region(offset, CHECKPOINT_META, (1,))
    counters = Region(meta.end, _U8, (COUNTER_COUNT,))
    connections = Region(counters.end, _U4, (CONNECTIONS, 3))
    pointers = Region(connections.end, _U4, (CONNECTIONS + 1, max(1, len(header.classes))))
    state = Region(pointers.end, _U4, (header.columns, STATE_WORDS))
    minutes = Region(state.end, _U4, (header.columns, 2, MINUTE_WORDS))
    row_numbers = Region(minutes.end, _U4, (CHECKPOINT_ROWS,))
    rows = Region(row_numbers.end, CELL, (CHECKPOINT_ROWS, widest))
    undo = Region(rows.end, _U4, (UNDO_ROOM, UNDO_WORDS))
    return CheckpointLayout(
        meta, counters, connections, pointers, state, minutes, row_numbers, rows, undo
    )


def header_size(header: Header) -> int:
    """Bytes that the header takes of its pages; the rest stays a hole."""
    return 16 + len(msgspec.json.encode(header))


def write_header(file: npt.NDArray[np.uint8], header: Header) -> None:
    """Put the header into its pages, the magic last."""
    text = msgspec.json.encode(header)
    if len(text) + 16 > _HEADER_BYTES:
        raise ValueError(f"grid header: {len(text)} bytes, room for {_HEADER_BYTES - 16}")
    file[16 : 16 + len(text)] = np.frombuffer(text, np.uint8)
    file[8:16] = np.frombuffer(len(text).to_bytes(8, "little"), np.uint8)
    file[0:8] = np.frombuffer(MAGIC, np.uint8)


def read_header(start: bytes) -> Header | None:
    """The header, or None when the file was never finished or is not a grid of this schema."""
    if start[:8] != MAGIC:
        return None
    size = int.from_bytes(start[8:16], "little")
    try:
        header = msgspec.json.decode(start[16 : 16 + size], type=Header)
    except msgspec.MsgspecError:
        return None
    return header if header.schema == SCHEMA else None


HEADER_BYTES: Final = _HEADER_BYTES
