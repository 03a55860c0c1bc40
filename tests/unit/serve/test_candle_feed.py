"""Candle subscriptions without a socket: forming conflated, final once, amended again."""

from typing import Any

import numpy as np
import pytest
from tests.fakes.gateway import (
    INFY,
    INSTRUMENTS,
    MINUTE_NS,
    OPEN_TS,
    RELIANCE,
    USDINR,
    Market,
    candles,
)

from firki.errors import Unavailable
from firki.model.candle import CandleColumns, Flag, Interval, Status
from firki.serve.candle_feed import CandleFeed, KeyedCandle

BY_TOKEN = {one.instrument_token: one for one in INSTRUMENTS}


def feed_of(market: Market, interval: str, *tokens: int) -> CandleFeed:
    return CandleFeed(
        market.bus, market.candles, market.quotes, market.clock,
        {token: BY_TOKEN[token] for token in tokens or (INFY,)}, Interval.parse(interval),
    )  # fmt: skip


def minute(token: int, close: float, number: int, **columns: Any) -> CandleColumns:
    return candles(token, [close], first_ts=OPEN_TS + number * MINUTE_NS, **columns)


def bucket(token: int, close: float, number: int, minutes: int, *, forming: bool) -> CandleColumns:
    return candles(
        token, [close], interval=Interval.of(minutes), forming=forming,
        first_ts=OPEN_TS + number * minutes * MINUTE_NS,
    )  # fmt: skip


def told(feed: CandleFeed) -> list[tuple[str, str, float, str]] | None:
    rows = feed.take()
    if rows is None:
        return None
    return [(row.key[4:], row.start_ts[11:16], row.close or 0, row.status) for row in rows]


async def samples(feed: CandleFeed, count: int = 5) -> None:
    """Half a second of sampling, in which forming candles are looked at once."""
    for _ in range(count):
        await feed.sample()


async def test_the_first_message_has_the_newest_final_and_the_forming_candle(
    market: Market,
) -> None:
    market.clock.now_ts = OPEN_TS + 3 * MINUTE_NS + MINUTE_NS // 2
    market.candles.put(candles(INFY, [1.0, 2.0, 3.0, 4.0], forming=True))
    market.quotes.put(INFY, 4.0)
    feed = feed_of(market, "1m")
    assert feed.take() is None
    await feed.sample()
    assert told(feed) == [("INFY", "09:17", 3.0, "final"), ("INFY", "09:18", 4.0, "forming")]
    assert feed.take() is None


async def test_a_forming_candle_is_told_when_it_changed_and_conflated_when_nobody_takes_it(
    market: Market,
) -> None:
    market.clock.now_ts = OPEN_TS + MINUTE_NS // 2
    feed = feed_of(market, "1m")
    await samples(feed)
    assert told(feed) == []
    for close in (1.0, 2.0, 3.0):
        market.candles.put(minute(INFY, close, 0, forming=True))
        market.quotes.put(INFY, close)
        await samples(feed)
    assert told(feed) == [("INFY", "09:15", 3.0, "forming")]
    assert feed.missed() == 2
    market.quotes.put(INFY, 3.0)  # only the depth moved
    await samples(feed)
    assert told(feed) is None


async def test_every_final_and_amended_minute_is_told(market: Market) -> None:
    market.clock.now_ts = OPEN_TS
    feed = feed_of(market, "1m")
    await samples(feed)
    feed.take()
    for number in range(5):
        both = CandleColumns.concat(
            [minute(INFY, 10.0 + number, number), minute(RELIANCE, 1.0, number)]
        )
        market.bus.publish(("candles", "final"), both)
    again = minute(INFY, 99.0, 1, revision=[1], flags=[Flag.FINAL | Flag.AMENDED])
    market.bus.publish(("candles", "amended"), again)
    market.bus.publish(("candles", "final"), minute(INFY, 14.0, 4))  # said twice, told once
    assert feed.behind == 6
    rows = feed.take() or []
    assert [row.close for row in rows] == [10.0, 11.0, 12.0, 13.0, 14.0, 99.0]
    assert (rows[-1].revision, rows[-1].flags, rows[-1].interval) == (1, ["amended"], "1m")
    assert feed.behind == 0


async def test_a_reading_that_was_overtaken_does_not_undo_a_final_minute(market: Market) -> None:
    market.clock.now_ts = OPEN_TS + MINUTE_NS // 2
    market.candles.put(minute(INFY, 1.0, 0, forming=True))
    feed = feed_of(market, "1m")
    await samples(feed)
    feed.take()
    market.quotes.put(INFY, 2.0)
    market.candles.meanwhile = lambda: market.bus.publish(
        ("candles", "final"), minute(INFY, 2.0, 0)
    )
    await samples(feed)
    assert told(feed) == [("INFY", "09:15", 2.0, "final")]


async def test_a_longer_candle_is_told_final_once_when_its_last_minute_is(market: Market) -> None:
    market.clock.now_ts = OPEN_TS
    feed = feed_of(market, "3m")
    await samples(feed)
    feed.take()
    finals = []
    for number in range(7):
        market.clock.now_ts = OPEN_TS + (number + 1) * MINUTE_NS
        forming = (number + 1) % 3 != 0
        market.candles.put(bucket(INFY, float(number), number // 3, 3, forming=forming))
        market.bus.publish(("candles", "final"), minute(INFY, float(number), number))
        await samples(feed)
        finals += [row for row in told(feed) or [] if row[3] == "final"]
    assert finals == [("INFY", "09:15", 2.0, "final"), ("INFY", "09:18", 5.0, "final")]


async def test_a_longer_candle_whose_last_minutes_had_no_trade_is_told_final_all_the_same(
    market: Market,
) -> None:
    market.clock.now_ts = OPEN_TS + MINUTE_NS
    market.candles.put(bucket(INFY, 1.0, 0, 5, forming=True))
    market.quotes.put(INFY, 1.0)
    feed = feed_of(market, "5m")
    await samples(feed)
    assert told(feed) == [("INFY", "09:15", 1.0, "forming")]
    market.candles.put(bucket(INFY, 1.0, 0, 5, forming=False))
    # another instrument's minute ends: only now is anybody told anything
    market.bus.publish(("candles", "final"), minute(RELIANCE, 9.0, 4))
    await samples(feed)
    assert told(feed) == [("INFY", "09:15", 1.0, "final")]


async def test_with_no_word_from_anybody_the_end_is_looked_for_after_some_seconds(
    market: Market,
) -> None:
    market.clock.now_ts = OPEN_TS + MINUTE_NS
    market.candles.put(bucket(INFY, 1.0, 0, 5, forming=True))
    market.quotes.put(INFY, 1.0)
    feed = feed_of(market, "5m")
    await samples(feed)
    feed.take()
    market.candles.put(bucket(INFY, 1.0, 0, 5, forming=False))
    await samples(feed, 60)
    assert told(feed) == [("INFY", "09:15", 1.0, "final")]


async def test_when_buckets_fly_by_none_is_left_out(market: Market) -> None:
    """At a thousand times the speed whole candles pass between two looks."""
    market.clock.now_ts = OPEN_TS
    feed = feed_of(market, "2m")
    await samples(feed)
    feed.take()
    market.candles.put(candles(INFY, [float(n) for n in range(10)], interval=Interval.of(2)))
    market.clock.now_ts = OPEN_TS + 20 * MINUTE_NS
    for number in range(20):
        market.bus.publish(("candles", "final"), minute(INFY, 1.0, number))
    await samples(feed)
    assert [row[2] for row in told(feed) or []] == [float(n) for n in range(10)]


async def test_an_amended_minute_tells_its_longer_candle_again(market: Market) -> None:
    market.clock.now_ts = OPEN_TS
    feed = feed_of(market, "5m")
    await samples(feed)
    feed.take()
    market.clock.now_ts = OPEN_TS + 12 * MINUTE_NS
    for number in (0, 1):
        market.candles.put(bucket(INFY, 1.0 + number, number, 5, forming=False))
    market.candles.put(bucket(INFY, 3.0, 2, 5, forming=True))
    market.bus.publish(("candles", "final"), minute(INFY, 2.0, 9))
    await samples(feed)
    assert [row[:3] for row in told(feed) or []] == [("INFY", "09:15", 1.0), ("INFY", "09:20", 2.0)]
    market.candles.put(bucket(INFY, 1.5, 0, 5, forming=False))
    for number in (3, 4, 11):  # two minutes of the first candle, and one of a forming one
        market.bus.publish(("candles", "amended"), minute(INFY, 1.5, number))
    await samples(feed)
    assert told(feed) == [("INFY", "09:15", 1.5, "final")]


async def test_a_source_that_fails_loses_nothing(market: Market) -> None:
    market.clock.now_ts = OPEN_TS
    feed = feed_of(market, "5m")
    market.candles.failure = Unavailable("the lake does not answer")
    await samples(feed)
    assert feed.take() is None
    market.candles.failure = None
    await samples(feed)
    assert told(feed) == []
    market.candles.put(bucket(INFY, 1.0, 0, 5, forming=False))
    market.clock.now_ts = OPEN_TS + 5 * MINUTE_NS
    market.bus.publish(("candles", "final"), minute(INFY, 1.0, 4))
    market.candles.failure = Unavailable("again")
    await samples(feed, 12)
    assert feed.take() is None
    market.candles.failure = None
    await samples(feed)
    assert told(feed) == [("INFY", "09:15", 1.0, "final")]
    market.bus.publish(("candles", "amended"), minute(INFY, 1.0, 4))
    market.candles.failure = Unavailable("again")
    await samples(feed)
    market.candles.failure = None
    await samples(feed)
    assert told(feed) == [("INFY", "09:15", 1.0, "final")]


async def test_market_time_set_back_begins_anew(market: Market) -> None:
    market.clock.now_ts = OPEN_TS + 60 * MINUTE_NS
    market.candles.put(minute(INFY, 1.0, 59))
    feed = feed_of(market, "1m")
    await samples(feed)
    assert told(feed) == [("INFY", "10:14", 1.0, "final")]
    market.clock.now_ts = OPEN_TS + 3 * MINUTE_NS
    market.candles.kept.clear()
    market.candles.put(minute(INFY, 7.0, 2))
    await samples(feed)
    assert told(feed) == [("INFY", "09:17", 7.0, "final")]
    market.bus.publish(("candles", "final"), minute(INFY, 8.0, 3))
    assert told(feed) == [("INFY", "09:18", 8.0, "final")]


async def test_each_instrument_is_told_in_its_own_decimals_and_days_work_too(
    market: Market,
) -> None:
    market.clock.now_ts = OPEN_TS + 60 * MINUTE_NS
    day = Interval.parse("day")
    for token, close in ((INFY, 1500.054), (USDINR, 83.1234567)):
        market.candles.put(candles(token, [close], interval=day, forming=True))
        market.quotes.put(token, close)
    feed = feed_of(market, "day", INFY, USDINR)
    await samples(feed)
    rows: list[KeyedCandle] = feed.take() or []
    found = {row.key: (row.close, row.status, row.interval) for row in rows}
    assert found == {
        "NSE:INFY": (1500.05, "forming", "day"),
        "CDS:USDINR26NOVFUT": (83.1234567, "forming", "day"),
    }
    market.candles.put(candles(INFY, [1501.0], interval=day))
    market.bus.publish(("candles", "final"), minute(INFY, 1501.0, 374))
    await samples(feed)
    assert [(row.close, row.status) for row in feed.take() or []] == [(1501.0, "final")]


async def test_a_feed_that_ended_hears_nothing(market: Market) -> None:
    feed = feed_of(market, "1m")
    feed.stop()
    market.bus.publish(("candles", "final"), minute(INFY, 1.0, 0))
    assert feed.behind == 0
    assert market.bus.report()["subscribers"] == 0


@pytest.mark.slow
async def test_random_histories_tell_every_final_candle_once_and_in_order(market: Market) -> None:
    """Minutes with and without trades, sampled at odd moments, at many speeds."""
    chance = np.random.default_rng(11)
    for _ in range(6):
        minutes = int(chance.integers(2, 16))
        market.candles.kept.clear()
        market.clock.now_ts = OPEN_TS
        feed = feed_of(market, f"{minutes}m", INFY)
        await feed.sample()
        feed.take()
        seen: list[tuple[str, float]] = []
        expected: dict[int, float] = {}
        for number in range(60):
            market.clock.now_ts = OPEN_TS + (number + 1) * MINUTE_NS
            place = number // minutes
            if chance.random() < 0.5:
                expected[place] = float(number)
                market.quotes.put(INFY, float(number))
            for known, close in expected.items():
                done = (known + 1) * minutes <= number + 1
                market.candles.put(bucket(INFY, close, known, minutes, forming=not done))
            traded = expected.get(place) == float(number)
            market.bus.publish(
                ("candles", "final"), minute(INFY if traded else RELIANCE, float(number), number)
            )
            for _ in range(int(chance.integers(0, 3))):
                await feed.sample()
            if chance.random() < 0.5:
                rows = feed.take() or []
                seen += [(r.start_ts, r.close or 0) for r in rows if r.status == "final"]
        await samples(feed, 60)
        seen += [(r.start_ts, r.close or 0) for r in feed.take() or [] if r.status == "final"]
        whole = {place: close for place, close in expected.items() if (place + 1) * minutes <= 60}
        assert [close for _, close in seen] == list(whole.values())
        assert sorted(set(seen)) == seen
        feed.stop()


def test_a_status_word_exists_for_each_status() -> None:
    assert [one.word for one in Status] == ["forming", "final", "settled"]
