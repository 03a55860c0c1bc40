"""What the surface needs of a market: the seam between Kite's doors and the tape behind them."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from firki.model.tick import U32

I64 = npt.NDArray[np.int64]


class Snapshots(Protocol):
    """Snapshots in order of delivery, one column each, as full-mode packets."""

    @property
    def delivery_ts(self) -> I64: ...

    @property
    def row(self) -> npt.NDArray[np.int32]: ...

    @property
    def columns(self) -> U32: ...

    @property
    def depth(self) -> npt.NDArray[Any]: ...


class Listing(Protocol):
    """The day's instruments, one row each."""

    @property
    def token(self) -> npt.NDArray[np.uint32]: ...

    @property
    def tradingsymbol(self) -> Sequence[str]: ...

    @property
    def exchange(self) -> Sequence[str]: ...

    @property
    def price_scale(self) -> npt.NDArray[np.int64]: ...


class Bars(Protocol):
    """Candles in ascending order; prices are the exchange's integers."""

    @property
    def start_ts(self) -> I64: ...

    @property
    def open(self) -> npt.NDArray[Any]: ...

    @property
    def high(self) -> npt.NDArray[Any]: ...

    @property
    def low(self) -> npt.NDArray[Any]: ...

    @property
    def close(self) -> npt.NDArray[Any]: ...

    @property
    def volume(self) -> npt.NDArray[Any]: ...

    @property
    def oi(self) -> npt.NDArray[Any]: ...


class Trades(Protocol):
    """The tape itself, in order of trade; prices are the exchange's integers."""

    @property
    def token(self) -> npt.NDArray[np.uint32]: ...

    @property
    def trade_ts(self) -> I64: ...

    @property
    def price(self) -> npt.NDArray[Any]: ...

    @property
    def quantity(self) -> npt.NDArray[Any]: ...

    @property
    def session(self) -> npt.NDArray[Any]:
        """``TradeKind`` of each trade."""


class Market(Protocol):
    """One trading day that can be played once, forward."""

    @property
    def trading_date(self) -> date: ...

    @property
    def listing(self) -> Listing: ...

    @property
    def open_ts(self) -> int:
        """Nothing happens before this."""

    @property
    def end_ts(self) -> int:
        """Nothing is delivered after this."""

    def instruments_csv(self, exchange: str | None = None) -> bytes: ...

    def advance(self, to_ts: int) -> Snapshots:
        """Everything delivered since the last call, up to ``to_ts``; not before ``open_ts``."""

    def current(self, rows: I64) -> tuple[U32, npt.NDArray[Any]]:
        """The newest delivered snapshot of each row; LENGTH is 0 where there is none."""

    def candles(self, token: int, interval: str, from_ts: int, to_ts: int) -> Bars:
        """Candles whose start lies in the span, by Kite's word for the interval."""

    def trades(self, tokens: Sequence[int], from_ts: int, to_ts: int) -> Trades: ...
