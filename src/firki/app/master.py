"""The instrument master of a trading day: fetched once, and kept."""

import logging
import os
from datetime import date
from pathlib import Path

from firki.app.folder import DataFolder
from firki.errors import Unavailable
from firki.kite.instruments import parse
from firki.ports import ReferenceData

log = logging.getLogger(__name__)


def kept(folder: DataFolder, day: date) -> bytes | None:
    """The day's master when it was fetched before."""
    path = folder.master(day)
    return path.read_bytes() if path.exists() else None


async def fetch(folder: DataFolder, broker: ReferenceData, day: date) -> bytes:
    """The master as the broker sends it now, kept as that of the day.

    Raises what the broker answers instead, and Corrupt for half a file; nothing that is kept is
    replaced before the new one was read whole.
    """
    csv = await broker.instruments()
    table = parse(csv, day=day)
    keep(folder.master(day), csv)
    log.info("instrument master fetched date=%s instruments=%d", day, len(table))
    return csv


def keep(path: Path, csv: bytes) -> None:
    """Store a master under its date, whole or not at all, even if the power fails then."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    with temporary.open("wb") as file:
        file.write(csv)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load_newest(folder: DataFolder) -> tuple[date, bytes]:
    """The youngest master with its date; raises Unavailable that says how to get one."""
    masters = folder.masters()
    if not masters:
        raise no_master(folder)
    day = masters[-1]
    return day, folder.master(day).read_bytes()


def no_master(folder: DataFolder) -> Unavailable:
    """What to do where no master is kept."""
    return Unavailable(
        f"no instrument master in {folder.instruments} that can be read; run `firki up` or "
        "`firki instruments sync` first"
    )
