"""What a refused request is told: {"error": a fixed word, "detail": a sentence}."""

from typing import Any, Final

import msgspec
from starlette.types import Scope, Send

from firki.errors import (
    AuthExpired,
    Busy,
    ConfigError,
    FirkiError,
    RateLimited,
    Rejected,
    Unavailable,
)

Headers = list[tuple[bytes, bytes]]

_STATUS: Final[dict[type[FirkiError], tuple[int, str]]] = {
    RateLimited: (503, "rate_limited"),
    Unavailable: (503, "unavailable"),
    AuthExpired: (503, "broker_login_needed"),
    Busy: (409, "busy"),
    Rejected: (422, "rejected"),
    ConfigError: (409, "not_configured"),
}
_MOST_IN_A_SENTENCE: Final = 200


class Problem(Exception):
    """Ends a request with ``status``; ``error`` is the word, ``detail`` the sentence."""

    def __init__(self, status: int, error: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.error, self.detail, self.more = status, error, detail, more

    @classmethod
    def of(cls, error: FirkiError) -> "Problem":
        """The HTTP form of an error from inside."""
        for kind, (status, word) in _STATUS.items():
            if isinstance(error, kind):
                return cls(status, word, str(error))
        return cls(500, "internal", "firki could not answer; its log says why")

    def body(self) -> bytes:
        return msgspec.json.encode({"error": self.error, "detail": self.detail, **self.more})


def invalid(detail: str, **more: Any) -> Problem:
    """The request is not what the route takes."""
    return Problem(422, "invalid", detail, **more)


def shorten(value: object) -> str:
    """What was found, quoted, and cut where a hostile client made it long."""
    text = repr(value)
    return text if len(text) <= _MOST_IN_A_SENTENCE else text[:_MOST_IN_A_SENTENCE] + "..."


async def refuse(
    scope: Scope, send: Send, problem: Problem, headers: Headers | None = None
) -> None:
    """Answer instead of the app; a websocket is refused before it is opened."""
    await respond(
        scope,
        send,
        problem.status,
        problem.body(),
        [(b"content-type", b"application/json"), *(headers or [])],
    )


async def respond(scope: Scope, send: Send, status: int, body: bytes, headers: Headers) -> None:
    """Send a whole answer, to a websocket that is not open yet too."""
    prefix = "http"
    if scope["type"] == "websocket":
        prefix = "websocket.http"
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008, "reason": "refused"})
            return
    length = (b"content-length", str(len(body)).encode())
    start = {"type": f"{prefix}.response.start", "status": status, "headers": [*headers, length]}
    await send(start)
    await send({"type": f"{prefix}.response.body", "body": body})
