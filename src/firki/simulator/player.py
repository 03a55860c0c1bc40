"""Plays the market to the sockets as its clock runs, and turns to the next trading day."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Final, Protocol

from firki.simulator.clock import MarketClock, at
from firki.simulator.hub import Hub, Outlet
from firki.simulator.session import TOKENS_END
from firki.simulator.venue import Market
from firki.timing import SECOND, pause

LOOK_HZ: Final = 50.0
"""How often a running clock is looked at, in steady time."""

AFTER_CLOSE_NS: Final = 300 * SECOND
"""What stays of a day after its last snapshot before the next one begins."""

_SNAPSHOTS_A_SLICE: Final = 10_000
_SHORTEST: Final = SECOND // 10
_LONGEST: Final = 10 * SECOND
"""Played at once at most: the busiest stretch of it fits what a client may leave unread."""
_QUIET: Final = 600 * SECOND
_MOST_LATE_SECONDS: Final = 1.0
"""Of machine time: what cannot be played in time is played later, and market time waits for it."""
_UNREAD_BYTES: Final = 4 << 20
"""Playing on waits for sockets that have more than this unread."""
_MOST_AHEAD_NS: Final = 60 * SECOND
_UNHURRIED: Final = 10.0
"""Up to this speed the market waits for nobody."""
_FEW_BYTES: Final = 64 << 10
"""Unread beyond these a faster one waits."""
_NIGHT_SECONDS: Final = 0.3
"""Machine seconds a night takes: who asks for the time now and then knows of the new day before its
first frame."""
_PATIENCE_SECONDS: Final = 5.0
_DRAIN_SECONDS: Final = 0.002


class Days(Protocol):
    """The trading days a simulator can play."""

    def after(self, day: date, /) -> date | None:
        """The next one, None when there is none to play."""

    def market(self, day: date, /) -> Market:
        """The market of a day; slow, so it is called in a thread."""


@dataclass
class _Tomorrow:
    """The day that comes, and when its instruments take over."""

    market: Market
    from_ts: int


class Player:
    """Owner of the market: nothing else advances it."""

    def __init__(
        self,
        market: Market,
        *,
        clock: MarketClock,
        hub: Hub,
        days: Days,
        day_start: time,
        steady: Callable[[], float],
        look_hz: float = LOOK_HZ,
    ) -> None:
        self.market = market
        self._clock, self._hub, self._days = clock, hub, days
        self._day_start, self._steady, self._wait = day_start, steady, 1 / look_hz
        self._frame_ns = hub.frame_ns
        self._played_ts = clock.now()
        self._shortest = max(_SHORTEST, hub.frame_ns)
        self._slice = max(SECOND, hub.frame_ns)
        self._tomorrow: _Tomorrow | None = None
        self._is_last = False
        self.held_back = 0
        """How often market time had to wait because it ran faster than the machine."""
        self._turn = asyncio.Lock()
        self._ended_steps = 0

    async def run(self) -> None:
        """Follow the clock until cancelled."""
        while True:
            async with self._turn:
                is_behind = await self._follow()
            await pause(0 if is_behind else self._wait)

    async def play_to(self, target_ts: int, wanted: Callable[[], bool] = lambda: True) -> None:
        """Everything due up to the target, in order, as fast as the sockets take it; then the
        clock goes on from there. A target that lies behind changes nothing. After ``end_steps``,
        or when it is not ``wanted`` any more, it ends with the stretch that is being played.

        A stretch holds some thousand snapshots, or a time without any.
        """
        ended = self._ended_steps

        def goes_on() -> bool:
            return ended == self._ended_steps and wanted()

        async with self._turn:
            self._clock.stop_at(max(self._clock.now(), self._played_ts))
            try:
                while self._played_ts < target_ts and goes_on():
                    await self._play(min(target_ts, self._next_stop()))
                    self._clock.stop_at(self._played_ts)
                    for deaf in await self._unread(_UNREAD_BYTES):
                        deaf.cut()
                if goes_on():
                    self._clock.stop_at(max(self._clock.now(), target_ts))
                await self._unread(0)
            finally:
                self._clock.go_on()

    def told_ts(self) -> int:
        """Market time for those who follow it: the clock's, but not far beyond what was played."""
        return min(self._clock.now(), self._played_ts + _MOST_AHEAD_NS)

    def end_steps(self) -> None:
        """Nothing asked of ``play_to`` so far is played on."""
        self._ended_steps += 1

    def step_end(self) -> int:
        """As far as one step may go: the end of the next trading day, of today without one."""
        day = self._days.after(self.market.trading_date) or self.market.trading_date
        return at(max(day, self._clock.today()) + timedelta(days=1), time())

    async def _follow(self) -> bool:
        """One stretch of what is due; the answer is whether more is due already."""
        due_ts = self._whole(self._clock.now())
        stop_ts = max(self._played_ts, min(due_ts, self._next_stop()))
        change_ts = self._clock.next_change(self._played_ts)
        if self._clock.running and change_ts is not None and change_ts <= stop_ts:
            stop_ts = change_ts
            self._clock.jump(stop_ts)
        await self._play(stop_ts)
        if self._clock.running and self._clock.speed > _UNHURRIED:
            await self._let_read(stop_ts)
        late = self._clock.now() - stop_ts
        if self._clock.running and late > _MOST_LATE_SECONDS * SECOND * self._clock.speed:
            self.held_back += 1
            self._clock.jump(stop_ts)
        return not await self._passes_the_night(stop_ts) and stop_ts < due_ts

    async def _let_read(self, here: int) -> None:
        """A market that is faster than a real one waits for its listeners: a real one would not
        outrun them."""
        if not self._behind(_FEW_BYTES):
            return
        self.held_back += 1
        self._clock.stop_at(here)
        try:
            for deaf in await self._unread(_FEW_BYTES):
                deaf.cut()
        finally:
            self._clock.go_on()

    async def _passes_the_night(self, here: int) -> bool:
        """Go on at the start of the next day when this one is over and the clock runs."""
        if here < self.market.end_ts + AFTER_CLOSE_NS or not self._clock.running:
            return False
        day = await self._next_day()
        if day is None or not self._clock.running:  # it may have been paused meanwhile
            return False
        start_ts = at(day.market.trading_date, self._day_start)
        if here >= start_ts:
            return False
        await self._play(start_ts)
        self._clock.jump(start_ts)
        self._clock.stop_at(start_ts)
        try:
            await pause(_NIGHT_SECONDS)
        finally:
            self._clock.go_on()
        return True

    async def _play(self, to_ts: int) -> None:
        """Advance to a moment that is near; a day whose time has come takes over first."""
        if self._played_ts >= self.market.end_ts + AFTER_CLOSE_NS:
            day = await self._next_day()
            if day is not None and day.from_ts <= to_ts:
                self.market, self._tomorrow = day.market, None
                self._hub.open_day(day.market)
        self._played_ts, count = to_ts, 0
        if to_ts >= self.market.open_ts:
            snapshots = self.market.advance(to_ts)
            count = len(snapshots.row)
        if count:
            self._hub.publish(snapshots)
        self._pace(count)

    def _whole(self, moment_ts: int) -> int:
        """The last end of a frame: frames hold the same snapshots however the clock ran."""
        return moment_ts - moment_ts % self._frame_ns

    async def _next_day(self) -> _Tomorrow | None:
        if self._tomorrow is None and not self._is_last:
            day = self._days.after(self.market.trading_date)
            self._is_last = day is None
            if day is not None:
                market = await asyncio.to_thread(self._days.market, day)
                self._tomorrow = _Tomorrow(market, at(day, TOKENS_END))
        return self._tomorrow

    def _next_stop(self) -> int:
        """How far to play at once: some thousand snapshots, or over the time without any."""
        market, here = self.market, self._played_ts
        if here < market.open_ts:
            return market.open_ts
        return self._whole(here + (self._slice if here < market.end_ts else _QUIET))

    def _pace(self, count: int) -> None:
        if count > _SNAPSHOTS_A_SLICE:
            self._slice = max(self._shortest, self._slice // 2)
        elif count < _SNAPSHOTS_A_SLICE // 4:
            self._slice = max(min(_LONGEST, self._slice * 2), self._shortest)

    async def _unread(self, most_waiting: int) -> list[Outlet]:
        """Wait until every client has at most so much unread; the answer are those that took
        nothing of it for seconds."""
        await pause(0)
        until, before = self._steady() + _PATIENCE_SECONDS, -1
        while behind := self._behind(most_waiting):
            left = sum(outlet.waiting for outlet in behind)
            now = self._steady()
            if left != before:
                until, before = now + _PATIENCE_SECONDS, left
            elif now > until:
                return behind
            await pause(_DRAIN_SECONDS)
        return []

    def _behind(self, most_waiting: int) -> list[Outlet]:
        return [c.outlet for c in self._hub.clients if c.outlet.waiting > most_waiting]
