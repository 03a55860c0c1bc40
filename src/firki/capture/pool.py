"""One account's connections: the whole wish goes in, each connection gets its share and is run."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from firki.capture.assignment import Assignment
from firki.errors import Rejected
from firki.ports import Connection, Feed, Listener, Mode, RecordKind

MAX_TOKEN: Final = 0xFFFFFFFF


class Pool:
    """Connections 0, 1, ... of one account, as few as the wished tokens need.

    What a connection tells goes straight to the listener; before a wish reaches its connection the
    listener gets it as a WANTED record.
    """

    def __init__(
        self,
        feed: Feed,
        listener: Listener,
        *,
        account: str,
        max_connections: int = 3,
        max_instruments: int = 3000,
    ) -> None:
        self._listener = listener
        self._account = account
        self._max_instruments = max_instruments
        self._assignment = Assignment([max_instruments] * max_connections)
        self._connections = [feed.connect(i, listener) for i in range(max_connections)]
        self._wishes: list[dict[int, Mode]] = [{} for _ in range(max_connections)]
        self._turns = [asyncio.Lock() for _ in range(max_connections)]
        self._runs: dict[int, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._refused = 0

    def want(self, tokens: Mapping[int, Mode]) -> None:
        """Declare the account's full desired set; those named first are served first.

        Raises Rejected when not all find a place: the rest is then wanted all the same.
        """
        if strange := [token for token in tokens if not 0 < token <= MAX_TOKEN]:
            raise Rejected(
                f"account {self._account}: instrument token {strange[0]} is not one "
                f"(expected 1 to {MAX_TOKEN}); nothing was changed"
            )
        refused = self._assignment.want(tokens)
        self._refused = len(refused)
        for i in range(len(self._connections)):
            self._wish(i, {token: tokens[token] for token in self._assignment.tokens(i)})
        if refused:
            count = len(self._connections)
            raise Rejected(
                f"account {self._account}: {len(refused)} of {len(tokens)} instruments refused, "
                f"first {refused[0]}: its {count} connections carry {self._max_instruments} each; "
                "want fewer"
            )

    def wanted(self, connection: int) -> Mapping[int, Mode]:
        """What a connection was last told to carry."""
        return self._wishes[connection]

    def replace(self, connection: int, reason: str) -> None:
        """Have a connection drop its socket and open a new one."""
        self._connections[connection].replace(reason)

    async def run(self) -> None:
        """Keep every needed connection up until cancelled; raises what one of them raised."""
        try:
            async with asyncio.TaskGroup() as self._group:
                for i in range(len(self._connections)):
                    self._follow(i)
                await asyncio.Event().wait()
        finally:
            self._group = None
            self._runs.clear()

    def report(self) -> dict[str, Any]:
        """Counts of the account, and what each connection in use says of itself."""
        return {
            "account": self._account,
            "tokens": sum(map(len, self._wishes)),
            "places": self._max_instruments * len(self._connections),
            "refused": self._refused,
            "connections": [
                self._report(i, connection)
                for i, connection in enumerate(self._connections)
                if self._wishes[i]
            ],
        }

    def _report(self, i: int, connection: Connection) -> dict[str, Any]:
        return {
            "account": self._account,
            "connection": i,
            "tokens": len(self._wishes[i]),
            "mode": _mode_word(self._wishes[i]),
            **connection.report(),
        }

    def _wish(self, i: int, wish: dict[int, Mode]) -> None:
        if wish == self._wishes[i]:
            return
        self._wishes[i] = wish
        self._listener.on_frame(i, msgspec.json.encode(wish), RecordKind.WANTED)
        self._connections[i].want(wish)
        self._follow(i)

    def _follow(self, i: int) -> None:
        """Run a connection while it has something to carry."""
        if self._group is None:
            return
        running = self._runs.get(i)
        if not self._wishes[i]:
            if running is not None:
                running.cancel()
        elif running is None or running.cancelling() or running.done():
            self._runs[i] = self._group.create_task(self._run(i))

    async def _run(self, i: int) -> None:
        async with self._turns[i]:  # a run that was told to end may not have ended yet
            await self._connections[i].run()


def _mode_word(wish: Mapping[int, Mode]) -> str | None:
    """The mode of all tokens, or mixed."""
    modes = set(wish.values())
    return "mixed" if len(modes) > 1 else next((mode.name.lower() for mode in modes), None)
