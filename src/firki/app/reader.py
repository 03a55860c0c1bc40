"""Reading a data folder from any process: today's grid as it is mapped, past days from the lake.

No lock and no running firki are needed for candles; quotes are asked of the running one, which
takes ticks too. ``firki.open()`` gives a ``Reader``.
"""

import asyncio
import re
from calendar import monthrange
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

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

Item = TypeVar("Item")

_DAY_NS = 86_400 * 10**9
_DAY_MINUTES = 375
"""Of a usual session: a first guess of how many days hold so many candles."""
_MOST_KEYS = 200
_MOST_TICKS = 10_000
"""In one request."""
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

    def instrument(self, key: str | int) -> Instrument:
        """By key or token; raises Rejected with what comes near."""
        table, key = self.instruments, str(key)
        found = table.by_token(int(key)) if _TOKEN.fullmatch(key) else table.by_key(key)
        if found is None:
            raise Rejected(f"no instrument {key!r}{self._near(key)}")
        return found

    def _near(self, key: str) -> str:
        near = ", ".join(near_keys(self.instruments, key))
        return f"; near: {near}" if near else ""

    def candles(
        self,
        key: str | int,
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
        key: str | int,
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
        choose = _all_of if include_current else _over
        read = self.read_newest(
            token, _interval(interval), from_ts, until, count=count, choose=choose
        )
        return _finish(read)

    def quotes(
        self, keys: Sequence[str] | None = None, *, depth: bool = False
    ) -> dict[str, dict[str, Any]]:
        """The newest quotes by key, of all captured instruments where no keys are given.

        They are asked of the running firki; the fields are those of GET /api/quotes. A key that
        nothing was heard of yet has none. Raises Unavailable when no firki runs.
        """
        from firki.app.running import ask

        found: dict[str, dict[str, Any]] = {}
        portions = [()] if keys is None else _portions(keys, _MOST_KEYS)
        for some in portions:
            params = [("keys", key) for key in some] + [("depth", str(depth).lower())]
            answer = _finish(ask(self.folder, "/api/quotes", params=params))
            for name in answer.get("unknown", ()):
                raise Rejected(f"the running firki has no instrument {name!r}{self._near(name)}")
            found |= answer["quotes"]
        return found

    def post(self, ticks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Give ticks to the running firki, which folds them in this order.

        The fields are those of POST /api/ticks, and so is the answer: how many were ``accepted``,
        and of the others how many ``refused`` for which reason. Raises Unavailable when no firki
        runs; what was taken already does no harm when it is posted again.
        """
        from firki.app.running import ask

        accepted, refused = 0, Counter[str]()
        for some in _portions(list(ticks), _MOST_TICKS):
            answer = _finish(ask(self.folder, "/api/ticks", body=some))
            accepted += answer["accepted"]
            refused.update(answer["refused"])
        return {"accepted": accepted, "refused": dict(refused)}

    def days(self) -> list[date]:
        """Trading days that have candles, oldest first."""
        return sorted({*self.lake.days(), *self.folder.days("grid")})

    async def read_newest(
        self,
        token: int,
        interval: Interval,
        from_ts: int,
        to_ts: int,
        *,
        count: int | None,
        choose: Callable[[CandleColumns], CandleColumns],
        as_of_ts: int | None = None,
    ) -> CandleColumns:
        """The chosen candles of the range, only the newest ``count`` where there is one.

        For those it walks back, no further than it must: many days are slow to read.
        """
        found = CandleColumns.empty(interval, as_of_ts=0, source="grid")
        for start in self._starts(interval, from_ts, to_ts, count):
            found = choose(await self.read([token], interval, start, to_ts, as_of_ts=as_of_ts))
            if count is not None and len(found) >= count:
                return found.take(slice(len(found) - count, None))
        return found

    def _starts(
        self, interval: Interval, from_ts: int, to_ts: int, count: int | None
    ) -> Iterator[int]:
        """Where to begin, so that ``count`` candles are found: ever earlier days, at last all."""
        if count is not None and interval.minutes:
            days = [ts for day in self.days() if from_ts < (ts := ist_midnight(day)) <= to_ts]
            back = ceil(count * interval.minutes / _DAY_MINUTES)
            while back < len(days):
                yield days[-back]
                back *= 2
        yield from_ts

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
        whole = self._marked(reduce_days(CandleColumns.concat(found), interval), interval)
        return whole.take((whole.start_ts >= from_ts) & (whole.start_ts <= to_ts))

    def _marked(self, bars: CandleColumns, interval: Interval) -> CandleColumns:
        """Weeks and months of which trading days are not in the folder are partial."""
        if interval.name not in {"week", "month"}:
            return bars
        known = {*self.lake.days(), *self.folder.days("grid")}
        flags = bars.flags.copy()
        for row, (token, start) in enumerate(
            zip(bars.instrument_token, bars.start_ts, strict=True)
        ):
            first = ist_date(int(start))
            days = 7 if interval.name == "week" else monthrange(first.year, first.month)[1]
            last = min(first + timedelta(days=days - 1), max(known))
            if not known.issuperset(self._trading_days(int(token), first, last)):
                flags[row] |= Flag.PARTIAL
        return replace(bars, flags=flags)

    def _trading_days(self, token: int, first: date, last: date) -> list[date]:
        instrument = self.instruments.by_token(token)
        name = SessionClass(instrument.session_class) if instrument else SessionClass.CASH
        return [s.trading_date for s in self._calendar.sessions(name, first, last)]

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


def _interval(text: str) -> Interval:
    try:
        return Interval.parse(text)
    except ValueError as error:
        raise Rejected(str(error)) from None


def _finish(read: Coroutine[Any, Any, Item]) -> Item:
    """What the reading gives, also where an event loop is running already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(read)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, read).result()


def _portions(items: Sequence[Item], most: int) -> Iterator[Sequence[Item]]:
    return (items[first : first + most] for first in range(0, len(items), most))


def _all_of(found: CandleColumns) -> CandleColumns:
    return found


def _over(found: CandleColumns) -> CandleColumns:
    """Without those that are still forming."""
    return found.take(found.status != Status.FORMING)


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


def open_folder(root: Path | str | None = None) -> Reader:
    """A reader of the data folder in force, or of ``root``."""
    import os

    from firki.config import load

    return Reader(Path(root).expanduser() if root else load(None, os.environ).data.folder)
