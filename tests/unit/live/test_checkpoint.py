"""A grid's way back after a stop: which checkpoint counts, and what the file may be worth."""

from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from tests.fakes.grid_day import CAS_DAY, GridDay, PlainBar, sessions
from tests.fakes.plain_day import CLASSES, SHARE, clock, connected, frame, full, slot, wanted
from tests.reference_candles import Record

from firki.live import file as grid_file
from firki.live import layout as at
from firki.live.checkpoint import Checkpoints
from firki.model.calendar import ist_midnight

RECORDS: Final = (
    wanted("09:14", {SHARE: 3}),
    connected("09:14"),
    frame("09:14:01", full("09:00:00", 100, 50)),
    frame("09:15:10", full("09:15:09", 101, 60)),
    clock("09:16:05"),
    frame("09:16:10", full("09:16:09", 102, 70)),
    frame("09:16:11", full("09:15:50", 90, 65)),
    clock("09:17:05"),
    frame("09:17:10", full("09:17:09", 103, 80)),
)
"""Checkpoints after the 5th and the 8th record, and an amendment between them."""


def plan() -> at.Header:
    chosen = {name: sessions(CAS_DAY)[name] for name in set(CLASSES.values())}
    return grid_file.plan(
        CAS_DAY, ist_midnight(CAS_DAY), chosen, {}, instruments="i", calendar="c", settings="s"
    )


def opened(folder: Path) -> grid_file.GridFile:
    file = grid_file.open_file(folder, write=True)
    assert file is not None
    return file


def run(folder: Path, *records: Record) -> GridDay:
    grid = GridDay(CAS_DAY, CLASSES, file=grid_file.create(folder, plan()))
    assert grid.grid.recover(0) == 0
    return grid.run(records)


def again(folder: Path, journal_end: int) -> tuple[GridDay, int]:
    """A new run on what the old one left; how far it had to go back."""
    grid = GridDay(CAS_DAY, CLASSES, file=opened(folder))
    begun = grid.grid.recover(journal_end)
    grid.run(RECORDS[begun:journal_end])
    return grid, begun


def bars(grid: GridDay) -> dict[int, PlainBar]:
    return grid.bars().get(SHARE, {})


def in_one_go(count: int) -> dict[int, PlainBar]:
    return bars(GridDay(CAS_DAY, CLASSES).run(RECORDS[:count]))


@pytest.mark.parametrize(
    ("journal_end", "begun"), [(9, 8), (8, 8), (7, 5), (6, 5), (5, 5), (4, 0), (0, 0)]
)
def test_the_newest_checkpoint_not_beyond_the_journal_counts(
    tmp_path: Path, journal_end: int, begun: int
) -> None:
    run(tmp_path, *RECORDS)
    grid, went_back_to = again(tmp_path, journal_end)
    assert went_back_to == begun
    assert bars(grid) == in_one_go(journal_end)
    assert (
        bars(grid).get(slot("09:15"), PlainBar(0, 0, 0, 0, 0, 0, 0, 0, 0, ())).low
        == ({9: 90, 8: 90, 7: 90, 6: 101, 5: 101, 4: 101, 0: 0}[journal_end])
    )


@pytest.mark.parametrize("journal_end", range(len(RECORDS) + 1))
def test_the_days_counters_come_back_as_they_were(tmp_path: Path, journal_end: int) -> None:
    run(tmp_path, *RECORDS)
    grid, _ = again(tmp_path, journal_end)
    same = GridDay(CAS_DAY, CLASSES).run(RECORDS[:journal_end])
    assert grid.grid.totals() == same.grid.totals()
    assert grid.grid.newest_tick_ts == same.grid.newest_tick_ts


@pytest.mark.parametrize(("journal_end", "number"), [(9, 8), (7, 5), (4, None)])
def test_how_far_a_start_would_go_back_can_be_asked_without_going(
    tmp_path: Path, journal_end: int, number: int | None
) -> None:
    run(tmp_path, *RECORDS)
    before = (tmp_path / grid_file.FILE_NAME).read_bytes()
    found = Checkpoints(opened(tmp_path)).usable(journal_end)
    assert found == number
    assert (tmp_path / grid_file.FILE_NAME).read_bytes() == before


def test_after_another_start_of_the_machine_there_is_nothing_to_go_back_to(tmp_path: Path) -> None:
    grid = run(tmp_path, *RECORDS)
    for checkpoint in grid.file.layout.checkpoints:
        grid.file.region(checkpoint.meta)["boot"] = b"another start"
    assert Checkpoints(opened(tmp_path)).usable(9) is None


def test_a_checkpoint_beyond_the_journal_does_not_come_back_when_the_journal_has_grown(
    tmp_path: Path,
) -> None:
    """Its number is by then that of another record."""
    run(tmp_path, *RECORDS)
    grid, _ = again(tmp_path, 6)
    other = [frame("09:16:12", full("09:16:11", 500 + n, 71 + n)) for n in range(4)]
    grid.run(other)
    third = GridDay(CAS_DAY, CLASSES, file=opened(tmp_path))
    begun = third.grid.recover(9)
    assert begun == 5
    third.run([*RECORDS[begun:6], *other[:3]])
    assert bars(third)[slot("09:16")].high == 502


def test_a_checkpoint_half_written_is_none(tmp_path: Path) -> None:
    grid = run(tmp_path, *RECORDS)
    newest = max(grid.file.layout.checkpoints, key=lambda c: seq_of(grid.file, c))
    grid.file.region(newest.meta)["complete"] = 0
    found, begun = again(tmp_path, 9)
    assert begun == 5
    assert bars(found) == in_one_go(9)


def seq_of(file: grid_file.GridFile, checkpoint: at.CheckpointLayout) -> int:
    return int(file.region(checkpoint.meta)["seq"][0])


def test_after_another_start_of_the_machine_the_whole_journal_is_folded(tmp_path: Path) -> None:
    """Memory-mapped pages outlive a kill, but not a loss of power."""
    grid = run(tmp_path, *RECORDS)
    for checkpoint in grid.file.layout.checkpoints:
        grid.file.region(checkpoint.meta)["boot"] = b"another start"
    found, begun = again(tmp_path, 9)
    assert begun == 0
    assert bars(found) == in_one_go(9)
    assert found.contents() == GridDay(CAS_DAY, CLASSES).run(RECORDS).contents()


def test_closing_keeps_the_open_candle_provisional(tmp_path: Path) -> None:
    grid = run(tmp_path, *RECORDS)
    grid.grid.close()
    found, begun = again(tmp_path, 9)
    assert begun == 9
    flags = found.file.cells["flags"][found.file.cells["tick_count"] > 0]
    assert [bool(f & 1) for f in flags] == [True, True, False]


def test_rows_a_kill_left_half_written_are_whole_again(tmp_path: Path) -> None:
    grid = run(tmp_path, *RECORDS)
    grid.file.row_sequence[3] |= 1
    found, _ = again(tmp_path, 9)
    assert not (found.file.row_sequence & 1).any()


def test_a_reader_learns_of_instruments_and_time(tmp_path: Path) -> None:
    grid = run(tmp_path, *RECORDS)
    reader = grid_file.open_file(tmp_path, write=False)
    assert reader is not None
    assert int(reader.live["columns"][0]) == 1
    assert int(reader.live["market_ts"][0]) == grid.grid.market_second * 10**9
    assert not reader.cells.flags.writeable


@pytest.mark.parametrize("harm", ["nothing there", "no magic", "bad header", "other schema", "cut"])
def test_a_file_that_is_no_grid_of_ours_is_not_opened(tmp_path: Path, harm: str) -> None:
    path = tmp_path / grid_file.FILE_NAME
    if harm != "nothing there":
        run(tmp_path, *RECORDS)
        raw = bytearray(path.read_bytes())
        if harm == "no magic":
            raw[:8] = bytes(8)
        elif harm == "bad header":
            raw[16:20] = b"!!!!"
        elif harm == "other schema":
            place = raw.index(b'"schema":')
            raw[place + 9 : place + 10] = b"9"
        else:
            del raw[-4096:]
        path.write_bytes(raw)
    assert grid_file.open_file(tmp_path, write=True) is None


def test_a_file_begun_but_never_finished_is_not_taken_for_a_grid(tmp_path: Path) -> None:
    made = grid_file.create(tmp_path, plan())
    made.path.rename(made.path.with_suffix(".new"))
    assert grid_file.open_file(tmp_path, write=True) is None


def test_the_regions_of_a_file_never_overlap() -> None:
    layout = at.file_layout(plan())
    regions = [layout.head, layout.live, layout.state, layout.row_sequence, layout.cells]
    for checkpoint in layout.checkpoints:
        regions += [getattr(checkpoint, name) for name in at.CheckpointLayout.__slots__]
    regions.sort(key=lambda region: region.offset)
    for one, next_one in pairwise(regions):
        assert one.end <= next_one.offset
    assert all(region.offset % at.PAGE == 0 for region in regions)
    assert regions[-1].end == layout.size


def test_a_cell_is_32_bytes_and_the_kernels_words_are_its_fields() -> None:
    assert at.CELL.itemsize == 32 == 4 * at.CELL_WORDS == 2 * at.CELL_HALVES
    cell = np.zeros(1, at.CELL)
    words, halves = cell.view("<u4"), cell.view("<u2")
    words[[at.OPEN, at.HIGH, at.LOW, at.CLOSE, at.VOLUME, at.OI]] = range(1, 7)
    halves[[at.LAST_SECOND, at.TICK_COUNT, at.FLAGS, at.REVISION]] = range(7, 11)
    assert cell[0].tolist() == tuple(range(1, 11))


def test_a_session_of_nine_thousand_instruments_stays_under_130_megabytes() -> None:
    capacities = {"cash": 6_000, "derivative": 3_000}
    chosen = {name: sessions(CAS_DAY)[name] for name in capacities}
    header = grid_file.plan(
        CAS_DAY, ist_midnight(CAS_DAY), chosen, capacities, instruments="", calendar="", settings=""
    )
    layout = at.file_layout(header)
    cells = layout.cells.end - layout.cells.offset
    assert cells + sum(end - begin for begin, end in layout.needed) < 130_000_000


def test_after_a_loss_of_power_no_row_is_left_in_mid_write(tmp_path: Path) -> None:
    grid = run(tmp_path, *RECORDS)
    grid.file.row_sequence[3] += 1
    grid.grid.recover(0)  # no checkpoint is of a journal that holds nothing
    assert not (grid.file.row_sequence & 1).any()


def test_more_open_minutes_than_usual_are_kept_too(tmp_path: Path) -> None:
    """A clock 40 minutes behind: trades are made in minutes it has not come to yet."""
    records = [
        wanted("09:14", dict.fromkeys(CLASSES, 3)), connected("09:14"),
        frame("09:14:01", full("09:00:00", 100, 50)),
    ]  # fmt: skip
    records += [
        frame("09:16:01", full(f"09:{minute}:09", 101, 60 + minute)) for minute in range(16, 56)
    ]
    grid = run(tmp_path, *records)
    assert len(grid.grid._open_rows()) > at.READY_ROWS
    assert grid.grid.checkpoint()
    later = GridDay(CAS_DAY, CLASSES, file=opened(tmp_path))
    assert later.grid.recover(len(records)) == len(records)
    assert later.bars() == grid.bars()
