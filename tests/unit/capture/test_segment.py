import struct
from zlib import crc32

import pytest
from tests.fakes.day import frames

from firki.capture.segment import (
    GROUP_HEADER_BYTES,
    RECORD_HEADER_BYTES,
    SEGMENT_HEADER_BYTES,
    GroupHeader,
    SegmentHeader,
    pack_record_header,
    unpack_records,
)
from firki.errors import Corrupt
from firki.ports import Frame, RecordKind

SEGMENT = SegmentHeader(number=7, first_seq=4_000_000_000_000, day=bytes(range(16)))
GROUP = GroupHeader(
    stored_bytes=3,
    raw_bytes=9,
    records=2,
    first_seq=5,
    durable=4,
    first_ts=1,
    last_ts=1 << 62,
    checksum=0xFFFF_FFFF,
)


def packed(records: list[Frame]) -> bytes:
    return b"".join(pack_record_header(record) + record.payload for record in records)


def group_of(records: list[Frame], raw: bytes) -> GroupHeader:
    return GROUP._replace(
        raw_bytes=len(raw), records=len(records), first_seq=records[0].seq if records else 1
    )


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_headers_come_back_as_they_were_packed() -> None:
    assert len(SEGMENT.pack()) == SEGMENT_HEADER_BYTES
    assert SegmentHeader.unpack(SEGMENT.pack() + b"more") == SEGMENT
    assert len(GROUP.pack()) == GROUP_HEADER_BYTES
    assert GroupHeader.unpack(GROUP.pack() + b"more") == GROUP
    assert GROUP.last_seq == 6


def test_a_header_with_any_bit_flipped_is_no_header() -> None:
    for bit in range(SEGMENT_HEADER_BYTES * 8):
        assert SegmentHeader.unpack(flipped(SEGMENT.pack(), bit)) is None
    for bit in range(GROUP_HEADER_BYTES * 8):
        assert GroupHeader.unpack(flipped(GROUP.pack(), bit)) is None


def test_a_header_cut_anywhere_is_no_header() -> None:
    assert all(SegmentHeader.unpack(SEGMENT.pack()[:n]) is None for n in range(44))
    assert all(GroupHeader.unpack(GROUP.pack()[:n]) is None for n in range(56))


def test_a_segment_of_another_format_is_refused_by_its_version() -> None:
    body = bytearray(SEGMENT.pack()[:-4])
    struct.pack_into("<H", body, 8, 2)
    with pytest.raises(Corrupt, match="segment 7 has format 2 and this firki reads 1"):
        SegmentHeader.unpack(bytes(body) + struct.pack("<I", crc32(body)))


def test_records_of_every_kind_come_back_as_they_were_packed() -> None:
    records = [
        Frame(seq, 1 << 62, 2_000_000_000, bytes(seq), kind)
        for seq, kind in enumerate(RecordKind, start=9)
    ]
    raw = packed(records)
    assert unpack_records(raw, group_of(records, raw)) == records


def test_a_record_with_any_bit_flipped_is_never_read_as_data() -> None:
    records = frames([b"tick", b"", b"tock"])
    raw = packed(records)
    for bit in range(len(raw) * 8):
        with pytest.raises(Corrupt):
            unpack_records(flipped(raw, bit), group_of(records, raw))


def test_a_group_of_another_length_than_announced_is_corrupt() -> None:
    records = frames([b"tick"])
    raw = packed(records)
    with pytest.raises(Corrupt, match=f"{len(raw)} bytes were expected and {len(raw) - 1} decoded"):
        unpack_records(raw[:-1], group_of(records, raw))


def test_a_group_with_fewer_records_than_announced_is_corrupt() -> None:
    records = frames([b"tick", b"tock"])
    raw = packed(records)[: RECORD_HEADER_BYTES + 4 + 10]
    with pytest.raises(Corrupt, match="record 2 is cut off"):
        unpack_records(raw, group_of(records, raw))


def test_a_group_with_more_records_than_announced_is_corrupt() -> None:
    records = frames([b"tick", b"tock"])
    raw = packed(records)
    with pytest.raises(Corrupt, match=f"{RECORD_HEADER_BYTES + 4} bytes follow"):
        unpack_records(raw, group_of(records[:1], raw))


def test_a_record_out_of_its_place_is_corrupt() -> None:
    records = frames([b"tick", b"tock"])
    raw = packed([records[0], records[0]])
    with pytest.raises(Corrupt, match="record 2 was expected and 1 found"):
        unpack_records(raw, group_of(records, raw))


def test_a_kind_of_a_later_release_is_refused_by_name() -> None:
    head = struct.pack("<IQqiBxxx", 0, 1, 5, 0, 99)
    raw = head + struct.pack("<I", crc32(head))
    with pytest.raises(Corrupt, match="record 1 is of kind 99"):
        unpack_records(raw, GROUP._replace(raw_bytes=len(raw), records=1, first_seq=1))
