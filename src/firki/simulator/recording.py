"""Recorded ticks of one day, from Parquet or CSV, in the order in which they arrived."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from firki.errors import ConfigError
from firki.kite.vocabulary import DEFAULT_DIVISOR, DIVISORS

I64 = npt.NDArray[np.int64]

_IST: Final = "Asia/Kolkata"
_IST_NS: Final = 19_800_000_000_000
_DAY_NS: Final = 86_400_000_000_000
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_MOST_PRICE: Final = 0xFFFFFFFF
_FORMS: Final = "expected ns UTC or times such as 2021-04-13 09:15:00, Indian if without an offset"


@dataclass(frozen=True)
class Recording:
    """Columns of recorded ticks; those of one name stand in the order of their arrival.

    ``name`` numbers ``names``. ``token`` is 0 where the file has symbols only. ``ts`` is ns UTC as
    recorded, faults included; ``price`` the exchange's integers. ``unsendable`` counts rows left
    out because no packet can hold their price or volume.
    """

    names: tuple[str, ...]
    token: I64
    name: npt.NDArray[np.int32]
    ts: I64
    price: I64
    volume: I64
    unsendable: int

    def __len__(self) -> int:
        return len(self.ts)

    @property
    def trading_date(self) -> date:
        """The Indian date that most rows carry."""
        days, counts = np.unique(_days(self.ts), return_counts=True)
        return date.fromordinal(int(days[np.argmax(counts)]))

    def on(self, day: date) -> npt.NDArray[np.bool_]:
        """The rows that carry this date."""
        same: npt.NDArray[np.bool_] = _days(self.ts) == day.toordinal()
        return same


def read_recording(paths: Sequence[Path]) -> Recording:
    """The ticks of all files, one after the other.

    Raises ConfigError for a file that is missing, is neither Parquet nor CSV, lacks a column or
    holds a time that cannot be read.
    """
    frame = pl.concat([_read(path) for path in paths])
    sendable = frame.filter(
        pl.col("price").is_between(1, _MOST_PRICE) & pl.col("volume").is_between(0, _MOST_PRICE)
    )
    if not len(sendable):
        raise ConfigError(f"tape: expected ticks, found none in {[str(path) for path in paths]}")
    names = sendable["name"].unique().sort()
    number = sendable["name"].replace_strict(names, np.arange(len(names)), return_dtype=pl.Int32)
    tokens = sendable.group_by("name").agg(pl.col("token").first()).sort("name")["token"]
    return Recording(
        names=tuple(names), token=tokens.to_numpy(), name=number.to_numpy(),
        ts=sendable["ts"].to_numpy(), price=sendable["price"].to_numpy(),
        volume=sendable["volume"].to_numpy(), unsendable=len(frame) - len(sendable),
    )  # fmt: skip


def _read(path: Path) -> pl.DataFrame:
    """Columns name, token, ts, price, volume; rows of a name in the order of ``row`` if given."""
    frame = _open(path)
    names = frame.columns
    who = "symbol" if "symbol" in names else "instrument_token"
    for wanted in (who, "ts", "ltp", "volume"):
        if wanted not in names:
            need = "symbol or instrument_token" if wanted == who else wanted
            raise ConfigError(f"tape {path}: expected a column {need}, found {', '.join(names)}")
    if "row" in names:
        frame = frame.sort("row", maintain_order=True)
    if "instrument_token" not in names:
        frame = frame.with_columns(instrument_token=pl.lit(0, pl.Int64))
    token = pl.col("instrument_token").cast(pl.Int64)
    scale = token.mod(256).replace_strict(DIVISORS, default=DEFAULT_DIVISOR)
    return frame.select(
        name=pl.col(who).cast(pl.String),
        token=token,
        ts=_nanoseconds(path, frame["ts"]),
        price=(pl.col("ltp").cast(pl.Float64) * scale).round().cast(pl.Int64, strict=False),
        volume=pl.col("volume").cast(pl.Int64, strict=False),
    )


def _open(path: Path) -> pl.DataFrame:
    readers: dict[str, Any] = {".parquet": pl.read_parquet, ".csv": pl.read_csv}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ConfigError(f"tape {path}: expected a file ending in .parquet or .csv")
    try:
        frame: pl.DataFrame = reader(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ConfigError(f"tape {path}: cannot be read as {path.suffix}: {error}") from error
    return frame


def _nanoseconds(path: Path, ts: pl.Series) -> pl.Series:
    """ns UTC; a time without a zone is Indian."""
    if ts.dtype.is_integer():
        return ts.cast(pl.Int64)
    try:
        times = ts.str.to_datetime(time_unit="ns") if ts.dtype == pl.String else ts
    except pl.exceptions.PolarsError as error:
        raise ConfigError(f"tape {path}: column ts: {_FORMS}; {error}") from error
    if not isinstance(times.dtype, pl.Datetime):
        raise ConfigError(f"tape {path}: column ts: {_FORMS}; found {times.dtype}")
    if times.dtype.time_zone is None:
        times = times.dt.replace_time_zone(_IST)
    return times.dt.cast_time_unit("ns").cast(pl.Int64)


def _days(ts: I64) -> I64:
    """Ordinals of the Indian dates."""
    days: I64 = (ts + _IST_NS) // _DAY_NS + _EPOCH_ORDINAL
    return days
