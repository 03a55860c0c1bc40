"""A recorded day's exchange times held against the sessions of its calendar."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from firki.app.market_day import Book, read_book
from firki.capture.journal_day import read_header, segments
from firki.capture.segment_reader import SegmentReader
from firki.errors import Corrupt
from firki.kite import wire
from firki.model.hours import CLASSES
from firki.model.ist import ist_midnight, to_ist
from firki.model.tick import SECOND, Column
from firki.ports import Frame, RecordKind

I64 = npt.NDArray[np.int64]

_MOST_BYTES: Final = 256 << 20
"""Frames looked at; of a larger day the beginning of each segment."""
_DAY_SECONDS: Final = 86_400
_TIMED: Final = (32, 184)
"""Packets that carry the exchange's time."""


@dataclass(slots=True)
class Stray:
    """One session class: its snapshots of the day, and those at times the calendar calls closed."""

    session_class: str
    snapshots: int = 0
    outside: int = 0
    first: int = 0
    last: int = 0

    def __str__(self) -> str:
        text = f"{self.session_class}: {self.outside} of {self.snapshots} outside"
        if not self.outside:
            return text
        first, last = (to_ist(second * SECOND).strftime("%H:%M:%S") for second in self._span())
        return f"{text}, from {first} to {last}"

    def _span(self) -> tuple[int, int]:
        return self.first, self.last


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a day came to; ``partly`` when not all of its frames were looked at."""

    day: date
    strays: list[Stray]
    partly: bool

    @property
    def snapshots(self) -> int:
        return sum(stray.snapshots for stray in self.strays)

    @property
    def outside(self) -> int:
        return sum(stray.outside for stray in self.strays)


def compare(folder: Path, *, most_bytes: int = _MOST_BYTES) -> Agreement:
    """Count snapshots by session class, inside and outside; raises Corrupt for a damaged day.

    Snapshots made on another date (the cached ones after a connection opens) do not count.
    """
    book, day = read_book(folder), read_header(folder).trading_date
    hours = _Hours(book, day)
    paths = segments(folder)
    share = most_bytes // max(1, len(paths))
    partly = False
    for path in paths:
        for tokens, times in _snapshots(path, share):
            hours.count(tokens, times)
        partly |= _raw_bytes(path) > share
    return Agreement(day, hours.strays(), partly)


class _Hours:
    """Counts snapshots by the sessions of one day."""

    def __init__(self, book: Book, day: date) -> None:
        self._book = book
        self._midnight = ist_midnight(day) // SECOND
        self._strays = [Stray(kind.value) for kind in CLASSES]
        self._edges: list[I64] = []
        sessions = book.sessions(day)
        for kind in CLASSES:
            session = sessions.get(kind.value)
            phases = session.phases if session else ()
            edges = [edge // SECOND for p in phases for edge in (p.start_ts, p.end_ts)]
            self._edges.append(np.array(edges, np.int64))

    def count(self, tokens: I64, times: I64) -> None:
        rows = self._book.table.rows(tokens)
        known = (rows >= 0) & (times >= self._midnight) & (times < self._midnight + _DAY_SECONDS)
        codes, times = self._book.table.session_class[rows[known]], times[known]
        for code in np.unique(codes):
            self._count(int(code), times[codes == code])

    def _count(self, code: int, times: I64) -> None:
        stray = self._strays[code]
        # between a phase's start and its end the next edge is an end, an odd one
        outside = times[np.searchsorted(self._edges[code], times, "right") % 2 == 0]
        stray.snapshots += len(times)
        stray.outside += len(outside)
        if len(outside):
            first, last = int(outside.min()), int(outside.max())
            stray.first = min(stray.first or first, first)
            stray.last = max(stray.last, last)

    def strays(self) -> list[Stray]:
        return [stray for stray in self._strays if stray.snapshots]


def _snapshots(path: Path, most_bytes: int) -> Iterator[tuple[I64, I64]]:
    """Tokens and exchange times (seconds), a group of records at a time."""
    segment = SegmentReader(path)
    read = 0
    while read <= most_bytes and (group := segment.next_group()) is not None:
        read += group.header.raw_bytes
        found = [times for frame in segment.decode(group) if (times := _times(frame)) is not None]
        if found:
            together = np.concatenate(found, axis=1)
            yield together[0], together[1]


def _times(frame: Frame) -> I64 | None:
    if frame.kind is not RecordKind.FRAME or len(frame.payload) < 2:
        return None
    try:
        columns = wire.decode(frame.payload, strict=False).columns
    except Corrupt:
        return None  # counted where frames are captured
    timed = columns[:, np.isin(columns[Column.LENGTH], _TIMED)]
    return timed[[Column.INSTRUMENT_TOKEN, Column.EXCHANGE_TIME]].astype(np.int64)


def _raw_bytes(path: Path) -> int:
    segment = SegmentReader(path)
    return sum(header.raw_bytes for header in iter(segment.next_group_header, None))
