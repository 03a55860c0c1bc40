"""The control door: the clock, the truth of the tape, and who is connected. Loopback only."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from firki.kite.vocabulary import ErrorType
from firki.model.ist import ist_text
from firki.simulator.box import Box
from firki.simulator.clock import parse_moment, parse_speed
from firki.simulator.envelope import JSON, KiteError, on_crash, on_http_error, on_kite_error
from firki.simulator.surface import read_body
from firki.simulator.trading import TradeKind

_LOOPBACK: Final = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?", re.IGNORECASE)
Question = TypeVar("Question", bound=msgspec.Struct)


class ClockOrder(msgspec.Struct, forbid_unknown_fields=True):
    """What POST /clock may hold; ``to`` comes last, and the others hold from then on."""

    speed: float | None = None
    pause: bool | None = None
    run: bool | None = None
    to: int | str | None = None


class TruthQuestion(msgspec.Struct, forbid_unknown_fields=True):
    """Which part of the tape: all tokens when none are named; from and to included."""

    tokens: list[int] | None = None
    from_ts: int = 0
    to_ts: int | None = None


def clock_state(box: Box) -> dict[str, Any]:
    return {"now_ts": box.player.told_ts(), "speed": box.clock.speed, "running": box.clock.running}


async def set_clock(
    box: Box, order: ClockOrder, wanted: Callable[[], bool] = lambda: True
) -> dict[str, Any]:
    """Follow the order, as long as it is wanted; raises ValueError with what is wrong with it, and
    then nothing is done."""
    if order == ClockOrder():
        raise ValueError("expected at least one of speed, to, pause, run")
    if order.pause is not None and order.pause == order.run:
        raise ValueError("pause and run contradict each other")
    speed = None if order.speed is None else parse_speed(order.speed)
    to_ts = None if order.to is None else _target(box, order.to)
    if speed is not None:
        box.clock.set_speed(speed)
    if order.pause or order.run is False:
        box.player.end_steps()
        box.clock.pause()
    elif order.run or order.pause is False:
        box.clock.run()
    if to_ts is not None:
        await box.player.play_to(to_ts, wanted)
    return clock_state(box)


def _target(box: Box, to: int | str) -> int:
    """The moment to play to; raises ValueError for one that no step goes to."""
    to_ts, now, end_ts = parse_moment(to, box.clock.today()), box.clock.now(), box.player.step_end()
    if to_ts < now:
        raise ValueError(f"to {ist_text(to_ts)} lies before {ist_text(now)}: it never goes back")
    if to_ts > end_ts:
        raise ValueError(
            f"to {ist_text(to_ts)} lies beyond {ist_text(end_ts)}: one step goes no further than "
            "the end of the next trading day"
        )
    return to_ts


def truth(box: Box, question: TruthQuestion) -> list[dict[str, Any]]:
    """The trades up to now, prices in rupees."""
    directory, now = box.hub.directory, box.clock.now()
    tokens = directory.token.tolist() if question.tokens is None else question.tokens
    listed = [token for token in tokens if directory.row_of_token(token) is not None]
    to_ts = now if question.to_ts is None else min(now, question.to_ts)
    tape = box.market.trades(listed, question.from_ts, to_ts)
    scale = directory.price_scale[directory.row_of_tokens(tape.token)]
    words = [kind.name.lower() for kind in TradeKind]
    columns = (
        tape.token.tolist(), tape.trade_ts.tolist(), (tape.price / scale).tolist(),
        tape.quantity.tolist(), (words[int(kind)] for kind in tape.session.tolist()),
    )  # fmt: skip
    names = ("token", "trade_ts", "price", "quantity", "session")
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def state(box: Box) -> dict[str, Any]:
    """The day that is played and who hears it."""
    return {
        "clock": clock_state(box),
        "trading_date": box.market.trading_date.isoformat(),
        "end_ts": box.market.end_ts,
        "instruments": len(box.hub.directory),
        "held_back": box.player.held_back,
        "clients": box.hub.report(),
    }


def control_app(box: Box) -> Starlette:
    """The application of the control door."""
    return Starlette(
        routes=[
            _route(box, "GET", "/clock", _get_clock),
            _route(box, "POST", "/clock", _post_clock),
            _route(box, "POST", "/truth", _post_truth),
            _route(box, "GET", "/state", _get_state),
        ],
        exception_handlers={
            KiteError: on_kite_error, HTTPException: on_http_error, Exception: on_crash
        },
    )  # fmt: skip


async def _get_clock(box: Box, _request: Request) -> Any:
    return clock_state(box)


async def _post_clock(box: Box, request: Request) -> Any:
    order = await _read(request, ClockOrder)
    gone = asyncio.create_task(_hang_up(request))
    try:
        return await set_clock(box, order, wanted=lambda: not gone.done())
    except ValueError as error:
        raise KiteError.bad_input(f"clock: {error}") from error
    finally:
        gone.cancel()


async def _hang_up(request: Request) -> None:
    """Until the caller is gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _post_truth(box: Box, request: Request) -> Any:
    return truth(box, await _read(request, TruthQuestion))


async def _get_state(box: Box, _request: Request) -> Any:
    return state(box)


def _route(
    box: Box, method: str, path: str, handler: Callable[[Box, Request], Awaitable[Any]]
) -> Route:
    async def answer(request: Request) -> Response:
        refuse_strangers(request)
        return Response(msgspec.json.encode(await handler(box, request)), media_type=JSON)

    return Route(path, answer, methods=[method])


def refuse_strangers(request: Request) -> None:
    """No page of another site may steer the market through its reader's browser: neither by a
    name that points here (Host), nor across sites (Origin), nor by a plain form (content type)."""
    host, origin = request.headers.get("host", ""), request.headers.get("origin")
    if _LOOPBACK.fullmatch(host) is None:
        raise KiteError(403, ErrorType.PERMISSION, f"Host {host!r} is not a loopback address.")
    if origin is not None and origin != f"http://{host}":
        raise KiteError(403, ErrorType.PERMISSION, f"Origin {origin!r} may not use this door.")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and kind != JSON:
        raise KiteError(415, ErrorType.INPUT, f"Expected content type {JSON}, found {kind!r}.")


async def _read(request: Request, kind: type[Question]) -> Question:
    try:
        return msgspec.json.decode(await read_body(request), type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise KiteError.bad_input(f"{request.scope['path']}: {error}") from error
