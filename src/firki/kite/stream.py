"""Kite's live feed: sockets that keep themselves up and keep telling the server what is wanted."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol
from urllib.parse import urlencode

from firki.errors import AuthExpired
from firki.kite import wire
from firki.kite.auth import check_root
from firki.kite.declare import Answers, difference
from firki.kite.dial import Owner, Socket
from firki.kite.steady import MachineSteady, Steady
from firki.kite.upkeep import Pace, Step, Upkeep
from firki.kite.vocabulary import WEBSOCKET_ROOT
from firki.model.tick import TickBatch
from firki.ports import ConnectionState, Frame, Listener, Mode, RecordKind

SHOWN: Final = 100
"""The most unanswered tokens that a report lists."""


class Line(Protocol):
    """A socket as its connection sees it; it tells its owner what happens."""

    async def connect(self, url: str) -> None:
        """Until open or ended; cancelling leaves nothing open."""

    def send(self, message: bytes) -> None: ...

    def drop(self) -> None:
        """Close at once; the owner hears nothing more."""


Dial = Callable[[Owner], Line]
AccessToken = Callable[[], str]


class KiteFeed:
    """The feed of one account. The access token is asked for anew at every connect."""

    def __init__(
        self,
        account: str,
        api_key: str,
        access_token: AccessToken,
        root: str = WEBSOCKET_ROOT,
        *,
        pace: Pace | None = None,
        steady: Steady | None = None,
        dial: Dial = Socket,
    ) -> None:
        self.account = account
        self._api_key = api_key
        self._access_token = access_token
        self._root = check_root(root, "wss", "ws")
        self._pace = pace or Pace()
        self._steady = steady or MachineSteady()
        self._dial = dial

    def connect(self, connection: int, listener: Listener) -> "KiteConnection":
        return KiteConnection(
            connection,
            listener,
            url=self._url,
            access_token=self._access_token,
            pace=self._pace,
            steady=self._steady,
            dial=self._dial,
        )

    def decode(self, frame: Frame) -> TickBatch:
        """The ticks of a binary frame (none for a heartbeat); raises Corrupt, never half a batch.

        Packets of a kind that is not known yet are left out and counted, as Kite's own clients do.
        """
        return wire.decode(
            frame.payload,
            seq=frame.seq,
            received_ts=frame.received_ts,
            connection=frame.connection,
            strict=False,
        )

    def _url(self, token: str) -> str:
        """Holds both secrets: never to be logged."""
        return f"{self._root}/?{urlencode({'api_key': self._api_key, 'access_token': token})}"


class KiteConnection:
    """One socket of an account, opened again for as long as ``run`` runs."""

    def __init__(
        self,
        number: int,
        listener: Listener,
        *,
        url: Callable[[str], str],
        access_token: AccessToken,
        pace: Pace,
        steady: Steady,
        dial: Dial,
    ) -> None:
        self._number = number
        self._listener = listener
        self._url = url
        self._access_token = access_token
        self._steady = steady
        self._dial = dial
        self._upkeep = Upkeep(pace)
        self._answers = Answers(pace.answer)
        self._wish: dict[int, Mode] = {}
        self._told: dict[int, Mode] = {}
        self._state_told = ConnectionState.CLOSED
        self._tried: str | None = None
        self._line: Line | None = None
        self._dialing: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._failure: Exception | None = None

    def want(self, tokens: Mapping[int, Mode]) -> None:
        """Declare the full desired set; repeated after any reconnect by the connection itself."""
        self._wish = dict(tokens)
        if self._line is not None and self._upkeep.state is ConnectionState.OPEN:
            self._answers.change(self._told, self._wish, self._steady.now())
            self._declare(self._line)

    def replace(self, reason: str) -> None:
        """Drop the open socket and open a new one after the usual wait."""
        if self._upkeep.replace(self._steady.now(), reason):
            self._drop()
            self._moved()

    async def run(self) -> None:
        """Stay connected until cancelled; raises what the listener raised.

        A refused token is told as REFUSED and tried again only when another one is there.
        """
        self._start()
        try:
            async with asyncio.TaskGroup() as group:
                while self._failure is None:
                    self._wake.clear()
                    self._step(group)
                    left = self._upkeep.deadline - self._steady.now()
                    await self._steady.wait(self._wake, left)
                self._drop()
            raise self._failure
        finally:
            self._drop()
            self._upkeep.stop()
            self._moved()

    def report(self) -> dict[str, Any]:
        """State, age of the newest frame of any kind, counters, and tokens that never answered."""
        now = self._steady.now()
        heard_at = self._upkeep.heard_at
        missing = self._answers.missing(now)
        return {
            "state": self._upkeep.state.name.lower(),
            "reason": self._upkeep.reason,
            "age_seconds": None if heard_at is None else round(now - heard_at, 3),
            "replaced": self._upkeep.replaced,
            "reconnects": self._upkeep.reconnects,
            "unanswered": len(missing),
            "unanswered_tokens": missing[:SHOWN],
        }

    def opened(self) -> None:
        now = self._steady.now()
        self._upkeep.opened(now)
        self._moved()
        assert self._line is not None, "a socket opened that nobody dialled"
        self._told = {}
        self._answers.restart(self._wish, now)
        self._declare(self._line)

    def heard(self) -> None:
        self._upkeep.heard(self._steady.now())

    def message(self, payload: bytes, kind: RecordKind) -> None:
        self._upkeep.heard(self._steady.now())
        self._listener.on_frame(self._number, payload, kind)
        if kind is RecordKind.FRAME:
            self._answers.note(payload)

    def answered(self, status: int) -> None:
        self._upkeep.answered(self._steady.now(), status)
        self._moved()

    def lost(self, reason: str) -> None:
        self._upkeep.lost(self._steady.now(), reason)
        self._moved()

    def broken(self, error: Exception) -> None:
        self._failure = error
        self._wake.set()

    def _start(self) -> None:
        self._failure = None
        self._upkeep.start(self._steady.now())

    def _step(self, group: asyncio.TaskGroup) -> None:
        now = self._steady.now()
        match self._upkeep.due(now):
            case Step.CONNECT:
                self._connect(group, now)
            case Step.DROP:
                self._drop()
            case Step.ASK:
                token = self._token()
                self._upkeep.asked(now, changed=token is not None and token != self._tried)
            case Step.REST:
                return
        self._moved()

    def _connect(self, group: asyncio.TaskGroup, now: float) -> None:
        self._tried = self._token()
        if self._tried is None:
            self._upkeep.refused(now, "there is no access token: log in")
            return
        self._line = self._dial(self)
        self._dialing = group.create_task(self._line.connect(self._url(self._tried)))

    def _token(self) -> str | None:
        try:
            return self._access_token() or None
        except AuthExpired:
            return None

    def _declare(self, line: Line) -> None:
        for message in difference(self._told, self._wish):
            line.send(message)
        self._told = self._wish

    def _drop(self) -> None:
        if self._dialing is not None:
            self._dialing.cancel()
        if self._line is not None:
            self._line.drop()

    def _moved(self) -> None:
        """Tell the listener when the state is another; let the driver look at its deadline."""
        self._wake.set()
        if self._upkeep.state is self._state_told:
            return
        self._state_told = self._upkeep.state
        if self._state_told is not ConnectionState.OPEN:
            self._told = {}
            self._answers.restart({}, 0.0)
        self._listener.on_state(self._number, self._state_told, self._upkeep.reason)
