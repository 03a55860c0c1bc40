"""Settled days in Parquet: a file of minutes a trading date, a file of day bars a month.

A day is first written in time order, as its minutes were published, then compacted to instrument
order, in which one instrument's day is read without the rest of the file. Every write is read back
before it counts. One process writes; any number read, and see the old set or the new one.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import polars as pl

from firki.errors import Corrupt, Unavailable
from firki.model.candle import CandleColumns, Interval
from firki.model.history import within_a_day
from firki.model.ist import ist_date, ist_midnight
from firki.model.reduction import SessionOf, reduce_days, reduce_minutes
from firki.store import lake_file as parquet
from firki.store.lake_file import Content, Origin
from firki.store.lake_manifest import DAYS, MINUTES, Kept, Shelf, month_of
from firki.store.lake_writer import TIME, LakeWriter, Minutes, check

log = logging.getLogger(__name__)

_REACH: Final = {"week": timedelta(6), "month": timedelta(30)}
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
        """What a settled day was made from; None when it has not been, or its file is no longer.

        Raises Unavailable when a file of the day cannot be opened just now.
        """
        manifest, name = self._shelf.load(), day.isoformat()
        kept, bars = manifest.minutes.get(name), manifest.days.get(month_of(day))
        if kept is None or bars is None or name not in bars.origins:
            return None
        try:
            for folder, file in ((MINUTES, kept.file), (DAYS, bars.file)):
                if file:
                    parquet.read_note(self._shelf.path(folder, file))
            if kept.file and kept.order == TIME:  # damage may be why it was never compacted
                check(self._shelf.path(MINUTES, kept.file), kept.content, MINUTES)
        except Corrupt as error:
            log.warning("%s", error)
            return None
        return kept.origins[name]

    def verify(self, day: date) -> Content:
        """Read a day's minutes and its month's day bars whole; raises Corrupt that names the file
        when they have changed. Answers what the minutes are."""
        manifest, name = self._shelf.load(), day.isoformat()
        kept, bars = manifest.minutes.get(name), manifest.days.get(month_of(day))
        if kept is None or bars is None or name not in bars.origins:
            raise Unavailable(f"lake {self._shelf.folder}: {day} is not settled")
        for folder, file in ((MINUTES, kept), (DAYS, bars)):
            if file.file:
                check(self._shelf.path(folder, file.file), file.content, folder)
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
        asked = _Asked(tokens, interval, from_ts, to_ts, as_of_ts)
        return await asyncio.to_thread(self._read, asked)

    def _read(self, asked: "_Asked") -> CandleColumns:
        for _ in range(_TRIES):
            try:
                return self._answer(asked)
            except _ReplacedError:
                continue
        raise Unavailable(f"lake {self._shelf.folder}: its files kept being replaced")

    def _answer(self, asked: "_Asked") -> CandleColumns:
        interval, folder = asked.interval, asked.folder
        kept = self._touched(asked)
        first = asked.first.isoformat()
        origins = [o for k in kept for day, o in k.origins.items() if first <= day]
        newest = max((o.as_of_ts for o in origins), default=0)
        empty = CandleColumns.empty(interval, as_of_ts=newest, source="lake")
        if not kept or not len(asked.tokens) or asked.to_ts < asked.from_ts:
            return empty
        paths = [self._shelf.path(folder, k.file) for k in kept]
        frame = self._rows(folder, paths, asked.where())
        found = parquet.to_candles(frame, as_of_ts=newest, interval=folder)
        if not len(found):
            return empty
        whole = (
            reduce_minutes(found, interval, self._session_of)
            if interval.minutes
            else reduce_days(found, interval)
        )
        inside = (whole.start_ts >= asked.from_ts) & (whole.start_ts <= asked.to_ts)
        return whole if inside.all() else whole.take(inside)

    def _touched(self, asked: "_Asked") -> list[Kept]:
        """Files that hold any of the days asked for."""
        manifest = self._shelf.load()
        by_name = manifest.minutes if asked.folder == MINUTES else manifest.days
        first, last = asked.first.isoformat(), asked.last.isoformat()
        size = len(next(iter(by_name), ""))
        kept = [
            k for covers, k in sorted(by_name.items())
            if first[:size] <= covers <= last[:size] and k.file
        ]  # fmt: skip
        if asked.as_of_ts is not None:
            for k in kept:
                for day, origin in k.origins.items():
                    if first <= day <= last:
                        _refuse_inside(date.fromisoformat(day), origin, asked.as_of_ts)
        return kept

    def _rows(self, folder: str, paths: Sequence[Path], where: pl.Expr) -> pl.DataFrame:
        try:
            return parquet.scan(paths, where)
        except parquet.UNREADABLE:
            return self._readable_rows(folder, paths, where)

    def _readable_rows(self, folder: str, paths: Sequence[Path], where: pl.Expr) -> pl.DataFrame:
        """What there is in the files that can be read; the others are told once."""
        parts = [pl.DataFrame(schema=parquet.COLUMNS)]
        for path in paths:
            try:
                parts.append(parquet.scan([path], where))
            except parquet.UNREADABLE as error:
                if f"{folder}/{path.name}" not in self._shelf.load().names():
                    raise _ReplacedError from error
                if path.name not in self.damaged:
                    self.damaged[path.name] = str(parquet.unreadable(path, error))
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
        """Finish what a kill left in time order; answers the days that could be.

        Raises Unavailable when the disk failed some of them.
        """
        return self._writer.compact_all()


class _ReplacedError(Exception):
    """A file is gone because a newer one took its place."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a reader wants."""

    tokens: Sequence[int]
    interval: Interval
    from_ts: int
    to_ts: int
    as_of_ts: int | None

    @property
    def folder(self) -> str:
        """Minutes for intervals of minutes, else day bars."""
        return MINUTES if self.interval.minutes else DAYS

    @property
    def first(self) -> date:
        return ist_date(max(self.from_ts, 0))

    @property
    def last(self) -> date:
        """The last day a bar that starts in the range can reach into."""
        return ist_date(max(self.to_ts, 0)) + _REACH.get(self.interval.name, timedelta())

    def where(self) -> pl.Expr:
        """The instruments' rows of all days touched: a bar may begin before the range."""
        end = ist_midnight(self.last + timedelta(days=1)) - 1
        if self.as_of_ts is not None:
            end = min(end, self.as_of_ts)
        wanted = sorted({token for token in self.tokens if 0 <= token < 1 << 32})
        token = pl.col("instrument_token")
        is_wanted = token == wanted[0] if len(wanted) == 1 else token.is_in(wanted)
        return pl.col("start_ts").is_between(ist_midnight(self.first), end) & is_wanted


def _refuse_inside(day: date, origin: Origin, as_of_ts: int) -> None:
    if ist_midnight(day) <= as_of_ts < origin.as_of_ts:
        raise within_a_day(as_of_ts)
