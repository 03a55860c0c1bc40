"""The running market: from one trading day to the next."""

from datetime import date, time
from pathlib import Path

import pytest
from tests.fakes.small_day import (
    DAY,
    INFY,
    NEXT_DAY,
    RELIANCE,
    Said,
    at,
    book,
    keep,
    packet,
    trading,
)

from firki.app.folder import DataFolder
from firki.app.market import DAY_TURNED, TICKS, Market
from firki.app.market_day import Book, MarketDay, Tell, decode_kite, decode_ticks
from firki.bus.memory import MemoryBus
from firki.capture.journal import JournalSettings
from firki.model.ist import day_begins_ts
from firki.model.tick import Ticks
from firki.ports import Frame

NEXT_BEGINS = day_begins_ts(NEXT_DAY, time(8, 30))


def nobody(*_: object) -> None:
    """Nobody is told."""


class Heard:
    """What a running market tells."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self.bus = MemoryBus()
        self.ticks: list[tuple[int, list[bool]]] = []
        self.days: list[date] = []
        self.bus.subscribe(TICKS, self._take)
        self.bus.subscribe(DAY_TURNED, self.days.append)
        self.market = Market(self._open, self.bus)

    def _open(self, day: date, of: Book, tell: Tell) -> MarketDay:
        return MarketDay.open(
            self._folder, day, of, capacity=10, settings=JournalSettings(), on_failure=nobody,
            tell=tell, ends_ts=NEXT_BEGINS if day == DAY else NEXT_BEGINS + 86_400 * 10**9,
        )  # fmt: skip

    def _take(self, ticks: Ticks) -> None:
        self.ticks.append((ticks.batch.received_ts, ticks.trades.tolist()))

    def apply(self, frame: Frame) -> None:
        kept = self.market.day.append(
            frame.received_ts, frame.connection, frame.payload, frame.kind
        )
        self.market.day.apply(kept, decode_ticks(kept, decode_kite))


@pytest.fixture
def heard(tmp_path: Path) -> Heard:
    return Heard(DataFolder(tmp_path))


async def test_a_new_day_shows_nothing_of_the_old_one(heard: Heard) -> None:
    market = heard.market
    market.begin(DAY, book())
    market.watch([INFY, RELIANCE])
    for frame in trading():
        heard.apply(frame)
    assert market.board.read([INFY])
    market.turn(NEXT_DAY, book(), [INFY])
    assert heard.days == [NEXT_DAY]
    assert market.board.read([INFY, RELIANCE]) == []
    assert market.totals()["instrument_count"] == 1
    assert market.totals()["ticks_processed"] == market.totals()["candles_created"] == 0
    assert await market.ended() is not market.day
    await market.close()


async def test_what_comes_after_a_days_end_is_told_by_the_next_one_alone(heard: Heard) -> None:
    market = heard.market
    market.begin(DAY, book())
    market.watch([INFY])
    for frame in trading(until="15:41"):
        heard.apply(frame)
    told = len(heard.ticks)
    late = Frame(1, NEXT_BEGINS + 1, 0, packet(Said(INFY, "09:00:01", 1500.0, 5), NEXT_DAY))
    heard.apply(late)
    assert len(heard.ticks) == told
    market.turn(NEXT_DAY, book(), [INFY])
    heard.apply(late)
    assert len(heard.ticks) == told + 1
    await market.close()


async def test_a_day_that_was_begun_before_is_gone_on_with(heard: Heard, tmp_path: Path) -> None:
    """A clock set back, or days that begin at another hour."""
    keep(DataFolder(tmp_path), trading(NEXT_DAY), NEXT_DAY)
    market = heard.market
    market.begin(DAY, book())
    day = market.turn(NEXT_DAY, book(), [INFY])
    assert day.grid.seq == day.journal.newest == len(trading(NEXT_DAY))
    found = await day.candles.read([INFY], market.intervals[0], 0, at("16:00", NEXT_DAY))
    assert found.start_ts[0] == at("09:15", NEXT_DAY)
    assert len(found) == 5
    await market.close()
