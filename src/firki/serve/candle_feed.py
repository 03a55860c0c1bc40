"""Candles of a subscription: forming ones at a glance, final and amended ones each."""

import logging
from collections.abc import Collection, Mapping
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from firki.errors import FirkiError
from firki.model.candle import CandleColumns, Interval, Status
from firki.model.instrument import Instrument
from firki.model.ist import ist_date, ist_midnight
from firki.ports import Bus, Candles, Clock, Quotes
from firki.serve.directory import decimals
from firki.serve.encode import CandleRow, rows
from firki.serve.when import DAY_NS

log = logging.getLogger(__name__)

FINAL: Final = ("candles", "final")
AMENDED: Final = ("candles", "amended")
MOST_KEYS: Final = 1_000
"""Twice a second each of them is read; whoever wants all minutes of all reads them as they end."""

_MINUTE_NS: Final = 60_000_000_000
_SLACK_NS: Final = 2 * _MINUTE_NS
"""A minute is forming for some seconds after its end."""
_FORMING_EVERY: Final = 5
_LONG_FORMING_EVERY: Final = 20
"""Of days and longer, whose reading goes back over several of them."""
_LOOK_ANYWAY_EVERY: Final = 50
"""In samples. The last minutes of a bucket may have no trade, and then nothing tells its end."""
_LONG_DAYS: Final = {"day": 1, "week": 7, "month": 31}


class KeyedCandle(CandleRow, frozen=True, kw_only=True):
    """A candle with whose it is."""

    key: str
    interval: str


class CandleFeed:
    """Candles of one interval; the first message has the newest final and the forming ones."""

    every = 0.1

    def __init__(
        self,
        bus: Bus,
        candles: Candles,
        quotes: Quotes,
        clock: Clock,
        instruments: Mapping[int, Instrument],
        interval: Interval,
    ) -> None:
        self._candles, self._quotes, self._clock = candles, quotes, clock
        self._instruments, self._interval = instruments, interval
        self._tokens = np.array(sorted(instruments), np.uint32)
        self._forming_every = _FORMING_EVERY if interval.minutes else _LONG_FORMING_EVERY
        self._ready: list[CandleColumns] = []
        self._rows = 0
        self._forming: dict[int, KeyedCandle] = {}
        self._told: dict[int, KeyedCandle] = {}
        self._since: dict[int, int] = {}
        """Start of the newest final candle told, by token."""
        self._open: set[int] = set()
        self._touched: set[int] = set()
        self._amended: set[tuple[int, int]] = set()
        self._mark = self._samples = self._missed = 0
        self._now_ts = 0
        self._begun = self._spoken = self._failed = False
        self._ends = [bus.subscribe(FINAL, self._hear), bus.subscribe(AMENDED, self._hear_again)]

    @property
    def behind(self) -> int:
        return self._rows

    def missed(self) -> int:
        missed, self._missed = self._missed, 0
        return missed

    def stop(self) -> None:
        for end in self._ends:
            end()

    def take(self) -> list[KeyedCandle] | None:
        if not self._ready and not self._forming and (self._spoken or not self._begun):
            return None
        told = [row for columns in self._ready for row in self._keyed(columns)]
        told += self._forming.values()
        self._told |= self._forming
        self._ready, self._rows, self._forming, self._spoken = [], 0, {}, True
        return told

    async def sample(self) -> None:
        """Read what is new; a source that fails is asked again at the next sample."""
        now_ts = self._clock.now()
        if now_ts < self._now_ts - _SLACK_NS:  # market time was set back: another day begins
            self._since, self._begun = {}, False
        self._now_ts = now_ts
        try:
            if not self._begun:
                await self._begin()
            elif self._interval.minutes != 1:
                await self._settle()
                await self._amend()
            if self._samples % self._forming_every == 0:
                await self._form()
        except FirkiError as wrong:
            if not self._failed:
                log.warning(
                    "candles of a subscription not read interval=%s: %s", self._interval, wrong
                )
            self._failed = True
            return
        self._failed = False
        self._samples += 1

    def _hear(self, minutes: CandleColumns) -> None:
        """Minutes became final."""
        mine = self._mine(minutes)
        if self._interval.minutes == 1:
            self._keep(mine)
        else:
            self._touched.update(mine.instrument_token.tolist())
            self._touched |= self._open

    def _hear_again(self, minutes: CandleColumns) -> None:
        """Final minutes were changed."""
        mine = self._mine(minutes)
        if self._interval.minutes == 1:
            self._ready.append(mine)
            self._rows += len(mine)
        else:
            pairs = zip(mine.instrument_token.tolist(), mine.start_ts.tolist(), strict=True)
            self._amended.update(pairs)

    def _mine(self, minutes: CandleColumns) -> CandleColumns:
        return minutes.take(np.isin(minutes.instrument_token, self._tokens))

    async def _begin(self) -> None:
        first = self._now_ts - self._span()
        # longer candles are read from here on; minutes are told by the bus, however late
        floor = 0 if self._interval.minutes == 1 else first
        # before the reading: what the bus tells during it is newer
        self._since = {token: max(floor, self._since.get(token, 0)) for token in self._instruments}
        self._open, self._told, self._mark = set(), {}, 0
        found = await self._read(self._instruments, first)
        self._begun = True
        final = np.flatnonzero(found.status != Status.FORMING.value)
        newest = {int(found.instrument_token[row]): row for row in final}
        self._keep(found.take(np.array(sorted(newest.values()), np.int64)))

    async def _settle(self) -> None:
        """Tell candles of a longer interval that have become final."""
        if self._samples % _LOOK_ANYWAY_EVERY == 0:
            self._touched |= self._open
        if not self._touched:
            return
        # put aside, not copied: what is touched during the reading is for the next one
        looking, self._touched = self._touched, set()
        try:
            found = await self._read(looking, min(self._since[token] for token in looking) + 1)
        except FirkiError:
            self._touched |= looking
            raise
        forming = found.status == Status.FORMING.value
        self._open -= looking
        self._open.update(found.instrument_token[forming].tolist())
        self._keep(found.take(~forming))

    async def _amend(self) -> None:
        """Tell final candles of a longer interval again, in which a minute was changed."""
        if not self._amended:
            return
        amended, self._amended = self._amended, set()
        first = min(start for _, start in amended)
        try:
            found = await self._read({token for token, _ in amended}, first - self._span())
        except FirkiError:
            self._amended |= amended
            raise
        again = sorted({_holder(found, token, start) for token, start in amended} - {-1})
        told = [
            row for row in again
            if found.start_ts[row] <= self._since[int(found.instrument_token[row])]
        ]  # fmt: skip
        if told:
            self._ready.append(found.take(np.array(told)))
            self._rows += len(told)

    async def _form(self) -> None:
        """Note the forming candles of instruments that moved."""
        mark, changed = self._quotes.changes(self._mark)
        moved = [token for token in changed if token in self._instruments]
        if not moved:
            self._mark = mark
            return
        found = await self._read(moved, self._now_ts - self._span())
        self._mark = mark
        forming = found.take(found.status == Status.FORMING.value)
        for token, start, row in zip(
            forming.instrument_token.tolist(),
            forming.start_ts.tolist(),
            self._keyed(forming),
            strict=True,
        ):
            # the reading may be older than what the bus told meanwhile
            if start <= self._since[token] or row == self._told.get(token):
                continue
            self._missed += token in self._forming
            self._forming[token] = row
            self._open.add(token)

    def _keep(self, final: CandleColumns) -> None:
        """Put final candles in line, each start once."""
        tokens, starts = final.instrument_token.tolist(), final.start_ts.tolist()
        new = []
        for row, (token, start) in enumerate(zip(tokens, starts, strict=True)):
            if start > self._since.get(token, 0):
                new.append(row)
                self._since[token] = start
                self._forming.pop(token, None)
        if new:
            self._ready.append(final.take(np.array(new)))
            self._rows += len(new)

    async def _read(self, tokens: Collection[int], from_ts: int) -> CandleColumns:
        # a day ahead, because a candle may start after market time as we know it
        to_ts = self._now_ts + DAY_NS
        return await self._candles.read(list(tokens), self._interval, from_ts, to_ts)

    def _span(self) -> int:
        """How far back a candle may have begun that is not final yet."""
        if self._interval.minutes:
            return self._interval.minutes * _MINUTE_NS + _SLACK_NS
        today = self._now_ts - ist_midnight(ist_date(self._now_ts))
        return today + (_LONG_DAYS[self._interval.name] - 1) * DAY_NS + 1

    def _keyed(self, columns: CandleColumns) -> list[KeyedCandle]:
        instruments = [self._instruments[token] for token in columns.instrument_token.tolist()]
        places = np.array([decimals(instrument) for instrument in instruments], np.int64)
        told: list[KeyedCandle] = []
        for each in np.unique(places).tolist():
            chosen = np.flatnonzero(places == each)
            told += self._named(columns, chosen, each, instruments)
        return told

    def _named(
        self,
        columns: CandleColumns,
        chosen: npt.NDArray[np.int64],
        places: int,
        instruments: list[Instrument],
    ) -> list[KeyedCandle]:
        return [
            KeyedCandle(
                **msgspec.structs.asdict(row),
                key=instruments[place].key,
                interval=self._interval.name,
            )
            for place, row in zip(
                chosen.tolist(), rows(columns.take(chosen), decimals=places), strict=True
            )
        ]


def _holder(candles: CandleColumns, token: int, minute_ts: int) -> int:
    """The row of the candle that holds a minute, -1 where there is none."""
    rows_of = np.flatnonzero((candles.instrument_token == token) & (candles.start_ts <= minute_ts))
    if not len(rows_of) or candles.status[rows_of[-1]] == Status.FORMING.value:
        return -1
    return int(rows_of[-1])
