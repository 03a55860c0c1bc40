"""The two clocks. Only this module reads a clock or sleeps.

Market time (``Clock``) stamps frames, moves watermarks and ages, and may be a simulator's. Steady
time is the machine's monotonic clock: heartbeats, silence, back-off and time-outs use it, and it
never speeds up.
"""

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Iterator
from typing import Final

SECOND: Final = 1_000_000_000


def steady() -> float:
    """Monotonic seconds, for everything about transports."""
    return time.monotonic()


def worked() -> int:
    """Nanoseconds the processor worked for this thread; the time others had it is not in it."""
    return time.thread_time_ns()


def system_now() -> int:
    """The machine's own wall clock, ns UTC."""
    return time.time_ns()


class SystemClock:
    """Market time is the machine's wall clock."""

    def now(self) -> int:
        return time.time_ns()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class DrivenClock:
    """Market time told from outside (a simulator's control door, a replay), counted on in between.

    After ``set`` the clock runs on from ``now_ts`` at ``speed`` market seconds a steady second;
    a speed of 0 stands still.
    """

    def __init__(self, now_ts: int, *, speed: float = 1.0) -> None:
        self._changed = asyncio.Event()
        self.set(now_ts, speed=speed)

    @property
    def speed(self) -> float:
        return self._speed

    def set(self, now_ts: int, *, speed: float) -> None:
        """Go on from ``now_ts`` at ``speed``; sleepers wake and count anew."""
        self._base_ts, self._base_steady, self._speed = now_ts, time.monotonic_ns(), speed
        self._changed.set()
        self._changed = asyncio.Event()

    def now(self) -> int:
        return self._base_ts + int((time.monotonic_ns() - self._base_steady) * self._speed)

    async def sleep(self, seconds: float) -> None:
        """Until market time has moved on by ``seconds``, however its speed changes meanwhile."""
        until = self.now() + int(seconds * SECOND)
        while (left := until - self.now()) > 0:
            wait = left / SECOND / self._speed if self._speed > 0 else None
            # not wait_for: on Python 3.11 it can swallow a cancellation that meets the event
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._changed.wait()


def backoff(*, first: float = 1.0, cap: float = 60.0, seed: int | None = None) -> Iterator[float]:
    """Waits in seconds that double up to ``cap``, each shortened by up to half at random.

    The jitter keeps many clients from coming back at the same instant.
    """
    chance = random.Random(seed)
    wait = first
    while True:
        yield wait * (1 - chance.random() / 2)
        wait = min(cap, wait * 2)


class SlidingWindow:
    """At most ``limit`` calls in any window of ``seconds``, exact in every window.

    >>> window = SlidingWindow(3, 1.0)
    >>> [window.wait(0.0) for _ in range(4)]
    [0.0, 0.0, 0.0, 1.0]
    """

    def __init__(self, limit: int, seconds: float) -> None:
        self._calls: deque[float] = deque(maxlen=limit)
        self._seconds = seconds

    def free(self, now: float) -> float:
        """How long until a place is free; takes none."""
        calls = self._calls
        return max(0.0, calls[0] + self._seconds - now) if len(calls) == calls.maxlen else 0.0

    def wait(self, now: float) -> float:
        """Take the next place; the answer is how long to wait before using it."""
        calls = self._calls
        at = now if len(calls) < (calls.maxlen or 0) else max(now, calls[0] + self._seconds)
        calls.append(at)
        return at - now


async def pause(seconds: float) -> None:
    """Sleep in steady time."""
    await asyncio.sleep(seconds)
