"""What is kept of a trading day, thrown away: its journal and its grid."""

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from firki.app.folder import DataFolder
from firki.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Kept:
    """Folders of a day, and the bytes they take on the disk."""

    day: date
    folders: tuple[Path, ...]
    bytes: int


def kept_of(folder: DataFolder, day: date) -> Kept:
    """What a forgetting of the day would remove; raises ConfigError when there is nothing."""
    folders = tuple(path for path in (folder.journal(day), folder.grid(day)) if path.is_dir())
    if not folders:
        raise ConfigError(f"nothing is kept of {day} in {folder.root}")
    files = [file.stat() for path in folders for file in path.rglob("*") if file.is_file()]
    return Kept(day, folders, sum(found.st_blocks * 512 for found in files))


def forget(folder: DataFolder, day: date) -> Kept:
    """Remove journal and grid of a day, the grid first; the lake keeps what was settled.

    Raises Busy while somebody captures into the folder.
    """
    with folder.capturing():
        kept = kept_of(folder, day)
        for path in reversed(kept.folders):
            shutil.rmtree(path)
    return kept
