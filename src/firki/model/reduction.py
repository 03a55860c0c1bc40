"""Longer candles from shorter ones: minutes to any whole number of minutes, days to weeks, months.

Buckets are anchored at the start of each continuous phase of the session, as the day's grid does.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from firki.model.candle import CandleColumns, Interval, SessionKind
from firki.model.ist import ist_date, ist_midnight
from firki.model.session import PhaseKind, Session

I64 = npt.NDArray[np.int64]
MINUTE_NS = 60 * 10**9
DAY_NS = 86_400 * 10**9

SessionOf = Callable[[int, int], Session | None]
"""The session of an instrument (its token) on the day that begins at a midnight (ns)."""


def reduce_minutes(
    minutes: CandleColumns, interval: Interval, session_of: SessionOf
) -> CandleColumns:
    """One-minute candles as candles of ``interval``; pre-open and auction bars stay their own."""
    if interval.minutes <= 1 or not len(minutes):
        return minutes
    start = minutes.start_ts.copy()
    for rows, session in _by_day(minutes, session_of):
        phases = [p.start_ts for p in session.phases if p.kind is PhaseKind.CONTINUOUS]
        inside = rows[minutes.session[rows] == SessionKind.CONTINUOUS]
        if not phases or not len(inside):
            continue
        anchors = np.array(phases, np.int64)
        anchor = anchors[np.maximum(np.searchsorted(anchors, start[inside], "right") - 1, 0)]
        width = interval.minutes * MINUTE_NS
        start[inside] = anchor + (start[inside] - anchor) // width * width
    return _joined(minutes, start, interval)


def with_sessions(minutes: CandleColumns, session_of: SessionOf) -> CandleColumns:
    """Candles of minutes that do not say so, each with the part of the day it began in."""
    if not len(minutes):
        return minutes
    kinds = minutes.session.copy()
    for rows, session in _by_day(minutes, session_of):
        start = minutes.start_ts[rows]
        for slot in session.slots():
            if slot.session is not SessionKind.CONTINUOUS:
                kinds[rows[(start >= slot.from_ts) & (start < slot.end_ts)]] = slot.session
    return replace(minutes, session=kinds)


def reduce_days(days: CandleColumns, interval: Interval) -> CandleColumns:
    """Day candles as weeks (Monday to Sunday) or months, stamped with the first calendar day."""
    if interval.name not in {"week", "month"} or not len(days):
        return days
    firsts = {}
    for ts in map(int, np.unique(days.start_ts)):
        day = ist_date(ts)
        first = day.replace(day=1)
        if interval.name == "week":
            first = day - timedelta(days=day.weekday())
        firsts[ts] = ist_midnight(first)
    start = np.array([firsts[int(ts)] for ts in days.start_ts], np.int64)
    return _joined(days, start, interval)


def _by_day(
    minutes: CandleColumns, session_of: SessionOf
) -> list[tuple[npt.NDArray[np.intp], Session]]:
    offset = ist_midnight(ist_date(int(minutes.start_ts[0])))
    day = (minutes.start_ts - offset) // DAY_NS
    key = np.stack([minutes.instrument_token.astype(np.int64), day])
    _, first, inverse = np.unique(key, axis=1, return_index=True, return_inverse=True)
    found = []
    for number, row in enumerate(first):
        midnight = offset + int(day[row]) * DAY_NS
        session = session_of(int(minutes.instrument_token[row]), midnight)
        if session is not None:
            found.append((np.flatnonzero(inverse == number), session))
    return found


def _joined(candles: CandleColumns, start: I64, interval: Interval) -> CandleColumns:
    """Candles that now have the same token, start and session become one."""
    token = candles.instrument_token
    new = np.ones(len(start), np.bool_)
    new[1:] = (
        (token[1:] != token[:-1])
        | (start[1:] != start[:-1])
        | (candles.session[1:] != candles.session[:-1])
    )
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(start)) - 1
    return CandleColumns.of(
        interval, as_of_ts=candles.as_of_ts, source=candles.source,
        instrument_token=token[first], start_ts=start[first], open=candles.open[first],
        high=np.maximum.reduceat(candles.high, first),
        low=np.minimum.reduceat(candles.low, first), close=candles.close[last],
        volume=np.add.reduceat(candles.volume, first), oi=candles.oi[last],
        tick_count=np.add.reduceat(candles.tick_count, first),
        status=np.minimum.reduceat(candles.status, first),
        revision=np.add.reduceat(candles.revision.astype(np.int64), first).clip(max=0xFFFF),
        session=candles.session[first],
        flags=np.bitwise_or.reduceat(candles.flags, first),
        last_tick_ts=candles.last_tick_ts[last],
    )  # fmt: skip
