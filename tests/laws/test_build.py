"""What must hold of candles built from recorded ticks, whatever the ticks."""

import tempfile
from collections.abc import Sequence
from datetime import date
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.lengths import examples

from firki.app.build import BuildOptions, build
from firki.app.build_report import BuildReport
from firki.config import load
from firki.model.ist import ist_midnight

DAY = date(2021, 4, 13)
SECOND = 10**9
OPEN = ist_midnight(DAY) + 33_300 * SECOND
SESSION_SECONDS = 22_500


class Tick(NamedTuple):
    """Seconds after the open, paise, cumulative volume."""

    symbol: str
    second: int
    paise: int
    volume: int


@st.composite
def feeds(draw: st.DrawFn) -> list[Tick]:
    """Ticks of three stocks in order, from a little before the open to after the close."""
    ticks: list[Tick] = []
    for symbol in ("INFY", "TCS", "WHATEVER"):
        second, volume = draw(st.integers(-200, 300)), draw(st.integers(0, 50))
        for _ in range(draw(st.integers(1, 40))):
            ticks.append(Tick(symbol, second, draw(st.integers(5, 400_000)), volume))
            second += draw(st.one_of(st.integers(0, 20), st.integers(0, 4_000)))
            volume += draw(st.one_of(st.just(0), st.integers(1, 1_000_000)))
    return ticks


def run(*files: Sequence[Tick], intervals: Sequence[str] = ("1m",)) -> tuple[BuildReport, Any]:
    """The report and the bars' rows, of ticks that come in so many files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, ticks in enumerate(files):
            pl.DataFrame(
                {
                    "symbol": [t.symbol for t in ticks],
                    "ts": [OPEN + t.second * SECOND for t in ticks],
                    "ltp": [t.paise / 100 for t in ticks],
                    "volume": [t.volume for t in ticks],
                }
            ).write_parquet(folder / f"{number}.parquet")
        kept = load(None, {"FIRKI_DATA__FOLDER": name, "HOME": name})
        options = BuildOptions(
            sources=[name], out=folder / "out" / "bars.parquet", intervals=intervals, day=DAY
        )
        options.out.parent.mkdir()
        report = build(kept, options, lambda *_: None)
        return report, pl.read_parquet(options.out)


def traded(ticks: Sequence[Tick]) -> bool:
    return any(t.volume for t in ticks)


def reference(ticks: Sequence[Tick]) -> list[tuple[Any, ...]]:
    """Minutes of one stock: a snapshot whose volume rose is a trade; the first is none."""
    trades = [
        (now.second // 60, now.paise, now.volume - before.volume)
        for before, now in pairwise(ticks)
        if now.volume > before.volume and 0 <= now.second < SESSION_SECONDS
    ]
    bars = []
    for minute, group in groupby(trades, key=lambda trade: trade[0]):
        prices, volumes = zip(*[(price, volume) for _, price, volume in group], strict=True)
        ohlc = (prices[0], max(prices), min(prices), prices[-1])
        bars.append(
            (OPEN + minute * 60 * SECOND, *(p / 100 for p in ohlc), sum(volumes), len(prices))
        )
    return bars


@pytest.mark.slow
@examples(20)
@given(feeds())
@example([Tick("INFY", 0, 100, 0), Tick("INFY", 59, 100, 1), Tick("INFY", 60, 100, 2)])
@example([Tick("INFY", -1, 100, 0), Tick("INFY", 22_499, 100, 1), Tick("INFY", 22_500, 100, 2)])
def test_minutes_are_those_a_few_lines_of_python_make(ticks: list[Tick]) -> None:
    report, bars = run(ticks)
    continuous = bars.filter(pl.col("session") == "continuous")
    for symbol in {t.symbol for t in ticks}:
        own = [t for t in ticks if t.symbol == symbol]
        if not traded(own):
            continue  # without any volume it is taken for an index
        found = continuous.filter(pl.col("symbol") == symbol).select(
            "start_ts", "open", "high", "low", "close", "volume", "tick_count"
        )
        assert found.rows() == reference(own)
    (day,) = report.days
    assert all(volumes.adds_up for volumes in day.volumes)
    assert day.rows == len(ticks)


@pytest.mark.slow
@examples(20)
@given(feeds())
def test_repeated_rows_and_files_split_by_stock_change_no_bar(ticks: list[Tick]) -> None:
    _, once = run(ticks)
    _, repeated = run([t for t in ticks for _ in range(2)])
    assert repeated.equals(once)
    by_stock = [list(group) for _, group in groupby(ticks, key=lambda t: t.symbol)]
    _, split = run(*by_stock)
    assert split.equals(once)


@pytest.mark.slow
@examples(20)
@given(feeds(), st.integers(2, 400))
def test_longer_bars_are_the_sum_of_their_minutes(ticks: list[Tick], size: int) -> None:
    _, bars = run(ticks, intervals=["1m", f"{size}m"])
    minutes = bars.filter(pl.col("interval") == "1m", pl.col("session") == "continuous")
    start = (pl.col("start_ts") - OPEN) // (size * 60 * SECOND) * (size * 60 * SECOND) + OPEN
    folded = (
        minutes.group_by("symbol", start, maintain_order=True)
        .agg(
            pl.col("open").first(), pl.col("high").max(), pl.col("low").min(),
            pl.col("close").last(), pl.col("volume").sum(), pl.col("tick_count").sum(),
        )
        .sort("symbol", "start_ts")
    )  # fmt: skip
    long = bars.filter(pl.col("interval") == f"{size}m", pl.col("session") == "continuous")
    names = ["symbol", "start_ts", "open", "high", "low", "close", "tick_count"]
    assert long.select(names).rows() == folded.select(names).rows()
    assert long["volume"].fill_null(0).to_list() == folded["volume"].to_list()
    assert (bars["high"] >= bars.select(pl.max_horizontal("open", "close")).to_series()).all()
    assert (bars["low"] <= bars.select(pl.min_horizontal("open", "close")).to_series()).all()
