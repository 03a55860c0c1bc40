"""What can be watched: the captured instruments, and a search through all of them."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec
from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from firki.model.instrument import Instrument
from firki.serve.answer import answer
from firki.serve.directory import KEY_LENGTH, Directory
from firki.serve.parts import ServeParts

_MOST = 20_000
_USUAL_FOUND = 100


class InstrumentRow(msgspec.Struct, frozen=True, kw_only=True):
    """An instrument as clients read it; strike and tick size in rupees, no strike is null."""

    instrument_token: int
    key: str
    tradingsymbol: str
    name: str
    exchange: str
    segment: str
    instrument_type: str
    expiry: str | None
    strike: float | None
    tick_size: float
    lot_size: int
    session_class: str


def instrument_row(instrument: Instrument) -> InstrumentRow:
    return InstrumentRow(
        instrument_token=instrument.instrument_token,
        key=instrument.key,
        tradingsymbol=instrument.tradingsymbol,
        name=instrument.name,
        exchange=instrument.exchange,
        segment=instrument.segment,
        instrument_type=instrument.instrument_type,
        expiry=instrument.expiry.isoformat() if instrument.expiry else None,
        strike=instrument.strike or None,
        tick_size=instrument.tick_size,
        lot_size=instrument.lot_size,
        session_class=instrument.session_class.value,
    )


class InstrumentsAnswer(msgspec.Struct, frozen=True):
    """A list of instruments."""

    instruments: list[InstrumentRow]


class InstrumentsQuery(BaseModel):
    """Which instruments. Without ``limit``: all captured ones, else the first hundred."""

    model_config = ConfigDict(extra="forbid")

    captured: bool = False
    limit: Annotated[int, Field(ge=1, le=_MOST)] | None = None
    search: Annotated[str, Field(max_length=KEY_LENGTH)] | None = None


def instruments(parts: ServeParts, directory: Directory) -> Callable[..., Awaitable[Response]]:
    """GET /api/instruments."""

    async def list_instruments(query: Annotated[InstrumentsQuery, Query()]) -> Response:
        limit = query.limit or (_MOST if query.captured else _USUAL_FOUND)
        found = _select(parts, directory, query, limit)
        return answer(InstrumentsAnswer([instrument_row(one) for one in found]))

    return list_instruments


def _select(
    parts: ServeParts, directory: Directory, query: InstrumentsQuery, limit: int
) -> list[Instrument]:
    table = directory.table
    if not query.captured:
        if query.search:
            return directory.search(query.search, limit)
        return [table.instrument(row) for row in range(min(limit, len(table)))]
    captured = parts.captured()
    if query.search:
        return directory.search(query.search, limit, among=captured)
    return directory.many(captured)[:limit]


def instrument(directory: Directory) -> Callable[[Request], Awaitable[Response]]:
    """GET /api/instruments/{key}."""

    async def read_instrument(request: Request) -> Response:
        return answer(instrument_row(directory.find(request.path_params["key"])))

    return read_instrument
