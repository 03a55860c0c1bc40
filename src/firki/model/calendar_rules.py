"""What the layers of calendar files come to for one class: its hours, its odd days, its years."""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import date
from typing import Final

from firki.model.calendar_file import Closure, Hours, Layer, Special
from firki.model.calendar_table import MinutePhase
from firki.model.session import PhaseKind, SessionClass, order_fault

_SATURDAY: Final = 5
_MIDNIGHT: Final = 24 * 60


class Rules:
    """One class's rules; of two layers the later one wins."""

    def __init__(self, layers: list[Layer], session_class: SessionClass) -> None:
        own = session_class
        # The sort is stable, so of two that begin on one day the later layer's comes last.
        self._hours = sorted(
            (hours for layer in layers for hours in layer.hours if own in hours.classes),
            key=lambda hours: hours.first,
        )
        self._days: dict[date, Closure | Special | None] = {
            day: rule for layer in layers for classes, day, rule in layer.days if own in classes
        }
        self.years: Final = frozenset(
            year
            for layer in layers
            for classes, years in layer.coverage
            if own in classes
            for year in years
        )

    @property
    def first(self) -> date | None:
        """The first day whose hours are known."""
        return self._hours[0].first if self._hours else None

    def hours(self, day: date) -> Hours | None:
        """The hours in force on ``day``, holiday or not."""
        newest = bisect_right(self._hours, day, key=lambda hours: hours.first)
        fits = (h for h in reversed(self._hours[:newest]) if h.until is None or day <= h.until)
        return next(fits, None)

    def rule(self, day: date) -> Closure | Special | None:
        """What is said of this very day."""
        return self._days.get(day)

    def phases(self, day: date) -> tuple[MinutePhase, ...]:
        """The day's phases in minutes since midnight; none when nothing is traded."""
        hours, rule = self.hours(day), self.rule(day)
        if hours is None or (rule is None and day.weekday() >= _SATURDAY):
            return ()
        if isinstance(rule, Special):
            return rule.phases or hours.phases
        phases = _without(hours.phases, rule) if rule else hours.phases
        return phases if any(kind is PhaseKind.CONTINUOUS for kind, _, _ in phases) else ()

    def day_doubt(self, day: date) -> str | None:
        """What is said of this very day without a good source, trading day or not."""
        rule = self.rule(day)
        return rule.note if rule and not rule.verified else None

    def stretch_doubts(self, day: date) -> list[str]:
        """What holds for a whole stretch of days without a good source."""
        hours, rule = self.hours(day), self.rule(day)
        if hours is None or (rule is None and day.weekday() >= _SATURDAY):
            return []
        found = []
        own_hours = isinstance(rule, Special) and rule.phases is not None
        if not hours.verified and not own_hours and self.phases(day):
            found.append(hours.note)
        if rule is None and day.year not in self.years:
            found.append(f"no holiday list for {day.year}: its weekdays are taken as trading days")
        return found

    def verified(self, day: date) -> bool:
        return self.day_doubt(day) is None and not self.stretch_doubts(day)

    def note(self, day: date) -> str:
        """What the files say of the day, and what is in doubt."""
        hours, rule = self.hours(day), self.rule(day)
        own_hours = isinstance(rule, Special) and rule.phases is not None
        said = [rule.note if rule else "", hours.note if hours and not own_hours else ""]
        return "; ".join(text for text in dict.fromkeys([*said, *self.stretch_doubts(day)]) if text)

    def cut_faults(self) -> Iterator[str]:
        """Half-days whose parting falls inside an auction."""
        for day, rule in self._days.items():
            if isinstance(rule, Closure) and (phases := self.phases(day)):
                fault = order_fault(_with_gaps(phases))
                if fault:
                    yield f"{day}: parted inside an auction: {fault}"


def _without(phases: tuple[MinutePhase, ...], closure: Closure) -> tuple[MinutePhase, ...]:
    if closure.closed == "day":
        return ()
    low, high = (closure.parted, _MIDNIGHT) if closure.closed == "morning" else (0, closure.parted)
    cut = ((kind, max(start, low), min(end, high)) for kind, start, end in phases)
    return tuple((kind, start, end) for kind, start, end in cut if start < end)


def _with_gaps(phases: tuple[MinutePhase, ...]) -> list[PhaseKind]:
    kinds: list[PhaseKind] = []
    end = 0
    for kind, start, stop in phases:
        kinds += [PhaseKind.CLOSED, kind] if start > end else [kind]
        end = stop
    return kinds
