"""Days of a journal for tests: begun, filled and read in a line."""

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Final

from tests.fakes.disk import FaultyDisk

from firki.capture.journal_day import DayHeader, create, header_digest
from firki.capture.journal_disk import Disk
from firki.capture.journal_recovery import recover
from firki.capture.journal_writer import JournalWriter
from firki.ports import Frame, RecordKind

HEADER: Final = DayHeader(
    trading_date=date(2026, 8, 3), instruments="11" * 32, calendar="22" * 32, settings="33" * 32
)
OPEN_TS: Final = 1_785_728_700_000_000_000
ATTACHMENTS: Final = {"instruments.csv": b"instrument_token\n408065\n"}


def begin_day(folder: Path) -> Path:
    """A folder with a header and nothing else."""
    create(folder, HEADER, ATTACHMENTS, disk=FaultyDisk())
    return folder


def frames(
    payloads: Iterable[bytes], *, first: int = 1, kind: RecordKind = RecordKind.FRAME
) -> list[Frame]:
    """Numbered records, a millisecond apart, on three connections in turn."""
    return [
        Frame(seq, OPEN_TS + seq * 1_000_000, seq % 3, payload, kind)
        for seq, payload in enumerate(payloads, start=first)
    ]


def open_writer(
    folder: Path, *, segment_bytes: int = 1 << 20, disk: Disk | None = None
) -> JournalWriter:
    """A writer that goes on after the last good record, as a new run does."""
    disk = disk or FaultyDisk()
    recovered = recover(folder, disk)
    return JournalWriter(
        disk,
        folder,
        day=header_digest(folder),
        number=recovered.next_segment,
        next_seq=recovered.newest + 1,
        segment_bytes=segment_bytes,
    )


def write_run(
    folder: Path,
    groups: Sequence[Sequence[Frame]],
    *,
    segment_bytes: int = 1 << 20,
    finish: bool = True,
) -> None:
    """One run of a writer, a commit for each group; without ``finish`` it ends as by a kill."""
    writer = open_writer(folder, segment_bytes=segment_bytes)
    for group in groups:
        writer.commit(group)
    if finish:
        writer.finish()
    else:
        writer.close()
