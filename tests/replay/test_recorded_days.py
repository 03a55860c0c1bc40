"""Four real days of 2021 through the live path, against the exchange's own figures.

What is compared with comes from the recording itself, by a few lines of Polars, and from the
exchange's daily figures; nothing of it was computed by firki. The recordings are one snapshot a
second: moves inside a second are not in them, and the first seconds after the open are missing.
"""

from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl
import pytest

from firki.app.build import BuildOptions, build
from firki.app.build_report import DayReport
from firki.config import load

DATA: Final = Path(__file__).parents[2] / "../shared/data"
DAYS: Final = [date(2021, 4, 13), date(2021, 4, 16), date(2021, 5, 31), date(2021, 6, 9)]
ADJUSTED: Final = {"BAJAJFINSV", "IOC", "POWERGRID", "TATASTEEL"}
"""Split or given a bonus later: their published prices of 2021 have been divided since."""

pytestmark = [
    pytest.mark.recorded,
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no recorded market data in {DATA}"),
]


class Day(NamedTuple):
    """One day built, and what it is held against."""

    report: DayReport
    bars: pl.DataFrame
    rows: pl.DataFrame
    """The recorder's rows in order of arrival, all of them."""
    on_day: pl.DataFrame
    """Those of the day."""
    official: pl.DataFrame


@pytest.fixture(scope="module", params=DAYS, ids=str)
def day(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Day:
    trading_date: date = request.param
    source = DATA / f"ticks_2021/ticks_{trading_date}.parquet"
    folder = tmp_path_factory.mktemp("built")
    settings = load(None, {"FIRKI_DATA__FOLDER": str(folder), "HOME": str(folder)})
    options = BuildOptions(
        sources=[str(source)], out=folder / "bars.parquet", intervals=["1m", "60m", "day"]
    )
    (report,) = build(settings, options, lambda *_: None).days
    rows = pl.read_parquet(source).with_columns(pl.col("symbol").cast(pl.String))
    rows = rows.sort("symbol", "row")
    daily = pl.read_parquet(DATA / "daily/daily_nse_2021-01_2023-05.parquet")
    official = daily.filter(pl.col("date") == trading_date)
    return Day(
        report, pl.read_parquet(options.out), rows,
        rows.filter(pl.col("ts").dt.date() == trading_date),
        official.with_columns(pl.col("symbol").cast(pl.String)),
    )  # fmt: skip


def minute_volumes(day: Day) -> pl.DataFrame:
    """Per stock and minute, how much the running maximum of the volume rose; -1 is the baseline."""
    stocks = day.on_day.filter((pl.col("volume") > 0).any().over("symbol"))
    newest = pl.col("volume").cum_max().over("symbol")
    steps = stocks.with_columns(newest.diff().over("symbol").fill_null(-1).alias("step"))
    minute = pl.col("ts").dt.hour().cast(pl.Int32) * 60 + pl.col("ts").dt.minute()
    return steps.with_columns(minute.alias("minute"))


def test_volume_adds_up_by_the_recordings_own_numbers(day: Day) -> None:
    steps = minute_volumes(day)
    session = steps.filter(
        (pl.col("minute") >= 555) & (pl.col("minute") < 930) & (pl.col("step") > 0)
    )
    expected = (
        session.group_by("symbol", "minute").agg(pl.col("step").sum()).sort("symbol", "minute")
    )
    built = day.bars.filter(
        (pl.col("interval") == "1m") & (pl.col("session") == "continuous") & (pl.col("volume") > 0)
    )
    indian = (pl.col("start_ts") + 19_800 * 10**9) // (60 * 10**9) % 1440
    found = built.select(
        "symbol", indian.cast(pl.Int32).alias("minute"), pl.col("volume").alias("step")
    ).sort("symbol", "minute")
    assert found.rows() == expected.rows()


def test_baseline_bars_and_the_rest_are_the_last_cumulative_volume(day: Day) -> None:
    first = day.on_day.group_by("symbol").agg(
        pl.col("volume").first(), pl.col("volume").max().alias("last")
    )
    expected = {symbol: (baseline, last) for symbol, baseline, last in first.iter_rows()}
    bars = (
        day.bars.filter(pl.col("interval") == "1m").group_by("symbol").agg(pl.col("volume").sum())
    )
    summed = dict(bars.iter_rows())
    after = minute_volumes(day).filter((pl.col("minute") >= 930) & (pl.col("step") > 0))
    outside = dict(after.group_by("symbol").agg(pl.col("step").sum()).iter_rows())
    assert len(day.report.volumes) == len(expected)
    for told in day.report.volumes:
        assert told.adds_up
        assert told.gap == 0
        assert (told.baseline, told.last) == expected[told.symbol]
        assert told.bars == summed[told.symbol]
        assert told.outside == outside.get(told.symbol, 0)
        assert told.baseline + summed[told.symbol] + told.outside == expected[told.symbol][1]


def recorded_to_the_close(day: Day) -> pl.DataFrame:
    """Stocks whose rows go on after the exchange has published the closing price."""
    ends = day.on_day.group_by("symbol").agg(
        pl.col("ts").max().alias("end"), pl.col("volume").max()
    )
    late = pl.col("end").dt.time() >= pl.time(15, 40)
    return ends.filter(late & (pl.col("volume") > 0)).select("symbol")


def test_day_volume_agrees_with_the_exchanges(day: Day) -> None:
    bars = day.bars.filter(pl.col("interval") == "day").join(
        recorded_to_the_close(day), on="symbol"
    )
    both = bars.join(day.official, on="symbol", suffix="_official")
    assert len(both) == len(bars) >= 21
    off = (both["volume"] / both["volume_official"] - 1).abs().max()
    assert isinstance(off, float)
    print(f"{day.report.date}: day volume of {len(both)} stocks off by at most {off:.4%}")
    assert off < 0.0005


def test_the_last_print_is_the_official_close(day: Day) -> None:
    bars = day.bars.filter(pl.col("interval") == "day").join(
        recorded_to_the_close(day), on="symbol"
    )
    both = bars.join(day.official, on="symbol", suffix="_official")
    same = (both["close"] - both["close_official"]).abs() < 0.005
    differing = set(both.filter(~same)["symbol"])
    assert differing <= ADJUSTED
    assert same.sum() >= len(both) - len(ADJUSTED)


def test_rows_of_no_time_another_date_or_after_hours_make_no_bar(day: Day) -> None:
    timeless = len(day.rows.filter(pl.col("ts").dt.year() == 1970))
    elsewhere = len(day.rows) - len(day.on_day) - timeless
    report = day.report
    assert report.rows == len(day.rows)
    assert report.left_out.get("other_date", 0) == elsewhere
    assert report.refused.get("no_time", 0) == timeless
    parts = (report.left_out, report.refused, report.no_trade)
    assert report.trades + sum(n for part in parts for n in part.values()) == report.rows
    # After the close: stocks by a rise of the volume, indices by a change of the price.
    stocks = minute_volumes(day).filter((pl.col("minute") >= 930) & (pl.col("step") > 0))
    assert len(stocks) <= report.outside_session
    minutes = day.bars.filter(pl.col("interval") == "1m")
    indian = (minutes["start_ts"] + 19_800 * 10**9) // (60 * 10**9) % 1440
    continuous = minutes["session"] == "continuous"
    assert indian.filter(continuous).is_between(555, 929).all()
    assert indian.filter(~continuous).is_between(540, 554).all()


def test_no_bar_comes_twice_and_each_encloses_its_prices(day: Day) -> None:
    bars = day.bars
    assert not bars.select("symbol", "interval", "session", "start_ts").is_duplicated().any()
    assert (bars["high"] >= bars.select(pl.max_horizontal("open", "close")).to_series()).all()
    assert (bars["low"] <= bars.select(pl.min_horizontal("open", "close")).to_series()).all()
    hours = bars.filter(pl.col("interval") == "60m")["start_ts"] // (60 * 10**9) % 60
    assert set(hours) == {45}, "15 past the Indian hour"


def test_extremes_are_never_beyond_the_exchanges_and_as_near_as_the_recording(day: Day) -> None:
    session = day.on_day.filter(pl.col("ts").dt.time() < pl.time(15, 30))
    seen = session.group_by("symbol").agg(
        pl.col("ltp").max().alias("most"), pl.col("ltp").min().alias("least")
    )
    bars = day.bars.filter(pl.col("interval") == "day").join(seen, on="symbol")
    both = bars.join(day.official, on="symbol", suffix="_official")
    both = both.filter(~pl.col("symbol").is_in(list(ADJUSTED)), pl.col("volume").is_not_null())
    assert (both["high"] <= both["high_official"] + 0.005).all()
    assert (both["low"] >= both["low_official"] - 0.005).all()
    figures = {
        "high": (both["high"], both["most"], both["high_official"]),
        "low": (both["low"], both["least"], both["low_official"]),
    }
    for name, (found, recorded, official) in figures.items():
        exact = int(((found - official).abs() < 0.005).sum())
        reachable = int(((recorded - official).abs() < 0.005).sum())
        print(
            f"{day.report.date}: {name} exact for {exact} of {len(both)} stocks; "
            f"the recording has it for {reachable}"
        )
        assert exact == reachable
