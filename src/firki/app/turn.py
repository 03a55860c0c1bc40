"""The turn of the day: the next one begins once its instruments are there."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Final, Protocol

from firki.app.books import Books
from firki.app.market_day import Book
from firki.errors import FirkiError
from firki.obs import Repeating
from firki.timing import pause, steady

log = logging.getLogger(__name__)

_RETRY_SECONDS: Final = 2.0
_LONGEST_HELD_SECONDS: Final = 30.0
_MOST_HELD_BYTES: Final = 32 << 20
"""Ticks wait so long, or so many, for their day's instruments; then the newest kept ones must do.
Without a tick there is no hurry: the broker may want a login first."""


class Holding(Protocol):
    """Who holds records for the day that is due: the plant."""

    def held(self) -> tuple[int, float]: ...


class Turn:
    """Waits for the day to be over and begins the next."""

    def __init__(
        self,
        books: Books,
        held: Holding,
        due: asyncio.Event,
        today: Callable[[], date],
        wait: Callable[[float], Awaitable[None]] = pause,
    ) -> None:
        """``due`` is set when the day is over; ``today`` is the trading day it is by then."""
        self._books = books
        self._held = held
        self._due = due
        self._today = today
        self._wait = wait
        self._telling = Repeating(log, now=steady)

    async def run(self, begin: Callable[[date, Book], None]) -> None:
        """Call ``begin`` for each day that is due, until cancelled."""
        while True:
            await self._due.wait()
            day, book = await self._next()
            self._due.clear()
            begin(day, book)

    async def _next(self) -> tuple[date, Book]:
        while True:
            day = self._today()
            book = await self._try(day)
            if book is None:
                await self._wait(_RETRY_SECONDS)
            elif day == self._today():
                return day, book

    async def _try(self, day: date) -> Book | None:
        try:
            return await self._books.fetch(day)
        except (FirkiError, OSError) as error:
            size, seconds = self._held.held()
            if size > _MOST_HELD_BYTES or seconds > _LONGEST_HELD_SECONDS:
                return await self._books.newest(day, error)
            # whatever it is, a market that has not begun is no reason to stop
            self._telling.warning(
                "next day waits for its instruments date=%s reason=%s", day, error
            )
            return None
