import asyncio
import errno
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.fakes.day import OPEN_TS, begin_day, write_run
from tests.fakes.disk import FaultyDisk

from firki.capture.journal import DayJournal, JournalSettings, open_journal
from firki.capture.journal_disk import Disk, DiskError, SystemDisk
from firki.capture.journal_reader import read_records
from firki.capture.recent import OVERHEAD_BYTES
from firki.capture.segment import LARGEST_PAYLOAD
from firki.errors import ConfigError, Corrupt, FirkiError, Rejected
from firki.ports import Frame, Journal, RecordKind, Reports

ONLY_WHEN_ASKED = 3600.0


def opened(
    folder: Path,
    *,
    disk: Disk | None = None,
    sync_seconds: float = ONLY_WHEN_ASKED,
    backlog_bytes: int = 1 << 20,
    memory_bytes: int = 1 << 20,
    segment_bytes: int = 1 << 20,
) -> DayJournal:
    return open_journal(
        folder,
        disk=disk or FaultyDisk(),
        settings=JournalSettings(
            sync_seconds=sync_seconds,
            backlog_bytes=backlog_bytes,
            memory_bytes=memory_bytes,
            segment_bytes=segment_bytes,
        ),
    )


def append(journal: DayJournal, count: int) -> list[Frame]:
    return [journal.append(OPEN_TS, 0, b"%04d" % n) for n in range(count)]


async def soon(thing: DayJournal, acknowledged: int) -> None:
    """Until the journal's thread has come so far."""
    async with asyncio.timeout(10):
        while thing.acknowledged < acknowledged:
            await asyncio.sleep(0)


async def test_it_is_the_journal_and_the_report_others_ask_for(tmp_path: Path) -> None:
    async with opened(begin_day(tmp_path)) as opened_journal:
        journal: Journal = opened_journal
        reports: Reports = opened_journal
        frame = journal.append(OPEN_TS, 2, b"tick", RecordKind.TEXT)
        assert frame == Frame(1, OPEN_TS, 2, b"tick", RecordKind.TEXT)
        assert reports.report()["newest"] == 1


async def test_records_are_numbered_from_one_and_acknowledged_when_durable(tmp_path: Path) -> None:
    async with opened(begin_day(tmp_path)) as journal:
        records = append(journal, 5)
        assert [frame.seq for frame in records] == [1, 2, 3, 4, 5]
        assert (journal.newest, journal.acknowledged) == (5, 0)
        assert list(journal.read()) == []
        await journal.flush()
        assert (journal.newest, journal.acknowledged) == (5, 5)
        assert list(journal.read()) == records
        assert list(journal.read(4)) == records[3:]


async def test_numbering_goes_on_over_restarts(tmp_path: Path) -> None:
    begin_day(tmp_path)
    for run in range(3):
        async with opened(tmp_path) as journal:
            assert (journal.newest, journal.acknowledged) == (run * 4, run * 4)
            append(journal, 4)
    assert [frame.seq for frame in read_records(tmp_path)] == list(range(1, 13))


async def test_without_being_asked_it_commits_once_a_period(tmp_path: Path) -> None:
    async with opened(begin_day(tmp_path), sync_seconds=0.01) as journal:
        append(journal, 3)
        await soon(journal, 3)
        append(journal, 1)
        await soon(journal, 4)


async def test_what_is_appended_within_a_period_takes_one_fsync(tmp_path: Path) -> None:
    disk = FaultyDisk()
    async with opened(begin_day(tmp_path), disk=disk) as journal:
        append(journal, 1)
        await journal.flush()
        before = disk.calls["sync"]
        append(journal, 500)
        await journal.flush()
        assert disk.calls["sync"] == before + 1


async def test_an_idle_journal_leaves_the_disk_alone(tmp_path: Path) -> None:
    disk = FaultyDisk()
    async with opened(begin_day(tmp_path), disk=disk, sync_seconds=0.001) as journal:
        before = disk.calls.copy()
        for _ in range(5):
            await journal.flush()
        assert disk.calls == before


async def test_append_does_not_wait_for_a_slow_fsync(tmp_path: Path) -> None:
    disk = FaultyDisk()
    async with opened(begin_day(tmp_path), disk=disk) as journal:
        disk.gate.clear()
        disk.syncing.clear()
        append(journal, 1)
        flushing = asyncio.create_task(journal.flush())
        await asyncio.to_thread(disk.syncing.wait)
        append(journal, 100)
        assert (journal.newest, journal.acknowledged) == (101, 0)
        assert list(journal.read()) == []  # the bytes are there, the fsync has not returned
        assert journal.report()["oldest_unacknowledged_seconds"] > 0
        disk.gate.set()
        await flushing
        assert journal.acknowledged >= 1
        await journal.flush()
        assert journal.acknowledged == 101
        assert journal.report()["append_waits"] == 0


async def test_a_full_backlog_makes_append_wait_and_loses_nothing(tmp_path: Path) -> None:
    disk = FaultyDisk()
    room_for_two = 2 * (OVERHEAD_BYTES + 4)
    async with opened(begin_day(tmp_path), disk=disk, backlog_bytes=room_for_two) as journal:
        disk.gate.clear()
        append(journal, 2)
        third = threading.Thread(target=append, args=(journal, 1))
        third.start()
        async with asyncio.timeout(10):
            while not journal.report()["append_waits"]:
                await asyncio.sleep(0)
        assert journal.newest == 2
        disk.gate.set()
        await asyncio.to_thread(third.join)
        assert journal.newest == 3
        assert journal.report()["append_waited_seconds"] > 0
    assert [frame.seq for frame in read_records(tmp_path)] == [1, 2, 3]


async def test_a_record_larger_than_the_whole_backlog_is_taken_alone(tmp_path: Path) -> None:
    async with opened(begin_day(tmp_path), backlog_bytes=10) as journal:
        append(journal, 3)
        await journal.flush()
        assert journal.report()["append_waits"] == 3
        assert journal.acknowledged == 3


async def test_a_failure_ends_the_wait_for_room(tmp_path: Path) -> None:
    disk = FaultyDisk({("sync", 2): errno.EIO})
    journal = opened(begin_day(tmp_path), disk=disk, backlog_bytes=200)
    append(journal, 1)
    with pytest.raises(DiskError):
        append(journal, 1)
    assert journal.newest == 1


@pytest.mark.parametrize(
    ("received_ts", "connection", "size"),
    [(OPEN_TS, 0, LARGEST_PAYLOAD + 1), (OPEN_TS, -1, 1), (OPEN_TS, 1 << 31, 1), (-1, 0, 1)],
)
async def test_a_record_that_cannot_be_kept_is_refused_and_takes_no_number(
    tmp_path: Path, received_ts: int, connection: int, size: int
) -> None:
    async with opened(begin_day(tmp_path), backlog_bytes=1 << 30) as journal:
        with pytest.raises(Rejected, match="does not fit the journal"):
            journal.append(received_ts, connection, bytes(size))
        assert journal.append(OPEN_TS, 0, bytes(LARGEST_PAYLOAD)).seq == 1


async def test_a_failed_fsync_is_final(tmp_path: Path) -> None:
    disk = FaultyDisk({("sync", 3): errno.EIO})
    told: list[FirkiError] = []
    journal = open_journal(
        begin_day(tmp_path),
        disk=disk,
        settings=JournalSettings(sync_seconds=ONLY_WHEN_ASKED),
        on_failure=told.append,
    )
    append(journal, 2)
    await journal.flush()
    append(journal, 1)
    with pytest.raises(DiskError, match="Records after 2 are not safe and no more are taken"):
        await journal.flush()
    for _ in range(2):
        with pytest.raises(DiskError, match="check the disk"):
            append(journal, 1)
    with pytest.raises(DiskError):
        await journal.flush()
    with pytest.raises(DiskError):
        await journal.close()
    assert journal.acknowledged == 2
    assert journal.newest == 3
    assert disk.calls["sync"] == 3
    assert [str(failure) for failure in told] == [journal.report()["failure"]]


async def test_after_a_failure_a_new_start_goes_on(tmp_path: Path) -> None:
    begin_day(tmp_path)
    journal = opened(tmp_path, disk=FaultyDisk({("write", 3): errno.ENOSPC}))
    append(journal, 2)
    await journal.flush()
    append(journal, 1)
    with pytest.raises(DiskError, match="free space on that disk"):
        await journal.flush()
    async with opened(tmp_path) as journal:
        assert journal.newest == 2
        assert journal.report()["torn_bytes"] > 0
        assert append(journal, 1)[0].seq == 3


async def test_an_error_nobody_foresaw_is_a_failure_too(tmp_path: Path) -> None:
    class Broken(FaultyDisk):
        def check(self, operation: str) -> None:
            super().check(operation)
            if self.calls["sync"] == 2:
                raise RuntimeError("what is this")

    journal = opened(begin_day(tmp_path), disk=Broken())
    append(journal, 1)
    with pytest.raises(DiskError, match="what is this"):
        await journal.flush()


async def test_a_file_that_cannot_even_be_closed_changes_nothing(tmp_path: Path) -> None:
    class Stuck(SystemDisk):
        def create(self, path: Path) -> "StuckFile":  # type: ignore[override]  # a fake file
            return StuckFile(self)

    class StuckFile:
        def __init__(self, disk: Stuck) -> None:
            self._syncs = 0

        def write(self, data: bytes) -> None:
            pass

        def sync(self) -> None:
            self._syncs += 1
            if self._syncs > 1:
                raise OSError(errno.EIO, "gone")

        def close(self) -> None:
            raise OSError(errno.EIO, "gone too")

    journal = opened(begin_day(tmp_path), disk=Stuck())
    append(journal, 1)
    with pytest.raises(DiskError, match="gone: check the disk"):
        await journal.flush()


async def test_leaving_with_an_error_keeps_that_error(tmp_path: Path) -> None:
    async def use(error: Exception | None) -> None:
        disk = FaultyDisk({("sync", 2): errno.EIO})
        async with opened(begin_day(tmp_path), disk=disk) as journal:
            append(journal, 1)
            if error is not None:
                raise error

    with pytest.raises(KeyError):
        await use(KeyError("first"))
    with pytest.raises(DiskError):
        await use(None)


async def test_a_closed_journal_holds_everything_and_takes_no_more(tmp_path: Path) -> None:
    journal = opened(begin_day(tmp_path))
    append(journal, 3)
    await journal.close()
    assert journal.acknowledged == journal.newest == 3
    with pytest.raises(Rejected, match="is closed"):
        append(journal, 1)
    await journal.flush()
    await journal.close()
    assert len(list(read_records(tmp_path))) == 3


def test_a_day_that_was_not_begun_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no header\.json"):
        open_journal(tmp_path)


def test_a_disk_that_fails_at_the_start_says_so(tmp_path: Path) -> None:
    write_run(begin_day(tmp_path), [])
    with pytest.raises(DiskError, match=f"reading {tmp_path} failed"):
        opened(tmp_path, disk=FaultyDisk({("sync_path", 1): errno.EIO}))


async def test_the_system_disk_and_the_settings_are_the_defaults(tmp_path: Path) -> None:
    async with open_journal(begin_day(tmp_path)) as journal:
        append(journal, 1)
    assert journal.acknowledged == 1


async def test_the_report_tells_where_the_journal_stands(tmp_path: Path) -> None:
    async with opened(begin_day(tmp_path), segment_bytes=100) as journal:
        append(journal, 5)
        before = journal.report()
        assert (before["newest"], before["acknowledged"]) == (5, 0)
        assert before["backlog_bytes"] == 5 * (OVERHEAD_BYTES + 4)
        await journal.flush()
        after = journal.report()
        assert after["backlog_bytes"] == after["oldest_unacknowledged_seconds"] == 0
        assert after["segment"] == 3
        assert after["raw_bytes"] == 5 * 36
        assert after["stored_bytes"] > 5 * 36
        assert after["slowest_fsync_milliseconds"] >= after["fsync_milliseconds"] > 0
        assert after["failure"] is None


async def take(stream: AsyncIterator[Frame], count: int) -> list[int]:
    return [(await anext(stream)).seq for _ in range(count)]


async def test_a_follower_gets_the_past_and_then_what_comes(tmp_path: Path) -> None:
    begin_day(tmp_path)
    async with opened(tmp_path) as journal:
        append(journal, 10)
    async with opened(tmp_path) as journal:
        append(journal, 10)
        stream = journal.follow(4)
        assert await take(stream, 17) == list(range(4, 21))
        coming = asyncio.create_task(take(stream, 3))
        await asyncio.sleep(0)
        append(journal, 3)
        assert await coming == [21, 22, 23]


async def test_a_follower_behind_what_memory_holds_goes_on_from_disk(tmp_path: Path) -> None:
    journal = opened(begin_day(tmp_path), memory_bytes=3 * (OVERHEAD_BYTES + 4), segment_bytes=500)
    async with journal:
        stream = journal.follow(1)
        append(journal, 1)
        assert await take(stream, 1) == [1]
        for _ in range(4):
            append(journal, 20)
            await journal.flush()
        append(journal, 5)
        assert await take(stream, 84) == list(range(2, 86))
        for _ in range(2):  # behind once more
            append(journal, 20)
            await journal.flush()
        assert await take(stream, 40) == list(range(86, 126))


async def test_followers_do_not_share_what_they_have_seen(tmp_path: Path) -> None:
    async with opened(begin_day(tmp_path)) as journal:
        append(journal, 5)
        first, second = journal.follow(1), journal.follow(3)
        assert await take(first, 5) == [1, 2, 3, 4, 5]
        assert await take(second, 3) == [3, 4, 5]
        both = asyncio.gather(take(first, 1), take(second, 1))
        await asyncio.sleep(0)
        append(journal, 1)
        assert list(await both) == [[6], [6]]


async def test_a_follower_may_ask_for_what_is_yet_to_come(tmp_path: Path) -> None:
    async with opened(begin_day(tmp_path)) as journal:
        waiting = asyncio.create_task(take(journal.follow(3), 1))
        await asyncio.sleep(0)
        append(journal, 2)
        await asyncio.sleep(0)
        assert not waiting.done()
        append(journal, 1)
        assert await waiting == [3]


async def test_a_follower_of_much_lets_others_run(tmp_path: Path) -> None:
    async with opened(begin_day(tmp_path)) as journal:
        append(journal, 1000)
        stream = journal.follow(1)
        ran: list[int] = []
        asyncio.get_running_loop().call_soon(ran.append, 1)
        await take(stream, 300)
        assert ran == [1]


async def test_following_ends_with_the_journal(tmp_path: Path) -> None:
    journal = opened(begin_day(tmp_path))
    append(journal, 2)

    async def follow_all() -> list[int]:
        return [frame.seq async for frame in journal.follow(1)]

    following = asyncio.create_task(follow_all())
    await asyncio.sleep(0)
    append(journal, 1)
    await journal.close()
    assert await following == [1, 2, 3]
    assert await follow_all() == [1, 2, 3]


async def test_a_follower_is_told_that_the_disk_failed(tmp_path: Path) -> None:
    journal = opened(begin_day(tmp_path), disk=FaultyDisk({("sync", 2): errno.EIO}))
    append(journal, 2)
    stream = journal.follow(1)
    assert await take(stream, 1) == [1]
    with pytest.raises(DiskError):
        await journal.flush()
    assert await take(stream, 1) == [2]
    with pytest.raises(DiskError):
        await anext(stream)


async def test_a_follower_is_refused_a_number_below_one(tmp_path: Path) -> None:
    async with opened(begin_day(tmp_path)) as journal:
        with pytest.raises(Rejected, match="numbered from 1 and 0 was asked for"):
            await anext(journal.follow(0))


async def test_records_that_vanish_under_a_follower_are_told(tmp_path: Path) -> None:
    begin_day(tmp_path)
    write_run(tmp_path, [])
    async with opened(tmp_path, memory_bytes=0) as journal:
        append(journal, 1)
        await journal.flush()
        append(journal, 1)
        (tmp_path / "000002.seg").unlink()
        with pytest.raises(Corrupt, match=r"record 1 was stored in .* and is no longer there"):
            await anext(journal.follow(1))
