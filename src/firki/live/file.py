"""The grid's file: made whole or not at all, mapped into memory, shared with readers."""

import os
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from firki.errors import FirkiError
from firki.live import layout as at
from firki.model.calendar import Session

FILE_NAME: Final = "day.grid"
_ROUND: Final = 128
"""Columns are reserved in steps of one page of cells."""
_EMPTIED_AT_ONCE: Final = 1 << 15
"""Cells, in whole pages."""


class GridDiskError(FirkiError):
    """The disk has no room for the day's grid."""


class GridFile:
    """A day's file mapped into memory; ``regions`` are views of it.

    The file is sparse, and a mapped page the disk has no room for would end the process without a
    word: whoever writes cells reserves their pages first.
    """

    def __init__(
        self, path: Path, header: at.Header, file: npt.NDArray[np.uint8], *, is_new: bool = False
    ) -> None:
        self.path = path
        self._is_new = is_new
        self.header = header
        self.layout = at.file_layout(header)
        self._file = file
        self.cells: npt.NDArray[Any] = self.layout.cells.of(file)
        self.state: npt.NDArray[np.uint32] = self.layout.state.of(file)
        self.live: npt.NDArray[Any] = self.layout.live.of(file)
        self.row_sequence: npt.NDArray[np.uint32] = self.layout.row_sequence.of(file)

    def region(self, region: at.Region) -> npt.NDArray[Any]:
        return region.of(self._file)

    def empty(self) -> None:
        """Forget every candle and column, whatever the file says it holds: after a loss of power
        some of its pages are older than others. Holes of the file stay holes; a new file is not
        even read, for where files lie in memory (tmpfs) that alone takes room."""
        if self._is_new and not self.live["columns"][0]:
            return
        rows = self.cells.reshape(-1)
        for begin in range(0, len(rows), _EMPTIED_AT_ONCE):
            part = rows[begin : begin + _EMPTIED_AT_ONCE].view("<u8")
            if part.any():
                part[:] = 0
        self.state[:] = 0
        self.row_sequence[:] = 0  # one caught in mid-write would keep readers waiting for ever
        self.live["columns"] = 0

    def reserve(self, first_cell: int, count: int) -> None:
        """Have the disk set pages aside for these cells; raises GridDiskError when it is full."""
        self._is_new = self._is_new and not count
        if count and isinstance(self._file, np.memmap):
            size = self.cells.dtype.itemsize
            _allocate(self.path, self.layout.cells.offset + first_cell * size, count * size)

    def reserve_rows(self, checkpoint: at.CheckpointLayout, count: int) -> None:
        """The same for the first ``count`` rows a checkpoint keeps."""
        if count > at.READY_ROWS and isinstance(self._file, np.memmap):
            _allocate(self.path, checkpoint.rows.offset, count * checkpoint.row_size)

    def flush(self) -> None:
        """Hand the changed pages to the disk."""
        if isinstance(self._file, np.memmap):
            self._file.flush()


def plan(
    trading_date: date,
    midnight_ts: int,
    sessions: Mapping[str, Session],
    capacities: Mapping[str, int],
    *,
    instruments: str,
    calendar: str,
    settings: str,
    final_market_seconds: int = 5,
) -> at.Header:
    """The header of a new day: rows for every slot of every session, room for the columns."""
    classes: list[at.ClassLayout] = []
    row = cell = columns = 0
    for name, session in sorted(sessions.items()):
        slots = session.slots()
        capacity = max(_ROUND, -(-capacities.get(name, 0) // _ROUND) * _ROUND)
        classes.append(
            at.ClassLayout(
                name=name,
                first_row=row,
                first_cell=cell,
                capacity=capacity,
                start_ts=tuple(s.start_ts for s in slots),
                end_ts=tuple(s.end_ts for s in slots),
                from_ts=tuple(s.from_ts for s in slots),
                session=tuple(int(s.session) for s in slots),
            )
        )
        row += len(slots)
        cell += len(slots) * capacity
        columns += capacity
    return at.Header(
        schema=at.SCHEMA, trading_date=trading_date, midnight_ts=midnight_ts,
        instruments=instruments, calendar=calendar, settings=settings,
        final_market_seconds=final_market_seconds, classes=tuple(classes),
        rows=max(1, row), cells=max(1, cell), columns=max(1, columns),
    )  # fmt: skip


def create(folder: Path, header: at.Header) -> GridFile:
    """A new file of zeros under its final name; a half-made one has no magic and is not opened."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE_NAME
    temporary = path.with_suffix(".new")
    layout = at.file_layout(header)
    with temporary.open("wb") as out:
        out.truncate(layout.size)
    _allocate(temporary, 0, at.header_size(header))
    for begin, end in layout.needed:
        _allocate(temporary, begin, end - begin)
    file = np.memmap(temporary, np.uint8, mode="r+")
    at.write_header(file, header)
    temporary.replace(path)
    return GridFile(path, header, file, is_new=True)


def _allocate(path: Path, offset: int, size: int) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.posix_fallocate(descriptor, offset, size)
    except OSError as error:
        raise GridDiskError(
            f"grid {path}: the disk has no room for {size} more bytes ({error.strerror}); free "
            "some and start again, nothing that the journal acknowledged is lost"
        ) from error
    finally:
        os.close(descriptor)


def open_file(folder: Path, *, write: bool) -> GridFile | None:
    """The day's file, or None where there is none of this schema."""
    path = folder / FILE_NAME
    if not path.exists():
        return None
    with path.open("rb") as start:
        header = at.read_header(start.read(at.HEADER_BYTES))
    if header is None or path.stat().st_size < at.file_layout(header).size:
        return None
    return GridFile(path, header, np.memmap(path, np.uint8, mode="r+" if write else "r"))


def slot_tables(
    header: at.Header,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Per class: slot of each minute of the day (-1 none), newest slot begun, begin and end (s)."""
    classes = max(1, len(header.classes))
    longest = max((c.slots for c in header.classes), default=1)
    exact = np.full((classes, at.MINUTES_IN_DAY), -1, np.int32)
    floor = np.full((classes, at.MINUTES_IN_DAY), -1, np.int32)
    times = np.zeros((classes, 2, max(1, longest)), np.int64)
    for k, layout in enumerate(header.classes):
        begins = _minutes(layout.from_ts, header.midnight_ts)
        ends = _minutes(layout.end_ts, header.midnight_ts)
        for slot, (begin, end) in enumerate(zip(begins, ends, strict=True)):
            exact[k, begin:end] = slot
            floor[k, begin:] = slot
            times[k, 0, slot] = layout.start_ts[slot] // 10**9
            times[k, 1, slot] = layout.end_ts[slot] // 10**9
    return exact, floor, times


def _minutes(stamps: Sequence[int], midnight_ts: int) -> list[int]:
    return [(ts - midnight_ts) // (60 * 10**9) for ts in stamps]


def boot_id() -> bytes:
    """Tells one start of the machine from the next; empty where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()[:40]
    except OSError:
        return os.uname().nodename.encode()[:40]
