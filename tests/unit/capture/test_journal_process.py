"""The journal of a real process on a real disk, under real faults."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest
from tests.fakes import journal_child
from tests.fakes.day import begin_day
from tests.fakes.disk import FaultyDisk
from tests.fakes.journal_child import FAILED, payload

from firki.capture.journal_reader import JournalReader, read_records
from firki.capture.journal_recovery import recover
from firki.capture.journal_verify import verify

pytestmark = pytest.mark.slow

CHILD = Path(journal_child.__file__)
STRACE = shutil.which("strace")


def child(folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, str(CHILD), str(folder), *arguments]


def acknowledged(lines: list[str]) -> int:
    """The newest number in the output of a child; a line cut by a kill does not count."""
    return max((int(line) for line in lines if line.endswith("\n")), default=0)


def check_kept(folder: Path, at_least: int) -> int:
    """Every record up to a number not below ``at_least`` is there as it was appended."""
    stored = list(read_records(folder))
    assert [frame.seq for frame in stored] == list(range(1, len(stored) + 1))
    assert all(frame.payload == payload(frame.seq) for frame in stored)
    assert len(stored) >= at_least
    assert verify(folder).bad == 0
    assert recover(folder, FaultyDisk()).newest == len(stored)
    return len(stored)


def follow_along(folder: Path, lines: IO[str], count: int) -> list[str]:
    """Read the journal beside the process that writes it: what it acknowledged is there."""
    reader = JournalReader(folder)
    seen: list[str] = []
    newest = 0
    for line in lines:
        seen.append(line)
        while frames := reader.read():
            assert frames[0].seq == newest + 1
            assert all(frame.payload == payload(frame.seq) for frame in frames)
            newest = frames[-1].seq
        assert newest >= acknowledged(seen)
        if len(seen) >= count:
            break
    return seen


def test_kill_9_loses_no_acknowledged_record_and_readers_beside_see_them_all(
    tmp_path: Path,
) -> None:
    begin_day(tmp_path)
    kept = 0
    for lines_before_the_kill in (1, 9, 23, 40):
        with subprocess.Popen(child(tmp_path), stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines = follow_along(tmp_path, process.stdout, lines_before_the_kill)
            process.kill()
            lines += process.stdout.readlines()
        newest = check_kept(tmp_path, acknowledged(lines))
        assert newest > kept
        kept = newest


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
@pytest.mark.parametrize("number", [1, 2, 9])
def test_an_fsync_error_stops_the_process_and_nothing_is_acknowledged_after_it(
    tmp_path: Path, number: int
) -> None:
    begin_day(tmp_path)
    done = subprocess.run(
        [
            *(str(STRACE), "-f", "-qq", "-o", str(tmp_path / "calls"), "-e", "trace=fdatasync"),
            *("-e", f"inject=fdatasync:error=EIO:when={number}"),
            *child(tmp_path),
        ],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    lines = done.stdout.splitlines(keepends=True)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert done.returncode == FAILED
    assert lines[-1].startswith("failed: ")
    assert "check the disk" in lines[-1]
    assert "INJECTED" in calls[-1]  # never tried again
    safe = re.search(r"Records after (\d+) are not safe", lines[-1])
    assert (safe is None) == (number == 1)  # the first one is the segment's own, before any record
    claimed = int(safe[1]) if safe else 0
    assert claimed >= acknowledged(lines[:-1])
    check_kept(tmp_path, claimed)


def test_a_disk_that_takes_no_more_stops_the_process_and_a_new_start_goes_on(
    tmp_path: Path,
) -> None:
    begin_day(tmp_path)
    done = subprocess.run(
        child(tmp_path, "6000"), stdout=subprocess.PIPE, text=True, check=False, timeout=60
    )
    lines = done.stdout.splitlines(keepends=True)
    assert done.returncode == FAILED
    assert "raise the limit on file sizes" in lines[-1]
    assert (tmp_path / "000001.seg").stat().st_size == 6000
    kept = check_kept(tmp_path, acknowledged(lines[:-1]))
    assert kept > 0
    with subprocess.Popen(child(tmp_path), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        follow_along(tmp_path, process.stdout, 2)
        process.kill()
    assert check_kept(tmp_path, kept) > kept
