"""A day on its way into the lake: compacted, or held up by a disk that fails."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from tests.fakes.small_day import DAY, NEXT_DAY, session_of
from tests.fakes.small_lake import Killed, kept_files, origin, prices, put, zero_pages

from firki.errors import Corrupt, Unavailable
from firki.store.lake import Lake
from firki.store.lake_file import Note
from firki.store.lake_manifest import Manifest, Shelf


class Full(Shelf):
    """A disk without room for the second file."""

    def write(self, path: Path, frames: Iterator[pl.DataFrame], note: Note) -> None:
        if note.interval == "day":
            raise OSError(28, "No space left on device")
        super().write(path, frames, note)


def test_a_full_disk_is_told_and_leaves_what_there_was(tmp_path: Path) -> None:
    put(Lake(tmp_path, session_of), 1500.0)
    with pytest.raises(Unavailable, match="No space left"):
        put(Lake(Full(tmp_path), session_of), 1700.0)
    assert Lake(tmp_path, session_of).verify(DAY).rows == 6
    assert not list(tmp_path.rglob("*.draft")), "a full disk has no room for halves"


class ListsNothing(Shelf):
    """A disk without room for the manifest."""

    def commit(self, manifest: Manifest) -> None:
        raise OSError(28, "No space left on device")


def test_what_could_not_be_listed_does_not_pile_up(tmp_path: Path) -> None:
    put(Lake(tmp_path, session_of), 1500.0)
    before = kept_files(tmp_path)
    lake = Lake(ListsNothing(tmp_path), session_of)
    for _ in range(2):
        with pytest.raises(Unavailable, match="No space left"):
            put(lake, 1700.0)
        assert kept_files(tmp_path) == before


class ListsAndFails(Shelf):
    """A disk that takes the manifest and says that it did not."""

    def commit(self, manifest: Manifest) -> None:
        super().commit(manifest)
        raise OSError(5, "Input/output error")


async def test_what_was_listed_after_all_is_left(tmp_path: Path) -> None:
    put(Lake(tmp_path, session_of), 1500.0)
    with pytest.raises(Unavailable, match="Input/output"):
        put(Lake(ListsAndFails(tmp_path), session_of), 1700.0)
    assert await prices(Lake(tmp_path, session_of)) == ({1700.0}, {1700.0})


def in_time_order(folder: Path, *days: date) -> None:
    """Days that were written and never compacted, as kills leave them."""
    for day in days:
        with pytest.raises(Killed):
            put(Lake(NeverCompacts(folder), session_of), 1500.0, day=day)
    assert orders(folder) == {day.isoformat(): "time" for day in days}


class NeverCompacts(Shelf):
    """A shelf whose process dies when it begins to compact."""

    def write(self, path: Path, frames: Iterator[pl.DataFrame], note: Note) -> None:
        if (note.interval, note.order) == ("minute", "instrument"):
            raise Killed
        super().write(path, frames, note)


def orders(folder: Path) -> dict[str, str]:
    return {day: kept.order for day, kept in Shelf(folder).load().minutes.items()}


def test_a_damaged_day_does_not_keep_the_others_from_being_compacted(tmp_path: Path) -> None:
    in_time_order(tmp_path, DAY, NEXT_DAY)
    zero_pages(next((tmp_path / "minute").glob(f"{DAY}*")))
    lake = Lake(tmp_path, session_of)
    assert lake.compact() == [NEXT_DAY]
    assert orders(tmp_path) == {DAY.isoformat(): "time", NEXT_DAY.isoformat(): "instrument"}
    assert lake.origin(DAY) is None, "so that it is settled again"
    assert lake.origin(NEXT_DAY) == origin()
    put(lake, 1500.0)
    assert orders(tmp_path)[DAY.isoformat()] == "instrument"
    assert lake.origin(DAY) == origin()


class FullWhenCompacting(Shelf):
    """A disk without room for the first file in instrument order."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._full = True

    def write(self, path: Path, frames: Iterator[pl.DataFrame], note: Note) -> None:
        if self._full and (note.interval, note.order) == ("minute", "instrument"):
            self._full = False
            raise OSError(28, "No space left on device")
        super().write(path, frames, note)


def test_a_full_disk_is_told_once_all_days_were_tried(tmp_path: Path) -> None:
    in_time_order(tmp_path, DAY, NEXT_DAY)
    lake = Lake(FullWhenCompacting(tmp_path), session_of)
    with pytest.raises(Unavailable, match="No space left"):
        lake.compact()
    assert orders(tmp_path) == {DAY.isoformat(): "time", NEXT_DAY.isoformat(): "instrument"}
    assert lake.compact() == [DAY]


def test_a_day_that_could_not_be_compacted_is_when_it_is_put_again(tmp_path: Path) -> None:
    lake = Lake(FullWhenCompacting(tmp_path), session_of)
    with pytest.raises(Unavailable):
        put(lake, 1500.0)
    assert not put(lake, 1500.0), "nothing new"
    assert orders(tmp_path) == {DAY.isoformat(): "instrument"}


class Panicking(Shelf):
    """Polars as it is with some damaged files: not an error but the end of its thread."""

    def write(self, path: Path, frames: Iterator[pl.DataFrame], note: Note) -> None:
        raise pl.exceptions.PanicException("called `Option::unwrap()` on a `None` value")


def test_a_panic_of_polars_is_damage_like_any_other(tmp_path: Path) -> None:
    with pytest.raises(Corrupt, match="unwrap"):
        put(Lake(Panicking(tmp_path), session_of), 1500.0)
