"""How an instrument trades: kernels that draw its path, its trades and its quotes by the second."""

import math
from enum import IntEnum
from typing import Any, Final

import numpy as np
from numba import njit

from firki.model.tick import SECOND
from firki.simulator.chance import STEP, mixed, normal, uniform


class Kind(IntEnum):
    """What an instrument is."""

    SHARE = 0
    INDEX = 1
    FUTURE = 2
    OPTION = 3


class TradeKind(IntEnum):
    """Which part of the day a trade belongs to; the first three are ``SessionKind``."""

    PRE_OPEN = 0
    CONTINUOUS = 1
    CLOSING_AUCTION = 2
    POST_CLOSE = 3


TERMS: Final = np.dtype(
    [
        ("key", "<u8"), ("path_key", "<u8"), ("kind", "<i8"), ("class", "<i8"), ("sector", "<i8"),
        ("base", "<f8"), ("beta", "<f8"), ("gamma", "<f8"), ("sigma", "<f8"), ("target", "<f8"),
        ("years", "<f8"), ("strike", "<f8"), ("right", "<f8"), ("vol", "<f8"),
        ("tick", "<i8"), ("lot", "<i8"), ("spread", "<f8"), ("rate", "<f8"), ("size", "<f8"),
        ("calm", "<f8"), ("after", "<f8"), ("spaced", "<i8"), ("collects", "<i8"),
        ("opens_at", "<i8"), ("closes_at", "<i8"), ("previous", "<i8"), ("close", "<i8"),
        ("oi", "<i8"),
    ]
)  # fmt: skip
"""An instrument's terms for one day.

``base`` is the last close of the path in paise (of the underlying for a derivative), ``target``
what the path's own noise comes to by the close, ``years`` the time to expiry when the day starts,
``right`` +1 for a call and -1 for a put, ``spread`` half the quoted one as a share of the price,
``rate`` trades a second, ``size`` the mean lots beyond the first, ``calm`` depth changes a second,
``after`` trades a second after the close, ``opens_at`` and ``closes_at`` the second of the auctions
in which the price is printed or -1.
"""

PROGRESS: Final = np.dtype(
    [("noise", "<f8"), ("mid", "<f8"), ("heat", "<f8"), ("oi", "<i8"), ("last", "<i8")]
)
"""Where an instrument's day has got to."""

RATE: Final = 0.065
"""Rupee interest that futures and forwards carry."""
YEAR_SECONDS: Final = 365.0 * 86400.0
MOST_A_SECOND: Final = 60
"""Trades of one instrument in one second."""

_PRE_OPEN, _CONTINUOUS, _AUCTION, _POST = (int(kind) for kind in TradeKind)
_SHARE, _INDEX, _FUTURE, _OPTION = (int(kind) for kind in Kind)
_COLLECTING, _OPENING, _TRADING, _GATHERING, _CLOSING, _SETTLED = range(1, 7)
_KEEP: Final = 0.7
_KICK: Final = 0.15
_OWN: Final = 0.5
"""Half of the trades come by themselves, half because of others: kick / (1 - keep) is 0.5."""
_SALT: Final = np.uint64(0xD1B54A32D192ED03)
_BASIS: Final = 1.5e-4
_BASIS_SECONDS: Final = 20
_TINY: Final = 1e-9
_ARRIVED: Final = 1.0
_INDEX_STEP: Final = 5
_CERTAIN: Final = 1e-6


@njit(cache=True, nogil=True)
def fair(forward: float, strike: float, years: float, vol: float, right: float) -> Any:
    """Black's 1976 price of an option on a forward; volatility smiles around the money."""
    if years < _CERTAIN:
        return max(right * (forward - strike), 0.0)
    root = math.sqrt(years)
    away = math.log(strike / forward) / root
    spread = vol * min(max(1.0 - 0.3 * away + 0.8 * away * away, 0.6), 2.0) * root
    high = math.log(forward / strike) / spread + spread / 2
    half = math.sqrt(0.5)
    with_strike = 0.5 * math.erfc(-right * (high - spread) * half)
    with_forward = 0.5 * math.erfc(-right * high * half)
    value = right * (forward * with_forward - strike * with_strike)
    return max(value * math.exp(-RATE * years), 0.0)


@njit(cache=True, nogil=True)
def price_of(level: float, kind: int, years: float, strike: float, vol: float, right: float) -> Any:
    """Fair price of an instrument whose underlying (or itself) stands at ``level``."""
    if kind == _FUTURE:
        return level * math.exp(RATE * years)
    if kind == _OPTION:
        return fair(level * math.exp(RATE * years), strike, years, vol, right)
    return level


@njit(cache=True, nogil=True)
def to_tick(price: float, tick: int) -> Any:
    """The nearest price on the grid, one tick at least."""
    return max(math.floor(price / tick + 0.5) * tick, tick)


@njit(cache=True, nogil=True)
def _move(term: Any, progress: Any, at: int, pull: Any, push: Any, factors: Any) -> Any:
    """Take the path to the end of second ``at``; the answer is the fair price there."""
    if pull[at] >= _ARRIVED:
        progress["noise"] = term["target"]
    elif pull[at] > 0.0:
        drawn = normal(mixed(term["path_key"] + np.uint64(at) * STEP))
        left = term["target"] - progress["noise"]
        progress["noise"] += left * pull[at] + term["sigma"] * push[at] * drawn
    moved = term["beta"] * factors[0, at] + term["gamma"] * factors[term["sector"], at]
    level = term["base"] * math.exp(moved + progress["noise"])
    years = max(term["years"] - at / YEAR_SECONDS, 0.0)
    price = price_of(level, term["kind"], years, term["strike"], term["vol"], term["right"])
    if term["kind"] == _FUTURE:
        block = np.uint64(at // _BASIS_SECONDS)
        price *= 1.0 + _BASIS * normal(mixed((term["key"] ^ _SALT) + block * STEP))
    return price


@njit(cache=True, nogil=True)
def _count(mean: float, draw: float) -> Any:
    """A Poisson number by inversion, at most ``MOST_A_SECOND``."""
    chance = math.exp(-mean)
    total, number = chance, 0
    while draw >= total and number < MOST_A_SECOND:
        number += 1
        chance *= mean / number
        total += chance
    return number


@njit(cache=True, nogil=True)
def _quantity(term: Any, drawn: int) -> Any:
    """Whole lots with a long tail."""
    waited = -math.log(1.0 - uniform(drawn))
    return term["lot"] * (1 + int(term["size"] * waited * waited * 0.5))


@njit(cache=True, nogil=True)
def _side_price(middle: float, half: float, tick: int, drawn: int) -> Any:
    """A seller hits the bid or a buyer lifts the ask; a few go a tick or two deeper."""
    deeper = 0
    if (drawn >> np.uint64(8)) & np.uint64(63) == np.uint64(0):
        deeper = 1 + int((drawn >> np.uint64(14)) & np.uint64(1))
    if drawn & np.uint64(1):
        return (math.ceil((middle + half) / tick - _TINY) + deeper) * tick
    return max(math.floor((middle - half) / tick + _TINY) - deeper, 1) * tick


@njit(cache=True, nogil=True)
def _trade(term: Any, progress: Any, at: int, count: int, ends: Any, out: Any, used: int) -> Any:
    """Trades of continuous trading, spread over the second in order of time."""
    begin, end, half = ends
    ts, price, quantity, kind, oi = out
    drawn = mixed((term["key"] ^ _SALT) + np.uint64(at) * STEP)
    for number in range(count):
        drawn = mixed(drawn + STEP)
        part = (number + uniform(drawn)) / count
        if term["spaced"]:
            part = uniform(mixed(term["key"]))
        drawn = mixed(drawn + STEP)
        ts[used] = int(part * (SECOND - 1))
        price[used] = _side_price(begin + (end - begin) * part, half, term["tick"], drawn)
        quantity[used] = _quantity(term, mixed(drawn))
        if term["kind"] >= _FUTURE:
            way = int((drawn >> np.uint64(20)) % np.uint64(3)) - 1
            progress["oi"] = max(progress["oi"] + way * quantity[used], term["lot"])
        kind[used], oi[used] = _CONTINUOUS, progress["oi"]
        used += 1
    return used


@njit(cache=True, nogil=True)
def _print(
    term: Any, at: int, printed: int, of_kind: int, share: float, oi_now: int, out: Any, used: int
) -> Any:
    """An auction's trades, all at one price: some ``share`` of a day's quantity, 1 to 3 prints."""
    ts, price, quantity, kind, oi = out
    drawn = mixed((term["key"] ^ _SALT) + np.uint64(at) * STEP)
    count = 1 if term["spaced"] else 1 + int(drawn % np.uint64(3))
    day = term["rate"] * 22500.0 * (1.0 + term["size"])
    lots = day * share * (0.5 + uniform(mixed(drawn))) / count
    for number in range(count):
        ts[used] = (number + 1) * (SECOND // 5)
        price[used], quantity[used] = printed, term["lot"] * (1 + int(lots))
        kind[used], oi[used] = of_kind, oi_now
        used += 1
    return used


@njit(cache=True, nogil=True)
def _index_value(term: Any, progress: Any, of_kind: int, arrived: bool, out: Any, used: int) -> Any:
    """An index is worked out again as each second begins."""
    ts, price, quantity, kind, oi = out
    value = term["close"] if arrived else to_tick(progress["mid"], _INDEX_STEP)
    if value != progress["last"]:
        ts[used], price[used], quantity[used] = 0, value, 0
        kind[used], oi[used] = of_kind, 0
        progress["last"] = value
        used += 1
    return used


@njit(cache=True, nogil=True)
def _continuous(
    term: Any, progress: Any, at: int, pace: float, ends: Any, out: Any, used: int
) -> Any:
    mean = term["rate"] * _OWN * pace + progress["heat"]
    count = _count(mean, uniform(mixed(term["key"] + np.uint64(at) * STEP)))
    if term["spaced"]:
        count = min(count, 1)
    progress["heat"] = progress["heat"] * _KEEP + _KICK * count
    return _trade(term, progress, at, count, ends, out, used)


@njit(cache=True, nogil=True)
def _second(
    term: Any, progress: Any, at: int, doing: int, since: int, pace: float, ends: Any,
    arrived: bool, out: Any, used: int,
) -> Any:  # fmt: skip
    """All that happens to one instrument in one second; the answer is the trades so far."""
    if term["kind"] == _INDEX:
        if doing == _TRADING:
            return _index_value(term, progress, _CONTINUOUS, arrived, out, used)
        if doing == _OPENING and since == term["opens_at"]:
            return _index_value(term, progress, _PRE_OPEN, arrived, out, used)
        return used
    if doing == _TRADING:
        return _continuous(term, progress, at, pace, ends, out, used)
    oi = progress["oi"]
    if doing == _OPENING and since == term["opens_at"]:
        at_price = to_tick(ends[1], term["tick"])
        return _print(term, at, at_price, _PRE_OPEN, 0.008, oi, out, used)
    if doing == _CLOSING and since == term["closes_at"]:
        return _print(term, at, term["close"], _AUCTION, 0.04, oi, out, used)
    if doing == _SETTLED and uniform(mixed(term["key"] + np.uint64(at) * STEP)) < term["after"]:
        return _print(term, at, term["close"], _POST, 1e-5, oi, out, used)
    return used


@njit(cache=True, nogil=True)
def run(
    terms: Any, progress: Any, begin: Any, last: int, day: Any, out: Any, offsets: Any, quotes: Any
) -> Any:
    """Fill the block from (row, second, used) on; stops early when the room runs out."""
    row, at, used = begin
    doing, since, pace, pull, push, factors = day
    bid, ask, first = quotes
    while row < len(terms):
        term, here = terms[row], progress[row]
        of_class = term["class"]
        while at < last:
            if used + MOST_A_SECOND > len(out[0]):
                return row, at, used
            before = here["mid"]
            here["mid"] = _move(term, here, at, pull, push, factors)
            half = max(0.5 * term["tick"], here["mid"] * term["spread"])
            ends = (before, here["mid"], half)
            start = used
            used = _second(
                term, here, at, doing[of_class, at], since[of_class, at], pace[of_class, at],
                ends, pull[at] == _ARRIVED, out, used,
            )  # fmt: skip
            for number in range(start, used):
                out[0][number] += at * SECOND
            tick = term["tick"]
            lower = max(math.floor((here["mid"] - half) / tick + _TINY), 0) * tick
            bid[row, at - first] = lower
            upper = math.ceil((here["mid"] + half) / tick - _TINY) * tick
            ask[row, at - first] = max(upper, lower + tick)
            at += 1
        row += 1
        offsets[row] = used
        at = first
    return row, at, used


@njit(cache=True, nogil=True)
def prices(traits: Any, levels: Any, years: Any) -> Any:
    """Prices on the tick grid where the paths stand at ``levels``; rows are instruments."""
    out = np.empty(levels.shape, np.int64)
    for row in range(levels.shape[0]):
        trait = traits[row]
        for at in range(levels.shape[1]):
            left = max(years[row, at], 0.0)
            fair_price = price_of(
                levels[row, at], trait["kind"], left, trait["strike"], trait["vol"], trait["right"]
            )
            out[row, at] = to_tick(fair_price, trait["tick"])
    return out
