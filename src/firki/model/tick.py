"""Ticks as columns: what one frame of the feed held."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

U32 = npt.NDArray[np.uint32]

SECOND: Final = 1_000_000_000
"""Nanoseconds in a second."""


class Column(IntEnum):
    """Rows of ``TickBatch.columns``; prices are the exchange's integers, times Unix seconds."""

    LENGTH = 0
    INSTRUMENT_TOKEN = 1
    LAST_PRICE = 2
    LAST_TRADED_QUANTITY = 3
    AVERAGE_TRADED_PRICE = 4
    VOLUME_TRADED = 5
    TOTAL_BUY_QUANTITY = 6
    TOTAL_SELL_QUANTITY = 7
    OPEN = 8
    HIGH = 9
    LOW = 10
    CLOSE = 11
    LAST_TRADE_TIME = 12
    OI = 13
    OI_DAY_HIGH = 14
    OI_DAY_LOW = 15
    EXCHANGE_TIME = 16
    OFFSET = 17
    PRICE_CHANGE = 18


COLUMN_COUNT: Final = len(Column)

DEPTH: Final = np.dtype([("quantity", "<u4"), ("price", "<u4"), ("orders", "<u4")])
"""One level of the book. A batch's depth has shape (ticks, 2, 5): buy then sell, best first."""

DepthReader = Callable[[bytes, U32], npt.NDArray[Any]]


class TickBatch(msgspec.Struct, frozen=True, eq=False, gc=False):
    """The ticks of one frame, one column per field.

    ``columns`` has shape (``COLUMN_COUNT``, ticks) and dtype uint32. A field that the packet's
    length does not carry is 0: ask ``length`` (8, 28, 32, 44 or 184) which fields are there.
    ``seq``, ``received_ts`` and ``connection`` are the frame's. ``skipped`` counts packets of an
    unknown kind that were left out.
    """

    columns: U32
    payload: bytes
    read_depth: DepthReader
    seq: int = 0
    received_ts: int = 0
    connection: int = 0
    skipped: int = 0

    def __len__(self) -> int:
        return int(self.columns.shape[1])

    def __iter__(self) -> Iterator[U32]:
        """Not offered: a tick is a column entry, never an object."""
        raise TypeError("a TickBatch is columns; read .columns or the named fields")

    def column(self, column: Column) -> U32:
        """One field of every tick, a view."""
        row: U32 = self.columns[column]
        return row

    @property
    def length(self) -> U32:
        """Packet length in bytes, which tells the fields that are present."""
        return self.column(Column.LENGTH)

    @property
    def instrument_token(self) -> U32:
        return self.column(Column.INSTRUMENT_TOKEN)

    @property
    def last_price(self) -> U32:
        """Integers of the exchange; divide by the instrument's ``price_scale`` at the edge."""
        return self.column(Column.LAST_PRICE)

    @property
    def last_traded_quantity(self) -> U32:
        return self.column(Column.LAST_TRADED_QUANTITY)

    @property
    def average_traded_price(self) -> U32:
        return self.column(Column.AVERAGE_TRADED_PRICE)

    @property
    def volume_traded(self) -> U32:
        """The day's running total."""
        return self.column(Column.VOLUME_TRADED)

    @property
    def total_buy_quantity(self) -> U32:
        return self.column(Column.TOTAL_BUY_QUANTITY)

    @property
    def total_sell_quantity(self) -> U32:
        return self.column(Column.TOTAL_SELL_QUANTITY)

    @property
    def open(self) -> U32:
        """The day's open so far, as are ``high`` and ``low``; ``close`` is the previous day's."""
        return self.column(Column.OPEN)

    @property
    def high(self) -> U32:
        return self.column(Column.HIGH)

    @property
    def low(self) -> U32:
        return self.column(Column.LOW)

    @property
    def close(self) -> U32:
        """The previous trading day's close during market hours."""
        return self.column(Column.CLOSE)

    @property
    def oi(self) -> U32:
        return self.column(Column.OI)

    @property
    def oi_day_high(self) -> U32:
        return self.column(Column.OI_DAY_HIGH)

    @property
    def oi_day_low(self) -> U32:
        return self.column(Column.OI_DAY_LOW)

    @property
    def last_trade_ts(self) -> npt.NDArray[np.int64]:
        """Time of the last trade, ns UTC; 0 where the feed gave none."""
        return self.column(Column.LAST_TRADE_TIME).astype(np.int64) * SECOND

    @property
    def exchange_ts(self) -> npt.NDArray[np.int64]:
        """When the exchange made the snapshot, ns UTC; 0 where the feed gave none."""
        return self.column(Column.EXCHANGE_TIME).astype(np.int64) * SECOND

    @property
    def price_change(self) -> npt.NDArray[np.int32]:
        """Index packets only: signed change in the exchange's integers."""
        return self.column(Column.PRICE_CHANGE).view(np.int32)

    def depth(self) -> npt.NDArray[Any]:
        """Five levels a side, dtype ``DEPTH``, shape (ticks, 2, 5); zeros where there is none."""
        return self.read_depth(self.payload, self.columns)


@dataclass(frozen=True, slots=True)
class Ticks:
    """A batch after the fold: ``trades`` marks the rows that were a trade; the rest moved depth."""

    batch: TickBatch
    trades: npt.NDArray[np.bool_]
