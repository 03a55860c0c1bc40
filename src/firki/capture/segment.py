"""The journal's bytes: segment files of checked groups of numbered records.

    segment header   which segment, its first number, the day header it was written under
    group header     how many bytes and records follow, from which number and time
    group body       zstd blocks holding whole records
    ...              more groups
    end mark         a group of no records, when the segment was finished in order

The bodies of a segment are one zstd stream flushed at the end of each group, so a group can be
decoded as soon as it is whole and all before it were read. Every byte of the file is under a
checksum that can be tested without decoding, and each record has its own inside.
"""

import struct
from typing import Final, NamedTuple
from zlib import crc32

from firki.errors import Corrupt
from firki.ports import Frame, RecordKind

VERSION: Final = 1
SUFFIX: Final = ".seg"
LARGEST_PAYLOAD: Final = 16 << 20
LARGEST_CONNECTION: Final = (1 << 31) - 1
LARGEST_TS: Final = (1 << 63) - 1

_SEGMENT_MAGIC: Final = b"firkiseg"
GROUP_MAGIC: Final = b"\xf1grp"
_SEGMENT: Final = struct.Struct("<8sHxxIQ16s")
_GROUP: Final = struct.Struct("<4sIIIQQqqI")
_RECORD: Final = struct.Struct("<IQqiBxxx")
_CHECKSUM: Final = struct.Struct("<I")
_RECORD_HEAD: Final = struct.Struct(_RECORD.format + "I")
_KINDS: Final = {int(kind): kind for kind in RecordKind}

SEGMENT_HEADER_BYTES: Final = _SEGMENT.size + _CHECKSUM.size
GROUP_HEADER_BYTES: Final = _GROUP.size + _CHECKSUM.size
RECORD_HEADER_BYTES: Final = _RECORD_HEAD.size


class SegmentHeader(NamedTuple):
    """What a segment says of itself; ``day`` is the digest of the day header it belongs to."""

    number: int
    first_seq: int
    day: bytes

    def pack(self) -> bytes:
        return _with_checksum(_SEGMENT.pack(_SEGMENT_MAGIC, VERSION, *self))

    @classmethod
    def unpack(cls, data: bytes) -> "SegmentHeader | None":
        """None when these bytes are not a whole, sound header."""
        if not _is_sound(data, _SEGMENT_MAGIC, SEGMENT_HEADER_BYTES):
            return None
        _, version, number, first_seq, day = _SEGMENT.unpack_from(data)
        if version != VERSION:
            raise Corrupt(
                f"segment {number} has format {version} and this firki reads {VERSION}: "
                "read it with the release that wrote it or a newer one",
                offset=0,
            )
        return cls(number, first_seq, day)


class GroupHeader(NamedTuple):
    """What is known of a group without decoding it.

    ``durable`` is the newest number whose fsync had returned when the group was written: a bad
    place before this group that hides a number up to it is damage, not an interrupted write.
    """

    stored_bytes: int
    raw_bytes: int
    records: int
    first_seq: int
    durable: int
    first_ts: int
    last_ts: int
    checksum: int

    def pack(self) -> bytes:
        return _with_checksum(_GROUP.pack(GROUP_MAGIC, *self))

    @classmethod
    def unpack(cls, data: bytes) -> "GroupHeader | None":
        """None when these bytes are not a whole, sound header."""
        if not _is_sound(data, GROUP_MAGIC, GROUP_HEADER_BYTES):
            return None
        return cls(*_GROUP.unpack_from(data)[1:])

    @property
    def last_seq(self) -> int:
        return self.first_seq + self.records - 1


def _with_checksum(head: bytes) -> bytes:
    return head + _CHECKSUM.pack(crc32(head))


def _is_sound(data: bytes, magic: bytes, size: int) -> bool:
    if len(data) < size or not data.startswith(magic):
        return False
    (checksum,) = _CHECKSUM.unpack_from(data, size - _CHECKSUM.size)
    return bool(crc32(data[: size - _CHECKSUM.size]) == checksum)


def pack_record_header(frame: Frame) -> bytes:
    """The bytes that go before the payload; the checksum covers them and the payload."""
    payload = frame.payload
    head = _RECORD.pack(len(payload), frame.seq, frame.received_ts, frame.connection, frame.kind)
    return head + _CHECKSUM.pack(crc32(payload, crc32(head)))


def unpack_records(raw: bytes, group: GroupHeader) -> list[Frame]:
    """The records of a decoded group; raises Corrupt unless every one is sound and in order."""
    if len(raw) != group.raw_bytes:
        raise Corrupt(f"{group.raw_bytes} bytes were expected and {len(raw)} decoded")
    frames: list[Frame] = []
    at, end = 0, len(raw)
    for seq in range(group.first_seq, group.first_seq + group.records):
        start = at + RECORD_HEADER_BYTES
        if start > end:
            raise Corrupt(f"record {seq} is cut off")
        length, stamped, received_ts, connection, code, checksum = _RECORD_HEAD.unpack_from(raw, at)
        payload = raw[start : start + length]
        if crc32(payload, crc32(raw[at : at + _RECORD.size])) != checksum or len(payload) != length:
            raise Corrupt(f"record {seq} does not match its checksum")
        if stamped != seq:
            raise Corrupt(f"record {seq} was expected and {stamped} found")
        frames.append(Frame(seq, received_ts, connection, payload, _kind(code, seq)))
        at = start + length
    if at != end:
        raise Corrupt(f"{end - at} bytes follow the last record of a group")
    return frames


def _kind(code: int, seq: int) -> RecordKind:
    kind = _KINDS.get(code)
    if kind is None:
        raise Corrupt(f"record {seq} is of kind {code}, which this firki does not know")
    return kind
