"""Our side of Kite's request limits: calls wait here, so that they are not refused there."""

import asyncio
from dataclasses import dataclass
from typing import Final

from firki.kite.steady import Steady
from firki.kite.vocabulary import HISTORY_LIMIT, OTHER_LIMIT, QUOTE_LIMIT, Limit
from firki.timing import SlidingWindow

LEAST_REST: Final = 1.0
"""Seconds of no calls after a 429; Kite names no time itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Calls of each class of routes, per api_key (Kite Connect v3 documentation)."""

    quote: Limit = QUOTE_LIMIT
    history: Limit = HISTORY_LIMIT
    other: Limit = OTHER_LIMIT


class Gate:
    """Paces one class of routes."""

    def __init__(self, limit: Limit, steady: Steady) -> None:
        self._window = SlidingWindow(limit.calls, limit.seconds)
        self._rest = max(LEAST_REST, limit.seconds)
        self._steady = steady
        self._closed_until = 0.0
        self._queue = asyncio.Lock()

    async def enter(self) -> None:
        """Wait for the next place, first come first served; who gives up waiting took none."""
        async with self._queue:
            while (wait := self._wait()) > 0:
                await self._steady.sleep(wait)
            self._window.wait(self._steady.now())

    def _wait(self) -> float:
        now = self._steady.now()
        return max(self._closed_until - now, self._window.free(now))

    def close(self) -> None:
        """The other side refused a call for coming too often: let none through for a while."""
        self._closed_until = self._steady.now() + self._rest


class Gates:
    """The gates of one api_key."""

    def __init__(self, limits: Limits, steady: Steady) -> None:
        self._quote = Gate(limits.quote, steady)
        self._history = Gate(limits.history, steady)
        self._other = Gate(limits.other, steady)

    def of(self, route: str) -> Gate:
        if route.startswith("/quote"):
            return self._quote
        if route.startswith("/instruments/historical/"):
            return self._history
        return self._other
