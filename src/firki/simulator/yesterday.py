"""What Kite still shows before a day begins: each instrument's last snapshot of the day before."""

from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from firki.model.calendar import Calendar
from firki.model.tick import SECOND, Column
from firki.simulator.bars import Bars
from firki.simulator.day import CLASSES
from firki.simulator.history import History
from firki.simulator.listing import Listing
from firki.simulator.snapshotter import FULL, INDEX_FULL, Snapshots
from firki.simulator.trading import Kind

_LONGEST_WAIT: Final = 3600.0


def cached_snapshots(
    listing: Listing, traits: npt.NDArray[Any], history: History, calendar: Calendar, day: date
) -> Snapshots:
    """A snapshot per row of the listing with the times, prices and volume of ``day``."""
    cached = Snapshots.empty(len(listing))
    cached.row[:] = np.arange(len(listing))
    for number, session_class in enumerate(CLASSES):
        rows = np.flatnonzero(traits["class"] == number)
        session = calendar.session(session_class, day)
        if session is None or not len(rows):
            continue
        bars = history.day_bars(traits[rows], session)
        closes = history.closes_before(traits[rows], session)
        _fill(cached, rows, traits[rows], bars, closes, session.close_ts // SECOND)
    cached.columns[Column.INSTRUMENT_TOKEN] = listing.token
    return cached


def _fill(
    cached: Snapshots, rows: npt.NDArray[Any], traits: npt.NDArray[Any], bars: Bars,
    before: npt.NDArray[np.int64], end_second: int,
) -> None:  # fmt: skip
    columns = cached.columns
    is_index = traits["kind"] == Kind.INDEX
    traded = (bars.volume > 0) & (traits["rate"] > 0) | is_index
    columns[Column.LENGTH, rows] = np.where(is_index, INDEX_FULL, FULL)
    columns[Column.LAST_PRICE, rows] = bars.close
    prices = {Column.OPEN: bars.open, Column.HIGH: bars.high, Column.LOW: bars.low}
    for column, price in prices.items():
        columns[column, rows] = np.where(traded, price, 0)
    columns[Column.CLOSE, rows] = before
    columns[Column.EXCHANGE_TIME, rows] = end_second - 1
    change = (bars.close - before).astype(np.int32).view(np.uint32)
    columns[Column.PRICE_CHANGE, rows] = np.where(is_index, change, 0)
    shares = traded & ~is_index
    waits = np.minimum(1 / np.maximum(traits["rate"], 1 / _LONGEST_WAIT), _LONGEST_WAIT)
    ordinary = {
        Column.VOLUME_TRADED: bars.volume,
        Column.LAST_TRADED_QUANTITY: traits["lot"],
        Column.AVERAGE_TRADED_PRICE: (bars.open + bars.high + bars.low + bars.close) // 4,
        Column.LAST_TRADE_TIME: end_second - 1 - waits.astype(np.int64),
    }
    for column, value in ordinary.items():
        columns[column, rows] = np.where(shares, value, 0)
    for column in (Column.OI, Column.OI_DAY_HIGH, Column.OI_DAY_LOW):
        columns[column, rows] = bars.oi
