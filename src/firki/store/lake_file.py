"""One Parquet file of the lake: candles to disk and back, and what the file says of itself.

Prices are float64 rupees, times int64 ns UTC; ``volume`` and ``oi`` are null where there is none.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from firki.errors import Corrupt, Unavailable
from firki.model.candle import DAY, MINUTE, CandleColumns, Flag, Status

ROW_GROUP: Final = 1 << 15
"""Rows a reader of one instrument has to unpack: about ninety instruments' minutes."""
_NOTE: Final = "firki"
"""Key of our own note among the file's key-value metadata."""
SCHEMA: Final = 1
_MASK: Final = (1 << 64) - 1

COLUMNS: Final = {
    "instrument_token": pl.UInt32, "key": pl.String, "start_ts": pl.Int64, "open": pl.Float64,
    "high": pl.Float64, "low": pl.Float64, "close": pl.Float64, "volume": pl.Int64,
    "oi": pl.Int64, "tick_count": pl.UInt32, "status": pl.UInt8, "revision": pl.UInt16,
    "session": pl.UInt8, "flags": pl.UInt16, "last_tick_ts": pl.Int64,
}  # fmt: skip
_ABSENT: Final = {"volume": Flag.NO_VOLUME, "oi": Flag.NO_OI}
ORDER: Final = ("instrument_token", "start_ts")


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What a settled day was made from."""

    journal_seq: int
    """The last record that was folded into it."""
    as_of_ts: int
    """Market time of that record."""
    instruments: str
    """Digests of the instrument master and of the calendar."""
    calendar: str


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says of itself; ``covers`` is a date, or the month of a file of day bars."""

    schema: int = SCHEMA
    covers: str
    interval: str
    order: str
    """``time``, or ``instrument`` once it is compacted."""
    origins: dict[str, Origin]
    """Of each trading date in the file."""


class Content(msgspec.Struct, frozen=True):
    """How many candles, and a sum over them that does not depend on their order."""

    rows: int = 0
    checksum: str = "0" * 16

    def plus(self, candles: CandleColumns) -> "Content":
        total = (int(self.checksum, 16) + checksum(candles)) & _MASK
        return Content(self.rows + len(candles), f"{total:016x}")


def settled(candles: CandleColumns) -> CandleColumns:
    """The same candles, no longer to change."""
    return replace(candles, status=np.full(len(candles), Status.SETTLED, np.uint8))


def checksum(candles: CandleColumns) -> int:
    """The sum of a 64-bit hash of each candle, every number of it taken in."""
    mixed = np.zeros(len(candles), np.uint64)
    for column in candles.arrays().values():
        bits = np.ascontiguousarray(column).view(f"<u{column.dtype.itemsize}").astype(np.uint64)
        mixed = (mixed ^ bits) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return int(mixed.sum(dtype=np.uint64))


def to_frame(candles: CandleColumns, keys: Mapping[int, str]) -> pl.DataFrame:
    """Candles as the lake keeps them, with the key each token had on the day."""
    frame = pl.DataFrame(candles.arrays())
    names = [keys.get(token, "") for token in candles.instrument_token.tolist()]
    absent = [
        pl.when((pl.col("flags") & int(flag) != 0) & (pl.col(name) == 0))
        .then(None)
        .otherwise(pl.col(name))
        .alias(name)
        for name, flag in _ABSENT.items()
    ]
    frame = frame.with_columns(
        pl.Series("key", names, pl.String),
        *absent,
    )
    return frame.select(*COLUMNS)


def to_candles(frame: pl.DataFrame, *, as_of_ts: int, interval: str) -> CandleColumns:
    """The candles of a frame of the lake, sorted."""
    filled = frame.drop("key").with_columns(pl.col("volume", "oi").fill_null(0))
    return CandleColumns.of(
        DAY if interval == DAY.name else MINUTE, as_of_ts=as_of_ts, source="lake",
        **{name: filled[name].to_numpy() for name in filled.columns},
    )  # fmt: skip


def write(path: Path, frames: Iterator[pl.DataFrame], note: Note, *, level: int) -> None:
    """The frames as one durable file, one at a time in memory; its name is not made durable."""

    def pull(
        _columns: list[str] | None, _where: pl.Expr | None, _rows: int | None, _size: int | None
    ) -> Iterator[pl.DataFrame]:
        return frames

    path.parent.mkdir(parents=True, exist_ok=True)
    register_io_source(pull, schema=COLUMNS, is_pure=True).sink_parquet(
        path,
        compression="zstd",
        compression_level=level,
        row_group_size=ROW_GROUP,
        metadata={_NOTE: msgspec.json.encode(note).decode()},
    )
    sync(path)


def read_note(path: Path) -> Note:
    """What the file says of itself; raises Corrupt for anything that is not a file of the lake."""
    try:
        found = pl.read_parquet_metadata(path).get(_NOTE, "")
        return msgspec.json.decode(found.encode(), type=Note)
    except UNREADABLE as error:
        raise unreadable(path, error) from error


def scan(paths: Sequence[Path], where: pl.Expr) -> pl.DataFrame:
    """The rows that satisfy ``where``; row groups whose statistics rule it out are not read."""
    return pl.scan_parquet(list(paths), schema=COLUMNS, glob=False).filter(where).collect()


def count(path: Path) -> int:
    """Rows of a file; raises Corrupt."""
    try:
        return int(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item())
    except UNREADABLE as error:
        raise unreadable(path, error) from error


def pieces(path: Path, *, rows: int, interval: str) -> Iterator[CandleColumns]:
    """All candles of a file in the order they lie, a bounded number at a time."""
    step = 8 * ROW_GROUP
    for offset in range(0, rows, step):
        frame = pl.scan_parquet(path, schema=COLUMNS, glob=False).slice(offset, step).collect()
        yield to_candles(frame, as_of_ts=0, interval=interval)


def content(path: Path, *, rows: int, interval: str) -> Content:
    """What the file really holds, read back from it; raises Corrupt."""
    found = Content()
    try:
        # A row too many would be as wrong as one too few, so the end is looked at as well.
        for candles in pieces(path, rows=rows + 1, interval=interval):
            found = found.plus(candles)
    except UNREADABLE as error:
        raise unreadable(path, error) from error
    return found


def by_instrument(path: Path, *, rows: int, tokens_at_once: int = 1024) -> Iterator[pl.DataFrame]:
    """The rows of a file sorted by instrument and start, some instruments at a time."""
    if not rows:
        return
    lazy = pl.scan_parquet(path, schema=COLUMNS, glob=False)
    tokens = lazy.select(pl.col("instrument_token").unique()).collect().to_series().sort()
    for first in range(0, len(tokens), tokens_at_once):
        some = tokens.slice(first, tokens_at_once)
        inside = pl.col("instrument_token").is_between(some[0], some[-1])
        yield lazy.filter(inside).collect().sort(ORDER)


def unreadable(path: Path, error: BaseException) -> Corrupt | Unavailable:
    """What a failed reading means: damage, or that the file cannot be opened just now."""
    reason = str(error).strip().partition("\n")[0]
    # Polars raises OSError where it cannot open a file; what is in one it finds at fault otherwise.
    if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
        return Unavailable(
            f"lake file {path}: cannot be opened ({reason}); nothing is settled until it can"
        )
    return Corrupt(
        f"lake file {path}: not readable ({reason}); settle the day again from its journal, or "
        "put the file back from a copy"
    )


def sync(path: Path) -> None:
    """Hand a file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


UNREADABLE: Final[tuple[type[BaseException], ...]] = (
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
    msgspec.MsgspecError,
    OSError,
    ValueError,
)
"""What reading a damaged file can end in."""
