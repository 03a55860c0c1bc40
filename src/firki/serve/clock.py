"""Market time, and its levers where it is driven."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from firki.model.ist import ist_text
from firki.serve.answer import answer
from firki.serve.body import read_body
from firki.serve.parts import ServeParts
from firki.serve.problem import Problem, invalid
from firki.serve.when import parse_from

Endpoint = Callable[..., Awaitable[Response]]

_FASTEST: Final = 100_000.0
_MOST_BYTES: Final = 4_096


class ClockBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change: the speed, pause or run (or ``running``), and the time to go to."""

    speed: float | None = None
    pause: Literal[True] | None = None
    run: Literal[True] | None = None
    running: bool | None = None
    to: str | int | None = None


class ClockState(msgspec.Struct, frozen=True):
    """Market time; ``driven`` says whether it can be changed here, ``source`` whose it is."""

    now: str
    speed: float
    running: bool
    driven: bool
    source: str


def clock(parts: ServeParts) -> Endpoint:
    """GET /api/clock."""

    async def read_clock() -> Response:
        return answer(_state(parts))

    return read_clock


def set_clock(parts: ServeParts) -> Endpoint:
    """POST /api/clock; the answer is the clock as it then is."""

    async def write_clock(request: Request) -> Response:
        body = await read_body(request, most=_MOST_BYTES)
        if parts.clock_control is None:
            raise Problem(
                409,
                "clock_not_driven",
                "market time here is the machine's own; it cannot be driven",
            )
        change = _change(body)
        driving = parts.clock_control.change(
            speed=change.speed, running=_running(change), to_ts=_moment(change.to)
        )
        await _while_there(request, driving)
        return answer(_state(parts))

    return write_clock


async def _while_there(request: Request, work: Coroutine[Any, Any, None]) -> None:
    """Until the work is done or the caller hangs up, which cancels it; raises what it raises."""
    tasks = asyncio.create_task(work), asyncio.create_task(_hang_up(request))
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _hang_up(request: Request) -> None:
    """Until the caller is gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _state(parts: ServeParts) -> ClockState:
    control = parts.clock_control
    return ClockState(
        now=ist_text(parts.clock.now()),
        speed=1.0 if control is None else control.speed,
        running=True if control is None else control.running,
        driven=control is not None,
        source=parts.source.value,
    )


def _change(body: bytes) -> ClockBody:
    try:
        change = msgspec.json.decode(body, type=ClockBody, strict=True)
    except msgspec.DecodeError as wrong:
        raise invalid(f"body: {wrong}") from wrong
    speed = change.speed
    if speed is not None and not (math.isfinite(speed) and 0 < speed <= _FASTEST):
        raise invalid(f"speed: expected above 0 and at most {_FASTEST:g}, found {speed}")
    if change == ClockBody():
        raise invalid("body: expected speed, pause, run, running or to")
    return change


def _running(change: ClockBody) -> bool | None:
    wishes = {change.running, True if change.run else None, False if change.pause else None}
    wishes.discard(None)
    if len(wishes) > 1:
        raise invalid("body: expected pause or run, found both")
    return wishes.pop() if wishes else None


def _moment(to: str | int | None) -> int | None:
    if to is None:
        return None
    try:
        return parse_from(str(to))
    except ValueError as wrong:
        raise invalid(f"to: {wrong}") from wrong
