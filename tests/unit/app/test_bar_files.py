"""Bars are looked at before they are written: one that cannot be right is named."""

from typing import Any

import pytest
from tests.fakes.small_day import DAY, INFY, at

from firki.app.bar_files import check_bars
from firki.errors import Corrupt
from firki.model.candle import DAY as DAY_BAR
from firki.model.candle import MINUTE, CandleColumns, Interval, SessionKind, Status
from firki.model.ist import ist_midnight


def bars(
    *rows: dict[str, Any],  # Any: whatever a column of a test holds
    interval: Interval = MINUTE,
) -> CandleColumns:
    """Good bars of INFY at 09:15 but for what is said."""
    good: dict[str, Any] = {
        "instrument_token": INFY, "start_ts": at("09:15"), "open": 1500.0, "high": 1502.0,
        "low": 1499.0, "close": 1501.0, "volume": 10, "oi": 0, "tick_count": 3,
        "status": Status.FINAL, "revision": 0, "session": SessionKind.CONTINUOUS, "flags": 0,
        "last_tick_ts": at("09:15:59"),
    }  # fmt: skip
    whole = [{**good, **row} for row in rows]
    arrays = {name: [row[name] for row in whole] for name in good}
    return CandleColumns.of(interval, as_of_ts=0, source="grid", **arrays)


def test_good_bars_pass() -> None:
    later, other = {"start_ts": at("09:16")}, {"instrument_token": 738561}
    flat = {"open": 1500.0, "high": 1500.0, "low": 1500.0, "close": 1500.0, "volume": 0}
    auction = {"session": SessionKind.PRE_OPEN}
    check_bars(bars({}, later, other, {**flat, "start_ts": at("09:17")}, auction))
    check_bars(bars())


@pytest.mark.parametrize(
    "wrong",
    [
        {"high": 1500.5}, {"high": 1499.0, "close": 1499.5}, {"low": 1500.5}, {"low": 0.0},
        {"low": -1.0}, {"volume": -1}, {"high": float("nan")}, {"close": float("nan")},
    ],
    ids=str,
)  # fmt: skip
def test_a_bar_that_cannot_be_right_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(Corrupt, match=f"bar {INFY} 1m 2026-11-18T09:16.*expected 0 < low"):
        check_bars(bars({}, {**wrong, "start_ts": at("09:16")}))


def test_a_day_that_once_cost_nothing_is_named() -> None:
    day = {"start_ts": ist_midnight(DAY), "low": 0.0}
    with pytest.raises(Corrupt, match=rf"bar {INFY} day 2026-11-18.*found .* low 0\.0"):
        check_bars(bars(day, interval=DAY_BAR))


def test_a_start_that_comes_twice_is_named() -> None:
    with pytest.raises(Corrupt, match=r"09:15.*expected a start that comes once"):
        check_bars(bars({}, {"close": 1500.0}))
