"""The newest of each instrument."""

from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from firki.model.ist import ist_text
from firki.ports import Quote
from firki.serve.answer import answer
from firki.serve.directory import KEY_LENGTH, Directory
from firki.serve.parts import ServeParts

_MOST_KEYS = 10_000


class QuoteRow(msgspec.Struct, frozen=True, kw_only=True):
    """A quote as clients read it; ``key`` is there where the quote stands in a list."""

    key: str | msgspec.UnsetType = msgspec.UNSET
    instrument_token: int
    last_price: float
    last_quantity: int | None
    average_price: float | None
    volume_traded: int | None
    buy_quantity: int | None
    sell_quantity: int | None
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    change: float | None
    change_percent: float | None
    last_trade_time: str | None
    exchange_time: str | None
    received_time: str
    oi: int | None
    oi_day_high: int | None
    oi_day_low: int | None
    age_seconds: float
    connection: int
    depth: dict[str, list[dict[str, Any]]] | msgspec.UnsetType | None = msgspec.UNSET


class QuotesAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Quotes by the names they were asked for; ``unknown`` lists the names nothing goes by."""

    as_of: str
    quotes: dict[str, QuoteRow]
    unknown: list[str] = []


# fields that a quote and its row have by the same name
_SAME = tuple(
    name
    for name in Quote.__struct_fields__
    if name in QuoteRow.__struct_fields__ and name != "depth"
)


def quote_row(
    quote: Quote, now_ts: int, *, key: str | None = None, depth: bool = False
) -> QuoteRow:
    """The quote with its times as text and its age in market time."""
    return QuoteRow(
        **{name: getattr(quote, name) for name in _SAME},
        key=msgspec.UNSET if key is None else key,
        last_trade_time=time_text(quote.last_trade_ts),
        exchange_time=time_text(quote.exchange_ts),
        received_time=_text(quote.received_ts),
        age_seconds=round(max(0, now_ts - quote.received_ts) / 1e9, 3),
        depth=quote.depth if depth else msgspec.UNSET,
    )


# instruments of one frame share their times, and text is what takes longest
_text = lru_cache(maxsize=8_192)(ist_text)


def time_text(ts: int | None) -> str | None:
    """Indian time as ISO text; None stays None."""
    return None if ts is None else _text(ts)


class QuotesQuery(BaseModel):
    """Which quotes; without keys those of all captured instruments."""

    model_config = ConfigDict(extra="forbid")

    keys: list[Annotated[str, Field(max_length=KEY_LENGTH)]] | None = Field(
        default=None, max_length=_MOST_KEYS
    )
    depth: bool = False


def quotes(parts: ServeParts, directory: Directory) -> Callable[..., Awaitable[Response]]:
    """GET /api/quotes."""

    async def read_quotes(query: Annotated[QuotesQuery, Query()]) -> Response:
        tokens, unknown = _tokens(parts, directory, query.keys)
        now_ts = parts.clock.now()
        found = {
            tokens[quote.instrument_token]: quote_row(quote, now_ts, depth=query.depth)
            for quote in parts.quotes.read(list(tokens), depth=query.depth)
        }
        return answer(QuotesAnswer(ist_text(now_ts), found, unknown))

    return read_quotes


def _tokens(
    parts: ServeParts, directory: Directory, keys: list[str] | None
) -> tuple[dict[int, str], list[str]]:
    """Token to the name the caller used, and the names nothing goes by."""
    if keys is None:
        return {one.instrument_token: one.key for one in directory.many(parts.captured())}, []
    tokens: dict[int, str] = {}
    unknown = []
    for key in keys:
        instrument = directory.lookup(key)
        if instrument is None:
            unknown.append(key)
        else:
            tokens[instrument.instrument_token] = key
    return tokens, unknown
