"""A recorded day played again: what somebody's feed said, in Kite's packets, faults and all.

A row of the recording is a snapshot: its time is the time of the last trade and of the exchange, to
the second, and it arrives in the second after. What a recording does not hold is 0: depth, last
quantity, average price and the previous close. Day open, high and low are those of the prices
recorded so far on the day, so extremes between two rows are not in them; those of open interest
are 0.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from firki.model.calendar import Calendar, PhaseKind, Session, SessionClass
from firki.model.tick import COLUMN_COUNT, DEPTH, SECOND, Column
from firki.simulator.archive import Archive
from firki.simulator.bars import Bars
from firki.simulator.closes import Closes
from firki.simulator.history import History
from firki.simulator.listing import Listing, traits_of
from firki.simulator.outbox import newest_of
from firki.simulator.recorded_entries import entries_of
from firki.simulator.recorded_rows import in_order
from firki.simulator.recording import I64, read_recording
from firki.simulator.snapshotter import FULL, INDEX_FULL, LEVELS, U32, Snapshots
from firki.simulator.tape import Trades
from firki.simulator.trading import Kind, TradeKind

_MOST_TIME: Final = 0xFFFFFFFF
_FOREVER: Final = 1 << 62
_CLOSING: Final = {
    PhaseKind.CLOSING_REFERENCE,
    PhaseKind.CLOSING_ENTRY,
    PhaseKind.CLOSING_LIMIT,
    PhaseKind.CLOSING_AUCTION,
}


class RecordedMarket:
    """One recorded day; rows of another date come at the moment the recorder wrote them.

    Raises ConfigError for files that cannot be read (see ``read_recording``).
    """

    def __init__(self, calendar: Calendar, paths: Sequence[Path], *, seed: int = 7) -> None:
        recorded = read_recording(paths)
        self.trading_date, self.calendar = recorded.trading_date, calendar
        self.left_out: Final = recorded.left_out
        """Rows that no packet can hold, by reason."""
        closes = Closes(seed)
        entries = entries_of(recorded, closes, _eve(calendar, self.trading_date))
        self.listing: Final = Listing.of(entries, traded=len(entries))
        self._traits = traits_of(entries)
        self._is_index = self._traits["kind"] == Kind.INDEX
        self._rows = in_order(recorded, self._is_index)
        session = calendar.session(SessionClass.CASH, self.trading_date)
        first_ts = int(self._rows.delivery_ts[0])
        self.open_ts: Final = min(session.first_ts, first_ts) if session else first_ts
        self._session = session
        self._now, self._next = self.open_ts - 1, 0
        self._newest = np.full(len(entries), -1, np.int64)
        self._place = np.zeros(len(entries), np.int64)
        history = History(closes, calendar, seed)
        self._archive = Archive(history, calendar, {self.trading_date: self})

    @property
    def unsendable(self) -> int:
        """How many rows are left out because no packet can hold them."""
        return sum(self.left_out.values())

    @property
    def end_ts(self) -> int:
        """When the last row is delivered."""
        return int(self._rows.delivery_ts[-1])

    def instruments_csv(self, exchange: str | None = None) -> bytes:
        """Kite's master list of the recorded instruments."""
        return self.listing.csv(exchange)

    def advance(self, to_ts: int) -> Snapshots:
        """Every row due since the last call, up to ``to_ts`` included.

        Raises ValueError for a time before that of the last call.
        """
        if to_ts < self._now:
            raise ValueError(f"advance: {to_ts} lies before {self._now}, where the market stands")
        count = int(np.searchsorted(self._rows.delivery_ts, to_ts, side="right"))
        at = np.arange(self._next, count)
        numbers = self._rows.number[at]
        newest = newest_of(numbers, self._place)
        self._newest[numbers[newest]] = at[newest]
        self._now, self._next = to_ts, count
        return self._snapshots(at)

    def current(self, rows: npt.NDArray[np.int64]) -> tuple[U32, npt.NDArray[Any]]:
        """Columns and depth of the newest delivered row of each; LENGTH is 0 before the first."""
        at = self._newest[rows]
        shown = self._snapshots(np.maximum(at, 0))
        shown.columns[:, at < 0] = 0
        return shown.columns, shown.depth

    def candles(self, token: int, interval: str, from_ts: int, to_ts: int) -> Bars:
        """The day folded from what was delivered so far; days before are invented.

        Raises KeyError for an unknown token, ValueError for an unknown interval.
        """
        row = self.listing.rows[token]
        return self._archive.read(
            self._traits[row : row + 1], self.listing.session_class[row], interval, from_ts, to_ts
        )

    def trades(self, tokens: Sequence[int], from_ts: int, to_ts: int) -> Trades:
        """What the recording proves to have traded: rows whose volume rose, all of an index.

        The volume of a first row was traded before the recording began and is in no trade.
        """
        return self._trades(tokens, len(self._rows.ts), from_ts, to_ts)

    def trades_so_far(self, token: int) -> Trades:
        """What the rows delivered so far prove to have traded."""
        return self._trades([token], self._next, -_FOREVER, _FOREVER)

    def official_close(self, _token: int) -> int | None:
        """Not in a recording."""
        return None

    def _trades(self, tokens: Sequence[int], count: int, from_ts: int, to_ts: int) -> Trades:
        wanted = np.zeros(len(self.listing), np.bool_)
        wanted[[self.listing.rows[token] for token in tokens if token in self.listing.rows]] = True
        rows = self._rows
        ts = rows.ts[:count]
        keep = wanted[rows.number[:count]] & (rows.gained[:count] >= 0)
        at = np.flatnonzero(keep & (ts >= from_ts) & (ts <= to_ts))
        return Trades.joined(
            [
                Trades(
                    token=self.listing.token[rows.number[at]],
                    trade_ts=ts[at],
                    price=rows.price[at],
                    quantity=rows.gained[at],
                    session=trade_kinds(self._session, ts[at]),
                    oi=rows.oi[at],
                )
            ]
        )

    def _snapshots(self, at: I64) -> Snapshots:
        """The rows as packets in full mode."""
        rows, columns = self._rows, np.zeros((COLUMN_COUNT, len(at)), np.uint32)
        number = rows.number[at]
        is_index = self._is_index[number]
        second = np.clip(rows.ts[at] // SECOND, 0, _MOST_TIME)
        columns[Column.LENGTH] = np.where(is_index, INDEX_FULL, FULL)
        columns[Column.INSTRUMENT_TOKEN] = self.listing.token[number]
        columns[Column.LAST_PRICE] = rows.price[at]
        columns[Column.OPEN], columns[Column.HIGH] = rows.open[at], rows.high[at]
        columns[Column.LOW], columns[Column.EXCHANGE_TIME] = rows.low[at], second
        columns[Column.VOLUME_TRADED] = np.where(is_index, 0, rows.volume[at])
        columns[Column.LAST_TRADE_TIME] = np.where(is_index, 0, second)
        columns[Column.OI] = np.where(is_index, 0, rows.oi[at])
        depth = np.zeros((len(at), 2, LEVELS), DEPTH)
        return Snapshots(rows.delivery_ts[at], number, columns, depth)


class RecordedDays:
    """Recorded days, played in order of date; files of one day come together."""

    def __init__(self, calendar: Calendar, paths: Sequence[Path]) -> None:
        self._calendar = calendar
        self._paths: dict[date, list[Path]] = {}
        for path in paths:
            self._paths.setdefault(read_recording([path]).trading_date, []).append(path)

    @property
    def first(self) -> date:
        return min(self._paths)

    def after(self, day: date) -> date | None:
        """The next recorded day."""
        return min((found for found in self._paths if found > day), default=None)

    def market(self, day: date) -> RecordedMarket:
        """The market of a recorded day, before it has begun."""
        return RecordedMarket(self._calendar, self._paths[day])


def trade_kinds(session: Session | None, ts: I64) -> npt.NDArray[np.uint8]:
    """``TradeKind`` of each moment; what comes before the open counts as pre-open."""
    kinds = np.full(len(ts), TradeKind.CONTINUOUS, np.uint8)
    if session is None:
        return kinds
    kinds[ts < session.open_ts] = TradeKind.PRE_OPEN
    kinds[ts >= session.close_ts] = TradeKind.POST_CLOSE
    for phase in session.phases:
        if phase.kind in _CLOSING:
            kinds[(ts >= phase.start_ts) & (ts < phase.end_ts)] = TradeKind.CLOSING_AUCTION
    return kinds


def _eve(calendar: Calendar, day: date) -> date:
    """The trading day before, or simply the day before where the calendar knows none."""
    try:
        return calendar.previous_session(SessionClass.CASH, day).trading_date
    except LookupError:
        return day - timedelta(days=1)
