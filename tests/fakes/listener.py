"""A listener that keeps what it was told, and can be waited for."""

import asyncio

from firki.ports import ConnectionState, RecordKind


class KeepingListener:
    """``states`` and ``frames`` in order of arrival; queues hand out the same to waiting tests."""

    def __init__(self) -> None:
        self.states: list[tuple[int, ConnectionState, str]] = []
        self.frames: list[tuple[int, bytes, RecordKind]] = []
        self.log: list[str] = []
        self._news = asyncio.Event()

    def on_frame(self, connection: int, payload: bytes, kind: RecordKind) -> None:
        self.frames.append((connection, payload, kind))
        self.log.append(f"{connection} {kind.name}")
        self._news.set()

    def on_state(self, connection: int, state: ConnectionState, reason: str) -> None:
        self.states.append((connection, state, reason))
        self.log.append(f"{connection} {state.name}")
        self._news.set()

    async def reach(self, state: ConnectionState, *, connection: int = 0, times: int = 1) -> str:
        """The reason given when the connection was in this state for the ``times``-th time."""
        while len(found := self._reasons(connection, state)) < times:
            await self._next()
        return found[times - 1]

    async def receive(self, count: int, kind: RecordKind = RecordKind.FRAME) -> list[bytes]:
        """The first ``count`` payloads of a kind."""
        while len(found := [p for _, p, k in self.frames if k is kind]) < count:
            await self._next()
        return found[:count]

    def _reasons(self, connection: int, state: ConnectionState) -> list[str]:
        return [r for c, s, r in self.states if c == connection and s is state]

    async def _next(self) -> None:
        self._news.clear()
        async with asyncio.timeout(5):
            await self._news.wait()
