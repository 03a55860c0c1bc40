"""A market with known numbers and a simulator that serves it: what the surface's tests talk to."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from types import SimpleNamespace
from typing import Any

import httpx2
import numpy as np
import numpy.typing as npt

from firki import timing
from firki.kite.vocabulary import INSTRUMENT_COLUMNS
from firki.model.tick import COLUMN_COUNT, DEPTH, U32, Column
from firki.simulator.accounts import derive
from firki.simulator.box import Box, Rules
from firki.simulator.clock import at
from firki.simulator.control import control_app
from firki.simulator.server import BoxServer, address, bind, kite_app
from firki.timing import SECOND

DAY = date(2026, 11, 20)
OPEN_TS = at(DAY, time(9))
INFY, NIFTY, USDINR = 408065, 256265, 412675
TOKENS = (INFY, NIFTY, USDINR)


@dataclass
class FakeListing:
    token: npt.NDArray[np.uint32]
    tradingsymbol: list[str]
    exchange: list[str]
    price_scale: npt.NDArray[np.int64]


@dataclass(frozen=True)
class FakeSnapshots:
    delivery_ts: npt.NDArray[np.int64]
    row: npt.NDArray[np.int32]
    columns: U32
    depth: npt.NDArray[Any]


def listing(count: int) -> FakeListing:
    """NSE:INFY, the NIFTY, a dollar future, then as many invented shares as fill the count."""
    more = [256 * (900_000 + number) + 1 for number in range(count - 3)]
    return FakeListing(
        np.array([*TOKENS, *more], np.uint32),
        ["INFY", "NIFTY 50", "USDINR26NOVFUT", *(f"SHARE{n}" for n in range(count - 3))],
        ["NSE", "NSE", "CDS", *["NSE"] * (count - 3)],
        np.array([100, 100, 10_000_000, *[100] * (count - 3)], np.int64),
    )


class FakeMarket:
    """Each second every instrument has a snapshot, told apart by the second it was made in.

    Second ``n`` of the day, counted from 09:00, has price 1000 + n // 4, volume n // 2 and only
    in its depth the number n itself: so a fourth of the snapshots is news in ltp mode, half of
    them in quote mode, all in full mode.
    """

    def __init__(self, day: date = DAY, count: int = 3, *, minutes: int = 400) -> None:
        self.trading_date = day
        self.listing = listing(count)
        self.open_ts = at(day, time(9))
        self.end_ts = self.open_ts + minutes * 60 * SECOND
        self._at = self.open_ts - SECOND
        self._newest = -1
        self.lengths = np.where(self.listing.token & 0xFF == 9, 32, 184).astype(np.uint32)

    def instruments_csv(self, exchange: str | None = None) -> bytes:
        lines = [",".join(INSTRUMENT_COLUMNS)]
        rows = zip(
            self.listing.token.tolist(),
            self.listing.tradingsymbol,
            self.listing.exchange,
            strict=True,
        )
        lines += [
            f"{token},{token >> 8},{symbol},,0,,0,0.05,1,EQ,{of},{of}"
            for token, symbol, of in rows
            if exchange in (None, of)
        ]
        return "\n".join([*lines, ""]).encode()

    def advance(self, to_ts: int) -> FakeSnapshots:
        to_ts = min(to_ts, self.end_ts)
        first = max(0, -(-(self._at + 1 - self.open_ts) // SECOND))
        last = (to_ts - self.open_ts) // SECOND
        self._at = max(self._at, to_ts)
        seconds = np.arange(first, last + 1)
        self._newest = max(self._newest, int(last))
        count = len(self.listing.token)
        row = np.tile(np.arange(count, dtype=np.int32), len(seconds))
        columns, depth = self._snapshots(np.repeat(seconds, count), row)
        return FakeSnapshots(self.open_ts + np.repeat(seconds, count) * SECOND, row, columns, depth)

    def current(self, rows: npt.NDArray[np.int64]) -> tuple[U32, npt.NDArray[Any]]:
        columns, depth = self._snapshots(np.full(len(rows), max(0, self._newest)), rows)
        if self._newest < 0:
            columns[Column.LENGTH] = 0
        return columns, depth

    def candles(self, token: int, interval: str, from_ts: int, to_ts: int) -> Any:
        """One bar a minute from 09:15 whatever the interval: open is its minute of the day."""
        step = 86_400 * SECOND if interval == "day" else 60 * SECOND
        anchor = at(self.trading_date, time()) if interval == "day" else self.open_ts + 900 * SECOND
        starts = np.arange(anchor, anchor + 375 * step, step)
        starts = starts[(starts >= from_ts) & (starts <= to_ts)]
        price = np.arange(len(starts)) + 100_000
        return SimpleNamespace(
            start_ts=starts,
            open=price,
            high=price + 50,
            low=price - 50,
            close=price + 5,
            volume=np.full(len(starts), 10),
            oi=np.full(len(starts), 7),
        )

    def trades(self, tokens: Sequence[int], from_ts: int, to_ts: int) -> Any:
        """A trade of each token at each whole minute."""
        times = np.arange(self.open_ts, self.end_ts, 60 * SECOND)
        times = times[(times >= from_ts) & (times <= to_ts)]
        count = len(tokens) * len(times)
        return SimpleNamespace(
            token=np.tile(np.array(tokens, np.uint32), len(times)),
            trade_ts=np.repeat(times, len(tokens)),
            price=np.full(count, 150_025),
            quantity=np.full(count, 3),
            session=np.ones(count, np.uint8),
        )

    def _snapshots(
        self, second: npt.NDArray[Any], row: npt.NDArray[Any]
    ) -> tuple[U32, npt.NDArray[Any]]:
        columns = np.zeros((COLUMN_COUNT, len(row)), np.uint32)
        columns[Column.LENGTH] = self.lengths[row]
        columns[Column.INSTRUMENT_TOKEN] = self.listing.token[row]
        columns[Column.LAST_PRICE] = 1000 + second // 4
        columns[Column.OPEN], columns[Column.HIGH] = 900, 2000
        columns[Column.LOW], columns[Column.CLOSE] = 800, 1000
        tradable = self.lengths[row] == 184
        columns[Column.VOLUME_TRADED] = np.where(tradable, second // 2, 0)
        columns[Column.LAST_TRADE_TIME] = np.where(tradable, self.open_ts // SECOND + second, 0)
        columns[Column.EXCHANGE_TIME] = self.open_ts // SECOND + second
        depth = np.zeros((len(row), 2, 5), DEPTH)
        depth["quantity"][tradable, 0, 0] = second[tradable]
        depth["price"][tradable, 0, 0] = 999
        return columns, depth


@dataclass
class FakeDays:
    """Trading days one after the other, weekends too, until a last one."""

    last: date = DAY + timedelta(days=3)
    opened: list[date] = field(default_factory=list)

    def after(self, day: date) -> date | None:
        return day + timedelta(days=1) if day < self.last else None

    def market(self, day: date) -> FakeMarket:
        self.opened.append(day)
        return FakeMarket(day)


def make_box(
    rules: Rules | None = None,
    *,
    market: FakeMarket | None = None,
    accounts: int = 1,
    url: str = "http://127.0.0.1",
    steady: Callable[[], float] = timing.steady,
) -> Box:
    """A paused box at 09:00, without limits unless the rules say otherwise, everybody logged in."""
    box = Box(
        market or FakeMarket(), FakeDays(), derive(7, accounts, f"{url}/connect/done"),
        rules or Rules(running=False, strict_limits=False), start_ts=OPEN_TS, steady=steady,
    )  # fmt: skip
    for account in box.accounts:
        box.sessions.issue(account)
    return box


def access_token(box: Box, number: int = 0) -> str:
    token = box.sessions.token_of(box.accounts[number])
    assert token is not None
    return token.access_token


def authorization(box: Box) -> dict[str, str]:
    """The header of the first account."""
    return {"Authorization": f"token {box.accounts[0].api_key}:{access_token(box)}"}


def kite(box: Box, *, headers: dict[str, str] | None = None) -> httpx2.AsyncClient:
    """A REST client of the box without a server between, with the first account's token."""
    transport = httpx2.ASGITransport(kite_app(box))
    return httpx2.AsyncClient(
        transport=transport, base_url="http://127.0.0.1",
        headers=authorization(box) if headers is None else headers,
    )  # fmt: skip


def control(box: Box) -> httpx2.AsyncClient:
    """A client of the control door without a server between."""
    transport = httpx2.ASGITransport(control_app(box))
    return httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:9999")


@dataclass
class Simulated:
    """A box that is being served, and where."""

    box: Box
    url: str
    websocket: str
    control: str

    @property
    def socket_url(self) -> str:
        return f"{self.websocket}/?api_key={self.box.accounts[0].api_key}&access_token=" + (
            access_token(self.box)
        )


@asynccontextmanager
async def simulator(
    rules: Rules | None = None, *, market: FakeMarket | None = None, accounts: int = 1
) -> AsyncIterator[Simulated]:
    """A box on free ports of loopback."""
    listeners = bind(0), bind(0)
    here, there = map(address, listeners)
    box = make_box(rules, market=market, accounts=accounts, url=f"http://{here}")
    started, stop = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(BoxServer(box, *listeners).run(started, stop))
    await started.wait()
    try:
        yield Simulated(box, f"http://{here}", f"ws://{here}", f"http://{there}")
    finally:
        stop.set()
        await serving
