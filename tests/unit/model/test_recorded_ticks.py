"""Bytes of a file of ticks: what they are taken for (more of it in app/test_tick_files.py)."""

from datetime import date

import polars as pl
import pytest

from firki.errors import ConfigError, Corrupt
from firki.model.ist import ist_midnight
from firki.model.recorded_names import Person
from firki.model.recorded_ticks import date_of, is_of, people_of, read_ticks

DAY = date(2021, 4, 13)
OPEN = ist_midnight(DAY) + 33_300 * 10**9


def rows(**columns: list[object]) -> pl.DataFrame:
    return pl.DataFrame(columns, strict=False)


def no_such_file() -> bytes:
    raise FileNotFoundError(2, "No such file or directory")


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_file_that_cannot_be_opened_is_a_wrong_name(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"ticks {name}: cannot be read \(No such file"):
        read_ticks(name, no_such_file)


def test_what_does_not_begin_as_parquet_is_another_file_and_what_does_is_damaged() -> None:
    with pytest.raises(ConfigError, match="does not begin as a Parquet file"):
        read_ticks("t.parquet", lambda: b"symbol,ts,ltp,volume\n")
    with pytest.raises(Corrupt, match=r"t\.parquet: cannot be read as parquet"):
        read_ticks("t.parquet", lambda: b"PAR1 and nothing of use PAR1")


@pytest.mark.parametrize("text", [b"", b"\n", b"\n\n"])
def test_a_csv_without_a_line_is_no_file_of_ticks(text: bytes) -> None:
    with pytest.raises(ConfigError, match=r"t\.csv: .*expected"):
        read_ticks("t.csv", lambda: text)


def test_the_date_is_the_one_most_rows_carry_and_the_older_of_two() -> None:
    later = OPEN + 86_400 * 10**9
    assert date_of(rows(ts=[0, 0, 0, OPEN, OPEN, later])) == DAY
    assert date_of(rows(ts=[later, OPEN])) == DAY
    assert date_of(rows(ts=[0])) == date(1970, 1, 1)


def test_a_row_without_a_time_belongs_to_the_day() -> None:
    found = rows(ts=[0, ist_midnight(DAY) - 1, ist_midnight(DAY), OPEN + 86_400 * 10**9])
    assert found.select(is_of(DAY)).to_series().to_list() == [True, False, True, False]


def test_each_name_comes_once_with_its_token_and_whether_it_had_volume() -> None:
    found = rows(
        name=["B", "A", "A", "C"], token=[1 << 40, None, 408065, None], volume=[0, None, 5, None]
    )
    assert people_of(found) == [
        Person("A", 408065, has_volume=True), Person("B", None, has_volume=False),
        Person("C", None, has_volume=False),
    ]  # fmt: skip
