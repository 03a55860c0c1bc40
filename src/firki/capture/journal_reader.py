"""A day's records from disk, in order, by any process, while another may be writing them."""

from collections.abc import Iterator
from pathlib import Path

from firki.capture.journal_day import segment_number, segments
from firki.capture.segment_reader import Group, SegmentReader
from firki.errors import Corrupt, Rejected
from firki.ports import Frame


def read_records(folder: Path, from_seq: int = 1) -> Iterator[Frame]:
    """The day's records from ``from_seq`` to the newest whole one; raises Corrupt at damage.

    An interrupted write at the end, or before a restart, is passed over. Damage is a bad place
    with records missing behind it: the error names the file and the offset.
    """
    reader = JournalReader(folder, from_seq)
    while frames := reader.read():
        yield from frames


class JournalReader:
    """Reads on from where it stopped: an empty answer means the end for now."""

    def __init__(self, folder: Path, from_seq: int = 1) -> None:
        if from_seq < 1:
            raise Rejected(f"records are numbered from 1 and {from_seq} was asked for")
        self._folder = folder
        self._from_seq = from_seq
        self._next_seq = 1
        self._segment: SegmentReader | None = None

    def read(self) -> list[Frame]:
        """The records of the next group that has any, at most about a megabyte of them."""
        while group := self._next_group():
            frames = self._decode(group)
            if frames:
                return frames
        return []

    def _decode(self, group: Group) -> list[Frame]:
        assert self._segment is not None  # the group came from it
        if group.header.first_seq != self._next_seq:
            raise self._hole(self._segment.path, group.offset, group.header.first_seq)
        frames = self._segment.decode(group, from_seq=self._from_seq)
        self._next_seq = group.header.last_seq + 1
        if frames and frames[0].seq < self._from_seq:
            return frames[self._from_seq - frames[0].seq :]
        return frames

    def _next_group(self) -> Group | None:
        """From this segment, or a later one when this one is at its end."""
        if self._segment is None:
            self._segment = self._first_segment()
        while self._segment is not None:
            group = self._segment.next_group()
            if group is not None:
                return group
            following = self._following(self._segment)
            if following is None:
                refuse_damage(self._segment, self._next_seq - 1)
                return None
            # Until the next segment was begun, this one may have grown.
            group = self._segment.next_group()
            if group is not None:
                return group
            self._segment = self._checked(following)
        return None

    def _first_segment(self) -> SegmentReader | None:
        """The newest one that begins at or before the number asked for."""
        earliest: tuple[Path, int] | None = None
        for path in reversed(segments(self._folder)):
            segment = SegmentReader(path)
            header = segment.read_header()
            if header is None:
                refuse_damage(segment, 0)
            elif header.first_seq <= self._from_seq:
                self._next_seq = header.first_seq
                return segment
            else:
                earliest = path, header.first_seq
        if earliest is not None:
            raise self._hole(earliest[0], 0, earliest[1])
        return None

    def _following(self, current: SegmentReader) -> SegmentReader | None:
        number = segment_number(current.path)
        for path in segments(self._folder):
            if segment_number(path) > number:
                segment = SegmentReader(path)
                if segment.read_header() is not None:
                    return segment
                refuse_damage(segment, self._next_seq - 1)
        return None

    def _checked(self, following: SegmentReader) -> SegmentReader:
        """The next segment, if it goes on where this one ends."""
        header = following.read_header()
        assert self._segment is not None  # there is one to follow
        assert header is not None  # it was chosen for having one
        if header.first_seq != self._next_seq:
            raise self._hole(self._segment.path, self._segment.offset, header.first_seq)
        return following

    def _hole(self, path: Path, offset: int, found: int) -> Corrupt:
        return Corrupt(
            f"{path} at offset {offset}: record {self._next_seq} was expected and {found} comes "
            "next; `firki journal verify` lists what can be read",
            offset=offset,
        )


def refuse_damage(segment: SegmentReader, newest: int) -> None:
    """Raise Corrupt if what lies behind the last good record is damage, not a cut-off write."""
    if segment.size() > segment.offset and segment.is_damaged(newest):
        raise Corrupt(
            f"{segment.path} is damaged at offset {segment.offset}: records after {newest} were "
            "safely stored and can no longer be read; `firki journal verify` lists what can",
            offset=segment.offset,
        )
