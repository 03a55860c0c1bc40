"""Frames to disk: numbered, compressed, checksummed and made durable, five times a second."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from firki.app.bench.feed import DAY, MadeUpFeed
from firki.app.bench.figure import Figure
from firki.capture.journal_day import DayHeader, create, header_digest
from firki.capture.journal_disk import SystemDisk
from firki.capture.journal_writer import JournalWriter
from firki.ports import Frame
from firki.timing import steady, worked

_INSTRUMENTS: Final = 9_000
_FRAMES_A_COMMIT: Final = _INSTRUMENTS // 100 // 5


def measure(folder: Path, *, market_seconds: int) -> Iterator[Figure]:
    """What keeping 9,000 instruments costs, beside plain bytes in a file; both are made durable.

    ``folder`` says which disk.
    """
    frames = MadeUpFeed(_INSTRUMENTS, trading=0.3).frames(market_seconds, 100)
    raw = sum(len(frame.payload) for frame in frames)
    with tempfile.TemporaryDirectory(prefix="firki-bench-", dir=folder) as name:
        kept, wall, busy = _timed(lambda: write_journal(Path(name) / "journal", frames))
        plain, plain_wall, plain_busy = _timed(lambda: _plain(Path(name) / "plain", frames))
    yield Figure(
        what="journal to disk", value=raw / wall / 1e6, unit="MB/s",
        peer=raw / plain_wall / 1e6, beside="plain bytes, fsync",
    )  # fmt: skip
    yield Figure(
        what="journal, a core at 9,000 ticks/s", value=100 * busy / market_seconds, unit="%",
        peer=100 * plain_busy / market_seconds, beside="plain bytes, fsync", less_is_better=True,
    )  # fmt: skip
    yield Figure(
        what="journal, bytes on disk of 100 received", value=100 * kept / raw, unit="bytes",
        peer=100 * plain / raw, beside="plain bytes, fsync", less_is_better=True,
    )  # fmt: skip


def _timed(action: Callable[[], int]) -> tuple[int, float, float]:
    """What it gave, wall seconds, processor seconds."""
    began, busy = steady(), worked()
    result = action()
    return result, steady() - began, (worked() - busy) / 1e9


def _commits(frames: Sequence[Frame]) -> Iterator[Sequence[Frame]]:
    for begin in range(0, len(frames), _FRAMES_A_COMMIT):
        yield frames[begin : begin + _FRAMES_A_COMMIT]


def write_journal(folder: Path, frames: Sequence[Frame]) -> int:
    """A day's journal of the frames; the answer is its size."""
    nothing = "0" * 64
    header = DayHeader(trading_date=DAY, instruments=nothing, calendar=nothing, settings=nothing)
    disk = SystemDisk()
    create(folder, header, {}, disk=disk)
    first = frames[0].seq
    writer = JournalWriter(
        disk, folder, day=header_digest(folder), number=1, next_seq=first, segment_bytes=64 << 20
    )
    for group in _commits(frames):
        writer.commit(group)
    writer.finish()
    return writer.stored_bytes


def _plain(path: Path, frames: Sequence[Frame]) -> int:
    with path.open("wb", buffering=0) as file:
        for group in _commits(frames):
            file.write(b"".join(frame.payload for frame in group))
            os.fsync(file.fileno())
        return file.tell()
