"""What a day's grid makes of the streams that other candle builders stumble over."""

from datetime import timedelta

import pytest
from tests.fakes.grid_day import CAS_DAY, GridDay
from tests.fakes.plain_day import (
    CAS,
    CLASSES,
    PRE_OPEN,
    SHARE,
    bar,
    begun,
    connected,
    frame,
    full,
    index,
    ltp,
    opened,
    quote,
    second,
    shape,
    slot,
    wanted,
)
from tests.reference_candles import Record

from firki.live.reading import GridCandles
from firki.model.candle import Interval


def test_a_start_at_one_does_not_book_the_day_into_one_candle() -> None:
    grid = opened("13:00").run([
        frame("13:00:05", full("12:59:58", 5_000, 5_000_000, made="13:00:04")),
        frame("13:00:07", full("13:00:06", 5_010, 5_000_100)),
    ])  # fmt: skip
    found = bar(grid, "13:00")
    assert shape(found) == (5_010, 5_010, 5_010, 5_010, 100, 1)
    assert found is not None
    assert "partial" in found.flags
    assert grid.grid.volumes(SHARE)["baseline"] == 5_000_000
    assert set(range(slot("12:59") + 1)) == grid.gaps(SHARE)


def test_a_late_tick_does_not_reopen_a_closed_candle_nor_add_the_day_again() -> None:
    grid = opened("13:00").run([
        frame("13:00:05", full("12:59:58", 5_000, 5_000_000)),
        frame("13:00:21", full("13:00:20", 5_010, 5_000_100)),
        frame("13:01:02", full("13:01:01", 5_020, 5_000_150)),
        frame("13:01:03", full("13:00:30", 5_005, 5_000_120)),
        frame("13:01:04", full("13:01:03", 5_030, 5_000_160)),
    ])  # fmt: skip
    bars = grid.bars()[SHARE]
    assert sorted(bars) == [slot("13:00"), slot("13:01")]
    assert sum(found.volume for found in bars.values()) == 160
    assert shape(bars[slot("13:00")]) == (5_010, 5_010, 5_005, 5_005, 100, 1)
    assert shape(bars[slot("13:01")]) == (5_020, 5_030, 5_020, 5_030, 60, 2)


@pytest.mark.parametrize("minutes", [1, 2, 3, 4, 5, 10, 15, 30, 60, 90, 120])
def test_the_first_tick_of_the_day_is_in_the_candle_that_starts_then(minutes: int) -> None:
    grid = begun(frame("09:15:01", full("09:15:00", 100, 10)))
    candles = GridCandles(grid.file).bars(SHARE, Interval.of(minutes))
    assert candles is not None
    assert candles.start_ts.tolist() == [second("09:15") * 10**9]


def test_a_monday_tick_in_the_pre_open_makes_no_candle_of_another_day_or_minute() -> None:
    assert CAS_DAY.weekday() == 0
    grid = begun(frame("09:07:01", full("09:07:00", 100, 10)))
    assert list(grid.bars()[SHARE]) == [PRE_OPEN]


def test_yesterdays_snapshot_makes_no_candle() -> None:
    yesterday = {**full("09:00", 100, 900), "last_trade_time": second("15:29") - 86_400}
    grid = opened("08:50").run([
        frame("08:50:01", yesterday),
        frame("09:16:01", full("09:16:00", 105, 7)),
        frame("09:16:02", yesterday),
    ])  # fmt: skip
    assert shape(bar(grid, "09:16")) == (105, 105, 105, 105, 7, 1)
    assert grid.grid.volumes(SHARE) == {"baseline": 0, "outside": 0, "gap": 0, "newest": 7}
    assert grid.grid.totals()["other_date"] == 1


def test_a_quote_of_yesterday_repeated_after_the_open_is_no_trade() -> None:
    grid = opened("08:50", mode=2).run([
        frame("08:50:01", quote(100, 5_000_000)),
        frame("09:05:00", quote(100, 5_000_000)),
        frame("09:15:02", quote(101, 30)),
    ])  # fmt: skip
    assert shape(bar(grid, "09:15")) == (101, 101, 101, 101, 30, 1)
    assert list(grid.bars()[SHARE]) == [slot("09:15")]


def test_a_minute_without_a_trade_has_no_candle() -> None:
    grid = begun(
        frame("09:15:30", full("09:15:29", 100, 10)),
        frame("09:16:30", full("09:15:29", 100, 10, made="09:16:30")),
        frame("09:17:30", full("09:17:30", 100, 11)),
    )
    assert list(grid.bars()[SHARE]) == [slot("09:15"), slot("09:17")]
    assert grid.grid.totals()["depth_only"] == 1


def test_the_closing_auction_is_one_candle_and_what_follows_is_outside() -> None:
    grid = begun(
        frame("15:14:30", full("15:14:29", 100, 10, token=CAS)),
        frame("15:17:00", full("15:16:59", 101, 12, token=CAS)),
        frame("15:31:00", full("15:30:59", 103, 40, token=CAS)),
        frame("15:52:00", full("15:51:59", 103, 45, token=CAS)),
    )
    bars = grid.bars()[CAS]
    assert [found.volume for found in bars.values()] == [10, 28]
    assert grid.grid.volumes(CAS) == {"baseline": 0, "outside": 7, "gap": 0, "newest": 45}
    assert grid.grid.totals()["outside_session"] == 2


def test_volume_that_steps_back_is_counted_never_taken_off_or_added_again() -> None:
    grid = begun(
        frame("09:15:01", full("09:15:00", 100, 1_000)),
        frame("09:15:02", full("09:15:00", 100, 990)),
        frame("09:15:03", full("09:15:02", 100, 1_010)),
    )
    assert shape(bar(grid, "09:15"))[4] == 1_010
    assert grid.grid.totals()["late"] == 1


def test_a_reconnect_without_missed_volume_marks_nothing() -> None:
    grid = begun(
        frame("09:15:01", full("09:15:00", 100, 10)),
        connected("09:17:00"),
        frame("09:17:01", full("09:15:00", 100, 10)),
        frame("09:17:05", full("09:17:04", 101, 12)),
    )
    assert grid.gaps(SHARE) == set()
    assert shape(bar(grid, "09:17")) == (101, 101, 101, 101, 2, 1)


def test_what_a_reconnect_missed_belongs_to_the_gap() -> None:
    grid = begun(
        frame("09:15:01", full("09:15:00", 100, 10)),
        connected("09:17:30"),
        frame("09:17:31", full("09:17:20", 105, 50)),
        frame("09:17:40", full("09:17:39", 101, 53)),
    )
    assert grid.gaps(SHARE) == {slot("09:15"), slot("09:16"), slot("09:17")}
    assert grid.grid.volumes(SHARE) == {"baseline": 0, "outside": 0, "gap": 40, "newest": 53}
    totals = grid.grid.totals()
    assert (totals["gap_cells"], totals["gap_instruments"]) == (3, 1)
    found = bar(grid, "09:17")
    assert shape(found) == (101, 101, 101, 101, 3, 1)
    assert found is not None
    assert "gap" in found.flags


def test_a_gap_after_the_last_minute_marks_no_minute_that_was_seen_whole() -> None:
    grid = begun(
        frame("15:29:50", full("15:29:49", 100, 10)),
        frame("15:51:00", full("15:50:59", 100, 12)),
        connected("15:52:00"),
        frame("15:52:01", full("15:51:59", 100, 20)),
    )
    assert grid.gaps(SHARE) == set()
    assert grid.grid.volumes(SHARE)["gap"] == 8


def test_an_instrument_asked_for_again_brings_no_volume_of_the_time_between() -> None:
    grid = begun(
        frame("09:15:01", full("09:15:00", 100, 10)),
        wanted("09:16:00", {CAS: 3}),
        wanted("12:00:00", {CAS: 3, SHARE: 3}),
        frame("12:00:01", full("11:59:00", 130, 9_000)),
        frame("12:00:05", full("12:00:04", 131, 9_004)),
    )
    assert shape(bar(grid, "12:00")) == (131, 131, 131, 131, 4, 1)
    assert grid.grid.volumes(SHARE)["gap"] == 8_990


def test_a_change_from_ltp_to_full_brings_no_volume_of_the_day() -> None:
    grid = opened("09:15", mode=1).run([
        frame("09:15:01", ltp(100)),
        frame("09:15:05", ltp(101)),
        wanted("10:00:00", {SHARE: 3}),
        frame("10:00:01", full("09:59:58", 120, 70_000)),
        frame("10:00:04", full("10:00:03", 121, 70_005)),
    ])  # fmt: skip
    assert shape(bar(grid, "10:00")) == (121, 121, 121, 121, 5, 1)
    assert grid.grid.volumes(SHARE) == {
        "baseline": 0,
        "outside": 0,
        "gap": 70_000,
        "newest": 70_005,
    }


def test_a_while_in_ltp_mode_leaves_the_running_volume() -> None:
    grid = begun(
        frame("09:15:01", full("09:15:00", 100, 1_000)),
        frame("09:16:01", ltp(101)),
        wanted("09:17:00", {SHARE: 3}),
        frame("09:17:01", full("09:16:50", 102, 1_200)),
    )
    parts = grid.grid.volumes(SHARE)
    assert parts == {"baseline": 0, "outside": 0, "gap": 200, "newest": 1_200}


def test_a_packet_of_a_lower_mode_than_wanted_is_left_out() -> None:
    grid = opened("13:00", mode=3).run([
        frame("13:00:01", quote(100, 999_999)),
        frame("13:00:02", full("13:00:01", 100, 50)),
        frame("13:00:03", full("13:00:02", 100, 60)),
    ])  # fmt: skip
    assert grid.grid.totals()["lower_mode"] == 1
    assert shape(bar(grid, "13:00"))[4] == 10


def test_a_connection_nobody_announced_begins_with_a_cached_snapshot_too() -> None:
    grid = GridDay(CAS_DAY, CLASSES).run([
        wanted("13:00", {SHARE: 3}),
        frame("13:00:01", full("12:59:00", 100, 5_000)),
        frame("13:00:03", full("13:00:02", 101, 5_007)),
    ])  # fmt: skip
    assert shape(bar(grid, "13:00")) == (101, 101, 101, 101, 7, 1)


def test_a_new_day_begins_with_nothing_of_the_old_one() -> None:
    begun(frame("09:15:01", full("09:15:00", 100, 10, high=500, low=1)))
    tomorrow = CAS_DAY + timedelta(days=1)
    fresh = GridDay(tomorrow, CLASSES)
    assert fresh.bars() == {}
    assert fresh.grid.totals()["ticks"] == 0


def test_tokens_without_a_description_get_no_column_and_are_counted() -> None:
    grid = begun(wanted("09:10", {4097: 3, SHARE: 3}), frame("09:15:01", {**ltp(5), "token": 4097}))
    assert grid.grid.index_of(4097) < 0
    assert grid.grid.totals()["unknown_token"] == 1


@pytest.mark.parametrize("length", [28, 32, 184])
def test_what_is_sent_after_midnight_leaves_the_day_as_it_was(length: int) -> None:
    """Records go to the old day until the next one begins in the morning; day values are reset by
    then."""
    row = full("15:14:58", 5_000, 800) if length == 184 else index("15:14:58", 5_000)
    row = {**row, "length": length}
    grid = opened("15:14").run([frame("15:14:30", row)])
    before = grid.day_values(row["token"])
    morning = second("08:10", CAS_DAY + timedelta(days=1))
    reset = {**row, "last_price": 1, "open": 1, "high": 1, "low": 1, "exchange_time": morning}
    grid.run([Record("frame", morning, 0, (reset,))])
    assert grid.day_values(row["token"]) == before
    assert grid.grid.totals()["other_date"] == 1


def test_instruments_without_a_column_are_counted_once_and_harm_nobody() -> None:
    many = {1025 + 256 * n: "cash" for n in range(200)}  # a class has 128 columns at least
    grid = GridDay(CAS_DAY, many)
    wish = dict.fromkeys(many, 3)
    grid.run([wanted("09:14", wish), connected("09:14"), wanted("09:14:01", {**wish, 1: 3})])
    assert grid.grid.columns == 128
    assert grid.grid.without_column == 72
    last = max(many)
    grid.run([
        frame("09:15:01", full("09:15:00", 100, 10, token=1025)),
        frame("09:15:02", full("09:15:01", 100, 10, token=last)),
    ])  # fmt: skip
    assert grid.grid.totals()["unknown_token"] == 1
