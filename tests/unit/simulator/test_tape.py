"""The truth itself: when trades come, at which prices, and that no question changes it."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from tests.best_sampling import FIELDS, best_bars, exact_share, true_bars
from tests.simulated_days import (
    DAY,
    INFY,
    NIFTY,
    RELIANCE,
    calendar,
    demo,
    instant,
    looked_at,
    played,
)

from firki.model.calendar import MINUTE_NS, SessionClass
from firki.model.tick import SECOND, Column
from firki.simulator.market import SyntheticMarket
from firki.simulator.tape import Trades
from firki.simulator.trading import TradeKind

pytestmark = pytest.mark.slow

UNTIL = instant(11, 59, 50)
"""Trades up to here had been looked at when the reading stopped."""


def bucket(moment: int) -> int | None:
    """The minute of continuous trading of a cash share without an auction."""
    open_ts, close_ts = instant(9, 15), instant(15, 30)
    return (moment - open_ts) // MINUTE_NS if open_ts <= moment < close_ts else None


def pairs(trades: Trades) -> list[tuple[int, int, int]]:
    return list(
        zip(trades.trade_ts.tolist(), trades.price.tolist(), trades.quantity.tolist(), strict=True)
    )


def test_an_instrument_trades_the_same_alone_and_among_others() -> None:
    market = played().market
    span = instant(9, 0), instant(9, 40)
    alone = market.trades([INFY], *span)
    among = market.trades([RELIANCE, INFY, NIFTY], *span)
    keep = among.token == INFY
    assert len(alone) > 1000
    assert np.array_equal(alone.trade_ts, among.trade_ts[keep])
    assert np.array_equal(alone.price, among.price[keep])


def test_parts_of_the_day_come_to_the_whole() -> None:
    market = played().market
    whole = market.trades([INFY], 0, market.end_ts)
    cuts = [0, instant(9, 15, 7), instant(11, 2), instant(15, 20), market.end_ts]
    parts = [market.trades([INFY], a + 1, b) for a, b in pairwise(cuts)]
    assert pairs(Trades.joined(parts)) == pairs(whole)


def test_an_index_moves_alike_in_a_small_and_a_big_market() -> None:
    small, big = (
        SyntheticMarket(calendar(), DAY, instruments=count).trades([NIFTY], 0, instant(10, 0))
        for count in (60, 500)
    )
    assert pairs(small) == pairs(big)


def test_the_opening_auction_prints_once_at_one_price_and_sets_the_open() -> None:
    day, row = played(), played().market.listing.rows[INFY]
    trades = day.trades(row)
    opening = trades.session == TradeKind.PRE_OPEN
    assert 1 <= opening.sum() <= 3
    assert len(set(trades.price[opening].tolist())) == 1
    assert (trades.trade_ts[opening] >= instant(9, 10)).all()
    assert (trades.trade_ts[opening] < instant(9, 12)).all()
    assert (trades.quantity[opening] > 0).all()
    opens = day.column(row, Column.OPEN)
    assert set(opens[opens > 0].tolist()) == {int(trades.price[0])}


def test_the_closing_auction_prints_the_price_the_next_day_starts_from() -> None:
    day, row = played(), played().market.listing.rows[INFY]
    trades = day.trades(row)
    closing = trades.session == TradeKind.CLOSING_AUCTION
    assert closing.sum() >= 1
    assert (trades.trade_ts[closing] >= instant(15, 30)).all()
    assert (trades.trade_ts[closing] < instant(15, 35)).all()
    tomorrow = calendar().next_session(SessionClass.CASH, DAY).trading_date
    after = SyntheticMarket(calendar(), tomorrow, instruments=60)
    after.advance(instant(9, 20, day=tomorrow))
    columns, _ = after.current(np.array([after.listing.rows[INFY]]))
    assert set(trades.price[closing].tolist()) == {int(columns[Column.CLOSE, 0])}


def test_a_share_in_the_closing_auction_does_not_trade_in_the_quarter_hour_before() -> None:
    trades = played().trades(played().market.listing.rows[INFY])
    quiet = (trades.trade_ts >= instant(15, 15)) & (trades.trade_ts < instant(15, 30))
    assert not quiet.any()


def test_derivatives_go_on_after_shares_have_closed() -> None:
    day = played()
    row = day.rows("NFO-FUT")[0]
    late = day.trades(row).trade_ts
    assert instant(15, 39) < late.max() < instant(15, 40)


def test_trades_crowd_at_the_boundaries_of_minutes() -> None:
    trades = played().trades(played().market.listing.rows[INFY])
    seconds = Counter((trades.trade_ts // SECOND % 60).tolist())
    inside = np.mean([seconds[second] for second in range(5, 55)])
    assert seconds[59] > 1.6 * inside
    assert seconds[0] > 1.6 * inside


def test_the_day_is_busiest_at_its_ends() -> None:
    trades = played().trades(played().market.listing.rows[INFY]).trade_ts
    hours = [
        ((trades >= instant(h, m)) & (trades < instant(h, m) + 30 * MINUTE_NS)).sum()
        for h, m in ((9, 15), (12, 15), (14, 45))
    ]
    assert hours[0] > 1.3 * hours[1] < hours[2]


def test_trades_come_in_bursts() -> None:
    """Counts of neighbouring seconds vary more than if each trade came by itself."""
    trades = played().trades(played().market.listing.rows[INFY]).trade_ts
    calm = (trades >= instant(12, 0)) & (trades < instant(13, 0))
    of_minute = trades // SECOND % 60
    calm &= (of_minute > 1) & (of_minute < 58)
    counts = np.bincount((trades[calm] - instant(12, 0)) // SECOND, minlength=3600)
    assert counts.var() > 1.3 * counts.mean()


def test_rates_reach_from_ten_a_second_to_a_few_a_day() -> None:
    market = demo()
    shares = [r for r in range(market.listing.traded) if market.listing.segment[r] == "NSE"]
    tokens = market.listing.token[[shares[0], *shares[-12:]]].tolist()
    counts = Counter(market.trades(tokens, 0, market.end_ts).token.tolist())
    assert counts[tokens[0]] > 150_000
    assert all(counts[token] < 60 for token in tokens[1:])
    assert any(counts[token] > 0 for token in tokens[1:])


def test_quiet_names_have_minutes_without_a_trade() -> None:
    day = played()
    row = day.rows("NSE")[-3]
    minutes = {bucket(int(ts)) for ts in day.trades(row).trade_ts} - {None}
    assert 0 <= len(minutes) < 60


def test_prices_lie_on_the_tick_grid() -> None:
    day = played()
    for row in [*day.rows("NSE")[::7], *day.rows("NFO-OPT")[::5]]:
        tick = round(float(day.market.listing.tick_size[row]) * 100)
        trades = day.trades(row)
        assert (trades.price % tick == 0).all()
        assert (trades.price > 0).all()
        assert (trades.quantity % day.market.listing.lot_size[row] == 0).all()


def test_the_day_range_is_that_of_a_calm_market() -> None:
    day = played()
    ranges = []
    for row in day.rows("NSE"):
        high, low = (int(day.column(row, c)[-1]) for c in (Column.HIGH, Column.LOW))
        if low:
            ranges.append(high / low - 1)
    assert 0.008 < np.mean(ranges) < 0.03


def test_an_index_has_a_value_a_second_and_ends_on_its_close() -> None:
    trades = played().trades(0)
    assert (trades.quantity == 0).all()
    assert (trades.trade_ts % SECOND == 0).all()
    inside = trades.session == TradeKind.CONTINUOUS
    assert 20_000 < inside.sum() <= 22_500
    assert np.unique(trades.trade_ts).size == len(trades)


def test_open_interest_moves_within_the_day() -> None:
    trades = played().trades(played().rows("NFO-FUT")[0])
    assert len(np.unique(trades.oi)) > 100
    assert (trades.oi > 0).all()


def test_options_are_worth_less_the_further_they_are_from_paying() -> None:
    """One expiry's calls fall and its puts rise with the strike, by quotes at one moment."""
    market = demo()
    listing = market.listing
    rows = [r for r in range(listing.traded) if listing.segment[r] == "NFO-OPT"]
    first = min(listing.expiry[row] or DAY for row in rows)
    for word, sign in (("CE", -1), ("PE", 1)):
        chain = [
            r for r in rows if listing.instrument_type[r] == word and listing.expiry[r] == first
        ]
        chain.sort(key=lambda row: float(listing.strike[row]))
        _, depth = market.current(np.array(chain))
        middles = (depth["price"][:, 0, 0].astype(int) + depth["price"][:, 1, 0]) / 2
        assert len(chain) == 30
        assert (middles > 0).all()
        # a quote may be some seconds old, so neighbours may stand a little wrong
        assert (np.diff(middles) * sign > -100).all()
        assert (middles[-1] - middles[0]) * sign > 10_000


def test_a_future_carries_interest_over_its_index() -> None:
    market = demo()
    keys = market.listing.keys
    rows = np.array([0, keys.index("NFO:NIFTY26NOVFUT"), keys.index("NFO:NIFTY27JANFUT")])
    index, near, far = market.current(rows)[0][Column.LAST_PRICE].tolist()
    assert 0 < near / index - 1 < 0.004
    assert 0.009 < far / index - 1 < 0.016


def test_names_with_trades_a_second_apart_can_be_read_without_a_fault() -> None:
    day, spaced = looked_at(), 0
    for row in day.rows("NSE"):
        trades = pairs(day.market.trades([int(day.market.listing.token[row])], 0, UNTIL))
        if len(trades) < 20 or min(b[0] - a[0] for a, b in pairwise(trades)) < SECOND:
            continue
        spaced += 1
        truth = true_bars(trades, bucket)
        best = best_bars(trades, day.of(row).delivery_ts.tolist(), bucket)
        shares = {field: exact_share(truth, best, field) for field in FIELDS}
        assert shares == dict.fromkeys(FIELDS, 1.0)
    assert spaced >= 2


def test_brisk_names_cannot_be_read_without_a_fault() -> None:
    day = looked_at()
    looks = day.of(day.market.listing.rows[INFY]).delivery_ts.tolist()
    trades = pairs(day.market.trades([INFY], 0, UNTIL))
    truth = true_bars(trades, bucket)
    plain = best_bars(trades, looks, bucket, repair=False)
    repaired = best_bars(trades, looks, bucket)
    assert 0.2 < exact_share(truth, plain, "close") < 1
    assert exact_share(truth, plain, "high") <= exact_share(truth, repaired, "high") < 1
    assert set(repaired) == set(truth)
    whole = sum(bar.volume for bar in truth.values())
    assert abs(sum(bar.volume for bar in repaired.values()) - whole) < 0.01 * whole
