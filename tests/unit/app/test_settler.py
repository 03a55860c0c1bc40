"""Days settled while the market goes on, and what goes wrong with one of them."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import polars as pl
import pytest
from tests.fakes.disk import FaultyDisk
from tests.fakes.small_day import (
    DAY,
    INFY,
    NEXT_DAY,
    Said,
    at,
    book,
    keep,
    opened,
    packet,
    play,
    session_of,
    trading,
)  # fmt: skip
from tests.fakes.small_lake import FOREVER

from firki.app.folder import DataFolder
from firki.app.market_day import MarketDay
from firki.app.settler import Settler
from firki.capture.journal_day import create
from firki.errors import Rejected
from firki.model.candle import MINUTE, CandleColumns
from firki.ports import Frame, RecordKind
from firki.store.lake import Lake
from firki.store.lake_file import Note
from firki.store.lake_manifest import Shelf
from firki.timing import pause


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path)


@pytest.fixture
def lake(folder: DataFolder) -> Lake:
    return Lake(folder.lake, session_of)


async def infy(lake: Lake) -> CandleColumns:
    return await lake.read([INFY], MINUTE, 0, FOREVER)


class Market:
    """A running day, and days that end when told."""

    def __init__(self, day: MarketDay) -> None:
        self.day = day
        self.turned: asyncio.Queue[MarketDay] = asyncio.Queue()

    async def ended(self) -> MarketDay:
        return await self.turned.get()


def settler(market: Market, lake: Lake, folder: DataFolder) -> Settler:
    return Settler(market, lake, folder, keep_days=30)


async def test_the_running_day_is_settled_when_its_last_slot_is_final(
    folder: DataFolder, lake: Lake
) -> None:
    day = opened(folder)
    settling = settler(Market(day), lake, folder)
    *frames, end = trading()
    play(day, frames)
    assert not await settling.settle_due(0.0)
    play(day, [msgspec.structs.replace(end, received_ts=at("15:40:04"))])
    assert not await settling.settle_due(1.0)
    play(day, [msgspec.structs.replace(end, received_ts=at("15:40:05"))])
    assert await settling.settle_due(2.0)
    assert len(await infy(lake)) == 5
    assert not await settling.settle_due(3.0), "once an evening"
    await day.close()


class FullOnce(Shelf):
    """A disk that has no room the first time."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._full = True

    def write(self, path: Path, frames: Iterator[pl.DataFrame], note: Note) -> None:
        if self._full:
            self._full = False
            raise OSError(28, "No space left on device")
        super().write(path, frames, note)


async def test_a_day_that_could_not_be_written_is_tried_again_a_minute_later(
    folder: DataFolder,
) -> None:
    lake = Lake(FullOnce(folder.lake), session_of)
    day = opened(folder)
    play(day, trading())
    settling = settler(Market(day), lake, folder)
    assert not await settling.settle_due(100.0)
    assert not await settling.settle_due(159.0)
    assert lake.days() == []
    assert await settling.settle_due(160.0)
    assert lake.days() == [DAY]
    await day.close()


async def test_a_day_that_ended_is_closed_and_settled_while_the_next_one_runs(
    folder: DataFolder, lake: Lake
) -> None:
    old, new = opened(folder), opened(folder, NEXT_DAY)
    play(old, trading())
    market = Market(old)
    running = asyncio.create_task(settler(market, lake, folder).run())
    market.day = new
    market.turned.put_nowait(old)
    async with asyncio.timeout(20):
        while lake.origin(DAY) is None:
            await pause(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with pytest.raises(Rejected, match="closed"):
        old.append(0, 0, b"", RecordKind.CLOCK)
    assert len(await infy(lake)) == 5
    await new.close()


async def test_a_start_settles_what_earlier_runs_left(folder: DataFolder, lake: Lake) -> None:
    keep(folder, trading())
    day = opened(folder, NEXT_DAY)
    await settler(Market(day), lake, folder).settle_past(0.0)
    assert lake.days() == [DAY]
    await day.close()


# -- past days that fail ---------------------------------------------------------------------------


async def test_a_past_day_that_could_not_be_written_is_tried_again_a_minute_later(
    folder: DataFolder,
) -> None:
    keep(folder, trading())
    lake = Lake(FullOnce(folder.lake), session_of)
    day = opened(folder, NEXT_DAY)
    settling = settler(Market(day), lake, folder)
    await settling.settle_past(100.0)
    await settling.settle_left(159.0)
    assert lake.days() == []
    await settling.settle_left(160.0)
    assert lake.days() == [DAY]
    await day.close()


class FullWhenTold(Shelf):
    """A disk that has no room while it is told so."""

    is_full = False

    def write(self, path: Path, frames: Iterator[pl.DataFrame], note: Note) -> None:
        if self.is_full:
            raise OSError(28, "No space left on device")
        super().write(path, frames, note)


async def test_the_last_word_of_a_day_is_tried_again_a_minute_later(folder: DataFolder) -> None:
    shelf = FullWhenTold(folder.lake)
    lake = Lake(shelf, session_of)
    old, new = opened(folder), opened(folder, NEXT_DAY)
    market = Market(old)
    settling = settler(market, lake, folder)
    play(old, trading())
    assert await settling.settle_due(0.0)
    play(old, [Frame(0, at("15:42"), 0, packet(Said(INFY, "15:20:00", 1600.0, 900)))])
    market.day = new
    shelf.is_full = True
    await settling.end(old, 100.0)
    shelf.is_full = False
    await settling.settle_left(159.0)
    assert (await infy(lake)).close[-1] != 1600.0
    await settling.settle_left(160.0)
    assert (await infy(lake)).close[-1] == 1600.0
    await new.close()


async def test_days_that_other_releases_began_hold_nobody_up(
    folder: DataFolder, lake: Lake
) -> None:
    other = book().attachments()
    other["calendar.toml"] += b"\n[[of_another_release]]\nx = 1\n"
    folder.journal(DAY).parent.mkdir(parents=True)
    create(folder.journal(DAY), book().header(DAY), other, disk=FaultyDisk())
    before, after = DAY.replace(day=17), NEXT_DAY
    for past in (before, after):
        keep(folder, trading(past), past)
    day = opened(folder, DAY.replace(day=20))
    await settler(Market(day), lake, folder).settle_past(0.0)
    assert lake.days() == [before, after]
    await day.close()


class Broken(Shelf):
    """A fault of ours that nobody has thought of."""

    calls = 0

    def write(self, path: Path, frames: Iterator[pl.DataFrame], note: Note) -> None:
        self.calls += 1
        raise ZeroDivisionError


async def test_a_fault_of_ours_ends_neither_the_settler_nor_is_it_repeated_every_minute(
    folder: DataFolder,
) -> None:
    keep(folder, trading())
    shelf = Broken(folder.lake)
    day = opened(folder, NEXT_DAY)
    settling = settler(Market(day), Lake(shelf, session_of), folder)
    await settling.settle_past(0.0)
    await settling.settle_left(60.0)
    assert shelf.calls == 1
    play(day, trading(NEXT_DAY))
    assert await settling.settle_due(61.0), "until the day has ended"
    await settling.settle_due(200.0)
    assert shelf.calls == 2
    await day.close()


async def test_a_day_that_is_taken_up_again_is_not_settled_from_its_files(
    folder: DataFolder, lake: Lake
) -> None:
    """As when the clock was set back."""
    keep(folder, trading())
    market = Market(opened(folder, NEXT_DAY))
    settling = settler(market, lake, folder)
    market.day = opened(folder)
    await settling.settle_past(0.0)
    assert lake.days() == []
    await market.day.close()
