"""Records onto the disk: one call writes a batch and returns when it is durable.

Nothing here knows of threads or queues. An error of the disk is final: the file may then lack
bytes that a later fsync would report as safe (Linux reports a failed write-back once and drops the
pages), so a writer that failed is never used again.
"""

from collections.abc import Iterable
from pathlib import Path

from firki.capture.journal_day import segment_path
from firki.capture.journal_disk import Disk, disk_errors
from firki.capture.segment import SegmentHeader
from firki.capture.segment_writer import SegmentWriter
from firki.ports import Frame


class JournalWriter:
    """Appends records to a day's folder, segment after segment.

    A new segment is begun at once: a stream that an earlier run left torn is never written to.
    """

    def __init__(
        self,
        disk: Disk,
        folder: Path,
        *,
        day: bytes,
        number: int,
        next_seq: int,
        segment_bytes: int,
    ) -> None:
        self._disk = disk
        self._folder = folder
        self._day = day
        self._limit = segment_bytes
        self._finished_raw_bytes = self._finished_stored_bytes = 0
        self.number = number
        self.sync_seconds = 0.0
        self._segment = self._begin(next_seq)

    @property
    def raw_bytes(self) -> int:
        """Bytes of records written since this writer began, headers included."""
        return self._finished_raw_bytes + self._segment.raw_bytes

    @property
    def stored_bytes(self) -> int:
        """What those bytes take on the disk."""
        return self._finished_stored_bytes + self._segment.stored_bytes

    def commit(self, frames: Iterable[Frame]) -> None:
        """Write the records; they are durable when this returns. Raises DiskError."""
        with disk_errors("writing", self._path):
            for frame in frames:
                if not self._segment.has_room(frame, self._limit):
                    self._roll(frame.seq)
                self._segment.add(frame)
            self.sync_seconds = self._segment.sync()

    def finish(self) -> None:
        """End the segment in order and let go of it. Raises DiskError."""
        with disk_errors("finishing", self._path):
            self._segment.finish()

    def close(self) -> None:
        """Let go of the file and promise nothing."""
        self._segment.close()

    def _begin(self, next_seq: int) -> SegmentWriter:
        header = SegmentHeader(self.number, next_seq, self._day)
        with disk_errors("creating", self._path):
            return SegmentWriter(self._disk, self._path, header)

    @property
    def _path(self) -> Path:
        return segment_path(self._folder, self.number)

    def _roll(self, next_seq: int) -> None:
        self._segment.finish()
        self._finished_raw_bytes += self._segment.raw_bytes
        self._finished_stored_bytes += self._segment.stored_bytes
        self.number += 1
        self._segment = self._begin(next_seq)
