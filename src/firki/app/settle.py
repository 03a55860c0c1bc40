"""A day that is over goes into the lake: from its grid, or from what lies on disk of it."""

import logging
import shutil
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from firki.app.folder import DataFolder
from firki.app.market_day import (
    Book,
    Decode,
    decode_kite,
    find_grid,
    new_grid,
    read_book,
    refold,
)
from firki.capture.journal_day import HEADER_NAME
from firki.capture.journal_disk import SystemDisk
from firki.capture.journal_reader import read_records
from firki.capture.journal_recovery import recover
from firki.errors import ConfigError, Corrupt, FirkiError
from firki.kite.instruments import parse
from firki.live import file as grid_file
from firki.live.checkpoint import Checkpoints
from firki.live.file import GridFile
from firki.live.grid import DayGrid
from firki.live.reading import GridCandles
from firki.live.whole_day import day_bars, minutes, tokens
from firki.model.instrument import InstrumentTable
from firki.store.lake import Lake
from firki.store.lake_file import Origin
from firki.timing import steady

log = logging.getLogger(__name__)

_ANY: Final = 1 << 62
"""A journal's end that no checkpoint lies beyond."""


def settle(day: date, file: GridFile, table: InstrumentTable | None, lake: Lake) -> bool:
    """Write what the grid holds of a day into the lake; False when the lake has just that, or more.

    Blocking. The grid may be folded into meanwhile: what comes too late is for the next time. One
    that has folded less than the lake's day was made of, as after a journal that was begun anew,
    changes nothing.
    """
    began = steady()
    candles = GridCandles(file)
    origin = Origin(
        journal_seq=int(file.live["seq"][0]),
        as_of_ts=candles.as_of_ts,
        instruments=file.header.instruments,
        calendar=file.header.calendar,
    )
    kept = lake.origin(day)
    if kept is not None and origin.journal_seq < kept.journal_seq:
        log.warning(
            "day not settled, the lake has more of it date=%s grid=%d lake=%d",
            day, origin.journal_seq, kept.journal_seq,
        )  # fmt: skip
        return False
    bars = day_bars(candles)
    keys = keys_of(table, tokens(file)) if table is not None else {}
    changed = lake.write(day, lambda: minutes(candles), bars, keys, origin)
    if changed:
        log.info(
            "day settled date=%s instruments=%d journal=%d seconds=%.1f",
            day, len(bars), origin.journal_seq, steady() - began,
        )  # fmt: skip
    return changed


def keys_of(table: InstrumentTable, wanted: Sequence[int]) -> dict[int, str]:
    """The key of each token the table knows."""
    return {
        token: f"{table.exchange[row].decode()}:{table.tradingsymbol[row].decode()}"
        for token, row in zip(wanted, table.rows(wanted).tolist(), strict=True)
        if row >= 0
    }


def settle_found(
    day: date,
    folder: DataFolder,
    lake: Lake,
    *,
    decode: Decode = decode_kite,
    again: bool = False,
) -> bool:
    """Settle a past day from what lies on disk; False when the lake has it already.

    With ``again`` it is done whatever the lake says it has.

    What the journal holds beyond the grid is folded first. Where the journal is gone or damaged the
    grid must do; where the grid is, it is made anew.
    """
    origin = lake.origin(day)
    if origin is not None and not again and _recorded(day, folder) <= origin.journal_seq:
        return False
    table, is_folded = None, False
    if (folder.journal(day) / HEADER_NAME).exists():
        try:
            table, is_folded = _fold_journal(day, folder, decode), True
        except (ConfigError, Corrupt) as error:
            log.warning("journal cannot be folded date=%s why=%s", day, error)
    grid = _grid(day, folder)
    if grid is None:
        return False
    if origin is not None and not again and not is_folded and not _is_proven(grid):
        log.warning("day not settled, its grid may lack what the lake has date=%s", day)
        return False
    return settle(day, grid, table or _master(day, folder, grid.header.instruments), lake)


def _grid(day: date, folder: DataFolder) -> GridFile | None:
    grid = grid_file.open_file(folder.grid(day), write=False)
    if grid is not None and grid.header.trading_date != day:
        log.warning("grid is of another day date=%s found=%s", day, grid.header.trading_date)
        return None
    return grid


def _is_proven(grid: GridFile) -> bool:
    """Whether the machine has run since it was written: after a loss of power some of its pages are
    older than it says."""
    return Checkpoints(grid).usable(_ANY) is not None


def _recorded(day: date, folder: DataFolder) -> int:
    """The number of the newest record of a day; of a journal that cannot be read, how far the grid
    came."""
    try:
        return max(_folded(day, folder), _journal_end(day, folder))
    except (ConfigError, Corrupt) as error:
        log.warning("journal cannot be read to its end date=%s why=%s", day, error)
        return _folded(day, folder)


def _folded(day: date, folder: DataFolder) -> int:
    """The number of the last record in a day's grid, 0 when there is none."""
    grid = _grid(day, folder)
    return int(grid.live["seq"][0]) if grid is not None else 0


def _journal_end(day: date, folder: DataFolder) -> int:
    """The number of the newest record of a day's journal, 0 when there is none."""
    path = folder.journal(day)
    return recover(path, SystemDisk()).newest if path.is_dir() else 0


def _fold_journal(day: date, folder: DataFolder, decode: Decode) -> InstrumentTable:
    """Bring a day's grid up to the end of its journal; raises Corrupt, and leaves the grid as it
    was, when the journal cannot be read so far."""
    path = folder.journal(day)
    book = read_book(path)
    newest = recover(path, SystemDisk()).newest
    grid = find_grid(folder.grid(day), day, book)
    began = Checkpoints(grid.file).usable(newest) if grid is not None else None
    if grid is None or began is None:
        _fold_anew(day, folder, book, decode)
        return book.table
    for _ in read_records(path, began + 1):
        pass  # damage is met before the grid goes back to its checkpoint
    _finish(grid, path, grid.recover(newest) + 1, decode)
    return book.table


def _fold_anew(day: date, folder: DataFolder, book: Book, decode: Decode) -> None:
    """Fold a journal from its first record into a grid beside the day's, which it replaces in the
    end: where the journal is damaged, the old one is the best there is."""
    beside = folder.grid(day) / "refold"
    try:
        grid = new_grid(beside, day, book, capacity=len(book.table))
        grid.recover(0)
        _finish(grid, folder.journal(day), 1, decode)
        grid.file.path.replace(folder.grid(day) / grid.file.path.name)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _finish(grid: DayGrid, path: Path, from_seq: int, decode: Decode) -> None:
    refold(grid, path, from_seq, decode)
    grid.close()
    grid.file.flush()


def _master(day: date, folder: DataFolder, digest: str) -> InstrumentTable | None:
    """The instrument master a grid was made with, if it is the one kept of that day."""
    with suppress(OSError, Corrupt):
        table = parse(folder.master(day).read_bytes(), day=day)
        return table if table.digest == digest else None
    return None


def prune(folder: DataFolder, lake: Lake, *, today: date, keep_days: int) -> list[date]:
    """Remove journals and grids older than ``keep_days`` of days the lake holds whole.

    A day of which the lake lacks a record keeps both. One whose file in the lake has changed since
    is settled again, and keeps both until the next time.
    """
    pruned = []
    for day in sorted({*folder.days("journal"), *folder.days("grid")}):
        if day >= today - timedelta(days=keep_days):
            continue
        try:
            if not _is_kept_whole(day, folder, lake):
                continue
        except (FirkiError, OSError) as error:
            log.warning("old day is kept date=%s why=%s", day, error)
            continue
        shutil.rmtree(folder.journal(day), ignore_errors=True)
        shutil.rmtree(folder.grid(day), ignore_errors=True)
        pruned.append(day)
    if pruned:
        log.info("old journals removed count=%d newest=%s", len(pruned), pruned[-1])
    return pruned


def _is_kept_whole(day: date, folder: DataFolder, lake: Lake) -> bool:
    """Whether the lake has every record of a day, and both its files were just read back whole;
    raises Corrupt where the journal does not say how far it goes."""
    origin = lake.origin(day)
    newest = max(_folded(day, folder), _journal_end(day, folder))
    if origin is None or origin.journal_seq < newest:
        return False
    try:
        lake.verify(day)
    except Corrupt as error:
        log.warning("the lake's day is not sound, settling again date=%s why=%s", day, error)
        settle_found(day, folder, lake, again=True)
        return False
    return True
