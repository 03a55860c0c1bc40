"""Days of the synthetic market that tests look at, and the calendar they lie in."""

from datetime import date, time
from functools import cache
from importlib.resources import files

import numpy as np

from firki.model.calendar import Calendar
from firki.model.tick import SECOND
from firki.simulator.clock import at
from firki.simulator.market import SyntheticMarket
from firki.simulator.snapshotter import Snapshots

DAY = date(2026, 11, 19)


@cache
def calendar() -> Calendar:
    """The packaged one."""
    return Calendar.parse((files("firki.model") / "data" / "calendar.toml").read_bytes())


def instant(hour: int, minute: int, second: int = 0, *, day: date = DAY) -> int:
    """Indian wall-clock time of a day, ns UTC."""
    return at(day, time(hour, minute, second))


def play(market: SyntheticMarket, to_ts: int, *, step: int = 600 * SECOND) -> Snapshots:
    """All snapshots up to ``to_ts``, asked for in steps."""
    untils = [*range(market.open_ts, to_ts, step), to_ts]
    return Snapshots.joined([market.advance(until) for until in untils])


def same(one: Snapshots, other: Snapshots) -> bool:
    """Whether both hold the same bytes."""
    names = ("delivery_ts", "row", "columns", "depth")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)
