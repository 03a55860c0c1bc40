"""A day's journal at a glance, from what its groups announce of themselves."""

from pathlib import Path

import msgspec

from firki.capture.journal_day import DayHeader, read_header, segments
from firki.capture.segment_reader import SegmentReader


class SegmentInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One segment as its group headers tell it."""

    file: str
    frames: int
    first: int | None
    last: int | None
    first_ts: int | None
    last_ts: int | None
    raw_bytes: int
    stored_bytes: int
    finished: bool
    """Whether it was ended in order, by a full segment or a clean stop."""


class JournalInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A day's journal at a glance."""

    header: DayHeader
    frames: int
    first: int | None
    last: int | None
    first_ts: int | None
    last_ts: int | None
    raw_bytes: int
    stored_bytes: int
    segments: list[SegmentInfo]


def info(folder: Path) -> JournalInfo:
    """From the headers alone: quick, and no proof that what they announce is sound."""
    described = [_describe(path) for path in segments(folder)]
    filled = [segment for segment in described if segment.first is not None]
    return JournalInfo(
        header=read_header(folder),
        frames=sum(segment.frames for segment in filled),
        first=filled[0].first if filled else None,
        last=filled[-1].last if filled else None,
        first_ts=filled[0].first_ts if filled else None,
        last_ts=filled[-1].last_ts if filled else None,
        raw_bytes=sum(segment.raw_bytes for segment in described),
        stored_bytes=sum(segment.stored_bytes for segment in described),
        segments=described,
    )


def _describe(path: Path) -> SegmentInfo:
    segment = SegmentReader(path)
    groups = list(iter(segment.next_group_header, None))
    filled = [group for group in groups if group.records]
    return SegmentInfo(
        file=path.name,
        frames=sum(group.records for group in filled),
        first=filled[0].first_seq if filled else None,
        last=filled[-1].last_seq if filled else None,
        first_ts=filled[0].first_ts if filled else None,
        last_ts=filled[-1].last_ts if filled else None,
        raw_bytes=sum(group.raw_bytes for group in filled),
        stored_bytes=segment.size(),
        finished=len(filled) < len(groups),
    )
