"""What any ``Clock`` must do; a new one is done when it passes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from firki.ports import Clock
from firki.timing import SECOND

_PATIENCE = 10.0
"""Real seconds until something that should happen counts as never."""


class Told(Protocol):
    """A clock, and what makes its time pass."""

    @property
    def clock(self) -> Clock: ...

    @property
    def step(self) -> float:
        """Market seconds a test can wait for."""

    async def advance(self, seconds: float) -> None:
        """Let market time move on by so much, or a little more."""

    async def mislead(self) -> None:
        """Tell it an earlier time, where it can be told."""


Rule = Callable[[Told], Awaitable[None]]


async def turns() -> None:
    """Let every task that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def now_moves_on_with_market_time(told: Told) -> None:
    before = told.clock.now()
    await told.advance(told.step)
    assert told.clock.now() - before >= told.step * SECOND


async def now_never_goes_back(told: Told) -> None:
    read = []
    for _ in range(5):
        read += [told.clock.now() for _ in range(20)]
        await told.mislead()
        read += [told.clock.now() for _ in range(20)]
        await told.advance(told.step / 5)
    assert read == sorted(read)


async def a_sleep_ends_when_its_market_time_has_passed(told: Told) -> None:
    sleeper = asyncio.create_task(told.clock.sleep(told.step))
    await turns()
    await told.advance(told.step)
    await asyncio.wait_for(sleeper, _PATIENCE)


async def a_sleep_does_not_end_before(told: Told) -> None:
    until = told.clock.now() + int(told.step * SECOND)
    sleeper = asyncio.create_task(told.clock.sleep(told.step))
    for _ in range(12):
        await turns()
        assert not sleeper.done() or told.clock.now() >= until
        await told.mislead()
        await told.advance(told.step / 10)
    await asyncio.wait_for(sleeper, _PATIENCE)
    assert told.clock.now() >= until


async def sleepers_end_in_the_order_of_their_times(told: Told) -> None:
    ended: list[int] = []

    async def sleep(number: int) -> None:
        await told.clock.sleep(told.step * number / 3)
        ended.append(number)

    async with asyncio.timeout(_PATIENCE), asyncio.TaskGroup() as group:
        for number in (3, 1, 2):
            group.create_task(sleep(number))
        await turns()
        for number in (1, 2, 3):
            await told.advance(told.step / 3)
            while len(ended) < number:
                await asyncio.sleep(0.001)
    assert ended == [1, 2, 3]


async def no_time_to_sleep_is_no_sleep(told: Told) -> None:
    for seconds in (0, -told.step):
        await asyncio.wait_for(told.clock.sleep(seconds), _PATIENCE)


async def a_sleeper_can_be_cancelled(told: Told) -> None:
    sleeper = asyncio.create_task(told.clock.sleep(1e6))
    await turns()
    sleeper.cancel()
    await asyncio.wait([sleeper], timeout=_PATIENCE)
    assert sleeper.cancelled()


SUITE: tuple[Rule, ...] = (
    now_moves_on_with_market_time,
    now_never_goes_back,
    a_sleep_ends_when_its_market_time_has_passed,
    a_sleep_does_not_end_before,
    sleepers_end_in_the_order_of_their_times,
    no_time_to_sleep_is_no_sleep,
    a_sleeper_can_be_cancelled,
)
