"""Market time of a simulator: follows its door, never runs away from it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from firki.app.clock import SimulatedClock
from firki.errors import Rejected, Unavailable
from firki.timing import SECOND

NOW = 1_795_113_000 * SECOND


class Door:
    """A control door in memory."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {"now_ts": NOW, "speed": 60.0, "running": True}
        self.asked: list[dict[str, Any]] = []
        self.is_away = False
        self.seconds = 0.0
        self.takes_seconds = 0.0

    def steady(self) -> float:
        return self.seconds

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        self.seconds += self.takes_seconds
        if self.is_away:
            raise httpx2.ConnectError("away", request=request)
        if request.method == "POST":
            body = httpx2.Response(200, content=request.content).json()
            self.asked.append(body)
            if body.get("speed") == 0:
                return httpx2.Response(400, text="speed is above 0")
            if body.get("to", 0) > NOW + 48 * 3600 * SECOND:
                return httpx2.Response(400, json={"status": "error", "message": "clock: too far"})
            self.state |= {"speed": body.get("speed", self.state["speed"])}
            self.state["running"] = "pause" not in body
        return httpx2.Response(200, json=self.state)


@asynccontextmanager
async def following(door: Door) -> AsyncIterator[SimulatedClock]:
    clock = SimulatedClock(
        "http://127.0.0.1:1", transport=httpx2.MockTransport(door.answer), now=door.steady
    )
    try:
        yield clock
    finally:
        await clock.close()


async def test_market_time_is_the_doors() -> None:
    door = Door()
    async with following(door) as clock:
        await clock.read()
        assert NOW <= clock.now() <= NOW + 30 * SECOND
        assert clock.speed == 60
        assert clock.running


async def test_without_an_answer_market_time_stands_after_half_a_second() -> None:
    door = Door()
    door.state["speed"] = 1e9
    async with following(door) as clock:
        await clock.read()
        limit = NOW + int(0.55e9 * SECOND)
        assert clock.now() <= limit
        before = clock.now()
        assert clock.now() >= before


async def test_at_a_high_speed_market_time_counts_on_for_half_a_minute_at_most() -> None:
    """Minutes must not be over before their frames were read; and what an answer's own delay adds
    is no more than that."""
    door = Door()
    door.state["speed"] = 1_000_000.0
    async with following(door) as clock:
        for _ in range(3):
            await clock.read()
            while clock.now() < NOW + 30 * SECOND:
                await asyncio.sleep(0)
            assert clock.now() == NOW + 30 * SECOND


async def test_a_paused_market_stands_still() -> None:
    door = Door()
    door.state["running"] = False
    async with following(door) as clock:
        await clock.read()
        assert clock.now() == NOW
        assert not clock.running


async def test_levers_reach_the_door_in_its_own_words() -> None:
    door = Door()
    async with following(door) as clock:
        await clock.change(speed=5)
        await clock.change(running=False)
        await clock.change(running=True, to_ts=NOW + SECOND)
        assert door.asked == [{"speed": 5}, {"pause": True}, {"run": True, "to": NOW + SECOND}]
        with pytest.raises(Rejected, match="speed is above 0"):
            await clock.change(speed=0)


async def test_a_refusal_is_passed_on_in_the_doors_own_sentence() -> None:
    async with following(Door()) as clock:
        with pytest.raises(Rejected, match=r"^clock: too far$"):
            await clock.change(to_ts=NOW + 72 * 3600 * SECOND)


async def test_a_door_that_is_away_names_the_setting() -> None:
    door = Door()
    door.is_away = True
    async with following(door) as clock:
        with pytest.raises(Unavailable, match=r"clock\.url"):
            await clock.read()


async def test_market_time_is_never_behind_what_the_simulator_sends() -> None:
    door = Door()
    door.state["running"] = False
    async with following(door) as clock:
        await clock.read()
        clock.reach(NOW + 3600 * SECOND)
        assert clock.now() == NOW + 3600 * SECOND
        await clock.read()
        assert clock.now() == NOW + 3600 * SECOND, "an answer that is late takes nothing back"
        clock.reach(NOW + 60 * SECOND)
        clock.reach(NOW + 48 * 3600 * SECOND)
        assert clock.now() == NOW + 3600 * SECOND, "two days ahead is not believed"


async def test_market_time_waits_for_a_simulator_it_has_counted_past() -> None:
    door = Door()
    door.state |= {"now_ts": NOW + 12 * SECOND, "running": False}
    async with following(door) as clock:
        await clock.read()
        counted = clock.now()
        door.state |= {"now_ts": NOW, "speed": 5.0, "running": True}
        await clock.read()
        assert clock.now() == counted == NOW + 12 * SECOND
        door.state |= {"now_ts": NOW + 20 * SECOND, "running": False}
        await clock.read()
        assert clock.now() == NOW + 20 * SECOND


async def test_a_simulator_that_plays_an_earlier_day_is_followed() -> None:
    door = Door()
    door.state["running"] = False
    async with following(door) as clock:
        await clock.read()
        door.state["now_ts"] = NOW - 24 * 3600 * SECOND
        await clock.read()
        assert clock.now() == NOW - 24 * 3600 * SECOND


async def test_a_slow_answer_leaves_the_time_that_was_counted() -> None:
    door = Door()
    door.state |= {"speed": 1.0}
    async with following(door) as clock:
        await clock.read()
        door.takes_seconds = 4.0
        door.state["now_ts"] = NOW - 3 * SECOND
        await clock.read()
        assert NOW <= clock.now() < NOW + SECOND
        door.state |= {"now_ts": NOW + 5 * SECOND, "running": False}
        await clock.read()
        assert clock.now() == NOW + 5 * SECOND, "before the earliest it can be"
