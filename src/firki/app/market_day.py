"""One trading day: its journal, its grid, and the way back to both after a stop of any kind."""

import importlib.resources
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
import numpy as np

from firki.app.aside import aside
from firki.app.folder import DataFolder
from firki.capture import journal_day
from firki.capture.journal import JournalSettings, open_journal
from firki.capture.journal_reader import read_records
from firki.errors import ConfigError, Corrupt, FirkiError
from firki.kite import instruments as kite_instruments
from firki.kite import wire
from firki.live import file as grid_file
from firki.live.grid import Changes, DayGrid, Rules
from firki.live.reading import GridCandles
from firki.model.calendar import Calendar, CalendarError, ist_midnight
from firki.model.hours import CLASSES
from firki.model.instrument import InstrumentTable
from firki.model.session import Session, SessionClass
from firki.model.tick import TickBatch
from firki.ports import Frame, Journal, RecordKind

log = logging.getLogger(__name__)

_NEVER_TS: Final = 1 << 62
_INSTRUMENTS: Final = "instruments.csv"
_CALENDAR: Final = "calendar.toml"
_OVERRIDES: Final = "overrides.toml"
_FOLD: Final = "fold.json"
_SPARE: Final = 8
"""A part of the columns more than can be captured at once, for wishes that change in the day: an
instrument keeps its column until the evening."""
_AT_A_STEP: Final = 500
"""Records folded before others get a turn; the busiest take half a second."""

Decode = Callable[[Frame], TickBatch]
Tell = Callable[["MarketDay", Frame, TickBatch | None, Changes | None], None]
"""Whom a day tells what each record did."""


class KeptJournal(Protocol):
    """What is asked of a day's journal, whether it is being written or read again."""

    @property
    def newest(self) -> int: ...
    @property
    def acknowledged(self) -> int: ...
    def report(self) -> dict[str, Any]: ...
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class CalendarFiles:
    """What the calendar is made of; kept beside each day's journal."""

    base: bytes
    overrides: bytes
    changes: tuple[str, ...]

    @classmethod
    def packaged(cls, overrides: bytes = b"", changes: tuple[str, ...] = ()) -> "CalendarFiles":
        base = importlib.resources.files("firki.model") / "data" / "calendar.toml"
        return cls(base.read_bytes(), overrides, changes)

    def parse(self) -> Calendar:
        return Calendar.parse(self.base, overrides=self.overrides or None, changes=self.changes)


class _Fold(msgspec.Struct, frozen=True):
    """The settings that decide what a candle is, as they lie beside the journal."""

    final_exchange_seconds: int
    final_market_seconds: int
    strict: bool
    repair_extremes: bool
    calendar_changes: tuple[str, ...]

    def rules(self) -> Rules:
        return Rules(
            self.final_exchange_seconds, self.final_market_seconds, self.strict,
            self.repair_extremes,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Book:
    """What a day's records must be folded with: instruments, calendar, rules."""

    csv: bytes
    table: InstrumentTable
    calendar_files: CalendarFiles
    calendar: Calendar
    rules: Rules

    @classmethod
    def of(cls, csv: bytes, files: CalendarFiles, rules: Rules, *, day: date) -> "Book":
        return cls(csv, kite_instruments.parse(csv, day=day), files, files.parse(), rules)

    def fold_json(self) -> bytes:
        r = self.rules
        return msgspec.json.encode(
            _Fold(
                r.final_exchange_seconds,
                r.final_market_seconds,
                r.strict,
                r.repair_extremes,
                self.calendar_files.changes,
            )
        )

    def header(self, day: date) -> journal_day.DayHeader:
        return journal_day.DayHeader(
            trading_date=day,
            instruments=journal_day.sha256(self.csv),
            calendar=self.calendar.digest,
            settings=journal_day.sha256(self.fold_json()),
        )

    def is_of(self, header: journal_day.DayHeader) -> bool:
        """Whether a day with this header was begun with just this book."""
        mine = self.header(header.trading_date)
        return (mine.instruments, mine.calendar, mine.settings) == (
            header.instruments, header.calendar, header.settings
        )  # fmt: skip

    def attachments(self) -> dict[str, bytes]:
        return {
            _INSTRUMENTS: self.csv,
            _CALENDAR: self.calendar_files.base,
            _OVERRIDES: self.calendar_files.overrides,
            _FOLD: self.fold_json(),
        }

    def describe(self, token: int) -> tuple[str, int] | None:
        """Session class and price scale of a token."""
        instrument = self.table.by_token(token)
        return (instrument.session_class, instrument.price_scale) if instrument else None

    def sessions(self, day: date) -> dict[str, Session]:
        return {
            name.value: session
            for name in SessionClass
            if (session := self.calendar.session(name, day)) is not None
        }


def read_book(folder: Path) -> Book:
    """The book a day's journal was begun with, from the files beside it.

    Raises Corrupt where they are not as they were, ConfigError where the calendar is not one of
    this release.
    """
    header = journal_day.read_header(folder)
    for name, why in journal_day.damaged_files(folder, header):
        raise Corrupt(f"{folder / name} {why}; put the right one back to fold the day's records")
    names = (_INSTRUMENTS, _CALENDAR, _OVERRIDES, _FOLD)
    if missing := [name for name in names if name not in header.files]:
        raise Corrupt(f"{folder / journal_day.HEADER_NAME} names no {', '.join(missing)}")
    files = {name: (folder / name).read_bytes() for name in names}
    rules, changes = _fold_rules(folder / _FOLD, files[_FOLD])
    calendar = CalendarFiles(files[_CALENDAR], files[_OVERRIDES], changes)
    try:
        return Book.of(files[_INSTRUMENTS], calendar, rules, day=header.trading_date)
    except CalendarError as error:
        name = _OVERRIDES if error.errors[0].startswith("overrides") else _CALENDAR
        raise ConfigError(
            f"{folder / name}: {error}; read the day with the release that wrote it"
        ) from error


def _fold_rules(path: Path, data: bytes) -> tuple[Rules, tuple[str, ...]]:
    """The rules of the fold, and the calendar's changes that were switched on."""
    try:
        fold = msgspec.json.decode(data, type=_Fold)
    except msgspec.MsgspecError as error:
        raise Corrupt(f"{path}: {error}; read the day with the release that wrote it") from error
    return fold.rules(), fold.calendar_changes


def open_grid(folder: Path, day: date, book: Book, *, capacity: int) -> DayGrid:
    """The day's grid for writing; a new file when there is none or it was made for other rules."""
    return find_grid(folder, day, book) or new_grid(folder, day, book, capacity=capacity)


def find_grid(folder: Path, day: date, book: Book) -> DayGrid | None:
    """The day's grid for writing, if there is one and it is of what its journal was begun with."""
    file = grid_file.open_file(folder, write=True)
    if file is None or file.header.trading_date != day:
        return None
    header, told = file.header, book.header(day)
    its = (header.instruments, header.calendar, header.settings)
    if its != (told.instruments, told.calendar, told.settings):
        return None
    return DayGrid(file, book.describe, book.rules)


def new_grid(folder: Path, day: date, book: Book, *, capacity: int) -> DayGrid:
    """A new file, in place of one that lies there."""
    header = book.header(day)
    codes, counts = np.unique(book.table.session_class, return_counts=True)
    plan = grid_file.plan(
        day, ist_midnight(day), book.sessions(day),
        {
            CLASSES[n]: min(int(c), capacity + capacity // _SPARE)
            for n, c in zip(codes, counts, strict=True)
        },
        instruments=header.instruments, calendar=header.calendar, settings=header.settings,
        final_market_seconds=book.rules.final_market_seconds,
    )  # fmt: skip
    return DayGrid(grid_file.create(folder, plan), book.describe, book.rules)


class MarketDay:
    """The ``Day`` of the plant: records go to the journal first, then to ``apply``."""

    def __init__(
        self,
        day: date,
        book: Book,
        journal: KeptJournal,
        grid: DayGrid,
        tell: Tell,
        *,
        ends_ts: int = _NEVER_TS,
        writing: Journal | None = None,
    ) -> None:
        """``ends_ts`` is when the next trading day is due. ``writing`` is the journal that takes
        records; a day that is read again has none."""
        self.trading_date = day
        self.ends_ts = ends_ts
        self.book = book
        self.journal = journal
        self.grid = grid
        self.candles = GridCandles(grid.file)
        self._tell = tell
        self._writing = writing
        self.is_closed = False

    @classmethod
    def open(
        cls,
        folder: DataFolder,
        day: date,
        book: Book,
        *,
        capacity: int,
        settings: JournalSettings,
        on_failure: Callable[[FirkiError], None],
        tell: Tell,
        ends_ts: int = _NEVER_TS,
    ) -> "MarketDay":
        """Begin the day, or go on with it after the last record its journal proves: ``catch_up``
        folds what its grid lacks of them, before anything else is applied.

        A day that has begun keeps the instruments, calendar and rules it was begun with.
        """
        path = folder.journal(day)
        if (path / journal_day.HEADER_NAME).exists():
            if not book.is_of(journal_day.read_header(path)):
                log.warning("day keeps what it was begun with date=%s", day)
                book = read_book(path)
        else:
            journal_day.create(path, book.header(day), book.attachments())
        journal = open_journal(path, settings=settings, on_failure=on_failure)
        grid = open_grid(folder.grid(day), day, book, capacity=capacity)
        grid.recover(journal.newest)
        return cls(day, book, journal, grid, tell, ends_ts=ends_ts, writing=journal)

    def catch_up(self) -> Iterator[None]:
        """Fold what the grid lacks of the journal, a stretch at a step: after a loss of power that
        is the whole day, and a stop must not have to wait for it."""
        began = self.grid.seq
        for frame in self._writing.read(began + 1) if self._writing is not None else ():
            self.grid.apply(frame, decode_ticks(frame, decode_kite))
            if frame.seq % _AT_A_STEP == 0:
                yield
        if self.grid.seq > began:
            log.info(
                "day recovered date=%s checkpoint=%d records=%d newest=%d",
                self.trading_date, began, self.grid.seq - began, self.journal.newest,
            )  # fmt: skip

    def append(self, received_ts: int, connection: int, payload: bytes, kind: RecordKind) -> Frame:
        """Number the record and hand it to the journal; ``apply`` comes after it."""
        assert self._writing is not None, f"day {self.trading_date} is read again, not written"
        return self._writing.append(received_ts, connection, payload, kind)

    def apply(self, frame: Frame, batch: TickBatch | None) -> None:
        self._tell(self, frame, batch, self.grid.apply(frame, batch))

    async def close(self) -> None:
        """Flush the journal, then the grid; open candles stay provisional. Again does nothing."""
        if not self.is_closed:
            await self.journal.close()
            self.grid.close()
            self.is_closed = True
            await aside(self.grid.file.flush)  # without it the journal is folded again


def refold(grid: DayGrid, path: Path, from_seq: int, decode: Decode) -> int:
    """Fold a journal's records from ``from_seq`` into a grid; answers how many there were."""
    count = 0
    for frame in read_records(path, from_seq):
        grid.apply(frame, decode_ticks(frame, decode))
        count += 1
    return count


def decode_kite(frame: Frame) -> TickBatch:
    """The ticks of Kite's bytes; packets of a kind that is not known yet are left out."""
    return wire.decode(
        frame.payload, seq=frame.seq, received_ts=frame.received_ts, connection=frame.connection,
        strict=False,
    )  # fmt: skip


def decode_ticks(frame: Frame, decode: Decode) -> TickBatch | None:
    """The batch of a binary frame that holds ticks; None for anything else, and for bad bytes."""
    if frame.kind is not RecordKind.FRAME or len(frame.payload) < 2:
        return None
    try:
        return decode(frame)
    except Corrupt:
        return None
