"""The book of each trading day: its instruments, and what they are folded with."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import date

from firki.app.folder import DataFolder
from firki.app.market_day import Book, CalendarFiles
from firki.app.master import fetch, kept, no_master
from firki.errors import AuthExpired, Corrupt, Retryable
from firki.live.grid import Rules
from firki.ports import ReferenceData

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Books:
    """Makes books; ``note`` says it where the newest one's instruments are not of its day."""

    folder: DataFolder
    broker: ReferenceData
    files: CalendarFiles
    rules: Rules
    note: str = ""

    async def fetch(self, day: date) -> Book:
        """With the day's own master: from the folder, else from the broker, whose error it raises
        where there is none."""
        csv = kept(self.folder, day)
        book = await self._read(csv, day) if csv is not None else None
        if book is None:
            book = await self._made(await fetch(self.folder, self.broker, day), day)
        self.note = ""
        return book

    async def newest(self, day: date, why: object) -> Book:
        """With the newest master that can be read; raises Unavailable without any."""
        for of in reversed(self.folder.masters()):
            book = await self._read(self.folder.master(of).read_bytes(), day)
            if book is not None:
                self.note = f"the instruments are those of {of}: {why}"
                return book
        raise no_master(self.folder)

    async def fetch_or_newest(self, day: date) -> Book:
        """The day's own master, or the newest kept one where the broker does not give it now; with
        none at all the broker's error is raised."""
        try:
            return await self.fetch(day)
        except (Retryable, Corrupt, AuthExpired, OSError) as error:
            if not self.folder.masters():
                raise
            return await self.newest(day, error)

    async def _read(self, csv: bytes, day: date) -> Book | None:
        """None for a file that is damaged, as by a loss of power: it is as good as not there."""
        try:
            return await self._made(csv, day)
        except Corrupt as error:
            log.warning("kept instrument master is damaged date=%s reason=%s", day, error)
            return None

    async def _made(self, csv: bytes, day: date) -> Book:
        return await asyncio.to_thread(Book.of, csv, self.files, self.rules, day=day)
