from pathlib import Path

from tests.fakes.day import OPEN_TS, begin_day, frames, open_writer, write_run

from firki.capture.journal_day import read_header
from firki.capture.journal_info import info
from firki.capture.segment import RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES

RECORDS = frames([b"%04d" % n for n in range(1, 21)])


def test_a_day_is_told_segment_by_segment_and_in_sum(tmp_path: Path) -> None:
    begin_day(tmp_path)
    write_run(tmp_path, [RECORDS[:5], RECORDS[5:10]])
    write_run(tmp_path, [], finish=False)
    write_run(tmp_path, [RECORDS[10:]], finish=False)
    told = info(tmp_path)
    assert told.header == read_header(tmp_path)
    assert (told.frames, told.first, told.last) == (20, 1, 20)
    assert (told.first_ts, told.last_ts) == (OPEN_TS + 1_000_000, OPEN_TS + 20_000_000)
    assert told.raw_bytes == 20 * (RECORD_HEADER_BYTES + 4)
    assert told.stored_bytes == sum(path.stat().st_size for path in tmp_path.glob("*.seg"))
    assert [(s.file, s.frames, s.first, s.last, s.finished) for s in told.segments] == [
        ("000001.seg", 10, 1, 10, True),
        ("000002.seg", 0, None, None, False),
        ("000003.seg", 10, 11, 20, False),
    ]


def test_a_day_without_records_has_no_first_and_no_last(tmp_path: Path) -> None:
    told = info(begin_day(tmp_path))
    assert (told.frames, told.first, told.last_ts, told.segments) == (0, None, None, [])


def test_a_write_under_way_is_not_counted(tmp_path: Path) -> None:
    writer = open_writer(begin_day(tmp_path))
    writer.commit(RECORDS[:5])
    path = tmp_path / "000001.seg"
    first = path.stat().st_size
    writer.commit(RECORDS[5:])
    writer.close()
    whole = path.read_bytes()
    for size in range(first, len(whole)):
        path.write_bytes(whole[:size])
        assert info(tmp_path).frames == 5
    path.write_bytes(whole[: SEGMENT_HEADER_BYTES - 1])
    assert info(tmp_path).frames == 0
