"""Settling: once, when a day is over, from the grid or from what an earlier run left on disk."""

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from tests.fakes.small_day import (
    DAY,
    INFY,
    KEYS,
    NEXT_DAY,
    Said,
    at,
    book,
    fold,
    keep,
    opened,
    packet,
    session_of,
    trading,
)  # fmt: skip
from tests.fakes.small_lake import FOREVER, zero_pages

from firki.app.folder import DataFolder
from firki.app.market_day import decode_kite, decode_ticks, open_grid
from firki.app.settle import prune, settle, settle_found
from firki.live.file import open_file
from firki.live.grid import DayGrid, Rules
from firki.live.reading import GridCandles
from firki.model.candle import DAY as DAY_BAR
from firki.model.candle import MINUTE, CandleColumns
from firki.ports import Frame, RecordKind
from firki.store.lake import Lake


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path)


@pytest.fixture
def lake(folder: DataFolder) -> Lake:
    return Lake(folder.lake, session_of)


async def infy(lake: Lake) -> CandleColumns:
    return await lake.read([INFY], MINUTE, 0, FOREVER)


@pytest.mark.slow
async def test_what_is_settled_is_what_the_grid_showed(folder: DataFolder, lake: Lake) -> None:
    grid = fold(folder.grid(DAY), trading())
    assert settle(DAY, grid.file, book().table, lake)
    assert lake.origin(DAY) is not None
    shown = GridCandles(grid.file)
    for interval in (MINUTE, DAY_BAR):
        kept = await lake.read(list(KEYS), interval, 0, FOREVER)
        live = await shown.read(list(KEYS), interval, 0, FOREVER)
        for name, column in live.arrays().items():
            if name != "status":
                assert kept.arrays()[name].tolist() == column.tolist(), name


@pytest.mark.slow
async def test_an_amendment_after_settling_replaces_the_day(folder: DataFolder, lake: Lake) -> None:
    frames = trading()
    grid = fold(folder.grid(DAY), frames)
    settle(DAY, grid.file, book().table, lake)
    assert not settle(DAY, grid.file, book().table, lake)
    late = Said(INFY, "15:20:00", 1600.0, 900)
    frame = Frame(len(frames) + 1, at("15:42"), 0, packet(late))
    grid.apply(frame, decode_ticks(frame, decode_kite))
    assert settle(DAY, grid.file, book().table, lake)
    found = await infy(lake)
    assert found.close[-1] == 1600.0
    assert found.start_ts[-1] == at("15:20")


# -- found on disk ---------------------------------------------------------------------------------


async def test_a_journal_alone_is_settled(folder: DataFolder, lake: Lake) -> None:
    keep(folder, trading())
    assert settle_found(DAY, folder, lake)
    assert len(await infy(lake)) == 5
    assert not settle_found(DAY, folder, lake)


async def test_what_the_journal_holds_beyond_the_grid_is_folded_first(
    folder: DataFolder, lake: Lake
) -> None:
    frames = trading()
    keep(folder, frames)
    fold(folder.grid(DAY), frames[: len(frames) // 2]).close()
    assert settle_found(DAY, folder, lake)
    found = await infy(lake)
    assert found.volume.sum() == 600
    origin = lake.origin(DAY)
    assert origin is not None
    assert origin.journal_seq == len(frames)


async def test_a_grid_without_its_journal_is_settled_with_the_kept_master(
    folder: DataFolder, lake: Lake
) -> None:
    fold(folder.grid(DAY), trading()).close()
    folder.instruments.mkdir()
    (folder.instruments / f"{DAY}.csv").write_bytes(book().csv)
    assert settle_found(DAY, folder, lake)
    assert len(await infy(lake)) == 5


async def test_a_damaged_journal_leaves_it_to_the_grid(folder: DataFolder, lake: Lake) -> None:
    keep(folder, trading())
    fold(folder.grid(DAY), trading()).close()
    (folder.journal(DAY) / "fold.json").write_bytes(b"{}")
    assert settle_found(DAY, folder, lake)
    assert len(await infy(lake)) == 5


def test_a_day_of_which_nothing_is_left_is_not_settled(folder: DataFolder, lake: Lake) -> None:
    assert not settle_found(DAY, folder, lake)


def test_a_grid_of_another_day_is_made_anew(tmp_path: Path) -> None:
    """As a copied folder would leave it: same instruments, calendar and rules."""
    folder = DataFolder(tmp_path)
    fold(folder.grid(DAY), trading()).close()
    shutil.copytree(folder.grid(DAY), folder.grid(NEXT_DAY))
    day = opened(folder, NEXT_DAY)
    assert day.grid.header.trading_date == NEXT_DAY
    assert day.grid.columns == 0


def test_a_grid_of_another_day_is_not_settled(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    fold(folder.grid(DAY), trading()).close()
    shutil.copytree(folder.grid(DAY), folder.grid(NEXT_DAY))
    lake = Lake(folder.lake, session_of)
    assert not settle_found(NEXT_DAY, folder, lake)
    assert lake.days() == []


# -- journals that cannot be folded ----------------------------------------------------------------


def keep_damaged(folder: DataFolder, frames: list[Frame], *, first: int = 0) -> None:
    """A journal of three runs, the second of which can no longer be read from its beginning on;
    ``first`` is how many records come before it."""
    first = first or len(frames) // 3
    for run in (frames[:first], frames[first:-1], frames[-1:]):
        keep(folder, run)
    path = folder.journal(DAY) / "000002.seg"
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 0x10
    path.write_bytes(damaged)


def restart_machine(grid: DayGrid) -> None:
    """What a grid holds is then no proof of what the disk took of it."""
    for checkpoint in grid.file.layout.checkpoints:
        grid.file.region(checkpoint.meta)["boot"] = b"another start"


def cells(folder: DataFolder) -> bytes:
    grid = open_file(folder.grid(DAY), write=False)
    assert grid is not None
    return grid.cells.tobytes()


async def test_a_damaged_journal_takes_nothing_from_the_grid_or_the_lake(
    folder: DataFolder, lake: Lake
) -> None:
    """The evening was settled, the clock went on, the machine was started again."""
    frames = trading()
    grid = fold(folder.grid(DAY), frames)
    settle(DAY, grid.file, book().table, lake)
    clock = Frame(len(frames) + 1, at("15:50"), 0, b"", RecordKind.CLOCK)
    grid.apply(clock, None)
    grid.close()
    restart_machine(grid)
    keep_damaged(folder, [*frames, clock])
    before = cells(folder)
    assert not settle_found(DAY, folder, lake)
    assert (await infy(lake)).volume.sum() == 600
    assert cells(folder) == before
    assert [path.name for path in folder.grid(DAY).iterdir()] == ["day.grid"]


async def test_a_grid_of_another_start_does_where_the_lake_has_nothing(
    folder: DataFolder, lake: Lake
) -> None:
    frames = trading()
    grid = fold(folder.grid(DAY), frames)
    grid.close()
    restart_machine(grid)
    keep_damaged(folder, frames)
    assert settle_found(DAY, folder, lake)
    assert (await infy(lake)).volume.sum() == 600


async def test_damage_behind_the_checkpoint_takes_nothing_from_the_grid(
    folder: DataFolder, lake: Lake
) -> None:
    """A run that was killed within a minute: the grid is ahead of its checkpoint."""
    frames = trading()[:-1]
    checked = len(frames)
    for n, time in enumerate(("15:10:10", "15:10:20", "15:10:30"), 1):
        payload = packet(Said(INFY, time, 1500.0, 600 + n))
        frames.append(Frame(checked + n, at(time), 0, payload))
    fold(folder.grid(DAY), frames)
    keep_damaged(folder, frames, first=checked)
    before = cells(folder)
    assert settle_found(DAY, folder, lake)
    assert (await infy(lake)).volume.sum() == 603
    assert cells(folder) == before


async def test_a_grid_of_another_start_is_made_anew_from_a_whole_journal(
    folder: DataFolder, lake: Lake
) -> None:
    frames = trading()
    grid = fold(folder.grid(DAY), frames)
    grid.close()
    restart_machine(grid)
    grid.file.cells[:] = np.zeros(1, grid.file.cells.dtype)
    keep(folder, frames)
    assert settle_found(DAY, folder, lake)
    assert (await infy(lake)).volume.sum() == 600
    assert [path.name for path in folder.grid(DAY).iterdir()] == ["day.grid"]
    assert any(cells(folder))


async def test_a_grid_of_other_rules_does_where_the_journal_is_damaged(
    folder: DataFolder, lake: Lake
) -> None:
    frames = trading()
    other = replace(book(), rules=Rules(final_market_seconds=7))
    grid = open_grid(folder.grid(DAY), DAY, other, capacity=10)
    grid.recover(0)
    for frame in frames:
        grid.apply(frame, decode_ticks(frame, decode_kite))
    grid.close()
    keep_damaged(folder, frames)
    assert settle_found(DAY, folder, lake)
    assert (await infy(lake)).volume.sum() == 600


async def test_a_grid_that_is_behind_the_lake_changes_nothing(
    folder: DataFolder, lake: Lake
) -> None:
    """As after a day's folder was moved away in the evening and the day begun anew."""
    settle(DAY, fold(folder.grid(DAY), trading()).file, book().table, lake)
    origin = lake.origin(DAY)
    behind = fold(folder.grid(NEXT_DAY), trading()[:9])
    assert not settle(DAY, behind.file, book().table, lake)
    assert lake.origin(DAY) == origin
    assert (await infy(lake)).volume.sum() == 600


async def test_what_a_journal_holds_beyond_the_lake_is_settled_where_the_grid_is_gone(
    folder: DataFolder, lake: Lake
) -> None:
    frames = trading()
    settle(DAY, fold(folder.grid(DAY), frames[:-2]).file, book().table, lake)
    shutil.rmtree(folder.grid(DAY))
    keep(folder, frames)
    settle_found(DAY, folder, lake)
    origin = lake.origin(DAY)
    assert origin is not None
    assert origin.journal_seq == len(frames)


# -- old journals ----------------------------------------------------------------------------------


def test_a_journal_is_removed_once_it_is_old_and_settled(folder: DataFolder, lake: Lake) -> None:
    keep(folder, trading())
    long_after = DAY + timedelta(days=31)
    assert prune(folder, lake, today=long_after, keep_days=30) == []
    settle_found(DAY, folder, lake)
    assert prune(folder, lake, today=DAY + timedelta(days=30), keep_days=30) == []
    assert folder.days("journal") == [DAY]
    assert prune(folder, lake, today=long_after, keep_days=30) == [DAY]
    assert folder.days("journal") == folder.days("grid") == []
    assert lake.verify(DAY).rows == 16


@pytest.mark.slow
def test_a_day_that_was_damaged_in_the_lake_is_settled_again_before_its_journal_goes(
    folder: DataFolder, lake: Lake
) -> None:
    keep(folder, trading())
    settle_found(DAY, folder, lake)
    (path,) = (folder.lake / "minute").iterdir()
    whole = bytearray(path.read_bytes())
    whole[60] ^= 0xFF
    path.write_bytes(whole)
    long_after = DAY + timedelta(days=99)
    assert prune(folder, lake, today=long_after, keep_days=30) == []
    assert folder.days("journal") == [DAY]
    assert path.with_suffix(".damaged").read_bytes() == whole
    assert lake.verify(DAY).rows == 16
    assert prune(folder, lake, today=long_after, keep_days=30) == [DAY]


LONG_AFTER = DAY + timedelta(days=99)


@pytest.mark.slow
async def test_a_journal_is_kept_until_the_months_day_bars_are_whole(
    folder: DataFolder, lake: Lake
) -> None:
    keep(folder, trading())
    settle_found(DAY, folder, lake)
    zero_pages(next((folder.lake / "day").iterdir()))
    assert prune(folder, lake, today=LONG_AFTER, keep_days=30) == []
    assert folder.days("journal") == [DAY]
    assert len(await lake.read(list(KEYS), DAY_BAR, 0, FOREVER)) == 4, "made again"
    assert prune(folder, lake, today=LONG_AFTER, keep_days=30) == [DAY]


def test_a_journal_is_kept_until_the_lake_has_its_last_record(
    folder: DataFolder, lake: Lake
) -> None:
    frames = trading()
    keep(folder, frames[:-1])
    settle_found(DAY, folder, lake)
    keep(folder, frames[-1:])
    assert prune(folder, lake, today=LONG_AFTER, keep_days=30) == []
    settle_found(DAY, folder, lake)
    assert prune(folder, lake, today=LONG_AFTER, keep_days=30) == [DAY]


def test_a_grid_is_kept_until_the_lake_has_its_last_record(folder: DataFolder, lake: Lake) -> None:
    frames = trading()
    settle(DAY, fold(folder.grid(DAY), frames[:-1]).file, book().table, lake)
    fold(folder.grid(DAY), frames).close()
    assert prune(folder, lake, today=LONG_AFTER, keep_days=30) == []
    settle_found(DAY, folder, lake)
    assert prune(folder, lake, today=LONG_AFTER, keep_days=30) == [DAY]


def test_a_journal_that_does_not_say_how_far_it_goes_is_kept_and_holds_nobody_up(
    folder: DataFolder, lake: Lake
) -> None:
    for day in (DAY, NEXT_DAY):
        keep(folder, trading(day), day)
        settle_found(day, folder, lake)
    (folder.journal(DAY) / "header.json").write_bytes(b"{}")
    assert prune(folder, lake, today=LONG_AFTER, keep_days=30) == [NEXT_DAY]
    assert folder.days("journal") == [DAY]


@pytest.mark.slow
@pytest.mark.parametrize("what", ["minute", "day"])
async def test_a_start_settles_again_what_is_no_longer_in_the_lake(
    folder: DataFolder, lake: Lake, what: str
) -> None:
    keep(folder, trading())
    settle_found(DAY, folder, lake)
    (path,) = (folder.lake / what).iterdir()
    path.unlink()
    found = await lake.read([INFY], MINUTE if what == "minute" else DAY_BAR, 0, FOREVER)
    assert len(found) == 0
    assert path.name in lake.damaged
    assert settle_found(DAY, folder, lake)
    assert len(await lake.read([INFY], MINUTE, 0, FOREVER)) == 5
    assert len(await lake.read([INFY], DAY_BAR, 0, FOREVER)) == 1
