"""Candles from wherever they are: today from the grid, past days from the lake, then the broker."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Final

import numpy as np

from firki.app.market import Market
from firki.app.newest_first import NewestFirst
from firki.errors import AuthExpired, Rejected, Retryable
from firki.model.calendar import Calendar, ist_date, ist_midnight
from firki.model.candle import DAY, MINUTE, CandleColumns, Interval
from firki.model.history import within_a_day
from firki.model.reduction import reduce_days, reduce_minutes, with_sessions
from firki.model.session import Session, SessionClass
from firki.obs import Repeating
from firki.ports import Candles, ReferenceData
from firki.timing import steady

log = logging.getLogger(__name__)

_MOST_KEPT: Final = 2_000_000
"""Candles of the broker's that are kept, about 150 bytes each."""
_LONGEST_FETCH: Final = timedelta(days=60)
"""A request that names no end of the past is answered with so much of it."""
_LONGEST_DAYS: Final = timedelta(days=730)
_DAY_NS: Final = 86_400 * 10**9
_FETCHES_AT_ONCE: Final = 3
"""As many as the broker takes in a second; the others wait here, where the newest goes first."""
_KITE_MINUTES: Final = frozenset({1, 3, 5, 10, 15, 30, 60})


class BrokerPast:
    """The ``Candles`` port over the broker's history, fetched on first look and kept."""

    def __init__(self, broker: ReferenceData, session_of: Callable[[int, int], Session | None]):
        self._broker = broker
        self._session_of = session_of
        self._kept: OrderedDict[tuple[int, str, int, int], CandleColumns] = OrderedDict()
        self._turns = NewestFirst(_FETCHES_AT_ONCE)

    async def read(
        self,
        tokens: Sequence[int],
        interval: Interval,
        from_ts: int,
        to_ts: int,
        *,
        as_of_ts: int | None = None,
    ) -> CandleColumns:
        """Candles whose start lies in [from_ts, to_ts], of whole days that are fetched and kept.

        An interval the broker lacks is made from minutes. Days that began after ``as_of_ts`` are
        left out; a moment before that day's close cannot be answered.
        """
        latest = to_ts if as_of_ts is None else min(to_ts, as_of_ts)
        first, last = ist_midnight(ist_date(from_ts)), ist_midnight(ist_date(latest))
        parts: list[CandleColumns] = []
        for token in tokens if first <= last else ():
            session = self._session_of(token, last)
            if session is not None and as_of_ts is not None and as_of_ts < session.close_ts:
                raise within_a_day(as_of_ts)
            parts.append(await self._of(token, interval, first, last))
        found = [part for part in parts if len(part)]
        if not found:
            return CandleColumns.empty(interval, as_of_ts=to_ts, source="broker")
        return _within(CandleColumns.concat(found), from_ts, to_ts)

    async def _of(self, token: int, interval: Interval, first: int, last: int) -> CandleColumns:
        key = (token, interval.name, first, last)
        kept = self._kept.get(key)
        if kept is None:
            async with self._turns:
                kept = await self._fetch(token, interval, first, last)
            if len(kept):  # a broker that has nothing yet may have it later
                self._kept[key] = kept
            while sum(map(len, self._kept.values())) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return kept

    async def _fetch(self, token: int, interval: Interval, first: int, last: int) -> CandleColumns:
        end = last + _DAY_NS - 10**9
        if not interval.minutes:
            days = await self._broker.history(token, DAY, first, end)
            return reduce_days(days, interval)
        native = interval if interval.minutes in _KITE_MINUTES else MINUTE
        fetched = await self._broker.history(token, native, first, end)
        # the broker's candles are all alike: the closing auction's is told by its time
        fetched = with_sessions(fetched, self._session_of)
        if native is interval:
            return fetched
        return reduce_minutes(fetched, interval, self._session_of)


class NoBroker:
    """The ``Candles`` port where there is no broker to ask: a replay."""

    async def read(
        self,
        tokens: Sequence[int],
        interval: Interval,
        from_ts: int,
        to_ts: int,
        *,
        as_of_ts: int | None = None,
    ) -> CandleColumns:
        """No rows."""
        del tokens, from_ts, as_of_ts
        return CandleColumns.empty(interval, as_of_ts=to_ts, source="broker")


class LayeredCandles:
    """The ``Candles`` port of the running firki."""

    def __init__(self, market: Market, lake: Candles, broker: Candles, calendar: Calendar) -> None:
        self._market = market
        self._lake = lake
        self._broker = broker
        self._calendar = calendar
        self._telling = Repeating(log, now=steady)

    async def read(
        self,
        tokens: Sequence[int],
        interval: Interval,
        from_ts: int,
        to_ts: int,
        *,
        as_of_ts: int | None = None,
    ) -> CandleColumns:
        """Past days first, then today's; the source says where they came from.

        With ``as_of_ts`` nothing later is read. A moment within a day is refused where that day is
        asked for: each source holds the newest it knows of a day, not how it stood.
        """
        to_ts = to_ts if as_of_ts is None else min(to_ts, as_of_ts)
        today = ist_midnight(self._market.day.trading_date)
        parts: list[CandleColumns] = []
        if from_ts < today:
            parts += await self._past(
                tokens, interval, from_ts, min(to_ts, today - 1), as_of_ts=as_of_ts
            )
        if to_ts >= today and (as_of_ts is None or as_of_ts >= today):
            grid = self._market.day.candles
            if as_of_ts is not None and as_of_ts < grid.as_of_ts:
                raise within_a_day(as_of_ts)
            own = Interval.parse("day") if interval.name in {"week", "month"} else interval
            parts.append(await grid.read(tokens, own, max(from_ts, today), to_ts))
        found = [part for part in parts if len(part)]
        if not found:
            return CandleColumns.empty(
                interval, as_of_ts=self._market.day.candles.as_of_ts, source="grid"
            )
        whole = CandleColumns.concat(found)
        if interval.name in {"week", "month"}:
            whole = reduce_days(whole, interval)
        return _within(whole, from_ts, to_ts)

    async def _past(
        self,
        tokens: Sequence[int],
        interval: Interval,
        from_ts: int,
        to_ts: int,
        *,
        as_of_ts: int | None,
    ) -> list[CandleColumns]:
        own = Interval.parse("day") if interval.name in {"week", "month"} else interval
        lake = await self._lake.read(tokens, own, from_ts, to_ts, as_of_ts=as_of_ts)
        span = _LONGEST_FETCH if interval.minutes else _LONGEST_DAYS
        today = ist_midnight(self._market.day.trading_date)
        begin = max(from_ts, today - int(span.total_seconds()) * 10**9)
        parts = [lake]
        for token in tokens:
            have = {
                ist_date(int(ts)) for ts in np.unique(lake.start_ts[lake.instrument_token == token])
            }
            sessions = self._sessions(token, begin, to_ts)
            missing = [session for session in sessions if session.trading_date not in have]
            if missing and as_of_ts is not None and as_of_ts < missing[-1].close_ts:
                raise within_a_day(as_of_ts)
            if missing:
                days = [session.trading_date for session in missing]
                parts.append(await self._fill(token, own, days))
        return parts

    async def _fill(self, token: int, interval: Interval, missing: list[date]) -> CandleColumns:
        first, last = ist_midnight(missing[0]), ist_midnight(missing[-1])
        empty = CandleColumns.empty(interval, as_of_ts=last, source="broker")
        try:
            fetched = await self._broker.read([token], interval, first, last + _DAY_NS - 1)
        except (Retryable, AuthExpired, Rejected) as error:
            # what is at hand is still worth showing; the answer's source tells what it lacks
            self._telling.warning("no history from the broker token=%d reason=%s", token, error)
            return empty
        midnights = {ist_midnight(day) for day in missing}
        days = (fetched.start_ts - first) // _DAY_NS * _DAY_NS + first
        return fetched.take(np.isin(days, list(midnights)))

    def _sessions(self, token: int, from_ts: int, to_ts: int) -> Iterable[Session]:
        instrument = self._market.day.book.table.by_token(token)
        if instrument is None:
            return []
        name = SessionClass(instrument.session_class)
        return self._calendar.sessions(name, ist_date(from_ts), ist_date(to_ts))


def _within(candles: CandleColumns, from_ts: int, to_ts: int) -> CandleColumns:
    inside = (candles.start_ts >= from_ts) & (candles.start_ts <= to_ts)
    return candles if inside.all() else candles.take(inside)
