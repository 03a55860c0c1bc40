"""``firki build``: recorded ticks into candles by the very path the live feed takes.

Rows become Kite's packets, packets become records, and the records are decoded and folded into a
day's grid as if they came from a socket; a journal's records are folded as they are.
"""

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from firki.app.bar_files import check_bars, refuse_suffix, to_rows, write_bars
from firki.app.build_report import BuildReport, DayReport, Volumes, report_of, volumes_of
from firki.app.calendars import read_calendar
from firki.app.folder import DataFolder
from firki.app.market_day import (
    Book,
    decode_kite,
    decode_ticks,
    open_grid,
    read_book,
)  # fmt: skip
from firki.app.tick_files import Recording, read_recordings, tick_files
from firki.app.tick_frames import Names, invented_names, names_in, records, sendable
from firki.capture.journal_day import HEADER_NAME
from firki.capture.journal_info import info
from firki.capture.journal_reader import read_records
from firki.config import Settings
from firki.errors import ConfigError
from firki.kite.instruments import parse
from firki.live.grid import DayGrid, Rules
from firki.live.reading import GridCandles
from firki.live.whole_day import tokens
from firki.model.candle import DAY, MINUTE, CandleColumns, Flag, Interval
from firki.model.reduction import reduce_days
from firki.model.session import SessionClass
from firki.model.tick import SECOND
from firki.ports import Frame

DEFAULT_INTERVALS: Final = ("1m", "5m", "15m", "30m", "60m", "day")
_TOLD_EVERY: Final = 500
_NEVER: Final = 1 << 62

Progress = Callable[[str, int, int], None]
"""Told (what, records done, records in all) now and then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """What is to be built of what."""

    sources: Sequence[str]
    """Tick files, folders of them, journal folders, or dates of the data folder's journals."""
    out: Path
    intervals: Sequence[str] = ()
    day: date | None = None
    session_class: SessionClass | None = None
    instruments: Path | None = None


@dataclass(slots=True)
class _Built:
    """Bars gathered over the days."""

    intervals: Sequence[Interval]
    symbols: dict[int, str] = field(default_factory=dict)
    columns: dict[str, list[CandleColumns]] = field(default_factory=dict)

    def add(self, interval: Interval, bars: CandleColumns) -> None:
        check_bars(bars)
        self.columns.setdefault(interval.name, []).append(bars)

    def of(self, interval: Interval) -> CandleColumns | None:
        days = self.columns.get(DAY.name if not interval.minutes else interval.name, [])
        if not days:
            return None
        bars = CandleColumns.concat(days)
        return bars if interval.minutes else reduce_days(bars, interval)


def build(settings: Settings, options: BuildOptions, progress: Progress) -> BuildReport:
    """Build every day of the sources and write the bars; raises ConfigError for bad input."""
    refuse_suffix(options.out)
    built = _Built(_intervals(options.intervals))
    journals, files = _sources(options.sources, DataFolder(settings.data.folder))
    reports = [_build_journal(folder, built, progress) for folder in journals]
    reports += [
        _build_recording(recording, settings, options, built, progress)
        for recording in read_recordings(files, options.day)
    ]
    parts, counts = [], {}
    for interval in built.intervals:
        bars = built.of(interval)
        if bars is not None:
            check_bars(bars)
            parts.append(to_rows(bars, built.symbols))
        counts[interval.name] = len(bars) if bars is not None else 0
    write_bars(parts, options.out)
    return BuildReport(out=str(options.out), bars=counts, days=reports)


def _intervals(asked: Sequence[str]) -> list[Interval]:
    try:
        found = [Interval.parse(text) for text in asked or DEFAULT_INTERVALS]
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return list(dict.fromkeys(found))


def _sources(sources: Sequence[str], folder: DataFolder) -> tuple[list[Path], list[Path]]:
    """Journal folders and tick files."""
    journals: list[Path] = []
    files: list[Path] = []
    for source in sources:
        path = Path(source)
        if not path.exists() and (day := _date(source)) is not None:
            path = folder.journal(day)
            if not (path / HEADER_NAME).exists():
                raise ConfigError(f"ticks {source}: there is no journal of that day at {path}")
        if (path / HEADER_NAME).exists():
            journals.append(path)
        else:
            files += tick_files(path)
    return journals, files


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


# -- one day ---------------------------------------------------------------------------------------


def _build_journal(folder: Path, built: _Built, progress: Progress) -> DayReport:
    book = read_book(folder)
    about = info(folder)
    with tempfile.TemporaryDirectory(prefix="firki-build-") as temporary:
        grid = open_grid(Path(temporary), about.header.trading_date, book, capacity=len(book.table))
        fold(grid, read_records(folder), about.frames, progress)
        symbols = {
            token: instrument.key
            for token in tokens(grid.file)
            if (instrument := book.table.by_token(token)) is not None
        }
        return report_of(grid, book, [str(folder)], {}, _gather(grid, symbols, book, built))


def _build_recording(
    recording: Recording,
    settings: Settings,
    options: BuildOptions,
    built: _Built,
    progress: Progress,
) -> DayReport:
    names = _names(recording, options)
    book = book_of(settings, names)
    _refuse_nothing(recording, names, book)
    sent = sendable(recording, names)
    with tempfile.TemporaryDirectory(prefix="firki-build-") as temporary:
        grid = open_grid(Path(temporary), recording.trading_date, book, capacity=len(names.tokens))
        fold(grid, records(sent, names), sent.seconds, progress)
        symbols = {token: name for name, token in reversed(list(names.tokens.items()))}
        volumes = _gather(grid, symbols, book, built, sent.oi_from)
        left_out = {**recording.left_out, **sent.left_out}
        report = report_of(grid, book, list(recording.files), left_out, volumes)
    return msgspec.structs.replace(report, rounded=sent.rounded)


def _names(recording: Recording, options: BuildOptions) -> Names:
    if options.instruments is None:
        return invented_names(recording, options.session_class)
    try:
        csv = options.instruments.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"instruments {options.instruments}: cannot be read ({error.strerror})"
        ) from error
    return names_in(recording, parse(csv, day=recording.trading_date))


def book_of(settings: Settings, names: Names) -> Book:
    """What a recording is folded with: the calendar and rules in force."""
    files, calendar = read_calendar(settings.calendar)
    rules = Rules(
        settings.live.final_exchange_seconds,
        settings.live.final_market_seconds,
        settings.capture.strict,
    )
    return Book(b"", names.table, files, calendar, rules)


def _refuse_nothing(recording: Recording, names: Names, book: Book) -> None:
    """Raise ConfigError when nothing can come of the day."""
    files = ", ".join(recording.files)
    if not len(recording.rows):
        raise ConfigError(
            f"ticks {files}: expected rows of {recording.trading_date}, found none among "
            f"{recording.rows_read}"
        )
    if not names.tokens:
        raise ConfigError(f"ticks {files}: the instrument master knows none of their instruments")
    described = [book.describe(token) for token in names.tokens.values()]
    kinds = {kind[0] for kind in described if kind is not None}
    if not kinds & book.sessions(recording.trading_date).keys():
        raise ConfigError(
            f"ticks {files}: most rows are of {recording.trading_date}, on which there is no "
            f"session of {', '.join(sorted(kinds))}; name the day with --date, or add the session "
            "to the file of calendar.overrides"
        )


def fold(grid: DayGrid, frames: Iterable[Frame], total: int, progress: Progress) -> None:
    """Apply the records, as the running day does."""
    grid.recover(0)
    what = str(grid.header.trading_date)
    for count, frame in enumerate(frames):
        grid.apply(frame, decode_ticks(frame, decode_kite))
        if count % _TOLD_EVERY == 0:
            progress(what, count, total)
    progress(what, total, total)


def _gather(
    grid: DayGrid,
    symbols: Mapping[int, str],
    book: Book,
    built: _Built,
    oi_from: Mapping[int, int] | None = None,
) -> list[Volumes]:
    """The day's bars of every instrument into ``built``; the parts of their volumes.

    A packet always has open interest, so of a recording ``oi_from`` says when it is one that was
    recorded.
    """
    candles = GridCandles(grid.file)
    volumes = []
    for token, symbol in sorted(symbols.items(), key=lambda item: item[1]):
        built.symbols[token] = symbol
        minutes = candles.bars(token, MINUTE)
        if minutes is None:
            continue
        unknown_ts = -1 if oi_from is None else _last_before(minutes, oi_from.get(token, _NEVER))
        for interval in {MINUTE: None, DAY: None, **dict.fromkeys(built.intervals)}:
            bars = candles.bars(token, interval) if interval.minutes else candles.day_bar(token)
            if bars is not None and interval.name not in {"week", "month"}:
                built.add(interval, _without_oi(bars, unknown_ts))
        volumes.append(volumes_of(grid, book, token, symbol, int(minutes.volume.sum())))
    return volumes


def _last_before(minutes: CandleColumns, ts: int) -> int:
    """Start of the last minute that ended trading before that moment, -1 when none did."""
    before = minutes.start_ts[minutes.last_tick_ts < ts - ts % SECOND]
    return int(before.max(initial=-1))


def _without_oi(bars: CandleColumns, until_ts: int) -> CandleColumns:
    """The bars, those that start by then without open interest: one minute that lacks it is enough,
    as in live bars."""
    lacks = bars.start_ts <= until_ts
    flags = np.where(lacks, bars.flags | np.uint16(Flag.NO_OI), bars.flags)
    return replace(bars, flags=flags, oi=np.where(lacks, 0, bars.oi))
