"""Ticks posted by other programs: each checked by itself, refusals counted by reason."""

import math
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from firki.serve.answer import answer
from firki.serve.body import read_body
from firki.serve.directory import Directory
from firki.serve.parts import PostedTick, ServeParts
from firki.serve.problem import Problem, invalid
from firki.serve.when import EARLIEST, LATEST, parse_to

MOST_TICKS: Final = 20_000
MOST_BYTES: Final = 8 * 1024 * 1024
_HIGHEST_PRICE: Final = 2_147_483_647 / 100
_MOST_COUNT: Final = 4_294_967_295
"""What the feed's own 32 bits hold."""
# an epoch is told in s, ms, us or ns; which, its size says for every year from 1990 to 2099
_UNITS: Final = (10**9, 10**6, 10**3, 1)


class TickBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A tick as a program posts it. Named by token or by ``trading_symbol``, a key such as
    NSE:INFY; price in rupees; ``exchange_timestamp`` epoch or ISO text with its offset."""

    instrument_token: int | None = None
    trading_symbol: str | None = None
    last_price: float
    day_volume: int | None = None
    oi: int | None = None
    exchange_timestamp: int | float | str | None = None


class TicksAnswer(msgspec.Struct, frozen=True):
    """How many ticks were taken, and of the others how many for which reason."""

    accepted: int
    refused: dict[str, int]


class Refused(ValueError):
    """A tick that is not taken; the argument is the reason."""


def ticks(parts: ServeParts, directory: Directory) -> Callable[[Request], Awaitable[Response]]:
    """POST /api/ticks."""

    async def post_ticks(request: Request) -> Response:
        ingest = parts.ingest
        if ingest is None:
            raise Problem(
                409, "no_tick_input", "this firki takes no posted ticks: it runs no capture"
            )
        items = _items(await read_body(request, most=MOST_BYTES))
        refused: Counter[str] = Counter()
        taken = []
        for item in items:
            try:
                taken.append(check_tick(item, directory))
            except Refused as wrong:
                refused[str(wrong)] += 1
        if taken:
            refused.update(ingest(taken))
        parts.refused_ticks.update(refused)
        return answer(TicksAnswer(len(items) - refused.total(), dict(refused)))

    return post_ticks


def _items(body: bytes) -> list[Any]:
    try:
        items = msgspec.json.decode(body)
    except msgspec.DecodeError as wrong:
        raise invalid(f"body: expected a JSON list of ticks ({wrong})") from wrong
    if not isinstance(items, list):
        raise invalid("body: expected a JSON list of ticks")
    if len(items) > MOST_TICKS:
        raise invalid(f"body: expected at most {MOST_TICKS} ticks, found {len(items)}")
    return items


def check_tick(item: Any, directory: Directory) -> PostedTick:
    """The tick in firki's own nouns; raises Refused with the reason it is counted under."""
    body = _body(item)
    return PostedTick(
        instrument_token=_token(body, directory),
        last_price=_price(body.last_price),
        day_volume=_size("day_volume", body.day_volume),
        oi=_size("oi", body.oi),
        exchange_ts=_moment(body.exchange_timestamp),
    )


def _body(item: Any) -> TickBody:
    if not isinstance(item, dict):
        raise Refused("not_an_object")
    if item.keys() - set(TickBody.__struct_fields__):
        raise Refused("unknown_field")
    if "last_price" not in item:
        raise Refused("no_last_price")
    try:
        return msgspec.convert(item, TickBody, strict=True)
    except msgspec.ValidationError as wrong:
        raise Refused("wrong_type") from wrong


def _token(body: TickBody, directory: Directory) -> int:
    name = body.trading_symbol
    if name is None:
        name = "" if body.instrument_token is None else str(body.instrument_token)
    if not name:
        raise Refused("no_instrument")
    instrument = directory.lookup(name)
    if instrument is None:
        raise Refused("unknown_instrument")
    if body.instrument_token not in (None, instrument.instrument_token):
        raise Refused("token_and_symbol_differ")
    return instrument.instrument_token


def _price(price: float) -> float:
    if not math.isfinite(price):
        raise Refused("price_not_a_number")
    if price <= 0:
        raise Refused("price_not_positive")
    if price > _HIGHEST_PRICE:
        raise Refused("price_too_high")
    return price


def _size(field: str, size: int | None) -> int | None:
    if size is None or 0 <= size <= _MOST_COUNT:
        return size
    raise Refused(f"{field}_negative" if size < 0 else f"{field}_too_large")


def _moment(stamp: float | str | None) -> int | None:
    if stamp is None:
        return None
    if isinstance(stamp, str):
        return _from_text(stamp)
    if not math.isfinite(stamp):
        raise Refused("time_out_of_range")
    for unit in _UNITS:
        # an int is scaled as one: a float has no room for nanoseconds
        ts = stamp * unit if isinstance(stamp, int) else round(stamp * unit)
        if EARLIEST <= ts < LATEST:
            return ts
    raise Refused("time_out_of_range")


def _from_text(text: str) -> int:
    try:
        aware = datetime.fromisoformat(text.strip()).tzinfo is not None
        ts = parse_to(text) if aware else 0
    except ValueError as wrong:
        raise Refused("time_not_understood") from wrong
    if not aware:
        raise Refused("naive_time")
    return ts
