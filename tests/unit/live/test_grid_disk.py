"""A grid on a disk that has no room: an error in words, never a fault of the process."""

import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from tests.calendar_data import packaged

from firki.live import file as grid_file
from firki.live.layout import S_TOKEN, Header, file_layout, header_size
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
    head = header_size(plan()) + layout.cells.offset - layout.live.offset
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
    assert before < made.layout.cells.offset + 1_000_000
    made.reserve(0, 128)
    assert blocks(made.path) - before == 4096


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
