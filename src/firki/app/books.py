"""The book of each trading day: its instruments, and what they are folded with."""

import asyncio
from dataclasses import dataclass
from datetime import date

from firki.app.folder import DataFolder
from firki.app.market_day import Book, CalendarFiles
from firki.app.master import fetch, kept, load_newest
from firki.errors import AuthExpired, Corrupt, Retryable
from firki.live.grid import Rules
from firki.ports import ReferenceData


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
        csv = kept(self.folder, day) or await fetch(self.folder, self.broker, day)
        book = await self._made(csv, day)
        self.note = ""
        return book

    async def newest(self, day: date, why: object) -> Book:
        """With the newest master there is; raises Unavailable without any."""
        of, csv = load_newest(self.folder)
        book = await self._made(csv, day)
        self.note = f"the instruments are those of {of}: {why}"
        return book

    async def fetch_or_newest(self, day: date) -> Book:
        """The day's own master, or the newest kept one where the broker does not give it now; with
        none at all the broker's error is raised."""
        try:
            return await self.fetch(day)
        except (Retryable, Corrupt, AuthExpired) as error:
            if not self.folder.masters():
                raise
            return await self.newest(day, error)

    async def _made(self, csv: bytes, day: date) -> Book:
        return await asyncio.to_thread(Book.of, csv, self.files, self.rules, day=day)
