from typing import Any

import httpx2
import pytest
from tests.fakes.gateway import MINUTE_NS, OPEN_TS, Market

from firki.serve.app import create_app


async def test_the_clock_tells_market_time_and_how_it_runs(
    client: httpx2.AsyncClient, market: Market
) -> None:
    market.clock.now_ts = OPEN_TS
    assert (await client.get("/api/clock")).json() == {
        "now": "2026-11-20T09:15:00+05:30", "speed": 1.0, "running": True, "driven": True,
    }  # fmt: skip


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
