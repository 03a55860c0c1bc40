"""A websocket server on loopback that does what a test tells it to."""

import asyncio
import json
import logging
import struct
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from firki.kite.vocabulary import DEFAULT_MODE, INDEX_PACKET_LENGTHS, MODES, PACKET_LENGTHS, Segment
from firki.ports import Mode


class Client:
    """One socket as the server sees it; ``told`` is what its messages amount to."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.told: dict[int, Mode] = {}
        self.messages: list[dict[str, Any]] = []
        self.gone = asyncio.Event()
        self._news = asyncio.Event()

    def take(self, text: str | bytes) -> None:
        message = json.loads(text)
        apply(self.told, message)
        self.messages.append(message)
        self._news.set()

    async def told_to_be(self, wish: Mapping[int, Mode]) -> None:
        """Until the messages amount to exactly this."""
        async with asyncio.timeout(5):
            while self.told != wish:
                self._news.clear()
                await self._news.wait()

    def cut(self) -> None:
        """Reset the TCP connection."""
        self.socket.transport.abort()


class ScriptedServer:
    """Refuses with the statuses in ``refusals`` first, then takes every socket.

    ``greet`` sends each new subscription a packet of each token, as Kite does.
    """

    def __init__(self, *, greet: bool = True) -> None:
        self.greet = greet
        self.refusals: deque[int] = deque()
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.clients: list[Client] = []
        self._server: Server | None = None
        self._news = asyncio.Event()

    @property
    def root(self) -> str:
        assert self._server is not None
        host, port = next(iter(self._server.sockets)).getsockname()[:2]
        return f"ws://{host}:{port}"

    async def client(self, number: int) -> Client:
        """The ``number``-th socket that was taken, counted from 0."""
        async with asyncio.timeout(5):
            while len(self.clients) <= number:
                self._news.clear()
                await self._news.wait()
        return self.clients[number]

    async def tick(self) -> None:
        """One frame with a packet of every subscribed token, to each socket."""
        for client in self.clients:
            if client.told and not client.gone.is_set():
                with suppress(ConnectionClosed):
                    await client.socket.send(frame_of(client.told))

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ScriptedServer"]:
        silent = logging.Logger("scripted", logging.CRITICAL)
        async with serve(
            self._talk,
            "127.0.0.1",
            0,
            process_request=self._admit,
            compression=None,
            ping_interval=None,
            close_timeout=1,
            logger=silent,
        ) as self._server:
            yield self

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.paths.append(request.path)
        self.headers.append(dict(request.headers))
        self._news.set()
        if self.refusals:
            return connection.respond(HTTPStatus(self.refusals.popleft()), "no\n")
        return None

    async def _talk(self, socket: ServerConnection) -> None:
        client = Client(socket)
        self.clients.append(client)
        self._news.set()
        with suppress(ConnectionClosed):
            async for text in socket:
                before = dict(client.told)
                client.take(text)
                changed = {t: m for t, m in client.told.items() if before.get(t) is not m}
                if self.greet and changed:
                    await socket.send(frame_of(changed))
        client.gone.set()


def apply(told: dict[int, Mode], message: Mapping[str, Any]) -> None:
    """What Kite does with a message of its client."""
    match message:
        case {"a": "subscribe", "v": tokens}:
            told |= {token: DEFAULT_MODE for token in tokens if token not in told}
        case {"a": "unsubscribe", "v": tokens}:
            for token in tokens:
                told.pop(token, None)
        case {"a": "mode", "v": [word, tokens]}:
            told |= dict.fromkeys(tokens, MODES[word])
        case _:
            raise AssertionError(f"a message Kite does not know: {message}")


def frame_of(tokens: Mapping[int, Mode]) -> bytes:
    """A frame with one packet a token, in the mode's length."""
    packets = [_packet(token, mode) for token, mode in tokens.items()]
    return struct.pack(">H", len(packets)) + b"".join(packets)


def _packet(token: int, mode: Mode) -> bytes:
    lengths = INDEX_PACKET_LENGTHS if token & 0xFF == Segment.INDICES else PACKET_LENGTHS
    length = lengths[mode]
    return struct.pack(">HII", length, token, 100_00) + bytes(length - 8)
