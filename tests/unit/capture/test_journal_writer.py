import errno
from pathlib import Path

import pytest
from tests.fakes.day import begin_day, frames, open_writer, write_run
from tests.fakes.disk import FaultyDisk

from firki.capture.journal_day import segments
from firki.capture.journal_disk import DiskError
from firki.capture.journal_reader import read_records
from firki.capture.segment import RECORD_HEADER_BYTES
from firki.capture.segment_reader import SegmentReader
from firki.capture.segment_writer import GROUP_BYTES
from firki.errors import Busy


def group_counts(path: Path) -> list[int]:
    reader = SegmentReader(path)
    return [header.records for header in iter(reader.next_group_header, None)]


def test_a_commit_is_one_group_and_a_finished_segment_says_so(tmp_path: Path) -> None:
    records = frames([b"a", b"bb", b"ccc"])
    write_run(begin_day(tmp_path), [records[:2], records[2:]])
    assert group_counts(tmp_path / "000001.seg") == [2, 1, 0]
    assert list(read_records(tmp_path)) == records


def test_a_large_commit_is_cut_into_groups_of_a_megabyte(tmp_path: Path) -> None:
    size = GROUP_BYTES // 4
    records = frames([bytes([n]) * size for n in range(10)])
    write_run(begin_day(tmp_path), [records], segment_bytes=100 * GROUP_BYTES)
    assert group_counts(tmp_path / "000001.seg") == [4, 4, 2, 0]
    assert list(read_records(tmp_path)) == records


def test_a_segment_holds_no_more_raw_bytes_than_the_limit(tmp_path: Path) -> None:
    record = RECORD_HEADER_BYTES + 10
    records = frames([b"x" * 10] * 7)
    write_run(begin_day(tmp_path), [records[:1], records[1:]], segment_bytes=3 * record)
    assert [group_counts(path) for path in segments(tmp_path)] == [[1, 2, 0], [3, 0], [1, 0]]
    headers = [SegmentReader(path).read_header() for path in segments(tmp_path)]
    assert [(h.number, h.first_seq) for h in headers if h] == [(1, 1), (2, 4), (3, 7)]
    assert list(read_records(tmp_path)) == records


def test_a_record_larger_than_a_segment_has_one_to_itself(tmp_path: Path) -> None:
    records = frames([b"a", b"x" * 1000, b"b"])
    write_run(begin_day(tmp_path), [records], segment_bytes=100)
    assert [group_counts(path) for path in segments(tmp_path)] == [[1, 0], [1, 0], [1, 0]]


def test_raw_and_stored_bytes_are_counted_over_all_segments(tmp_path: Path) -> None:
    writer = open_writer(begin_day(tmp_path), segment_bytes=500)
    writer.commit(frames([bytes(100)] * 20))
    writer.finish()
    assert writer.raw_bytes == 20 * (RECORD_HEADER_BYTES + 100)
    assert writer.stored_bytes == sum(path.stat().st_size for path in segments(tmp_path))
    assert writer.number == len(segments(tmp_path)) == 7
    assert writer.sync_seconds >= 0


def test_a_new_run_never_writes_to_an_older_segment(tmp_path: Path) -> None:
    begin_day(tmp_path)
    write_run(tmp_path, [frames([b"a"])], finish=False)
    before = (tmp_path / "000001.seg").read_bytes()
    write_run(tmp_path, [frames([b"b"], first=2)])
    assert (tmp_path / "000001.seg").read_bytes() == before
    assert [frame.payload for frame in read_records(tmp_path)] == [b"a", b"b"]


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "free space on that disk"),
        (errno.EDQUOT, "raise the quota"),
        (errno.EROFS, "make the file system writable"),
        (errno.EFBIG, "raise the limit on file sizes"),
        (errno.EACCES, "let this user write there"),
        (errno.EIO, "check the disk"),
    ],
)
def test_an_error_of_the_disk_says_what_to_do(tmp_path: Path, number: int, advice: str) -> None:
    writer = open_writer(begin_day(tmp_path), disk=FaultyDisk({("sync", 2): number}))
    with pytest.raises(DiskError, match=rf"writing .*000001\.seg failed: .*: {advice}"):
        writer.commit(frames([b"a"]))
    writer.close()


@pytest.mark.parametrize("operation", ["create", "write", "sync"])
def test_a_segment_that_cannot_be_begun_is_an_error_of_the_disk(
    tmp_path: Path, operation: str
) -> None:
    with pytest.raises(DiskError, match=r"creating .*000001\.seg failed"):
        open_writer(begin_day(tmp_path), disk=FaultyDisk({(operation, 1): errno.EIO}))


def test_a_segment_that_cannot_be_finished_is_an_error_of_the_disk(tmp_path: Path) -> None:
    writer = open_writer(begin_day(tmp_path), disk=FaultyDisk({("sync", 3): errno.EIO}))
    writer.commit(frames([b"a"]))
    with pytest.raises(DiskError, match="finishing"):
        writer.finish()
    writer.close()


def test_a_segment_number_that_another_process_took_is_busy(tmp_path: Path) -> None:
    begin_day(tmp_path)
    writer = open_writer(tmp_path, segment_bytes=50)
    (tmp_path / "000002.seg").write_bytes(b"theirs")
    with pytest.raises(Busy, match=r"000002\.seg was created by another process"):
        writer.commit(frames([b"a" * 40, b"b" * 40]))
    assert (tmp_path / "000002.seg").read_bytes() == b"theirs"
    writer.close()
