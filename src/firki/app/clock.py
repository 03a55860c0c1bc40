"""Which clock is market time: the machine's, or one that a simulator's control door drives."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, Protocol

import httpx2
import msgspec

from firki.errors import FirkiError, Rejected, Unavailable
from firki.ports import Clock
from firki.timing import SECOND, DrivenClock, SystemClock, pause, steady

log = logging.getLogger(__name__)

_POLL_SECONDS: Final = 0.2
_TIMEOUT_SECONDS: Final = 5.0
_LEAST_SECONDS: Final = 0.001
_LOOK_SECONDS: Final = 0.05
"""How often a sleeper looks whether market time was moved on."""
_LONGEST_COUNT_SECONDS: Final = 0.5
"""Machine seconds that market time counts on without an answer."""
_MOST_COUNT_NS: Final = 30 * SECOND
"""Market time that is counted on without one: at a high speed the simulator waits for those who
listen, and a minute must not be over before its frames were read."""
_MOST_LEAD_NS: Final = 3 * 3600 * SECOND
"""What is further ahead is not believed; a simulator further behind plays another day."""
_STEP_TIMEOUT_SECONDS: Final = 300.0
"""Going to a moment is answered when everything up to it has been played."""
_MOST_WORDS: Final = 400


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


class _Refused(msgspec.Struct):
    message: str


class SimulatedClock:
    """Market time of a simulator: read before anything else, and again all the time.

    Between two readings it counts on with steady time. The simulator changes speed by its own
    schedule and jumps to the next day, so one reading at the start would not do. Having counted on
    too far, as when the speed changed between two readings, it stands until the simulator is
    there: market time does not step back.
    """

    def __init__(
        self,
        url: str,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        now: Callable[[], float] = steady,
    ) -> None:
        """``now`` is steady time: it says how long an answer took."""
        self._url = url.rstrip("/") + "/clock"
        self._client = httpx2.AsyncClient(
            timeout=_TIMEOUT_SECONDS, trust_env=False, transport=transport
        )
        self._steady = now
        self._clock = DrivenClock(0, speed=0)
        self._told = _Told(0, 0, running=False)
        self._limit_ts = 0
        self._newest_ts = 0

    @property
    def speed(self) -> float:
        """Market seconds a steady second while it runs."""
        return self._told.speed

    @property
    def running(self) -> bool:
        return self._told.running

    def now(self) -> int:
        """Counted on from the newest answer, but not far: a simulator that is busy sends nothing
        either, and market time must not run away from its frames. Nor does it lag behind them, or
        go back when an answer says that it is earlier: it stands until that is made good."""
        self._newest_ts = max(self._newest_ts, min(self._clock.now(), self._limit_ts))
        return self._newest_ts

    def reach(self, ts: int) -> None:
        """The simulator has sent something made then, so it is that late at least.

        A moment that is hours ahead is not believed.
        """
        if ts < self.now() + _MOST_LEAD_NS:
            self._newest_ts = max(self._newest_ts, ts)

    async def sleep(self, seconds: float) -> None:
        """Until ``now`` has moved on by ``seconds``: by itself, by an answer or by a frame."""
        until = self.now() + int(seconds * SECOND)
        while (left := until - self.now()) > 0:
            speed = self._clock.speed
            alone = left / SECOND / speed if speed > 0 else _LOOK_SECONDS
            await pause(min(max(alone, _LEAST_SECONDS), _LOOK_SECONDS))

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
        before = self._steady()
        try:
            timeout = _STEP_TIMEOUT_SECONDS if body and "to" in body else _TIMEOUT_SECONDS
            answer = await self._client.request(method, self._url, json=body, timeout=timeout)
        except httpx2.HTTPError as error:
            raise Unavailable(
                f"clock.url {self._url}: no answer ({type(error).__name__}); is the simulator "
                "running, and is this its control address?"
            ) from error
        if answer.status_code >= 400:
            raise Rejected(f"clock: {_refusal(answer)}")
        self._take(msgspec.json.decode(answer.content, type=_Told), self._steady() - before)

    def _take(self, told: _Told, seconds: float) -> None:
        """An answer that took so long was true at some moment of that time, so what was counted is
        right while it lies in between; a slow answer changes nothing."""
        speed = told.speed if told.running else 0.0
        latest_ts = told.now_ts + int(seconds * speed * SECOND)
        counted_ts = min(self._clock.now(), self._limit_ts)
        now_ts = min(max(counted_ts, told.now_ts), latest_ts)
        if now_ts != counted_ts or speed != self._clock.speed:
            self._clock.set(now_ts, speed=speed)
        count = min(int(_LONGEST_COUNT_SECONDS * speed * SECOND), _MOST_COUNT_NS)
        self._limit_ts = now_ts + count
        self._told = told
        if self._newest_ts - now_ts > _MOST_LEAD_NS:
            self._newest_ts = now_ts


def _refusal(answer: httpx2.Response) -> str:
    """The door's own sentence."""
    try:
        told = msgspec.json.decode(answer.content, type=_Refused).message
    except msgspec.MsgspecError:
        told = answer.text
    return told.removeprefix("clock: ")[:_MOST_WORDS]


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
