"""The websocket at ``/``: a protocol of its own under uvicorn, so that the transport is ours.

An ASGI websocket hides its transport, and with it how much a client has not read yet, the abrupt
end a broker gives a slow client, and every fault that lies below a whole frame.
"""

import asyncio
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import parse_qs

from uvicorn.server import ServerState
from websockets.exceptions import InvalidState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from firki.kite.vocabulary import ErrorType
from firki.simulator.envelope import KiteError, failure
from firki.simulator.hub import Client, Hub
from firki.simulator.messages import RefusedError, error_text, obey
from firki.simulator.session import Sessions

MOST_WAITING_BYTES: Final = 32 << 20
"""What a client may leave unread before it is cut off."""

_LARGEST_MESSAGE: Final = 1 << 20
_BINARY: Final = 0x82
"""FIN and the opcode of a binary message (RFC 6455, 5.2)."""
_SHORT, _MEDIUM = 126, 1 << 16


def frame_head(size: int) -> bytes:
    """The head of an unmasked binary message of one frame."""
    if size < _SHORT:
        return bytes((_BINARY, size))
    if size < _MEDIUM:
        return bytes((_BINARY, 126)) + size.to_bytes(2, "big")
    return bytes((_BINARY, 127)) + size.to_bytes(8, "big")


class TickerSocket(asyncio.Protocol):
    """One websocket connection, from its handshake to its end."""

    def __init__(
        self, hub: Hub, sessions: Sessions, server_state: ServerState, *, most_waiting: int
    ) -> None:
        self._hub, self._sessions, self._most_waiting = hub, sessions, most_waiting
        self._connections = cast(set[Any], server_state.connections)  # uvicorn names its own only
        self._protocol = ServerProtocol(max_size=_LARGEST_MESSAGE)
        self._transport: asyncio.Transport
        self._client: Client | None = None
        self._said: list[bytes] = []

    @property
    def waiting(self) -> int:
        return self._transport.get_write_buffer_size()

    def send(self, frames: list[bytes]) -> None:
        if self._protocol.state is not OPEN or self._transport.is_closing():
            return
        parts = [part for frame in frames for part in (frame_head(len(frame)), frame)]
        self._transport.write(b"".join(parts))
        if self.waiting > self._most_waiting:
            self.cut()

    def cut(self) -> None:
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._connections.discard(self)
        if self._client is not None:
            self._hub.leave(self._client)
            self._client = None

    def data_received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._shake_hands(event)
            elif isinstance(event, Frame):
                self._hear(event)
        self._flush()
        if self._protocol.close_expected():
            self._transport.close()

    def eof_received(self) -> None:
        self._protocol.receive_eof()
        self._flush()

    def shutdown(self) -> None:
        """The server ends."""
        try:
            self._protocol.send_close(CloseCode.GOING_AWAY)
        except InvalidState:
            self._transport.close()
        else:
            self._flush()
            self._transport.close()

    def _shake_hands(self, request: Request) -> None:
        response = self._protocol.accept(request)
        if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            try:
                self._enter(request)
            except KiteError as error:
                body = bytes(failure(error).body).decode()
                response = self._protocol.reject(error.status, body)
                response.headers["Content-Type"] = "application/json"
        self._protocol.send_response(response)

    def _enter(self, request: Request) -> None:
        path, _, text = request.path.partition("?")
        if path != "/":
            raise KiteError(404, ErrorType.GENERAL, "Route not found")
        query = parse_qs(text)
        api_key = query.get("api_key", [""])[-1]
        self._sessions.check(api_key, query.get("access_token", [""])[-1])
        if not self._hub.has_room(api_key):
            raise KiteError.too_many()
        self._client = self._hub.join(api_key, self)

    def _hear(self, frame: Frame) -> None:
        if frame.opcode not in (Opcode.TEXT, Opcode.CONT) or self._client is None:
            return
        self._said.append(bytes(frame.data))
        if not frame.fin:
            return
        text = b"".join(self._said)
        self._said.clear()
        self._flush()  # what follows goes straight to the transport
        try:
            obey(self._hub, self._client, text)
        except RefusedError as refusal:
            self._protocol.send_text(error_text(str(refusal)))

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            else:  # the protocol's word for "no more from me"
                self._transport.close()
