"""The broker's candles: the played day out of its trades, the days before it out of the seed."""

from datetime import date, timedelta
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import pytest
from tests.simulated_days import DAY, INFY, NIFTY, calendar, demo, instant, played

from firki.model.calendar import MINUTE_NS, SessionClass, ist_date, ist_midnight
from firki.simulator.bars import Bars
from firki.simulator.market import SyntheticDays, SyntheticMarket
from firki.simulator.trading import TradeKind

BEGIN = ist_midnight(DAY - timedelta(days=45))
EVE = ist_midnight(DAY) - 1


def rows_of(bars: Bars) -> list[tuple[Any, ...]]:
    columns = (bars.start_ts, bars.open, bars.high, bars.low, bars.close, bars.volume, bars.oi)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def by_day(bars: Bars) -> dict[date, list[tuple[Any, ...]]]:
    return {day: list(rows) for day, rows in groupby(rows_of(bars), lambda r: ist_date(r[0]))}


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return SyntheticMarket(calendar(), DAY)


def tokens_of_each_kind(market: SyntheticMarket) -> list[int]:
    """An index, a brisk share, a thin one, futures and options."""
    listing = market.listing
    rows = [0, 15, 180, 260, 300, 350, 360, 380, 402, 440]
    return [int(listing.token[row]) for row in rows]


@pytest.mark.slow
def test_minutes_of_an_earlier_day_come_to_its_day_bar(market: SyntheticMarket) -> None:
    compared = 0
    for token in tokens_of_each_kind(market):
        days = {ist_date(r[0]): r for r in rows_of(market.candles(token, "day", BEGIN, EVE))}
        minutes = by_day(market.candles(token, "minute", BEGIN, EVE))
        assert minutes.keys() == days.keys()
        for day, rows in minutes.items():
            _, opened, high, low, close, volume, oi = days[day]
            assert rows[0][1] == opened
            assert max(row[2] for row in rows) == high
            assert min(row[3] for row in rows) == low
            assert rows[-1][4] == close
            assert sum(row[5] for row in rows) == volume
            assert rows[-1][6] == oi
            compared += 1
    assert compared > 150


@pytest.mark.slow
def test_every_drawn_bar_encloses_its_prices_on_the_grid(market: SyntheticMarket) -> None:
    for token in tokens_of_each_kind(market):
        bars = market.candles(token, "minute", BEGIN, EVE)
        tick = round(float(market.listing.tick_size[market.listing.rows[token]]) * 100) or 5
        assert (bars.low <= np.minimum(bars.open, bars.close)).all()
        assert (bars.high >= np.maximum(bars.open, bars.close)).all()
        assert (bars.low > 0).all()
        assert not (bars.start_ts % MINUTE_NS).any()
        for column in (bars.open, bars.high, bars.low, bars.close):
            assert not (column % tick).any()
        assert (np.diff(bars.start_ts) > 0).all()


def test_an_index_has_no_volume_and_every_minute(market: SyntheticMarket) -> None:
    bars = market.candles(NIFTY, "minute", instant(9, 15, day=date(2026, 11, 18)), EVE)
    assert len(bars) == 375
    assert not bars.volume.any()


def test_quiet_names_have_minutes_and_days_without_a_bar(market: SyntheticMarket) -> None:
    token = int(market.listing.token[345])
    days = market.candles(token, "day", BEGIN, EVE)
    sessions = list(calendar().sessions(SessionClass.CASH, ist_date(BEGIN), ist_date(EVE)))
    assert len(days) < len(sessions)
    assert len(market.candles(token, "minute", BEGIN, EVE)) < 40 * len(sessions)


def test_a_share_in_the_auction_has_a_bar_for_it_and_none_in_the_quarter_hour_before(
    market: SyntheticMarket,
) -> None:
    day = date(2026, 11, 18)
    starts = market.candles(INFY, "minute", ist_midnight(day), EVE).start_ts
    assert starts[-1] == instant(15, 30, day=day)
    assert starts[-2] == instant(15, 14, day=day)


def test_no_bar_lies_outside_the_sessions_of_the_calendar(market: SyntheticMarket) -> None:
    days = {ist_date(int(ts)) for ts in market.candles(INFY, "day", BEGIN, EVE).start_ts}
    sessions = calendar().sessions(SessionClass.CAS, ist_date(BEGIN), ist_date(EVE))
    assert days == {session.trading_date for session in sessions}
    assert date(2026, 11, 8) in days, "the muhurat session"
    assert date(2026, 11, 10) not in days, "a holiday"


def test_history_is_the_same_however_it_is_asked_for(market: SyntheticMarket) -> None:
    whole = rows_of(market.candles(INFY, "minute", BEGIN, EVE))
    middle = ist_midnight(DAY - timedelta(days=20))
    other = SyntheticMarket(calendar(), DAY)
    later = rows_of(other.candles(INFY, "minute", middle, EVE))
    earlier = rows_of(other.candles(INFY, "minute", BEGIN, middle - 1))
    assert earlier + later == whole


def test_another_seed_has_another_past(market: SyntheticMarket) -> None:
    other = SyntheticMarket(calendar(), DAY, seed=8)
    assert rows_of(other.candles(INFY, "day", BEGIN, EVE)) != rows_of(
        market.candles(INFY, "day", BEGIN, EVE)
    )


def test_the_past_does_not_depend_on_the_day_that_is_played(market: SyntheticMarket) -> None:
    earlier = SyntheticMarket(calendar(), date(2026, 10, 15))
    until = ist_midnight(date(2026, 10, 15)) - 1
    assert rows_of(earlier.candles(INFY, "60minute", BEGIN, until)) == rows_of(
        market.candles(INFY, "60minute", BEGIN, until)
    )


def test_the_played_day_starts_from_the_last_close(market: SyntheticMarket) -> None:
    for token in tokens_of_each_kind(market):
        row = np.array([market.listing.rows[token]])
        days = market.candles(token, "day", BEGIN, EVE)
        # yesterday's last snapshot shows yesterday's close as the last price
        assert int(market.current(row)[0][2, 0]) == days.close[-1]


def test_days_follow_each_other_without_leaps(market: SyntheticMarket) -> None:
    days = rows_of(market.candles(INFY, "day", ist_midnight(date(2019, 6, 3)), EVE))
    assert len(days) > 1500
    for before, after in pairwise(days):
        assert abs(after[1] / before[4] - 1) < 0.05, "an opening gap"
        assert abs(after[4] / before[4] - 1) < 0.12


def test_contracts_have_no_past_before_they_are_listed(market: SyntheticMarket) -> None:
    token = int(market.listing.token[380])
    days = market.candles(token, "day", ist_midnight(date(2020, 1, 1)), EVE)
    assert 20 < len(days) < 75


@pytest.mark.slow
@pytest.mark.parametrize("place", [0, 3, 20, 40, 42, 50])
def test_the_played_days_minutes_are_a_plain_fold_of_its_trades(place: int) -> None:
    day = played()
    listing = day.market.listing
    trades = day.trades(place)
    kinds = (TradeKind.CONTINUOUS, TradeKind.CLOSING_AUCTION)
    bars: dict[int, list[int]] = {}
    for ts, price, quantity, kind in zip(
        trades.trade_ts.tolist(), trades.price.tolist(), trades.quantity.tolist(),
        trades.session.tolist(), strict=True,
    ):  # fmt: skip
        if kind in kinds:
            start = ts // MINUTE_NS * MINUTE_NS
            if kind == TradeKind.CLOSING_AUCTION:
                start = instant(15, 30)
            if start not in bars:
                bars[start] = [price, price, price, price, 0]
            bar = bars[start]
            bar[1], bar[2] = max(bar[1], price), min(bar[2], price)
            bar[3], bar[4] = price, bar[4] + quantity
    token = int(listing.token[place])
    found = day.market.candles(token, "minute", instant(0, 0), instant(23, 0))
    assert [(r[0], *r[1:6]) for r in rows_of(found)] == [(s, *b) for s, b in sorted(bars.items())]


@pytest.mark.slow
def test_the_played_days_bar_holds_every_trade() -> None:
    day = played()
    trades = day.trades(3)
    (bar,) = rows_of(day.market.candles(int(trades.token[0]), "day", instant(0, 0), instant(23, 0)))
    prices = trades.price.tolist()
    assert bar[:6] == (
        instant(0, 0), prices[0], max(prices), min(prices), prices[-1], trades.quantity.sum(),
    )  # fmt: skip


@pytest.mark.slow
def test_the_played_day_is_known_only_as_far_as_it_was_played() -> None:
    bars = demo().candles(INFY, "minute", instant(0, 0), instant(23, 0))
    assert bars.start_ts[-1] == instant(9, 44)
    assert not len(demo().candles(INFY, "minute", instant(9, 46), instant(23, 0)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("word", "minutes"), [("5minute", 5), ("60minute", 60), ("hour", 60), ("90m", 90)]
)
def test_longer_bars_are_counted_from_the_open_and_leave_the_auction_alone(
    market: SyntheticMarket, word: str, minutes: int
) -> None:
    day = date(2026, 11, 18)
    span = ist_midnight(day), EVE
    ones, longer = (rows_of(market.candles(INFY, w, *span)) for w in ("minute", word))
    open_ts, auction = instant(9, 15, day=day), instant(15, 30, day=day)
    groups = groupby(
        ones, lambda r: r[0] if r[0] == auction else (r[0] - open_ts) // (minutes * MINUTE_NS)
    )
    expected = []
    for key, rows in groups:
        bars = list(rows)
        start = key if key == auction else open_ts + key * minutes * MINUTE_NS
        high, low = max(b[2] for b in bars), min(b[3] for b in bars)
        volume = sum(b[5] for b in bars)
        expected.append((start, bars[0][1], high, low, bars[-1][4], volume, bars[-1][6]))
    assert longer == expected
    assert longer[-1][0] == auction


def test_weeks_run_from_monday_to_sunday(market: SyntheticMarket) -> None:
    """The muhurat session of Sunday 8 November belongs to the week before it."""
    days = rows_of(market.candles(INFY, "day", BEGIN, EVE))
    weeks = rows_of(market.candles(INFY, "week", BEGIN, EVE))
    assert sum(week[5] for week in weeks) == sum(day[5] for day in days)
    week = next(w for w in weeks if ist_date(w[0]) == date(2026, 11, 2))
    inside = [d for d in days if date(2026, 11, 2) <= ist_date(d[0]) <= date(2026, 11, 8)]
    assert len(inside) == 6
    assert week[1] == inside[0][1]
    assert week[4] == inside[-1][4]


def test_bars_are_chosen_by_their_start_both_ends_included(market: SyntheticMarket) -> None:
    day = date(2026, 11, 18)
    span = instant(10, 0, day=day), instant(10, 5, day=day)
    starts = market.candles(INFY, "minute", *span).start_ts.tolist()
    assert starts == list(range(span[0], span[1] + 1, MINUTE_NS))


def test_an_unknown_interval_or_token_is_refused(market: SyntheticMarket) -> None:
    with pytest.raises(ValueError, match="fortnight"):
        market.candles(INFY, "fortnight", BEGIN, EVE)
    with pytest.raises(KeyError):
        market.candles(1, "minute", BEGIN, EVE)


@pytest.mark.slow
def test_a_played_day_stays_history_and_its_last_snapshot_opens_the_next() -> None:
    days = SyntheticDays(calendar(), instruments=20)
    first = days.market(DAY)
    first.advance(first.end_ts)
    token = int(first.listing.token[first.listing.segment.index("NSE")])
    seen = rows_of(first.candles(token, "minute", instant(0, 0), instant(23, 0)))
    tomorrow = days.after(DAY)
    assert tomorrow == date(2026, 11, 20)
    second = days.market(tomorrow)
    assert rows_of(second.candles(token, "minute", instant(0, 0), instant(23, 0))) == seen
    before, after = (
        market.current(np.array([market.listing.rows[token]]))[0] for market in (first, second)
    )
    assert np.array_equal(before, after)
    second.advance(instant(9, 30, day=tomorrow))
    closing = second.current(np.array([second.listing.rows[token]]))[0]
    assert closing[11, 0] == seen[-1][4], "the close of the played day is the next one's previous"
    for row in range(first.listing.traded):
        token = int(first.listing.token[row])
        if token in second.listing.rows:
            bars = second.candles(token, "day", instant(0, 0), instant(23, 0))
            shown = second.current(np.array([second.listing.rows[token]]))[0][11, 0]
            assert set(bars.close.tolist()) <= {int(shown)}
