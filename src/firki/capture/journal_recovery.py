"""Where a day's journal stands, found at the start of every run."""

from pathlib import Path
from typing import NamedTuple

from firki.capture.journal_day import HEADER_NAME, header_digest, segment_number, segments
from firki.capture.journal_disk import Disk
from firki.capture.journal_reader import refuse_damage
from firki.capture.segment_reader import SegmentReader
from firki.errors import Corrupt


class Recovered(NamedTuple):
    """What an earlier run left: its newest number, the next free segment, bytes cut off mid-write.

    The torn bytes stay where they are. The next segment goes on from the last good record, and by
    that every reader knows they hold nothing.
    """

    newest: int
    next_segment: int
    torn_bytes: int


def recover(folder: Path, disk: Disk) -> Recovered:
    """Make durable what is there and find the last good record; raises Corrupt at damage.

    Only the newest segment is read, by checksum alone. What a killed run had written but not yet
    made durable is good here, so it is made durable before anyone builds on it.
    """
    paths = segments(folder)
    next_segment = segment_number(paths[-1]) + 1 if paths else 1
    torn_bytes = 0
    for path in reversed(paths):
        # Where an fsync failed, Linux marks the pages clean and keeps them: they can be read, the
        # next fsync succeeds, and they are on no disk (PostgreSQL found it out in 2018,
        # https://wiki.postgresql.org/wiki/Fsync_Errors). So only what the disk gives back counts.
        disk.sync(path)
        disk.forget(path)
        segment = SegmentReader(path)
        newest = _newest(folder, segment)
        refuse_damage(segment, newest or 0)
        torn_bytes += segment.size() - segment.offset
        if newest is not None:
            return Recovered(newest, next_segment, torn_bytes)
    return Recovered(0, next_segment, torn_bytes)


def _newest(folder: Path, segment: SegmentReader) -> int | None:
    """None when the segment has no sound header, so that it holds nothing."""
    header = segment.read_header()
    if header is None:
        return None
    if header.day != header_digest(folder):
        raise Corrupt(
            f"{segment.path} was not written under the {HEADER_NAME} that lies beside it: "
            "put the right one back, or move the folder away to begin the day anew",
            offset=0,
        )
    newest = header.first_seq - 1
    while group := segment.next_group():
        newest = group.header.last_seq
    return newest
