"""A TCP proxy in a thread of its own that can go silent without closing anything."""

import asyncio
import threading
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

_AT_ONCE: Final = 1 << 16


class SwallowingProxy:
    """Passes bytes both ways to ``host:port`` until told to swallow what comes from there.

    Connections that are open then stay open and deaf; those made later work again.
    """

    def __init__(self, host: str, port: int) -> None:
        self._upstream = host, port
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._stop = asyncio.Event()
        self._generation = 0
        self._thread = threading.Thread(target=self._run)
        self.port = 0
        self.connections = 0
        """Made so far."""

    def swallow(self) -> None:
        """From now on nothing reaches the clients that are connected."""
        self._generation += 1

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listening.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        async with server:
            await self._stop.wait()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        generation = self._generation
        there, back = await asyncio.open_connection(*self._upstream)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, back, None))
                group.create_task(self._pass(there, writer, generation))
        finally:
            for end in (writer, back):
                end.close()

    async def _pass(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        generation: int | None,
    ) -> None:
        with suppress(ConnectionError):
            while data := await source.read(_AT_ONCE):
                if generation in (None, self._generation):
                    target.write(data)
                    await target.drain()
            target.close()
