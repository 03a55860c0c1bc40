"""The websocket through a real server and a real client."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.fakes.gateway import INFY, MINUTE_NS, NIFTY, OPEN_TS, Market, candles, ticks
from tests.unit.serve.test_candle_feed import minute
from tests.unit.serve.test_feeds import trade
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from firki.model.candle import Interval
from firki.serve.app import create_app
from firki.serve.host import MOST_MESSAGE, serve
from firki.serve.listening import listen
from firki.serve.parts import ServeSettings

pytestmark = pytest.mark.slow


@dataclass
class Server:
    """A gateway on loopback."""

    market: Market
    port: int

    def open(self, query: str = "", **changes: Any) -> connect:
        headers = changes.pop("headers", {"Authorization": f"Bearer {self.market.key}"})
        url = f"ws://{changes.pop('its_name', '127.0.0.1')}:{self.port}/api/stream{query}"
        if "sock" not in changes:
            changes["host"] = "127.0.0.1"  # whatever the name in the address
        return connect(url, additional_headers=headers, compression=None, proxy=None, **changes)

    def metric(self, name: str, **labels: str) -> float:
        return self.market.registry.get_sample_value(name, labels) or 0.0


@contextlib.asynccontextmanager
async def serving(market: Market) -> AsyncIterator[Server]:
    sock = listen("127.0.0.1", 0)
    task = asyncio.create_task(serve(create_app(market.parts()), sock))
    try:
        yield Server(market, sock.getsockname()[1])
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def server(market: Market) -> AsyncIterator[Server]:
    async with serving(market) as running:
        yield running


async def say(ws: ClientConnection, op: str, name: object = "a", **more: Any) -> None:
    await ws.send(json.dumps({"op": op, "id": name, **more}))


async def hear(ws: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(ws.recv(), 5))


async def until(ws: ClientConnection, done: Callable[[Any], bool]) -> list[Any]:
    """Messages up to the first for which ``done``."""
    heard = []
    while True:
        heard.append(await hear(ws))
        if done(heard[-1]):
            return heard


async def closing(ws: ClientConnection) -> tuple[int, str]:
    """Read on to the end: the code and the reason."""
    with contextlib.suppress(ConnectionClosed):
        async with asyncio.timeout(10):
            while True:
                await ws.recv()
    return ws.close_code or 0, ws.close_reason or ""


async def test_quotes_are_numbered_densely_and_only_changes_are_told(server: Server) -> None:
    quotes = server.market.quotes
    quotes.put(INFY, 101.0)
    quotes.put(NIFTY, 25_000.0)
    async with server.open() as ws:
        await say(ws, "subscribe", channel="quotes", keys=["NSE:INFY", "NSE:NIFTY 50"])
        first = await hear(ws)
        assert list(first) == ["id", "seq", "as_of", "data"]
        assert (first["id"], first["seq"]) == ("a", 1)
        assert [row["key"] for row in first["data"]] == ["NSE:INFY", "NSE:NIFTY 50"]
        assert first["data"][0]["received_time"] == "2026-11-20T09:15:00+05:30"
        for n in range(2, 5):
            quotes.put(INFY, 100.0 + n)
            told = await hear(ws)
            assert told["seq"] == n
            assert [(row["key"], row["last_price"]) for row in told["data"]] == [
                ("NSE:INFY", 100.0 + n)
            ]


async def test_subscriptions_are_numbered_each_by_itself(server: Server) -> None:
    async with server.open() as ws:
        await say(ws, "subscribe", 1, channel="quotes")
        await say(ws, "subscribe", "health", channel="health")
        heard = await until(ws, lambda m: m["id"] == "health" and m["seq"] == 2)
        numbers = [m["seq"] for m in heard if m["id"] == "health"]
        assert numbers == [1, 2]
        assert [m["seq"] for m in heard if m["id"] == 1] == [1]
        assert heard[-1]["data"] == {"status": "ok", "ticks_processed": 7}


def closes_of(message: Any) -> list[float]:
    return [row["close"] for row in message["data"] if "close" in row and message["id"] == "c"]


async def test_trades_and_final_candles_arrive_each(server: Server) -> None:
    market = server.market
    async with server.open() as ws:
        await say(ws, "subscribe", "t", channel="ticks", keys=["NSE:INFY"])
        await say(ws, "subscribe", "c", channel="candles", keys=["NSE:INFY"], interval="1m")
        heard = await until(ws, lambda m: m["id"] == "c")
        for number in range(30):
            market.bus.publish(("ticks",), ticks([trade(INFY, 150_000 + number)], seq=number))
            market.bus.publish(("candles", "final"), minute(INFY, float(number), number))
            await asyncio.sleep(0)
        heard += await until(ws, lambda m: closes_of(m)[-1:] == [29.0])
        if not any(row["frame"] == 29 for m in heard if m["id"] == "t" for row in m["data"]):
            heard += await until(ws, lambda m: m["id"] == "t" and m["data"][-1]["frame"] == 29)
        traded = [row["frame"] for m in heard if m["id"] == "t" for row in m["data"]]
        closes = [row["close"] for m in heard if m["id"] == "c" for row in m["data"]]
        assert traded == list(range(30))
        assert closes == [float(n) for n in range(30)]


async def test_any_interval_is_told_as_it_forms(server: Server) -> None:
    market = server.market
    market.clock.now_ts = OPEN_TS + 4 * MINUTE_NS
    long = Interval.of(7)
    market.candles.put(candles(INFY, [1.0], interval=long, forming=True))
    market.quotes.put(INFY, 1.0)
    async with server.open() as ws:
        await say(ws, "subscribe", channel="candles", keys=["NSE:INFY"], interval="7minute")
        (row,) = (await hear(ws))["data"]
        assert (row["interval"], row["status"], row["key"]) == ("7m", "forming", "NSE:INFY")
        market.candles.put(candles(INFY, [2.0], interval=long))
        market.bus.publish(("candles", "final"), minute(INFY, 2.0, 6))
        (row,) = (await hear(ws))["data"]
        assert (row["close"], row["status"]) == (2.0, "final")


async def test_msgpack_tells_the_same(server: Server) -> None:
    server.market.quotes.put(INFY, 101.0)
    async with server.open("?format=msgpack") as ws:
        wish = {"op": "subscribe", "id": 1, "channel": "quotes", "keys": [str(INFY)]}
        await ws.send(msgspec.msgpack.encode(wish))
        binary = await ws.recv()
        assert isinstance(binary, bytes)
        told = msgspec.msgpack.decode(binary)
    assert (told["id"], told["seq"], told["data"][0]["last_price"]) == (1, 1, 101.0)


async def test_ping_unsubscribe_and_the_same_name_again(server: Server) -> None:
    async with server.open() as ws:
        await say(ws, "ping", "p")
        pong = await hear(ws)
        assert (pong["id"], pong["pong"]) == ("p", True)
        await say(ws, "subscribe", channel="ticks")
        assert (await hear(ws))["seq"] == 1
        await say(ws, "unsubscribe")
        assert (await hear(ws))["ended"] is True
        server.market.bus.publish(("ticks",), ticks([trade(INFY, 150_000)]))
        await say(ws, "subscribe", channel="ticks")
        again = await hear(ws)
        assert (again["seq"], again["data"]) == (1, [])


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("not json", "not understood"),
        ("[]", "not understood"),
        ('{"op": "subscribe"}', "not understood"),
        ('{"op": "order", "id": "a"}', "not understood"),
        ('{"op": "subscribe", "id": "a", "colour": "red"}', "not understood"),
        ('{"op": "subscribe", "id": null, "channel": "quotes"}', "not understood"),
        ('{"op": "subscribe", "id": "a"}', "channel: expected"),
        ('{"op": "subscribe", "id": "a", "channel": "orders"}', "not understood"),
        ('{"op": "subscribe", "id": "a", "channel": "quotes", "keys": ["X:Y"]}', "none is known"),
        ('{"op": "subscribe", "id": "a", "channel": "candles", "interval": "5x"}', "interval '5x'"),
        ('{"op": "subscribe", "id": "a", "channel": "candles", "interval": "2000m"}', "a day"),
        ('{"op": "unsubscribe", "id": "a"}', "expected the id of a subscription"),
    ],
)
async def test_a_bad_message_is_answered_and_the_connection_stays(
    server: Server, message: str, said: str
) -> None:
    async with server.open() as ws:
        await ws.send(message)
        assert said in (await hear(ws))["error"]
        await ws.send(b"\x00\xff not msgpack")
        assert "not understood" in (await hear(ws))["error"]
        await say(ws, "ping", "p")
        assert (await hear(ws))["pong"] is True


async def test_unknown_keys_are_told_with_the_first_message(server: Server) -> None:
    async with server.open() as ws:
        keys = ["NSE:INFY", "NSE:NOSUCH"]
        await say(ws, "subscribe", channel="quotes", keys=keys)
        assert (await hear(ws))["unknown"] == ["NSE:NOSUCH"]
        server.market.quotes.put(INFY, 1.0)
        assert "unknown" not in await hear(ws)


async def test_a_name_in_use_is_not_given_twice(server: Server) -> None:
    async with server.open() as ws:
        await say(ws, "subscribe", channel="health")
        await say(ws, "subscribe", channel="health")
        heard = await until(ws, lambda m: "error" in m)
        assert "not in use" in heard[-1]["error"]


async def test_caps_hold(tmp_path: Path) -> None:
    settings = ServeSettings(max_streams=2, max_subscriptions=2, max_stream_keys=2)
    async with serving(Market(tmp_path, settings=settings)) as server:
        async with server.open() as ws, server.open():
            with pytest.raises(InvalidStatus) as refused:
                await server.open().__aenter__()
            assert refused.value.response.status_code == 503
            await say(ws, "subscribe", 1, channel="ticks", keys=["1", "2", "3"])
            assert "at most 2" in (await hear(ws))["error"]
            for name in (1, 2):
                await say(ws, "subscribe", name, channel="ticks")
                assert (await hear(ws))["seq"] == 1
            await say(ws, "subscribe", 3, channel="ticks")
            assert "at most 2 subscriptions" in (await hear(ws))["error"]
            assert server.metric("stream_connections") == 2
        async with asyncio.timeout(5):
            while server.metric("stream_connections"):
                await asyncio.sleep(0.01)
        async with server.open():  # the places are free again
            pass


async def test_a_message_too_long_and_a_flood_end_the_connection(server: Server) -> None:
    async with server.open() as ws:
        await ws.send("x" * (MOST_MESSAGE + 1))
        assert (await closing(ws))[0] == 1009
    async with server.open() as ws:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(2_000):
                await say(ws, "ping")
        assert await closing(ws) == (1008, "more than 200 messages a second")


async def test_who_may_open_one(server: Server) -> None:
    market = server.market
    origin = f"http://127.0.0.1:{server.port}"
    secret = market.credentials.sessions.begin()
    name = market.credentials.cookie_name
    cookie = {"Cookie": f"{name}={secret}"}
    key = {"Authorization": f"Bearer {market.key}"}
    refused = [
        ({}, None, 401),
        ({"Authorization": "Bearer firki_x"}, None, 401),
        ({"Cookie": f"{name}=guess"}, origin, 401),
        (cookie, None, 403),
        (cookie, "http://evil.example", 403),
        (cookie, "http://127.0.0.1:1", 403),
        (cookie, "null", 403),
        (key, "http://evil.example", 403),
    ]
    for headers, its_origin, status in refused:
        with pytest.raises(InvalidStatus) as refusal:
            await server.open(headers=headers, origin=its_origin).__aenter__()
        assert refusal.value.response.status_code == status, (headers, its_origin)
        assert "frame-ancestors" in refusal.value.response.headers["content-security-policy"]
    with pytest.raises(InvalidStatus) as refusal:
        await server.open(its_name="evil.example", headers=key).__aenter__()
    assert refusal.value.response.status_code == 421
    for query, status in ((f"?api_key={market.key}", 400), ("?format=xml", 400), ("?a=b", 400)):
        with pytest.raises(InvalidStatus) as refusal:
            await server.open(query).__aenter__()
        assert refusal.value.response.status_code == status
    async with server.open(headers=cookie, origin=origin) as ws:
        await say(ws, "ping")
        assert (await hear(ws))["pong"] is True


async def test_a_session_that_ends_closes_its_connection(server: Server) -> None:
    market = server.market
    secret = market.credentials.sessions.begin()
    headers = {"Cookie": f"{market.credentials.cookie_name}={secret}"}
    async with server.open(headers=headers, origin=f"http://127.0.0.1:{server.port}") as ws:
        await say(ws, "ping")
        await hear(ws)
        market.credentials.sessions.end(secret)
        assert await closing(ws) == (1008, "the session has ended")
    assert server.metric("subscriber_closed_total", reason="session") == 1


@contextlib.asynccontextmanager
async def deaf(server: Server, channel: str, **more: Any) -> AsyncIterator[ClientConnection]:
    """A client that subscribes and then reads nothing more from its socket."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", server.port))
    async with server.open(sock=sock, max_queue=1, ping_interval=None, close_timeout=1) as ws:
        await say(ws, "subscribe", channel=channel, **more)
        await hear(ws)
        ws.transport.pause_reading()
        yield ws


async def test_a_slow_reader_of_quotes_holds_nobody_up_and_gets_the_newest(
    server: Server,
) -> None:
    market = server.market
    padding = {
        "buy": [{"price": 1.0, "quantity": n, "orders": n} for n in range(5_000)],
        "sell": [],
    }
    async with deaf(server, "quotes", keys=["NSE:INFY"], depth=True) as slow, server.open() as ws:
        await say(ws, "subscribe", channel="quotes", keys=["NSE:INFY"])
        await hear(ws)
        price = 1.0
        async with asyncio.timeout(20):
            while server.metric("subscriber_dropped_total", channel="quotes") < 3:
                price += 1
                market.quotes.put(INFY, price, depth=padding)
                told = await hear(ws)  # the other reader gets each one
                assert told["data"][0]["last_price"] == price
                assert told["seq"] == price
        slow.transport.resume_reading()
        heard = await until(slow, lambda m: m["data"][0]["last_price"] == price)
        assert [m["seq"] for m in heard] == list(range(2, 2 + len(heard)))  # dense all the same
        assert sum(m.get("conflated", 0) for m in heard) >= 3


async def test_a_reader_too_slow_for_what_must_not_be_dropped_is_closed_and_told_why(
    tmp_path: Path,
) -> None:
    settings = ServeSettings(max_pending=500)
    async with serving(Market(tmp_path, settings=settings)) as server:
        market = server.market
        async with deaf(server, "candles", interval="1m") as slow, server.open() as ws:
            await say(ws, "subscribe", channel="candles", interval="1m", keys=["NSE:INFY"])
            await hear(ws)
            count = 0
            heard: list[Any] = []
            async with asyncio.timeout(20):
                while not server.metric("subscriber_closed_total", reason="slow"):
                    batch = candles(INFY, [1.0] * 300, first_ts=OPEN_TS + count * MINUTE_NS)
                    market.bus.publish(("candles", "final"), batch)
                    count += 300
                    while len(heard) < count:
                        heard += (await hear(ws))["data"]
            assert len(heard) == count  # the other reader missed nothing
            assert len({row["start_ts"] for row in heard}) == count
            slow.transport.resume_reading()
            code, reason = await closing(slow)
            assert code == 1013
            assert "rows behind" in reason


async def test_a_reader_that_never_wakes_is_let_go(tmp_path: Path) -> None:
    settings = ServeSettings(max_pending=50)
    async with serving(Market(tmp_path, settings=settings)) as server:
        async with deaf(server, "ticks"):
            async with asyncio.timeout(20):
                number = 0
                while not server.metric("subscriber_closed_total", reason="slow"):
                    number += 1
                    rows = [trade(INFY, 150_000)] * 40
                    server.market.bus.publish(("ticks",), ticks(rows, seq=number))
                    await asyncio.sleep(0.002)
                while server.metric("stream_connections"):
                    await asyncio.sleep(0.01)
        assert server.market.bus.report()["subscribers"] == 0


async def test_a_client_that_vanishes_leaves_nothing_behind(server: Server) -> None:
    for _ in range(3):
        async with server.open() as ws:
            await say(ws, "subscribe", channel="ticks")
            await hear(ws)
            ws.transport.abort()
    async with asyncio.timeout(5):
        while server.market.bus.report()["subscribers"]:
            await asyncio.sleep(0.01)
    assert server.metric("stream_connections") == 0


async def test_a_stopping_server_says_so(market: Market) -> None:
    async with serving(market) as server:
        ws = await server.open().__aenter__()
        await say(ws, "subscribe", channel="health")
        await hear(ws)
    assert (await closing(ws))[0] == 1012
