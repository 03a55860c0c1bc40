"""Frame bytes to candles beside a dictionary of candles, and what a day's grid takes on the disk.

Intent: decode, then fold with every rule, as the plant does it for each frame. The peer decodes by
``struct`` and keeps a dictionary a minute without any rule. Processor time of one thread; the slow
end is that of 1,000 ticks together.

    python -m bench.grid
"""

import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from bench.rows import Row, show

from firki.app.bench import folding, peers
from firki.app.bench.feed import DAY, MIDNIGHT, PRICE_SCALE, MadeUpFeed, decode, opening
from firki.app.bench.figure import Figure
from firki.app.market_day import CalendarFiles
from firki.live import file as grid_file
from firki.live.grid import DayGrid, Rules
from firki.model.session import SessionClass
from firki.model.tick import SECOND

_RATES: Final = {(2_000, 1_000): 15e6, (2_000, 100): 10e6, (9_000, 100): 8e6}
_TAIL_MILLISECONDS: Final = 0.5
_MEGABYTES: Final = 130.0
_MINUTES: Final = 375
_INSTRUMENTS: Final = 9_000
_SHARES: Final = {"cas": 200, "cash": 1_800, "index": 150, "derivative": 6_850}
"""Instruments by session class: each class has slots and columns of its own."""
_SAMPLE: Final = 100
"""Instruments whose dictionaries are weighed."""


def rows() -> Iterator[Row]:
    """Rates and slow ends by shape, then reading, then the grid's blocks."""
    figures = folding.measure(ticks=600_000, rounds=5)
    for shape, rate, tail in zip(folding.SHAPES, *(iter(figures),) * 2, strict=True):
        yield Row(rate, _RATES[shape])
        yield Row(tail, _TAIL_MILLISECONDS)
    for figure in folding.measure_reading(minutes=_MINUTES, rounds=5):
        yield Row(figure)
    yield Row(_memory(), _MEGABYTES)


def _memory() -> Figure:
    """A session in which every instrument trades in every minute, in allocated blocks."""
    feed = MadeUpFeed(_INSTRUMENTS, trading=1.0)
    with tempfile.TemporaryDirectory(prefix="firki-bench-") as folder:
        grid = _open_mixed(Path(folder), feed.tokens)
        for _ in range(_MINUTES):
            for frame in feed.second(100):
                grid.apply(frame, decode(frame))
            feed.skip(59)
        grid.close()
        candles = grid.totals()["candles"]
        blocks = 512 * grid.file.path.stat().st_blocks
    assert candles > 0.97 * _INSTRUMENTS * _MINUTES, candles
    return Figure(
        what=f"grid of {_INSTRUMENTS} instruments, {_MINUTES} minutes", value=blocks / 1e6,
        unit="MB", peer=candles * _dict_bytes() / 1e6, beside="a dict of candles",
        less_is_better=True,
    )  # fmt: skip


def _open_mixed(folder: Path, tokens: npt.NDArray[np.int64]) -> DayGrid:
    """A day with the classes and hours of a real one."""
    names = [name for name, count in _SHARES.items() for _ in range(count)]
    classes = dict(zip(tokens.tolist(), names, strict=True))
    calendar = CalendarFiles.packaged().parse()
    sessions = {name: calendar.session(SessionClass(name), DAY) for name in _SHARES}
    plan = grid_file.plan(
        DAY, MIDNIGHT * SECOND, {name: s for name, s in sessions.items() if s is not None}, _SHARES,
        instruments="", calendar="", settings="",
    )  # fmt: skip
    file = grid_file.create(folder, plan)
    grid = DayGrid(file, lambda token: (classes[token], PRICE_SCALE), Rules())
    grid.recover(0)
    for record in opening(tokens):
        grid.apply(record, None)
    return grid


def _dict_bytes() -> float:
    """What a candle of the peer takes, its keys and numbers included."""
    feed, store = MadeUpFeed(_SAMPLE, trading=1.0), peers.DictStore()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(_MINUTES):
            for frame in feed.second(_SAMPLE):
                store.apply(peers.decode(frame.payload))
            feed.skip(59)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (after - before) / sum(map(len, store.minutes.values()))


if __name__ == "__main__":
    show(__doc__.partition("\n")[0], rows())
