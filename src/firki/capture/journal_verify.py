"""Every record of a day read and checked: what is there, what is not, and where."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import msgspec

from firki.capture.journal_day import (
    HEADER_NAME,
    damaged_files,
    header_digest,
    read_header,
    segments,
)
from firki.capture.segment import SegmentHeader
from firki.capture.segment_reader import SegmentReader
from firki.errors import ConfigError, Corrupt
from firki.ports import RecordKind


class Fault(msgspec.Struct, frozen=True):
    """Something that is not as it was written; the offset is None where a whole file is meant."""

    file: str
    offset: int | None
    message: str


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What reading everything found. ``bad`` counts the faults; torn bytes are no fault."""

    frames: int
    first: int | None
    last: int | None
    bad: int
    faults: list[Fault]
    torn_bytes: int
    segments: int
    raw_bytes: int
    stored_bytes: int
    by_kind: dict[str, int]


def verify(folder: Path) -> Verification:
    """Read and decode every record and check every file; goes on behind whatever is bad.

    On a journal that is being written, the group under way may count as torn.
    """
    survey = _Survey(folder)
    survey.check_header()
    for path in segments(folder):
        survey.read(path)
    return survey.result()


class _Loose(NamedTuple):
    """Bytes behind the last good group of a segment: torn, if the next one goes on densely."""

    path: Path
    offset: int
    size: int


class _Survey:
    """What was found so far. ``expected`` is the next number, None behind a damaged place."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._day: bytes | None = None
        self._expected: int | None = 1
        self._loose: _Loose | None = None
        self._first: int | None = None
        self._last: int | None = None
        self._faults: list[Fault] = []
        self._kinds: Counter[RecordKind] = Counter()
        self._segments = self._torn_bytes = self._raw_bytes = self._stored_bytes = 0

    def check_header(self) -> None:
        try:
            header = read_header(self._folder)
            self._day = header_digest(self._folder)
            for name, message in damaged_files(self._folder, header):
                self._faults.append(Fault(name, None, message))
        except (ConfigError, Corrupt) as error:
            self._faults.append(Fault(HEADER_NAME, None, str(error)))

    def read(self, path: Path) -> None:
        """Take in one segment."""
        segment = SegmentReader(path)
        self._segments += 1
        self._stored_bytes += segment.size()
        try:
            header = segment.read_header()
            if header is not None:
                self._begin(path, header)
                self._read_groups(segment)
            self._end(segment, headless=header is None)
        except Corrupt as error:
            self._fault(path, error.offset or 0, str(error))

    def result(self) -> Verification:
        return Verification(
            frames=self._kinds.total(),
            first=self._first,
            last=self._last,
            bad=len(self._faults),
            faults=self._faults,
            torn_bytes=self._torn_bytes + (self._loose.size if self._loose else 0),
            segments=self._segments,
            raw_bytes=self._raw_bytes,
            stored_bytes=self._stored_bytes,
            by_kind={kind.name.lower(): count for kind, count in sorted(self._kinds.items())},
        )

    def _begin(self, path: Path, header: SegmentHeader) -> None:
        loose, self._loose = self._loose, None
        if self._expected not in (None, header.first_seq):
            where = loose or _Loose(path, 0, 0)
            message = f"record {self._expected} was expected and {header.first_seq} comes next"
            self._fault(where.path, where.offset, message)
        elif loose:
            self._torn_bytes += loose.size
        if self._day not in (None, header.day):
            self._fault(path, 0, f"was not written under the {HEADER_NAME} beside it")
        self._expected = header.first_seq

    def _read_groups(self, segment: SegmentReader) -> None:
        while group := segment.next_group():
            if group.header.first_seq != self._expected:
                raise Corrupt(
                    f"record {self._expected} was expected and {group.header.first_seq} found",
                    offset=group.offset,
                )
            for frame in segment.decode(group):
                self._kinds[frame.kind] += 1
            if group.header.records:
                self._first = self._first or group.header.first_seq
                self._last = group.header.last_seq
            self._raw_bytes += group.header.raw_bytes
            self._expected = group.header.last_seq + 1

    def _end(self, segment: SegmentReader, *, headless: bool) -> None:
        size = segment.size() - segment.offset
        if size and segment.is_damaged((self._expected or 1) - 1):
            self._fault(segment.path, segment.offset, "what follows was stored and cannot be read")
        elif headless:
            self._torn_bytes += size
        elif size:
            self._loose = _Loose(segment.path, segment.offset, size)

    def _fault(self, path: Path, offset: int, message: str) -> None:
        self._faults.append(Fault(path.name, offset, message))
        self._expected = None
