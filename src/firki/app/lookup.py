"""Candles of a data folder as a person asks for them: times of the day, counts, parts of it."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Final

import numpy as np

from firki.app.reader import Reader
from firki.errors import ConfigError
from firki.model.candle import CandleColumns, Interval, SessionKind, Status
from firki.model.instrument import Instrument
from firki.model.ist import ist_midnight
from firki.serve.when import LATEST, parse_from, parse_to
from firki.timing import SECOND

_TIME: Final = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")
_USUAL_BARS: Final = 30
"""Day, week and month candles shown when no range is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is asked for. Times are 2026-11-20, 09:30 of the newest day, or ISO with an offset.

    Without ``from_time`` and ``count``: the newest day, of longer intervals the newest 30 candles.
    """

    key: str
    interval: str
    from_time: str | None = None
    to_time: str | None = None
    count: int | None = None
    include_current: bool = True
    sessions: str | None = None
    as_of: str | None = None
    """What was known then."""


@dataclass(frozen=True, slots=True)
class Found:
    """The answer, and the days the folder has candles of."""

    instrument: Instrument
    candles: CandleColumns
    days: Sequence[date]


def read_candles(reader: Reader, ask: Ask) -> Found:
    """The candles asked for, oldest first; raises ConfigError for what cannot be asked."""
    interval = _interval(ask.interval)
    sessions = _sessions(ask.sessions)
    instrument = reader.instrument(ask.key)
    days = reader.days()
    today = days[-1] if days else reader.instruments.day
    to_ts = _moment("--to", ask.to_time, today, end=True) if ask.to_time else LATEST
    as_of_ts = _moment("--as-of", ask.as_of, today, end=True) if ask.as_of else None
    to_ts = to_ts if as_of_ts is None else min(to_ts, as_of_ts)
    before = [day for day in days if ist_midnight(day) <= to_ts]
    asked = _moment("--from", ask.from_time, today, end=False) if ask.from_time else None
    count = ask.count
    if asked is None and count is None and not interval.minutes:
        count = _USUAL_BARS

    from_ts = 0
    if asked is not None:
        from_ts = asked
    elif count is None:
        from_ts = ist_midnight(before[-1]) if before else to_ts

    def choose(candles: CandleColumns) -> CandleColumns:
        return _chosen(candles, sessions, include_current=ask.include_current)

    token = instrument.instrument_token
    read = reader.read_newest(
        token, interval, from_ts, to_ts, count=count, choose=choose, as_of_ts=as_of_ts
    )
    return Found(instrument, asyncio.run(read), days)


def _interval(text: str) -> Interval:
    try:
        return Interval.parse(text)
    except ValueError as wrong:
        raise ConfigError(f"--interval: {wrong}") from None


def _sessions(text: str | None) -> frozenset[int]:
    if text is None:
        return frozenset(SessionKind)
    words = {kind.word: kind for kind in SessionKind}
    asked = [word.strip() for word in text.split(",")]
    if unknown := [word for word in asked if word not in words]:
        raise ConfigError(f"--sessions: expected some of {', '.join(words)}, found {unknown[0]!r}")
    return frozenset(words[word] for word in asked)


def _moment(option: str, text: str, today: date, *, end: bool) -> int:
    try:
        if _TIME.fullmatch(text):
            clock = time.fromisoformat(text.zfill(5))
            seconds = (clock.hour * 60 + clock.minute) * 60 + clock.second
            return ist_midnight(today) + seconds * SECOND
        return parse_to(text) if end else parse_from(text)
    except ValueError as wrong:
        raise ConfigError(f"{option}: {wrong}, or a time of {today} such as 09:30") from None


def _chosen(
    found: CandleColumns, sessions: frozenset[int], *, include_current: bool
) -> CandleColumns:
    keep = np.isin(found.session, list(sessions))
    if not include_current:
        keep &= found.status != Status.FORMING
    return found if keep.all() else found.take(keep)
