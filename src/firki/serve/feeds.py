"""What a websocket subscription tells: sampled at its pace, taken when the client has room."""

from collections.abc import Callable
from typing import Any, Final, Protocol

from firki.ports import Clock, Quotes
from firki.serve.quotes import quote_row

_QUICK_SECONDS: Final = 0.25
_SLOW_SECONDS: Final = 1.0
_MOST_QUICK: Final = 1_000
"""Quotes that cost the loop ten milliseconds to tell; a whole market would cost it a hundred."""


class Feed(Protocol):
    """One subscription's source.

    ``sample`` notes what is new every ``every`` steady seconds, whether or not the client keeps
    up; ``take`` hands over what was noted, once.
    """

    every: float

    async def sample(self) -> None: ...

    def take(self) -> Any:
        """The data of the next message, or None while there is nothing to tell."""

    def missed(self) -> int:
        """Updates replaced by newer ones since the last call, because nobody took them."""

    @property
    def behind(self) -> int:
        """Rows waiting that must not be dropped."""

    def stop(self) -> None:
        """End it; nothing is noted any more."""


class QuoteFeed:
    """The newest quote of each instrument that changed; the first message has them all."""

    behind = 0

    def __init__(self, quotes: Quotes, clock: Clock, keys: dict[int, str], *, depth: bool) -> None:
        self._quotes, self._clock, self._keys, self._depth = quotes, clock, keys, depth
        self.every = _QUICK_SECONDS if len(keys) <= _MOST_QUICK else _SLOW_SECONDS
        self._mark = 0
        self._pending: dict[int, None] = {}
        self._missed = 0
        self._sampled = self._told = False

    async def sample(self) -> None:
        self._sampled = True
        self._mark, changed = self._quotes.changes(self._mark)
        for token in changed:
            if token in self._keys:
                self._missed += token in self._pending
                self._pending[token] = None

    def take(self) -> list[Any] | None:
        if not self._sampled or (self._told and not self._pending):
            return None
        tokens, self._pending, self._told = list(self._pending), {}, True
        now_ts = self._clock.now()
        return [
            quote_row(quote, now_ts, key=self._keys[quote.instrument_token], depth=self._depth)
            for quote in self._quotes.read(tokens, depth=self._depth)
        ]

    def missed(self) -> int:
        missed, self._missed = self._missed, 0
        return missed

    def stop(self) -> None:
        self._pending.clear()


class HealthFeed:
    """The health document, each second."""

    every = 1.0
    behind = 0

    def __init__(self, health: Callable[[], dict[str, Any]]) -> None:
        self._health = health
        self._pending: dict[str, Any] | None = None
        self._missed = 0

    async def sample(self) -> None:
        self._missed += self._pending is not None
        self._pending = self._health()

    def take(self) -> dict[str, Any] | None:
        pending, self._pending = self._pending, None
        return pending

    def missed(self) -> int:
        missed, self._missed = self._missed, 0
        return missed

    def stop(self) -> None:
        self._pending = None
