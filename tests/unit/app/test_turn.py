"""Books of the days, and the turn from one day to the next."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest
from tests.fakes.small_day import DAY, NEXT_DAY, book

from firki.app.books import Books
from firki.app.folder import DataFolder
from firki.app.market_day import Book
from firki.app.turn import Turn
from firki.errors import AuthExpired, Corrupt, Rejected, Unavailable
from firki.model.candle import CandleColumns, Interval

CSV = book().csv
NEXT_CSV = CSV.replace(b"NIFTY26NOVFUT", b"NIFTY26DECFUT")


class Broker:
    """Reference data from memory; the last answer holds for good."""

    def __init__(self, *answers: bytes | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def instruments(self) -> bytes:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def history(
        self, instrument_token: int, interval: Interval, from_ts: int, to_ts: int
    ) -> CandleColumns:
        raise Unavailable("not asked here")


def books(folder: Path, *answers: bytes | Exception) -> Books:
    small = book()
    return Books(DataFolder(folder), Broker(*answers), small.calendar_files, small.rules)


async def test_the_master_is_fetched_once_a_day(tmp_path: Path) -> None:
    found = books(tmp_path, CSV)
    assert (await found.fetch(DAY)).csv == CSV
    again = books(tmp_path, Unavailable("down"))
    assert (await again.fetch(DAY)).csv == CSV


async def test_half_a_master_is_not_taken_and_the_newest_kept_one_is(tmp_path: Path) -> None:
    half = CSV[:-20]
    with pytest.raises(Corrupt):
        await books(tmp_path, half).fetch_or_newest(DAY)
    await books(tmp_path, CSV).fetch(DAY)
    for fault in (half, Unavailable("down"), AuthExpired("log in")):
        found = books(tmp_path, fault)
        assert (await found.fetch_or_newest(NEXT_DAY)).csv == CSV
        assert found.note.startswith("the instruments are those of 2026-11-18: ")
    assert DataFolder(tmp_path).masters() == [DAY]


async def test_the_note_of_old_instruments_ends_with_new_ones(tmp_path: Path) -> None:
    await books(tmp_path, CSV).fetch(DAY)
    found = books(tmp_path, Unavailable("down"), NEXT_CSV)
    await found.fetch_or_newest(NEXT_DAY)
    assert found.note
    assert (await found.fetch(NEXT_DAY)).csv == NEXT_CSV
    assert found.note == ""


@pytest.mark.parametrize("torn", [CSV[:-20], b"", bytes(400)])
async def test_a_kept_master_that_is_damaged_is_as_good_as_none(
    tmp_path: Path, torn: bytes
) -> None:
    folder = DataFolder(tmp_path)
    await books(tmp_path, CSV).fetch(DAY)
    folder.master(NEXT_DAY).write_bytes(torn)
    assert (await books(tmp_path, NEXT_CSV).fetch(NEXT_DAY)).csv == NEXT_CSV
    folder.master(NEXT_DAY).write_bytes(torn)
    found = books(tmp_path, Unavailable("down"))
    assert (await found.fetch_or_newest(NEXT_DAY)).csv == CSV
    assert found.note.startswith("the instruments are those of 2026-11-18")
    folder.master(DAY).write_bytes(torn)
    with pytest.raises(Unavailable, match=r"no instrument master in .* that can be read"):
        await found.fetch_or_newest(NEXT_DAY)


@dataclass
class Morning:
    """A turn with everything around it in memory; each wait is a step of its clock."""

    books: Books
    day: date = NEXT_DAY
    held_now: tuple[int, float] = (0, 0.0)
    waits: int = 0
    most_waits: int = 100
    begun: list[tuple[date, Book]] = field(default_factory=list)

    def held(self) -> tuple[int, float]:
        return self.held_now

    async def run(self) -> None:
        """Until a day has begun, or the waits are used up."""
        due = asyncio.Event()
        due.set()
        turn = Turn(self.books, self, due, lambda: self.day, wait=self._step)
        with suppress(asyncio.CancelledError):
            await turn.run(self._begin)

    async def _step(self, _seconds: float) -> None:
        self.waits += 1
        if self.waits >= self.most_waits:
            raise asyncio.CancelledError

    def _begin(self, day: date, of: Book) -> None:
        self.begun.append((day, of))
        raise asyncio.CancelledError


async def test_the_next_day_begins_with_its_own_instruments(tmp_path: Path) -> None:
    await books(tmp_path, CSV).fetch(DAY)
    faults = (Unavailable("down"), AuthExpired("log in"), Rejected("no"), OSError("disk full"))
    morning = Morning(books(tmp_path, *faults, NEXT_CSV))
    await morning.run()
    [(day, found)] = morning.begun
    assert (day, found.csv, morning.waits) == (NEXT_DAY, NEXT_CSV, 4)
    assert found.table.by_key("NFO:NIFTY26DECFUT") is not None
    assert found.table.by_key("NFO:NIFTY26NOVFUT") is None


async def test_without_a_tick_the_day_waits_for_a_login_as_long_as_it_takes(
    tmp_path: Path,
) -> None:
    await books(tmp_path, CSV).fetch(DAY)
    morning = Morning(books(tmp_path, AuthExpired("log in")))
    await morning.run()
    assert (morning.begun, morning.waits) == ([], 100)


@pytest.mark.parametrize("held", [(100, 31.0), (33 << 20, 1.0)])
async def test_ticks_do_not_wait_for_ever(tmp_path: Path, held: tuple[int, float]) -> None:
    await books(tmp_path, CSV).fetch(DAY)
    morning = Morning(books(tmp_path, Unavailable("down")), held_now=held)
    await morning.run()
    [(day, found)] = morning.begun
    assert (day, found.csv) == (NEXT_DAY, CSV)
    assert morning.books.note == "the instruments are those of 2026-11-18: down"


async def test_a_day_that_passed_while_waiting_is_not_begun(tmp_path: Path) -> None:
    later = date(2026, 11, 20)

    class Late(Broker):
        async def instruments(self) -> bytes:
            morning.day = later
            return await super().instruments()

    small = book()
    found = Books(DataFolder(tmp_path), Late(NEXT_CSV), small.calendar_files, small.rules)
    morning = Morning(found)
    await morning.run()
    assert [day for day, _ in morning.begun] == [later]
