"""Recorded ticks of days, from files and folders of them, in the order of their arrival."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from firki.errors import ConfigError
from firki.model.ist import ist_midnight
from firki.model.recorded_ticks import SUFFIXES, date_of, is_of, read_ticks

_MOST_STEPS_BACK: Final = 0.1
"""Recorders deliver one row in some hundreds late; a file in another order steps back far more."""
_FEW_STEPS_BACK: Final = 100
"""Up to so many say nothing about the order of a file: one late row is a ninth of nine."""


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
        by_date.setdefault(day or date_of(frame), []).append((path, frame))
    return [_recording(found, files) for found, files in sorted(by_date.items())]


def read_file(path: Path) -> pl.DataFrame:
    """The rows of one file, as ``read_ticks`` gives them."""
    return read_ticks(str(path), path.read_bytes)


def _recording(day: date, files: Sequence[tuple[Path, pl.DataFrame]]) -> Recording:
    whole = pl.concat([frame for _, frame in files])
    on_day, named = is_of(day), pl.col("name").is_not_null()
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
    rows = rows.with_columns(arrival.fill_null(ist_midnight(day)).alias("arrival"))
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
