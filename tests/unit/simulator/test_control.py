import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.simulated import (
    DAY,
    INFY,
    NIFTY,
    OPEN_TS,
    USDINR,
    FakeMarket,
    control,
    make_box,
    simulator,
)  # fmt: skip

from firki.model.ist import ist_text
from firki.simulator.box import Box

MINUTE = 60_000_000_000
TOMORROW = "2026-11-21T15:00:00"


class Reader:
    """A client that reads only when it is told to: until then a step waits for it."""

    def __init__(self) -> None:
        self.waiting = 5 << 20

    def send(self, frames: list[bytes]) -> None:
        """It is all kept waiting."""

    def cut(self) -> None:
        self.waiting = 0


def join(box: Box) -> Reader:
    reader = Reader()
    box.hub.join(box.accounts[0].api_key, reader)
    return reader


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not reached():
            await asyncio.sleep(0.001)


async def test_the_clock_tells_its_time_speed_and_whether_it_runs() -> None:
    async with control(make_box()) as client:
        answer = await client.get("/clock")
    assert answer.json() == {"now_ts": OPEN_TS, "speed": 1.0, "running": False}


async def test_orders_to_the_clock_can_be_combined() -> None:
    async with control(make_box()) as client:
        state = (await client.post("/clock", json={"to": "09:30", "speed": 60})).json()
        assert (ist_text(state["now_ts"]), state["speed"]) == ("2026-11-20T09:30:00+05:30", 60.0)
        assert state["running"] is False
        state = (await client.post("/clock", json={"run": True, "to": "09:31"})).json()
        assert state["running"] is True
        assert state["now_ts"] >= OPEN_TS + 31 * MINUTE
        state = (await client.post("/clock", json={"pause": True, "to": "10:00"})).json()
        assert ist_text(state["now_ts"]) == "2026-11-20T10:00:00+05:30"
        assert state["running"] is False


@pytest.mark.parametrize(
    "order",
    [
        {}, {"to": "08:59"}, {"to": "2026-11-19T10:00:00"}, {"to": "noon"}, {"to": [1]},
        {"speed": 0}, {"speed": "fast"}, {"speed": 1e9}, {"pause": True, "run": True},
        {"rewind": True}, [], "run", {"pause": "yes"}, {"to": 1 << 70}, {"to": -1},
        {"to": "2026-11-22T00:00:01"}, {"to": "9999-12-31T23:59"},
    ],
)  # fmt: skip
async def test_a_wrong_order_is_refused_and_changes_nothing(order: Any) -> None:
    async with control(make_box()) as client:
        answer = await client.post("/clock", json=order)
        assert answer.status_code == 400
        assert answer.json()["status"] == "error"
        state = (await client.get("/clock")).json()
    assert state == {"now_ts": OPEN_TS, "speed": 1.0, "running": False}


async def test_a_wrong_part_of_an_order_keeps_the_other_parts_from_being_done() -> None:
    async with control(make_box()) as client:
        await client.post("/clock", json={"speed": 60, "to": "08:00"})
        assert (await client.get("/clock")).json()["speed"] == 1.0


async def test_one_step_goes_to_the_end_of_the_next_trading_day_at_most() -> None:
    async with control(make_box(market=FakeMarket(minutes=10))) as client:
        answer = await client.post("/clock", json={"to": "2026-11-23T09:00"})
        assert answer.json()["message"] == (
            "clock: to 2026-11-23T09:00:00+05:30 lies beyond 2026-11-22T00:00:00+05:30: one step "
            "goes no further than the end of the next trading day"
        )
        state = (await client.post("/clock", json={"to": "2026-11-22T00:00"})).json()
        assert ist_text(state["now_ts"]) == "2026-11-22T00:00:00+05:30"
        assert (await client.post("/clock", json={"to": "2026-11-23T00:00"})).status_code == 200


async def test_on_the_last_day_a_step_goes_to_its_end() -> None:
    last = DAY.replace(day=23)
    async with control(make_box(market=FakeMarket(last, minutes=10))) as client:
        assert (await client.post("/clock", json={"to": "2026-11-24T00:00:01"})).status_code == 400
        assert (await client.post("/clock", json={"to": "2026-11-24T00:00"})).status_code == 200


async def test_a_pause_ends_the_steps_asked_for_before_it() -> None:
    box = make_box(steady=lambda: 0.0)
    reader = join(box)
    async with control(box) as client:
        steps = [asyncio.create_task(client.post("/clock", json={"to": TOMORROW})) for _ in "12"]
        await until(lambda: box.clock.now() > OPEN_TS)
        paused = (await client.post("/clock", json={"pause": True})).json()
        reader.waiting = 0
        states = [(await step).json() for step in steps]
        assert states == [paused, paused]
        assert OPEN_TS < paused["now_ts"] < OPEN_TS + MINUTE
        assert paused["running"] is False
        assert (await client.post("/clock", json={"pause": True, "to": "10:00"})).json() == {
            "now_ts": OPEN_TS + 60 * MINUTE, "speed": 1.0, "running": False,
        }  # fmt: skip


async def test_a_caller_who_hangs_up_ends_the_step() -> None:
    async with simulator() as sim:
        reader = join(sim.box)
        address = urlsplit(sim.control)
        _, writer = await asyncio.open_connection(address.hostname, address.port)
        body = b'{"to": "%s"}' % TOMORROW.encode()
        writer.write(
            b"POST /clock HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%s" % (len(body), body)
        )
        await until(lambda: sim.box.clock.now() > OPEN_TS)
        writer.close()
        await writer.wait_closed()
        reader.waiting = 0
        async with control(sim.box) as client:
            state = (await client.post("/clock", json={"to": "09:30"})).json()
    assert ist_text(state["now_ts"]) == "2026-11-20T09:30:00+05:30"


async def test_the_truth_is_the_tape_up_to_now_in_rupees() -> None:
    box = make_box()
    async with control(box) as client:
        await client.post("/clock", json={"to": "09:02:30"})
        every = (await client.post("/truth", json={})).json()
        some = (
            await client.post(
                "/truth",
                json={"tokens": [USDINR, 99], "from_ts": OPEN_TS + MINUTE, "to_ts": OPEN_TS * 2},
            )
        ).json()
    assert {trade["token"] for trade in every} == {INFY, NIFTY, USDINR}
    assert len(every) == 9
    assert every[0] == {
        "token": INFY, "trade_ts": OPEN_TS, "price": 1500.25, "quantity": 3,
        "session": "continuous",
    }  # fmt: skip
    assert [(trade["trade_ts"] - OPEN_TS) // MINUTE for trade in some] == [1, 2]
    assert some[0]["price"] == 0.0150025


async def test_the_state_names_the_day_and_its_size() -> None:
    async with control(make_box()) as client:
        state = (await client.get("/state")).json()
    assert state["trading_date"] == str(DAY)
    assert (state["instruments"], state["clients"]) == (3, [])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 403),
        ({"host": "["}, 403),
        ({"host": ""}, 403),
        ({"host": "127.0.0.1.evil.example:9999"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:1"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"origin": "http://127.0.0.1:9999"}, 200),
        ({"host": "localhost:9999"}, 200),
        ({"host": "[::1]:9999"}, 200),
    ],
)
async def test_a_page_of_another_site_cannot_steer_the_clock(
    headers: dict[str, str], status: int
) -> None:
    sent = {"content-type": "application/json"} | headers
    async with control(make_box()) as client:
        answer = await client.post("/clock", content=b'{"speed": 2}', headers=sent)
        assert answer.status_code == status
        if status == 403:
            assert (await client.get("/clock", headers=headers)).status_code == 403


async def test_unknown_routes_and_methods_of_the_control_door_are_said_so() -> None:
    async with control(make_box()) as client:
        assert (await client.get("/fault")).status_code == 404
        assert (await client.put("/clock")).status_code == 405
