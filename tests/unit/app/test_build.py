"""``firki build``: ticks in, checked bars out, and every row accounted for."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.fakes import small_day

from firki.app.build import DEFAULT_INTERVALS, BuildOptions, build
from firki.app.build_report import BuildReport, DayReport, Volumes
from firki.app.folder import DataFolder
from firki.config import Settings, load
from firki.errors import ConfigError, Unavailable
from firki.model.ist import ist_midnight
from firki.model.session import SessionClass

DAY = date(2021, 4, 13)
SECOND = 10**9

Row = tuple[str, str, float, int]
ROWS: Sequence[Row] = (
    ("INFY", "09:15:01", 1400.0, 100),
    ("INFY", "09:15:20", 1402.0, 150),
    ("INFY", "09:15:40", 1399.0, 180),
    ("INFY", "09:15:40", 1399.0, 180),
    ("INFY", "10:14:59", 1405.0, 200),
    ("INFY", "10:15:00", 1406.0, 260),
    ("INFY", "15:29:59", 1410.0, 300),
    ("INFY", "15:45:00", 1412.5, 307),
    ("NIFTY 50", "09:15:01", 14_300.0, 0),
    ("NIFTY 50", "09:20:00", 14_310.05, 0),
    ("NIFTY 50", "16:00:00", 14_310.05, 0),
)  # fmt: skip


def at(time: str, day: date = DAY) -> int:
    return small_day.at(time, day)


def keep(path: Path, rows: Sequence[Row] = ROWS, day: date = DAY) -> Path:
    """The rows as a file of ticks."""
    symbols, times, prices, volumes = zip(*rows, strict=True)
    frame = pl.DataFrame(
        {"symbol": symbols, "ts": [at(t, day) for t in times], "ltp": prices, "volume": volumes}
    )
    frame.write_csv(path) if path.suffix == ".csv" else frame.write_parquet(path)
    return path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(None, {"FIRKI_DATA__FOLDER": str(tmp_path / "data"), "HOME": str(tmp_path)})


def told(_what: str, _done: int, _total: int) -> None:
    """Progress that nobody looks at."""


def run(
    settings: Settings, out: Path, *sources: Path | str, **options: Any
) -> tuple[BuildReport, pl.DataFrame]:
    """What was built and what was written."""
    asked = BuildOptions(sources=[str(source) for source in sources], out=out, **options)
    report = build(settings, asked, told)
    return report, pl.read_csv(out) if out.suffix == ".csv" else pl.read_parquet(out)


def bars(frame: pl.DataFrame, symbol: str, interval: str) -> pl.DataFrame:
    return frame.filter((pl.col("symbol") == symbol) & (pl.col("interval") == interval))


def test_minutes_are_those_of_the_trades(settings: Settings, tmp_path: Path) -> None:
    _, found = run(settings, tmp_path / "o.parquet", keep(tmp_path / "t.parquet"))
    first = bars(found, "INFY", "1m").row(0, named=True)
    assert first == {
        "symbol": "INFY", "instrument_token": 408065, "interval": "1m", "start_ts": at("09:15"),
        "open": 1402.0, "high": 1402.0, "low": 1399.0, "close": 1399.0, "volume": 80, "oi": None,
        "tick_count": 2, "session": "continuous", "flags": "partial gap no_oi",
    }  # fmt: skip
    assert bars(found, "INFY", "1m")["volume"].to_list() == [80, 20, 60, 40]
    index = bars(found, "NIFTY 50", "1m").row(0, named=True)
    assert (index["open"], index["volume"], index["flags"]) == (14_310.05, None, "no_volume no_oi")


def test_cumulative_volume_is_never_added_up(settings: Settings, tmp_path: Path) -> None:
    _, found = run(settings, tmp_path / "o.parquet", keep(tmp_path / "t.parquet"))
    for interval in DEFAULT_INTERVALS[:-1]:
        assert bars(found, "INFY", interval)["volume"].sum() == 200
    assert bars(found, "INFY", "day")["volume"].to_list() == [307]


def test_hours_begin_at_the_open(settings: Settings, tmp_path: Path) -> None:
    _, found = run(settings, tmp_path / "o.parquet", keep(tmp_path / "t.parquet"))
    starts = bars(found, "INFY", "60m")["start_ts"].to_list()
    assert starts == [at("09:15"), at("10:15"), at("15:15")]


def test_the_default_intervals_are_built_when_none_is_named(
    settings: Settings, tmp_path: Path
) -> None:
    report, found = run(settings, tmp_path / "o.parquet", keep(tmp_path / "t.parquet"))
    assert tuple(report.bars) == DEFAULT_INTERVALS == ("1m", "5m", "15m", "30m", "60m", "day")
    assert found["interval"].unique(maintain_order=True).to_list() == list(DEFAULT_INTERVALS)
    assert sum(report.bars.values()) == len(found)


@pytest.mark.parametrize("spelled", ["90m", "2h", "7minute", "hour", "1d", "week", "month"])
def test_any_interval_can_be_named(settings: Settings, tmp_path: Path, spelled: str) -> None:
    source = keep(tmp_path / "t.parquet")
    report, found = run(settings, tmp_path / "o.parquet", source, intervals=[spelled, spelled])
    assert len(report.bars) == 1
    assert len(bars(found, "INFY", next(iter(report.bars)))) >= 1


def test_an_unknown_interval_is_refused_and_nothing_is_written(
    settings: Settings, tmp_path: Path
) -> None:
    source = keep(tmp_path / "t.parquet")
    with pytest.raises(ConfigError, match="'5 parsecs': expected minutes"):
        run(settings, tmp_path / "o.parquet", source, intervals=["5 parsecs"])
    assert not (tmp_path / "o.parquet").exists()


def test_csv_and_parquet_say_the_same(settings: Settings, tmp_path: Path) -> None:
    source = keep(tmp_path / "t.csv")
    _, parquet = run(settings, tmp_path / "o.parquet", source)
    _, csv = run(settings, tmp_path / "o.csv", source)
    assert csv["start_ts"][0] == "2021-04-13T09:15:00+05:30"
    instants = [int(datetime.fromisoformat(t).timestamp()) * SECOND for t in csv["start_ts"]]
    assert instants == parquet["start_ts"].to_list()
    same = [name for name in parquet.columns if name != "start_ts"]
    assert csv.columns == parquet.columns
    assert csv.select(same).rows() == parquet.select(same).rows()


def test_every_row_is_accounted_for(settings: Settings, tmp_path: Path) -> None:
    rows = [
        *ROWS, ("TCS", "09:15:01", 3000.0, 10), ("TCS", "09:16:00", 0.0, 20),
        ("TCS", "09:17:00", 3e9, 20), ("TCS", "09:18:00", 3001.0, 30), ("TCS", "09:19:00", 1.0, 5),
    ]  # fmt: skip
    report, _ = run(settings, tmp_path / "o.parquet", keep(tmp_path / "t.parquet", rows))
    (day,) = report.days
    assert day.rows == len(rows)
    assert day.refused == {"no_price": 1, "price_range": 1}
    assert day.no_trade == {"depth_only": 1, "late": 1, "first_snapshot": 3}
    assert (day.trades, day.outside_session) == (9, 2)
    assert accounted(day) == day.rows


def accounted(day: DayReport) -> int:
    parts = (day.left_out, day.refused, day.no_trade)
    return day.trades + sum(count for part in parts for count in part.values())


def test_rows_that_are_not_of_the_day_make_no_bar(settings: Settings, tmp_path: Path) -> None:
    path = keep(tmp_path / "t.parquet")
    whole = pl.read_parquet(path)
    other = whole.with_columns(pl.col("ts") + 6 * 86_400 * SECOND).head(4)
    timeless = whole.with_columns(pl.lit(0, pl.Int64).alias("ts")).head(5)
    early = pl.DataFrame([("INFY", at("08:59"), 1390.0, 90)], whole.schema, orient="row")
    pl.concat([early, whole, other, timeless]).write_parquet(path)
    report, found = run(settings, tmp_path / "o.parquet", path)
    (day,) = report.days
    assert day.left_out == {"other_date": 4}
    assert day.refused == {"no_time": 5}
    assert accounted(day) == day.rows == len(ROWS) + 10
    times = [ts - ist_midnight(DAY) for ts in bars(found, "INFY", "1m")["start_ts"]]
    assert all(33_300 * SECOND <= t < 55_800 * SECOND for t in times)
    infy = day.volumes[0]
    assert (infy.baseline, infy.bars, infy.outside, infy.last) == (90, 210, 7, 307)
    assert infy.adds_up


FUTURE = "NFO:NIFTY21APRFUT"


def keep_oi(path: Path, *rows: tuple[str, int | None]) -> Path:
    """A future that trades at these times, and the open interest said with each row."""
    said = [(FUTURE, time, 14_400.0, 75 * n) for n, (time, _) in enumerate(rows)]
    frame = pl.read_parquet(keep(path, said))
    oi = pl.Series("oi", [oi for _, oi in rows], pl.Int64)
    frame.with_columns(oi).write_parquet(path)
    return path


def oi_of(found: pl.DataFrame, interval: str) -> list[tuple[int | None, bool]]:
    """Of each bar the open interest, and whether it is flagged as absent."""
    own = bars(found, FUTURE, interval)
    flagged = own["flags"].str.contains("no_oi")
    return list(zip(own["oi"].to_list(), flagged.to_list(), strict=True))


def test_a_recording_without_open_interest_has_none_in_its_bars(
    settings: Settings, tmp_path: Path
) -> None:
    times = ("09:15:01", "09:15:30", "09:16:10", "10:20:00")
    path = keep(
        tmp_path / "t.parquet", [(FUTURE, t, 14_400.0, 75 * n) for n, t in enumerate(times)]
    )
    _, found = run(settings, tmp_path / "a.parquet", path)
    assert oi_of(found, "1m") == [(None, True)] * 3
    assert oi_of(found, "60m") == [(None, True)] * 2
    assert oi_of(found, "day") == [(None, True)]
    empty = keep_oi(tmp_path / "t.parquet", *((time, None) for time in times))
    _, same = run(settings, tmp_path / "b.parquet", empty)
    assert same.equals(found)


def test_open_interest_runs_on_until_the_next_is_said(settings: Settings, tmp_path: Path) -> None:
    path = keep_oi(
        tmp_path / "t.parquet",
        ("09:15:01", None), ("09:15:30", None), ("09:16:10", 1000), ("09:17:00", None),
        ("10:20:00", None), ("10:21:00", 0),
    )  # fmt: skip
    _, found = run(settings, tmp_path / "o.parquet", path)
    known = [(1000, False), (1000, False), (1000, False), (0, False)]
    assert oi_of(found, "1m") == [(None, True), *known]
    assert oi_of(found, "60m") == [(None, True), (0, False)], "as of a minute that has none"
    assert oi_of(found, "day") == [(None, True)]


def test_open_interest_said_from_the_start_is_in_every_bar(
    settings: Settings, tmp_path: Path
) -> None:
    path = keep_oi(tmp_path / "t.parquet", ("09:15:01", 900), ("09:15:30", 950), ("10:20:00", None))
    _, found = run(settings, tmp_path / "o.parquet", path)
    assert oi_of(found, "1m") == [(950, False), (950, False)]
    assert oi_of(found, "day") == [(950, False)]


def test_volumes_that_do_not_add_up_are_told() -> None:
    wrong = Volumes(
        symbol="A", instrument_token=1, session_class="cash", baseline=1, bars=2, outside=3, gap=4,
        last=11,
    )  # fmt: skip
    assert not wrong.adds_up


def test_no_minute_comes_twice(settings: Settings, tmp_path: Path) -> None:
    twice = [row for row in ROWS for _ in range(3)]
    _, once = run(settings, tmp_path / "a.parquet", keep(tmp_path / "a0.parquet"))
    _, found = run(settings, tmp_path / "b.parquet", keep(tmp_path / "b0.parquet", twice))
    assert not found.select("symbol", "interval", "start_ts").is_duplicated().any()
    assert found.equals(once)


def test_the_close_after_the_session_lies_inside_the_day_bar(
    settings: Settings, tmp_path: Path
) -> None:
    _, found = run(settings, tmp_path / "o.parquet", keep(tmp_path / "t.parquet"))
    day = bars(found, "INFY", "day").row(0, named=True)
    assert (day["open"], day["high"], day["low"], day["close"]) == (1402.0, 1412.5, 1399.0, 1412.5)


def test_several_files_of_several_days_become_one(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "ticks"
    folder.mkdir()
    keep(folder / "b.parquet", ROWS[:8])
    keep(folder / "a.csv", ROWS[8:])
    keep(folder / "c.csv", day=date(2021, 4, 15))
    report, found = run(settings, tmp_path / "o.parquet", folder)
    assert [day.date.day for day in report.days] == [13, 15]
    assert len(report.days[0].sources) == 2
    assert bars(found, "INFY", "day")["start_ts"].to_list() == [
        ist_midnight(DAY), ist_midnight(date(2021, 4, 15)),
    ]  # fmt: skip
    assert bars(found, "NIFTY 50", "1m").height == 2


def test_a_week_is_built_of_its_days(settings: Settings, tmp_path: Path) -> None:
    sources = [keep(tmp_path / "a.csv"), keep(tmp_path / "b.csv", day=date(2021, 4, 15))]
    _, found = run(settings, tmp_path / "o.parquet", *sources, intervals=["week"])
    week = bars(found, "INFY", "week").row(0, named=True)
    assert (week["start_ts"], week["volume"]) == (ist_midnight(date(2021, 4, 12)), 614)


def test_a_journal_gives_the_bars_its_day_had(settings: Settings, tmp_path: Path) -> None:
    folder = DataFolder(settings.data.folder)
    small_day.keep(folder, small_day.trading())
    out = tmp_path / "o.parquet"
    _, by_path = run(settings, out, folder.journal(small_day.DAY), intervals=["60m"])
    report, by_date = run(settings, out, small_day.DAY.isoformat(), intervals=["60m"])
    assert by_path.equals(by_date)
    assert bars(by_date, "NSE:INFY", "60m")["volume"].to_list() == [300, 200, 100]
    assert bars(by_date, "NFO:NIFTY26NOVFUT", "60m")["oi"].to_list() == [1002, 1004, 1005]
    assert accounted(report.days[0]) == report.days[0].rows == 23


def test_a_master_gives_tokens_and_hours(settings: Settings, tmp_path: Path) -> None:
    master = tmp_path / "instruments.csv"
    master.write_bytes(small_day.book().csv)
    rows = [
        ("INFY", "09:15:01", 1400.0, 0), ("INFY", "15:20:00", 1400.0, 10),
        ("NFO:NIFTY26NOVFUT", "09:15:01", 26_000.0, 0),
        ("NFO:NIFTY26NOVFUT", "15:35:00", 26_000.0, 10), ("WHO", "10:00:00", 1.0, 1),
    ]  # fmt: skip
    path = keep(tmp_path / "t.csv", rows, small_day.DAY)
    report, found = run(
        settings, tmp_path / "o.parquet", path, instruments=master, intervals=["1m"]
    )
    assert report.days[0].left_out == {"unknown_symbol": 1}
    # Derivatives trade until 15:40 since August 2026, these shares until 15:30.
    assert found["instrument_token"].to_list() == [408065, 13_000_002]
    assert found["start_ts"].to_list()[1] == at("15:35", small_day.DAY)


def test_a_class_can_be_named(settings: Settings, tmp_path: Path) -> None:
    rows = [("GOLDM", "19:00:00", 47_000.0, 0), ("GOLDM", "19:00:30", 47_001.0, 4)]
    path = keep(tmp_path / "t.csv", rows, small_day.DAY)
    report, found = run(
        settings, tmp_path / "o.parquet", path, session_class=SessionClass.COMMODITY,
        intervals=["1m"],
    )  # fmt: skip
    assert found["volume"].to_list() == [4]
    assert report.days[0].volumes[0].session_class == "commodity"
    report, found = run(settings, tmp_path / "o.parquet", path, intervals=["1m"])
    assert len(found) == 0
    assert report.days[0].volumes[0].outside == 4


def test_a_day_without_a_session_is_refused(settings: Settings, tmp_path: Path) -> None:
    path = keep(tmp_path / "t.csv", day=date(2021, 4, 14))
    with pytest.raises(ConfigError, match="2021-04-14, on which there is no session of cash"):
        run(settings, tmp_path / "o.parquet", path)


def test_a_master_that_knows_nobody_is_refused(settings: Settings, tmp_path: Path) -> None:
    master = tmp_path / "instruments.csv"
    master.write_bytes(small_day.book().csv)
    path = keep(tmp_path / "t.csv", [("WHO", "09:15:01", 1.0, 1)])
    with pytest.raises(ConfigError, match="knows none"):
        run(settings, tmp_path / "o.parquet", path, instruments=master)
    with pytest.raises(ConfigError, match=r"absent\.csv: cannot be read"):
        run(settings, tmp_path / "o.parquet", path, instruments=tmp_path / "absent.csv")


@pytest.mark.parametrize("name", ["o.txt", "o", "o.json"])
def test_an_unknown_ending_is_refused_before_anything_is_read(
    settings: Settings, tmp_path: Path, name: str
) -> None:
    with pytest.raises(ConfigError, match=r"expected a file ending in \.parquet or \.csv"):
        build(settings, BuildOptions(sources=["nowhere"], out=tmp_path / name), told)


def test_a_date_without_a_journal_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no journal of that day"):
        run(settings, tmp_path / "o.parquet", "2026-11-18")


def test_a_place_that_cannot_be_written_is_told(settings: Settings, tmp_path: Path) -> None:
    source = keep(tmp_path / "t.csv")
    with pytest.raises(Unavailable, match="cannot be written"):
        run(settings, tmp_path / "no" / "such" / "o.csv", source)


def test_progress_is_told_up_to_the_end(settings: Settings, tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    options = BuildOptions(sources=[str(keep(tmp_path / "t.csv"))], out=tmp_path / "o.csv")
    build(settings, options, lambda what, done, total: steps.append((what, done, total)))
    assert steps[0][:2] == ("2021-04-13", 0)
    assert steps[-1] == ("2021-04-13", steps[-1][2], steps[-1][2])
