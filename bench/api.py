"""The candle route beside the same route with a response model, in one run.

What is measured: a day's 375 one-minute candles of one instrument as JSON, over keep-alive
connections on loopback, with the credential check on, while the forming candle changes four times
a second as it does on a live market. The peer reads the same candles, checks the same key behind
the same guard, and lets FastAPI validate and write a pydantic model.

The load comes from this process, the answers from another one, so the rates want two idle cores.
Beside them stands what the answering process makes of a second of its own processor time, which
other work on the machine changes little.

    python -m bench.api
"""

import asyncio
import multiprocessing
import selectors
import socket
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
from fastapi import FastAPI, Query
from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from tests.fakes.gateway import (
    DAY,
    INFY,
    INSTRUMENTS,
    OPEN_TS,
    StoredCandles,
    StoredQuotes,
    candles,
)

from firki.bus.memory import MemoryBus
from firki.model.candle import Interval
from firki.model.instrument import InstrumentTable
from firki.model.ist import ist_text
from firki.serve.app import create_app
from firki.serve.credentials import Credentials
from firki.serve.encode import rows
from firki.serve.guard import Guard
from firki.serve.host import serve
from firki.serve.listening import listen
from firki.serve.measure import RequestMeter
from firki.serve.parts import ServeParts
from firki.serve.when import DAY_NS
from firki.timing import SystemClock, pause, steady

CANDLES: Final = 375
CONNECTIONS: Final = 16
ROUNDS: Final = 3
_CHANGES_A_SECOND: Final = 4


class _Session(StoredCandles):
    """A session of one instrument whose last candle goes on changing."""

    def __init__(self) -> None:
        super().__init__()
        chance = np.random.default_rng(7)
        steps = np.cumsum(chance.normal(0, 0.6, CANDLES))
        self._closes = (1500 + np.round(steps / 0.05) * 0.05).round(2)
        self.changes = 0
        self.put(candles(INFY, self._closes.tolist(), forming=True))

    def mark(self, instrument_token: int) -> int:
        """Moves with every change of the instrument."""
        return self.changes if instrument_token == INFY else 0

    async def move(self) -> None:
        """Change the last candle, for ever."""
        while True:
            await pause(1 / _CHANGES_A_SECOND)
            self.changes += 1
            self._closes[-1] += 0.05
            self.put(candles(INFY, self._closes.tolist(), forming=True))


class _Row(BaseModel):
    start_ts: str
    open: float
    high: float
    low: float
    close: float
    volume: int | None
    oi: int | None
    tick_count: int
    status: str
    revision: int
    session: str
    flags: list[str]


class _Answer(BaseModel):
    key: str
    interval: str
    as_of: str
    source: str
    candles: list[_Row]


def _peer(source: _Session) -> FastAPI:
    """The route as it is usually written."""
    app = FastAPI()

    @app.get("/api/candles/{key}", response_model=_Answer)
    async def read_candles(key: str, interval: Annotated[str, Query(max_length=20)] = "1m") -> Any:
        found = await source.read([INFY], Interval.parse(interval), OPEN_TS, OPEN_TS + DAY_NS)
        return {
            "key": key,
            "interval": found.interval.name,
            "as_of": ist_text(found.as_of_ts),
            "source": found.source,
            "candles": [
                {name: getattr(row, name) for name in row.__struct_fields__}
                for row in rows(found, decimals=2)
            ],
        }

    return app


async def _serve(folder: Path, ready: Connection) -> None:
    source = _Session()
    credentials = Credentials.open(folder)
    table = InstrumentTable.of(INSTRUMENTS, day=DAY)
    parts = ServeParts(
        clock=SystemClock(),
        instruments=lambda: table,
        captured=dict,
        candles=source,
        quotes=StoredQuotes(),
        bus=MemoryBus(),
        health=lambda: {"status": "ok"},
        health_word=lambda: "ok",
        credentials=credentials,
        metrics=CollectorRegistry(),
        marks=source.mark,
    )
    apps = {
        "ready bytes": create_app(parts),
        "read each time": create_app(replace(parts, marks=None, metrics=CollectorRegistry())),
        "response model": Guard(_peer(source), credentials, RequestMeter(CollectorRegistry())),
    }
    socks = {name: listen("127.0.0.1", 0) for name in apps}
    async with asyncio.TaskGroup() as group:
        group.create_task(source.move())
        for name, app in apps.items():
            group.create_task(serve(app, socks[name]))
        ports = {name: sock.getsockname()[1] for name, sock in socks.items()}
        ready.send((ports, credentials.keys.clear_text()))
        asyncio.get_running_loop().add_reader(ready.fileno(), _tell_time, ready)


def _tell_time(asked: Connection) -> None:
    """Answer each question with the seconds of processor time used so far."""
    asked.recv()
    asked.send(time.process_time())


def _child(folder: str, ready: Connection) -> None:
    run = asyncio.run
    if sys.platform != "win32":
        import uvloop

        run = uvloop.run
    run(_serve(Path(folder), ready))


@dataclass(slots=True)
class _Socket:
    """One keep-alive connection: how much of an answer is still to come."""

    sock: socket.socket
    head: bytes = b""
    left: int = 0


def load(port: int, request: bytes, *, seconds: float, connections: int = CONNECTIONS) -> float:
    """Requests a second, each answered whole and with 200; raises on any other answer."""
    buffer = bytearray(1 << 20)
    answered = 0
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            sock = socket.create_connection(("127.0.0.1", port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(sock, selectors.EVENT_READ, _Socket(sock))
            sock.sendall(request)
        began = steady()
        while steady() - began < seconds:
            for key, _ in selector.select(1):
                if _receive(key.data, buffer):
                    answered += 1
                    key.data.sock.sendall(request)
        took = steady() - began
        for one in list(selector.get_map().values()):
            one.data.sock.close()
    return answered / took


def _receive(state: _Socket, buffer: bytearray) -> bool:
    """Take what has come; True when it ends an answer."""
    count = state.sock.recv_into(buffer)
    if count == 0:
        raise ConnectionError("the server closed a connection")
    if state.left:
        state.left -= count
        return state.left == 0
    state.head += bytes(buffer[:count])
    head, found, body = state.head.partition(b"\r\n\r\n")
    if not found:
        return False
    if not head.startswith(b"HTTP/1.1 200"):
        raise ConnectionError(f"expected 200, found {head.splitlines()[0]!r}")
    lines = dict(line.lower().split(b":", 1) for line in head.splitlines()[1:])
    state.head, state.left = b"", int(lines[b"content-length"]) - len(body)
    return state.left == 0


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests a second of the wall clock, and of the server's processor time."""

    wall: float
    processor: float


def measure(*, seconds: float = 2.0) -> dict[str, Rate]:
    """Rates by variant, each the median of rounds taken in turn."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        child = spawn.Process(target=_child, args=(folder, theirs), daemon=True)
        child.start()
        try:
            if not ours.poll(60):
                raise TimeoutError("the server did not start within a minute")
            ports, key = ours.recv()
            found: dict[str, list[Rate]] = {name: [] for name in ports}
            for _ in range(ROUNDS):
                for name, port in ports.items():
                    before = _used(ours)
                    wall = load(port, _request(port, key), seconds=seconds)
                    used = _used(ours) - before
                    found[name].append(Rate(wall, wall * seconds / used))
        finally:
            child.terminate()
            child.join(10)
    return {name: _median(rates) for name, rates in found.items()}


def _used(server: Connection) -> float:
    server.send("time")
    return float(server.recv())


def _median(rates: list[Rate]) -> Rate:
    return Rate(
        statistics.median(rate.wall for rate in rates),
        statistics.median(rate.processor for rate in rates),
    )


def _request(port: int, key: str) -> bytes:
    return (
        f"GET /api/candles/NSE:INFY?interval=1m&from=2026-11-20&to=2026-11-20 HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
        "Accept: application/json\r\n\r\n"
    ).encode()


def main() -> None:
    """Print the figures."""
    found = measure()
    peer = found["response model"]
    print(f"candle route, {CANDLES} candles, credential checked, {CONNECTIONS} connections")
    for name, rate in found.items():
        print(
            f"  {name:16} {rate.wall:8,.0f} requests/s {rate.wall / peer.wall:6.1f}x   "
            f"{rate.processor:8,.0f} per processor second"
        )


if __name__ == "__main__":
    main()
