"""A recorded day folded again, beside polars making minutes of the same ticks in a Parquet file.

Intent: the journal is the truth of the day only if it can be played again in reasonable time. The
peer reads four columns that somebody has already decoded and cleaned, and aggregates them at once
on all cores; firki reads every byte of the feed, checks it, decodes it and applies every rule in
the order of arrival on one. By the clock, the best of three.

    python -m bench.replay
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from bench.rows import Row, show

from firki.app.bench.feed import MadeUpFeed, decode, open_grid, opening
from firki.app.bench.figure import Figure
from firki.app.bench.journalling import write_journal
from firki.app.market_day import refold
from firki.live.grid import DayGrid
from firki.model.tick import Column
from firki.ports import Frame
from firki.timing import steady

_INSTRUMENTS: Final = 2_000
_SECONDS: Final = 180
_TICKS: Final = _INSTRUMENTS * _SECONDS
_ROUNDS: Final = 3


def rows() -> Iterator[Row]:
    """Ticks a second, and how much faster than the market that is at 9,000 ticks a second."""
    feed = MadeUpFeed(_INSTRUMENTS)
    frames = feed.frames(_SECONDS, 100)
    with tempfile.TemporaryDirectory(prefix="firki-bench-") as name:
        folder = Path(name)
        write_journal(folder / "journal", [*opening(feed.tokens), *frames])
        grids = [open_grid(folder / str(n), feed.tokens) for n in range(_ROUNDS)]
        waiting = iter(grids)

        def fold() -> None:
            assert refold(next(waiting), folder / "journal", 3, decode) == len(frames)

        ours = _best(fold)
        _write_parquet(folder / "ticks.parquet", frames)
        theirs = _best(lambda: _minutes(folder / "ticks.parquet"))
        _check(grids[0], _minutes(folder / "ticks.parquet"))
    yield Row(Figure(
        what=f"replay, {_INSTRUMENTS} instruments", value=_TICKS / ours, unit="ticks/s",
        peer=_TICKS / theirs, beside="polars, decoded ticks",
    ))  # fmt: skip
    yield Row(Figure(
        what="replay of 9,000 ticks a second", value=_TICKS / ours / 9_000, unit="x market"
    ))  # fmt: skip


def _best(action: Callable[[], object]) -> float:
    took = []
    for _ in range(_ROUNDS):
        began = steady()
        action()
        took.append(steady() - began)
    return min(took)


def _write_parquet(path: Path, frames: Sequence[Frame]) -> None:
    columns = np.concatenate([decode(frame).columns for frame in frames], axis=1)
    chosen = {
        "token": Column.INSTRUMENT_TOKEN, "second": Column.LAST_TRADE_TIME,
        "price": Column.LAST_PRICE, "volume": Column.VOLUME_TRADED,
    }  # fmt: skip
    pl.DataFrame({name: columns[column] for name, column in chosen.items()}).write_parquet(path)


def _minutes(path: Path) -> pl.DataFrame:
    """Minutes of the ticks whose volume grew, without any further rule."""
    traded = pl.col("volume").cast(pl.Int64).diff().over("token")
    return (
        pl.scan_parquet(path)
        .with_columns(traded=traded)
        .filter(pl.col("traded") > 0)
        .group_by("token", minute=pl.col("second") // 60, maintain_order=True)
        .agg(
            open=pl.col("price").first(), high=pl.col("price").max(), low=pl.col("price").min(),
            close=pl.col("price").last(), volume=pl.col("traded").sum(), ticks=pl.len(),
        )
        .collect()
    )  # fmt: skip


def _check(grid: DayGrid, minutes: pl.DataFrame) -> None:
    """Both made the same candles of the same trades."""
    cells = grid.file.cells
    made = cells["tick_count"] > 0
    assert int(made.sum()) == len(minutes)
    assert int(cells["volume"][made].sum(dtype=np.int64)) == int(minutes["volume"].sum())
    assert int(cells["close"][made].sum(dtype=np.int64)) == int(minutes["close"].sum())


if __name__ == "__main__":
    show(__doc__.partition("\n")[0], rows())
