"""What keeps one socket up: states, events and steady time in, the next step out. No input/output.

CLOSED --start--> WAITING --backoff over--> CONNECTING --opened--> OPEN
                    ^ ^                       |    |                 |
                    | +--- lost, timed out ---+    | 403             | lost, silent, replaced
                    |                              v                 |
                    |     token changed        REFUSED               |
                    +------------------------------+-----------------+
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import Final

from firki.ports import ConnectionState
from firki.timing import backoff

TOKEN_REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
NEVER: Final = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How patient a connection is; all in seconds of steady time."""

    silence: float = 5.0
    """No frame of any kind for so long, and the socket is replaced."""
    connect: float = 10.0
    """From the first packet to the end of the handshake."""
    first_wait: float = 1.0
    longest_wait: float = 60.0
    too_many: float = 1.0
    """The least wait after HTTP 429."""
    ask: float = 5.0
    """How often a refused connection looks for a new token."""
    answer: float = 10.0
    """A token that sent no packet for so long after it was asked for is reported."""


class Step(Enum):
    """What the driver is to do now."""

    REST = auto()
    """Nothing until the deadline."""
    CONNECT = auto()
    DROP = auto()
    """Close the socket, or give up opening it."""
    ASK = auto()
    """Ask for the access token and tell ``asked``."""


class Upkeep:
    """The state of one connection. ``deadline`` is when ``due`` has something to say by itself."""

    def __init__(self, pace: Pace, *, waits: Callable[[], Iterator[float]] | None = None) -> None:
        self._pace = pace
        self._fresh_waits = waits or (lambda: backoff(first=pace.first_wait, cap=pace.longest_wait))
        self._waits = self._fresh_waits()
        self._opened_before = False
        self._heard_since_open = False
        self.state = ConnectionState.CLOSED
        self.reason = "not started"
        self.deadline = NEVER
        self.heard_at: float | None = None
        """When the newest frame came, whatever socket it came from."""
        self.replaced = 0
        """Sockets dropped by us: silent, or told to by ``replace``."""
        self.reconnects = 0
        """Sockets opened after the first."""

    def start(self, now: float) -> None:
        """Begin; the first try is due at once."""
        assert self.state is ConnectionState.CLOSED, f"started twice: {self.state.name}"
        self._enter(ConnectionState.WAITING, "started", now)

    def stop(self) -> None:
        self._enter(ConnectionState.CLOSED, "stopped", NEVER)

    def due(self, now: float) -> Step:
        """The step to take now, once; the state has moved on when this returns."""
        if now < self.deadline:
            return Step.REST
        match self.state:
            case ConnectionState.WAITING:
                self._enter(ConnectionState.CONNECTING, "connecting", now + self._pace.connect)
                return Step.CONNECT
            case ConnectionState.CONNECTING:
                self._wait(now, f"no answer to the handshake in {self._pace.connect:g} s")
                return Step.DROP
            case ConnectionState.OPEN:
                self.replaced += 1
                self._wait(now, f"silent for {self._pace.silence:g} s")
                return Step.DROP
            case ConnectionState.REFUSED:
                self.deadline = now + self._pace.ask
                return Step.ASK
            case _:
                return Step.REST

    def opened(self, now: float) -> None:
        """The handshake succeeded."""
        self._expect(ConnectionState.CONNECTING)
        self.reconnects += self._opened_before
        self._opened_before = True
        self._heard_since_open = False
        self._enter(ConnectionState.OPEN, "open", now + self._pace.silence)

    def heard(self, now: float) -> None:
        """A frame of any kind came; the first one of a socket ends the growing of the waits."""
        if not self._heard_since_open:
            self._heard_since_open = True
            self._waits = self._fresh_waits()
        self.heard_at = now
        self.deadline = now + self._pace.silence

    def lost(self, now: float, reason: str) -> None:
        """The socket closed, or could not be opened."""
        self._expect(ConnectionState.CONNECTING, ConnectionState.OPEN)
        self._wait(now, reason)

    def answered(self, now: float, status: int) -> None:
        """The handshake got an HTTP answer other than the upgrade."""
        self._expect(ConnectionState.CONNECTING)
        if status in TOKEN_REFUSED:
            self.refused(now, f"access token refused (HTTP {status}): log in again")
        elif status == HTTPStatus.TOO_MANY_REQUESTS:
            self._wait(now, "too many connections or requests (HTTP 429)", self._pace.too_many)
        else:
            self._wait(now, f"handshake answered with HTTP {status}")

    def refused(self, now: float, reason: str) -> None:
        """There is no token that is taken; only another one is worth a try."""
        self._expect(ConnectionState.CONNECTING)
        self._enter(ConnectionState.REFUSED, reason, now + self._pace.ask)

    def asked(self, now: float, *, changed: bool) -> None:
        """The token provider was asked; a changed token is tried at once."""
        self._expect(ConnectionState.REFUSED)
        if changed:
            self._enter(ConnectionState.WAITING, "new access token", now)

    def replace(self, now: float, reason: str) -> bool:
        """Give the open socket up; False when there is none (a new one is on its way anyhow)."""
        if self.state is not ConnectionState.OPEN:
            return False
        self.replaced += 1
        self._wait(now, reason)
        return True

    def _wait(self, now: float, reason: str, least: float = 0.0) -> None:
        self._enter(ConnectionState.WAITING, reason, now + max(least, next(self._waits)))

    def _enter(self, state: ConnectionState, reason: str, deadline: float) -> None:
        self.state, self.reason, self.deadline = state, reason, deadline

    def _expect(self, *states: ConnectionState) -> None:
        assert self.state in states, f"event in state {self.state.name}, expected {states}"
