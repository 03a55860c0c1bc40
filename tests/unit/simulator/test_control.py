from typing import Any

import pytest
from tests.simulated import DAY, INFY, NIFTY, OPEN_TS, USDINR, control, make_box

from firki.model.ist import ist_text

MINUTE = 60_000_000_000


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
        {"rewind": True}, [], "run", {"pause": "yes"},
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
