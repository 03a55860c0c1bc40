"""Everything the gateway reads from, in memory, with the levers of the tests."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from prometheus_client import CollectorRegistry

from firki.bus.memory import MemoryBus
from firki.errors import FirkiError
from firki.model.candle import CandleColumns, Flag, Interval, SessionKind, Status
from firki.model.instrument import Instrument, InstrumentTable
from firki.model.ist import ist_midnight
from firki.model.session import SessionClass
from firki.model.tick import COLUMN_COUNT, DEPTH, Column, TickBatch, Ticks
from firki.ports import Mode, Quote
from firki.serve.auth import Keys, Sessions
from firki.serve.credentials import Credentials
from firki.serve.parts import PostedTick, ServeParts, ServeSettings

DAY = date(2026, 11, 20)
MIDNIGHT_TS = ist_midnight(DAY)
MINUTE_NS = 60_000_000_000
OPEN_TS = MIDNIGHT_TS + (9 * 60 + 15) * MINUTE_NS
INFY, NIFTY, USDINR, RELIANCE = 408065, 256265, 412675, 738561


def share(token: int, symbol: str, **changes: Any) -> Instrument:
    """An instrument of the NSE; ``changes`` are its other fields."""
    fields: dict[str, Any] = {
        "instrument_token": token, "exchange_token": token // 256, "tradingsymbol": symbol,
        "name": f"{symbol} LIMITED", "exchange": "NSE", "segment": "NSE", "instrument_type": "EQ",
        "tick_size": 0.05, "lot_size": 1, "strike": 0.0, "expiry": None,
        "session_class": SessionClass.CAS, "price_scale": 100,
    }  # fmt: skip
    return Instrument(**(fields | changes))


INSTRUMENTS = (
    share(INFY, "INFY"),
    share(RELIANCE, "RELIANCE"),
    share(519937, "M&M"),
    share(NIFTY, "NIFTY 50", segment="INDICES", session_class=SessionClass.INDEX),
    share(
        USDINR, "USDINR26NOVFUT", exchange="CDS", segment="CDS-FUT", instrument_type="FUT",
        expiry=date(2026, 11, 26), session_class=SessionClass.CURRENCY, price_scale=10_000_000,
    ),
)  # fmt: skip


class ManualClock:
    """Market time that stands where it was put."""

    def __init__(self, now_ts: int) -> None:
        self.now_ts = now_ts

    def now(self) -> int:
        return self.now_ts

    async def sleep(self, seconds: float) -> None:
        self.now_ts += int(seconds * 1e9)


class StoredCandles:
    """Candles as they were put, of any interval."""

    def __init__(self) -> None:
        self.kept: dict[str, CandleColumns] = {}
        self.asked: list[tuple[tuple[int, ...], str, int, int, int | None]] = []
        self.failure: FirkiError | None = None
        self.meanwhile: Callable[[], None] = lambda: None
        """Happens while a reading is on its way back."""
        self.as_of_ts = OPEN_TS
        self.source = "grid"

    def put(self, candles: CandleColumns) -> None:
        """Keep candles; a later one of the same start takes the place of an earlier."""
        old = self.kept.get(candles.interval.name)
        if old is not None:
            ours = set(
                zip(candles.instrument_token.tolist(), candles.start_ts.tolist(), strict=True)
            )
            stays = [
                row for row in range(len(old))
                if (int(old.instrument_token[row]), int(old.start_ts[row])) not in ours
            ]  # fmt: skip
            candles = CandleColumns.concat([old.take(np.array(stays, np.int64)), candles])
        self.kept[candles.interval.name] = candles

    async def read(
        self,
        tokens: Sequence[int],
        interval: Interval,
        from_ts: int,
        to_ts: int,
        *,
        as_of_ts: int | None = None,
    ) -> CandleColumns:
        self.asked.append((tuple(tokens), interval.name, from_ts, to_ts, as_of_ts))
        if self.failure is not None:
            raise self.failure
        found = self.kept.get(interval.name)
        if found is None:
            return CandleColumns.empty(interval, as_of_ts=self.as_of_ts, source=self.source)
        inside = np.isin(found.instrument_token, list(tokens))
        inside &= (found.start_ts >= from_ts) & (found.start_ts <= to_ts)
        taken = found.take(inside)
        self.meanwhile()
        fields = {name: getattr(taken, name) for name in taken.arrays()}
        return CandleColumns(
            interval=interval, as_of_ts=self.as_of_ts, source=self.source, **fields
        )


class StoredQuotes:
    """Quotes as they were put; each put moves the mark."""

    def __init__(self) -> None:
        self.kept: dict[int, Quote] = {}
        self.marks: dict[int, int] = {}
        self.mark = 0

    def put(self, token: int, last_price: float, **changes: Any) -> None:
        fields: dict[str, Any] = {
            "instrument_token": token, "last_price": last_price, "last_quantity": 10,
            "average_price": last_price, "volume_traded": 1000, "buy_quantity": 5,
            "sell_quantity": 7, "open": 100.0, "high": 110.0, "low": 90.0, "close": 100.0,
            "change": last_price - 100.0, "change_percent": last_price - 100.0,
            "last_trade_ts": OPEN_TS, "exchange_ts": OPEN_TS, "received_ts": OPEN_TS,
            "oi": None, "oi_day_high": None, "oi_day_low": None, "connection": 0,
            "depth": {"buy": [{"price": 1.0, "quantity": 2, "orders": 3}], "sell": []},
        }  # fmt: skip
        self.kept[token] = Quote(**(fields | changes))
        self.mark += 1
        self.marks[token] = self.mark

    def read(self, tokens: Sequence[int], *, depth: bool = False) -> list[Quote]:
        found = [self.kept[token] for token in tokens if token in self.kept]
        return found if depth else [msgspec.structs.replace(one, depth=None) for one in found]

    def changes(self, since: int) -> tuple[int, list[int]]:
        return self.mark, [token for token, mark in self.marks.items() if mark > since]


class Lever:
    """A clock that can be driven."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock, self.speed, self.running = clock, 1.0, True

    async def change(
        self,
        *,
        speed: float | None = None,
        running: bool | None = None,
        to_ts: int | None = None,
    ) -> None:
        self.speed = self.speed if speed is None else speed
        self.running = self.running if running is None else running
        self.clock.now_ts = self.clock.now_ts if to_ts is None else to_ts


@dataclass
class Market:
    """The fakes behind one gateway."""

    folder: Path
    settings: ServeSettings = field(default_factory=ServeSettings)
    captured: dict[int, Mode] = field(
        default_factory=lambda: {INFY: Mode.FULL, NIFTY: Mode.QUOTE, USDINR: Mode.LTP}
    )
    status: str = "ok"
    steady: float = 1000.0

    def __post_init__(self) -> None:
        self.clock = ManualClock(OPEN_TS + 400 * MINUTE_NS)
        self.lever = Lever(self.clock)
        self.candles = StoredCandles()
        self.quotes = StoredQuotes()
        self.bus = MemoryBus()
        self.table = InstrumentTable.of(INSTRUMENTS, day=DAY)
        self.registry = CollectorRegistry()
        self.posted: list[PostedTick] = []
        self.refusals: dict[str, int] = {}
        self.refused_ticks: Counter[str] = Counter()
        self.changed: dict[int, int] = {}
        secure = (self.settings.public_url or "").startswith("https://")
        self.credentials = Credentials(
            keys=Keys.open(self.folder), sessions=Sessions(12, now=self.now), secure=secure
        )
        self.key = self.credentials.keys.clear_text()

    def now(self) -> float:
        """Steady time of the sessions."""
        return self.steady

    def ingest(self, ticks: Sequence[PostedTick]) -> Mapping[str, int]:
        self.posted += ticks
        return self.refusals

    def parts(self, **changes: Any) -> ServeParts:
        """The parts of a gateway; ``changes`` are handed in instead."""
        fields: dict[str, Any] = {
            "clock": self.clock, "instruments": lambda: self.table,
            "captured": lambda: self.captured, "candles": self.candles, "quotes": self.quotes,
            "bus": self.bus, "health": lambda: {"status": self.status, "ticks_processed": 7},
            "credentials": self.credentials, "metrics": self.registry, "settings": self.settings,
            "refused_ticks": self.refused_ticks, "health_word": lambda: self.status,
        }  # fmt: skip
        return ServeParts(**(fields | changes))


def candles(
    token: int,
    closes: Sequence[float],
    *,
    interval: Interval | None = None,
    first_ts: int = OPEN_TS,
    forming: bool = False,
    **columns: Any,
) -> CandleColumns:
    """Candles one after another; the last one forming where ``forming``."""
    interval = interval or Interval.of(1)
    count = len(closes)
    status = np.full(count, Status.FINAL.value)
    if forming:
        status[-1] = Status.FORMING.value
    close = np.array(closes, np.float64)
    fields: dict[str, Any] = {
        "instrument_token": np.full(count, token),
        "start_ts": first_ts + np.arange(count) * max(1, interval.minutes) * MINUTE_NS,
        "open": close, "high": close + 1, "low": close - 1, "close": close,
        "volume": np.arange(count) + 1, "oi": np.zeros(count), "tick_count": np.full(count, 3),
        "status": status, "revision": np.zeros(count),
        "session": np.full(count, SessionKind.CONTINUOUS.value),
        "flags": np.where(status, Flag.FINAL.value, 0) | Flag.NO_OI.value,
        "last_tick_ts": first_ts + np.arange(count) * MINUTE_NS,
    }  # fmt: skip
    return CandleColumns.of(interval, as_of_ts=OPEN_TS, source="grid", **(fields | columns))


def ticks(
    rows: Sequence[dict[Column, int]], *, trades: Sequence[bool] | None = None, seq: int = 1
) -> Ticks:
    """A folded batch of full packets; fields not named are 0."""
    columns = np.zeros((COLUMN_COUNT, len(rows)), np.uint32)
    columns[Column.LENGTH] = 184
    for place, row in enumerate(rows):
        for column, value in row.items():
            columns[column, place] = value
    batch = TickBatch(columns, b"", read_depth=_depth, seq=seq, received_ts=OPEN_TS, connection=2)
    told = np.ones(len(rows), np.bool_) if trades is None else np.array(trades, np.bool_)
    return Ticks(batch, told)


def _depth(payload: bytes, columns: Any) -> Any:
    """Levels whose price is the row's last price, up or down by the level."""
    book = np.zeros((columns.shape[1], 2, 5), DEPTH)
    for row in range(columns.shape[1]):
        for side, sign in ((0, -1), (1, 1)):
            for level in range(5):
                price = int(columns[Column.LAST_PRICE, row]) + sign * (level + 1) * 5
                book[row, side, level] = (100 + level, price, level + 1)
    return book
