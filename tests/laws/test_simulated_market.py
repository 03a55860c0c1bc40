"""Laws of the simulated market: what is asked, and in which pieces, changes nothing."""

from datetime import date
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.lengths import examples
from tests.simulated_days import DAY, calendar, instant, play, same

from firki.model.calendar import SessionClass
from firki.model.tick import SECOND
from firki.simulator.bars import fold_minutes, longer
from firki.simulator.closes import Closes
from firki.simulator.market import SyntheticMarket
from firki.simulator.snapshotter import Snapshots
from firki.simulator.tape import Trades

pytestmark = pytest.mark.slow

BEGIN, END = instant(9, 9), instant(9, 17)
moments = st.integers(BEGIN, END)


@cache
def whole() -> Snapshots:
    market = fresh()
    return play(market, END)


@cache
def truth() -> Trades:
    market = fresh()
    return market.trades(market.listing.token.tolist(), 0, market.end_ts)


def fresh() -> SyntheticMarket:
    return SyntheticMarket(calendar(), DAY, instruments=12)


@examples(15)
@given(st.lists(moments, max_size=30))
def test_a_day_cut_anywhere_gives_the_same_snapshots(cuts: list[int]) -> None:
    market = fresh()
    parts = [market.advance(until) for until in [*sorted(cuts), END]]
    assert same(Snapshots.joined(parts), whole())


@examples(15)
@given(st.integers(0, 11), moments, moments)
def test_any_part_of_the_truth_is_that_part_of_the_whole(row: int, one: int, other: int) -> None:
    market, span = fresh(), (min(one, other), max(one, other))
    token = int(market.listing.token[row])
    part, all_of_it = market.trades([token], *span), truth()
    keep = (all_of_it.token == token) & (all_of_it.trade_ts >= span[0])
    keep &= all_of_it.trade_ts <= span[1]
    for name in ("trade_ts", "price", "quantity", "session", "oi"):
        assert np.array_equal(getattr(part, name), getattr(all_of_it, name)[keep])


@examples(20)
@given(st.integers(0, 2**63), st.sets(st.integers(0, 2500), min_size=2, max_size=8))
def test_closes_do_not_depend_on_the_days_asked_for(seed: int, offsets: set[int]) -> None:
    first = DAY.replace(year=2019).toordinal()
    days = [date.fromordinal(first + offset) for offset in sorted(offsets)]
    closes = Closes(seed)
    together = closes.factors(days)
    alone = np.concatenate([closes.factors([day]) for day in days], axis=1)
    assert np.allclose(together, alone, rtol=0, atol=1e-12)


@examples(30)
@given(
    st.lists(
        st.tuples(st.integers(0, 23_000), st.integers(1, 500), st.integers(0, 99)), max_size=60
    ),
    st.integers(2, 400),
)
def test_longer_bars_hold_the_same_trades(trades: list[tuple[int, int, int]], length: int) -> None:
    session = calendar().session(SessionClass.CAS, DAY)
    assert session is not None
    trades.sort(key=lambda trade: trade[0])
    seconds, prices, quantities = (np.array([t[n] for t in trades], np.int64) for n in range(3))
    ts = session.open_ts + seconds * SECOND
    minutes = fold_minutes(session, ts, prices, quantities, np.zeros(len(ts), np.int64))
    bars = longer(session, minutes, length)
    assert bars.volume.sum() == minutes.volume.sum()
    assert set(bars.start_ts) <= {session.open_ts + n * 60 * SECOND for n in range(400)}
    assert all(b > a for a, b in pairwise(bars.start_ts.tolist()))
    if len(bars):
        assert bars.high.max() == minutes.high.max()
        assert bars.open[0] == minutes.open[0]
        assert bars.close[-1] == minutes.close[-1]
