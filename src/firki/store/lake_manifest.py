"""The lake's list of contents: which file holds which day. Replacing it is what makes a day so.

Files are written whole under names never used before; then the list is replaced in one step; then
files it no longer names are removed. A kill anywhere leaves the old list with its files or the new.
"""

import logging
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

import msgspec
import polars as pl

from firki.errors import Corrupt
from firki.store import lake_file as parquet
from firki.store.lake_file import Content, Note, Origin

log = logging.getLogger(__name__)

MINUTES: Final = "minute"
DAYS: Final = "day"
"""Folders, and the intervals of what is in them."""
_NAME: Final = "manifest.json"
_FILE: Final = re.compile(r"(\d{4}-\d\d(?:-\d\d)?)\.(\d{6,})\.parquet")


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the lake; ``file`` is empty for a day without a candle."""

    file: str
    order: str
    content: Content
    origins: dict[str, Origin]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Minute files by trading date, files of day bars by month; ``serial`` numbers the writes."""

    schema: int = parquet.SCHEMA
    serial: int = 0
    minutes: dict[str, Kept] = {}
    days: dict[str, Kept] = {}

    def names(self) -> set[str]:
        """Every file it speaks of, as folder/name."""
        named = {f"{MINUTES}/{kept.file}" for kept in self.minutes.values()}
        return named | {f"{DAYS}/{kept.file}" for kept in self.days.values()}


class Shelf:
    """The lake's folder: each method is one step a kill may fall behind."""

    def __init__(self, folder: Path, *, level: int = 3) -> None:
        self.folder = folder
        self._level = level
        self._rebuilt = False
        self._loaded: tuple[tuple[int, int, int] | None, Manifest] | None = None

    def path(self, folder: str, name: str) -> Path:
        return self.folder / folder / name

    def write(self, path: Path, frames: Iterator[pl.DataFrame], note: Note) -> None:
        parquet.write(path, frames, note, level=self._level)

    def commit(self, manifest: Manifest) -> None:
        """Make the manifest the one in force, durably and in one step."""
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f"{_NAME}.draft"
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
        parquet.sync(draft)
        draft.replace(self.folder / _NAME)
        parquet.sync(self.folder)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def set_aside(self, path: Path) -> None:
        """Keep a damaged file's bytes under a name that is never read or removed."""
        if path.exists():
            path.with_suffix(".damaged").hardlink_to(path)

    @property
    def has_manifest(self) -> bool:
        """Whether the manifest in force is on disk, whole."""
        return _mark(self.folder / _NAME) is not None and not self._rebuilt

    def load(self) -> Manifest:
        """The manifest in force; made anew from the files when there is none or it is damaged."""
        path = self.folder / _NAME
        mark = _mark(path)
        if self._loaded is None or self._loaded[0] != mark:
            self._loaded = mark, self._read(path)
        return self._loaded[1]

    def _read(self, path: Path) -> Manifest:
        self._rebuilt = False
        try:
            return msgspec.json.decode(path.read_bytes(), type=Manifest)
        except FileNotFoundError:
            pass
        except msgspec.MsgspecError as error:
            log.warning("lake manifest is damaged, reading the files file=%s why=%s", path, error)
        self._rebuilt = True
        return self._found()

    def files(self) -> Iterator[tuple[str, Path, str, int]]:
        """(folder, path, what it covers, serial) of every file with a name of ours."""
        for folder in (MINUTES, DAYS):
            for path in sorted((self.folder / folder).glob("*.parquet")):
                if named := _FILE.fullmatch(path.name):
                    yield folder, path, named[1], int(named[2])

    def _found(self) -> Manifest:
        """Of each day and month the newest file that can be read."""
        kept: dict[str, dict[str, Kept]] = {MINUTES: {}, DAYS: {}}
        newest = 0
        for folder, path, covers, serial in sorted(self.files(), key=lambda found: found[3]):
            newest = max(newest, serial)
            try:
                note = parquet.read_note(path)
                rows = parquet.count(path)
                held = parquet.content(path, rows=rows, interval=folder)
            except Corrupt as error:
                log.warning("%s", error)
                continue
            kept[folder][covers] = Kept(
                file=path.name, order=note.order, content=held, origins=note.origins
            )
        return Manifest(serial=newest, minutes=kept[MINUTES], days=kept[DAYS])


def _mark(path: Path) -> tuple[int, int, int] | None:
    """Changes whenever the file is replaced."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


def file_name(covers: str, serial: int) -> str:
    return f"{covers}.{serial:06}.parquet"


def month_of(day: date) -> str:
    return day.isoformat()[:7]
