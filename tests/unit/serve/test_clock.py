import asyncio
from typing import Any

import httpx2
import pytest
from tests.fakes.gateway import MINUTE_NS, OPEN_TS, Lever, Market

from firki.errors import Rejected
from firki.serve.app import create_app
from firki.serve.parts import Source


class StuckLever(Lever):
    """A clock whose steps never end; it counts those that were called off."""

    begun, called_off = 0, 0

    async def change(
        self,
        *,
        speed: float | None = None,
        running: bool | None = None,
        to_ts: int | None = None,
    ) -> None:
        self.begun += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.called_off += 1


class RefusingLever(Lever):
    """A clock that refuses everything."""

    async def change(
        self,
        *,
        speed: float | None = None,
        running: bool | None = None,
        to_ts: int | None = None,
    ) -> None:
        raise Rejected("clock: that is too far")


async def test_the_clock_tells_market_time_and_how_it_runs(
    client: httpx2.AsyncClient, market: Market
) -> None:
    market.clock.now_ts = OPEN_TS
    assert (await client.get("/api/clock")).json() == {
        "now": "2026-11-20T09:15:00+05:30", "speed": 1.0, "running": True, "driven": True,
        "source": "live",
    }  # fmt: skip


@pytest.mark.parametrize("source", Source)
async def test_the_clock_tells_where_the_prices_come_from(market: Market, source: Source) -> None:
    transport = httpx2.ASGITransport(create_app(market.parts(source=source)))
    key = {"authorization": f"Bearer {market.key}"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/api/clock", headers=key)).json()["source"] == source.value


@pytest.mark.parametrize(
    ("body", "speed", "running"),
    [
        ({"speed": 60}, 60.0, True),
        ({"pause": True}, 1.0, False),
        ({"run": True}, 1.0, True),
        ({"running": False, "speed": 0.5}, 0.5, False),
    ],
)
async def test_the_clock_is_driven(
    client: httpx2.AsyncClient, market: Market, body: Any, speed: float, *, running: bool
) -> None:
    told = (await client.post("/api/clock", json=body)).json()
    assert (told["speed"], told["running"]) == (speed, running)
    assert (market.lever.speed, market.lever.running) == (speed, running)


async def test_the_clock_goes_to_a_moment(client: httpx2.AsyncClient, market: Market) -> None:
    for to in ("2026-11-20T09:17:00+05:30", OPEN_TS + 2 * MINUTE_NS):
        market.clock.now_ts = OPEN_TS
        told = await client.post("/api/clock", json={"to": to})
        assert told.json()["now"] == "2026-11-20T09:17:00+05:30"
        assert market.clock.now_ts == OPEN_TS + 2 * MINUTE_NS


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[]", b'{"speed": 0}', b'{"speed": -1}', b'{"speed": 1e9}', b'{"speed": "2"}',
        b'{"speed": NaN}', b'{"speed": true}', b'{"pause": false}', b'{"pause": true, "run": true}',
        b'{"running": true, "pause": true}', b'{"faster": 1}', b'{"to": "2026-11-20T09:15:00"}',
        b'{"to": 5}', b"x" * 5000,
    ],
)  # fmt: skip
async def test_what_no_clock_does_is_refused(
    client: httpx2.AsyncClient, market: Market, body: bytes
) -> None:
    answer = await client.post("/api/clock", content=body)
    assert answer.status_code in (413, 422)
    assert (market.lever.speed, market.lever.running) == (1.0, True)


async def test_what_the_clock_refuses_is_told_in_its_words(market: Market) -> None:
    app = create_app(market.parts(clock_control=RefusingLever(market.clock)))
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app),
        base_url="http://localhost",
        headers={"authorization": f"Bearer {market.key}"},
    ) as client:
        answer = await client.post("/api/clock", json={"to": OPEN_TS})
        assert (answer.status_code, answer.json()) == (
            422, {"error": "rejected", "detail": "clock: that is too far"},
        )  # fmt: skip


async def test_a_caller_who_hangs_up_calls_the_step_off(market: Market) -> None:
    lever = StuckLever(market.clock)
    app = create_app(market.parts(clock_control=lever))
    pieces = [{"type": "http.request", "body": b'{"run": true}', "more_body": False}]

    async def receive() -> dict[str, Any]:
        if pieces:
            return pieces.pop()
        while not lever.begun:
            await asyncio.sleep(0)
        return {"type": "http.disconnect"}

    async def send(_message: Any) -> None:
        """Nobody hears it."""

    scope = {
        "type": "http", "method": "POST", "path": "/api/clock", "raw_path": b"/api/clock",
        "query_string": b"", "http_version": "1.1", "scheme": "http", "extensions": {},
        "headers": [(b"host", b"localhost"), (b"authorization", f"Bearer {market.key}".encode())],
    }  # fmt: skip
    await asyncio.wait_for(app(scope, receive, send), 5)
    assert (lever.begun, lever.called_off) == (1, 1)


async def test_the_machines_own_clock_cannot_be_driven(market: Market) -> None:
    app = create_app(market.parts())
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app),
        base_url="http://localhost",
        headers={"authorization": f"Bearer {market.key}"},
    ) as client:
        told = (await client.get("/api/clock")).json()
        assert (told["driven"], told["speed"], told["running"]) == (False, 1.0, True)
        answer = await client.post("/api/clock", json={"speed": 2})
        assert (answer.status_code, answer.json()["error"]) == (409, "clock_not_driven")
