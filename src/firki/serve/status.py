"""How firki is: health, metrics, what is captured."""

from collections.abc import Awaitable, Callable

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from firki.serve.access import CALLER
from firki.serve.answer import answer
from firki.serve.directory import Directory
from firki.serve.parts import ServeParts

Endpoint = Callable[..., Awaitable[Response]]


def health(parts: ServeParts) -> Endpoint:
    """GET /health: all of it with a credential, else only the one word that says how it is."""

    async def read_health(request: Request) -> Response:
        if request.scope.get(CALLER):
            return answer(parts.health())
        return answer({"status": parts.health_word()})

    return read_health


def status(parts: ServeParts) -> Endpoint:
    """GET /api/status: the full health document."""

    async def read_status() -> Response:
        return answer(parts.health())

    return read_status


def metrics(registry: CollectorRegistry) -> Endpoint:
    """GET /metrics, as Prometheus reads them."""

    async def read_metrics() -> Response:
        # the full type in a header of its own: a media_type would get a second charset
        return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})

    return read_metrics


class SubscriptionRow(msgspec.Struct, frozen=True):
    """A captured instrument; ``key`` is null where the day's table lacks the token."""

    instrument_token: int
    key: str | None
    mode: str


class SubscriptionsAnswer(msgspec.Struct, frozen=True):
    """All that is captured."""

    count: int
    subscriptions: list[SubscriptionRow]


def subscriptions(parts: ServeParts, directory: Directory) -> Endpoint:
    """GET /api/subscriptions: the instruments firki takes from the feed, and how much of each."""

    async def list_subscriptions() -> Response:
        captured = parts.captured()
        keys = {one.instrument_token: one.key for one in directory.many(captured)}
        rows = [
            SubscriptionRow(token, keys.get(token), mode.name.lower())
            for token, mode in captured.items()
        ]
        return answer(SubscriptionsAnswer(len(rows), rows))

    return list_subscriptions
