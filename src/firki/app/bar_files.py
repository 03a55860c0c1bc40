"""Finished bars as Parquet or CSV, checked before they are written."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from firki.errors import ConfigError, Corrupt, Unavailable
from firki.model.candle import CandleColumns, Flag, SessionKind
from firki.model.ist import ist_text

SUFFIXES: Final = (".parquet", ".csv")
COLUMNS: Final = {
    "symbol": pl.String, "instrument_token": pl.UInt32, "interval": pl.String,
    "start_ts": pl.Int64, "open": pl.Float64, "high": pl.Float64, "low": pl.Float64,
    "close": pl.Float64, "volume": pl.Int64, "oi": pl.Int64, "tick_count": pl.UInt32,
    "session": pl.String, "flags": pl.String,
}  # fmt: skip


def refuse_suffix(path: Path) -> None:
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"out {path}: expected a file ending in .parquet or .csv")


def check_bars(bars: CandleColumns) -> None:
    """Raise Corrupt that names the first bar whose high and low do not enclose the rest, that has a
    price of 0 or less, or whose start comes twice."""
    right = (
        (bars.high >= np.maximum(bars.open, bars.close))
        & (bars.low <= np.minimum(bars.open, bars.close))
        & (bars.low > 0)
        & (bars.volume >= 0)
    )
    if not right.all():
        raise _wrong(bars, int(np.argmin(right)), "0 < low <= open, close <= high and a volume")
    twice = (
        (bars.start_ts[1:] == bars.start_ts[:-1])
        & (bars.instrument_token[1:] == bars.instrument_token[:-1])
        & (bars.session[1:] == bars.session[:-1])
    )
    if twice.any():
        raise _wrong(bars, int(np.argmax(twice)) + 1, "a start that comes once")


def _wrong(bars: CandleColumns, row: int, expected: str) -> Corrupt:
    bar = bars.candle(row)
    return Corrupt(
        f"bar {bar.instrument_token} {bar.interval} {ist_text(bar.start_ts)}: expected {expected}; "
        f"found open {bar.open} high {bar.high} low {bar.low} close {bar.close} volume "
        f"{bar.volume}; nothing is written"
    )


def to_rows(bars: CandleColumns, symbols: Mapping[int, str]) -> pl.DataFrame:
    """A row a bar; volume and oi null where there is none, flags as words."""
    words = {int(f): " ".join(Flag(int(f)).words()) for f in np.unique(bars.flags)}
    absent = {
        name: (bars.flags & np.uint16(flag)) != 0
        for name, flag in (("volume", Flag.NO_VOLUME), ("oi", Flag.NO_OI))
    }
    arrays = bars.arrays()
    frame = pl.DataFrame(
        {
            **{name: arrays[name] for name in COLUMNS if name in arrays},
            "symbol": [symbols[token] for token in bars.instrument_token.tolist()],
            "interval": [bars.interval.name] * len(bars),
            "session": [SessionKind(kind).word for kind in bars.session.tolist()],
            "flags": [words[flags] for flags in bars.flags.tolist()],
        },
        schema_overrides=COLUMNS,
    )
    nulls = [
        pl.when(pl.Series(gone)).then(None).otherwise(pl.col(name)).alias(name)
        for name, gone in absent.items()
    ]
    return frame.with_columns(nulls).select(*COLUMNS)


def write_bars(parts: Sequence[pl.DataFrame], path: Path) -> int:
    """The file, whole or not at all; answers its rows. In CSV the start is Indian time as text."""
    whole = pl.concat(
        [pl.DataFrame(schema=COLUMNS), *(part.sort("symbol", "start_ts") for part in parts)]
    )
    draft = path.with_name(f".{path.name}.draft")
    try:
        if path.suffix.lower() == ".csv":
            texts = {ts: ist_text(ts) for ts in whole["start_ts"].unique().to_list()}
            starts = pl.Series("start_ts", [texts[ts] for ts in whole["start_ts"].to_list()])
            whole.with_columns(starts.cast(pl.String)).write_csv(draft)
        else:
            whole.write_parquet(draft, compression_level=3)
        draft.replace(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        draft.unlink(missing_ok=True)
        raise Unavailable(f"out {path}: cannot be written ({error})") from error
    return len(whole)
