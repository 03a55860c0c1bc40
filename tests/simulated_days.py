"""Days of the synthetic market that tests look at, and the calendar they lie in."""

from dataclasses import dataclass
from datetime import date, time
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from firki.model.calendar import Calendar
from firki.model.tick import SECOND, Column
from firki.simulator.clock import at
from firki.simulator.market import SyntheticMarket
from firki.simulator.snapshotter import Delays, Snapshots

DAY = date(2026, 11, 19)
NIFTY, RELIANCE, INFY = 256265, 738561, 408065


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


@dataclass(frozen=True)
class Played:
    """A day played to its end."""

    market: SyntheticMarket
    snapshots: Snapshots

    def of(self, row: int) -> Snapshots:
        """The snapshots of one instrument, in order of delivery."""
        return self.snapshots.take(np.flatnonzero(self.snapshots.row == row))

    def column(self, row: int, column: Column) -> npt.NDArray[np.int64]:
        """One column of one instrument."""
        values: npt.NDArray[np.int64] = self.of(row).columns[column].astype(np.int64)
        return values

    def trades(self, row: int) -> Any:
        """The true trades of one instrument."""
        token = int(self.market.listing.token[row])
        return self.market.trades([token], 0, self.market.end_ts)

    def rows(self, segment: str) -> list[int]:
        """The traded rows of a segment of the master list."""
        listing = self.market.listing
        return [row for row in range(listing.traded) if listing.segment[row] == segment]


@cache
def played() -> Played:
    """A whole day of a small market."""
    market = SyntheticMarket(calendar(), DAY, instruments=60)
    return Played(market, play(market, market.end_ts))


@cache
def looked_at() -> Played:
    """The same market until noon, delivered without delay: at the moments it was looked at."""
    market = SyntheticMarket(calendar(), DAY, instruments=60, delays=Delays.none())
    return Played(market, play(market, instant(12, 0)))


@cache
def demo() -> SyntheticMarket:
    """The demo's market at a quarter to ten."""
    market = SyntheticMarket(calendar(), DAY)
    market.advance(instant(9, 45))
    return market
