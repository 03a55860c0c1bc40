import struct
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path
from zlib import crc32

import pytest
from tests.fakes.day import begin_day, frames, open_writer, write_run

from firki.capture.journal_day import segments
from firki.capture.journal_reader import JournalReader, read_records
from firki.capture.segment import GROUP_HEADER_BYTES, SEGMENT_HEADER_BYTES
from firki.capture.segment_reader import SegmentReader
from firki.errors import Corrupt, Rejected

RECORDS = frames([b"%04d" % n for n in range(1, 31)])
THREE = [RECORDS[:10], RECORDS[10:20], RECORDS[20:]]


def numbers(folder: Path, from_seq: int = 1) -> list[int]:
    return [frame.seq for frame in read_records(folder, from_seq)]


def three_segments(folder: Path) -> Path:
    """Three runs of ten records, each in a segment of its own, none finished in order."""
    begin_day(folder)
    for records in THREE:
        write_run(folder, [records[:5], records[5:]], finish=False)
    return folder


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 0x10
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("from_seq", [1, 4, 5, 6, 10, 11, 20, 21, 30, 31, 99])
def test_reading_starts_at_any_number(tmp_path: Path, from_seq: int) -> None:
    assert numbers(three_segments(tmp_path), from_seq) == list(range(from_seq, 31))


def test_records_before_the_first_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="numbered from 1 and 0 was asked for"):
        JournalReader(tmp_path, 0)


def test_older_segments_are_not_even_looked_into(tmp_path: Path) -> None:
    three_segments(tmp_path)
    (tmp_path / "000001.seg").write_bytes(b"rubbish")
    assert numbers(tmp_path, 12) == list(range(12, 31))


def test_a_day_without_records_reads_as_empty(tmp_path: Path) -> None:
    assert numbers(begin_day(tmp_path)) == []
    write_run(tmp_path, [])
    assert numbers(tmp_path) == []


def test_an_interrupted_write_before_a_restart_is_passed_over(tmp_path: Path) -> None:
    begin_day(tmp_path)
    for records in THREE:
        write_run(tmp_path, [records], finish=False)
        with segments(tmp_path)[-1].open("ab") as file:
            file.write(b"\xf1grp torn off here")
    assert numbers(tmp_path) == list(range(1, 31))


def test_a_segment_without_a_whole_header_is_passed_over(tmp_path: Path) -> None:
    begin_day(tmp_path)
    write_run(tmp_path, [RECORDS[:3]], finish=False)
    write_run(tmp_path, [])
    cut(tmp_path / "000002.seg", SEGMENT_HEADER_BYTES - 1)
    write_run(tmp_path, [RECORDS[3:6]])
    assert numbers(tmp_path) == [1, 2, 3, 4, 5, 6]
    assert numbers(tmp_path, 4) == [4, 5, 6]


def test_a_lost_tail_before_a_restart_is_a_hole_at_its_offset(tmp_path: Path) -> None:
    three_segments(tmp_path)
    path = tmp_path / "000002.seg"
    cut(path, path.stat().st_size - 1)
    with pytest.raises(Corrupt, match=r"000002\.seg at offset \d+: record 16 was expected") as told:
        numbers(tmp_path)
    reader = SegmentReader(path)
    assert reader.next_group() is not None
    assert told.value.offset == reader.offset


def test_a_lost_segment_is_a_hole(tmp_path: Path) -> None:
    three_segments(tmp_path)
    (tmp_path / "000002.seg").unlink()
    with pytest.raises(Corrupt, match="record 11 was expected and 21 comes next"):
        numbers(tmp_path)


def test_a_lost_beginning_is_a_hole(tmp_path: Path) -> None:
    three_segments(tmp_path)
    (tmp_path / "000001.seg").unlink()
    with pytest.raises(Corrupt, match=r"000002\.seg at offset 0: record 1 was expected and 11"):
        numbers(tmp_path)
    assert numbers(tmp_path, 11) == list(range(11, 31))


def test_damage_in_the_newest_segment_is_told_when_more_was_stored_behind_it(
    tmp_path: Path,
) -> None:
    begin_day(tmp_path)
    write_run(tmp_path, [RECORDS[:5], RECORDS[5:8], RECORDS[8:10]], finish=False)
    path = tmp_path / "000001.seg"
    reader = SegmentReader(path)
    assert reader.next_group() is not None
    flip(path, reader.offset + GROUP_HEADER_BYTES)
    with pytest.raises(Corrupt, match=f"damaged at offset {reader.offset}: records after 5 were"):
        numbers(tmp_path)


def test_a_bad_newest_group_is_an_interrupted_write(tmp_path: Path) -> None:
    begin_day(tmp_path)
    write_run(tmp_path, [RECORDS[:5], RECORDS[5:8]], finish=False)
    flip(tmp_path / "000001.seg", (tmp_path / "000001.seg").stat().st_size - 1)
    assert numbers(tmp_path) == [1, 2, 3, 4, 5]


def test_a_bad_newest_group_of_a_finished_segment_is_damage(tmp_path: Path) -> None:
    begin_day(tmp_path)
    write_run(tmp_path, [RECORDS[:5]])
    flip(tmp_path / "000001.seg", SEGMENT_HEADER_BYTES + GROUP_HEADER_BYTES)
    with pytest.raises(Corrupt, match="records after 0 were safely stored"):
        numbers(tmp_path)


@pytest.mark.parametrize("segment", ["000001.seg", "000002.seg"])
def test_a_damaged_segment_header_is_told(tmp_path: Path, segment: str) -> None:
    begin_day(tmp_path)
    write_run(tmp_path, [RECORDS[:5]], finish=False)
    write_run(tmp_path, [RECORDS[5:8]], finish=False)
    flip(tmp_path / segment, 12)
    with pytest.raises(Corrupt, match=f"{segment} is damaged at offset 0"):
        numbers(tmp_path)


def test_groups_of_one_segment_in_the_wrong_order_are_a_hole(tmp_path: Path) -> None:
    begin_day(tmp_path)
    write_run(tmp_path, [RECORDS[:5], RECORDS[5:8]], finish=False)
    path = tmp_path / "000001.seg"
    reader = SegmentReader(path)
    assert reader.next_group() is not None
    data = path.read_bytes()
    path.write_bytes(data[:SEGMENT_HEADER_BYTES] + data[reader.offset :])
    with pytest.raises(Corrupt, match=f"at offset {SEGMENT_HEADER_BYTES}: record 1 was expected"):
        numbers(tmp_path)


def test_a_group_that_does_not_decode_is_corrupt_at_its_offset(tmp_path: Path) -> None:
    begin_day(tmp_path)
    write_run(tmp_path, [RECORDS[:5], RECORDS[5:8]], finish=False)
    reader = SegmentReader(tmp_path / "000001.seg")
    reader.next_group()
    second = reader.next_group()
    assert second is not None
    with pytest.raises(Corrupt, match=f"at offset {second.offset}") as told:
        SegmentReader(reader.path).decode(second)  # without the first one's part of the stream
    assert told.value.offset == second.offset


def test_a_segment_of_a_later_format_is_told_with_its_file(tmp_path: Path) -> None:
    begin_day(tmp_path)
    write_run(tmp_path, [RECORDS[:5]])
    path = tmp_path / "000001.seg"
    header = SegmentReader(path).read_header()
    assert header is not None
    newer = later_version(header.pack())
    path.write_bytes(newer + path.read_bytes()[SEGMENT_HEADER_BYTES:])
    with pytest.raises(Corrupt, match=r"000001\.seg: segment 1 has format 2"):
        numbers(tmp_path)


def test_a_reader_goes_on_where_it_stopped_while_the_journal_grows(tmp_path: Path) -> None:
    begin_day(tmp_path)
    reader = JournalReader(tmp_path, 3)
    assert reader.read() == []
    writer = open_writer(tmp_path, segment_bytes=200)
    assert reader.read() == []
    seen: list[int] = []
    for at in range(0, 30, 3):
        writer.commit(RECORDS[at : at + 3])
        while records := reader.read():
            seen += [frame.seq for frame in records]
        assert seen == list(range(3, at + 4))
    writer.finish()
    assert reader.read() == []
    assert len(segments(tmp_path)) > 3


def test_a_reader_sees_only_whole_groups_of_a_write_under_way(tmp_path: Path) -> None:
    begin_day(tmp_path)
    write_run(tmp_path, [RECORDS[:5], RECORDS[5:8]], finish=False)
    path = tmp_path / "000001.seg"
    data = path.read_bytes()
    path.write_bytes(b"")
    reader = JournalReader(tmp_path)
    seen: list[int] = []
    with path.open("ab", buffering=0) as file:
        for at in range(len(data)):
            file.write(data[at : at + 1])
            seen += [frame.seq for frame in reader.read()]
    assert seen == list(range(1, 9))


def test_what_became_whole_while_it_was_doubted_is_no_damage(tmp_path: Path) -> None:
    begin_day(tmp_path)
    write_run(tmp_path, [RECORDS[:5], RECORDS[5:8]], finish=False)
    path = tmp_path / "000001.seg"
    data = path.read_bytes()
    headless, short = SegmentReader(path), SegmentReader(path)
    path.write_bytes(data[:10])
    assert headless.read_header() is None
    assert headless.next_group() is None
    path.write_bytes(data[: SEGMENT_HEADER_BYTES + 5])
    assert short.next_group() is None
    path.write_bytes(data)
    assert not headless.is_damaged(0)
    assert not short.is_damaged(0)


def test_a_segment_that_grew_before_the_next_was_begun_is_read_to_its_end(tmp_path: Path) -> None:
    begin_day(tmp_path)
    write_run(tmp_path, [RECORDS[:5], RECORDS[5:8]])
    write_run(tmp_path, [RECORDS[8:10]])
    path = tmp_path / "000001.seg"
    whole = path.read_bytes()
    first = SegmentReader(path)
    first.next_group()
    listings = chain([whole[: first.offset]], repeat(whole))

    class Busy(type(tmp_path)):  # type: ignore[misc]  # the platform's own kind of path
        """A folder whose writer comes in between just before it is listed."""

        def iterdir(self) -> Iterator[Path]:
            path.write_bytes(next(listings))
            return tmp_path.iterdir()

    assert numbers(Busy(tmp_path)) == list(range(1, 11))


def later_version(header: bytes) -> bytes:
    body = bytearray(header[:-4])
    struct.pack_into("<H", body, 8, 2)
    return bytes(body) + struct.pack("<I", crc32(body))
