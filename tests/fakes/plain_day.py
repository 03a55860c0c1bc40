"""A trading day in miniature: records by the clock on the wall, candles by their minute."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from tests.fakes.grid_day import CAS_DAY, GridDay, PlainBar, midnight
from tests.reference_candles import Record, Row, Settings

SHARE, CAS, FUTURE, NIFTY = 257, 513, 770, 1033
CLASSES: Final = {SHARE: "cash", CAS: "cas", FUTURE: "derivative", NIFTY: "index"}
PRE_OPEN: Final = 0
"""The slot of the pre-open; minute n of trading is slot n + 1."""


def second(clock: str, day: date = CAS_DAY) -> int:
    hours, minutes, seconds = (int(part) for part in f"{clock}:00".split(":")[:3])
    return midnight(day) + hours * 3600 + minutes * 60 + seconds


def slot(clock: str) -> int:
    return (second(clock) - second("09:15")) // 60 + 1


def full(
    clock: str, price: int, volume: int, *, token: int = SHARE, made: str = "", high: int = 0,
    low: int = 0, oi: int = 0,
) -> Row:  # fmt: skip
    """A packet of 184 bytes whose last trade was at ``clock``."""
    return {
        "length": 184, "token": token, "last_price": price, "volume_traded": volume,
        "open": price, "high": high or price, "low": low or price, "oi": oi,
        "last_trade_time": second(clock), "exchange_time": second(made or clock),
    }  # fmt: skip


def quote(price: int, volume: int, *, token: int = SHARE) -> Row:
    return {
        "length": 44, "token": token, "last_price": price, "volume_traded": volume,
        "open": price, "high": price, "low": price,
    }  # fmt: skip


def ltp(price: int, *, token: int = SHARE) -> Row:
    return {"length": 8, "token": token, "last_price": price}


def index(clock: str, value: int, *, token: int = NIFTY) -> Row:
    return {
        "length": 32, "token": token, "last_price": value, "open": value, "high": value,
        "low": value, "exchange_time": second(clock),
    }  # fmt: skip


def frame(received: str, *rows: Row, connection: int = 0) -> Record:
    return Record("frame", second(received), connection, rows)


def clock(received: str) -> Record:
    return Record("clock", second(received), 0)


def connected(received: str, connection: int = 0) -> Record:
    return Record("connected", second(received), connection)


def wanted(received: str, wish: Mapping[int, int], connection: int = 0) -> Record:
    return Record("wanted", second(received), connection, wish=wish)


def opened(received: str = "09:00", mode: int = 0, settings: Settings | None = None) -> GridDay:
    """A day whose connection opened then, with nothing known of any instrument."""
    grid = GridDay(CAS_DAY, CLASSES, settings)
    return grid.run([wanted(received, dict.fromkeys(CLASSES, mode)), connected(received)])


def begun(*records: Record, settings: Settings | None = None) -> GridDay:
    """A day followed from the evening before: the first snapshots are no cached ones."""
    wish = dict.fromkeys(CLASSES, 0)
    first = [Record(kind, midnight(CAS_DAY), 0, wish=wish) for kind in ("wanted", "connected")]
    return GridDay(CAS_DAY, CLASSES, settings).run([*first, *records])


def bar(grid: GridDay, at: str, token: int = SHARE) -> PlainBar | None:
    return grid.bars().get(token, {}).get(slot(at))


def shape(found: PlainBar | None) -> Sequence[int]:
    assert found is not None, "no candle"
    return found.open, found.high, found.low, found.close, found.volume, found.tick_count
