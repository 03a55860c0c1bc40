"""The server: uvicorn on a bound socket, inside the app's tasks."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

log = logging.getLogger(__name__)

MOST_MESSAGE: Final = 512 * 1024
"""Bytes of one message from a websocket client: ten thousand keys fit."""
_MOST_AT_ONCE: Final = 512
_STOP_SECONDS: Final = 3
_CLOSE_SECONDS: Final = 3.0
_PING_SECONDS: Final = 20.0


async def serve(app: ASGIApp, sock: socket.socket) -> None:
    """Answer requests on ``sock`` until cancelled; then open ones get a few seconds to end."""
    server = _Server(_config(app))
    running = asyncio.ensure_future(server.serve(sockets=[sock]))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        # cancelled, uvicorn would drop everything at once; asked, it closes in order
        server.should_exit = True
        await running
        raise


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        ws=_StreamProtocol,
        ws_max_size=MOST_MESSAGE,
        ws_ping_interval=_PING_SECONDS,
        ws_ping_timeout=_PING_SECONDS,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        # every websocket opened is worth a line to uvicorn; a session's story has room for few
        log_level="warning",
        # forwarded headers are anybody's word; the outside address is a setting
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_MOST_AT_ONCE,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the app has its own, and its own order of stopping."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _StreamProtocol(WebSocketsSansIOProtocol):
    """Websockets that can be ended even when the other side does not read.

    uvicorn waits for room in the socket before a close frame, and after it for the buffer to
    drain: a client that reads nothing would be held for ever.
    """

    async def send(self, message: Any) -> None:  # uvicorn's private union of ASGI events
        closing = message["type"] == "websocket.close"
        if closing:
            self.writable.set()
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            # a refusal is an end too; uvicorn logs it as an app that forgot to answer
            self.handshake_complete = True
        if closing and not self.transport.is_closing():
            if self.close_timer is not None:
                self.close_timer.cancel()
            self.close_timer = self.loop.call_later(_CLOSE_SECONDS, self.transport.abort)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.transport.abort()
