"""Every source of candles there is, held to the suite of the port."""

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from tests.conformance.candles import SUITE, Check
from tests.fakes.small_day import DAY, book, fold, session_of, trading

from firki.app.settle import settle
from firki.live.file import open_file
from firki.live.reading import GridCandles
from firki.ports import Candles
from firki.store.lake import Lake
from firki.store.lake_file import Note
from firki.store.lake_manifest import Shelf


def grid(folder: Path) -> Candles:
    return GridCandles(fold(folder, trading()).file)


def grid_of_another_process(folder: Path) -> Candles:
    fold(folder, trading()).close()
    file = open_file(folder, write=False)
    assert file is not None
    return GridCandles(file)


def lake(folder: Path) -> Candles:
    kept = Lake(folder / "lake", session_of)
    settle(DAY, fold(folder, trading()).file, book().table, kept)
    return kept


class _NeverCompacts(Shelf):
    def write(self, path: Path, frames: Iterator[pl.DataFrame], note: Note) -> None:
        if note.interval == "minute" and note.order == "instrument":
            raise KeyboardInterrupt
        super().write(path, frames, note)


def lake_in_time_order(folder: Path) -> Candles:
    kept = Lake(_NeverCompacts(folder / "lake"), session_of)
    with pytest.raises(KeyboardInterrupt):
        settle(DAY, fold(folder, trading()).file, book().table, kept)
    return kept


SOURCES = [grid, grid_of_another_process, lake, lake_in_time_order]


@pytest.fixture(scope="module", params=SOURCES, ids=lambda source: source.__name__)
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Candles:
    """Reading changes none of them, so each is made once."""
    make: Callable[[Path], Candles] = request.param
    return make(tmp_path_factory.mktemp("source"))


@pytest.mark.parametrize("check", SUITE, ids=lambda check: check.__name__)
async def test_source(source: Candles, check: Check) -> None:
    await check(source)
