"""The list of what the lake holds, and files that are not as it says."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from tests.fakes.small_day import DAY, INFY, NEXT_DAY, session_of
from tests.fakes.small_lake import (
    FOREVER,
    damage,
    kept_files,
    origin,
    prices,
    put,
    unopenable,
    zero_pages,
)

from firki.errors import Unavailable
from firki.model.candle import MINUTE
from firki.store.lake import Lake
from firki.store.lake_file import Note
from firki.store.lake_manifest import Shelf


def minutes_file(folder: Path) -> Path:
    """That of the first day."""
    return next((folder / "minute").glob(f"{DAY}*.parquet"))


def lose_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


@pytest.mark.parametrize("content", [None, b"{half"])
async def test_a_lost_manifest_is_made_anew_from_the_files(
    tmp_path: Path, content: bytes | None
) -> None:
    lake = Lake(tmp_path, session_of)
    put(lake, 1500.0)
    put(lake, 900.0, day=NEXT_DAY)
    manifest = tmp_path / "manifest.json"
    manifest.unlink()
    if content is not None:
        manifest.write_bytes(content)
    again = Lake(tmp_path, session_of)
    assert again.days() == [DAY, NEXT_DAY]
    assert await prices(again) == ({1500.0}, {1500.0, 900.0})
    assert not put(again, 1500.0)
    assert again.origin(DAY) == origin()


# -- damaged files ---------------------------------------------------------------------------------


async def test_day_bars_that_are_damaged_do_not_hold_up_the_next_day(tmp_path: Path) -> None:
    lake = Lake(tmp_path, session_of)
    put(lake, 1500.0)
    (month,) = (tmp_path / "day").iterdir()
    damage(month, "cut")
    put(lake, 900.0, day=NEXT_DAY)
    assert await prices(lake) == ({1500.0}, {900.0})
    assert lake.origin(DAY) is None, "so that it is settled again"
    assert month.with_suffix(".damaged").exists()
    put(lake, 1500.0)
    assert await prices(lake) == ({1500.0}, {1500.0, 900.0})


class FullOfDays(Shelf):
    """A disk that has no room for day bars, twice."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._left = 2

    def write(self, path: Path, frames: Iterator[pl.DataFrame], note: Note) -> None:
        if note.interval == "day" and self._left:
            self._left -= 1
            raise OSError(28, "No space left on device")
        super().write(path, frames, note)


async def test_damaged_day_bars_are_set_aside_however_often_the_disk_is_full(
    tmp_path: Path,
) -> None:
    put(Lake(tmp_path, session_of), 1500.0)
    (month,) = (tmp_path / "day").iterdir()
    zero_pages(month)
    whole = month.read_bytes()
    lake = Lake(FullOfDays(tmp_path), session_of)
    for _ in range(2):
        with pytest.raises(Unavailable, match="No space left"):
            put(lake, 900.0, day=NEXT_DAY)
        assert month.read_bytes() == whole
    assert put(lake, 900.0, day=NEXT_DAY)
    assert await prices(lake) == ({1500.0}, {900.0})
    assert not month.exists()
    assert month.with_suffix(".damaged").read_bytes() == whole


def test_a_damaged_day_that_is_amended_is_set_aside(tmp_path: Path) -> None:
    put(Lake(tmp_path, session_of), 1500.0)
    path = minutes_file(tmp_path)
    zero_pages(path)
    whole = path.read_bytes()
    assert put(Lake(tmp_path, session_of), 1700.0)
    assert path.with_suffix(".damaged").read_bytes() == whole


def test_a_file_put_back_from_a_copy_is_not_set_aside(tmp_path: Path) -> None:
    lake = Lake(FullOfDays(tmp_path), session_of)
    put(Lake(tmp_path, session_of), 1500.0)
    (month,) = (tmp_path / "day").iterdir()
    whole = month.read_bytes()
    zero_pages(month)
    with pytest.raises(Unavailable):
        put(lake, 900.0, day=NEXT_DAY)
    month.write_bytes(whole)
    with pytest.raises(Unavailable):
        put(lake, 900.0, day=NEXT_DAY)
    put(lake, 900.0, day=NEXT_DAY)
    assert not month.with_suffix(".damaged").exists()
    assert lake.origin(DAY) == origin()


# -- files that cannot be read ---------------------------------------------------------------------


@pytest.mark.parametrize("what", ["minute", "day"])
async def test_no_manifest_is_made_anew_while_a_file_cannot_be_opened(
    tmp_path: Path, what: str
) -> None:
    put(Lake(tmp_path, session_of), 1500.0)
    put(Lake(tmp_path, session_of), 900.0, day=NEXT_DAY)
    lose_manifest(tmp_path)
    before = kept_files(tmp_path)
    lake = Lake(tmp_path, session_of)
    with unopenable(next((tmp_path / what).iterdir())):
        lake.compact()
        with pytest.raises(Unavailable, match="cannot be opened"):
            put(lake, 901.0, day=NEXT_DAY)
    assert kept_files(tmp_path) == before
    assert put(lake, 901.0, day=NEXT_DAY)
    assert lake.days() == [DAY, NEXT_DAY]
    assert await prices(lake) == ({1500.0}, {1500.0, 901.0})


async def test_what_can_be_read_is_answered_while_a_file_cannot_be_opened(tmp_path: Path) -> None:
    put(Lake(tmp_path, session_of), 1500.0)
    put(Lake(tmp_path, session_of), 900.0, day=NEXT_DAY)
    lose_manifest(tmp_path)
    with unopenable(minutes_file(tmp_path)):
        found = await Lake(tmp_path, session_of).read([INFY], MINUTE, 0, FOREVER)
    assert found.open.tolist() == [900.0, 901.0, 902.0]


@pytest.mark.parametrize("what", ["minute", "day"])
def test_a_file_that_cannot_be_opened_is_not_taken_for_damaged(tmp_path: Path, what: str) -> None:
    lake = Lake(tmp_path, session_of)
    put(lake, 1500.0)
    before = kept_files(tmp_path)
    with unopenable(before[0] if what == "day" else before[1]):
        with pytest.raises(Unavailable, match="cannot be opened"):
            put(lake, 1700.0)
        with pytest.raises(Unavailable, match="cannot be opened"):
            lake.verify(DAY)
        with pytest.raises(Unavailable, match="cannot be opened"):
            lake.origin(DAY)
    assert kept_files(tmp_path) == before
    assert lake.origin(DAY) == origin()


def test_what_a_lost_manifest_listed_and_nobody_can_read_is_kept(tmp_path: Path) -> None:
    put(Lake(tmp_path, session_of), 1500.0)
    put(Lake(tmp_path, session_of), 900.0, day=NEXT_DAY)
    lose_manifest(tmp_path)
    path = minutes_file(tmp_path)
    damage(path, "cut")
    cut = path.read_bytes()
    lake = Lake(tmp_path, session_of)
    put(lake, 901.0, day=NEXT_DAY)
    assert lake.days() == [NEXT_DAY]
    assert path.with_suffix(".damaged").read_bytes() == cut


def test_files_an_old_manifest_does_not_list_are_left(tmp_path: Path) -> None:
    """As when it was put back from a copy."""
    lake = Lake(tmp_path, session_of)
    put(lake, 1500.0)
    shutil.copy(tmp_path / "manifest.json", tmp_path / "copy.json")
    put(lake, 900.0, day=NEXT_DAY)
    (tmp_path / "copy.json").rename(tmp_path / "manifest.json")
    left = {path: path.read_bytes() for path in kept_files(tmp_path)}
    put(lake, 1700.0)
    assert lake.days() == [DAY]
    (next_day,) = (tmp_path / "minute").glob(f"{NEXT_DAY}*")
    assert next_day.read_bytes() == left[next_day]
    lose_manifest(tmp_path)
    assert Lake(tmp_path, session_of).days() == [DAY, NEXT_DAY]


def test_names_are_never_used_again(tmp_path: Path) -> None:
    lake = Lake(tmp_path, session_of)
    put(lake, 1500.0)
    lose_manifest(tmp_path)
    first = minutes_file(tmp_path)
    damage(first, "cut")
    put(lake, 1500.0)
    lose_manifest(tmp_path)
    damage(minutes_file(tmp_path), "cut")
    put(lake, 1500.0)
    assert len(list((tmp_path / "minute").glob("*.damaged"))) == 2
