"""Putting a day into the lake: written in time order, read back, listed, compacted."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import msgspec
import polars as pl

from firki.errors import Corrupt, FirkiError, Unavailable
from firki.model.candle import CandleColumns
from firki.model.ist import ist_midnight
from firki.store import lake_file as parquet
from firki.store.lake_file import Content, Note, Origin
from firki.store.lake_manifest import (
    DAYS,
    MINUTES,
    Found,
    Kept,
    Manifest,
    Shelf,
    draft_of,
    file_name,
    month_of,
)

log = logging.getLogger(__name__)

TIME: Final = "time"
INSTRUMENT: Final = "instrument"
"""Orders the rows of a file can lie in."""

Minutes = Callable[[], Iterator[CandleColumns]]
"""A day's minutes in time order, a part at a time; called once for each pass."""


class LakeWriter:
    """The only writer of a lake's folder."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._damaged: set[Path] = set()
        """Files found so, which are set aside once they are no longer listed."""
        self._left: set[Path] = set()

    def put(
        self,
        day: date,
        minutes: Minutes,
        days: CandleColumns,
        keys: Mapping[int, str],
        origin: Origin,
    ) -> bool:
        """Keep a day in place of what was kept of it; False when its candles are as before."""
        with self._writing() as manifest:
            name, month = day.isoformat(), month_of(day)
            old, old_month = manifest.minutes.get(name), manifest.days.get(month)
            kept = self._put_minutes(manifest, name, minutes, keys, origin)
            bars = parquet.to_frame(parquet.settled(days), keys)
            kept_month = self._put_month(manifest, day, bars, origin)
            changed = kept is not old or kept_month is not old_month
            if changed or kept.origins[name] != origin:
                origins = {**kept_month.origins, name: origin}
                self._commit(
                    manifest,
                    minutes={name: msgspec.structs.replace(kept, origins={name: origin})},
                    days={month: msgspec.structs.replace(kept_month, origins=origins)},
                )
            self.compact(day)
            return changed

    def compact(self, day: date) -> None:
        """Rewrite a day that lies in time order in instrument order; nothing if it does not."""
        with self._writing() as manifest:
            name = day.isoformat()
            kept = manifest.minutes[name]
            if kept.order == INSTRUMENT or not kept.file:
                return
            source = self._shelf.path(MINUTES, kept.file)
            path = self._shelf.path(MINUTES, file_name(name, manifest.serial + 1))
            note = Note(covers=name, interval=MINUTES, order=INSTRUMENT, origins=kept.origins)
            self._shelf.write(path, parquet.by_instrument(source, rows=kept.content.rows), note)
            check(draft_of(path), kept.content, MINUTES)
            compacted = msgspec.structs.replace(kept, file=path.name, order=INSTRUMENT)
            self._commit(manifest, minutes={name: compacted}, days={})

    def compact_all(self) -> list[date]:
        """Compact every day that a kill left in time order; answers those that could be.

        A damaged one stays as it is. Raises Unavailable once all were tried if the disk failed one.
        """
        done: list[date] = []
        passing: Unavailable | None = None
        for name, kept in self._shelf.load().minutes.items():
            if kept.order != TIME or not kept.file:
                continue
            try:
                check(self._shelf.path(MINUTES, kept.file), kept.content, MINUTES)
                self.compact(date.fromisoformat(name))
                done.append(date.fromisoformat(name))
            except Corrupt as error:
                log.warning("day stays in time order date=%s why=%s", name, error)
            except Unavailable as error:
                passing = error
        if passing is not None:
            raise passing
        return done

    # -- inside --------------------------------------------------------------------------------

    def _put_minutes(
        self,
        manifest: Manifest,
        name: str,
        minutes: Minutes,
        keys: Mapping[int, str],
        origin: Origin,
    ) -> Kept:
        """The day's minutes as they are kept, or newly written."""
        expected = _content(minutes())
        old = manifest.minutes.get(name)
        if old is not None and self._is_sound(old, MINUTES) and old.content == expected:
            return old
        if not expected.rows:
            return Kept(file="", order=INSTRUMENT, content=expected, origins={name: origin})
        path = self._shelf.path(MINUTES, file_name(name, manifest.serial + 1))
        note = Note(covers=name, interval=MINUTES, order=TIME, origins={name: origin})
        written = Content()

        def frames() -> Iterator[pl.DataFrame]:
            # Counted as written: an amendment may come between this pass and the one before.
            nonlocal written
            for part in minutes():
                written = written.plus(parquet.settled(part))
                yield parquet.to_frame(parquet.settled(part), keys)

        self._shelf.write(path, frames(), note)
        check(draft_of(path), written, MINUTES)
        return Kept(file=path.name, order=TIME, content=written, origins=note.origins)

    def _put_month(self, manifest: Manifest, day: date, bars: pl.DataFrame, origin: Origin) -> Kept:
        """The month's day bars as they are kept, or newly written with this day's."""
        month, name = month_of(day), day.isoformat()
        old, held = self._month(manifest.days.get(month))
        of_day = pl.col("start_ts") == ist_midnight(day)
        bars = bars.sort(parquet.ORDER)
        if old is not None and name in old.origins and held.filter(of_day).equals(bars):
            return old
        whole = pl.concat([held.filter(~of_day), bars]).sort(parquet.ORDER)
        origins = {**(old.origins if old else {}), name: origin}
        content = Content().plus(parquet.to_candles(whole, as_of_ts=0, interval=DAYS))
        if not len(whole):
            return Kept(file="", order=INSTRUMENT, content=content, origins=origins)
        path = self._shelf.path(DAYS, file_name(month, manifest.serial + 1))
        note = Note(covers=month, interval=DAYS, order=INSTRUMENT, origins=origins)
        self._shelf.write(path, iter([whole]), note)
        check(draft_of(path), content, DAYS)
        return Kept(file=path.name, order=INSTRUMENT, content=content, origins=origins)

    def _month(self, old: Kept | None) -> tuple[Kept | None, pl.DataFrame]:
        """A month's day bars; none of a damaged file."""
        if old is None or not self._is_sound(old, DAYS):
            return None, pl.DataFrame(schema=parquet.COLUMNS)
        if not old.file:
            return old, pl.DataFrame(schema=parquet.COLUMNS)
        return old, parquet.scan([self._shelf.path(DAYS, old.file)], pl.lit(value=True))

    def _is_sound(self, kept: Kept, folder: str) -> bool:
        """Whether a file still holds what it held; a damaged one will be set aside."""
        if not kept.file:
            return True
        path = self._shelf.path(folder, kept.file)
        try:
            check(path, kept.content, folder)
        except Corrupt as error:
            log.warning("%s", error)
            self._damaged.add(path)
            return False
        self._damaged.discard(path)  # a copy was put back
        return True

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Manifest]:
        """The manifest in force, on disk, with what an earlier write left cleared away. A write
        that fails leaves no draft: on a full disk it would take the last of the room."""
        with _told(self._shelf.folder):
            manifest = self._shelf.begin()
            self._remove_drafts()
            self._sweep(manifest)
            try:
                yield manifest
            except (FirkiError, OSError, pl.exceptions.PolarsError):
                self._remove_drafts()
                raise

    def _remove_drafts(self) -> None:
        for draft in self._shelf.drafts():
            self._shelf.remove(draft.path)

    def _commit(
        self, manifest: Manifest, *, minutes: Mapping[str, Kept], days: Mapping[str, Kept]
    ) -> None:
        """Give the drafts their names, list them, and clear away what they replace."""
        new = Manifest(
            serial=manifest.serial + 1,
            minutes={**manifest.minutes, **minutes},
            days={**manifest.days, **days},
        )
        paths = [self._shelf.path(MINUTES, kept.file) for kept in minutes.values()]
        paths += [self._shelf.path(DAYS, kept.file) for kept in days.values()]
        drawn = [path for path in paths if draft_of(path).exists()]
        try:
            for path in drawn:
                self._shelf.keep(path)
            self._shelf.commit(new)
        except OSError:
            self._take_back(drawn)
            raise
        self._sweep(new)

    def _take_back(self, paths: Sequence[Path]) -> None:
        """Remove what could not be listed: nobody knows it, and it is written anew."""
        listed = self._shelf.load().names()
        for path in paths:
            if f"{path.parent.name}/{path.name}" not in listed:
                self._shelf.remove(path)

    def _sweep(self, manifest: Manifest) -> None:
        named = manifest.names()
        for found in self._shelf.files():
            if found.name not in named:
                self._clear(found, manifest)

    def _clear(self, found: Found, manifest: Manifest) -> None:
        """Remove a file that a newer one stands for. What cannot be read is set aside, and what
        nothing stands for is left: it may be all there is of a day."""
        if found.path in self._damaged:
            self._shelf.set_aside(found.path)
            return
        try:
            days = parquet.read_note(found.path).origins
        except Corrupt as error:
            log.warning("%s", error)
            self._shelf.set_aside(found.path)
        except Unavailable as error:
            self._tell_left(found.path, str(error))
        else:
            if manifest.stands_for(found, days):
                self._shelf.remove(found.path)
            else:
                self._tell_left(found.path, "not listed, and nothing newer stands for it")

    def _tell_left(self, path: Path, why: str) -> None:
        if path not in self._left:
            self._left.add(path)
            log.warning("lake file is left where it is file=%s why=%s", path, why)


def check(path: Path, expected: Content, interval: str) -> None:
    """Read a file back; raises Corrupt when it does not hold what it should."""
    found = parquet.content(path, rows=expected.rows, interval=interval)
    if found != expected:
        raise Corrupt(
            f"lake file {path}: expected {expected.rows} candles with checksum {expected.checksum},"
            f" found {found.rows} with {found.checksum}; settle the day again from its journal"
        )


def _content(parts: Iterator[CandleColumns]) -> Content:
    whole = Content()
    for part in parts:
        whole = whole.plus(parquet.settled(part))
    return whole


@contextlib.contextmanager
def _told(folder: Path) -> Iterator[None]:
    """A disk that fails or is full, as an error that says the day can be settled later; a panic of
    polars, which is no ``Exception``, as the damage it stands for."""
    try:
        yield
    except pl.exceptions.PanicException as error:
        raise Corrupt(
            f"lake {folder}: polars broke off ({error}); the day stays in its journal"
        ) from error
    except (OSError, pl.exceptions.PolarsError) as error:
        raise Unavailable(
            f"lake {folder}: cannot be written ({error}); the day stays in its journal and is "
            "settled once there is room"
        ) from error
