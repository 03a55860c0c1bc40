"""The description of the routes: as OpenAPI for programs, as a list for people."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from starlette.responses import HTMLResponse, Response

from firki.serve.answer import answer
from firki.serve.encode import CandleRow, Stretch
from firki.serve.plain import plain_page

Endpoint = Callable[..., Awaitable[Response]]

_REF: Final = "#/components/schemas/{name}"
_MOMENT: Final = "ISO time with its offset, a date, or epoch nanoseconds"
CANDLE_PARAMETERS: Final = {
    "interval": "1m (the default), 5m, 90m, 1h, day, week, month; 5minute and the like too",
    "from": f"first start: {_MOMENT}; by default the beginning of the day of `to`",
    "to": f"last start: {_MOMENT}; by default the end of today",
    "count": "so many candles, counted back from `to`",
    "include_current": "true (the default) or false: whether forming candles are given",
    "as_of": "what was known at the end of a past day: a date, or a moment after its close",
    "sessions": "some of pre_open,continuous,closing_auction; all by default",
}


class CandlesAnswer(msgspec.Struct, frozen=True):
    """Candles of one instrument; ``gaps`` is there when the feed was away for some of them."""

    key: str
    interval: str
    as_of: str
    source: str
    candles: list[CandleRow]
    gaps: list[Stretch] | None = None


class ProblemAnswer(msgspec.Struct, frozen=True):
    """Why a request was refused: a fixed word, and a sentence."""

    error: str
    detail: str


@dataclass(frozen=True, slots=True)
class Described:
    """A route of the interface: what it does, takes, and gives."""

    method: str
    path: str
    endpoint: Endpoint
    summary: str
    gives: Any = None
    """The type of the answer, or None where it is not a described JSON document."""
    takes: Any = None

    def add_to(self, app: FastAPI) -> None:
        """Serve it."""
        app.add_api_route(
            self.path,
            self.endpoint,
            methods=[self.method],
            summary=self.summary,
            response_class=Response,
            responses={200: _content(self.gives)} if self.gives else None,
            openapi_extra={"requestBody": _content(self.takes)} if self.takes else None,
        )


def describe(app: FastAPI, routes: Sequence[Described]) -> Endpoint:
    """GET /openapi.json."""
    document: dict[str, Any] = {}

    async def read_openapi() -> Response:
        if not document:
            document.update(_document(app, routes))
        return answer(document)

    return read_openapi


def listing(app: FastAPI, routes: Sequence[Described]) -> Endpoint:
    """GET /docs: the routes on one plain page."""

    async def read_docs() -> Response:
        return HTMLResponse(_page(_document(app, routes)))

    return read_docs


def _document(app: FastAPI, routes: Sequence[Described]) -> dict[str, Any]:
    document = app.openapi()
    document["paths"]["/api/candles/{key}"] = {"get": _candles()}
    document["paths"].pop("/{path}", None)
    types = [kind for route in routes for kind in (route.gives, route.takes) if kind]
    _, components = msgspec.json.schema_components(
        [*types, CandlesAnswer, ProblemAnswer], ref_template=_REF
    )
    document.setdefault("components", {}).setdefault("schemas", {}).update(components)
    return document


def _candles() -> dict[str, Any]:
    parameters = [
        {"name": "key", "in": "path", "required": True, "schema": {"type": "string"},
         "description": "NSE:INFY, or an instrument token"},
        *(
            {"name": name, "in": "query", "required": False, "schema": {"type": "string"},
             "description": words}
            for name, words in CANDLE_PARAMETERS.items()
        ),
    ]  # fmt: skip
    text = {"schema": {"type": "string"}}
    content = _content(CandlesAnswer)
    content["content"] |= {"text/csv": text, "application/vnd.apache.arrow.stream": text}
    return {
        "summary": "Candles of one instrument, as JSON, CSV or an Arrow stream by Accept",
        "parameters": parameters,
        "responses": {"200": content, "422": _content(ProblemAnswer)},
    }


def _content(kind: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_REF)
    return {"description": "", "content": {"application/json": {"schema": schema}}}


def _page(document: dict[str, Any]) -> str:
    rows = [
        f"<tr><td>{escape(method.upper())}<td><code>{escape(path)}</code>"
        f"<td>{escape(operation.get('summary', ''))}"
        for path, operations in sorted(document["paths"].items())
        for method, operation in operations.items()
    ]
    return plain_page(
        "Interface",
        "<p>Every request carries <code>Authorization: Bearer KEY</code> with the key in "
        "<code>keys/cli</code> of the data folder. All details: "
        '<a href="/openapi.json">openapi.json</a>.</p>\n'
        f"<table>\n{chr(10).join(rows)}\n</table>\n"
        "<p>The stream: a websocket at <code>/api/stream</code> takes "
        "<code>{&quot;op&quot;: &quot;subscribe&quot;, &quot;id&quot;: ..., &quot;channel&quot;: "
        "&quot;quotes&quot; | &quot;ticks&quot; | &quot;candles&quot; | &quot;health&quot;, "
        "&quot;keys&quot;: [...], &quot;interval&quot;: ...}</code> and tells "
        "<code>{id, seq, as_of, data}</code>, numbered from 1 for each subscription; "
        "<code>?format=msgpack</code> for msgpack.</p>\n",
        wide=True,
    )
