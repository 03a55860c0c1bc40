"""Subscriptions without a socket: what is sampled, what is taken, what was missed."""

from typing import Any

from tests.fakes.gateway import INFY, INSTRUMENTS, NIFTY, OPEN_TS, USDINR, Market, ticks

from firki.model.tick import Column
from firki.serve.feeds import HealthFeed, QuoteFeed
from firki.serve.tick_feed import TickFeed

BY_TOKEN = {one.instrument_token: one for one in INSTRUMENTS}


def quote_feed(market: Market, *, depth: bool = False) -> QuoteFeed:
    keys = {INFY: "NSE:INFY", NIFTY: "NSE:NIFTY 50"}
    return QuoteFeed(market.quotes, market.clock, keys, depth=depth)


def told(feed: QuoteFeed | TickFeed) -> list[tuple[str, float]]:
    return [(row.key, row.last_price) for row in feed.take() or []]


async def test_the_first_message_has_all_quotes_and_the_next_only_what_changed(
    market: Market,
) -> None:
    market.quotes.put(INFY, 101.0)
    market.quotes.put(NIFTY, 25_000.0)
    market.quotes.put(USDINR, 83.0)  # not subscribed
    feed = quote_feed(market)
    await feed.sample()
    assert told(feed) == [("NSE:INFY", 101.0), ("NSE:NIFTY 50", 25_000.0)]
    await feed.sample()
    assert feed.take() is None
    market.quotes.put(NIFTY, 25_001.0)
    await feed.sample()
    assert told(feed) == [("NSE:NIFTY 50", 25_001.0)]


async def test_with_no_quotes_yet_the_first_message_is_empty_and_says_the_subscription_stands(
    market: Market,
) -> None:
    feed = quote_feed(market)
    await feed.sample()
    assert feed.take() == []
    assert feed.take() is None


async def test_a_reader_that_is_late_gets_the_newest_and_a_count_of_what_it_missed(
    market: Market,
) -> None:
    feed = quote_feed(market)
    for price in (101.0, 102.0, 103.0):
        market.quotes.put(INFY, price)
        await feed.sample()
    assert told(feed) == [("NSE:INFY", 103.0)]
    assert (feed.missed(), feed.missed()) == (2, 0)


async def test_depth_is_told_only_where_it_was_asked_for(market: Market) -> None:
    market.quotes.put(INFY, 101.0)
    for depth in (False, True):
        feed = quote_feed(market, depth=depth)
        await feed.sample()
        (row,) = feed.take() or []
        assert bool(row.depth) is depth


async def test_health_is_the_newest_document() -> None:
    documents = iter([{"n": 1}, {"n": 2}, {"n": 3}])
    feed = HealthFeed(lambda: next(documents))
    await feed.sample()
    await feed.sample()
    assert feed.take() == {"n": 2}
    assert feed.take() is None
    assert feed.missed() == 1


def trade(token: int, price: int, **more: int) -> dict[Column, int]:
    named = {Column[name.upper()]: value for name, value in more.items()}
    return {Column.INSTRUMENT_TOKEN: token, Column.LAST_PRICE: price, **named}


def tick_feed(market: Market, *tokens: int, depth: bool = False) -> Any:
    known = {token: BY_TOKEN[token] for token in tokens or (INFY, NIFTY)}
    return TickFeed(market.bus, known, depth=depth)


async def test_every_trade_is_told_in_the_order_it_came(market: Market) -> None:
    feed = tick_feed(market)
    assert feed.take() == []
    prices = list(range(150_000, 150_020))
    for number, price in enumerate(prices):
        batch = ticks([trade(INFY, price), trade(USDINR, 1), trade(NIFTY, price + 1)], seq=number)
        market.bus.publish(("ticks",), batch)
    assert feed.behind == 40
    rows = feed.take()
    assert [row.last_price for row in rows if row.key == "NSE:INFY"] == [p / 100 for p in prices]
    assert [row.frame for row in rows if row.key == "NSE:NIFTY 50"] == list(range(20))
    assert all(row.trade for row in rows)
    assert (feed.behind, feed.missed(), feed.take()) == (0, 0, None)


async def test_depth_alone_is_told_once_per_instrument_and_counted(market: Market) -> None:
    feed = tick_feed(market)
    for sell in (1, 2, 3):
        batch = ticks([trade(INFY, 150_000, total_sell_quantity=sell)], trades=[False])
        market.bus.publish(("ticks",), batch)
    (row,) = feed.take()
    assert (row.sell_quantity, row.trade, feed.behind) == (3, False, 0)
    assert feed.missed() == 2


async def test_a_trade_makes_the_depth_before_it_old(market: Market) -> None:
    feed = tick_feed(market)
    quiet = trade(INFY, 150_000, total_sell_quantity=1)
    market.bus.publish(("ticks",), ticks([quiet, trade(NIFTY, 7)], trades=[False, False]))
    market.bus.publish(("ticks",), ticks([trade(INFY, 150_005)]))
    market.bus.publish(("ticks",), ticks([trade(INFY, 150_005, oi=3)], trades=[False]))
    rows = feed.take()
    assert [(row.key, row.trade) for row in rows] == [
        ("NSE:NIFTY 50", False), ("NSE:INFY", True), ("NSE:INFY", False),
    ]  # fmt: skip
    assert feed.missed() == 1


async def test_a_tick_tells_every_field_in_rupees(market: Market) -> None:
    feed = tick_feed(market, USDINR, depth=True)
    second = OPEN_TS // 10**9
    batch = ticks(
        [
            trade(
                USDINR, 831_234_500, last_traded_quantity=3, average_traded_price=831_000_000,
                volume_traded=77, total_buy_quantity=5, total_sell_quantity=6, open=830_000_000,
                high=832_000_000, low=829_000_000, close=830_000_000, last_trade_time=second,
                exchange_time=second + 1, oi=9, oi_day_high=10, oi_day_low=8,
            )
        ],
        seq=41,
    )  # fmt: skip
    market.bus.publish(("ticks",), batch)
    (row,) = feed.take()
    assert (row.last_price, row.average_price, row.open) == (83.12345, 83.1, 83.0)
    assert (row.high, row.low, row.close) == (83.2, 82.9, 83.0)
    assert (row.change, row.change_percent) == (0.12345, 0.1487)
    assert (row.last_quantity, row.volume_traded, row.buy_quantity, row.sell_quantity) == (
        3,
        77,
        5,
        6,
    )
    assert (row.oi, row.oi_day_high, row.oi_day_low, row.connection, row.frame) == (9, 10, 8, 2, 41)
    assert row.last_trade_time == "2026-11-20T09:15:00+05:30"
    assert row.exchange_time == "2026-11-20T09:15:01+05:30"
    # five levels a side, in rupees, divided by the scale once
    assert row.depth["buy"][0] == {"price": 83.1234495, "quantity": 100, "orders": 1}
    assert [len(row.depth[side]) for side in ("buy", "sell")] == [5, 5]
    assert row.depth["sell"][4]["price"] == 83.1234525


async def test_a_packet_without_a_field_tells_null_not_zero(market: Market) -> None:
    feed = tick_feed(market, depth=True)
    full = trade(INFY, 150_000, close=149_000, volume_traded=0)
    for length in (8, 28, 32, 44, 184):
        market.bus.publish(("ticks",), ticks([{**full, Column.LENGTH: length}]))
    ltp, index_quote, index_full, quote, whole = feed.take()
    assert (ltp.close, ltp.volume_traded, ltp.change, ltp.depth) == (None, None, None, None)
    assert (index_quote.close, index_quote.volume_traded, index_quote.exchange_time) == (
        1490.0, None, None,
    )  # fmt: skip
    assert (index_full.close, index_full.oi) == (1490.0, None)
    assert (quote.volume_traded, quote.oi, quote.depth) == (0, None, None)
    assert (whole.volume_traded, whole.oi, len(whole.depth["buy"])) == (0, 0, 5)
    assert whole.last_trade_time is None  # the feed gave a time of zero


async def test_a_feed_that_ended_hears_nothing(market: Market) -> None:
    feed = tick_feed(market)
    feed.stop()
    market.bus.publish(("ticks",), ticks([trade(INFY, 150_000)]))
    assert feed.behind == 0
    assert market.bus.report()["subscribers"] == 0
