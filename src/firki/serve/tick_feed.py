"""Ticks of a subscription: every trade, and the newest depth of each instrument in between."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from firki.model.instrument import Instrument
from firki.model.ist import ist_text
from firki.model.tick import SECOND, Column, TickBatch, Ticks
from firki.ports import Bus
from firki.serve.directory import decimals

TOPIC: Final = ("ticks",)

# what each packet length carries, beside the token and the last price it always does
_DAY: Final = {Column.OPEN, Column.HIGH, Column.LOW, Column.CLOSE}
_FLOW: Final = {
    Column.LAST_TRADED_QUANTITY,
    Column.AVERAGE_TRADED_PRICE,
    Column.VOLUME_TRADED,
    Column.TOTAL_BUY_QUANTITY,
    Column.TOTAL_SELL_QUANTITY,
}
_OI: Final = {Column.OI, Column.OI_DAY_HIGH, Column.OI_DAY_LOW}
_TIMES: Final = {Column.LAST_TRADE_TIME, Column.EXCHANGE_TIME}
_CARRIED: Final[dict[int, set[Column]]] = {
    8: set(),
    28: _DAY,
    32: _DAY | {Column.EXCHANGE_TIME},
    44: _DAY | _FLOW,
    184: _DAY | _FLOW | _OI | _TIMES,
}
_FULL: Final = 184


class TickRow(msgspec.Struct, frozen=True, kw_only=True):
    """A tick as clients read it: prices in rupees, None where its packet carries no such field.

    ``frame`` is the journal's number of the frame it came in; ``trade`` is false for a tick that
    only moved the depth.
    """

    key: str
    instrument_token: int
    frame: int
    trade: bool
    last_price: float
    last_quantity: int | None
    average_price: float | None
    volume_traded: int | None
    buy_quantity: int | None
    sell_quantity: int | None
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    change: float | None
    change_percent: float | None
    last_trade_time: str | None
    exchange_time: str | None
    received_time: str
    oi: int | None
    oi_day_high: int | None
    oi_day_low: int | None
    connection: int
    depth: dict[str, list[dict[str, Any]]] | msgspec.UnsetType | None = msgspec.UNSET


@dataclass(slots=True)
class _Piece:
    """Rows of one frame, copied out of it so that the frame can go."""

    columns: npt.NDArray[np.uint32]
    depth: npt.NDArray[Any] | None
    trade: bool
    seq: int
    received_ts: int
    connection: int
    order: int


class TickFeed:
    """Ticks in the order of their arrival."""

    every = 0.1

    def __init__(self, bus: Bus, instruments: Mapping[int, Instrument], *, depth: bool) -> None:
        self._instruments, self._depth = instruments, depth
        self._tokens = np.array(sorted(instruments), np.uint32)
        self._trades: list[_Piece] = []
        self._rows = 0
        self._quiet: dict[int, _Piece] = {}
        self._order = 0
        self._missed = 0
        self._told = False
        self.stop: Callable[[], None] = bus.subscribe(TOPIC, self._hear)

    @property
    def behind(self) -> int:
        return self._rows

    async def sample(self) -> None:
        """Nothing to look for: the bus tells."""

    def take(self) -> list[TickRow] | None:
        if not self._trades and not self._quiet and self._told:
            return None
        pieces = sorted([*self._trades, *self._quiet.values()], key=lambda piece: piece.order)
        self._trades, self._quiet, self._rows, self._told = [], {}, 0, True
        return [row for piece in pieces for row in self._tell(piece)]

    def missed(self) -> int:
        missed, self._missed = self._missed, 0
        return missed

    def _hear(self, ticks: Ticks) -> None:
        mine = np.flatnonzero(np.isin(ticks.batch.instrument_token, self._tokens))
        if not len(mine):
            return
        depth = ticks.batch.depth() if self._depth else None
        traded = ticks.trades[mine]
        if traded.any():
            self._keep_trades(self._piece(ticks.batch, mine[traded], depth, trade=True))
        for row in mine[~traded].tolist():
            token = int(ticks.batch.instrument_token[row])
            self._missed += token in self._quiet
            self._quiet[token] = self._piece(ticks.batch, np.array([row]), depth, trade=False)

    def _keep_trades(self, piece: _Piece) -> None:
        self._trades.append(piece)
        self._rows += piece.columns.shape[1]
        if self._quiet:
            # a later tick of the same instrument says all that the depth before it did
            for token in piece.columns[Column.INSTRUMENT_TOKEN].tolist():
                self._missed += self._quiet.pop(token, None) is not None

    def _piece(
        self,
        batch: TickBatch,
        rows: npt.NDArray[np.int64],
        depth: npt.NDArray[Any] | None,
        *,
        trade: bool,
    ) -> _Piece:
        self._order += 1
        return _Piece(
            columns=batch.columns[:, rows],
            depth=None if depth is None else depth[rows],
            trade=trade,
            seq=batch.seq,
            received_ts=batch.received_ts,
            connection=batch.connection,
            order=self._order,
        )

    def _tell(self, piece: _Piece) -> list[TickRow]:
        rows = piece.columns.T.tolist()
        return [self._row(piece, place, values) for place, values in enumerate(rows)]

    def _row(self, piece: _Piece, place: int, values: list[int]) -> TickRow:
        instrument = self._instruments[values[Column.INSTRUMENT_TOKEN]]
        scale = instrument.price_scale
        carried = _CARRIED.get(values[Column.LENGTH], set())

        def number(column: Column) -> int | None:
            return values[column] if column in carried else None

        def price(column: Column) -> float | None:
            return values[column] / scale if column in carried else None

        last, close = values[Column.LAST_PRICE] / scale, price(Column.CLOSE)
        change, share = _change(last, close, decimals(instrument))
        return TickRow(
            key=instrument.key,
            instrument_token=instrument.instrument_token,
            frame=piece.seq,
            trade=piece.trade,
            last_price=last,
            last_quantity=number(Column.LAST_TRADED_QUANTITY),
            average_price=price(Column.AVERAGE_TRADED_PRICE),
            volume_traded=number(Column.VOLUME_TRADED),
            buy_quantity=number(Column.TOTAL_BUY_QUANTITY),
            sell_quantity=number(Column.TOTAL_SELL_QUANTITY),
            open=price(Column.OPEN),
            high=price(Column.HIGH),
            low=price(Column.LOW),
            close=close,
            change=change,
            change_percent=share,
            last_trade_time=_time(number(Column.LAST_TRADE_TIME)),
            exchange_time=_time(number(Column.EXCHANGE_TIME)),
            received_time=ist_text(piece.received_ts),
            oi=number(Column.OI),
            oi_day_high=number(Column.OI_DAY_HIGH),
            oi_day_low=number(Column.OI_DAY_LOW),
            connection=piece.connection,
            depth=self._book(piece, place, values[Column.LENGTH], scale),
        )

    def _book(self, piece: _Piece, place: int, length: int, scale: int) -> Any:
        """Five levels a side in rupees; None where the packet has no depth."""
        if not self._depth:
            return msgspec.UNSET
        if piece.depth is None or length != _FULL:
            return None
        buy, sell = piece.depth[place]
        return {"buy": _levels(buy, scale), "sell": _levels(sell, scale)}


def _levels(side: npt.NDArray[Any], scale: int) -> list[dict[str, Any]]:
    return [
        {"price": price / scale, "quantity": quantity, "orders": orders}
        for quantity, price, orders in side.tolist()
    ]


def _change(last: float, close: float | None, places: int) -> tuple[float | None, float | None]:
    if not close:
        return None, None
    return round(last - close, places), round((last - close) / close * 100, 4)


def _time(seconds: int | None) -> str | None:
    return ist_text(seconds * SECOND) if seconds else None
