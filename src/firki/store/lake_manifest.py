"""The lake's list of contents: which file holds which day. Replacing it is what makes a day so.

Files are written whole as drafts, read back, and given names never used before; then the list is
replaced in one step; then files that newer ones stand for are removed. A kill anywhere leaves the
old list with its files or the new. What could not be read is never removed.
"""

import logging
import re
from collections.abc import Collection, Iterator
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import polars as pl

from firki.errors import Corrupt, Unavailable
from firki.store import lake_file as parquet
from firki.store.lake_file import Content, Note, Origin

log = logging.getLogger(__name__)

MINUTES: Final = "minute"
DAYS: Final = "day"
"""Folders, and the intervals of what is in them."""
_NAME: Final = "manifest.json"
_FILE: Final = re.compile(r"(\d{4}-\d\d(?:-\d\d)?)\.(\d{6,})\.(parquet|draft|damaged)")


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

    def stands_for(self, found: "Found", days: Collection[str]) -> bool:
        """Whether it lists a newer file for all these days of a file."""
        kept = (self.minutes if found.folder == MINUTES else self.days).get(found.covers)
        named = _FILE.fullmatch(kept.file) if kept is not None else None
        if kept is None or named is None:
            return False
        return int(named[2]) > found.serial and kept.origins.keys() >= set(days)


class Found(NamedTuple):
    """A file in the lake's folder with a name of ours."""

    folder: str
    path: Path
    covers: str
    serial: int

    @property
    def name(self) -> str:
        """As a manifest says it."""
        return f"{self.folder}/{self.path.name}"


class _Loaded(NamedTuple):
    """The manifest in force; ``mark`` is that of the file it was read from."""

    mark: tuple[int, int, int] | None
    manifest: Manifest
    rebuilt: bool = False
    """Made anew from the files, and not on disk yet."""
    unopened: Unavailable | None = None
    """Why a file could not be looked at when it was made anew."""


class Shelf:
    """The lake's folder: each method is one step a kill may fall behind."""

    def __init__(self, folder: Path, *, level: int = 3) -> None:
        self.folder = folder
        self._level = level
        self._loaded: _Loaded | None = None

    def path(self, folder: str, name: str) -> Path:
        return self.folder / folder / name

    def write(self, path: Path, frames: Iterator[pl.DataFrame], note: Note) -> None:
        """The frames as a durable draft, which ``keep`` makes the file."""
        parquet.write(draft_of(path), frames, note, level=self._level)

    def keep(self, path: Path) -> None:
        """Give the draft of a file its name."""
        draft_of(path).replace(path)
        parquet.sync(path.parent)

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
        """Keep a damaged file that is no longer listed under a name never read or removed."""
        path.replace(path.with_suffix(".damaged"))

    def load(self) -> Manifest:
        """The manifest in force; made anew from the files when there is none or it is damaged."""
        return self._in_force().manifest

    def begin(self) -> Manifest:
        """As ``load``, for a writer: it is on disk, and its serial that of no later file.

        Raises Unavailable where it has to be made anew and a file cannot be opened just now: the
        day in it would be lost from the list.
        """
        if self._loaded is not None and self._loaded.unopened is not None:
            self._loaded = None
        loaded = self._in_force()
        if loaded.unopened is not None:
            raise loaded.unopened
        if loaded.rebuilt:
            self.commit(loaded.manifest)
        serials = [found.serial for found in self._entries("parquet", "damaged")]
        serial = max([loaded.manifest.serial, *serials])
        return msgspec.structs.replace(loaded.manifest, serial=serial)

    def _in_force(self) -> _Loaded:
        path = self.folder / _NAME
        mark, loaded = _mark(path), self._loaded
        if loaded is None or loaded.mark != mark:
            loaded = self._loaded = self._read(path, mark)
        return loaded

    def _read(self, path: Path, mark: tuple[int, int, int] | None) -> _Loaded:
        try:
            return _Loaded(mark, msgspec.json.decode(path.read_bytes(), type=Manifest))
        except FileNotFoundError:
            pass
        except msgspec.MsgspecError as error:
            log.warning("lake manifest is damaged, reading the files file=%s why=%s", path, error)
        return self._made_anew(mark)

    def files(self) -> Iterator[Found]:
        """Every file with a name of ours, in order of folder and name."""
        return self._entries("parquet")

    def drafts(self) -> Iterator[Found]:
        """What was being written when the process ended, or could not be read back."""
        return self._entries("draft")

    def _entries(self, *suffixes: str) -> Iterator[Found]:
        for folder in (MINUTES, DAYS):
            place = self.folder / folder
            for path in sorted(place.iterdir()) if place.is_dir() else ():
                named = _FILE.fullmatch(path.name)
                if named is not None and named[3] in suffixes:
                    yield Found(folder, path, named[1], int(named[2]))

    def _made_anew(self, mark: tuple[int, int, int] | None) -> _Loaded:
        """Of each day and month the newest file that can be read."""
        kept: dict[str, dict[str, Kept]] = {MINUTES: {}, DAYS: {}}
        newest = 0
        unopened: Unavailable | None = None
        for found in sorted(self.files(), key=lambda found: found.serial):
            newest = max(newest, found.serial)
            try:
                note = parquet.read_note(found.path)
                rows = parquet.count(found.path)
                held = parquet.content(found.path, rows=rows, interval=found.folder)
            except (Corrupt, Unavailable) as error:
                log.warning("%s", error)
                unopened = error if isinstance(error, Unavailable) else unopened
                continue
            kept[found.folder][found.covers] = Kept(
                file=found.path.name, order=note.order, content=held, origins=note.origins
            )
        manifest = Manifest(serial=newest, minutes=kept[MINUTES], days=kept[DAYS])
        return _Loaded(mark, manifest, rebuilt=True, unopened=unopened)


def _mark(path: Path) -> tuple[int, int, int] | None:
    """Changes whenever the file is replaced."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


def draft_of(path: Path) -> Path:
    """What a file is called while it is being written."""
    return path.with_suffix(".draft")


def file_name(covers: str, serial: int) -> str:
    return f"{covers}.{serial:06}.parquet"


def month_of(day: date) -> str:
    return day.isoformat()[:7]
