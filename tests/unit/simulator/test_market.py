"""The synthetic market as its callers see it: played in any pieces, one day, one truth."""

import numpy as np
import pytest
from tests.simulated_days import DAY, calendar, instant, play, same

from firki.errors import ConfigError
from firki.simulator.market import SyntheticMarket


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_however_the_day_is_cut_up() -> None:
    whole, cut = (SyntheticMarket(calendar(), DAY, instruments=60) for _ in range(2))
    until = instant(9, 16, 30)
    one = play(whole, until)
    other = play(cut, until, step=7_300_000_001)
    assert len(one) > 1000
    assert same(one, other)
    rows = np.arange(len(whole.listing))
    assert np.array_equal(whole.current(rows)[0], cut.current(rows)[0])


def test_another_seed_gives_another_day() -> None:
    one, other = (SyntheticMarket(calendar(), DAY, instruments=60, seed=s) for s in (7, 8))
    until = instant(9, 15, 30)
    assert not same(play(one, until), play(other, until))


def test_time_does_not_go_back() -> None:
    market = SyntheticMarket(calendar(), DAY, instruments=20)
    market.advance(instant(9, 1))
    with pytest.raises(ValueError, match="lies before"):
        market.advance(instant(9, 0, 59))


def test_a_date_without_trading_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="2026-11-15"):
        SyntheticMarket(calendar(), DAY.replace(day=15))


@pytest.mark.parametrize("hz", [0, -1, 9])
def test_a_rate_of_snapshots_out_of_range_is_refused(hz: int) -> None:
    with pytest.raises(ConfigError, match="1 to 8"):
        SyntheticMarket(calendar(), DAY, instruments=20, most_hz=hz)
    with pytest.raises(ConfigError, match="1 to 8"):
        SyntheticMarket(calendar(), DAY, instruments=20, steady_hz=hz)
