"""Recorded ticks from the bytes of Parquet and CSV files: read, and put in the order recorded.

A row is a snapshot: who (``symbol`` or ``instrument_token``), ``ts``, ``ltp``, ``volume`` (the
day's running total) and, where there is one, ``oi``. An integer ``ts`` is ns UTC, a time without an
offset is Indian. ``row`` is the order of arrival; without it the order of the file is.
"""

from collections.abc import Callable
from datetime import date
from typing import Final

import polars as pl

from firki.errors import ConfigError, Corrupt
from firki.model.instrument import MAX_TOKEN
from firki.model.ist import ist_date, ist_midnight
from firki.model.recorded_names import Person

SUFFIXES: Final = (".parquet", ".csv")
_IST: Final = "Asia/Kolkata"
_DAY_NS: Final = 86_400 * 10**9
_OFFSET: Final = r":\d\d(\.\d+)?\s?([Zz]|[+-]\d\d:?\d\d)$"
_SMALLEST_NS: Final = 10**17
"""1973 in ns; as s, ms or us it lies thousands of years ahead."""
_FORMS: Final = "expected ns UTC or times such as 2021-04-13 09:15:00, Indian if without an offset"
_PARQUET: Final = b"PAR1"


def read_ticks(file: str, content: Callable[[], bytes]) -> pl.DataFrame:
    """Columns name, token, ts, ltp, volume, oi of one file, in order of arrival.

    Who or what is missing in a row is null, a time 0. ``file`` names it and says its kind by the
    ending; ``content`` gives its bytes. Raises ConfigError for a file that cannot be what it should
    be, Corrupt for a damaged one.
    """
    frame = _frame(file, content)
    present = frame.columns
    who = "symbol" if "symbol" in present else "instrument_token"
    for needed in (who, "ts", "ltp", "volume"):
        if needed not in present:
            said = "symbol or instrument_token" if needed == who else needed
            raise ConfigError(
                f"ticks {file}: expected a column {said}, found {', '.join(present) or 'none'}"
            )
    if not len(frame):
        raise ConfigError(f"ticks {file}: expected rows, found none")
    if "row" in present:
        frame = frame.with_columns(_whole(frame["row"]).alias("row"))
        frame = frame.sort("row", maintain_order=True, nulls_last=True)
    nothing = pl.Series("none", [None] * len(frame), pl.Int64)
    token = frame["instrument_token"] if "instrument_token" in present else nothing
    return pl.DataFrame(
        {
            "name": frame[who].cast(pl.String).str.strip_chars().replace("", None),
            "token": _whole(token),
            "ts": _nanoseconds(file, frame["ts"]),
            "ltp": frame["ltp"].cast(pl.Float64, strict=False),
            "volume": _whole(frame["volume"]),
            "oi": _whole(frame["oi"] if "oi" in present else nothing),
        }
    )


def date_of(rows: pl.DataFrame) -> date:
    """The Indian date most rows carry; rows without a time have no say."""
    offset = -ist_midnight(date(1970, 1, 1))
    timed = rows.filter(pl.col("ts") != 0)["ts"]
    if not len(timed):
        return date(1970, 1, 1)
    days = ((timed + offset) // _DAY_NS).value_counts(sort=True)
    best = days.filter(pl.col("count") == pl.col("count").max())["ts"].min()
    assert isinstance(best, int)  # of a column of int64 with a row
    return ist_date(best * _DAY_NS - offset)


def is_of(day: date) -> pl.Expr:
    """Whether a row belongs to the day: by its time, or because it has none."""
    midnight = ist_midnight(day)
    return pl.col("ts").is_between(midnight, midnight + _DAY_NS - 1) | (pl.col("ts") == 0)


def people_of(rows: pl.DataFrame) -> list[Person]:
    """Each name once, in order."""
    found = rows.group_by("name").agg(
        pl.col("token").drop_nulls().first(), (pl.col("volume") > 0).any().alias("has_volume")
    )
    return [
        Person(name, token if token and 0 < token <= MAX_TOKEN else None, bool(has_volume))
        for name, token, has_volume in found.sort("name").iter_rows()
    ]


# -- one file --------------------------------------------------------------------------------------


def _frame(file: str, content: Callable[[], bytes]) -> pl.DataFrame:
    suffix = next((ending for ending in SUFFIXES if file.lower().endswith(ending)), None)
    if suffix is None:
        raise ConfigError(f"ticks {file}: expected a file ending in .parquet or .csv")
    try:
        found = content()
    except OSError as error:
        raise ConfigError(f"ticks {file}: cannot be read ({error.strerror or error})") from error
    if not found:
        raise ConfigError(f"ticks {file}: cannot be read: expected rows, found an empty file")
    if suffix == ".parquet" and not found.startswith(_PARQUET):
        raise ConfigError(f"ticks {file}: cannot be read: it does not begin as a Parquet file")
    try:
        if suffix == ".parquet":
            return pl.read_parquet(found)
        return pl.read_csv(found, infer_schema=False)
    except pl.exceptions.NoDataError as error:
        raise ConfigError(f"ticks {file}: expected rows, found only empty lines") from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        reason = str(error).strip().partition("\n")[0]
        raise Corrupt(f"ticks {file}: cannot be read as {suffix[1:]} ({reason})") from error


def _whole(numbers: pl.Series) -> pl.Series:
    """As int64; null where it is not a whole number."""
    if numbers.dtype.is_integer():
        return numbers.cast(pl.Int64, strict=False)
    values = numbers.cast(pl.Float64, strict=False)
    exact = values.is_finite() & (values == values.round())
    return values.zip_with(exact.fill_null(value=False), pl.Series([None], dtype=pl.Float64)).cast(
        pl.Int64, strict=False
    )


def _nanoseconds(file: str, ts: pl.Series) -> pl.Series:
    """ns UTC; 0 where there is none."""
    if ts.dtype == pl.String:
        numbers = ts.cast(pl.Int64, strict=False)
        if numbers.null_count() == ts.null_count():
            ts = numbers
    if ts.dtype.is_integer():
        _refuse_other_units(file, ts)
        return ts.cast(pl.Int64).fill_null(0)
    if ts.dtype == pl.String:
        return _parsed(file, ts)
    if not isinstance(ts.dtype, pl.Datetime):
        raise ConfigError(f"ticks {file}: column ts: {_FORMS}; found the type {ts.dtype}")
    if ts.dtype.time_zone is None:
        ts = ts.dt.replace_time_zone(_IST)
    return ts.dt.cast_time_unit("ns").cast(pl.Int64).fill_null(0)


def _refuse_other_units(file: str, ts: pl.Series) -> None:
    middle = ts.filter(ts != 0).median()
    if isinstance(middle, float) and 0 < middle < _SMALLEST_NS:
        raise ConfigError(
            f"ticks {file}: column ts: an integer is ns UTC, found {int(middle)}, which looks like "
            "seconds, ms or us; multiply it, or write times"
        )


def _parsed(file: str, text: pl.Series) -> pl.Series:
    """Times written out, with an offset or without."""
    text = text.str.strip_chars().replace("", None)
    aware = text.str.contains(_OFFSET).fill_null(value=False)
    none = pl.Series([None], dtype=pl.String)
    with_offset = _times(text.zip_with(aware, none), "UTC")
    times = with_offset.zip_with(aware, _times(text.zip_with(~aware, none), None))
    wrong = text.is_not_null() & times.is_null()
    if wrong.any():
        row = wrong.arg_max()
        assert row is not None  # one is wrong
        raise ConfigError(f"ticks {file}: row {row + 1}, column ts: {_FORMS}; found {text[row]!r}")
    return times.fill_null(0)


def _times(text: pl.Series, zone: str | None) -> pl.Series:
    """ns UTC; null where there is no time to be read."""
    try:
        times = text.str.to_datetime(time_unit="ns", time_zone=zone, strict=False)
    except pl.exceptions.ComputeError:  # not even the first one looks like a time
        return pl.Series([None] * len(text), dtype=pl.Int64)
    return (times if zone else times.dt.replace_time_zone(_IST)).cast(pl.Int64)
