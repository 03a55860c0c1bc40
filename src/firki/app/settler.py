"""Settles days while the market goes on: those an earlier run left, and each one as it ends."""

import asyncio
import logging
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Final, Protocol

from firki.app.aside import aside
from firki.app.folder import DataFolder
from firki.app.market_day import MarketDay
from firki.app.settle import prune, settle, settle_found
from firki.errors import FirkiError
from firki.live.whole_day import is_over
from firki.store.lake import Lake
from firki.timing import steady

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 1.0
"""How often the running day is asked whether it is over."""
_RETRY_SECONDS: Final = 60.0
"""How long after a failure, such as a full disk, a day is tried again."""


class Days(Protocol):
    """Where days come from: the running market."""

    @property
    def day(self) -> MarketDay: ...

    async def ended(self) -> MarketDay: ...


class Settler:
    """Settles every day once it is over, in a thread, while the market goes on."""

    def __init__(self, days: Days, lake: Lake, folder: DataFolder, *, keep_days: int) -> None:
        self._days = days
        self._lake = lake
        self._folder = folder
        self._keep_days = keep_days
        self._closed = days.day.trading_date - timedelta(days=1)
        """The newest day whose files nobody else has open."""
        self._left: dict[str, Callable[[], object]] = {}
        """What is to be done for past days, by what it is."""
        self._left_not_before = 0.0
        self._evening: date | None = None
        self._not_before = 0.0

    async def run(self) -> None:
        """Days found on disk first, then the running one again and again; until cancelled."""
        await self.settle_past(steady())
        turning = asyncio.create_task(self._days.ended())
        try:
            while True:
                await asyncio.wait({turning}, timeout=_LOOK_SECONDS)
                if turning.done():
                    ended = turning.result()
                    turning = asyncio.create_task(self._days.ended())
                    await self.end(ended, steady())
                else:
                    await self.settle_due(steady())
                    await self.settle_left(steady())
        finally:
            turning.cancel()

    async def settle_past(self, now: float) -> None:
        """Remove what need not be kept of past days, and settle what the lake lacks of them."""
        today = self._days.day.trading_date
        work = partial(prune, self._folder, self._lake, today=today, keep_days=self._keep_days)
        await _tried("removing old journals", work)
        self._left = {"compacting": self._lake.compact}
        for day in sorted({*self._folder.days("journal"), *self._folder.days("grid")}):
            # not one that is taken up again, as after a clock that was set back
            if day <= self._closed and day < today:
                self._left[f"settling {day}"] = partial(settle_found, day, self._folder, self._lake)
        self._left_not_before = now
        await self.settle_left(now)

    async def settle_left(self, now: float) -> None:
        """Do what is left to do for past days; what fails is tried again a minute later."""
        if not self._left or now < self._left_not_before:
            return
        for what, work in list(self._left.items()):
            if await _tried(what, work):
                del self._left[what]
        self._left_not_before = now + _RETRY_SECONDS

    async def settle_due(self, now: float) -> bool:
        """Settle the running day if its last slot is final and it has not been; whether it was."""
        day = self._days.day
        file = day.grid.file
        if self._evening == day.trading_date or now < self._not_before or not day.grid.columns:
            return False
        if not is_over(file):
            return False
        if await self._settle(day):
            self._evening = day.trading_date
        else:
            self._not_before = now + _RETRY_SECONDS
        return self._evening == day.trading_date

    async def end(self, day: MarketDay, now: float) -> None:
        """Close a day that has ended; its last word replaces what the evening wrote."""
        try:
            await day.close()
        except (FirkiError, OSError) as error:
            log.warning("closing %s failed: %s", day.trading_date, error)
        await self._settle(day)
        self._closed = max(self._closed, day.trading_date)
        await self.settle_past(now)

    # -- inside --------------------------------------------------------------------------------

    async def _settle(self, day: MarketDay) -> bool:
        work = partial(settle, day.trading_date, day.grid.file, day.book.table, self._lake)
        return await _tried(f"settling {day.trading_date}", work)

    def _settle_found(self, day: date) -> None:
        if day < self._days.day.trading_date:  # else the clock was set back, and it is under way
            settle_found(day, self._folder, self._lake)


async def _tried(what: str, work: Callable[[], object]) -> bool:
    """Do it in a thread; a failure is told and the market goes on. False when it may go better
    later; a fault of ours is done with until the next day.

    A stop does not wait: what is half done is not there, and done again at the next start.
    """
    try:
        await aside(work)
    except (FirkiError, OSError) as error:
        log.warning("%s failed: %s", what, error)
        return False
    except Exception:  # the root of this work: past days must not end the running one
        log.exception("%s broke down", what)
    return True
