"""What reading snapshots can reach at best, from the trades and the moments of looking alone.

A look shows the last trade, the day's volume and the day's high and low. The reader here makes the
most of that: a rise of the volume belongs to the minute of the last trade shown, and a new extreme
of the day, where no shown price explains it, to that same minute. Whatever it gets wrong, nobody
could know from these looks. Plain Python, and nothing of firki.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

Trade = tuple[int, int, int]
"""Moment, price, quantity."""

FIELDS = ("open", "high", "low", "close", "volume")


@dataclass
class Bar:
    open: int
    high: int
    low: int
    close: int
    volume: int

    def show(self, price: int, quantity: int) -> None:
        """A price is shown, and with it a quantity traded."""
        self.high, self.low = max(self.high, price), min(self.low, price)
        self.close = price
        self.volume += quantity


Bars = dict[int, Bar]


def true_bars(trades: Iterable[Trade], bucket: Callable[[int], int | None]) -> Bars:
    """Bars of all trades; those that ``bucket`` gives None are in none."""
    bars: Bars = {}
    for moment, price, quantity in trades:
        _show(bars, bucket(moment), price, quantity)
    return bars


def best_bars(
    trades: Sequence[Trade],
    looks: Iterable[int],
    bucket: Callable[[int], int | None],
    *,
    repair: bool = True,
) -> Bars:
    """Bars of what the looks show; ``repair`` uses the day's extremes too."""
    bars: Bars = {}
    shown = taken = 0
    high, low = 0, 1 << 62
    for look in looks:
        while taken < len(trades) and trades[taken][0] <= look:
            taken += 1
        if taken == shown:
            continue
        new = trades[shown:taken]
        shown = taken
        moment, price, _ = new[-1]
        where = bucket(moment)
        _show(bars, where, price, sum(quantity for _, _, quantity in new))
        day_high = max(high, *(p for _, p, _ in new))
        day_low = min(low, *(p for _, p, _ in new))
        if repair and where is not None:
            if day_high > high:
                bars[where].high = max(bars[where].high, day_high)
            if day_low < low:
                bars[where].low = min(bars[where].low, day_low)
        high, low = day_high, day_low
    return bars


def exact_share(truth: Bars, bars: Bars, field: str) -> float:
    """The share of true bars whose field came out right."""
    right = sum(
        where in bars and getattr(bars[where], field) == getattr(bar, field)
        for where, bar in truth.items()
    )
    return right / len(truth) if truth else 1.0


def _show(bars: Bars, where: int | None, price: int, quantity: int) -> None:
    if where is None:
        return
    if where not in bars:
        bars[where] = Bar(price, price, price, price, 0)
    bars[where].show(price, quantity)
