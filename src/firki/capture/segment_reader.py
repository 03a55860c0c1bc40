"""One segment file being read, group by group, while it may still grow."""

from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

import zstandard

from firki.capture.segment import (
    GROUP_HEADER_BYTES,
    GROUP_MAGIC,
    SEGMENT_HEADER_BYTES,
    GroupHeader,
    SegmentHeader,
    unpack_records,
)
from firki.errors import Corrupt
from firki.ports import Frame

_READ_AHEAD: Final = 1 << 20


class Group(NamedTuple):
    """A whole group whose checksums hold; ``offset`` is where it begins in the file."""

    header: GroupHeader
    body: bytes
    offset: int


class SegmentReader:
    """Whole groups in order; what is not yet whole is looked at again by the next call.

    No file stays open between calls. Records can only be decoded in order from the first group.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        """Of the first byte not yet read as part of a whole group."""
        self._header: SegmentHeader | None = None
        self._buffer = b""
        self._buffer_offset = 0
        self._stream = zstandard.ZstdDecompressor().decompressobj()

    def read_header(self) -> SegmentHeader | None:
        """None while it is not whole, and for ever when it is damaged."""
        if self._header is None:
            try:
                self._header = SegmentHeader.unpack(self._peek(SEGMENT_HEADER_BYTES))
            except Corrupt as error:
                raise Corrupt(f"{self.path}: {error}", offset=0) from error
            if self._header is not None:
                self.offset = SEGMENT_HEADER_BYTES
        return self._header

    def next_group(self) -> Group | None:
        """The next whole group; None at the end, or where the bytes are not one."""
        if self.read_header() is None:
            return None
        header = GroupHeader.unpack(self._peek(GROUP_HEADER_BYTES))
        if header is None:
            return None
        size = GROUP_HEADER_BYTES + header.stored_bytes
        body = self._peek(size)[GROUP_HEADER_BYTES:]
        if len(body) < header.stored_bytes or crc32(body) != header.checksum:
            return None
        group = Group(header, body, self.offset)
        self.offset += size
        return group

    def next_group_header(self) -> GroupHeader | None:
        """Like ``next_group``, with the body passed over unread and unchecked."""
        if self.read_header() is None:
            return None
        header = GroupHeader.unpack(self._peek(GROUP_HEADER_BYTES, ahead=0))
        if header is None:
            return None
        end = self.offset + GROUP_HEADER_BYTES + header.stored_bytes
        if end > self.size():
            return None
        self.offset = end
        return header

    def decode(self, group: Group, *, from_seq: int = 1) -> list[Frame]:
        """The group's records if any of them is as new as ``from_seq``; raises Corrupt.

        Every group must pass through here in order, since one stream runs through them all.
        """
        header = group.header
        if not header.records:
            return []
        try:
            raw = self._stream.decompress(group.body)
            return unpack_records(raw, header) if header.last_seq >= from_seq else []
        except (Corrupt, zstandard.ZstdError) as error:
            raise Corrupt(
                f"{self.path} at offset {group.offset}: {error}", offset=group.offset
            ) from error

    def size(self) -> int:
        return self.path.stat().st_size

    def is_damaged(self, newest: int) -> bool:
        """Whether what lies at ``offset`` was once safely on disk and is no longer sound.

        A write cut short leaves nothing sound behind it that was written after its fsync. A later
        group whose ``durable`` is beyond ``newest``, the last good number, proves more was there.
        """
        with self.path.open("rb") as file:
            file.seek(self.offset)
            rest = file.read()
        headless = self._header is None
        if _group_at(rest, 0) or (headless and SegmentHeader.unpack(rest)):
            return False
        at = rest.find(GROUP_MAGIC)
        while at >= 0:
            group = _group_at(rest, at)
            if group is not None and (headless or group.durable > newest):
                return True
            at = rest.find(GROUP_MAGIC, at + 1)
        return False

    def _peek(self, size: int, *, ahead: int = _READ_AHEAD) -> bytes:
        """The next ``size`` bytes, fewer where the file ends."""
        start = self.offset - self._buffer_offset
        if start + size > len(self._buffer):
            with self.path.open("rb", buffering=0) as file:
                file.seek(self.offset)
                self._buffer = file.read(max(size, ahead))
            self._buffer_offset, start = self.offset, 0
        return self._buffer[start : start + size]


def _group_at(data: bytes, at: int) -> GroupHeader | None:
    """The header of the whole, sound group that begins there."""
    header = GroupHeader.unpack(data[at : at + GROUP_HEADER_BYTES])
    if header is None:
        return None
    start = at + GROUP_HEADER_BYTES
    body = memoryview(data)[start : start + header.stored_bytes]
    sound = len(body) == header.stored_bytes and crc32(body) == header.checksum
    return header if sound else None
