"""Settled days in Parquet: a file of minutes a trading date, a file of day bars a month.

A day is first written in time order, as its minutes were published, then compacted to instrument
order, in which one instrument's day is read without the rest of the file. Every write is read back
before it counts. One process writes; any number read, and see the old set or the new one.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import polars as pl

from firki.errors import Unavailable
from firki.model.candle import CandleColumns, Interval
from firki.model.ist import ist_date, ist_midnight
from firki.model.reduction import SessionOf, reduce_days, reduce_minutes
from firki.store import lake_file as parquet
from firki.store.lake_file import Content, Origin
from firki.store.lake_manifest import DAYS, MINUTES, Kept, Shelf, month_of
from firki.store.lake_writer import LakeWriter, Minutes, check

log = logging.getLogger(__name__)

_LONGEST: Final = {"day": timedelta(), "week": timedelta(6), "month": timedelta(30)}
"""How far a bar of each kind reaches beyond its first day."""
_TRIES: Final = 5


class Lake:
    """The ``Candles`` port over settled days, and where they are put."""

    def __init__(
        self, folder: Path | Shelf, session_of: SessionOf, *, compression_level: int = 3
    ) -> None:
        self._shelf = (
            folder if isinstance(folder, Shelf) else Shelf(folder, level=compression_level)
        )
        self._writer = LakeWriter(self._shelf)
        self._session_of = session_of
        self.damaged: dict[str, str] = {}
        """Files that could not be read and were left out, with the reason."""

    # -- what there is -------------------------------------------------------------------------

    def days(self) -> Sequence[date]:
        """Trading dates with candles, oldest first."""
        kept = self._shelf.load().minutes
        return sorted(date.fromisoformat(day) for day, k in kept.items() if k.content.rows)

    def newest(self) -> date | None:
        """The youngest trading date with candles."""
        return max(self.days(), default=None)

    def origin(self, day: date) -> Origin | None:
        """What a settled day was made from; None when it has not been settled."""
        manifest, name = self._shelf.load(), day.isoformat()
        kept, bars = manifest.minutes.get(name), manifest.days.get(month_of(day))
        return kept.origins[name] if kept and bars and name in bars.origins else None

    def verify(self, day: date) -> Content:
        """Read a day's minutes whole; raises Corrupt that names the file when they have changed."""
        kept = self._shelf.load().minutes.get(day.isoformat())
        if kept is None:
            raise Unavailable(f"lake {self._shelf.folder}: {day} is not settled")
        if kept.file:
            check(self._shelf.path(MINUTES, kept.file), kept.content, MINUTES)
        return kept.content

    # -- reading -------------------------------------------------------------------------------

    async def read(
        self,
        tokens: Sequence[int],
        interval: Interval,
        from_ts: int,
        to_ts: int,
        *,
        as_of_ts: int | None = None,
    ) -> CandleColumns:
        """Candles whose start lies in [from_ts, to_ts], made of minutes or of day bars.

        Days that began after ``as_of_ts`` are left out; a moment within a settled day cannot be
        answered. A file that cannot be read is left out and told in ``damaged``.
        """
        return await asyncio.to_thread(self._read, tokens, interval, from_ts, to_ts, as_of_ts)

    def _read(
        self,
        tokens: Sequence[int],
        interval: Interval,
        from_ts: int,
        to_ts: int,
        as_of_ts: int | None,
    ) -> CandleColumns:
        for _ in range(_TRIES):
            try:
                return self._answer(tokens, interval, from_ts, to_ts, as_of_ts)
            except FileNotFoundError:
                continue  # replaced by a newer file since the manifest was read
        raise Unavailable(
            f"lake {self._shelf.folder}: a file its manifest names is missing; settle the day again"
        )

    def _answer(
        self,
        tokens: Sequence[int],
        interval: Interval,
        from_ts: int,
        to_ts: int,
        as_of_ts: int | None,
    ) -> CandleColumns:
        reach = _LONGEST[interval.name] if not interval.minutes else timedelta()
        first, last = ist_date(max(from_ts, 0)), _later(to_ts, reach)
        folder = MINUTES if interval.minutes else DAYS
        kept = self._touched(folder, first, last, as_of_ts)
        origins = [o for k in kept for d, o in k.origins.items() if first.isoformat() <= d]
        newest = max((o.as_of_ts for o in origins), default=0)
        empty = CandleColumns.empty(interval, as_of_ts=newest, source="lake")
        if not kept or not len(tokens) or to_ts < from_ts:
            return empty
        frame = self._rows(folder, kept, tokens, ist_midnight(first), _end_of(last, as_of_ts))
        found = parquet.to_candles(frame, as_of_ts=newest, interval=folder)
        if not len(found):
            return empty
        whole = (
            reduce_minutes(found, interval, self._session_of)
            if interval.minutes
            else reduce_days(found, interval)
        )
        inside = (whole.start_ts >= from_ts) & (whole.start_ts <= to_ts)
        return whole if inside.all() else whole.take(inside)

    def _touched(self, folder: str, first: date, last: date, as_of_ts: int | None) -> list[Kept]:
        """Files that hold any of the days from ``first`` to ``last``."""
        manifest = self._shelf.load()
        by_name = manifest.minutes if folder == MINUTES else manifest.days
        size = len(next(iter(by_name), ""))
        low, high = first.isoformat()[:size], last.isoformat()[:size]
        kept = [k for covers, k in sorted(by_name.items()) if low <= covers <= high and k.file]
        if as_of_ts is None:
            return kept
        for k in kept:
            for day, origin in k.origins.items():
                if ist_midnight(date.fromisoformat(day)) <= as_of_ts < origin.as_of_ts:
                    raise Unavailable(
                        f"lake: {day} is kept as it was settled at {origin.as_of_ts}, not as of "
                        f"{as_of_ts}; replay the day's journal up to that moment"
                    )
        return kept

    def _rows(
        self, folder: str, kept: Sequence[Kept], tokens: Sequence[int], from_ts: int, to_ts: int
    ) -> pl.DataFrame:
        wanted = sorted({token for token in tokens if 0 <= token < 1 << 32})
        token = pl.col("instrument_token")
        where = pl.col("start_ts").is_between(from_ts, to_ts)
        where &= token == wanted[0] if len(wanted) == 1 else token.is_in(wanted)
        paths = [self._shelf.path(folder, k.file) for k in kept]
        try:
            return parquet.scan(paths, where)
        except FileNotFoundError:
            raise
        except parquet.UNREADABLE:
            return self._readable_rows(paths, where)

    def _readable_rows(self, paths: Sequence[Path], where: pl.Expr) -> pl.DataFrame:
        parts = [pl.DataFrame(schema=parquet.COLUMNS)]
        for path in paths:
            try:
                parts.append(parquet.scan([path], where))
            except FileNotFoundError:
                raise
            except parquet.UNREADABLE as error:
                if path.name not in self.damaged:
                    self.damaged[path.name] = str(parquet.damaged(path, error))
                    log.warning("%s", self.damaged[path.name])
        return pl.concat(parts)

    # -- writing -------------------------------------------------------------------------------

    def write(
        self,
        day: date,
        minutes: Minutes,
        days: CandleColumns,
        keys: Mapping[int, str],
        origin: Origin,
    ) -> bool:
        """Keep a day in place of what was kept of it; False when its candles are as before.

        It can be read as soon as it lies in time order; then it is compacted. Raises Unavailable
        when the disk fails: what was kept before stays.
        """
        return self._writer.put(day, minutes, days, keys, origin)

    def compact(self) -> list[date]:
        """Finish what a kill left in time order; answers the days that were."""
        return self._writer.compact_all()


def _later(ts: int, reach: timedelta) -> date:
    return ist_date(max(ts, 0)) + reach


def _end_of(last: date, as_of_ts: int | None) -> int:
    end = ist_midnight(last + timedelta(days=1)) - 1
    return end if as_of_ts is None else min(end, as_of_ts)
