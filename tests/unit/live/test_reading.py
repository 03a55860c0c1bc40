"""Candles read out of a grid: any interval, any depth of the session, and what is said of them."""

import asyncio
from datetime import date
from typing import Final

import pytest
from tests.fakes.grid_day import CAS_DAY, SATURDAY, GridDay, midnight, sessions
from tests.fakes.plain_day import (
    CAS,
    FUTURE,
    NIFTY,
    SHARE,
    begun,
    clock,
    frame,
    full,
    index,
    second,
)
from tests.reference_candles import Record

from firki.errors import Rejected
from firki.live.reading import GridCandles
from firki.model.candle import DAY, Candle, CandleColumns, Flag, Interval
from firki.model.tick import SECOND

EVER: Final = 1 << 62
KINDS: Final = {SHARE: "cash", CAS: "cas", FUTURE: "derivative", NIFTY: "index"}


def read(
    grid: GridDay, token: int, interval: str, from_ts: int = 0, to_ts: int = EVER
) -> CandleColumns:
    candles = GridCandles(grid.file)
    return asyncio.run(candles.read([token], Interval.parse(interval), from_ts, to_ts))


def whole_day(token: int, day: date = CAS_DAY) -> GridDay:
    """A trade in every slot of the day, the n-th of them at price 1000 + n for n + 1."""
    grid = GridDay(day, {token: KINDS[token]})
    wish = {token: 3}
    for kind in ("wanted", "connected"):
        grid.apply(Record(kind, midnight(day), 0, wish=wish))
    volume = 0
    for n, slot in enumerate(sessions(day)[KINDS[token]].slots()):
        volume += n + 1
        time = slot.start_ts // SECOND
        row = {
            "length": 184, "token": token, "last_price": 1000 + n, "volume_traded": volume,
            "last_trade_time": time, "exchange_time": time,
        }  # fmt: skip
        grid.apply(Record("frame", time, 0, (row,)))
    return grid


def start(columns: CandleColumns, row: int) -> str:
    return wall_clock(int(columns.start_ts[row]))


def wall_clock(ts: int) -> str:
    minutes = (ts // SECOND - midnight(CAS_DAY)) // 60 % 1440
    return f"{minutes // 60:02}:{minutes % 60:02}"


# A session's continuous trading: 375 minutes of a share, 360 of one with a closing auction, 385 of
# a derivative (NSE/CMTR/74466 and its annexures, from 3 Aug 2026).
@pytest.mark.parametrize(
    ("token", "counts"),
    [
        (SHARE, {1: 375, 2: 188, 3: 125, 4: 94, 5: 75, 10: 38, 15: 25, 30: 13, 60: 7, 90: 5}),
        (CAS, {1: 360, 5: 72, 15: 24, 60: 6, 120: 3}),
        (FUTURE, {1: 385, 5: 77, 30: 13, 60: 7, 120: 4}),
    ],
)
def test_a_whole_session_is_at_hand_in_every_interval(token: int, counts: dict[int, int]) -> None:
    grid = whole_day(token)
    for minutes, count in counts.items():
        bars = read(grid, token, f"{minutes}m")
        continuous = bars.take(bars.session == 1)
        assert len(continuous) == count
        assert start(continuous, 0) == "09:15"
        assert continuous.volume.sum() == bars.volume.sum() - bars.volume[bars.session != 1].sum()


def test_the_last_candle_of_a_session_may_be_short() -> None:
    bars = read(whole_day(FUTURE), FUTURE, "60m")
    assert [start(bars, n) for n in range(len(bars))][-2:] == ["14:15", "15:15"]
    assert int(bars.tick_count[-1]) == 25


def test_the_closing_auction_stays_its_own_candle_in_every_interval() -> None:
    grid = whole_day(CAS)
    for interval in ("1m", "5m", "60m", "90m"):
        bars = read(grid, CAS, interval)
        assert start(bars, -1) == "15:30"
        assert int(bars.session[-1]) == 2
        assert int(bars.tick_count[-1]) == 1


def test_two_parts_of_a_saturday_are_never_joined() -> None:
    bars = read(whole_day(SHARE, SATURDAY), SHARE, "90m")
    starts = [wall_clock(int(ts)) for ts in bars.start_ts]
    assert list(zip(starts, bars.session.tolist(), strict=True)) == [
        ("09:00", 0), ("09:15", 1), ("11:15", 0), ("11:30", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("spelling", "same"),
    [
        ("minute", "1m"),
        ("5minute", "5m"),
        ("1h", "60m"),
        ("hour", "60m"),
        ("2h", "120m"),
        ("1d", "day"),
    ],
)
def test_an_interval_may_be_spelled_as_users_do(spelling: str, same: str) -> None:
    grid = whole_day(SHARE)
    ours, theirs = read(grid, SHARE, spelling), read(grid, SHARE, same)
    assert ours.interval == theirs.interval
    assert ours.start_ts.tolist() == theirs.start_ts.tolist()


def test_both_ends_of_the_asked_time_are_included() -> None:
    grid = whole_day(SHARE)
    first, last = second("10:00") * SECOND, second("10:04") * SECOND
    assert len(read(grid, SHARE, "1m", first, last)) == 5
    assert len(read(grid, SHARE, "1m", first, last - 1)) == 4
    assert len(read(grid, SHARE, "1m", last + 1, first)) == 0


def test_a_candle_is_forming_until_its_end_and_the_grace_have_passed() -> None:
    grid = begun(frame("09:15:30", full("09:15:29", 10_000, 10)))
    assert found(grid).status == "forming"
    grid.run([clock("09:16:04")])
    assert found(grid).status == "forming"
    grid.run([clock("09:16:05")])
    assert found(grid).status == "final"
    assert found(grid, "5m").status == "forming"


def found(grid: GridDay, interval: str = "1m", token: int = SHARE) -> Candle:
    return read(grid, token, interval).candle(-1)


def test_forming_bars_are_counted_by_instrument_until_they_are_over() -> None:
    trades = (full("09:18:50", 100, 10), full("09:18:50", 100, 10, token=FUTURE))
    grid = begun(frame("09:15:30", full("09:15:29", 100, 5, token=CAS)))
    assert forming(grid) == {1: 1, 2: 1, 5: 1, 60: 1}
    grid.run([frame("09:18:51", *trades), frame("09:19:04", full("09:19:01", 101, 12))])
    assert forming(grid) == {1: 2, 2: 2, 5: 3, 60: 3}, "a bar that may still change is not over"
    grid.run([clock("09:19:05")])
    assert forming(grid) == {1: 1, 2: 1, 5: 3, 60: 3}
    grid.run([clock("09:20:05")])
    assert forming(grid) == {1: 0, 2: 1, 5: 0, 60: 3}
    grid.run([clock("15:45")])
    assert forming(grid) == {1: 0, 2: 0, 5: 0, 60: 0}


def test_a_minute_that_is_final_by_exchange_time_is_not_forming() -> None:
    grid = begun(frame("09:15:30", full("09:15:29", 100, 5)))
    grid.run([frame("09:16:03", full("09:15:29", 100, 5, made="09:16:03"))])
    assert forming(grid) == {1: 0, 2: 1, 5: 1, 60: 1}


def forming(grid: GridDay) -> dict[int, int]:
    candles = GridCandles(grid.file)
    return {n: candles.forming(Interval.of(n), grid.grid.youngest()) for n in (1, 2, 5, 60)}


def test_prices_are_rupees_and_what_is_absent_is_none() -> None:
    grid = begun(
        frame("09:15:30", full("09:15:29", 10_005, 10)),
        frame("09:15:31", index("09:15:31", 2_500_055)),
        frame("09:15:32", full("09:15:31", 120, 50, token=FUTURE, oi=75)),
    )
    share, nifty, future = found(grid), found(grid, token=NIFTY), found(grid, token=FUTURE)
    assert (share.close, share.volume, share.oi) == (100.05, 10, None)
    assert (nifty.close, nifty.volume, nifty.oi) == (25_000.55, None, None)
    assert (future.close, future.volume, future.oi) == (1.2, 50, 75)
    assert share.last_tick_ts == second("09:15:29") * SECOND


def test_unknown_tokens_and_tokens_without_a_trade_give_no_rows() -> None:
    grid = begun(frame("09:15:30", full("09:15:29", 100, 10)))
    for interval in ("1m", "60m", "day"):
        assert len(read(grid, 4097, interval)) == 0
        assert len(read(grid, CAS, interval)) == 0


def test_the_past_of_today_cannot_be_answered_from_the_grid() -> None:
    grid = begun(frame("09:15:30", full("09:15:29", 100, 10)))
    candles = GridCandles(grid.file)
    with pytest.raises(Rejected, match="firki replay"):
        asyncio.run(candles.read([SHARE], Interval.of(1), 0, EVER, as_of_ts=1))


def test_the_day_bar_has_the_exchanges_own_open_high_and_low() -> None:
    grid = begun(
        frame(
            "13:00:01", {**full("13:00:00", 10_000, 5_000, high=10_900, low=9_100), "open": 9_500}
        ),
        frame(
            "13:00:05", {**full("13:00:04", 10_010, 5_100, high=10_900, low=9_100), "open": 9_500}
        ),
    )
    bar = found(grid, "day")
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (95.0, 109.0, 91.0, 100.1, 5_100)
    assert bar.start_ts == midnight(CAS_DAY) * SECOND


def test_the_day_bar_says_what_its_close_is() -> None:
    records = [
        frame("15:14:30", full("15:14:29", 10_000, 10, token=CAS)),
        frame("15:31:00", full("15:30:59", 10_050, 40, token=CAS)),
        frame("15:51:00", full("15:30:59", 10_040, 40, token=CAS, made="15:51:00")),
    ]
    flags = []
    for count in (1, 2, 3):
        bar = GridCandles(begun(*records[:count]).file).day_bar(CAS)
        assert bar is not None
        flags.append(Flag(int(bar.flags[0])) & (Flag.CLOSE_OF_AUCTION | Flag.CLOSE_AFTER_SESSION))
    assert flags == [Flag(0), Flag.CLOSE_OF_AUCTION, Flag.CLOSE_AFTER_SESSION]
    assert found(begun(*records), "day", CAS).close == 100.4


def test_gaps_are_told_as_stretches() -> None:
    grid = begun(
        frame("09:15:01", full("09:15:00", 100, 10)),
        Record("connected", second("09:17:30"), 0),
        frame("09:17:31", full("09:17:20", 105, 50)),
    )
    expected = [(second("09:15") * SECOND, second("09:18") * SECOND)]
    assert GridCandles(grid.file).gaps(SHARE) == expected
    assert GridCandles(grid.file).gaps(CAS) == []
    assert GridCandles(grid.file).gaps(4097) == []


def test_an_instrument_that_comes_later_is_found_by_a_reader_from_before() -> None:
    grid = begun()
    grid.run([Record("wanted", second("09:10"), 0, wish={SHARE: 3})])
    candles = GridCandles(grid.file)
    assert candles.place(NIFTY) >= 0
    assert candles.bars(4097, Interval.of(1)) is None


def test_a_day_of_several_instruments_comes_back_sorted() -> None:
    grid = begun(
        frame("09:15:30", full("09:15:29", 100, 10, token=FUTURE), full("09:15:29", 100, 10)),
        frame("09:16:30", full("09:16:29", 100, 20), full("09:16:29", 100, 30, token=FUTURE)),
    )
    candles = GridCandles(grid.file)
    bars = asyncio.run(candles.read([FUTURE, SHARE], Interval.of(1), 0, EVER))
    assert bars.instrument_token.tolist() == [SHARE, SHARE, FUTURE, FUTURE]
    assert bars.source == "grid"
    days = asyncio.run(candles.read([FUTURE, SHARE], DAY, 0, EVER))
    assert days.instrument_token.tolist() == [SHARE, FUTURE]
