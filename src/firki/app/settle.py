"""A day that is over goes into the lake: in the evening, at the turn of the day, or at a start."""

import logging
import shutil
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta

from firki.app.folder import DataFolder
from firki.app.market_day import Decode, decode_kite, open_grid, read_book, refold
from firki.capture.journal_day import HEADER_NAME
from firki.capture.journal_disk import SystemDisk
from firki.capture.journal_recovery import recover
from firki.errors import ConfigError, Corrupt, FirkiError
from firki.kite.instruments import parse
from firki.live import file as grid_file
from firki.live.file import GridFile
from firki.live.reading import GridCandles
from firki.live.whole_day import day_bars, minutes, tokens
from firki.model.instrument import InstrumentTable
from firki.store.lake import Lake
from firki.store.lake_file import Origin
from firki.timing import steady

log = logging.getLogger(__name__)


def settle(day: date, file: GridFile, table: InstrumentTable | None, lake: Lake) -> bool:
    """Write what the grid holds of a day into the lake; False when the lake has just that.

    Blocking. The grid may be folded into meanwhile: what comes too late is for the next time.
    """
    began = steady()
    candles = GridCandles(file)
    origin = Origin(
        journal_seq=int(file.live["seq"][0]),
        as_of_ts=candles.as_of_ts,
        instruments=file.header.instruments,
        calendar=file.header.calendar,
    )
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
    grid = grid_file.open_file(folder.grid(day), write=False)
    if grid is not None and grid.header.trading_date != day:
        log.warning("grid is of another day date=%s found=%s", day, grid.header.trading_date)
        grid = None
    origin = lake.origin(day)
    newest = int(grid.live["seq"][0]) if grid is not None else 0
    if origin is not None and newest <= origin.journal_seq and not again:
        return False
    if (folder.journal(day) / HEADER_NAME).exists():
        try:
            return _settle_journal(day, folder, lake, decode)
        except (ConfigError, Corrupt) as error:
            log.warning("journal cannot be folded date=%s why=%s", day, error)
    if grid is None:
        return False
    return settle(day, grid, _master(day, folder, grid.header.instruments), lake)


def _settle_journal(day: date, folder: DataFolder, lake: Lake, decode: Decode) -> bool:
    path = folder.journal(day)
    book = read_book(path)
    newest = recover(path, SystemDisk()).newest
    grid = open_grid(folder.grid(day), day, book, capacity=len(book.table))
    refold(grid, path, grid.recover(newest) + 1, decode)
    grid.close()
    grid.file.flush()
    return settle(day, grid.file, book.table, lake)


def _master(day: date, folder: DataFolder, digest: str) -> InstrumentTable | None:
    """The instrument master a grid was made with, if it is the one kept of that day."""
    with suppress(OSError, Corrupt):
        table = parse(folder.master(day).read_bytes(), day=day)
        return table if table.digest == digest else None
    return None


def prune(folder: DataFolder, lake: Lake, *, today: date, keep_days: int) -> list[date]:
    """Remove journals and grids older than ``keep_days`` of days the lake holds whole.

    A day that is not settled keeps both. One whose file in the lake has changed since is settled
    again, and keeps both until the next time.
    """
    pruned = []
    for day in sorted({*folder.days("journal"), *folder.days("grid")}):
        if day >= today - timedelta(days=keep_days) or lake.origin(day) is None:
            continue
        try:
            lake.verify(day)
        except FirkiError as error:
            log.warning("the lake's day is not sound, settling again date=%s why=%s", day, error)
            settle_found(day, folder, lake, again=True)
            continue
        shutil.rmtree(folder.journal(day), ignore_errors=True)
        shutil.rmtree(folder.grid(day), ignore_errors=True)
        pruned.append(day)
    if pruned:
        log.info("old journals removed count=%d newest=%s", len(pruned), pruned[-1])
    return pruned
