"""A synthetic morning: every candle is the reference's, and close to what really traded."""

from itertools import pairwise

import pytest
from tests.best_sampling import FIELDS, true_bars
from tests.lengths import LONG
from tests.synthetic_day import Morning, compare, minute_of, morning

from firki.model.tick import SECOND

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def day() -> Morning:
    return morning(500, 375) if LONG else morning(60, 20)


def test_every_candle_is_what_the_reference_makes_of_the_same_snapshots(day: Morning) -> None:
    assert day.folded().bars() == day.referred()


def test_no_candle_is_made_up_and_no_volume_is_lost(day: Morning) -> None:
    grid = day.folded()
    for token in day.looks:
        truth = true_bars(day.trades(token), minute_of)
        bars = grid.bars().get(token, {})
        last = minute_of(day.until_ts - 1) or 0
        assert {k for k in bars if 1 <= k <= last} <= set(truth)
        parts = grid.grid.volumes(token)
        summed = sum(bar.volume for bar in bars.values())
        assert parts["baseline"] + summed + parts["outside"] + parts["gap"] == parts["newest"]


def test_prices_stay_inside_the_truth(day: Morning) -> None:
    """An ambiguous extreme may belong to the minute before; every other lies in its own."""
    grid = day.folded()
    for token in day.looks:
        truth = true_bars(day.trades(token), minute_of)
        for slot, bar in grid.bars().get(token, {}).items():
            if slot not in truth:
                continue
            if "ambiguous" not in bar.flags:
                assert truth[slot].low <= bar.low
                assert bar.high <= truth[slot].high
            assert truth[slot].low <= bar.open <= truth[slot].high
            assert truth[slot].low <= bar.close <= truth[slot].high


def test_no_reader_of_the_same_looks_could_do_better() -> None:
    """Open, close and volume are what the looks show, whatever the rate of trading."""
    for shares in compare(morning(60, 20, delayed=False)).values():
        for field in ("open", "close", "volume"):
            assert shares.firki[field] == shares.best[field]
        for field in ("high", "low"):
            assert shares.without_repair[field] <= shares.firki[field]
            assert shares.firki[field] == pytest.approx(shares.best[field], abs=0.02)


def test_names_whose_trades_lie_a_second_apart_are_exact(day: Morning) -> None:
    grid, spaced = day.folded(), 0
    for token in day.looks:
        trades = day.trades(token)
        if len(trades) < 10 or min(b[0] - a[0] for a, b in pairwise(trades)) < SECOND:
            continue
        spaced += 1
        bars = grid.bars()[token]
        for slot, truth in true_bars(trades, minute_of).items():
            found = bars[slot]
            assert {f: getattr(found, f) for f in FIELDS} == {f: getattr(truth, f) for f in FIELDS}
    assert spaced > 0
