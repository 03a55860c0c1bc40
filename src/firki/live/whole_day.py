"""All candles of a day out of its grid, for the store: minutes in time order, and day bars."""

from collections.abc import Iterator

import numpy as np

from firki.live import layout as at
from firki.live.file import GridFile
from firki.live.reading import GridCandles
from firki.model.candle import DAY, CandleColumns
from firki.model.tick import SECOND


def tokens(file: GridFile) -> list[int]:
    """Every instrument that has a column, in the order given out."""
    columns = int(file.live["columns"][0])
    return [int(token) for token in file.state[:columns, at.S_TOKEN]]


def is_over(file: GridFile) -> bool:
    """Whether no slot of any class with instruments can still be open; a day of none is over."""
    columns = int(file.live["columns"][0])
    numbers = np.unique(file.state[:columns, at.S_CLASS])
    ends = [max(file.header.classes[int(k)].end_ts, default=0) for k in numbers]
    market_ts = int(file.live["market_ts"][0])
    return market_ts >= max(ends, default=0) + file.header.final_market_seconds * SECOND


def minutes(candles: GridCandles) -> Iterator[CandleColumns]:
    """The day's minutes in time order, the candles of one start at a time."""
    file = candles.file
    columns = int(file.live["columns"][0])
    classes = file.state[:columns, at.S_CLASS]
    members = [
        np.flatnonzero(classes == k).astype(np.uint32) for k in range(len(file.header.classes))
    ]
    slots = sorted(
        (start, k, slot)
        for k, layout in enumerate(file.header.classes)
        if len(members[k])
        for slot, start in enumerate(layout.start_ts)
    )
    pending: list[CandleColumns] = []
    begun = 0
    for start, k, slot in slots:
        if start != begun and pending:
            yield CandleColumns.concat(pending)
            pending = []
        begun = start
        row = candles.whole_row(k, slot, members[k])
        traded = row.tick_count > 0
        if traded.any():
            pending.append(row.take(traded))
    if pending:
        yield CandleColumns.concat(pending)


def day_bars(candles: GridCandles) -> CandleColumns:
    """One bar an instrument that traded."""
    bars = [bar for token in tokens(candles.file) if (bar := candles.day_bar(token)) is not None]
    if not bars:
        return CandleColumns.empty(DAY, as_of_ts=candles.as_of_ts, source="grid")
    return CandleColumns.concat(bars)
