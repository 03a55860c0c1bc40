"""The data folder: can it be written, is there room for a day, who captures into it."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from firki.app.doctor.finding import Finding, failure, ok, warning
from firki.app.folder import DataFolder
from firki.app.running import holder

GB: Final = 10**9
ROOM_BYTES: Final = 10 * GB
"""A full day of 9,000 instruments is 7 GB of journal."""
NO_ROOM_BYTES: Final = GB
_OTHER_PLACE: Final = "choose another with data.folder or FIRKI_DATA__FOLDER"


def check_folder(folder: DataFolder) -> Finding:
    """Whether the folder, or what it would be made in, takes a file."""
    root = folder.root
    if not root.exists():
        above = _existing(root)
        if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
            return ok("data folder", f"{root} is made at the first start")
        return failure("data folder", f"{root} cannot be made in {above}", _OTHER_PLACE)
    try:
        with tempfile.TemporaryFile(dir=root) as file:
            file.write(b"firki")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return failure("data folder", f"{root} cannot be written: {error.strerror}", _OTHER_PLACE)
    return ok("data folder", f"{root} can be written")


def check_room(folder: DataFolder) -> Finding:
    """Whether the disk has room for a day as large as the largest one kept."""
    largest = max((_day_bytes(folder, day.isoformat()) for day in folder.days()), default=0)
    return judge_room(shutil.disk_usage(_existing(folder.root)).free, largest)


def judge_room(free: int, largest: int) -> Finding:
    """What so many free bytes mean where the largest day took ``largest``."""
    found = f"{free / GB:.1f} GB are free"
    if largest:
        found += f", the largest day kept took {largest / GB:.2f} GB"
    advice = "make room: delete old days, or move data.folder to a larger disk"
    if free < NO_ROOM_BYTES:
        return failure("disk", found, advice)
    if free < max(ROOM_BYTES, largest):
        return warning("disk", found, advice)
    return ok("disk", found)


def check_holder(folder: DataFolder) -> Finding:
    """Who captures into the folder at this moment."""
    if not folder.root.is_dir():
        return ok("capture", "nobody captures into the folder")
    try:
        who = holder(folder)
    except OSError as error:
        return warning(
            "capture", f"the lock file cannot be looked at: {error.strerror}",
            f"make {folder.root / 'capture.lock'} your own file, or remove it",
        )  # fmt: skip
    return ok("capture", f"{who} captures into the folder" if who else "nobody captures")


def _existing(path: Path) -> Path:
    """The path, or the nearest above it that exists."""
    return next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())


def _day_bytes(folder: DataFolder, day: str) -> int:
    """What a day takes on the disk: its grid file has holes, so blocks are counted."""
    places = (folder.root / "journal" / day, folder.root / "grid" / day)
    files = [path for place in places if place.is_dir() for path in place.iterdir()]
    return sum(512 * path.stat().st_blocks for path in files if path.is_file())
