"""The broker's history: folded from trades on the days that were played, drawn on those before."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Protocol

import numpy.typing as npt

from firki.model.calendar import Calendar, Session, SessionClass, ist_date
from firki.model.candle import DAY, Interval
from firki.simulator.bars import Bars, fold_day, fold_minutes, longer, weeks
from firki.simulator.history import History
from firki.simulator.tape import Trades


class PlayedDay(Protocol):
    """A day whose trades are known."""

    def trades_so_far(self, token: int) -> Trades:
        """Up to where the clock has come."""

    def official_close(self, token: int) -> int | None:
        """In paise; known from the morning after."""


class Archive:
    """Candles of every instrument up to now."""

    def __init__(
        self, history: History, calendar: Calendar, played: Mapping[date, PlayedDay]
    ) -> None:
        self._history, self._calendar, self._played = history, calendar, played

    def read(
        self, instrument: npt.NDArray[Any], session_class: SessionClass, word: str, from_ts: int,
        to_ts: int,
    ) -> Bars:  # fmt: skip
        """Candles whose start lies in [from_ts, to_ts]; ``word`` is any spelling of an interval.

        Raises ValueError for a word that is no interval.
        """
        interval = Interval.parse(word)
        last = min(ist_date(to_ts), max(self._played))
        sessions = list(self._calendar.sessions(session_class, ist_date(from_ts), last))
        if interval.minutes:
            parts = [
                longer(session, self._minutes(instrument, session), interval.minutes)
                for session in sessions
            ]
            return Bars.joined(parts).between(from_ts, to_ts)
        days = Bars.joined(self._days(instrument, sessions))
        return (days if interval == DAY else weeks(days)).between(from_ts, to_ts)

    def _minutes(self, instrument: npt.NDArray[Any], session: Session) -> Bars:
        played = self._played.get(session.trading_date)
        if played is None:
            return self._history.minutes(instrument, session)
        trades = played.trades_so_far(int(instrument["token"][0]))
        return fold_minutes(session, trades.trade_ts, trades.price, trades.quantity, trades.oi)

    def _days(self, instrument: npt.NDArray[Any], sessions: list[Session]) -> list[Bars]:
        drawn = [session for session in sessions if session.trading_date not in self._played]
        parts = [self._history.days(instrument, drawn)]
        token = int(instrument["token"][0])
        for session in sessions:
            if played := self._played.get(session.trading_date):
                trades, close = played.trades_so_far(token), played.official_close(token)
                bar = fold_day(session, trades.trade_ts, trades.price, trades.quantity, trades.oi)
                parts.append(bar if close is None else bar.closed_at(close))
        return parts
