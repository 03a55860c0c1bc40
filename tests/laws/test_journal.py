"""What holds for every journal, however it was cut, damaged, restarted or read."""

import asyncio
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.day import begin_day, frames, write_run
from tests.fakes.disk import FaultyDisk
from tests.laws import changes

from firki.capture.journal import DayJournal, JournalSettings, open_journal
from firki.capture.journal_day import segments
from firki.capture.journal_disk import DiskError
from firki.capture.journal_reader import JournalReader, read_records
from firki.capture.journal_recovery import recover
from firki.capture.journal_verify import verify
from firki.capture.segment_reader import SegmentReader
from firki.errors import Corrupt, FirkiError
from firki.ports import Frame, RecordKind

PAYLOADS = st.lists(st.binary(max_size=60), max_size=12)
RUNS = st.lists(st.lists(PAYLOADS, max_size=3), min_size=1, max_size=4)


def read_all(folder: Path) -> tuple[list[Frame], Corrupt | None]:
    """What is read before the end or the damage."""
    seen: list[Frame] = []
    try:
        seen.extend(read_records(folder))
    except Corrupt as error:
        return seen, error
    return seen, None


def where_records_end(path: Path) -> int:
    """Behind the last group that holds any."""
    reader, end = SegmentReader(path), 0
    while group := reader.next_group():
        end = reader.offset if group.header.records else end
    return end


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Frame]]:
    """Two segments: one of a killed run, one finished in order, with three groups each."""
    folder = begin_day(tmp_path_factory.mktemp("small"))
    records = frames([b"tick", b"", b"tock", b"x" * 30, b"y", b"zz", b"last"])
    write_run(folder, [records[:2], records[2:3], records[3:4]], finish=False)
    write_run(folder, [records[4:5], records[5:6], records[6:]])
    return folder, records


@pytest.fixture
def copy(small: tuple[Path, list[Frame]], tmp_path: Path) -> Path:
    return Path(shutil.copytree(small[0], tmp_path / "copy"))


@pytest.mark.parametrize("name", ["000001.seg", "000002.seg"])
def test_a_journal_cut_at_any_byte_yields_a_prefix_of_its_records(
    small: tuple[Path, list[Frame]], copy: Path, name: str
) -> None:
    records, whole = small[1], (copy / name).read_bytes()
    lengths = set()
    for size in range(len(whole)):
        (copy / name).write_bytes(whole[:size])
        seen, damage = read_all(copy)
        assert seen == records[: len(seen)]
        # A cut older segment is a hole, since the next one goes on with a later number.
        assert (damage is not None) == (name == "000001.seg")
        lengths.add(len(seen))
    assert lengths == ({0, 2, 3} if name == "000001.seg" else {4, 5, 6, 7})


@pytest.mark.slow
@pytest.mark.parametrize("name", ["000001.seg", "000002.seg"])
def test_a_flipped_bit_anywhere_is_never_read_as_data(
    small: tuple[Path, list[Frame]], copy: Path, name: str
) -> None:
    records, whole = small[1], (copy / name).read_bytes()
    end_mark = where_records_end(copy / name)
    for bit in range(len(whole) * 8):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        (copy / name).write_bytes(damaged)
        seen, damage = read_all(copy)
        assert seen == records[: len(seen)]
        if damage is None:  # only the mark at the very end holds no record
            assert name == "000002.seg"
            assert bit // 8 >= end_mark
            assert seen == records


@pytest.mark.parametrize("name", ["000001.seg", "000002.seg"])
def test_verify_counts_exactly_what_can_be_read_around_the_damage(
    small: tuple[Path, list[Frame]], copy: Path, name: str
) -> None:
    records, whole = small[1], (copy / name).read_bytes()
    for offset in range(0, where_records_end(copy / name), 3):
        (copy / name).write_bytes(whole[:offset] + b"\xa5" + whole[offset + 1 :])
        found = verify(copy)
        if (copy / name).read_bytes() == whole:
            continue
        assert found.bad == 1
        assert found.faults[0].file == name
        assert found.frames < len(records)


@pytest.mark.slow
@given(RUNS, st.integers(60, 400), st.data())
def test_numbering_is_dense_and_contents_are_kept_over_restarts_and_torn_tails(
    runs: list[list[list[bytes]]], segment_bytes: int, data: st.DataObject
) -> None:
    with TemporaryDirectory() as name:
        folder = begin_day(Path(name))
        kept: list[Frame] = []
        for groups in runs:
            records: list[list[Frame]] = []
            for payloads in groups:
                first = len(kept) + sum(map(len, records)) + 1
                records.append(frames(payloads, first=first, kind=RecordKind.TEXT))
            write_run(folder, records, segment_bytes=segment_bytes, finish=data.draw(st.booleans()))
            kept += [frame for group in records for frame in group]
            if data.draw(st.booleans()):
                with segments(folder)[-1].open("ab") as file:
                    file.write(data.draw(st.binary(max_size=80)))
        assert list(read_records(folder)) == kept
        assert [frame.seq for frame in kept] == list(range(1, len(kept) + 1))
        found = verify(folder)
        assert (found.frames, found.bad) == (len(kept), 0)
        from_seq = data.draw(st.integers(1, len(kept) + 2))
        assert list(read_records(folder, from_seq)) == kept[from_seq - 1 :]


@pytest.mark.slow
@given(PAYLOADS, st.integers(1, 60), st.integers(0, 2))
def test_a_reader_beside_a_growing_file_sees_prefixes_only(
    payloads: list[bytes], step: int, from_group: int
) -> None:
    with TemporaryDirectory() as name:
        folder = begin_day(Path(name))
        records = frames(payloads)
        write_run(folder, [records[:3], records[3:7], records[7:]])
        path = folder / "000001.seg"
        whole = path.read_bytes()
        path.write_bytes(b"")
        reader = JournalReader(folder)
        seen: list[Frame] = []
        with path.open("ab", buffering=0) as file:
            for at in range(0, len(whole), step):
                file.write(whole[at : at + step])
                while more := reader.read():
                    seen += more
                assert seen == records[: len(seen)]
        assert seen == records


@pytest.mark.slow
@given(RUNS, st.integers(60, 400), changes.chances)
def test_a_fuzzed_segment_yields_a_prefix_and_what_was_kept_around_it(
    runs: list[list[list[bytes]]], segment_bytes: int, chance: Random
) -> None:
    with TemporaryDirectory() as name:
        folder = begin_day(Path(name))
        kept: list[Frame] = []
        for groups in runs:
            for payloads in groups:
                more = frames(payloads, first=len(kept) + 1)
                write_run(folder, [more], segment_bytes=segment_bytes, finish=chance.random() < 0.5)
                kept += more
        for _ in range(changes.AT_A_DRAW if kept else 0):
            path = chance.choice(segments(folder))
            whole = path.read_bytes()
            path.write_bytes(changes.changed(whole, chance))
            seen, damage = read_all(folder)
            assert seen == kept[: len(seen)], path.read_bytes().hex()
            found = verify(folder)
            assert len(seen) <= found.frames <= len(kept), path.read_bytes().hex()
            assert damage is None or found.bad, path.read_bytes().hex()
            newest = path == segments(folder)[-1]
            assert damage or newest or seen == kept, path.read_bytes().hex()
            starts_or_refuses(folder, kept)
            path.write_bytes(whole)


def starts_or_refuses(folder: Path, kept: list[Frame]) -> None:
    """A new run refuses what is damaged, or goes on after a record and is read from there."""
    try:
        newest = recover(folder, FaultyDisk()).newest
    except Corrupt:
        return
    assert newest <= len(kept)
    earlier, more = segments(folder), frames([b"more", b"and more"], first=newest + 1)
    write_run(folder, [more])
    assert list(read_records(folder, newest + 1)) == more
    for path in set(segments(folder)) - set(earlier):
        path.unlink()


def faults_in_turn() -> Iterator[tuple[str, int]]:
    for operation in ("write", "sync", "create", "sync_path"):
        for number in range(1, 9):
            yield operation, number


@pytest.mark.parametrize(("operation", "number"), list(faults_in_turn()))
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_whatever_call_of_the_disk_fails_no_acknowledged_record_is_lost(
    tmp_path: Path, operation: str, number: int, error: int
) -> None:
    begin_day(tmp_path)
    disk = FaultyDisk({(operation, number): error})

    async def fill(journal: DayJournal) -> int:
        acknowledged = 0
        async with journal:
            for n in range(8):
                journal.append(n, 0, b"%d" % n)
                await journal.flush()
                acknowledged = journal.acknowledged
                assert acknowledged == n + 1
        return acknowledged

    settings = JournalSettings(sync_seconds=3600, segment_bytes=100)
    failed = False
    acknowledged = 0
    try:
        journal = open_journal(tmp_path, disk=disk, settings=settings)
        try:
            asyncio.run(fill(journal))
        except DiskError:
            failed = True
        acknowledged = journal.acknowledged
    except FirkiError:
        failed = True
    assert failed == (disk.calls[operation] >= number)
    assert failed or acknowledged == 8
    stored = list(read_records(tmp_path))
    assert [frame.seq for frame in stored[:acknowledged]] == list(range(1, acknowledged + 1))
    assert verify(tmp_path).bad == 0
    asyncio.run(fill_two_more(tmp_path, settings, len(stored)))


async def fill_two_more(folder: Path, settings: JournalSettings, found: int) -> None:
    async with open_journal(folder, disk=FaultyDisk(), settings=settings) as journal:
        assert journal.newest == found
        journal.append(0, 0, b"more")
        journal.append(0, 0, b"and more")
    assert [frame.seq for frame in read_records(folder)] == list(range(1, found + 3))
