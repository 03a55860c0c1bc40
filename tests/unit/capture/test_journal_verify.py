from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.fakes.day import begin_day, frames, open_writer, write_run

from firki.capture.journal_day import HEADER_NAME, segments
from firki.capture.journal_verify import Fault, verify
from firki.capture.segment import (
    GROUP_HEADER_BYTES,
    RECORD_HEADER_BYTES,
    SEGMENT_HEADER_BYTES,
    SegmentHeader,
)
from firki.capture.segment_reader import SegmentReader
from firki.ports import RecordKind

RECORDS = frames([b"%04d" % n for n in range(1, 31)])


def three_runs(folder: Path) -> Path:
    begin_day(folder)
    for at in (0, 10, 20):
        write_run(folder, [RECORDS[at : at + 5], RECORDS[at + 5 : at + 10]], finish=False)
    return folder


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(bytes(data))


def groups(path: Path) -> Iterator[int]:
    """Where each group begins, and where the last one ends."""
    reader = SegmentReader(path)
    reader.read_header()
    yield reader.offset
    while reader.next_group():
        yield reader.offset


def test_a_sound_day_is_counted_and_has_no_faults(tmp_path: Path) -> None:
    begin_day(tmp_path)
    write_run(tmp_path, [RECORDS[:10]])
    write_run(tmp_path, [frames([b"hello"], first=11, kind=RecordKind.TEXT)])
    found = verify(tmp_path)
    assert msgspec.to_builtins(found) == {
        "frames": 11,
        "first": 1,
        "last": 11,
        "bad": 0,
        "faults": [],
        "torn_bytes": 0,
        "segments": 2,
        "raw_bytes": 11 * RECORD_HEADER_BYTES + 10 * 4 + 5,
        "stored_bytes": sum(path.stat().st_size for path in segments(tmp_path)),
        "by_kind": {"frame": 10, "text": 1},
    }


def test_a_day_without_records_has_no_first_and_no_last(tmp_path: Path) -> None:
    found = verify(begin_day(tmp_path))
    assert (found.frames, found.first, found.last, found.bad) == (0, None, None, 0)


def test_interrupted_writes_are_torn_bytes_and_no_faults(tmp_path: Path) -> None:
    three_runs(tmp_path)
    (tmp_path / "000004.seg").write_bytes(b"fir")
    for name in ("000001.seg", "000003.seg"):
        with (tmp_path / name).open("ab") as file:
            file.write(b"half a group")
    found = verify(tmp_path)
    assert (found.frames, found.bad, found.torn_bytes) == (30, 0, 3 + 2 * 12)


def test_damage_is_told_once_and_what_lies_behind_is_still_counted(tmp_path: Path) -> None:
    three_runs(tmp_path)
    path = tmp_path / "000002.seg"
    flip(path, SEGMENT_HEADER_BYTES + GROUP_HEADER_BYTES)
    found = verify(tmp_path)
    assert [(fault.file, fault.offset) for fault in found.faults] == [
        ("000002.seg", SEGMENT_HEADER_BYTES)
    ]
    assert (found.bad, found.frames, found.first, found.last) == (1, 20, 1, 30)


def test_a_lost_group_before_a_restart_is_told_at_its_offset(tmp_path: Path) -> None:
    three_runs(tmp_path)
    path = tmp_path / "000002.seg"
    last_group = list(groups(path))[1]
    flip(path, last_group)
    found = verify(tmp_path)
    assert found.faults == [
        Fault("000002.seg", last_group, "record 16 was expected and 21 comes next")
    ]
    assert (found.frames, found.torn_bytes) == (25, 0)


def test_a_lost_segment_is_told_where_the_next_one_begins(tmp_path: Path) -> None:
    three_runs(tmp_path)
    (tmp_path / "000001.seg").unlink()
    found = verify(tmp_path)
    assert found.faults == [Fault("000002.seg", 0, "record 1 was expected and 11 comes next")]
    assert (found.frames, found.first) == (20, 11)


def test_a_damaged_segment_header_is_one_fault(tmp_path: Path) -> None:
    three_runs(tmp_path)
    flip(tmp_path / "000002.seg", 20)
    found = verify(tmp_path)
    assert [(fault.file, fault.offset) for fault in found.faults] == [("000002.seg", 0)]
    assert found.frames == 20


def test_a_group_in_the_wrong_place_is_a_fault(tmp_path: Path) -> None:
    three_runs(tmp_path)
    path = tmp_path / "000002.seg"
    data, (start, second, _) = path.read_bytes(), groups(path)
    path.write_bytes(data[:start] + data[second:])
    found = verify(tmp_path)
    assert found.faults == [Fault("000002.seg", start, "record 11 was expected and 16 found")]
    assert found.frames == 20


def test_a_segment_of_another_day_is_a_fault(tmp_path: Path) -> None:
    three_runs(tmp_path)
    path = tmp_path / "000002.seg"
    stranger = SegmentHeader(2, 11, bytes(16)).pack()
    path.write_bytes(stranger + path.read_bytes()[SEGMENT_HEADER_BYTES:])
    assert verify(tmp_path).faults == [
        Fault("000002.seg", 0, "was not written under the header.json beside it")
    ]


@pytest.mark.parametrize("text", [None, b"[]"])
def test_a_missing_or_damaged_header_is_a_fault_and_the_records_are_read(
    tmp_path: Path, text: bytes | None
) -> None:
    three_runs(tmp_path)
    (tmp_path / HEADER_NAME).unlink()
    if text is not None:
        (tmp_path / HEADER_NAME).write_bytes(text)
    found = verify(tmp_path)
    assert [(fault.file, fault.offset) for fault in found.faults] == [(HEADER_NAME, None)]
    assert found.frames == 30


def test_a_changed_file_beside_the_header_is_a_fault(tmp_path: Path) -> None:
    three_runs(tmp_path)
    (tmp_path / "instruments.csv").write_bytes(b"changed")
    (fault,) = verify(tmp_path).faults
    assert (fault.file, fault.offset) == ("instruments.csv", None)


def test_a_journal_that_is_being_written_can_be_verified(tmp_path: Path) -> None:
    writer = open_writer(begin_day(tmp_path))
    writer.commit(RECORDS[:10])
    assert verify(tmp_path).frames == 10
    writer.commit(RECORDS[10:])
    assert (verify(tmp_path).frames, verify(tmp_path).bad) == (30, 0)
    writer.close()
