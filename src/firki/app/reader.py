"""Reading a data folder from any process: today's grid as it is mapped, past days from the lake.

No lock and no running firki are needed. ``firki.open()`` gives a ``Reader``.
"""

import asyncio
import re
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firki.app.folder import DataFolder
from firki.app.market_day import CalendarFiles, read_book
from firki.app.master import load_newest
from firki.app.near import near_keys
from firki.errors import Corrupt, Rejected, Unavailable
from firki.kite import instruments as kite_instruments
from firki.live import file as grid_file
from firki.live.reading import GridCandles
from firki.model.calendar import Calendar, ist_date, ist_midnight
from firki.model.candle import CandleColumns, Flag, Interval, SessionKind, Status
from firki.model.instrument import Instrument, InstrumentTable
from firki.model.reduction import reduce_days
from firki.model.session import Session, SessionClass
from firki.store.lake import Lake
from firki.timing import system_now

if TYPE_CHECKING:
    import polars as pl

_DAY_NS = 86_400 * 10**9
_TOKEN = re.compile(r"[0-9]{1,10}")


class Reader:
    """Candles and instruments of one data folder."""

    def __init__(self, root: Path, calendar: Calendar | None = None) -> None:
        self.folder = DataFolder(root)
        if not root.is_dir():
            raise Unavailable(
                f"data folder {root} does not exist; run `firki demo` or `firki up` first, or name "
                "another with FIRKI_DATA__FOLDER"
            )
        self._calendar = calendar or CalendarFiles.packaged().parse()
        self.instruments = self._instruments()
        self.lake = Lake(self.folder.lake, self.session_of)

    def _instruments(self) -> InstrumentTable:
        days = self.folder.days()
        if days:
            return read_book(self.folder.journal(days[-1])).table
        day, csv = load_newest(self.folder)
        return kite_instruments.parse(csv, day=day)

    def session_of(self, token: int, midnight_ts: int) -> Session | None:
        """The session of an instrument on the day that begins at that midnight."""
        instrument = self.instruments.by_token(token)
        name = SessionClass(instrument.session_class) if instrument else SessionClass.CASH
        return self._calendar.session(name, ist_date(midnight_ts))

    def instrument(self, key: str) -> Instrument:
        """By key or token; raises Rejected with what comes near."""
        table = self.instruments
        found = table.by_token(int(key)) if _TOKEN.fullmatch(key) else table.by_key(key)
        if found is None:
            near = ", ".join(near_keys(table, key))
            raise Rejected(f"no instrument {key!r}" + (f"; near: {near}" if near else ""))
        return found

    def candles(
        self,
        key: str,
        interval: str = "1m",
        *,
        from_ts: int = 0,
        to_ts: int | None = None,
        count: int | None = None,
        include_current: bool = True,
    ) -> "pl.DataFrame":
        """Candles as a Polars frame; ``count`` gives the newest so many bars.

        Prices are rupees, times ns UTC, status, session and flags words; a volume or open interest
        that does not exist is null.
        """
        columns = self.columns(
            key, interval, from_ts=from_ts, to_ts=to_ts, count=count,
            include_current=include_current,
        )  # fmt: skip
        return _frame(columns)

    def columns(
        self,
        key: str,
        interval: str = "1m",
        *,
        from_ts: int = 0,
        to_ts: int | None = None,
        count: int | None = None,
        include_current: bool = True,
    ) -> CandleColumns:
        """As ``candles``, as NumPy columns with source and age."""
        token = self.instrument(key).instrument_token
        until = to_ts if to_ts is not None else system_now() + 365 * _DAY_NS
        read = self.read([token], Interval.parse(interval), from_ts, until)
        found = _finish(read)
        if not include_current:
            found = found.take(found.status > 0)
        return found if count is None else found.take(slice(max(0, len(found) - count), None))

    async def read(
        self,
        tokens: Sequence[int],
        interval: Interval,
        from_ts: int,
        to_ts: int,
        *,
        as_of_ts: int | None = None,
    ) -> CandleColumns:
        """The ``Candles`` port: the lake's days, then those that only a grid holds."""
        own = Interval.parse("day") if interval.name in {"week", "month"} else interval
        parts = [await self.lake.read(tokens, own, from_ts, to_ts, as_of_ts=as_of_ts)]
        latest = to_ts if as_of_ts is None else min(to_ts, as_of_ts)
        settled = set(self.lake.days())
        for day in self.folder.days("grid"):
            begins = ist_midnight(day)
            if day in settled or begins > latest or begins + _DAY_NS <= from_ts:
                continue
            grid = self.grid(day)
            if grid is not None:
                parts.append(await grid.read(tokens, own, from_ts, to_ts, as_of_ts=as_of_ts))
        found = [part for part in parts if len(part)]
        if not found:
            return CandleColumns.empty(interval, as_of_ts=system_now(), source="grid")
        whole = reduce_days(CandleColumns.concat(found), interval)
        return whole.take((whole.start_ts >= from_ts) & (whole.start_ts <= to_ts))

    def grid(self, day: date) -> GridCandles | None:
        """The day's grid, None where there is none; raises Corrupt for a damaged one."""
        path = self.folder.grid(day)
        file = grid_file.open_file(path, write=False)
        if file is None and (path / grid_file.FILE_NAME).exists():
            raise Corrupt(f"grid {path}: not a grid of this release; it is rebuilt by `firki up`")
        if file is not None and file.header.trading_date != day:
            raise Corrupt(
                f"grid {path}: it is of {file.header.trading_date}; it is rebuilt by `firki up`"
            )
        return GridCandles(file) if file is not None else None


def _finish(read: Coroutine[Any, Any, CandleColumns]) -> CandleColumns:
    """What the reading gives, also where an event loop is running already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(read)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, read).result()


def _frame(columns: CandleColumns) -> "pl.DataFrame":
    import polars as pl

    arrays = columns.arrays()
    flags: list[int] = arrays["flags"].tolist()
    words = {value: Flag(value).words() for value in set(flags)}

    def known(name: str, absent: Flag) -> "pl.Series":
        values = zip(arrays[name].tolist(), flags, strict=True)
        return pl.Series([None if absent in Flag(f) else v for v, f in values], dtype=pl.Int64)

    return pl.DataFrame(
        {
            **arrays,
            "volume": known("volume", Flag.NO_VOLUME),
            "oi": known("oi", Flag.NO_OI),
            "status": pl.Series([Status(s).word for s in arrays["status"]], dtype=pl.String),
            "session": pl.Series([SessionKind(s).word for s in arrays["session"]], dtype=pl.String),
            "flags": pl.Series([words[f] for f in flags], dtype=pl.List(pl.String)),
        }
    )


def open_folder(root: Path | None = None) -> Reader:
    """A reader of the data folder in force, or of ``root``."""
    import os

    from firki.config import load

    return Reader(root or load(None, os.environ).data.folder)
