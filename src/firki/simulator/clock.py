"""Simulated market time: at any speed, paused, or moved on, and the words that say so."""

import math
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Final

from firki.errors import ConfigError
from firki.model.ist import IST, ist_date, ist_midnight, to_ist
from firki.timing import DrivenClock

FASTEST: Final = 100_000.0
_MICROSECOND: Final = timedelta(microseconds=1)
_MOST_NS: Final = 2**63 - 1


def at(day: date, moment: time) -> int:
    """The instant of an Indian wall-clock time, ns UTC."""
    since = datetime.combine(day, moment) - datetime.combine(day, time())
    return ist_midnight(day) + since // _MICROSECOND * 1000


def parse_moment(value: object, today: date) -> int:
    """An instant from ns UTC, ISO text, or HH:MM[:SS] of ``today``; naive times are Indian.

    Raises ValueError that names the accepted forms.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_NS:
        return value
    if isinstance(value, str):
        text = value.strip()
        try:
            if "T" not in text and "-" not in text:
                return at(today, _clock_time(text))
            found = datetime.fromisoformat(text)
            local = found.astimezone(IST) if found.tzinfo else found
            return at(local.date(), local.time())
        except ValueError:
            pass
    raise ValueError(
        f"{value!r}: expected HH:MM, HH:MM:SS, an ISO time such as 2026-11-20T09:30:00+05:30, "
        "or nanoseconds UTC"
    )


def _clock_time(text: str) -> time:
    found = time.fromisoformat(text)
    if found.tzinfo is not None:
        raise ValueError(f"{text}: expected a time without an offset, which is Indian")
    return found


def parse_speed(value: object) -> float:
    """Market seconds a second; raises ValueError outside (0, 100000]."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f"speed {value!r}: expected a number")  # noqa: TRY004 (one error for all)
    if not (math.isfinite(value) and 0 < value <= FASTEST):
        raise ValueError(f"speed {value!r}: expected above 0 and at most {FASTEST:g}")
    return float(value)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Speeds by the time of day: ``entries`` are (from, speed), ascending; the first one also
    holds before its time."""

    entries: tuple[tuple[time, float], ...]

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        """``60`` or ``60@09:00,5@10:00``; raises ConfigError that says what was expected."""
        try:
            entries = tuple(cls._entry(part) for part in text.split(","))
        except ValueError as wrong:
            raise ConfigError(
                f"speed {text!r}: expected a number such as 60, or speeds by the time of day "
                f"such as 60@09:00,5@10:00 ({wrong})"
            ) from wrong
        if any(b[0] <= a[0] for a, b in pairwise(entries)):
            raise ConfigError(f"speed {text!r}: expected times that ascend")
        return cls(entries)

    @staticmethod
    def _entry(part: str) -> tuple[time, float]:
        speed, _, start = part.strip().partition("@")
        return _clock_time(start.strip() or "00:00"), parse_speed(float(speed))

    def speed(self, moment_ts: int) -> float:
        """The speed that holds at the moment."""
        now = to_ist(moment_ts).time()
        held = [speed for start, speed in self.entries if start <= now]
        return held[-1] if held else self.entries[0][1]

    def next_change(self, after_ts: int) -> int | None:
        """The next instant of the same Indian day at which an entry begins."""
        day = ist_date(after_ts)
        starts = (at(day, start) for start, _ in self.entries)
        return next((start_ts for start_ts in starts if start_ts > after_ts), None)


class MarketClock:
    """Market time of one simulator, as a ``Clock``; player and control door move it."""

    def __init__(self, start_ts: int, schedule: Schedule, *, running: bool = True) -> None:
        self._schedule: Schedule | None = schedule
        self._speed = schedule.speed(start_ts)
        self._running = running
        self._driven = DrivenClock(start_ts, speed=self._speed if running else 0.0)

    @property
    def speed(self) -> float:
        return self._speed

    @property
    def running(self) -> bool:
        return self._running

    def now(self) -> int:
        return self._driven.now()

    async def sleep(self, seconds: float) -> None:
        await self._driven.sleep(seconds)

    def today(self) -> date:
        """The Indian date it is."""
        return ist_date(self.now())

    def stop_at(self, now_ts: int) -> None:
        """Stand still at ``now_ts`` while the market is played up to there; ``go_on`` ends it."""
        self._driven.set(now_ts, speed=0.0)

    def go_on(self) -> None:
        """Count on from here, at the speed and in the state that hold."""
        self.jump(self.now())

    def jump(self, now_ts: int) -> None:
        """Go on from another moment; a schedule's speed for it holds from now."""
        if self._schedule is not None:
            self._speed = self._schedule.speed(now_ts)
        self._set(now_ts)

    def pause(self) -> None:
        self._running = False
        self._set(self.now())

    def run(self) -> None:
        self._running = True
        self._set(self.now())

    def set_speed(self, speed: float) -> None:
        """A speed set by hand holds for good: it ends the schedule."""
        self._schedule, self._speed = None, speed
        self._set(self.now())

    def next_change(self, after_ts: int) -> int | None:
        """When the schedule changes the speed next, if it does on that day."""
        return self._schedule.next_change(after_ts) if self._schedule else None

    def _set(self, now_ts: int) -> None:
        self._driven.set(now_ts, speed=self._speed if self._running else 0.0)
