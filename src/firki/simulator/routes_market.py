"""Instruments and quotes."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from starlette.responses import Response

from firki.kite.vocabulary import LTP_INSTRUMENTS, OHLC_INSTRUMENTS, QUOTE_INSTRUMENTS
from firki.model.tick import U32, Column
from firki.simulator.envelope import KiteError, success
from firki.simulator.limits import RequestClass
from firki.simulator.routes_user import stamp
from firki.simulator.surface import Call, Rule, csv
from firki.timing import SECOND

EXCHANGES: Final = ("NSE", "BSE", "NFO", "BFO", "CDS", "BCD", "MCX", "NCO", "NSEIX")

_BAND: Final = 20
"""Per cent of the previous close a price may move: the widest fixed band of a share on NSE."""


class _Snapshot:
    """One instrument's newest snapshot in rupees."""

    def __init__(self, column: U32, depth: npt.NDArray[Any], scale: int, is_index: bool) -> None:
        self._column, self._depth, self._scale = column.tolist(), depth, scale
        self._is_index = is_index

    def ltp(self) -> dict[str, Any]:
        return {
            "instrument_token": self._column[Column.INSTRUMENT_TOKEN],
            "last_price": self._rupees(Column.LAST_PRICE),
        }

    def ohlc(self) -> dict[str, Any]:
        return self.ltp() | {
            "ohlc": {
                "open": self._rupees(Column.OPEN),
                "high": self._rupees(Column.HIGH),
                "low": self._rupees(Column.LOW),
                "close": self._rupees(Column.CLOSE),
            }
        }

    def quote(self) -> dict[str, Any]:
        quote = self.ohlc() | {
            "timestamp": _stamp(self._column[Column.EXCHANGE_TIME]),
            "net_change": self._net_change(),
        }
        return quote if self._is_index else quote | self._traded()

    def _traded(self) -> dict[str, Any]:
        lower, upper = self.band()
        column = self._column
        return {
            "last_trade_time": _stamp(column[Column.LAST_TRADE_TIME]),
            "last_quantity": column[Column.LAST_TRADED_QUANTITY],
            "buy_quantity": column[Column.TOTAL_BUY_QUANTITY],
            "sell_quantity": column[Column.TOTAL_SELL_QUANTITY],
            "volume": column[Column.VOLUME_TRADED],
            "average_price": self._rupees(Column.AVERAGE_TRADED_PRICE),
            "oi": column[Column.OI],
            "oi_day_high": column[Column.OI_DAY_HIGH],
            "oi_day_low": column[Column.OI_DAY_LOW],
            "lower_circuit_limit": lower,
            "upper_circuit_limit": upper,
            "depth": {"buy": self._side(0), "sell": self._side(1)},
        }

    def band(self) -> tuple[float, float]:
        """Lowest and highest price of the day, rupees."""
        close = self._column[Column.CLOSE]
        return (
            close * (100 - _BAND) // 100 / self._scale,
            close * (100 + _BAND) // 100 / self._scale,
        )

    def _net_change(self) -> float:
        last, close = self._column[Column.LAST_PRICE], self._column[Column.CLOSE]
        return float((last - close) / self._scale) if close else 0.0

    def _rupees(self, column: Column) -> float:
        return float(self._column[column] / self._scale)

    def _side(self, side: int) -> list[dict[str, Any]]:
        return [
            {
                "price": int(level["price"]) / self._scale,
                "quantity": int(level["quantity"]),
                "orders": int(level["orders"]),
            }
            for level in self._depth[side]
        ]


def _stamp(second: int) -> str | None:
    return stamp(second * SECOND) if second else None


def _snapshots(call: Call, most: int) -> dict[str, _Snapshot]:
    """The snapshots of the keys asked for, by key; keys without one are left out."""
    keys = call.fields.get("i", [])
    if not any(keys):
        raise KiteError.missing("i")
    if len(keys) > most:
        raise KiteError.bad_input(f"At most {most} instruments a request, found {len(keys)}.")
    directory = call.box.hub.directory
    rows = {key: row for key in keys if (row := directory.row_of_key(key)) is not None}
    wanted = np.fromiter(rows.values(), np.int64, len(rows))
    columns, depth = call.box.market.current(wanted)
    return {
        key: _Snapshot(
            columns[:, at],
            depth[at],
            int(directory.price_scale[row]),
            bool(directory.is_index[row]),
        )
        for at, (key, row) in enumerate(rows.items())
        if columns[Column.LENGTH, at]
    }


def _quote(call: Call) -> Response:
    found = _snapshots(call, QUOTE_INSTRUMENTS)
    return success({key: snapshot.quote() for key, snapshot in found.items()})


def _ohlc(call: Call) -> Response:
    found = _snapshots(call, OHLC_INSTRUMENTS)
    return success({key: snapshot.ohlc() for key, snapshot in found.items()})


def _ltp(call: Call) -> Response:
    found = _snapshots(call, LTP_INSTRUMENTS)
    return success({key: snapshot.ltp() for key, snapshot in found.items()})


def _trigger_range(call: Call) -> Response:
    if call.part("side").lower() not in {"buy", "sell"}:
        raise KiteError.bad_input("Invalid transaction type; expected buy or sell.")
    answer = {}
    for key, snapshot in _snapshots(call, QUOTE_INSTRUMENTS).items():
        lower, upper = snapshot.band()
        token = snapshot.ltp()["instrument_token"]
        answer[key] = {"instrument_token": token, "lower": lower, "upper": upper}
    return success(answer)


def _instruments(call: Call) -> Response:
    return csv(call, call.box.market.instruments_csv())


def _instruments_of(call: Call) -> Response:
    exchange = call.part("exchange").upper()
    if exchange not in EXCHANGES:
        raise KiteError.bad_input(f"Invalid exchange; expected one of {', '.join(EXCHANGES)}.")
    return csv(call, call.box.market.instruments_csv(exchange))


MARKET_RULES: Final = (
    Rule("GET", "/instruments", _instruments, is_open=True),
    Rule("GET", "/instruments/{exchange}", _instruments_of, is_open=True),
    Rule("GET", "/instruments/trigger_range/{side}", _trigger_range),
    Rule("GET", "/quote", _quote, RequestClass.QUOTE),
    Rule("GET", "/quote/ohlc", _ohlc, RequestClass.QUOTE),
    Rule("GET", "/quote/ltp", _ltp, RequestClass.QUOTE),
)
