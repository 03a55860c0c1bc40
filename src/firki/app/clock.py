"""Which clock is market time: the machine's, or one that a simulator's control door drives."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any, Final, Protocol

import httpx2
import msgspec

from firki.errors import FirkiError, Rejected, Unavailable
from firki.ports import Clock
from firki.timing import SECOND, DrivenClock, SystemClock, pause, steady

log = logging.getLogger(__name__)

_POLL_SECONDS: Final = 0.2
_TIMEOUT_SECONDS: Final = 5.0
_LONGEST_COUNT_SECONDS: Final = 0.5
"""Machine seconds that market time counts on without an answer."""
_MOST_LEAD_SECONDS: Final = 3 * 3600
_STEP_TIMEOUT_SECONDS: Final = 300.0
"""Going to a moment is answered when everything up to it has been played."""
_PROMPT_SECONDS: Final = 0.1
"""An answer that took longer does not say when within that time it was true."""
_STEP_SECONDS: Final = 0.1
"""How far market time may be off, in machine seconds, before it is set anew: both sides count on
with the same steady time, so an offset is the request's own delay and does not grow."""


class Door(Protocol):
    """Market time with a door through which it is driven."""

    @property
    def speed(self) -> float: ...

    @property
    def running(self) -> bool: ...

    def now(self) -> int: ...


class _Told(msgspec.Struct):
    now_ts: int
    speed: float
    running: bool


class SimulatedClock:
    """Market time of a simulator: read before anything else, and again all the time.

    Between two readings it counts on with steady time. The simulator changes speed by its own
    schedule and jumps to the next day, so one reading at the start would not do.
    """

    def __init__(self, url: str, *, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._url = url.rstrip("/") + "/clock"
        self._client = httpx2.AsyncClient(
            timeout=_TIMEOUT_SECONDS, trust_env=False, transport=transport
        )
        self._clock = DrivenClock(0, speed=0)
        self._told = _Told(0, 0, running=False)
        self._limit_ts = 0
        self._reached_ts = 0

    @property
    def speed(self) -> float:
        """Market seconds a steady second while it runs."""
        return self._told.speed

    @property
    def running(self) -> bool:
        return self._told.running

    def now(self) -> int:
        """Counted on from the newest answer, but not far: a simulator that is busy sends nothing
        either, and market time must not run away from its frames. Nor does it lag behind them."""
        return max(self._reached_ts, min(self._clock.now(), self._limit_ts))

    def reach(self, ts: int) -> None:
        """The simulator has sent something made then, so it is that late at least.

        A moment that is hours ahead is not believed.
        """
        if self._reached_ts < ts < self.now() + _MOST_LEAD_SECONDS * SECOND:
            self._reached_ts = ts

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)

    async def read(self) -> None:
        """Ask the door once; raises Unavailable naming the setting when it does not answer."""
        await self._ask("GET", None)

    async def run(self) -> None:
        """Keep up with the door until cancelled; while it is away the clock stands."""
        away = False
        while True:
            try:
                await self.read()
                away = False
            except (FirkiError, msgspec.MsgspecError) as error:
                if not away:
                    log.warning("clock does not answer reason=%s", error)
                away = True
            await pause(_POLL_SECONDS)

    async def change(
        self,
        *,
        speed: float | None = None,
        running: bool | None = None,
        to_ts: int | None = None,
    ) -> None:
        """Drive the door; raises Rejected with its words when it refuses."""
        body: dict[str, Any] = {}
        if speed is not None:
            body["speed"] = speed
        if running is not None:
            body["run" if running else "pause"] = True
        if to_ts is not None:
            body["to"] = to_ts
        await self._ask("POST", body)

    async def close(self) -> None:
        await self._client.aclose()

    async def _ask(self, method: str, body: dict[str, Any] | None) -> None:
        before = steady()
        try:
            timeout = _STEP_TIMEOUT_SECONDS if body and "to" in body else _TIMEOUT_SECONDS
            answer = await self._client.request(method, self._url, json=body, timeout=timeout)
        except httpx2.HTTPError as error:
            raise Unavailable(
                f"clock.url {self._url}: no answer ({type(error).__name__}); is the simulator "
                "running, and is this its control address?"
            ) from error
        if answer.status_code >= 400:
            raise Rejected(f"clock: {answer.text[:200]}")
        told = msgspec.json.decode(answer.content, type=_Told)
        seconds = steady() - before
        # a late answer was true some time ago; taken as it is, it is never ahead of the simulator
        self._take(told, seconds / 2 if seconds < _PROMPT_SECONDS else 0.0)

    def _take(self, told: _Told, seconds_ago: float) -> None:
        speed = told.speed if told.running else 0.0
        now = told.now_ts + int(seconds_ago * speed * SECOND)
        drift = abs(now - self._clock.now()) / SECOND
        self._limit_ts = now + int(_LONGEST_COUNT_SECONDS * speed * SECOND)
        changed = speed != self._clock.speed
        self._told = told
        if changed or drift > _STEP_SECONDS * max(1.0, speed):
            self._clock.set(now, speed=speed)


@contextlib.asynccontextmanager
async def market_clock(url: str) -> AsyncIterator[Clock]:
    """Market time by ``clock.url``: the machine's clock, or a simulator's, read before use."""
    if not url:
        yield SystemClock()
        return
    clock = SimulatedClock(url)
    following: asyncio.Task[None] | None = None
    try:
        await clock.read()
        following = asyncio.create_task(clock.run())
        yield clock
    finally:
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        await clock.close()
