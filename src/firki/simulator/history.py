"""Days before the simulated one: drawn when asked, the day's bar first, its minutes within it."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from firki.model.calendar import Calendar, Session, ist_midnight
from firki.model.candle import SessionKind
from firki.simulator.bars import Bars, slot_times
from firki.simulator.chance import (
    STEP,
    draws,
    key_of,
    keys_of,
    mixed,
    normal,
    normal_all,
    uniform,
    uniform_all,
)  # fmt: skip
from firki.simulator.closes import Closes
from firki.simulator.day import OVERNIGHT, busyness, factor_spreads
from firki.simulator.terms import interest
from firki.simulator.trading import Kind

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

LISTED_DAYS: Final = 100
"""How long before its expiry a contract is first traded."""

AUCTION_SHARE: Final = 0.04
"""Of a day's volume, what the closing auction trades."""

TRADING_SECONDS: Final = 22_500.0
"""Of an ordinary day, 09:15 to 15:30."""

_DAYS: Final = 41
_MINUTES: Final = 42
_MOST_SPREAD: Final = 0.4
_VOLUME_SPREAD: Final = 0.35
_MOST_VOLUME: Final = 4.0e9
_MOST_STRETCH: Final = 4.0
_BRIDGES: Final = 24
_MINUTE: Final = 60.0


class History:
    """Bars of any instrument on any day; the same whenever and however they are asked for.

    An instrument is an array of one row of ``closes.TRAITS``.
    """

    def __init__(self, closes: Closes, calendar: Calendar, seed: int) -> None:
        self._closes, self._calendar, self._seed = closes, calendar, seed

    def day_bars(self, traits: npt.NDArray[Any], session: Session) -> Bars:
        """One day's bar of each of many instruments; volume 0 for those that did not trade."""
        return Bars(*(column[:, 0] for column in self._draw(traits, [session])))

    def closes_before(self, traits: npt.NDArray[Any], session: Session) -> I64:
        """The closes of the trading day before the session."""
        return self._closes.prices(traits, [self._before(session)])[:, 0]

    def days(self, instrument: npt.NDArray[Any], sessions: Sequence[Session]) -> Bars:
        """Day bars of one instrument on days in a row; those without trade drop out."""
        expiry = int(instrument["expiry"][0])
        listed = [s for s in sessions if not expiry or 0 <= expiry - _ordinal(s) <= LISTED_DAYS]
        if not listed:
            return Bars.empty()
        drawn = [column[0] for column in self._draw(instrument, listed)]
        keep = (drawn[5] > 0) | (instrument["kind"][0] == Kind.INDEX)
        return Bars(*(column[keep] for column in drawn))

    def minutes(self, instrument: npt.NDArray[Any], session: Session) -> Bars:
        """Minute bars of one day that come to exactly its day bar."""
        day = self.days(instrument, [session])
        if not len(day):
            return day
        one, (_, start, _) = instrument[0], slot_times(session)
        auction = session.slots()[-1].session is SessionKind.CLOSING_AUCTION
        busy = busyness(len(start) - auction)
        busy = np.append(busy, AUCTION_SHARE * busy.sum()) if auction else busy
        key = keys_of(key_of(self._seed, _MINUTES, _ordinal(session)), instrument["token"])[0]
        prices = np.array([day.open[0], day.high[0], day.low[0], day.close[0]])
        always = bool(one["kind"] == Kind.INDEX)
        where = _choose(
            key, busy, one["rate"] * _MINUTE, always, auction, day.volume[0] // one["lot"]
        )
        rows = _bridge(
            key, prices, one["tick"], len(where), auction and where[-1] == len(start) - 1
        )
        volume = np.zeros(len(where), np.int64)
        if not always:
            volume = _shares(key, busy[where], day.volume[0] // one["lot"]) * one["lot"]
        before = interest(instrument, self._seed, [self._before(session)])[0, 0]
        lots = (before + (day.oi[0] - before) * (where + 1) // len(start)) // one["lot"]
        opened, high, low, close = rows
        return Bars(start[where], opened, high, low, close, volume, lots * one["lot"])

    def _before(self, session: Session) -> date:
        """The trading day before; the day itself where the calendar begins."""
        try:
            day = self._calendar.previous_session(session.session_class, session.trading_date)
        except LookupError:
            return session.trading_date
        return day.trading_date

    def _draw(self, traits: npt.NDArray[Any], sessions: Sequence[Session]) -> list[I64]:
        """The columns of ``Bars``, a row per instrument and a column per day."""
        days = [self._before(sessions[0]), *(session.trading_date for session in sessions)]
        prices = self._closes.prices(traits, days)
        before, close = prices[:, :-1], prices[:, 1:]
        keys = np.stack(
            [keys_of(key_of(self._seed, _DAYS, _ordinal(s)), traits["token"]) for s in sessions],
            axis=1,
        )
        opened, high, low = _extremes(keys, before, close, _spread(traits, before))
        tick = traits["tick"][:, None]
        opened, high, low = (
            np.maximum(np.round(p / tick), 1).astype(np.int64) * tick for p in (opened, high, low)
        )
        high = np.maximum(high, np.maximum(opened, close))
        low = np.minimum(low, np.minimum(opened, close))
        midnights = np.array([ist_midnight(day) for day in days[1:]])
        volume = _volumes(keys, traits)
        held = interest(traits, self._seed, days[1:])
        return [np.broadcast_to(midnights, close.shape), opened, high, low, close, volume, held]


def _ordinal(session: Session) -> int:
    return session.trading_date.toordinal()


def _spread(traits: npt.NDArray[Any], before: I64) -> F64:
    """Daily deviation of the log price; an option's is its underlying's, geared."""
    market, *_, sector = factor_spreads()
    parts = (traits["beta"] * market) ** 2 + (traits["gamma"] * sector) ** 2 + traits["sigma"] ** 2
    own = np.sqrt(parts)[:, None]
    geared = own * traits["strike"][:, None] / np.maximum(before, 1) / 2
    spread: F64 = np.where(traits["right"][:, None] == 0, own, np.minimum(geared, _MOST_SPREAD))
    return spread


def _extremes(keys: Any, before: I64, close: I64, spread: F64) -> tuple[F64, F64, F64]:
    """Open, high and low: a random walk from close to close, and the reach of a bridge."""
    was, ends = np.log(before), np.log(close)
    throw = spread * np.sqrt(OVERNIGHT * (1 - OVERNIGHT))
    begins = was + (ends - was) * OVERNIGHT + throw * normal_all(draws(keys, 1))
    square = (spread**2) * (1 - OVERNIGHT)
    reach = []
    for number in (2, 3):
        drawn = uniform_all(draws(keys, number))
        # the maximum of a Brownian bridge has this distribution exactly
        reach.append(np.sqrt((ends - begins) ** 2 - 2 * square * np.log(1 - drawn)) / 2)
    middle = (begins + ends) / 2
    return np.exp(begins), np.exp(middle + reach[0]), np.exp(middle - reach[1])


def _volumes(keys: Any, traits: npt.NDArray[Any]) -> I64:
    """Whole lots; a name with few trades a day has days without any."""
    trades = (traits["rate"] * TRADING_SECONDS)[:, None]
    lot = traits["lot"][:, None]
    drawn = normal_all(draws(keys, 4))
    lots = trades * (1 + traits["size"][:, None]) * np.exp(_VOLUME_SPREAD * drawn)
    volume = np.maximum(np.minimum(lots, _MOST_VOLUME / lot), 1).astype(np.int64) * lot
    silent = uniform_all(draws(keys, 5)) < np.exp(-trades)
    return np.where(silent, 0, volume)


@njit(cache=True, nogil=True)
def _choose(key: Any, busy: Any, rate: float, always: bool, auction: bool, lots: int) -> Any:
    """The minutes that have a trade: one at least, and no more than there are lots."""
    count = len(busy)
    mean = busy.sum() / count
    chosen = np.zeros(count, np.bool_)
    number = 0
    for at in range(count):
        draw = uniform(mixed(key + np.uint64(at) * STEP))
        chosen[at] = always or draw < 1 - np.exp(-rate * busy[at] / mean)
        number += chosen[at]
    if number == 0:
        chosen[count - 1 if auction else count // 2], number = True, 1
    for at in range(count):
        if number > max(lots, 1) and chosen[at] and not always:
            chosen[at] = False
            number -= 1
    return np.flatnonzero(chosen)


@njit(cache=True, nogil=True)
def _wander(key: Any, prices: Any, out: Any) -> tuple[float, float]:
    """A bridge from open to close into ``out``, and what its way above and below the line between
    them may be multiplied by to touch high and low."""
    opened, high, low, close = prices
    count = len(out)
    total = 0.0
    for at in range(count):
        total += normal(mixed((key ^ STEP) + np.uint64(at) * STEP))
        out[at] = total
    up = down = _MOST_STRETCH * (high - low)
    for at in range(count):
        part = (at + 1) / count
        line = opened + (close - opened) * part
        out[at] -= part * total
        if out[at] > 0:
            up = min(up, (high - line) / out[at])
        elif out[at] < 0:
            down = min(down, (line - low) / -out[at])
    return up, down


@njit(cache=True, nogil=True)
def _path(key: Any, prices: Any, count: int) -> Any:
    """``count`` minute closes from open to close that touch high and low, never beyond: of some
    bridges the one that needs the most even stretching, for others have cliffs in them."""
    opened, close = prices[0], prices[3]
    best, wander = np.empty(count), np.empty(count)
    best_up = best_down = 0.0
    least = np.inf
    for number in range(_BRIDGES):
        up, down = _wander(mixed(key + np.uint64(number)), prices, wander)
        uneven = abs(np.log(max(up, 1e-9) / max(down, 1e-9)))
        if uneven < least:
            least, best_up, best_down = uneven, up, down
            best[:] = wander
    for at in range(count):
        line = opened + (close - opened) * (at + 1) / count
        best[at] = line + best[at] * (best_up if best[at] > 0 else best_down)
    return best


@njit(cache=True, nogil=True)
def _bridge(key: Any, prices: Any, tick: int, count: int, auction: bool) -> Any:
    """Open, high, low and close of ``count`` bars; an auction at the end is one price."""
    opened, high, low, close = prices
    path = _path(key, prices, count)
    wick = int(np.abs(np.diff(path)).mean() / tick) + 3 if count > 1 else 3
    rows = np.empty((4, count), np.int64)
    before = opened
    for at in range(count):
        after = min(max(int(np.round(path[at] / tick)) * tick, low), high)
        if at == count - 1:
            after = close
        drawn = mixed((key ^ STEP) + np.uint64(at + count) * STEP)
        above = int(drawn % np.uint64(wick)) * tick
        below = int((drawn >> np.uint64(16)) % np.uint64(wick)) * tick
        if auction and at == count - 1 and count > 1:
            before, above, below = close, 0, 0
        rows[0, at], rows[3, at] = before, after
        rows[1, at] = min(max(before, after) + above, high)
        rows[2, at] = max(min(before, after) - below, low)
        before = after
    last = count - 1 if auction and count > 1 else count
    rows[1, np.argmax(rows[1, :last])] = high
    rows[2, np.argmin(rows[2, :last])] = low
    return rows


@njit(cache=True, nogil=True)
def _shares(key: Any, busy: Any, lots: int) -> Any:
    """Lots of each bar, one at least; they come to ``lots``."""
    count = len(busy)
    weights = np.empty(count)
    for at in range(count):
        weights[at] = busy[at] * (0.3 + uniform(mixed((key + STEP) ^ (np.uint64(at) * STEP))))
    ends = np.cumsum(weights) / weights.sum()
    out = np.empty(count, np.int64)
    spare, given = lots - count, 0
    for at in range(count):
        until = spare if at == count - 1 else int(spare * ends[at])
        out[at] = 1 + until - given
        given = until
    return out
