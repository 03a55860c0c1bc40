"""One websocket to Kite: opened, read, and closed for good. A new socket is a new object."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Final, ParamSpec, Protocol

from picows import (
    WSCloseCode,
    WSError,
    WSFrame,
    WSInvalidStatusError,
    WSListener,
    WSMsgType,
    WSParsedURL,
    WSTransport,
    ws_connect,
)

from firki.kite.vocabulary import API_VERSION, VERSION_HEADER
from firki.ports import RecordKind

MAX_MESSAGE: Final = 4 << 20
"""Bytes. 3,000 instruments with their full depth are 0.56 MB."""

P = ParamSpec("P")


class Owner(Protocol):
    """Whom a socket tells what happened to it, in order; nothing comes after the end."""

    def opened(self) -> None: ...

    def heard(self) -> None:
        """A sign of life that is no message: a ping, a part of a message."""

    def message(self, payload: bytes, kind: RecordKind) -> None: ...

    def answered(self, status: int) -> None:
        """The end: the handshake was answered with this HTTP status."""

    def lost(self, reason: str) -> None:
        """The end: closed, or never opened."""

    def broken(self, error: Exception) -> None:
        """The end: the owner itself failed while it was told something."""


class Socket(WSListener):
    """A websocket that joins fragments, answers pings, and offers no extension or subprotocol."""

    def __init__(self, owner: Owner, *, max_message: int = MAX_MESSAGE) -> None:
        self._owner = owner
        self._max_message = max_message
        self._tcp: socket.socket | None = None
        self._transport: WSTransport | None = None
        self._over = False
        self._parts: list[bytes] = []
        self._parts_kind: RecordKind | None = None

    async def connect(self, url: str) -> None:
        """Until open or ended; has no time limit of its own. Cancelling leaves nothing open."""
        opening = asyncio.ensure_future(self._open(url))
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            # picows keeps the socket when its handshake is cancelled; cut, it ends by itself
            self.drop()
            if self._tcp is None:
                opening.cancel()
            await asyncio.wait({opening})
            raise

    def send(self, message: bytes) -> None:
        """A text message; dropped when the socket is not open."""
        if self._transport is not None and not self._over:
            self._transport.send(WSMsgType.TEXT, message)

    def drop(self) -> None:
        """Close at once, waiting for nobody; the owner hears nothing more."""
        self._over = True
        if self._transport is not None:
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect(graceful=False)
        elif self._tcp is not None:
            with suppress(OSError):
                self._tcp.shutdown(socket.SHUT_RDWR)

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        if self._over:
            transport.disconnect(graceful=False)
        self._tell(self._owner.opened)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if self._over:
            return
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            self._break_off("a frame uses an extension that was not agreed on")
        elif frame.msg_type in (WSMsgType.BINARY, WSMsgType.TEXT):
            self._begin(frame)
        elif frame.msg_type == WSMsgType.CONTINUATION:
            self._go_on(frame)
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        else:
            if frame.msg_type == WSMsgType.PING:
                transport.send_pong(frame.get_payload_as_bytes())
            self._tell(self._owner.heard)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._end(self._owner.lost, _why_closed(transport))

    async def _open(self, url: str) -> None:
        try:
            await ws_connect(
                lambda: self,
                url,
                websocket_handshake_timeout=None,
                logger_name=_quiet_logger(),
                enable_auto_pong=False,
                max_frame_size=self._max_message,
                extra_headers={VERSION_HEADER: API_VERSION, "User-Agent": "firki"},
                max_redirects=0,  # the secrets in the URL go to the configured host only
                socket_factory=self._reach,
                use_aiofastnet=False,  # its TLS logs a broken traceback when cut off (1.2.0)
            )
        except WSInvalidStatusError as error:
            status = error.response.status if error.response is not None else 0
            self._end(self._owner.answered, int(status))
        except (WSError, OSError) as error:
            self._end(self._owner.lost, _why_failed(error))
        else:
            # picows also returns when the other side hangs up before it has answered
            if self._transport is None:
                self._end(self._owner.lost, "closed during the handshake")

    async def _reach(self, url: WSParsedURL) -> socket.socket:
        loop = asyncio.get_running_loop()
        failure = OSError(f"{url.host} has no address")
        for family, kind, number, _, address in await loop.getaddrinfo(
            url.host, url.port, type=socket.SOCK_STREAM
        ):
            tcp = socket.socket(family, kind, number)
            try:
                tcp.setblocking(False)
                await loop.sock_connect(tcp, address)
            except OSError as error:
                tcp.close()
                failure = error
            except asyncio.CancelledError:
                tcp.close()
                raise
            else:
                self._tcp = tcp
                return tcp
        raise failure

    def _begin(self, frame: WSFrame) -> None:
        kind = RecordKind.FRAME if frame.msg_type == WSMsgType.BINARY else RecordKind.TEXT
        if self._parts_kind is not None:
            self._break_off("a new message came inside a fragmented one")
        elif frame.fin:
            self._tell(self._owner.message, frame.get_payload_as_bytes(), kind)
        else:
            self._parts_kind, self._parts = kind, [frame.get_payload_as_bytes()]
            self._tell(self._owner.heard)

    def _go_on(self, frame: WSFrame) -> None:
        kind = self._parts_kind
        if kind is None:
            self._break_off("a continuation came without a beginning")
            return
        self._parts.append(frame.get_payload_as_bytes())
        if sum(map(len, self._parts)) > self._max_message:
            self._break_off(f"a message is longer than {self._max_message} bytes")
        elif frame.fin:
            payload = b"".join(self._parts)
            self._parts_kind, self._parts = None, []
            self._tell(self._owner.message, payload, kind)
        else:
            self._tell(self._owner.heard)

    def _break_off(self, reason: str) -> None:
        self._end(self._owner.lost, reason)
        self.drop()

    def _end(self, event: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        over, self._over = self._over, True
        if not over:
            self._told(event, *args, **kwargs)

    def _tell(self, event: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        if not self._over:
            self._told(event, *args, **kwargs)

    def _told(self, event: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            event(*args, **kwargs)
        except Exception as error:  # the root of a loop callback; run() raises it
            self.drop()
            self._owner.broken(error)


def _quiet_logger() -> logging.Logger:
    """Passes picows's warnings on; its debug lines hold the request with the access token."""
    quiet = logging.Logger(__name__, logging.WARNING)
    quiet.parent = logging.getLogger(__name__)
    return quiet


def _why_failed(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not trusted: {error.verify_message}"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return f"handshake broken ({type(error).__name__})"


def _why_closed(transport: WSTransport) -> str:
    closing = transport.close_handshake
    if not closing:  # None before any CLOSE, whatever picows's stub says
        return "connection lost"
    if closing.recv is not None and closing.recv_then_sent:
        return f"closed by the other side (code {int(closing.recv.code.value)})"
    if closing.sent is not None and closing.sent.code == WSCloseCode.MESSAGE_TOO_BIG:
        return "a frame is too big"
    return "a frame breaks the websocket protocol"
