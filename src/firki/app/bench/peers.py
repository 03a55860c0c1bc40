"""The same work in plain Python, as it is usually written: what firki is measured beside."""

import struct
from typing import Any, Final

_HEAD: Final = struct.Struct(">H")
_FULL: Final = struct.Struct(">16I")
_NAMES: Final = (
    "instrument_token", "last_price", "last_traded_quantity", "average_traded_price",
    "volume_traded", "total_buy_quantity", "total_sell_quantity", "open", "high", "low", "close",
    "last_trade_time", "oi", "oi_day_high", "oi_day_low", "exchange_time",
)  # fmt: skip

Tick = dict[str, int]


def decode(payload: bytes) -> list[Tick]:
    """A dictionary a packet, by ``struct``; full packets only, the book left out."""
    ticks = []
    (count,) = _HEAD.unpack_from(payload)
    at = 2
    for _ in range(count):
        (length,) = _HEAD.unpack_from(payload, at)
        ticks.append(dict(zip(_NAMES, _FULL.unpack_from(payload, at + 2), strict=True)))
        at += 2 + length
    return ticks


class DictStore:
    """A dictionary of minutes an instrument: open, high, low, close, volume, ticks. No rule beside.

    It does not know late or hidden trades, gaps, sessions, days, or what was final.
    """

    def __init__(self) -> None:
        self.minutes: dict[int, dict[int, dict[str, Any]]] = {}
        self._volume: dict[int, int] = {}

    def apply(self, ticks: list[Tick]) -> None:
        """Fold the ticks of a frame."""
        for tick in ticks:
            token, volume = tick["instrument_token"], tick["volume_traded"]
            before = self._volume.get(token)
            self._volume[token] = volume
            if before is None or volume == before:
                continue
            price, minute = tick["last_price"] / 100, tick["last_trade_time"] // 60
            candles = self.minutes.setdefault(token, {})
            candle = candles.get(minute)
            if candle is None:
                candles[minute] = {
                    "start": minute * 60, "open": price, "high": price, "low": price,
                    "close": price, "volume": volume - before, "ticks": 1,
                }  # fmt: skip
                continue
            candle["high"] = max(candle["high"], price)
            candle["low"] = min(candle["low"], price)
            candle["close"] = price
            candle["volume"] += volume - before
            candle["ticks"] += 1

    def read(self, token: int, minutes: int, open_minute: int) -> list[dict[str, Any]]:
        """Candles of so many minutes each, oldest first."""
        bars: list[dict[str, Any]] = []
        for minute in sorted(self.minutes[token]):
            candle = self.minutes[token][minute]
            start = open_minute + (minute - open_minute) // minutes * minutes
            if not bars or bars[-1]["start"] != start * 60:
                bars.append({**candle, "start": start * 60})
                continue
            bar = bars[-1]
            bar["high"] = max(bar["high"], candle["high"])
            bar["low"] = min(bar["low"], candle["low"])
            bar["close"] = candle["close"]
            bar["volume"] += candle["volume"]
            bar["ticks"] += candle["ticks"]
        return bars
