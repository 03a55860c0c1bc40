"""Every clock there is, held to the suite of the port."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx2
import pytest
from tests.conformance.clock import SUITE, Rule, Told
from tests.fakes.small_day import at

from firki.app.clock import SimulatedClock
from firki.app.replay import ReplayClock
from firki.ports import Clock
from firki.simulator.clock import MarketClock, Schedule
from firki.timing import SECOND, DrivenClock, SystemClock

NOW = at("10:00")
MINUTE = 60.0


class Machine:
    """The machine's own time, which passes by itself."""

    clock: Clock = SystemClock()
    step = 0.03

    async def advance(self, seconds: float) -> None:
        await asyncio.sleep(seconds + 0.001)

    async def mislead(self) -> None:
        """It is told nothing."""


class Driven:
    """A clock that is set."""

    step = MINUTE

    def __init__(self) -> None:
        self.clock = DrivenClock(NOW, speed=0)

    async def advance(self, seconds: float) -> None:
        self.clock.set(self.clock.now() + int(seconds * SECOND), speed=0)

    async def mislead(self) -> None:
        """Who sets it decides: it goes where it is set."""


class Simulators:
    """The simulator's own clock, moved by its control door."""

    step = MINUTE

    def __init__(self) -> None:
        self.clock = MarketClock(NOW, Schedule.parse("60"), running=False)

    async def advance(self, seconds: float) -> None:
        self.clock.jump(self.clock.now() + int(seconds * SECOND))

    async def mislead(self) -> None:
        """Its door refuses to go back; see the tests of the control door."""


class ByDoor:
    """Market time of a simulator that answers from memory."""

    step = MINUTE

    def __init__(self, *, running: bool) -> None:
        self._state: dict[str, Any] = {"now_ts": NOW, "speed": 10.0, "running": running}
        transport = httpx2.MockTransport(lambda _: httpx2.Response(200, json=self._state))
        self.clock = SimulatedClock("http://127.0.0.1:1", transport=transport)

    async def advance(self, seconds: float) -> None:
        self._state["now_ts"] = self.clock.now() + int(seconds * SECOND)
        await self.clock.read()

    async def mislead(self) -> None:
        self._state["now_ts"] = self.clock.now() - 3600 * SECOND
        await self.clock.read()


class ByFrames(ByDoor):
    """The same, where frames say that it is later than the door has told so far."""

    async def advance(self, seconds: float) -> None:
        self.clock.reach(self.clock.now() + int(seconds * SECOND))


class Replayed:
    """Market time of the records that are read."""

    step = MINUTE

    def __init__(self) -> None:
        self.clock = ReplayClock(speed=1.0, running=False)
        self.clock.reach(NOW)

    async def advance(self, seconds: float) -> None:
        self.clock.reach(self.clock.now() + int(seconds * SECOND))

    async def mislead(self) -> None:
        self.clock.reach(NOW - SECOND)


Factory = Callable[[], AbstractAsyncContextManager[Told]]


def ready(make: Callable[[], Told]) -> Factory:
    @asynccontextmanager
    async def made() -> AsyncIterator[Told]:
        yield make()

    return made


def following(make: Callable[[], ByDoor]) -> Factory:
    @asynccontextmanager
    async def made() -> AsyncIterator[Told]:
        told = make()
        try:
            await told.clock.read()
            yield told
        finally:
            await told.clock.close()

    return made


CLOCKS = {
    "machine": ready(Machine),
    "driven": ready(Driven),
    "the_simulators": ready(Simulators),
    "simulated_standing": following(lambda: ByDoor(running=False)),
    "simulated_running": following(lambda: ByDoor(running=True)),
    "simulated_by_frames": following(lambda: ByFrames(running=False)),
    "replayed": ready(Replayed),
}


@pytest.mark.parametrize("rule", SUITE, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("name", CLOCKS)
async def test_clock(name: str, rule: Rule) -> None:
    async with CLOCKS[name]() as told:
        await rule(told)
