"""The websocket route: who may open one, how many at once, and how each ends."""

import logging
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from firki.model.ist import ist_text
from firki.serve.client import JSON, MSGPACK, Client, Codec, Ended
from firki.serve.directory import Directory
from firki.serve.guard import SESSION
from firki.serve.measure import StreamMeter
from firki.serve.parts import ServeParts
from firki.serve.problem import Problem, refuse, shorten
from firki.serve.wish import Opener

log = logging.getLogger(__name__)

_CODECS: Final = {"json": JSON, "msgpack": MSGPACK}
_MOST_REASON: Final = 120
"""Bytes; a close frame holds 123."""


class StreamRoute:
    """Accepts websocket clients and serves each until it goes."""

    def __init__(self, parts: ServeParts, directory: Directory, meter: StreamMeter) -> None:
        self._parts, self._meter = parts, meter
        self._opener = Opener(parts, directory)
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        try:
            codec = self._admit(scope)
        except Problem as problem:
            await refuse(scope, send, problem)
            return
        self._open += 1
        self._meter.connections.inc()
        try:
            await send({"type": "websocket.accept"})
            ended = await self._client(scope, receive, send, codec).run()
        finally:
            self._open -= 1
            self._meter.connections.dec()
        await self._close(send, ended)

    def _admit(self, scope: Scope) -> Codec:
        """How to talk to the client; raises Problem where it cannot be served."""
        most = self._parts.settings.max_streams
        if self._open >= most:
            raise Problem(503, "too_many_streams", f"expected at most {most} websockets at once")
        values = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        name = values.pop("format", "json")
        if values:
            raise Problem(
                400, "invalid", f"parameter {shorten(next(iter(values)))}: expected format"
            )
        if name not in _CODECS:
            raise Problem(400, "invalid", f"format {shorten(name)}: expected json or msgpack")
        return _CODECS[name]

    def _client(self, scope: Scope, receive: Receive, send: Send, codec: Codec) -> Client:
        parts = self._parts
        secret: str | None = scope.get(SESSION)
        sessions = parts.credentials.sessions
        return Client(
            receive=receive,
            send=send,
            codec=codec,
            opener=self._opener,
            settings=parts.settings,
            meter=self._meter,
            stamp=lambda: ist_text(parts.clock.now()),
            welcome=lambda: secret is None or sessions.check(secret),
        )

    async def _close(self, send: Send, ended: Ended) -> None:
        if not ended.code:
            return
        self._meter.closed.labels(ended.word).inc()
        log.info("stream client closed code=%s reason=%s", ended.code, ended.reason)
        reason = ended.reason.encode()[:_MOST_REASON].decode("utf-8", "ignore")
        event: dict[str, Any] = {"type": "websocket.close", "code": ended.code, "reason": reason}
        await send(event)
