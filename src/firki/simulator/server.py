"""Two doors on loopback: Kite's REST and websocket on one port, the control door on another."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from uvicorn import Config, Server
from uvicorn.server import ServerState

from firki.errors import ConfigError
from firki.simulator.box import Box
from firki.simulator.control import control_app
from firki.simulator.envelope import KiteError, on_crash, on_http_error, on_kite_error
from firki.simulator.routes_book import BOOK_RULES
from firki.simulator.routes_history import HISTORY_RULES
from firki.simulator.routes_login import LOGIN_RULES
from firki.simulator.routes_market import MARKET_RULES
from firki.simulator.routes_user import USER_RULES
from firki.simulator.socket import TickerSocket
from firki.simulator.surface import mount
from firki.timing import pause

HOST: Final = "127.0.0.1"
_LOOK_SECONDS: Final = 0.005
_CLOSING_SECONDS: Final = 2


def bind(port: int) -> socket.socket:
    """A listening socket on loopback, 0 takes any free port; raises ConfigError when it is busy."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"port {port} on {HOST}: {error.strerror}; choose another one, or 0 for any free port"
        ) from error
    return listener


def address(listener: socket.socket) -> str:
    """``host:port`` of a listening socket."""
    host, port = listener.getsockname()
    return f"{host}:{port}"


def kite_app(box: Box) -> Starlette:
    """Kite's REST surface."""
    rules = (*LOGIN_RULES, *USER_RULES, *MARKET_RULES, *HISTORY_RULES, *BOOK_RULES)
    app = Starlette(
        routes=mount(box, rules),
        exception_handlers={
            KiteError: on_kite_error, HTTPException: on_http_error, Exception: on_crash
        },
    )  # fmt: skip
    app.router.redirect_slashes = False
    return app


class BoxServer:
    """Serves a box on two listening sockets."""

    def __init__(self, box: Box, kite: socket.socket, control: socket.socket) -> None:
        self._box = box
        self._listeners = (kite, control)
        self._servers = (
            _LoopbackServer(_config(kite_app(box), ws=_sockets_of(box))),
            _LoopbackServer(_config(control_app(box), ws="none")),
        )

    async def run(self, started: asyncio.Event, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set, then close every connection."""
        async with asyncio.TaskGroup() as group:
            work = [group.create_task(part.run()) for part in (self._box.player, self._box.hub)]
            for server, listener in zip(self._servers, self._listeners, strict=True):
                group.create_task(server.serve(sockets=[listener]))
            while not all(server.started for server in self._servers):
                await pause(_LOOK_SECONDS)
            started.set()
            await stop.wait()
            for server in self._servers:
                server.should_exit = True
            for task in work:
                task.cancel()


class _LoopbackServer(Server):
    """Signals belong to the program, not to one of its servers."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(app: Starlette, *, ws: Any) -> Config:  # Any: uvicorn takes a class or one of its words
    return Config(
        app, ws=ws, http="h11", loop="none", lifespan="off", log_config=None,
        log_level=logging.WARNING, access_log=False, server_header=False, proxy_headers=False,
        timeout_graceful_shutdown=_CLOSING_SECONDS,
    )  # fmt: skip


def _sockets_of(box: Box) -> type[asyncio.Protocol]:
    """What uvicorn calls for a websocket: it wants a class, and any callable does."""

    def connect(server_state: ServerState, **_rest: object) -> asyncio.Protocol:
        return TickerSocket(
            box.hub, box.sessions, server_state, most_waiting=box.rules.most_waiting_bytes
        )

    return cast(type[asyncio.Protocol], connect)
