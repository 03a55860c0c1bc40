"""A market in a box: a trading day drawn from a seed, played forward as Kite would send it."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from firki.errors import ConfigError
from firki.model.calendar import Calendar, SessionClass
from firki.model.tick import SECOND
from firki.simulator.archive import Archive
from firki.simulator.bars import Bars
from firki.simulator.closes import Closes
from firki.simulator.day import build_day
from firki.simulator.history import History
from firki.simulator.listing import Listing, traits_of
from firki.simulator.outbox import Outbox
from firki.simulator.snapshotter import MOST_HZ, U32, Delays, Snapshots, Snapshotter
from firki.simulator.tape import Tape, Trades, Truth
from firki.simulator.terms import terms_of
from firki.simulator.universe import build_universe
from firki.simulator.yesterday import cached_snapshots

SEED: Final = 7
INSTRUMENTS: Final = 500

_SNAPSHOTS_A_BLOCK: Final = 20_000
_KEPT_DAYS: Final = 5
_FOREVER: Final = 1 << 62
_LONGEST_BLOCK: Final = 10
"""Seconds that are made ahead at most."""


class SyntheticMarket:
    """One trading day of invented prices; the same seed and date give the same day.

    ``played`` are the truths of days played before, which are history now, and ``eve`` the market
    of the last of them: if it was played to its end, its last snapshots are what the day begins
    with.
    ``steady_hz`` makes every instrument send exactly so many snapshots a second, for load tests;
    otherwise it sends at most ``most_hz``, and only when something changed.
    Raises ConfigError for a date without trading, and a count of instruments or snapshots a second
    out of range.
    """

    def __init__(
        self,
        calendar: Calendar,
        trading_date: date,
        *,
        seed: int = SEED,
        instruments: int = INSTRUMENTS,
        most_hz: int = 2,
        steady_hz: int | None = None,
        delays: Delays | None = None,
        played: Sequence[Truth] = (),
        eve: "SyntheticMarket | None" = None,
    ) -> None:
        self.trading_date, self.calendar, self.seed = trading_date, calendar, seed
        hz = steady_hz if steady_hz is not None else most_hz
        if not 1 <= hz <= MOST_HZ:
            raise ConfigError(f"snapshots a second: expected 1 to {MOST_HZ}, found {hz}")
        last_date = _trading_day_before(calendar, trading_date)
        closes = Closes(seed)
        universe = build_universe(closes, calendar, trading_date, last_date, instruments)
        self.listing: Final = Listing.of(universe.entries, traded=universe.traded)
        self._traits = traits_of(universe.entries)
        moves = closes.factors([last_date, trading_date])
        self._day = build_day(calendar, trading_date, seed, moves[:, 1] - moves[:, 0])
        self._terms = terms_of(self._traits, closes, self._day, last_date, seed)
        self._delays = delays or Delays()
        history = History(closes, calendar, seed)
        cached = cached_snapshots(self.listing, self._traits, history, calendar, last_date)
        if eve is not None:
            eve.hand_over(self.listing, cached)
        traded = self.listing.traded
        self.truth: Final = Truth(self._day, self._terms[:traded], self.listing.token[:traded])
        self._tape = Tape(self._day, self._terms[:traded])
        self._snapshotter = Snapshotter(
            self._day, self._terms[:traded], self.listing.token[:traded], cached,
            hz=hz, steady=steady_hz is not None, delays=self._delays,
        )  # fmt: skip
        self._outbox = Outbox(cached)
        self._block = min(max(_SNAPSHOTS_A_BLOCK // traded, 1), _LONGEST_BLOCK)
        self._now = self._day.start_ts - 1
        known = {truth.trading_date: _OverDay(truth) for truth in played}
        self._archive = Archive(history, calendar, {**known, trading_date: self})

    @property
    def open_ts(self) -> int:
        """When the first phase of any class begins."""
        return self._day.start_ts

    @property
    def end_ts(self) -> int:
        """Nothing is delivered after this."""
        return self._day.end_ts + int(self._delays.most * SECOND) + 1

    def instruments_csv(self, exchange: str | None = None) -> bytes:
        """Kite's master list of one exchange or of all."""
        return self.listing.csv(exchange)

    def advance(self, to_ts: int) -> Snapshots:
        """Everything delivered since the last call, up to ``to_ts`` included, in that order.

        Raises ValueError for a time before that of the last call.
        """
        if to_ts < self._now:
            raise ValueError(f"advance: {to_ts} lies before {self._now}, where the market stands")
        due, day = [], self._day
        while self._made_ts <= to_ts and self._tape.at < day.seconds:
            block = self._tape.read(self._tape.at + self._block)
            self._outbox.make(self._snapshotter, block)
            due.append(self._outbox.take(min(self._made_ts, to_ts)))
        due.append(self._outbox.take(to_ts))
        self._now = to_ts
        return Snapshots.joined(due)

    def current(self, rows: npt.NDArray[np.int64]) -> tuple[U32, npt.NDArray[Any]]:
        """Columns and depth of the newest delivered snapshot of each row.

        Before the day's first: the last one of the day before, with that day's times and volume.
        """
        return self._outbox.current(rows)

    def candles(self, token: int, interval: str, from_ts: int, to_ts: int) -> Bars:
        """Candles whose start lies in [from_ts, to_ts], as far as the day has been played.

        Raises KeyError for an unknown token, ValueError for an unknown interval.
        """
        row = self.listing.rows[token]
        return self._archive.read(
            self._traits[row : row + 1], self.listing.session_class[row], interval, from_ts, to_ts
        )

    def trades(self, tokens: Sequence[int], from_ts: int, to_ts: int) -> Trades:
        """The truth of this day in [from_ts, to_ts], played or not; unknown tokens have none."""
        return self.truth.trades(tokens, from_ts, to_ts)

    def trades_so_far(self, token: int) -> Trades:
        """The trades of the day up to where it was played."""
        return self.truth.trades([token], 0, self._now)

    def official_close(self, _token: int) -> int | None:
        """Not known on the day itself."""
        return None

    def hand_over(self, listing: Listing, cached: Snapshots) -> None:
        """Put this day's last snapshots into those the next day begins with, once it is over."""
        if self._now < self.end_ts:
            return
        rows = [(row, self.listing.rows.get(token)) for token, row in listing.rows.items()]
        known = np.array([pair for pair in rows if pair[1] is not None], np.int64).reshape(-1, 2)
        columns, depth = self.current(known[:, 1])
        cached.columns[:, known[:, 0]] = columns
        cached.depth[known[:, 0]] = depth

    @property
    def _made_ts(self) -> int:
        """Snapshots made before this are in the outbox; no other is delivered sooner."""
        return self._day.start_ts + self._tape.at * SECOND


class _OverDay:
    """A day played to its end."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth

    def trades_so_far(self, token: int) -> Trades:
        return self._truth.trades([token], 0, _FOREVER)

    def official_close(self, token: int) -> int | None:
        return self._truth.close(token)


def _trading_day_before(calendar: Calendar, day: date) -> date:
    try:
        return calendar.previous_session(SessionClass.CASH, day).trading_date
    except LookupError as error:
        raise ConfigError(f"date: {day} has no trading day before it in the calendar") from error


class SyntheticDays:
    """The trading days of one seed, one after the other; played days stay as history."""

    def __init__(
        self, calendar: Calendar, *, seed: int = SEED, instruments: int = INSTRUMENTS
    ) -> None:
        self._calendar, self._seed, self._instruments = calendar, seed, instruments
        self._played: list[Truth] = []
        self._newest: SyntheticMarket | None = None

    def after(self, day: date) -> date | None:
        """The next trading day, None where the calendar ends."""
        try:
            return self._calendar.next_session(SessionClass.CASH, day).trading_date
        except LookupError:
            return None

    def market(self, day: date) -> SyntheticMarket:
        """The market of a day, before it has begun."""
        market = SyntheticMarket(
            self._calendar, day, seed=self._seed, instruments=self._instruments,
            played=self._played, eve=self._newest,
        )  # fmt: skip
        self._played = [*self._played, market.truth][-_KEPT_DAYS:]
        self._newest = market
        return market
