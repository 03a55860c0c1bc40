"""Every source of candles there is, held to the suite of the port."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from tests.conformance.candles import SUITE, Check
from tests.fakes.small_day import (
    DAY,
    NEXT_DAY,
    book,
    fold,
    keep,
    records,
    session_of,
    trading,
)

import firki
from firki.app.folder import DataFolder
from firki.app.layers import BrokerPast, LayeredCandles, NoBroker
from firki.app.market import Market
from firki.app.market_day import Book, MarketDay, Tell
from firki.app.replay import PastJournal
from firki.app.settle import settle
from firki.bus.memory import MemoryBus
from firki.live.file import open_file
from firki.live.reading import GridCandles
from firki.model.candle import CandleColumns, Interval
from firki.ports import Candles, Frame
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


class Told:
    """A broker's history that is what the small day came to; the port's other half is not asked."""

    def __init__(self, candles: Candles) -> None:
        self._candles = candles

    async def instruments(self) -> bytes:
        raise NotImplementedError

    async def history(
        self, instrument_token: int, interval: Interval, from_ts: int, to_ts: int
    ) -> CandleColumns:
        found = await self._candles.read([instrument_token], interval, from_ts, to_ts)
        return replace(found, source="broker")


def broker(folder: Path) -> Candles:
    return BrokerPast(Told(grid(folder)), session_of)


def market(folder: Path, day: date, said: Sequence[Frame]) -> Market:
    """A firki's market that has come as far as these records."""

    def open_day(day: date, book: Book, tell: Tell) -> MarketDay:
        return MarketDay(day, book, PastJournal(), fold(folder, said, day), tell)

    opened = Market(open_day, MemoryBus())
    opened.begin(day, book())
    return opened


def next_morning(folder: Path) -> Market:
    """The day after the small one, before anything was sent."""
    return market(folder / "next", NEXT_DAY, records([], day=NEXT_DAY, until="09:14"))


def nothing_settled(folder: Path) -> Candles:
    return Lake(folder / "lake", session_of)


def layers_today(folder: Path) -> Candles:
    today = market(folder, DAY, trading())
    return LayeredCandles(today, nothing_settled(folder), NoBroker(), book().calendar)


def layers_over_the_lake(folder: Path) -> Candles:
    return LayeredCandles(next_morning(folder), lake(folder), NoBroker(), book().calendar)


def layers_over_the_broker(folder: Path) -> Candles:
    settled, past = nothing_settled(folder), broker(folder)
    return LayeredCandles(next_morning(folder), settled, past, book().calendar)


def reader_of_the_grid(folder: Path) -> Candles:
    data = DataFolder(folder)
    keep(data, trading())
    fold(data.grid(DAY), trading()).close()
    return firki.open(folder)


def reader_of_the_lake(folder: Path) -> Candles:
    data = DataFolder(folder)
    keep(data, trading())
    settle(DAY, fold(data.grid(DAY), trading()).file, book().table, Lake(data.lake, session_of))
    return firki.open(folder)


SOURCES = [
    grid, grid_of_another_process, lake, lake_in_time_order, broker, layers_today,
    layers_over_the_lake, layers_over_the_broker, reader_of_the_grid, reader_of_the_lake,
]  # fmt: skip


@pytest.fixture(scope="module", params=SOURCES, ids=lambda source: source.__name__)
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Candles:
    """Reading changes none of them, so each is made once."""
    make: Callable[[Path], Candles] = request.param
    return make(tmp_path_factory.mktemp("source"))


@pytest.mark.parametrize("check", SUITE, ids=lambda check: check.__name__)
async def test_source(source: Candles, check: Check) -> None:
    await check(source)
