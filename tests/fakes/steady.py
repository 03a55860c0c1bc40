"""Steady time that moves only when a test says so."""

import asyncio


class FakeSteady:
    """Sleepers wake in the order of their times; the loop runs on in between."""

    def __init__(self, start: float = 1000.0) -> None:
        self._now = start
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        await self.wait(asyncio.Event(), seconds)

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        if event.is_set() or seconds <= 0:
            await asyncio.sleep(0)
            return
        alarm = asyncio.Event()
        sleeper = (self._now + seconds, alarm)
        self._sleepers.append(sleeper)
        waits = [asyncio.ensure_future(one.wait()) for one in (event, alarm)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._sleepers.remove(sleeper)
            for waiting in waits:
                waiting.cancel()

    async def advance(self, seconds: float) -> None:
        """Move on by ``seconds``, stopping at every sleeper's time on the way."""
        until = self._now + seconds
        await settle()
        while due := [one for one in self._sleepers if one[0] <= until and not one[1].is_set()]:
            at, alarm = min(due, key=lambda one: one[0])
            self._now = max(self._now, at)
            alarm.set()
            await settle()
        self._now = until
        await settle()


async def settle(rounds: int = 12) -> None:
    """Let everything that can run now, run."""
    for _ in range(rounds):
        await asyncio.sleep(0)
