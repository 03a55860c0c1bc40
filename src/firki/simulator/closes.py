"""Where every instrument closes on every day: one long walk per instrument, drawn from the seed.

The walk does not know which day is simulated, so the close of a day, the previous close of the next
and the history of both agree. A day's tape and a day's drawn history are bridges between two of
these closes.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from firki.simulator.chance import STEP, key_of, keys_of, mixed, normal
from firki.simulator.day import SECTORS, factor_spreads
from firki.simulator.trading import prices as fair_prices

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

TRAITS: Final = np.dtype(
    [
        ("token", "<u4"), ("path_token", "<u4"), ("kind", "<i8"), ("class", "<i8"),
        ("sector", "<i8"), ("anchor", "<f8"), ("beta", "<f8"), ("gamma", "<f8"), ("sigma", "<f8"),
        ("expiry", "<i8"), ("strike", "<f8"), ("right", "<f8"), ("vol", "<f8"), ("tick", "<i8"),
        ("lot", "<i8"), ("spread", "<f8"), ("rate", "<f8"), ("size", "<f8"), ("calm", "<f8"),
        ("spaced", "<i8"), ("collects", "<i8"), ("open_interest", "<f8"),
    ]
)  # fmt: skip
"""What an instrument is like, whatever the day.

Prices in paise. ``path_token`` is the token whose walk it follows (its own, or the underlying's),
``anchor`` that walk's level on the day of ``ANCHOR``, ``expiry`` a date's ordinal or 0,
``open_interest`` in lots. The rest as in ``trading.TERMS``.
"""

ANCHOR: Final = date(2026, 1, 1).toordinal()
"""The day on which the walks stand at the levels of the data files."""

YEAR_DAYS: Final = 365.0
_WALK: Final = 21
_FACTOR: Final = 22
_WEEK: Final = 7
_SATURDAY: Final = 6
"""``toordinal() % 7`` is 1 on a Monday, 6 and 0 at the weekend."""
_WEEKEND: Final = 0.4


@njit(cache=True, nogil=True)
def _step(key: int, ordinal: int) -> Any:
    of_week = ordinal % _WEEK
    weight = _WEEKEND if of_week == 0 or of_week == _SATURDAY else 1.0
    return weight * normal(mixed(key + np.uint64(ordinal) * STEP))


@njit(cache=True, nogil=True)
def _walk(key: int, ordinals: Any, out: Any) -> None:
    """Sums of the steps since ``ANCHOR`` at ascending ordinals; going back takes steps away."""
    total, here = 0.0, ANCHOR
    start = np.searchsorted(ordinals, ANCHOR)
    for at in range(start, len(ordinals)):
        while here < ordinals[at]:
            here += 1
            total += _step(key, here)
        out[at] = total
    total, here = 0.0, ANCHOR
    for at in range(start - 1, -1, -1):
        while here > ordinals[at]:
            total -= _step(key, here)
            here -= 1
        out[at] = total


@njit(cache=True, nogil=True)
def _walks(keys: Any, ordinals: Any) -> Any:
    out = np.empty((len(keys), len(ordinals)))
    for row in range(len(keys)):
        _walk(keys[row], ordinals, out[row])
    return out


class Closes:
    """Closes of any instruments on any days of one seed."""

    def __init__(self, seed: int) -> None:
        self._noise_key = key_of(seed, _WALK)
        numbers = range(len(SECTORS))
        self._factor_keys = np.array([key_of(seed, _FACTOR, k) for k in numbers], np.uint64)

    def factors(self, days: Sequence[date]) -> F64:
        """Log level of the market and of each sector at the close of ascending days."""
        walks: F64 = _walks(self._factor_keys, _ordinals(days)) * factor_spreads()[:, None]
        return walks

    def noise(self, traits: npt.NDArray[Any], days: Sequence[date]) -> F64:
        """The own part of each instrument's log level, a row each."""
        keys = keys_of(self._noise_key, traits["path_token"])
        walks: F64 = _walks(keys, _ordinals(days)) * traits["sigma"][:, None]
        return walks

    def levels(self, traits: npt.NDArray[Any], days: Sequence[date]) -> F64:
        """Level in paise of the path each instrument follows, a row each, a column per day."""
        factors = self.factors(days)
        moved = traits["beta"][:, None] * factors[0]
        moved += traits["gamma"][:, None] * factors[traits["sector"]]
        levels: F64 = traits["anchor"][:, None] * np.exp(moved + self.noise(traits, days))
        return levels

    def prices(self, traits: npt.NDArray[Any], days: Sequence[date]) -> I64:
        """Closing prices in paise on the tick grid, a row each, a column per day."""
        prices: I64 = fair_prices(traits, self.levels(traits, days), years_left(traits, days))
        return prices


def years_left(traits: npt.NDArray[Any], days: Sequence[date]) -> F64:
    """Years from each day's close to expiry; 0 on the last day."""
    left: F64 = (traits["expiry"][:, None] - _ordinals(days)) / YEAR_DAYS
    return left


def _ordinals(days: Sequence[date]) -> I64:
    return np.array([day.toordinal() for day in days], np.int64)
