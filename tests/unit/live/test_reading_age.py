"""What a reader says of the age of its candles is never younger than the candles."""

import asyncio
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pytest

from firki.app.bench.feed import OPEN, MadeUpFeed, decode, open_grid
from firki.live.reading import GridCandles
from firki.model.candle import DAY, Interval, Status
from firki.model.tick import SECOND


class _Overtaken(GridCandles):
    """Another process folds an hour while cells are being reduced, as a slow first read may see."""

    def _cells(self, place: int, number: int) -> npt.NDArray[Any]:
        cells = super()._cells(place, number)
        self._file.live["market_ts"] += 3_600 * SECOND
        return cells


@pytest.mark.parametrize("interval", [Interval.of(1), Interval.of(5), DAY])
def test_a_minute_that_goes_on_while_it_is_read_is_not_called_final(
    tmp_path: Path, interval: Interval
) -> None:
    feed = MadeUpFeed(5, trading=1.0)
    grid = open_grid(tmp_path, feed.tokens)
    for frame in feed.frames(90, 5):
        grid.apply(frame, decode(frame))
    tokens = feed.tokens.tolist()
    found = asyncio.run(_Overtaken(grid.file).read(tokens[:1], interval, 0, 1 << 62))
    assert found.as_of_ts == (OPEN + 89) * SECOND
    assert found.status[-1] == Status.FORMING
    several = asyncio.run(_Overtaken(grid.file).read(tokens, interval, 0, 1 << 62))
    assert several.as_of_ts == (OPEN + 89 + 3_600) * SECOND
