"""Tasks that wait for a number to be reached, by their own loop or by another thread."""

import asyncio
import threading
from contextlib import suppress
from typing import NamedTuple


class _Waiter(NamedTuple):
    seq: int
    future: asyncio.Future[None]


class Waiting:
    """Futures by the number they wait for. ``wait`` and ``reach`` belong to one event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiters: list[_Waiter] = []

    def __bool__(self) -> bool:
        return bool(self._waiters)

    def wait(self, seq: int) -> asyncio.Future[None]:
        """Done when ``seq`` is reached. See whether it already is only after this call."""
        future = asyncio.get_running_loop().create_future()
        with self._lock:
            self._waiters.append(_Waiter(seq, future))
        return future

    def reach(self, seq: int) -> None:
        """From the loop's own thread."""
        for future in self._take(seq):
            _settle(future)

    def reach_from_thread(self, seq: int | None = None) -> None:
        """From any other thread; without ``seq`` it is everyone's turn."""
        for future in self._take(seq):
            # A loop that is closed has nobody left to tell.
            with suppress(RuntimeError):
                future.get_loop().call_soon_threadsafe(_settle, future)

    def _take(self, seq: int | None) -> list[asyncio.Future[None]]:
        with self._lock:
            waiters = self._waiters
            self._waiters = [w for w in waiters if seq is not None and w.seq > seq]
        return [w.future for w in waiters if seq is None or w.seq <= seq]


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
