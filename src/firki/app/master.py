"""The instrument master of the day: fetched once a day, kept, and the newest kept one if not."""

import logging
from datetime import date
from pathlib import Path

from firki.app.folder import DataFolder
from firki.errors import AuthExpired, Corrupt, Retryable, Unavailable
from firki.kite.instruments import parse
from firki.ports import ReferenceData

log = logging.getLogger(__name__)


async def sync(
    folder: DataFolder,
    broker: ReferenceData,
    day: date,
    *,
    force: bool = False,
    notes: list[str] | None = None,
) -> bytes:
    """The day's master as the broker sends it, from the folder when it is already there.

    When the broker cannot be reached, wants a new login first or sends half a file, the newest kept
    master is used and a sentence in ``notes`` says how old it is; with none at all the broker's
    error is raised.
    """
    path = folder.instruments / f"{day.isoformat()}.csv"
    if path.exists() and not force:
        return path.read_bytes()
    try:
        csv = await broker.instruments()
        table = parse(csv, day=day)
    except (Retryable, Corrupt, AuthExpired) as error:
        kept = newest(folder)
        if kept is None:
            raise
        log.warning("instrument master is old file=%s reason=%s", kept.name, error)
        if notes is not None:
            notes.append(f"the instruments are those of {kept.stem}: {error}")
        return kept.read_bytes()
    keep(path, csv)
    log.info("instrument master fetched date=%s instruments=%d", day, len(table))
    return csv


def keep(path: Path, csv: bytes) -> None:
    """Store a master under its date, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.write_bytes(csv)
    temporary.replace(path)


def newest(folder: DataFolder) -> Path | None:
    """The youngest master kept, None when there is none."""
    kept = sorted(folder.instruments.glob("????-??-??.csv"))
    return kept[-1] if kept else None


def load_newest(folder: DataFolder) -> tuple[date, bytes]:
    """The youngest master with its date; raises Unavailable that says how to get one."""
    path = newest(folder)
    if path is None:
        raise Unavailable(
            f"no instrument master in {folder.instruments}; run `firki up` or "
            "`firki instruments sync` first"
        )
    return date.fromisoformat(path.stem), path.read_bytes()
