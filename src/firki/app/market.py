"""The market as firki knows it now: today's day, the quote board, and who is told of changes."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any, Final

import numpy as np

from firki.app.market_day import Book, MarketDay, Tell
from firki.bus.memory import MemoryBus
from firki.live import layout as at
from firki.live.board import QuoteBoard
from firki.live.grid import Changes
from firki.model.candle import DAY, CandleColumns, Interval
from firki.model.tick import TickBatch, Ticks
from firki.ports import Frame

log = logging.getLogger(__name__)

TICKS: Final = ("ticks",)
FINAL: Final = ("candles", "final")
AMENDED: Final = ("candles", "amended")
DAY_TURNED: Final = ("day",)

USUAL: Final = (*map(Interval.of, (1, 2, 3, 4, 5, 10, 15, 30, 60)), DAY)

OpenDay = Callable[[date, Book, Tell], MarketDay]


class Market:
    """Owner of the current ``MarketDay`` and of everything that is rebuilt from it."""

    def __init__(
        self, open_day: OpenDay, bus: MemoryBus, further_intervals: Sequence[str] = ()
    ) -> None:
        self._open_day = open_day
        self._bus = bus
        self.intervals = [*USUAL, *(Interval.parse(text) for text in further_intervals)]
        """Those offered by name; any whole number of minutes is answered."""
        self._ended: asyncio.Queue[MarketDay] = asyncio.Queue()
        self._unclosed: list[MarketDay] = []
        self.minutes_final = 0
        self.day: MarketDay
        self.board = QuoteBoard([], self._scale_of)

    def begin(self, day: date, book: Book) -> MarketDay:
        """Open a trading day, recovering what its journal holds."""
        self.day = self._open_day(day, book, self._tell)
        return self.day

    def turn(self, day: date, book: Book, watched: Iterable[int]) -> MarketDay:
        """Go on with the next trading day, whose board is that of the ``watched`` tokens alone.

        Who takes the old day from ``ended`` closes it.
        """
        old = self.day
        self.day = self._open_day(day, book, self._tell)
        for _ in self.day.catch_up():  # nothing but where the clock was set back, or begun before
            pass
        self._ended.put_nowait(old)
        self._unclosed = [past for past in (*self._unclosed, old) if not past.is_closed]
        self.board.reset(list(watched))
        log.info("trading day turned from=%s to=%s", old.trading_date, self.day.trading_date)
        self._bus.publish(DAY_TURNED, self.day.trading_date)
        return self.day

    @property
    def bus(self) -> MemoryBus:
        return self._bus

    async def ended(self) -> MarketDay:
        """The next day that is over; its journal and grid are still open."""
        return await self._ended.get()

    async def close(self) -> None:
        """Close today's day, and those before it that nobody has closed yet."""
        for day in (self.day, *self._unclosed):
            await day.close()

    def watch(self, tokens: Iterable[int]) -> None:
        """Give the tokens a place on the board."""
        self.board.add(list(tokens))

    def _scale_of(self, token: int) -> int:
        instrument = self.day.book.table.by_token(token)
        return instrument.price_scale if instrument else 100

    # -- one record ----------------------------------------------------------------------------

    def _tell(
        self, day: MarketDay, frame: Frame, batch: TickBatch | None, changes: Changes | None
    ) -> None:
        if frame.received_ts >= day.ends_ts:
            return  # the next day will tell of it
        if batch is not None and len(batch):
            self.board.apply(batch)
            if changes is not None:
                self._bus.publish(TICKS, Ticks(batch, changes.trades))
        if changes is None:
            return
        for number, slot, places in changes.final:
            self.minutes_final += 1
            self._bus.publish(FINAL, day.candles.row(number, slot, places))
        if len(changes.amended):
            for columns in self._amended(day, changes):
                self._bus.publish(AMENDED, columns)

    def _amended(self, day: MarketDay, changes: Changes) -> Iterable[CandleColumns]:
        state = day.grid.state
        places, slots = changes.amended[:, 0], changes.amended[:, 1]
        classes = state[places, at.S_CLASS]
        for number, slot in np.unique(np.stack([classes, slots]), axis=1).T:
            chosen = np.unique(places[(classes == number) & (slots == slot)])
            yield day.candles.row(int(number), int(slot), chosen)

    def gaps(self, token: int) -> list[tuple[int, int]]:
        """Stretches of today's session in which the feed of the token was away."""
        return self.day.candles.gaps(token)

    def mark(self, token: int) -> int:
        """Changes whenever a candle of the token does, a forming one too."""
        return hash((self.day.trading_date, self.board.mark(token), self.minutes_final))

    # -- what it came to -----------------------------------------------------------------------

    def totals(self) -> dict[str, Any]:
        """The day's counters under the names users know."""
        totals = self.day.grid.totals()
        traded = np.count_nonzero(self.day.grid.state[: self.day.grid.columns, at.S_LENGTH])
        return {
            "registered_symbols": len(self.day.book.table),
            "instrument_count": len(self.board.tokens),
            "instruments_with_ticks": int(traded),
            "ticks_processed": totals["ticks"],
            "trades": totals["trades"],
            "candles_created": totals["candles"],
            "candles_completed": totals["completed"],
            "amendments": totals["amendments"],
            "refused": {reason: totals[reason] for reason in at.REFUSALS if totals[reason]},
            "outside_session": totals["outside_session"],
            "late": totals["late"],
            "depth_only": totals["depth_only"],
            "gaps": {"minutes": totals["gap_cells"], "instruments": totals["gap_instruments"]},
        }

    def forming_counts(self) -> dict[str, Any]:
        """The intervals offered, and how many instruments have a bar of each under way."""
        youngest = self.day.grid.youngest()
        counts = {
            interval.name: self.day.candles.forming(interval, youngest)
            for interval in self.intervals
            if interval.minutes
        }
        names = [interval.name for interval in self.intervals]
        return {"intervals": names, "active_candles_count": counts}

    async def forming(self, tokens: Sequence[int], interval: Interval) -> CandleColumns:
        """Today's bars, the forming one last."""
        day = self.day
        return await day.candles.read(tokens, interval, 0, day.ends_ts)
