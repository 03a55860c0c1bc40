"""Kite's envelope: what an answer looks like, and how an error is said (Kite Connect v3)."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from firki.kite.vocabulary import ErrorType

JSON: Final = "application/json"


class KiteError(Exception):
    """An error as the client gets it: status, error type, message."""

    def __init__(self, status: int, error_type: ErrorType, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.message = message

    @classmethod
    def bad_input(cls, message: str) -> "KiteError":
        return cls(400, ErrorType.INPUT, message)

    @classmethod
    def missing(cls, field: str) -> "KiteError":
        return cls.bad_input(f"Missing or empty field `{field}`")

    @classmethod
    def bad_token(cls) -> "KiteError":
        return cls(403, ErrorType.TOKEN, "Incorrect `api_key` or `access_token`.")

    @classmethod
    def dead_token(cls) -> "KiteError":
        return cls(403, ErrorType.TOKEN, "Token is invalid or has expired.")

    @classmethod
    def too_many(cls) -> "KiteError":
        return cls(429, ErrorType.NETWORK, "Too many requests")

    @classmethod
    def unknown(cls, what: str) -> "KiteError":
        return cls(404, ErrorType.GENERAL, f"Couldn't find that `{what}`.")


def success(data: Any, headers: Mapping[str, str] | None = None) -> Response:
    """200 with the data; ``data`` is anything JSON can say."""
    body = msgspec.json.encode({"status": "success", "data": data})
    return Response(body, media_type=JSON, headers=headers)


def failure(error: KiteError) -> Response:
    """The error in the envelope."""
    body = {
        "status": "error",
        "message": error.message,
        "data": None,
        "error_type": error.error_type,
    }
    return Response(msgspec.json.encode(body), error.status, media_type=JSON)


async def on_kite_error(_request: Request, error: Exception) -> Response:
    """For errors the routes raise."""
    assert isinstance(error, KiteError)
    return failure(error)


async def on_http_error(_request: Request, error: Exception) -> Response:
    """For what the router finds: no such route (404), not with this method (405)."""
    assert isinstance(error, HTTPException)
    words = {404: "Route not found", 405: "Method not allowed"}
    message = words.get(error.status_code, str(error.detail))
    return failure(KiteError(error.status_code, ErrorType.GENERAL, message))


async def on_crash(_request: Request, _error: Exception) -> Response:
    """For a fault of the simulator itself; the server logs it with its trace."""
    message = "The simulator failed on this request; its log says how."
    return failure(KiteError(500, ErrorType.GENERAL, message))
