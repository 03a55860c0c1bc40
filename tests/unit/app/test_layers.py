"""Candles from grid, lake and broker through one call."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.fakes.small_day import DAY, FUTURE, INFY, at, book, fold, session_of, trading

from firki.app.layers import BrokerPast, LayeredCandles, NoBroker
from firki.app.market import Market
from firki.app.market_day import Book, MarketDay, Tell
from firki.app.replay import PastJournal
from firki.bus.memory import MemoryBus
from firki.errors import AuthExpired, FirkiError, Rejected, Unavailable
from firki.model.calendar import ist_date, ist_midnight
from firki.model.candle import DAY as DAY_INTERVAL
from firki.model.candle import CandleColumns, Flag, Interval, SessionKind, Status
from firki.model.history import within_a_day
from firki.model.session import Session, SessionClass

YESTERDAY = DAY - timedelta(days=1)


def bars(interval: Interval, starts: Sequence[int], source: str) -> CandleColumns:
    count = len(starts)
    columns: dict[str, Any] = dict.fromkeys(
        ("open", "high", "low", "close"), np.arange(1.0, count + 1)
    )
    columns |= dict.fromkeys(("volume", "oi", "tick_count", "revision"), np.ones(count))
    return CandleColumns.of(
        interval, as_of_ts=max(starts, default=0), source=source,
        instrument_token=np.full(count, INFY), start_ts=np.array(starts, np.int64),
        status=np.full(count, Status.FINAL), session=np.full(count, SessionKind.CONTINUOUS),
        flags=np.full(count, Flag.NO_OI), last_tick_ts=np.array(starts, np.int64), **columns,
    )  # fmt: skip


class Broker:
    """A broker's history: one minute bar a day at 09:15, and day bars."""

    def __init__(
        self, fault: FirkiError | None = None, *, times: Sequence[str] = ("09:15",)
    ) -> None:
        self.fault = fault
        self.times = times
        self.asked: list[tuple[int, str, date, date]] = []

    async def instruments(self) -> bytes:
        return b""

    async def history(
        self, instrument_token: int, interval: Interval, from_ts: int, to_ts: int
    ) -> CandleColumns:
        self.asked.append((instrument_token, interval.name, ist_date(from_ts), ist_date(to_ts)))
        if self.fault is not None:
            raise self.fault
        day, starts = ist_date(from_ts), []
        while day <= ist_date(to_ts):
            starts += (
                [at(one, day) for one in self.times] if interval.minutes else [ist_midnight(day)]
            )
            day += timedelta(days=1)
        return bars(interval, starts, "broker")


class Lake:
    """A lake that holds some days of one minute bar."""

    def __init__(self, *days: date) -> None:
        self.days = days

    async def read(
        self,
        tokens: Sequence[int],
        interval: Interval,
        from_ts: int,
        to_ts: int,
        *,
        as_of_ts: int | None = None,
    ) -> CandleColumns:
        starts = [ts for day in self.days if from_ts <= (ts := at("09:15", day)) <= to_ts]
        return bars(interval, starts, "lake")


def layered(folder: Path, lake: Lake, broker: Broker | None) -> LayeredCandles:
    def open_day(day: date, of: Book, tell: Tell) -> MarketDay:
        return MarketDay(day, of, PastJournal(), fold(folder, trading()), tell)

    market = Market(open_day, MemoryBus())
    market.begin(DAY, book())
    past = BrokerPast(broker, session_of) if broker else NoBroker()
    return LayeredCandles(market, lake, past, book().calendar)


async def test_today_comes_from_the_grid_and_the_past_from_the_broker(tmp_path: Path) -> None:
    broker = Broker()
    source = layered(tmp_path, Lake(), broker)
    found = await source.read([INFY], Interval.of(5), at("09:15", YESTERDAY), at("15:29"))
    days = [ist_date(int(ts)) for ts in found.start_ts]
    assert days.count(YESTERDAY) == 1
    assert days.count(DAY) > 1
    assert found.source == "broker+grid"
    assert broker.asked == [(INFY, "5m", YESTERDAY, YESTERDAY)]


async def test_what_was_fetched_is_not_fetched_again(tmp_path: Path) -> None:
    broker = Broker()
    source = layered(tmp_path, Lake(), broker)
    for _ in range(3):
        await source.read([INFY], Interval.of(5), at("09:15", YESTERDAY), at("15:29"))
    assert len(broker.asked) == 1


async def test_only_days_the_lake_lacks_are_asked_of_the_broker(tmp_path: Path) -> None:
    broker = Broker()
    source = layered(tmp_path, Lake(YESTERDAY), broker)
    before = YESTERDAY - timedelta(days=1)
    found = await source.read([INFY], Interval.of(1), at("09:00", before), at("15:00", YESTERDAY))
    assert broker.asked == [(INFY, "1m", before, before)]
    assert [ist_date(int(ts)) for ts in found.start_ts] == [before, YESTERDAY]
    assert set(found.source.split("+")) == {"lake", "broker"}


async def test_an_interval_the_broker_lacks_is_made_from_minutes(tmp_path: Path) -> None:
    broker = Broker()
    source = layered(tmp_path, Lake(), broker)
    found = await source.read(
        [INFY], Interval.of(90), at("09:00", YESTERDAY), at("15:00", YESTERDAY)
    )
    assert broker.asked == [(INFY, "1m", YESTERDAY, YESTERDAY)]
    assert (found.interval.name, len(found)) == ("90m", 1)


@pytest.mark.parametrize("minutes", [1, 4])
async def test_the_brokers_bar_of_the_closing_auction_is_told_apart(minutes: int) -> None:
    def session_of_cas(_token: int, midnight_ts: int) -> Session | None:
        return book().calendar.session(SessionClass.CAS, ist_date(midnight_ts))

    past = BrokerPast(Broker(times=("09:15", "15:14", "15:30")), session_of_cas)
    asked = Interval.of(minutes)
    found = await past.read([INFY], asked, at("09:00", YESTERDAY), at("16:00", YESTERDAY))
    kinds = [SessionKind(kind) for kind in found.session]
    assert kinds == [SessionKind.CONTINUOUS] * 2 + [SessionKind.CLOSING_AUCTION]
    assert found.start_ts[-1] == at("15:30", YESTERDAY)


async def test_weeks_are_made_of_days_todays_included(tmp_path: Path) -> None:
    source = layered(tmp_path, Lake(), Broker())
    monday = date(2026, 11, 16)
    found = await source.read([INFY], Interval.parse("week"), at("00:00", monday), at("23:00"))
    assert [ist_date(int(ts)) for ts in found.start_ts] == [monday]
    assert found.volume[0] > 600


@pytest.mark.parametrize("fault", [Unavailable("down"), AuthExpired("old"), Rejected("no plan")])
async def test_a_broker_that_gives_nothing_hides_nothing_at_hand(
    tmp_path: Path, fault: FirkiError
) -> None:
    source = layered(tmp_path, Lake(), Broker(fault))
    found = await source.read([INFY], Interval.of(5), at("09:15", YESTERDAY), at("15:29"))
    assert found.source == "grid"
    assert len(found) > 0


async def test_no_rows_are_an_empty_answer(tmp_path: Path) -> None:
    source = layered(tmp_path, Lake(), None)
    found = await source.read(
        [FUTURE], DAY_INTERVAL, at("09:00", YESTERDAY), at("10:00", YESTERDAY)
    )
    assert len(found) == 0


async def test_what_was_known_at_a_past_days_end_leaves_todays_grid_alone(tmp_path: Path) -> None:
    before = YESTERDAY - timedelta(days=1)
    source = layered(tmp_path, Lake(before, YESTERDAY), None)
    end = ist_midnight(DAY) - 1
    found = await source.read(
        [INFY], Interval.of(1), at("09:00", before), at("23:00"), as_of_ts=end
    )
    assert [ist_date(int(ts)) for ts in found.start_ts] == [before, YESTERDAY]
    assert found.source == "lake"


async def test_now_and_later_are_moments_that_can_be_asked_for(tmp_path: Path) -> None:
    source = layered(tmp_path, Lake(), None)
    span = (at("09:00"), at("23:00"))
    plain = await source.read([INFY], Interval.of(1), *span)
    for moment in (at("15:41"), at("23:59"), at("12:00", DAY + timedelta(days=9))):
        found = await source.read([INFY], Interval.of(1), *span, as_of_ts=moment)
        assert found.start_ts.tolist() == plain.start_ts.tolist()


class Settled(Lake):
    """A lake whose days were settled at 15:41; it cannot tell how they stood before."""

    async def read(
        self,
        tokens: Sequence[int],
        interval: Interval,
        from_ts: int,
        to_ts: int,
        *,
        as_of_ts: int | None = None,
    ) -> CandleColumns:
        if as_of_ts is not None and as_of_ts < at("15:41", ist_date(as_of_ts)):
            raise within_a_day(as_of_ts)
        return await super().read(tokens, interval, from_ts, to_ts)


@pytest.mark.parametrize("day", [DAY, YESTERDAY], ids=["today", "a past day"])
@pytest.mark.parametrize("lake", [Lake(), Settled(YESTERDAY)], ids=["broker", "lake"])
async def test_a_moment_within_a_day_that_is_asked_for_is_refused_for_good(
    tmp_path: Path, lake: Lake, day: date
) -> None:
    source = layered(tmp_path, lake, Broker())
    words = f"{day} at 11:00 is not kept.*firki replay {day} --from 11:00"
    with pytest.raises(Rejected, match=words):
        await source.read(
            [INFY], Interval.of(5), at("09:15", day), at("23:00"), as_of_ts=at("11:00", day)
        )
