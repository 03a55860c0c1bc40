"""What a snapshot does to its candle: extremes, amendments, and numbers that are absent."""

import numpy as np
import pytest
from tests.fakes.plain_day import (
    CAS,
    FUTURE,
    NIFTY,
    SHARE,
    bar,
    begun,
    clock,
    frame,
    full,
    index,
    opened,
    quote,
    second,
    shape,
    slot,
)
from tests.reference_candles import Settings

from firki.live.grid import Changes
from firki.model.candle import Flag


def test_candles_close_by_the_clock_without_another_tick_of_the_instrument() -> None:
    grid = begun(frame("09:15:30", full("09:15:29", 100, 10)))
    assert finals(grid.apply(clock("09:16:04"))) == 0
    assert finals(grid.apply(clock("09:16:05"))) == 1
    assert finals(grid.apply(clock("09:17:05"))) == 0


def test_candles_close_by_exchange_time_of_their_own_connection() -> None:
    grid = begun(frame("09:15:30", full("09:15:29", 100, 10), full("09:15:29", 200, 5, token=CAS)))
    other = frame("09:16:03", index("09:16:03", 9), connection=1)
    assert finals(grid.apply(other)) == 0
    assert finals(grid.apply(frame("09:16:03", full("09:16:02", 100, 11)))) == 0
    assert finals(grid.apply(frame("09:16:04", full("09:16:03", 100, 12)))) == 2


def finals(changes: Changes | None) -> int:
    return sum(len(places) for _, _, places in changes.final) if changes else 0


def test_a_change_after_the_end_is_an_amendment_with_a_revision() -> None:
    grid = begun(
        frame("09:15:30", full("09:15:29", 100, 10)),
        frame("09:16:06", full("09:16:06", 102, 13)),
    )
    changes = grid.apply(frame("09:16:07", full("09:15:59", 95, 12)))
    found = bar(grid, "09:15")
    assert shape(found) == (100, 100, 95, 95, 10, 1)
    assert found is not None
    assert (found.revision, "amended" in found.flags) == (1, True)
    assert changes is not None
    assert len(changes.amended) == 1


def test_a_duplicate_after_the_end_is_no_amendment() -> None:
    first = frame("09:15:30", full("09:15:29", 100, 10))
    grid = begun(first, frame("09:16:06", full("09:16:06", 102, 13)))
    changes = grid.apply(frame("09:16:07", *first.rows))
    assert changes is not None
    assert len(changes.amended) == 0
    assert grid.grid.totals()["amendments"] == 0


def test_an_amendment_by_market_time_needs_no_exchange_time() -> None:
    grid = begun(frame("09:16:05", quote(100, 10)), clock("09:17:05"))
    grid.run([frame("09:17:06", full("09:16:59", 104, 12))])
    found = bar(grid, "09:16")
    assert found is not None
    assert (found.high, found.revision) == (104, 1)


def test_completed_candles_are_those_marked_final_however_they_became_it() -> None:
    grid = begun(
        frame("09:15:30", full("09:15:29", 100, 10)),
        frame("09:16:30", full("09:16:29", 101, 20), full("09:16:29", 200, 5, token=CAS)),
        frame("09:17:04", full("09:17:03", 102, 30)),
        frame("09:17:06", full("09:15:50", 99, 15)),
        frame("09:17:07", full("09:15:51", 201, 3, token=CAS)),
        frame("09:17:10", full("09:17:08", 103, 40)),
    )
    totals = grid.grid.totals()
    assert (totals["candles"], totals["completed"]) == (5, 4), "one of them begun when it was over"
    marked = np.count_nonzero(grid.file.cells["flags"] & Flag.FINAL)
    assert totals["completed"] == marked


def test_a_hidden_extreme_of_the_day_is_given_to_its_candle() -> None:
    records = [
        frame("09:15:01", full("09:15:00", 100, 10)),
        frame("09:15:05", full("09:15:04", 101, 20, high=107, low=98)),
    ]
    assert shape(bar(begun(*records), "09:15"))[:4] == (100, 107, 98, 101)
    without = begun(*records, settings=Settings(repair_extremes=False))
    assert shape(bar(without, "09:15"))[:4] == (100, 101, 100, 101)


def test_a_hidden_extreme_between_two_minutes_is_ambiguous() -> None:
    grid = begun(
        frame("09:15:58", full("09:15:58", 100, 10)),
        frame("09:16:02", full("09:16:02", 101, 20, high=107, low=100)),
    )
    found = bar(grid, "09:16")
    assert found is not None
    assert (found.high, "ambiguous" in found.flags) == (107, True)


def test_a_look_between_the_minutes_settles_whose_extreme_it_was() -> None:
    grid = begun(
        frame("09:15:58", full("09:15:58", 100, 10)),
        frame("09:16:00", full("09:15:58", 100, 10, made="09:16:00")),
        frame("09:16:02", full("09:16:02", 101, 20, high=107, low=100)),
    )
    found = bar(grid, "09:16")
    assert found is not None
    assert (found.high, "ambiguous" in found.flags) == (107, False)


def test_a_quote_that_comes_again_is_a_look_at_a_market_that_stood_still() -> None:
    grid = opened("09:14", mode=2).run([
        frame("09:15:50", quote(99, 5)),
        frame("09:15:58", quote(100, 10)),
        frame("09:16:01", quote(100, 10)),
        frame("09:16:02", {**quote(101, 20), "high": 107}),
    ])  # fmt: skip
    found = bar(grid, "09:16")
    assert found is not None
    assert (found.high, "ambiguous" in found.flags) == (107, False)


@pytest.mark.parametrize("shown_as_price", [False, True])
def test_a_late_snapshot_takes_an_extreme_back_into_its_own_minute(shown_as_price: bool) -> None:
    price = 107 if shown_as_price else 101
    grid = begun(
        frame("09:15:57", full("09:15:57", 100, 10)),
        frame("09:16:02", full("09:16:01", price, 30, high=107, low=100)),
        frame("09:16:02", full("09:15:59", 100, 20, high=107, low=100)),
    )
    before, after = bar(grid, "09:15"), bar(grid, "09:16")
    assert before is not None
    assert after is not None
    assert before.high == 107
    assert after.high == (107 if shown_as_price else 101)
    assert "ambiguous" not in before.flags + after.flags


def test_a_price_no_candle_can_hold_is_refused_wherever_it_stands() -> None:
    grid = begun(
        frame("09:15:01", full("09:15:00", 2**31, 10)),
        frame("09:15:02", full("09:15:01", 100, 10, high=2**31)),
        frame("09:15:03", full("09:15:02", 100, 10)),
    )
    assert grid.grid.totals()["price_range"] == 2
    assert shape(bar(grid, "09:15")) == (100, 100, 100, 100, 10, 1)


def test_a_low_never_starts_at_nothing() -> None:
    grid = begun(frame("09:15:01", {**full("09:15:00", 100, 10), "low": 0, "high": 0, "open": 0}))
    assert shape(bar(grid, "09:15"))[:4] == (100, 100, 100, 100)


def test_a_price_outside_its_own_range_is_refused_only_when_strict() -> None:
    odd = frame("09:15:01", full("09:15:00", 120, 10, high=110, low=90))
    assert bar(begun(odd), "09:15") is not None
    strict = begun(odd, settings=Settings(strict=True))
    assert bar(strict, "09:15") is None
    assert strict.grid.totals()["inconsistent"] == 1


def test_strictness_does_not_look_at_yesterdays_range() -> None:
    before_the_open = {
        **full("09:00", 300, 900, high=110, low=90), "last_trade_time": second("15:29") - 86_400,
    }  # fmt: skip
    grid = opened("09:05", settings=Settings(strict=True)).run([
        frame("09:05:01", before_the_open),
        frame("09:08:01", full("09:08:00", 300, 25)),
    ])  # fmt: skip
    assert grid.grid.volumes(SHARE) == {"baseline": 0, "outside": 0, "gap": 0, "newest": 25}


def test_an_index_counts_each_second_and_no_duplicate() -> None:
    grid = begun(
        frame("09:15:01", index("09:15:00", 100)),
        frame("09:15:59", index("09:15:59", 105)),
        frame("09:16:01", index("09:16:00", 105)),
        frame("09:16:02", index("09:16:02", 110)),
        frame("09:16:03", index("09:16:00", 105)),
    )
    assert shape(bar(grid, "09:15", NIFTY)) == (100, 105, 100, 105, 0, 2)
    found = bar(grid, "09:16", NIFTY)
    assert shape(found) == (105, 110, 105, 110, 0, 2)
    assert found is not None
    assert {"no_volume", "no_oi"} <= set(found.flags)


def test_a_late_quote_packet_does_not_tell_its_minute_and_is_only_counted() -> None:
    grid = opened("09:14", mode=2).run([
        frame("09:15:50", quote(99, 5)),
        frame("09:15:58", quote(100, 10)),
        frame("09:15:59", quote(103, 20)),
        frame("09:16:01", quote(100, 10)),
    ])  # fmt: skip
    assert list(grid.bars()[SHARE]) == [slot("09:15")]
    assert shape(bar(grid, "09:15"))[3] == 103
    assert grid.grid.totals()["late"] == 1


def test_open_interest_is_that_of_the_close_and_absent_for_shares() -> None:
    grid = begun(
        frame("09:15:02", full("09:15:01", 100, 10, token=FUTURE, oi=700)),
        frame("09:15:04", full("09:15:03", 101, 12, token=FUTURE, oi=750)),
        frame("09:15:04", full("09:15:03", 101, 12, oi=5)),
    )
    future, share = bar(grid, "09:15", FUTURE), bar(grid, "09:15")
    assert future is not None
    assert share is not None
    assert (future.oi, "no_oi" in future.flags) == (750, False)
    assert (share.oi, "no_oi" in share.flags) == (0, True)


def test_a_tick_an_hour_ahead_is_refused_and_one_just_under_it_is_not() -> None:
    grid = begun(
        frame("09:15:00", full("10:15:01", 100, 10)),
        frame("09:15:01", full("10:15:00", 101, 11)),
    )
    assert grid.grid.totals()["future"] == 1
    assert shape(bar(grid, "10:15"))[4] == 11


def test_no_checkpoint_is_made_while_too_many_minutes_are_open() -> None:
    """Candles that a setting keeps open all day: the next start folds the whole journal, nothing is
    lost."""
    grid = begun(settings=Settings(exchange_seconds=86_400, market_seconds=86_400))
    tokens = (SHARE, FUTURE, CAS)
    grid.run(frame("09:15:01", full("09:15:00", 100, 10, token=token)) for token in tokens)
    assert grid.grid.checkpoint()
    grid.run(frame("15:14:02", full("15:14:00", 101, 11, token=token)) for token in tokens)
    assert not grid.grid.checkpoint()
