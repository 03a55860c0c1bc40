import errno
from pathlib import Path

import pytest
from tests.fakes.day import begin_day, frames, open_writer, write_run
from tests.fakes.disk import FaultyDisk

from firki.capture.journal_day import HEADER_NAME
from firki.capture.journal_disk import DiskError
from firki.capture.journal_reader import read_records
from firki.capture.journal_recovery import Recovered, recover
from firki.capture.segment import GROUP_HEADER_BYTES, SEGMENT_HEADER_BYTES
from firki.errors import ConfigError, Corrupt

RECORDS = frames([b"%04d" % n for n in range(1, 21)])


def two_runs(folder: Path) -> Path:
    begin_day(folder)
    write_run(folder, [RECORDS[:5]], finish=False)
    write_run(folder, [RECORDS[5:8], RECORDS[8:10]], finish=False)
    return folder


def test_a_new_day_starts_at_nothing(tmp_path: Path) -> None:
    assert recover(begin_day(tmp_path), FaultyDisk()) == Recovered(0, 1, 0)


def test_a_run_starts_where_the_last_one_ended(tmp_path: Path) -> None:
    assert recover(two_runs(tmp_path), FaultyDisk()) == Recovered(10, 3, 0)


def test_only_the_newest_segment_is_read(tmp_path: Path) -> None:
    two_runs(tmp_path)
    (tmp_path / "000001.seg").write_bytes(b"rubbish")
    assert recover(tmp_path, FaultyDisk()).newest == 10


def test_what_was_cut_off_is_counted_and_left_where_it_is(tmp_path: Path) -> None:
    two_runs(tmp_path)
    path = tmp_path / "000002.seg"
    data = path.read_bytes()[:-1]
    path.write_bytes(data)
    found = recover(tmp_path, FaultyDisk())
    assert found.newest == 8
    assert 0 < found.torn_bytes < len(data) - GROUP_HEADER_BYTES
    assert path.read_bytes() == data


def test_segments_with_no_whole_header_are_passed_over_and_their_numbers_not_reused(
    tmp_path: Path,
) -> None:
    two_runs(tmp_path)
    (tmp_path / "000003.seg").write_bytes(b"")
    (tmp_path / "000004.seg").write_bytes(b"firkiseg")
    assert recover(tmp_path, FaultyDisk()) == Recovered(10, 5, 8)


def test_only_headless_segments_mean_a_day_without_records(tmp_path: Path) -> None:
    begin_day(tmp_path)
    (tmp_path / "000001.seg").write_bytes(b"fir")
    assert recover(tmp_path, FaultyDisk()) == Recovered(0, 2, 3)


def test_a_segment_with_no_records_yet_still_tells_the_number(tmp_path: Path) -> None:
    two_runs(tmp_path)
    write_run(tmp_path, [], finish=False)
    (tmp_path / "000002.seg").unlink()
    assert recover(tmp_path, FaultyDisk()) == Recovered(10, 4, 0)


def test_what_a_killed_run_wrote_is_made_durable_before_it_is_built_on(tmp_path: Path) -> None:
    disk = FaultyDisk({("sync_path", 1): errno.EIO})
    with pytest.raises(OSError, match="EIO"):
        recover(two_runs(tmp_path), disk)


def test_what_a_failed_sync_left_in_memory_alone_is_not_built_on(tmp_path: Path) -> None:
    disk = FaultyDisk({("sync", 3): errno.EIO})
    writer = open_writer(begin_day(tmp_path), disk=disk)
    writer.commit(RECORDS[:5])
    with pytest.raises(DiskError):
        writer.commit(RECORDS[5:8])
    writer.close()
    assert list(read_records(tmp_path)) == RECORDS[:8], "still cached"
    assert recover(tmp_path, disk).newest == 5
    again = open_writer(tmp_path, disk=disk)
    again.commit(RECORDS[5:7])
    again.finish()
    assert list(read_records(tmp_path)) == RECORDS[:7]


@pytest.mark.parametrize("offset", [3, SEGMENT_HEADER_BYTES + GROUP_HEADER_BYTES + 3])
def test_damage_to_what_was_stored_stops_the_start(tmp_path: Path, offset: int) -> None:
    two_runs(tmp_path)
    path = tmp_path / "000002.seg"
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(Corrupt, match=r"000002\.seg is damaged at offset"):
        recover(tmp_path, FaultyDisk())


def test_a_journal_under_another_header_is_not_gone_on_with(tmp_path: Path) -> None:
    two_runs(tmp_path)
    (tmp_path / HEADER_NAME).write_bytes(b"{}")
    with pytest.raises(Corrupt, match="was not written under the header"):
        recover(tmp_path, FaultyDisk())


def test_a_journal_without_a_header_is_not_gone_on_with(tmp_path: Path) -> None:
    two_runs(tmp_path)
    (tmp_path / HEADER_NAME).unlink()
    with pytest.raises(ConfigError, match=r"has no header\.json"):
        recover(tmp_path, FaultyDisk())
