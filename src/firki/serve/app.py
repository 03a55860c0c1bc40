"""The gateway, put together: routes, what refuses, and the guard around all of it."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from firki.errors import FirkiError
from firki.serve.access import admit
from firki.serve.answer import answer
from firki.serve.candles import CandleRoute
from firki.serve.clock import ClockBody, ClockState, clock, set_clock
from firki.serve.directory import Directory
from firki.serve.documents import Described, describe, listing
from firki.serve.guard import Guard
from firki.serve.instruments import InstrumentRow, InstrumentsAnswer, instrument, instruments
from firki.serve.login import links, login, logout
from firki.serve.measure import RequestMeter, StreamMeter
from firki.serve.parts import ServeParts
from firki.serve.plain import STYLE_PATH, style
from firki.serve.problem import Problem, shorten
from firki.serve.quotes import QuotesAnswer, quotes
from firki.serve.status import SubscriptionsAnswer, health, metrics, status, subscriptions
from firki.serve.stream import StreamRoute
from firki.serve.ticks import TickBody, TicksAnswer, ticks
from firki.serve.web import Page

# nothing of this machine is told to others, whatever its environment asks for
_SILENT: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}


def create_app(parts: ServeParts, *, page: Page | None = None) -> Guard:
    """The ASGI application; ``page`` stands in for the page built into the package."""
    api = FastAPI(
        title="firki",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        telemetry=_SILENT,
    )
    directory = Directory(parts.instruments)
    # first, because routes are tried in turn and this one is asked for most
    candles = CandleRoute(parts, directory)
    api.router.routes.append(Route("/api/candles/{key:path}", candles, methods=["GET"]))
    described = _described(parts, directory)
    for route in described:
        route.add_to(api)
    api.router.routes += [
        WebSocketRoute("/api/stream", StreamRoute(parts, directory, StreamMeter(parts.metrics))),
        Route("/login", login(parts.credentials), methods=["GET"]),
        Route(STYLE_PATH, style, methods=["GET"]),
    ]
    api.add_api_route("/openapi.json", describe(api, described), include_in_schema=False)
    api.add_api_route("/docs", listing(api, described), include_in_schema=False)
    # last, because it takes every path
    api.router.routes.append(Route("/{path:path}", (page or Page()).read, methods=["GET"]))
    admit(api.routes)
    _answer_errors(api)
    return Guard(
        api,
        parts.credentials,
        RequestMeter(parts.metrics),
        public_url=parts.settings.public_url,
    )


def _described(parts: ServeParts, directory: Directory) -> list[Described]:
    return [
        Described(
            "GET", "/api/quotes", quotes(parts, directory),
            "The newest of each instrument", QuotesAnswer,
        ),
        Described(
            "GET", "/api/instruments", instruments(parts, directory),
            "Captured instruments, or a search through all", InstrumentsAnswer,
        ),
        Described(
            "GET", "/api/instruments/{key:path}", instrument(directory),
            "One instrument by key or token", InstrumentRow,
        ),
        Described(
            "POST", "/api/ticks", ticks(parts, directory),
            "Take ticks of other programs", TicksAnswer, list[TickBody],
        ),
        Described("GET", "/api/clock", clock(parts), "Market time", ClockState),
        Described(
            "POST", "/api/clock", set_clock(parts),
            "Drive market time, where it can be", ClockState, ClockBody,
        ),
        Described(
            "GET", "/api/subscriptions", subscriptions(parts, directory),
            "What is captured from the feed", SubscriptionsAnswer,
        ),
        Described("GET", "/api/status", status(parts), "How each part is, and how old its data"),
        Described("POST", "/api/links", links(parts.credentials), "A one-time link for a browser"),
        Described("POST", "/api/logout", logout(parts.credentials), "End the browser's session"),
        Described("GET", "/health", health(parts), "The status; one word without a credential"),
        Described("GET", "/metrics", metrics(parts.metrics), "Counters for Prometheus"),
    ]  # fmt: skip


def _answer_errors(api: FastAPI) -> None:
    """Every way a request can go wrong is told in one form."""

    async def on_problem(_request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return _told(error)

    async def on_firki_error(_request: Request, error: Exception) -> Response:
        assert isinstance(error, FirkiError)
        return _told(Problem.of(error))

    async def on_invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return _told(Problem(422, "invalid", _sentence(error)))

    async def on_http_error(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _told(
            Problem(error.status_code, "http", str(error.detail)), dict(error.headers or {})
        )

    async def on_failure(_request: Request, _error: Exception) -> Response:
        # what failed is in the log: the exception goes on to the server, which writes it there
        return _told(Problem(500, "internal", "firki could not answer; its log says why"))

    api.add_exception_handler(Problem, on_problem)
    api.add_exception_handler(FirkiError, on_firki_error)
    api.add_exception_handler(RequestValidationError, on_invalid)
    api.add_exception_handler(HTTPException, on_http_error)
    api.add_exception_handler(Exception, on_failure)


def _told(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    response = answer({"error": problem.error, "detail": problem.detail, **problem.more})
    response.status_code = problem.status
    response.headers.update(headers or {})
    if problem.status == 429:
        response.headers["retry-after"] = "60"
    return response


def _sentence(error: RequestValidationError) -> str:
    """The first of the complaints, in a line."""
    first: dict[str, Any] = error.errors()[0]
    place = ".".join(str(part) for part in first.get("loc", ()))
    return f"{place}: {first.get('msg', 'not valid')}, found {shorten(first.get('input'))}"
