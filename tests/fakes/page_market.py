"""A made-up market for the web page: prices are a function of time, so any candle can be drawn."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, Final

IST: Final = timezone(timedelta(hours=5, minutes=30))
MINUTE: Final = 60
_DAY: Final = 86_400
_OPEN: Final = 9 * 60 + 15
_CLOSE: Final = 15 * 60 + 30
_AUCTION: Final = 15 * 60 + 15
# share of the price, and period in minutes, of each layer of movement
_LAYERS: Final = ((0.05, 6_000.0), (0.02, 900.0), (0.008, 120.0), (0.003, 17.0), (0.0012, 3.0))
CLASSES: Final = ("cas", "index", "derivative")
_REAL: Final = ("RELIANCE", "INFY", "TCS", "HDFCBANK", "ICICIBANK", "SBIN", "ITC", "LT", "M&M")


@dataclass(frozen=True, slots=True)
class Listed:
    """One instrument of the made-up market."""

    token: int
    key: str
    kind: str
    segment: str
    price: float
    name: str
    expiry: str | None = None
    strike: float | None = None

    @property
    def is_index(self) -> bool:
        return self.segment == "INDICES"

    @property
    def session_class(self) -> str:
        return "index" if self.is_index else "derivative" if self.expiry else "cas"

    def row(self) -> dict[str, Any]:
        exchange, symbol = self.key.split(":")
        return {
            "instrument_token": self.token, "key": self.key, "tradingsymbol": symbol,
            "name": self.name, "exchange": exchange, "segment": self.segment,
            "instrument_type": self.kind, "expiry": self.expiry, "strike": self.strike,
            "tick_size": 0.0 if self.is_index else 0.05, "lot_size": 1,
            "session_class": self.session_class,
        }  # fmt: skip


def listing(count: int) -> list[Listed]:
    """Indices, shares, futures and options, ``count`` in all."""
    indices = [("NSE:NIFTY 50", 25_910.0), ("NSE:NIFTY BANK", 58_517.0), ("BSE:SENSEX", 84_673.0)]
    found = [
        Listed(256_265 + n, key, "EQ", "INDICES", price, key.split(":")[1])
        for n, (key, price) in enumerate(indices)
    ]
    found += [
        Listed(
            300_000 + n, f"NFO:{name}26NOVFUT", "FUT", "NFO-FUT", 900.0 + 70 * n, name, "2026-11-24"
        )
        for n, name in enumerate(_REAL)
    ]
    found.append(
        Listed(
            309_000, "NFO:BANKNIFTY26NOVFUT", "FUT", "NFO-FUT", 58_650.0, "BANKNIFTY", "2026-11-24"
        )
    )
    found += [
        Listed(
            400_000 + n, f"NFO:NIFTY26NOV{24_500 + 100 * (n // 2)}{side}", side, "NFO-OPT",
            40.0 + 9 * n, "NIFTY", "2026-11-24", 24_500.0 + 100 * (n // 2),
        )
        for n, side in enumerate(["CE", "PE"] * 30)
    ]  # fmt: skip
    shares = count - len(found)
    names = [*_REAL, *(f"SHARE{n:03}" for n in range(len(_REAL), shares))][:shares]
    return found + [
        Listed(500_000 + n, f"NSE:{name}", "EQ", "NSE", 120.0 + 37.35 * (n % 97), f"{name} LIMITED")
        for n, name in enumerate(names)
    ]


@lru_cache(maxsize=200_000)
def _noise(seed: int, step: int) -> float:
    mixed = (seed * 0x9E3779B1 + step * 0x85EBCA77) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 15)) * 0x2C1B3C6D) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 13)) * 0x297A2D39) & 0xFFFFFFFF
    return (mixed ^ (mixed >> 16)) / 0x80000000 - 1


def price_at(listed: Listed, seconds: float) -> float:
    """The price on the tick grid at a Unix time."""
    minutes = seconds / MINUTE
    value = 1.0
    for layer, (share, period) in enumerate(_LAYERS):
        step, part = divmod(minutes / period, 1)
        seed = listed.token * 7 + layer
        smooth = part * part * (3 - 2 * part)
        a, b = _noise(seed, int(step)), _noise(seed, int(step) + 1)
        value += share * (a + (b - a) * smooth)
    return round(round(listed.price * value / 0.05) * 0.05, 2)


def text(seconds: float) -> str:
    """ISO text with +05:30, as the server writes it."""
    return datetime.fromtimestamp(seconds, IST).isoformat(timespec="milliseconds")


def midnight(seconds: float) -> int:
    return int(seconds + 19_800) // _DAY * _DAY - 19_800


def quote(listed: Listed, now: float, *, depth: bool = False) -> dict[str, Any]:
    """The newest of an instrument at a Unix time."""
    last, open_at = price_at(listed, now), midnight(now) + _OPEN * MINUTE
    close = price_at(listed, midnight(now) - _DAY + _CLOSE * MINUTE)
    times = range(open_at, int(now) + 1, 900)
    seen = [price_at(listed, t) for t in times] + [last]
    volume = None if listed.is_index else int((now - open_at) * (listed.token % 89 + 3))
    answer: dict[str, Any] = {
        "key": listed.key, "instrument_token": listed.token, "last_price": last,
        "last_quantity": None if listed.is_index else 25, "volume_traded": volume,
        "average_price": None if listed.is_index else round(sum(seen) / len(seen), 2),
        "buy_quantity": None if listed.is_index else 184_210,
        "sell_quantity": None if listed.is_index else 201_445,
        "open": seen[0], "high": max(seen), "low": min(seen), "close": close,
        "change": round(last - close, 2), "change_percent": (last - close) / close * 100,
        "last_trade_time": text(now // 1), "exchange_time": text(now // 1),
        "received_time": text(now), "age_seconds": 0.0, "connection": 0,
        "oi": 12_34_500 if listed.segment.startswith("NFO") else None,
        "oi_day_high": 13_00_000 if listed.segment.startswith("NFO") else None,
        "oi_day_low": 11_00_000 if listed.segment.startswith("NFO") else None,
    }  # fmt: skip
    if depth and not listed.is_index:
        answer["depth"] = {side: _levels(last, side, int(now)) for side in ("buy", "sell")}
    return answer


def _levels(last: float, side: str, now: int) -> list[dict[str, Any]]:
    sign = -1 if side == "buy" else 1
    return [
        {
            "price": round(last + sign * 0.05 * (n + 1), 2),
            "quantity": 100 + (now * 37 + n * 211 + (side == "buy") * 97) % 2_400,
            "orders": 1 + (now + n * 5) % 31,
        }
        for n in range(5)
    ]


def _slots(day: int, minutes: int) -> list[tuple[int, int, str]]:
    """(start, end, session) of a day's bars: a pre-open bar comes first, an auction last."""
    if datetime.fromtimestamp(day, IST).weekday() >= 5:
        return []
    if minutes == 0:
        return [(day, day + _CLOSE * MINUTE, "continuous")]
    starts = range(_OPEN, _AUCTION, minutes)
    bars = [(m, min(m + minutes, _AUCTION), "continuous") for m in starts]
    bars = [(9 * 60, 9 * 60 + 8, "pre_open"), *bars, (_CLOSE, _CLOSE + 5, "closing_auction")]
    return [(day + a * MINUTE, day + b * MINUTE, session) for a, b, session in bars]


def candles(
    listed: Listed, minutes: int, first: float, last: float, now: float
) -> list[dict[str, Any]]:
    """Bars with first <= start <= last that have begun by ``now``; ``minutes`` 0 is a day."""
    found = []
    for day in range(midnight(first), int(last) + 1, _DAY):
        for start, end, session in _slots(day, minutes):
            if first <= start <= last and start <= now:
                found.append(_bar(listed, start, end, session, now))
    return found


def _bar(listed: Listed, start: int, end: int, session: str, now: float) -> dict[str, Any]:
    until = min(end, now)
    short = end - start < _DAY / 4
    begin = start if short else start + _OPEN * MINUTE
    step = max(5.0, (until - begin) / 24)
    times = [begin + step * n for n in range(int(max(0.0, until - begin) / step) + 1)] + [until]
    seen = [price_at(listed, t) for t in times]
    away = short and 0 <= (start + 19_800) % _DAY - (11 * 60 + 5) * MINUTE < 15 * MINUTE
    return {
        "start_ts": datetime.fromtimestamp(start, UTC).astimezone(IST).isoformat(),
        "open": seen[0], "high": max(seen), "low": min(seen), "close": seen[-1],
        "volume": None if listed.is_index else int((until - start) * (listed.token % 89 + 3) * 7),
        "oi": None, "tick_count": len(seen), "status": "final" if until == end else "forming",
        "revision": 0, "session": session, "flags": ["gap"] if away else [],
    }  # fmt: skip
