"""Recorded ticks as people keep them, and what is said of a file that cannot be one."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from firki.app.tick_files import read_file, read_recordings, tick_files
from firki.errors import ConfigError, Corrupt
from firki.model.ist import IST, ist_midnight

DAY = date(2021, 4, 13)
SECOND = 10**9
OPEN = ist_midnight(DAY) + 33_300 * SECOND


def write(path: Path, **columns: Any) -> Path:  # Any: whatever a column of a test holds
    frame = pl.DataFrame(columns)
    frame.write_parquet(path) if path.suffix == ".parquet" else frame.write_csv(path)
    return path


def ticks(**changed: Any) -> dict[str, Any]:  # Any: as above
    columns = {
        "symbol": ["A", "A", "B"],
        "ts": [OPEN, OPEN + SECOND, OPEN + SECOND],
        "ltp": [10.0, 10.05, 99.0],
        "volume": [0, 5, 7],
    }
    return {name: value for name, value in {**columns, **changed}.items() if value is not None}


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "T.CSV"])
def test_both_kinds_of_file_read_alike(tmp_path: Path, name: str) -> None:
    found = read_file(write(tmp_path / name, **ticks()))
    assert found["name"].to_list() == ["A", "A", "B"]
    assert found["ts"].to_list() == [OPEN, OPEN + SECOND, OPEN + SECOND]
    assert found["ltp"].to_list() == [10.0, 10.05, 99.0]
    assert found["volume"].to_list() == [0, 5, 7]
    assert found["oi"].to_list() == [None, None, None]


@pytest.mark.parametrize(
    "text",
    [
        "2021-04-13 09:15:00", "2021-04-13T09:15:00", "2021-04-13T09:15:00.000",
        "2021-04-13T09:15:00+05:30", "2021-04-13T03:45:00Z", "2021-04-13T03:45:00.0+0000",
        str(OPEN),
    ],
)  # fmt: skip
def test_a_time_means_the_same_however_it_is_written(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "t.csv", **ticks(ts=[text] * 3))
    assert read_file(path)["ts"].to_list() == [OPEN] * 3


@pytest.mark.parametrize(
    "ts",
    [
        datetime(2021, 4, 13, 9, 15),  # noqa: DTZ001  # a naive time is Indian
        datetime(2021, 4, 13, 9, 15, tzinfo=IST),
    ],
)
@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_parquet_times_are_indian_unless_they_say_otherwise(
    tmp_path: Path, ts: datetime, unit: Any
) -> None:
    column = pl.Series([ts] * 3).dt.cast_time_unit(unit)
    assert read_file(write(tmp_path / "t.parquet", **ticks(ts=column)))["ts"][0] == OPEN


def test_times_with_and_without_an_offset_can_stand_in_one_file(tmp_path: Path) -> None:
    texts = ["2021-04-13 09:15:00", "2021-04-13T03:45:00Z", ""]
    path = write(tmp_path / "t.csv", **ticks(ts=texts))
    assert read_file(path)["ts"].to_list() == [OPEN, OPEN, 0]


def test_numbers_that_are_none_are_left_to_be_counted(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("symbol,ts,ltp,volume,oi\nA,,x,1.5,\n,2021-04-13 09:15,3,12.0,4\n")
    found = read_file(path).rows()
    assert found == [("A", None, 0, None, None, None), (None, None, OPEN, 3.0, 12, 4)]


def test_row_says_the_order_of_arrival(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", **ticks(row=[2, 0, 1]))
    assert read_file(path)["volume"].to_list() == [5, 7, 0]


def test_the_day_is_the_one_most_rows_carry(tmp_path: Path) -> None:
    days = [OPEN, OPEN + SECOND, OPEN + 3 * 86_400 * SECOND]
    (found,) = read_recordings([write(tmp_path / "t.parquet", **ticks(ts=days))])
    assert found.trading_date == DAY
    assert len(found.rows) == 2
    assert found.left_out == {"other_date": 1}
    assert found.rows_read == 3


def test_a_named_day_is_taken_whatever_most_rows_carry(tmp_path: Path) -> None:
    days = [OPEN, OPEN + SECOND, OPEN + 3 * 86_400 * SECOND]
    path = write(tmp_path / "t.parquet", **ticks(ts=days))
    (found,) = read_recordings([path], date(2021, 4, 16))
    assert found.left_out == {"other_date": 2}


def test_files_of_one_day_come_together_and_days_in_order(tmp_path: Path) -> None:
    late = [ts + 86_400 * SECOND for ts in ticks()["ts"]]
    paths = [
        write(tmp_path / "b.parquet", **ticks(ts=late)),
        write(tmp_path / "a.csv", **ticks()),
        write(tmp_path / "c.csv", **ticks(symbol=["C", "C", "D"])),
    ]
    found = read_recordings(paths)
    assert [(r.trading_date.day, len(r.rows), len(r.files)) for r in found] == [
        (13, 6, 2), (14, 3, 1),
    ]  # fmt: skip


def test_a_row_arrives_after_those_recorded_before_it(tmp_path: Path) -> None:
    at = [OPEN + s * SECOND for s in (5, 3, 0)]
    times = [*at[:2], 0, OPEN + 4 * SECOND, *(OPEN + n * SECOND for n in range(6, 40))]
    n = len(times)
    path = write(
        tmp_path / "t.parquet", symbol=["A"] * n, ts=times, ltp=[1.0] * n, volume=list(range(n))
    )
    (found,) = read_recordings([path])
    arrivals = [(ts - OPEN) // SECOND for ts in found.rows["arrival"].to_list()]
    assert arrivals[:5] == [5, 5, 5, 5, 6]
    assert found.rows["volume"].to_list() == list(range(n))


def test_rows_of_several_names_are_merged_by_time(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.csv", symbol=["A", "A", "B", "B"],
        ts=[OPEN, OPEN + 2 * SECOND, OPEN + SECOND, OPEN + 3 * SECOND], ltp=[1.0] * 4,
        volume=[0, 1, 0, 1],
    )  # fmt: skip
    (found,) = read_recordings([path])
    assert found.rows["name"].to_list() == ["A", "B", "A", "B"]


def backwards(path: Path, rows: int) -> Path:
    return write(
        path, symbol=["A"] * rows, ts=[OPEN - k * SECOND for k in range(rows)], ltp=[1.0] * rows,
        volume=[rows - k for k in range(rows)],
    )  # fmt: skip


def test_a_file_that_runs_backwards_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="101 of 102 that step back"):
        read_recordings([backwards(tmp_path / "t.csv", 102)])


def test_a_hundred_rows_that_step_back_are_late_ones_in_any_file(tmp_path: Path) -> None:
    (found,) = read_recordings([backwards(tmp_path / "t.csv", 101)])
    assert len(found.rows) == 101


def test_one_late_row_does_not_refuse_a_small_file(tmp_path: Path) -> None:
    seconds = [0, 1, 2, 3, 2, 4, 5, 6, 7]
    path = write(
        tmp_path / "t.csv", symbol=["A"] * 9, ts=[OPEN + s * SECOND for s in seconds],
        ltp=[1.0] * 9, volume=list(range(9)),
    )  # fmt: skip
    (found,) = read_recordings([path])
    arrivals = [(ts - OPEN) // SECOND for ts in found.rows["arrival"].to_list()]
    assert arrivals == [0, 1, 2, 3, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("column", ["symbol", "ts", "ltp", "volume"])
@pytest.mark.parametrize("name", ["t.parquet", "t.csv"])
def test_a_missing_column_is_named(tmp_path: Path, name: str, column: str) -> None:
    path = write(tmp_path / name, **ticks(**{column: None}))
    with pytest.raises(ConfigError, match=rf"{name}: expected a column .*{column}.*, found "):
        read_file(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "found an empty file"),
        ("symbol,ts,ltp,volume\n", "expected rows, found none"),
        ("symbol,ts,ltp,volume\nA,yesterday,1,1\n", "row 1, column ts: .*'yesterday'"),
        ("symbol,ts,ltp,volume\nA,1618285500,1,1\n", "looks like seconds"),
        ("symbol,ts,ltp,volume\nA,1618285500000,1,1\n", "looks like seconds, ms or us"),
    ],
)
def test_a_csv_that_cannot_be_used_says_why(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_file(path)


def test_a_column_of_another_type_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", **ticks(ts=[1.5, 2.5, 3.5]))
    with pytest.raises(ConfigError, match=r"column ts: .* Float64"):
        read_file(path)


def test_an_unknown_kind_of_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ticks.xlsx"
    path.write_bytes(b"")
    with pytest.raises(ConfigError, match=r"expected a file ending in \.parquet or \.csv"):
        read_file(path)


@pytest.mark.parametrize("cut", [0, 100, 400])
def test_a_damaged_parquet_is_corrupt(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path / "t.parquet", **ticks())
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises((Corrupt, ConfigError), match=r"t\.parquet"):
        read_file(path)


def test_a_folder_stands_for_its_tick_files(tmp_path: Path) -> None:
    for name in ("b.csv", "a.parquet", "notes.txt"):
        (tmp_path / name).touch()
    assert [p.name for p in tick_files(tmp_path)] == ["a.parquet", "b.csv"]
    with pytest.raises(ConfigError, match="no such file"):
        tick_files(tmp_path / "c")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="found none"):
        tick_files(tmp_path / "empty")
