"""Steady time as something handed in, so that transports can be tested without waiting."""

import asyncio
import math
from contextlib import suppress
from typing import Protocol

from firki import timing


class Steady(Protocol):
    """Monotonic seconds, and waiting in them."""

    def now(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Until the event is set or the seconds are over."""


class MachineSteady:
    """The machine's monotonic clock."""

    def now(self) -> float:
        return timing.steady()

    async def sleep(self, seconds: float) -> None:
        await timing.pause(seconds)

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        # not wait_for: before Python 3.12 it swallows a cancellation that meets the event
        with suppress(TimeoutError):
            async with asyncio.timeout(None if math.isinf(seconds) else seconds):
                await event.wait()
