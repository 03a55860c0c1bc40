"""What is said of the data folder and its disk."""

import os
from datetime import date
from pathlib import Path

import pytest

from firki.app.doctor import disk
from firki.app.doctor.finding import Level
from firki.app.folder import DataFolder

NOT_ROOT = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


def test_a_folder_that_takes_a_file_is_well_and_stays_as_it_was(tmp_path: Path) -> None:
    finding = disk.check_folder(DataFolder(tmp_path))
    assert finding.level is Level.OK
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_be_made_is_well_and_is_not_made(tmp_path: Path) -> None:
    finding = disk.check_folder(DataFolder(tmp_path / "a" / "b"))
    assert finding.level is Level.OK
    assert "is made at the first start" in finding.found
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_folders_place_fails(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    for root in (tmp_path / "data", tmp_path / "data" / "deeper"):
        finding = disk.check_folder(DataFolder(root))
        assert finding.level is Level.FAILURE
        assert "FIRKI_DATA__FOLDER" in finding.advice


@NOT_ROOT
def test_a_folder_of_somebody_else_fails(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert disk.check_folder(DataFolder(tmp_path)).level is Level.FAILURE
    assert disk.check_folder(DataFolder(tmp_path / "new")).level is Level.FAILURE


@pytest.mark.parametrize(
    ("free", "largest", "level"),
    [
        (10 * disk.GB, 0, Level.OK),
        (10 * disk.GB - 1, 0, Level.WARNING),
        (20 * disk.GB, 20 * disk.GB + 1, Level.WARNING),
        (20 * disk.GB, 20 * disk.GB, Level.OK),
        (disk.GB - 1, 0, Level.FAILURE),
    ],
)
def test_room_is_told_by_what_a_day_takes(free: int, largest: int, level: Level) -> None:
    assert disk.judge_room(free, largest).level is level


def test_the_largest_day_kept_is_told(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    for day, megabytes in ((date(2026, 11, 19), 30), (date(2026, 11, 20), 20)):
        folder.journal(day).mkdir(parents=True)
        with (folder.journal(day) / "000001.seg").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, megabytes * 10**6)
    assert "the largest day kept took 0.03 GB" in disk.check_room(folder).found


def test_whoever_captures_is_named(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    assert disk.check_holder(folder).found == "nobody captures"
    with folder.capturing():
        assert f"process {os.getpid()}" in disk.check_holder(folder).found
    assert disk.check_holder(DataFolder(tmp_path / "none")).level is Level.OK
