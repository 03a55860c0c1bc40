"""One day's terms of every instrument: its closes on both sides, and when its auctions print."""

from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from firki.model.calendar import ist_midnight
from firki.model.tick import SECOND
from firki.simulator.chance import key_of, keys_of, uniform_all
from firki.simulator.closes import Closes
from firki.simulator.day import CLASSES, Day, Doing
from firki.simulator.trading import TERMS, YEAR_SECONDS, Kind

_OWN: Final = 31
_PATHS: Final = 32
_OPENS: Final = 33
_CLOSES: Final = 34
_INTEREST: Final = 35
_LATEST_PRINT: Final = 100
"""Auctions print within this many seconds of matching, and before it ends."""
_EXPIRY_HOUR: Final = 15.5 * 3600
_RARE: Final = 600.0
"""A share with a trade in this many seconds or fewer always takes part in the opening auction."""
_AFTER: Final = 0.02
_AFTER_LEAST: Final = 0.05


def terms_of(
    traits: npt.NDArray[Any], closes: Closes, day: Day, last_date: date, seed: int
) -> npt.NDArray[Any]:
    """``TERMS`` of the instruments on the day, which follows the trading day ``last_date``."""
    days = [last_date, day.trading_date]
    ordinal = day.trading_date.toordinal()
    terms = np.zeros(len(traits), TERMS)
    for name in set(TERMS.names or ()) & set(traits.dtype.names or ()):
        terms[name] = traits[name]
    terms["key"] = keys_of(key_of(seed, _OWN, ordinal), traits["token"])
    terms["path_key"] = keys_of(key_of(seed, _PATHS, ordinal), traits["path_token"])
    terms["base"] = closes.levels(traits, days[:1])[:, 0]
    noise = closes.noise(traits, days)
    terms["target"] = noise[:, 1] - noise[:, 0]
    terms["years"] = _years_at_start(traits, day)
    prices = closes.prices(traits, days)
    terms["previous"], terms["close"] = prices[:, 0], prices[:, 1]
    terms["oi"] = interest(traits, seed, [last_date])[:, 0]
    chance = uniform_all(keys_of(key_of(seed, _OPENS), terms["key"]))
    at_open = _print_seconds(traits, day, Doing.OPENING, chance)
    # quiet shares, and every derivative but a future of the month, have no opening auction
    takes_part = (traits["collects"] > 0) & (chance < traits["rate"] * _RARE)
    takes_part |= traits["kind"] == Kind.INDEX
    terms["opens_at"] = np.where(takes_part, at_open, -1)
    chance = uniform_all(keys_of(key_of(seed, _CLOSES), terms["key"]))
    terms["closes_at"] = _print_seconds(traits, day, Doing.CLOSING, chance)
    terms["after"] = np.where(traits["rate"] > _AFTER_LEAST, traits["rate"] * _AFTER * chance, 0)
    return terms


def interest(traits: npt.NDArray[Any], seed: int, days: list[date]) -> npt.NDArray[np.int64]:
    """Open interest at the close of each day, whole lots; 0 where there is none."""
    keys = keys_of(key_of(seed, _INTEREST), traits["token"])
    wave = np.array([day.toordinal() for day in days]) / 9.0
    phase = uniform_all(keys)[:, None] * 6.283
    lots = traits["open_interest"][:, None] * (1 + 0.25 * np.sin(phase + wave))
    held: npt.NDArray[np.int64] = lots.astype(np.int64) * traits["lot"][:, None]
    return held


def _years_at_start(traits: npt.NDArray[Any], day: Day) -> npt.NDArray[np.float64]:
    of_day = (day.start_ts - ist_midnight(day.trading_date)) / SECOND
    left = (traits["expiry"] - day.trading_date.toordinal()) * 86400.0 + _EXPIRY_HOUR - of_day
    years: npt.NDArray[np.float64] = np.where(traits["expiry"] > 0, left / YEAR_SECONDS, 0.0)
    return years


def _print_seconds(
    traits: npt.NDArray[Any], day: Day, doing: Doing, chance: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    lengths = np.array([_length(day, number, doing) for number in range(len(CLASSES))])
    room = np.minimum(lengths, _LATEST_PRINT)[traits["class"]]
    return np.where(room > 0, (chance * room).astype(np.int64), -1)


def _length(day: Day, number: int, doing: Doing) -> int:
    """Seconds of the first stretch in which the class does this."""
    since = day.since[number][day.doing[number] == doing]
    again = np.flatnonzero(since == 0)
    return int(again[1]) if len(again) > 1 else len(since)
