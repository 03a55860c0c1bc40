"""Snapshots against the truth: nothing that did not trade, and no more than Kite sends."""

from datetime import date

import numpy as np
import pytest
from tests.simulated_days import DAY, INFY, calendar, instant, looked_at, play, played

from firki.model.calendar import ist_text
from firki.model.tick import SECOND, Column
from firki.simulator.market import SyntheticMarket
from firki.simulator.trading import TradeKind

pytestmark = pytest.mark.slow


def test_an_instrument_is_shown_at_most_twice_a_second() -> None:
    snapshots = looked_at().snapshots
    second = snapshots.row.astype(np.int64) << 40 | snapshots.delivery_ts // SECOND
    assert np.unique(second, return_counts=True)[1].max() == 2


def test_snapshots_are_a_third_of_a_second_to_three_seconds_late_and_one_on_average() -> None:
    until = instant(9, 30)
    made, sent = looked_at().snapshots, played().snapshots
    late = []
    for row in range(60):
        moments = made.delivery_ts[made.row == row]
        moments = moments[moments < until]
        late.append(sent.delivery_ts[sent.row == row][: len(moments)] - moments)
    delay = np.concatenate(late) / SECOND
    assert 0.3 <= delay.min() < 0.45
    assert 2.5 < delay.max() <= 3.001
    assert 0.8 < delay.mean() < 1.05


def test_delivery_is_in_order_and_instruments_interleave() -> None:
    snapshots = played().snapshots
    assert (np.diff(snapshots.delivery_ts) >= 0).all()
    for row in (0, 5, 20):
        own = snapshots.row == row
        assert (np.diff(snapshots.delivery_ts[own]) > 0).all()
        assert (np.diff(snapshots.columns[Column.EXCHANGE_TIME, own].astype(int)) >= 0).all()
    late_of_another = np.diff(snapshots.columns[Column.EXCHANGE_TIME].astype(int)) < 0
    assert late_of_another.mean() > 0.1


def test_a_late_second_arrives_in_the_next_minute() -> None:
    snapshots = played().of(played().market.listing.rows[INFY])
    made = snapshots.columns[Column.EXCHANGE_TIME].astype(np.int64)
    last_second = made % 60 == 59
    arrived = snapshots.delivery_ts[last_second] // SECOND // 60
    assert (arrived > made[last_second] // 60).mean() > 0.3


@pytest.mark.parametrize("segment", ["NSE", "NFO-FUT", "NFO-OPT"])
def test_a_snapshot_shows_what_had_traded_when_it_was_made(segment: str) -> None:
    """Every field against a plain fold of the trades up to the look."""
    day = looked_at()
    row = day.rows(segment)[1]
    trades, shown = day.trades(row), day.of(row)
    rows = list(zip(*(c.tolist() for c in (
        trades.trade_ts, trades.price, trades.quantity, trades.oi)), strict=True))  # fmt: skip
    first_oi = int(shown.columns[Column.OI, 0])
    taken = volume = turnover = 0
    prices, interest = [], [first_oi]
    compared = 0
    for at, moment in enumerate(shown.delivery_ts.tolist()):
        while taken < len(rows) and rows[taken][0] <= moment:
            ts, price, quantity, oi = rows[taken]
            volume, turnover, taken = volume + quantity, turnover + price * quantity, taken + 1
            prices.append(price)
            interest.append(oi)
        if not prices:
            continue
        column = shown.columns[:, at].tolist()
        assert column[Column.LAST_PRICE] == price
        assert column[Column.LAST_TRADED_QUANTITY] == quantity
        assert column[Column.LAST_TRADE_TIME] == ts // SECOND
        assert column[Column.VOLUME_TRADED] == volume
        assert abs(column[Column.AVERAGE_TRADED_PRICE] - turnover / volume) <= 0.5
        assert column[Column.OPEN] == prices[0]
        assert column[Column.HIGH] == max(prices)
        assert column[Column.LOW] == min(prices)
        assert column[Column.EXCHANGE_TIME] == moment // SECOND
        assert column[Column.OI] == interest[-1]
        if segment != "NSE":
            assert column[Column.OI_DAY_HIGH] == max(interest)
            assert column[Column.OI_DAY_LOW] == min(interest)
        compared += 1
        if compared == 3000:
            break
    assert compared > 500


def test_volume_never_falls_and_ends_as_the_sum_of_all_trades() -> None:
    day = played()
    for row in range(day.market.listing.traded):
        volume = day.column(row, Column.VOLUME_TRADED)
        assert (np.diff(volume) >= 0).all()
        assert (volume[-1] if len(volume) else 0) == day.trades(row).quantity.sum()


def test_the_last_trades_of_an_evening_session_are_shown_too() -> None:
    muhurat = date(2026, 11, 8)
    market = SyntheticMarket(calendar(), muhurat, instruments=40)
    market.advance(market.end_ts)
    rows = np.arange(market.listing.traded)
    trades = market.trades(market.listing.token[rows].tolist(), 0, market.end_ts)
    whole = np.zeros(len(market.listing), np.int64)
    np.add.at(whole, [market.listing.rows[t] for t in trades.token.tolist()], trades.quantity)
    today = market.current(rows)[0][Column.VOLUME_TRADED]
    traded = whole[rows] > 0
    assert traded.sum() > 25
    assert np.array_equal(today[traded], whole[rows][traded])
    assert ist_text(int(trades.trade_ts[-1]))[11:16] == "19:14"


def test_the_day_begins_with_yesterdays_last_snapshot() -> None:
    market = SyntheticMarket(calendar(), DAY, instruments=60)
    columns, depth = market.current(np.arange(market.listing.traded))
    assert set(columns[Column.LENGTH].tolist()) == {32, 184}
    assert (columns[Column.EXCHANGE_TIME].astype(np.int64) < instant(0, 0) // SECOND).all()
    traded = columns[Column.VOLUME_TRADED] > 0
    assert traded.mean() > 0.8
    assert (columns[Column.LAST_TRADE_TIME, traded] > 0).all()
    assert not depth["quantity"].any()


def test_the_first_snapshots_of_the_day_have_no_volume_and_yesterdays_trade_time() -> None:
    day, row = played(), played().market.listing.rows[INFY]
    snapshots = day.of(row)
    early = snapshots.delivery_ts < instant(9, 9)
    columns = snapshots.columns[:, early].astype(np.int64)
    assert early.sum() > 5
    assert not columns[[Column.VOLUME_TRADED, Column.OPEN, Column.HIGH, Column.LOW]].any()
    assert (columns[Column.LAST_TRADE_TIME] < instant(0, 0) // SECOND).all()
    assert len(set(columns[Column.LAST_PRICE].tolist())) > 2, "the indicative price moves"
    assert len(set(columns[Column.CLOSE].tolist())) == 1


def test_the_book_lies_around_the_price_and_moves_without_trades() -> None:
    day, row = played(), played().market.listing.rows[INFY]
    snapshots = day.of(row)
    inside = (snapshots.delivery_ts > instant(10, 0)) & (snapshots.delivery_ts < instant(15, 0))
    price = snapshots.depth["price"][inside].astype(np.int64)
    tick = round(float(day.market.listing.tick_size[row]) * 100)
    assert (price % tick == 0).all()
    assert (np.diff(price[:, 0], axis=1) < 0).all(), "bids fall from the best"
    assert (np.diff(price[:, 1], axis=1) > 0).all()
    assert (price[:, 0, 0] < price[:, 1, 0]).all()
    last = snapshots.columns[Column.LAST_PRICE, inside].astype(np.int64)
    assert np.abs(last / price[:, :, 0].mean(axis=1) - 1).max() < 0.005
    volume = snapshots.columns[Column.VOLUME_TRADED, inside].astype(np.int64)
    alone = np.flatnonzero(np.diff(volume) == 0)
    assert len(alone) > 20
    assert (price[alone] != price[alone + 1]).any()
    quantities = snapshots.depth["quantity"][inside].astype(np.int64)
    total = snapshots.columns[Column.TOTAL_BUY_QUANTITY, inside].astype(np.int64)
    assert (total >= quantities[:, 0].sum(axis=1)).all()


def test_an_index_packet_has_prices_and_a_time_and_no_volume() -> None:
    snapshots = played().of(0)
    columns = snapshots.columns.astype(np.int64)
    assert set(columns[Column.LENGTH].tolist()) == {32}
    for column in (
        Column.VOLUME_TRADED,
        Column.LAST_TRADE_TIME,
        Column.OI,
        Column.TOTAL_BUY_QUANTITY,
    ):
        assert not columns[column].any()
    assert not snapshots.depth["price"].any()
    change = snapshots.columns[Column.PRICE_CHANGE].view(np.int32)
    assert np.array_equal(change, columns[Column.LAST_PRICE] - columns[Column.CLOSE])
    exchange_time = columns[Column.EXCHANGE_TIME]
    assert (np.diff(exchange_time) > 0).all(), "one value a second"


def test_every_index_value_reaches_a_snapshot() -> None:
    day = played()
    trades, snapshots = day.trades(0), day.of(0)
    truth = dict(zip((trades.trade_ts // SECOND).tolist(), trades.price.tolist(), strict=True))
    columns = snapshots.columns
    shown = dict(
        zip(
            columns[Column.EXCHANGE_TIME].tolist(), columns[Column.LAST_PRICE].tolist(), strict=True
        )
    )
    assert shown == truth


def test_post_close_trades_are_at_the_closing_price() -> None:
    day = played()
    late = 0
    for row in day.rows("NSE"):
        trades = day.trades(row)
        after = trades.session == TradeKind.POST_CLOSE
        late += int(after.sum())
        assert len(set(trades.price[after].tolist())) <= 1
        assert (trades.trade_ts[after] >= instant(15, 50)).all()
    assert late > 0


def test_steady_markets_send_each_instrument_once_a_second() -> None:
    market = SyntheticMarket(calendar(), DAY, instruments=60, steady_hz=1)
    play(market, instant(9, 14, 56))
    snapshots = market.advance(instant(9, 15, 26))
    made = snapshots.columns[Column.EXCHANGE_TIME].astype(np.int64)
    whole = (made >= instant(9, 15) // SECOND) & (made < instant(9, 15, 20) // SECOND)
    counts = np.bincount(snapshots.row[whole], minlength=60)
    assert counts.tolist() == [20] * 60
