"""What the web page talks to, on loopback, with a made-up market that moves.

``python -m tests.fakes.page_server`` serves the built page for a look with one's own eyes.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from tests.fakes import page_market as market

from firki.timing import steady

PAGE: Final = Path(__file__).parents[2] / "src/firki/serve/page"
POLICY: Final = "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
FRIDAY_11_23: Final = 1_795_154_000.0
"""Friday 20 November 2026, 11:23:20 in India."""
_FRAME_SECONDS: Final = 0.2


class _Clock:
    """Market time that can be driven."""

    def __init__(self, now: float) -> None:
        self._market, self._steady = now, steady()
        self.speed, self.running = 1.0, True
        self.source = "simulated"

    def now(self) -> float:
        return self._market + (steady() - self._steady) * self.speed * self.running

    def order(self, order: dict[str, Any]) -> None:
        self._market, self._steady = self.now(), steady()
        self.running = (self.running or "run" in order) and "pause" not in order
        self.speed = float(order.get("speed", self.speed))

    def state(self) -> dict[str, Any]:
        return {
            "now": market.text(self.now()), "speed": self.speed, "running": self.running,
            "driven": True, "source": self.source,
        }  # fmt: skip


@dataclass
class Backend:
    """The server's state, with the levers of the tests."""

    instruments: int = 500
    intervals: list[str] = field(default_factory=list)
    """Beside the usual ones."""
    phases: dict[str, str] = field(default_factory=dict)
    """By session class; all others trade."""
    locked: bool = False
    refuse_sockets: bool = False
    silent: bool = False
    """Sockets stay open and say nothing."""
    frozen: dict[str, float] = field(default_factory=dict)
    """Keys whose quotes do not change any more, with their age in seconds at the start."""
    broker_seconds: float = 0.0
    """How long candles of past days take."""
    skips: int = 0
    """So many stream messages are left out, which their numbers show."""
    orders: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    subscribed: list[dict[str, Any]] = field(default_factory=list)
    ticks: int = 0

    def __post_init__(self) -> None:
        self.clock = _Clock(FRIDAY_11_23)
        self.listed = {one.key: one for one in market.listing(self.instruments)}
        self.sockets: set[WebSocket] = set()

    def quote(self, key: str, *, depth: bool = False) -> dict[str, Any]:
        if key in self.frozen:
            return market.quote(self.listed[key], FRIDAY_11_23 - self.frozen[key], depth=depth)
        return market.quote(self.listed[key], self.clock.now(), depth=depth)

    def health(self) -> dict[str, Any]:
        now = self.clock.now()
        self.ticks += 870
        return {
            "status": "ok", "as_of": market.text(now),
            "market": {"phase": "continuous", "trading_date": "2026-11-20"},
            "phases": dict.fromkeys(market.CLASSES, "continuous") | self.phases,
            "journal": {
                "newest": self.ticks // 9, "acknowledged": self.ticks // 9 - 12,
                "backlog_bytes": 18_432,
            },
            "connections": [
                {"account": "main", "connection": n, "tokens": 250, "mode": "full", "state": "open",
                 "age_seconds": 0.1 + n / 10, "replaced": n} for n in (0, 1)
            ],
            "ticks_per_second": 780 + self.ticks % 190, "data_age_seconds": 0.1,
            "gaps": {"minutes": 2, "instruments": 41}, "instrument_count": len(self.listed),
            "instruments_with_ticks": len(self.listed) - 3, "ticks_processed": self.ticks,
            "candles_created": 29_400, "candles_completed": 28_900, "amendments": 17,
            "exchange_lag_seconds": 0.9, "notes": [],
            "intervals": ["1m", "5m", "day", *self.intervals],
            "refused": {"outside_session": 4, "unknown_token": 0, "lower_mode": 500},
            "last_tick_time": market.text(now), "start_time": market.text(now - 4_000),
            "uptime_seconds": 4_000 + now - FRIDAY_11_23, "memory_mb": 214.0,
        }  # fmt: skip

    async def instrument_list(self, request: Request) -> Response:
        wanted = request.query_params.get("search", "").upper()
        rows = [one.row() for key, one in self.listed.items() if wanted in key]
        return JSONResponse({"instruments": rows[: int(request.query_params["limit"])]})

    async def quotes(self, request: Request) -> Response:
        keys = request.query_params.getlist("keys") or list(self.listed)
        depth = request.query_params.get("depth") == "true"
        answer = {key: self.quote(key, depth=depth) for key in keys}
        return JSONResponse({"as_of": market.text(self.clock.now()), "quotes": answer})

    async def candles(self, request: Request) -> Response:
        key, interval = request.path_params["key"], request.query_params["interval"]
        if "count" in request.query_params:  # else it is today's that are asked for
            self.asked.append(f"{key} {interval} {request.query_params.get('to', '')}")
        now, count = self.clock.now(), int(request.query_params.get("count", 0))
        to = request.query_params.get("to")
        last = datetime.fromisoformat(to).timestamp() if to else now
        minutes = _minutes(interval)
        days = count * 2 if minutes == 0 else count // (375 // minutes) * 2 + 4
        first = last - days * 86_400 if count else market.midnight(now)
        bars = market.candles(self.listed[key], minutes, first, last, now)[-count:]
        if count:
            await asyncio.sleep(self.broker_seconds)
        return JSONResponse(
            {"key": key, "interval": interval, "as_of": market.text(now), "source": "grid",
             "candles": bars, "gaps": []}
        )  # fmt: skip

    async def read_clock(self, request: Request) -> Response:
        return JSONResponse(self.clock.state())

    async def order_clock(self, request: Request) -> Response:
        if request.headers.get("x-firki") != "1":
            return JSONResponse({"error": "no_page_header"}, status_code=403)
        order = await request.json()
        self.orders.append(order)
        self.clock.order(order)
        return JSONResponse(self.clock.state())

    async def stream(self, socket: WebSocket) -> None:
        if self.refuse_sockets or self.locked:
            await socket.close()
            return
        await socket.accept()
        self.sockets.add(socket)
        wishes: dict[str, dict[str, Any]] = {}
        teller = asyncio.create_task(self._tell(socket, wishes))
        try:
            while True:
                wish = await socket.receive_json()
                if wish["op"] == "subscribe":
                    wishes[wish["id"]] = {**wish, "seq": 0}
                    self.subscribed.append(wish)
                else:
                    wishes.pop(wish["id"], None)
        except (WebSocketDisconnect, RuntimeError):
            pass  # closed by the page, or by a test
        finally:
            self.sockets.discard(socket)
            teller.cancel()
            with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                await teller

    async def _tell(self, socket: WebSocket, wishes: dict[str, dict[str, Any]]) -> None:
        frame = 0
        while True:
            await asyncio.sleep(_FRAME_SECONDS)
            frame += 1
            for wish in [] if self.silent else list(wishes.values()):
                data = self._news(wish, frame)
                if data is None:
                    continue
                wish["seq"] += 1
                if self.skips:
                    self.skips -= 1
                    continue
                message = {
                    "id": wish["id"], "seq": wish["seq"], "data": data,
                    "as_of": market.text(self.clock.now()),
                }  # fmt: skip
                await socket.send_text(msgspec.json.encode(message).decode())

    def _news(self, wish: dict[str, Any], frame: int) -> Any:
        """What a subscription is told in this frame; Any because it is JSON."""
        if wish["channel"] == "health":
            return self.health() if frame % 5 == 1 else None
        if wish["channel"] == "quotes":
            keys = [key for key in wish["keys"] if key not in self.frozen]
            return [self.quote(key, depth=bool(wish.get("depth"))) for key in keys]
        now, key = self.clock.now(), wish["keys"][0]
        minutes = _minutes(wish["interval"])
        span = minutes * 60 or 86_400
        bars = market.candles(self.listed[key], minutes, now - 2 * span, now, now)
        return [{**bar, "key": key, "interval": wish["interval"]} for bar in bars[-2:]]

    async def drop_sockets(self) -> None:
        for one in list(self.sockets):
            with contextlib.suppress(RuntimeError):
                await one.close()


def _minutes(interval: str) -> int:
    # to the made-up market a week is a day
    return 0 if interval in {"day", "week"} else int(interval.removesuffix("m"))


class _Guard:
    """The policy on every answer, and 401 on everything while locked."""

    def __init__(self, app: ASGIApp, backend: Backend) -> None:
        self._app, self._backend = app, backend

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"content-security-policy", POLICY.encode()))
            await send(message)

        if self._backend.locked and scope["type"] == "http" and scope["path"].startswith("/api"):
            await JSONResponse({"error": "unauthorised"}, status_code=401)(scope, receive, answer)
        else:
            await self._app(scope, receive, answer)


def build(backend: Backend) -> Starlette:
    routes = [
        Route("/api/instruments", backend.instrument_list),
        Route("/api/quotes", backend.quotes),
        Route("/api/candles/{key:path}", backend.candles),
        Route("/api/clock", backend.read_clock, methods=["GET"]),
        Route("/api/clock", backend.order_clock, methods=["POST"]),
        WebSocketRoute("/api/stream", backend.stream),
        Mount("/", StaticFiles(directory=PAGE, html=True)),
    ]
    return Starlette(routes=routes, middleware=[Middleware(_Guard, backend=backend)])


class PageServer:
    """The fake on a free port, in a thread of its own."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._loop = asyncio.new_event_loop()
        self._socket = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            build(backend), log_level="error", ws="websockets-sansio", lifespan="off",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/"

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._server.serve(sockets=[self._socket]))

    def drop_sockets(self) -> None:
        """Close every websocket, as a server that is stopped does."""
        asyncio.run_coroutine_threadsafe(self.backend.drop_sockets(), self._loop).result(5)

    def __enter__(self) -> "PageServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()


@contextlib.contextmanager
def serving(**levers: Any) -> Iterator[PageServer]:
    """A running fake; ``levers`` are fields of Backend, hence Any."""
    with PageServer(Backend(**levers)) as server:
        yield server


if __name__ == "__main__":
    with serving() as running:
        print(running.url, flush=True)
        threading.Event().wait()
