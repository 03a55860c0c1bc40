"""One segment file being written: records in, checked groups of one zstd stream out."""

from pathlib import Path
from typing import Final
from zlib import crc32

import zstandard

from firki.capture.journal_disk import Disk
from firki.capture.segment import (
    RECORD_HEADER_BYTES,
    GroupHeader,
    SegmentHeader,
    pack_record_header,
)
from firki.ports import Frame
from firki.timing import steady

GROUP_BYTES: Final = 1 << 20
"""A group is closed at this size, so that a reader decodes little at a time."""

# Level 1 looks back 512 kB by itself. At 9,000 instruments an instrument's packet of a second ago
# lies 1.7 MB back: with 8 MB and a table of 2^19 places the ratio is 6.4 instead of 1.8.
_WINDOW_LOG: Final = 23
_HASH_LOG: Final = 19


class SegmentWriter:
    """One segment file being written."""

    def __init__(self, disk: Disk, path: Path, header: SegmentHeader) -> None:
        self.path = path
        self.raw_bytes = 0
        self.stored_bytes = 0
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._group: list[Frame] = []
        self._durable = self._newest = header.first_seq - 1
        parameters = zstandard.ZstdCompressionParameters.from_level(
            1, window_log=_WINDOW_LOG, hash_log=_HASH_LOG
        )
        self._stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
        self._file = disk.create(path)
        try:
            self._write(header.pack())
            self._file.sync()
            disk.sync(path.parent)
        except OSError:
            self._file.close()
            raise

    def add(self, frame: Frame) -> None:
        self._pending += (pack_record_header(frame), frame.payload)
        self._pending_bytes += RECORD_HEADER_BYTES + len(frame.payload)
        self._group.append(frame)
        if self._pending_bytes >= GROUP_BYTES:
            self._end_group()

    def has_room(self, frame: Frame, limit: int) -> bool:
        """Whether the record fits; the first one always does."""
        used = self.raw_bytes + self._pending_bytes
        return not used or used + RECORD_HEADER_BYTES + len(frame.payload) <= limit

    def sync(self) -> float:
        """Everything added is durable on return; the answer is the fsync's seconds."""
        if self._group:
            self._end_group()
        began = steady()
        self._file.sync()
        self._durable = self._newest
        return steady() - began

    def finish(self) -> None:
        """Say that the segment ends here and make all durable: one fsync, however slow it is."""
        if self._group:
            self._end_group()
        body = self._stream.flush(zstandard.COMPRESSOBJ_FLUSH_FINISH)
        self._write_group(body, 0, self._newest + 1, 0, 0, 0)
        self._file.sync()
        self._file.close()

    def close(self) -> None:
        """Let go of the file and promise nothing."""
        self._file.close()

    def _end_group(self) -> None:
        first, last = self._group[0], self._group[-1]
        body = self._stream.compress(b"".join(self._pending))
        body += self._stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        raw_bytes = self._pending_bytes
        self._write_group(
            body, raw_bytes, first.seq, len(self._group), first.received_ts, last.received_ts
        )
        self._newest = last.seq
        self.raw_bytes += raw_bytes
        self._pending, self._pending_bytes, self._group = [], 0, []

    def _write_group(
        self, body: bytes, raw_bytes: int, first_seq: int, records: int, first_ts: int, last_ts: int
    ) -> None:
        header = GroupHeader(
            stored_bytes=len(body),
            raw_bytes=raw_bytes,
            records=records,
            first_seq=first_seq,
            durable=self._durable,
            first_ts=first_ts,
            last_ts=last_ts,
            checksum=crc32(body),
        )
        self._write(header.pack() + body)

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self.stored_bytes += len(data)
