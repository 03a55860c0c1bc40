"""A grid on a disk that has no room: an error in words, never a fault of the process."""

import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from tests.calendar_data import packaged
from tests.fakes.grid_day import CAS_DAY, GridDay, sessions
from tests.fakes.plain_day import (
    CLASSES,
    FUTURE,
    SHARE,
    bar,
    clock,
    connected,
    frame,
    full,
    wanted,
)

from firki.live import file as grid_file
from firki.live.layout import HEADER_BYTES, S_TOKEN, Header, file_layout, header_size, read_header
from firki.model.ist import ist_midnight
from firki.model.session import SessionClass


def plan() -> Header:
    day = date(2026, 11, 20)
    session = packaged().session(SessionClass.CASH, day)
    assert session is not None
    return grid_file.plan(
        day, ist_midnight(day), {"cash": session}, {"cash": 100},
        instruments="", calendar="", settings="",
    )  # fmt: skip


def blocks(path: Path) -> int:
    return path.stat().st_blocks * 512


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with room for little more than the grid's head."""
    folder = tmp_path / "disk"
    folder.mkdir()
    layout = file_layout(plan())
    head = header_size(plan()) + sum(end - begin for begin, end in layout.needed)
    size = head + 64 * 1024
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_said_before_a_cell_is_written(small_disk: Path) -> None:
    made = grid_file.create(small_disk, plan())
    made.reserve(0, 128)
    with pytest.raises(grid_file.GridDiskError, match="no room for 409600 more bytes"):
        made.reserve(128, 12_800)


def test_a_disk_with_no_room_for_the_head_is_said_at_once(small_disk: Path) -> None:
    (small_disk / "other").write_bytes(bytes(1 << 20))
    with pytest.raises(grid_file.GridDiskError, match="free some"):
        grid_file.create(small_disk, plan())


def test_rows_take_room_on_the_disk_only_when_their_minute_is_near(tmp_path: Path) -> None:
    made = grid_file.create(tmp_path, plan())
    before = blocks(made.path)
    assert before < sum(end - begin for begin, end in made.layout.needed) + 1_000_000
    made.reserve(0, 128)
    grown = blocks(made.path) - before
    assert grown in {4096, 8192}, "a page of cells, and one for the list of pieces"


def test_emptying_forgets_used_columns_and_leaves_the_rest_a_hole(tmp_path: Path) -> None:
    made = grid_file.create(tmp_path, plan())
    made.state[:2, S_TOKEN] = 257, 513
    made.live["columns"] = 2
    made.cells["open"][:2] = 5
    before = blocks(made.path)
    made.empty()
    assert not made.cells["open"][:2].any()
    assert not np.any(made.state)
    assert made.live["columns"][0] == 0
    assert blocks(made.path) - before < 2_000_000


class Watched(grid_file.GridFile):
    """A grid file that remembers which cells it set pages aside for."""

    def __init__(self, folder: Path) -> None:
        path = folder / grid_file.FILE_NAME
        header = read_header(path.read_bytes()[:HEADER_BYTES])
        assert header is not None
        super().__init__(path, header, np.memmap(path, np.uint8, mode="r+"))
        self.ready: set[int] = set()

    def reserve(self, first_cell: int, count: int) -> None:
        self.ready |= set(range(first_cell, first_cell + count))
        super().reserve(first_cell, count)

    def missing(self) -> set[int]:
        """Cells that were written without a page set aside for them."""
        words = self.cells.view("<u8").reshape(-1, 4)
        return set(np.flatnonzero(words.any(axis=1)).tolist()) - self.ready


def made_for(folder: Path) -> grid_file.GridFile:
    chosen = {name: sessions(CAS_DAY)[name] for name in set(CLASSES.values())}
    header = grid_file.plan(
        CAS_DAY, ist_midnight(CAS_DAY), chosen, {}, instruments="", calendar="", settings=""
    )
    return grid_file.create(folder, header)


def test_a_restart_with_more_instruments_sets_pages_aside_for_what_they_missed(
    tmp_path: Path,
) -> None:
    first = GridDay(CAS_DAY, CLASSES, file=made_for(tmp_path))
    first.run([wanted("09:14", {SHARE: 3}), clock("12:00:10")])
    first.grid.close()
    watched = Watched(tmp_path)
    later = GridDay(CAS_DAY, CLASSES, file=watched)
    later.grid.recover(first.grid.seq)
    later.run([
        connected("12:00:20"), wanted("12:00:20", {SHARE: 3, FUTURE: 3}),
        frame("12:00:22", full("12:00:21", 100, 5, token=FUTURE)),
    ])  # fmt: skip
    assert len(later.gaps(FUTURE)) > 100
    assert watched.missing() == set()


def test_a_clock_that_is_behind_writes_to_no_page_that_is_not_set_aside(tmp_path: Path) -> None:
    made_for(tmp_path)
    watched = Watched(tmp_path)
    grid = GridDay(CAS_DAY, CLASSES, file=watched)
    grid.run([
        wanted("10:00", {SHARE: 3}), connected("10:00"),
        frame("10:00:01", full("09:59:00", 100, 5)), frame("10:00:11", full("10:59:59", 101, 9)),
    ])  # fmt: skip
    assert bar(grid, "10:59") is not None
    assert watched.missing() == set()
