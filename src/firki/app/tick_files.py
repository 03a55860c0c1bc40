"""Recorded ticks from Parquet and CSV files: read, judged, put in the order of their arrival.

A row is a snapshot: who (``symbol`` or ``instrument_token``), ``ts``, ``ltp``, ``volume`` (the
day's running total) and, where there is one, ``oi``. An integer ``ts`` is ns UTC, a time without an
offset is Indian. ``row`` is the order of arrival; without it the order of the file is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from firki.errors import ConfigError, Corrupt
from firki.model.ist import ist_date, ist_midnight

SUFFIXES: Final = (".parquet", ".csv")
_IST: Final = "Asia/Kolkata"
_DAY_NS: Final = 86_400 * 10**9
_OFFSET: Final = r":\d\d(\.\d+)?\s?([Zz]|[+-]\d\d:?\d\d)$"
_SMALLEST_NS: Final = 10**17
"""1973 in ns; as s, ms or us it lies thousands of years ahead."""
_MOST_STEPS_BACK: Final = 0.1
"""Recorders deliver one row in some hundreds late; a file in another order steps back far more."""
_FEW_STEPS_BACK: Final = 100
"""Up to so many say nothing about the order of a file: one late row is a ninth of nine."""
_FORMS: Final = "expected ns UTC or times such as 2021-04-13 09:15:00, Indian if without an offset"


@dataclass(frozen=True, slots=True)
class Recording:
    """One day's rows in order of arrival.

    ``rows`` has the columns name, token (null where the files have symbols only), ts (0 where the
    recorder had none), ltp, volume, oi (null where absent) and arrival; times are ns UTC.
    ``left_out`` counts rows that do not belong to the day, by reason.
    """

    trading_date: date
    files: tuple[str, ...]
    rows: pl.DataFrame
    left_out: dict[str, int]

    @property
    def rows_read(self) -> int:
        return len(self.rows) + sum(self.left_out.values())


def tick_files(path: Path) -> list[Path]:
    """The file itself, or the tick files of a folder by name."""
    if not path.exists():
        raise ConfigError(f"ticks {path}: there is no such file or folder")
    if not path.is_dir():
        return [path]
    found = sorted(entry for entry in path.iterdir() if entry.suffix.lower() in SUFFIXES)
    if not found:
        raise ConfigError(f"ticks {path}: expected .parquet or .csv files in it, found none")
    return found


def read_recordings(paths: Sequence[Path], day: date | None = None) -> list[Recording]:
    """The files' rows by trading date, oldest first.

    A file's date is ``day``, else the one most of its rows carry; its rows of another date are left
    out. Raises ConfigError for a file that cannot be what it should be, Corrupt for a damaged one.
    """
    by_date: dict[date, list[tuple[Path, pl.DataFrame]]] = {}
    for path in paths:
        frame = read_file(path)
        by_date.setdefault(day or _date_of(frame), []).append((path, frame))
    return [_recording(found, files) for found, files in sorted(by_date.items())]


def _recording(day: date, files: Sequence[tuple[Path, pl.DataFrame]]) -> Recording:
    whole = pl.concat([frame for _, frame in files])
    midnight = ist_midnight(day)
    on_day = pl.col("ts").is_between(midnight, midnight + _DAY_NS - 1) | (pl.col("ts") == 0)
    named = pl.col("name").is_not_null()
    rows = whole.filter(on_day & named)
    left_out = {
        "no_symbol": whole.select((~named).sum()).item(),
        "other_date": whole.select((named & ~on_day).sum()).item(),
    }
    paths = tuple(str(path) for path, _ in files)
    _refuse_disorder(rows, paths)
    timed = pl.when(pl.col("ts") != 0).then(pl.col("ts"))
    # A row without a time arrives right after the row recorded before it, a late one too.
    arrival = timed.cum_max().forward_fill().backward_fill().over("name")
    rows = rows.with_columns(arrival.fill_null(midnight).alias("arrival"))
    rows = rows.sort("arrival", maintain_order=True)
    return Recording(day, paths, rows, {why: count for why, count in left_out.items() if count})


def _refuse_disorder(rows: pl.DataFrame, paths: Sequence[str]) -> None:
    timed = rows.filter(pl.col("ts") != 0)
    back = timed.select((pl.col("ts").diff().over("name") < 0).sum()).item()
    if back > max(_FEW_STEPS_BACK, _MOST_STEPS_BACK * len(timed)):
        raise ConfigError(
            f"ticks {', '.join(paths)}: expected rows in the order they arrived in, found "
            f"{back} of {len(timed)} that step back in time; sort them, or say their order in a "
            "column row"
        )


def _date_of(frame: pl.DataFrame) -> date:
    """The Indian date most rows carry; rows without a time have no say."""
    offset = -ist_midnight(date(1970, 1, 1))
    timed = frame.filter(pl.col("ts") != 0)["ts"]
    if not len(timed):
        return date(1970, 1, 1)
    days = ((timed + offset) // _DAY_NS).value_counts(sort=True)
    best = days.filter(pl.col("count") == pl.col("count").max())["ts"].min()
    assert isinstance(best, int)  # of a column of int64 with a row
    return ist_date(best * _DAY_NS - offset)


# -- one file --------------------------------------------------------------------------------------


def read_file(path: Path) -> pl.DataFrame:
    """Columns name, token, ts, ltp, volume, oi of one file, in order of arrival."""
    frame = _open(path)
    present = frame.columns
    who = "symbol" if "symbol" in present else "instrument_token"
    for needed in (who, "ts", "ltp", "volume"):
        if needed not in present:
            said = "symbol or instrument_token" if needed == who else needed
            raise ConfigError(
                f"ticks {path}: expected a column {said}, found {', '.join(present) or 'none'}"
            )
    if not len(frame):
        raise ConfigError(f"ticks {path}: expected rows, found none")
    if "row" in present:
        frame = frame.with_columns(_whole(frame["row"]).alias("row"))
        frame = frame.sort("row", maintain_order=True, nulls_last=True)
    nothing = pl.Series("none", [None] * len(frame), pl.Int64)
    token = frame["instrument_token"] if "instrument_token" in present else nothing
    return pl.DataFrame(
        {
            "name": frame[who].cast(pl.String).str.strip_chars().replace("", None),
            "token": _whole(token),
            "ts": _nanoseconds(path, frame["ts"]),
            "ltp": frame["ltp"].cast(pl.Float64, strict=False),
            "volume": _whole(frame["volume"]),
            "oi": _whole(frame["oi"] if "oi" in present else nothing),
        }
    )


def _open(path: Path) -> pl.DataFrame:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ConfigError(
            f"ticks {path}: expected a file ending in .parquet or .csv, or a journal's folder"
        )
    try:
        if suffix == ".parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema=False)
    except pl.exceptions.NoDataError as error:
        raise ConfigError(f"ticks {path}: expected rows, found an empty file") from error
    except OSError as error:
        raise ConfigError(f"ticks {path}: cannot be read ({error.strerror or error})") from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        reason = str(error).strip().partition("\n")[0]
        raise Corrupt(f"ticks {path}: cannot be read as {suffix[1:]} ({reason})") from error


def _whole(numbers: pl.Series) -> pl.Series:
    """As int64; null where it is not a whole number."""
    if numbers.dtype.is_integer():
        return numbers.cast(pl.Int64, strict=False)
    values = numbers.cast(pl.Float64, strict=False)
    exact = values.is_finite() & (values == values.round())
    return values.zip_with(exact.fill_null(value=False), pl.Series([None], dtype=pl.Float64)).cast(
        pl.Int64, strict=False
    )


def _nanoseconds(path: Path, ts: pl.Series) -> pl.Series:
    """ns UTC; 0 where there is none."""
    if ts.dtype == pl.String:
        numbers = ts.cast(pl.Int64, strict=False)
        if numbers.null_count() == ts.null_count():
            ts = numbers
    if ts.dtype.is_integer():
        _refuse_other_units(path, ts)
        return ts.cast(pl.Int64).fill_null(0)
    if ts.dtype == pl.String:
        return _parsed(path, ts)
    if not isinstance(ts.dtype, pl.Datetime):
        raise ConfigError(f"ticks {path}: column ts: {_FORMS}; found the type {ts.dtype}")
    if ts.dtype.time_zone is None:
        ts = ts.dt.replace_time_zone(_IST)
    return ts.dt.cast_time_unit("ns").cast(pl.Int64).fill_null(0)


def _refuse_other_units(path: Path, ts: pl.Series) -> None:
    middle = ts.filter(ts != 0).median()
    if isinstance(middle, float) and 0 < middle < _SMALLEST_NS:
        raise ConfigError(
            f"ticks {path}: column ts: an integer is ns UTC, found {int(middle)}, which looks like "
            "seconds, ms or us; multiply it, or write times"
        )


def _parsed(path: Path, text: pl.Series) -> pl.Series:
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
        raise ConfigError(f"ticks {path}: row {row + 1}, column ts: {_FORMS}; found {text[row]!r}")
    return times.fill_null(0)


def _times(text: pl.Series, zone: str | None) -> pl.Series:
    """ns UTC; null where there is no time to be read."""
    try:
        times = text.str.to_datetime(time_unit="ns", time_zone=zone, strict=False)
    except pl.exceptions.ComputeError:  # not even the first one looks like a time
        return pl.Series([None] * len(text), dtype=pl.Int64)
    return (times if zone else times.dt.replace_time_zone(_IST)).cast(pl.Int64)
