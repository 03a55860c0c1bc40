"""A small trading day in a data folder: a few instruments, trades as one writes them down."""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
from tests.fakes.day import open_writer
from tests.fakes.disk import FaultyDisk

from firki.app.folder import DataFolder
from firki.app.market_day import (
    Book,
    CalendarFiles,
    MarketDay,
    decode_kite,
    decode_ticks,
    open_grid,
)
from firki.capture.journal import JournalSettings
from firki.capture.journal_day import create
from firki.kite.wire import encode
from firki.live.grid import DayGrid, Rules
from firki.model.ist import ist_date, ist_midnight
from firki.model.session import Session, SessionClass
from firki.model.tick import COLUMN_COUNT, SECOND, Column
from firki.ports import Frame, RecordKind

DAY: Final = date(2026, 11, 18)
NEXT_DAY: Final = date(2026, 11, 19)
INFY, RELIANCE, NIFTY, FUTURE = 408065, 738561, 256265, 13_000_002
KEYS: Final = {
    INFY: "NSE:INFY", RELIANCE: "NSE:RELIANCE", NIFTY: "NSE:NIFTY 50",
    FUTURE: "NFO:NIFTY26NOVFUT",
}  # fmt: skip
_CSV: Final = b"""\
instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,\
instrument_type,segment,exchange
408065,1594,INFY,INFOSYS,0,,0,0.05,1,EQ,NSE,NSE
738561,2885,RELIANCE,RELIANCE INDUSTRIES,0,,0,0.05,1,EQ,NSE,NSE
256265,1001,NIFTY 50,NIFTY 50,0,,0,0,0,EQ,INDICES,NSE
13000002,50781,NIFTY26NOVFUT,NIFTY,0,2026-11-24,0,0.05,75,FUT,NFO-FUT,NFO
"""


class Said(NamedTuple):
    """One snapshot: the day's cumulative volume, and rupees."""

    token: int
    time: str
    price: float
    volume: int
    oi: int = 0


@cache
def book() -> Book:
    """Instruments, calendar and rules of the small day; it is frozen, so one does for all."""
    return Book.of(_CSV, CalendarFiles.packaged(), Rules(), day=DAY)


def session_of(token: int, midnight_ts: int) -> Session | None:
    """As a lake is told it: the session of an instrument on the day that begins at a midnight."""
    instrument = book().table.by_token(token)
    name = instrument.session_class if instrument else SessionClass.CASH
    return book().calendar.session(name, ist_date(midnight_ts))


def at(time: str, day: date = DAY) -> int:
    """ns UTC of an Indian wall-clock time such as 09:15 or 09:15:07."""
    hours, minutes, *seconds = map(int, time.split(":"))
    return ist_midnight(day) + (hours * 3600 + minutes * 60 + sum(seconds)) * SECOND


def trading(day: date = DAY, *, until: str = "15:41") -> list[Frame]:
    """Records of a day that trades now and then, from before the open to a tick of the clock."""
    said = [Said(INFY, "09:14:30", 1500.0, 0), Said(RELIANCE, "09:14:30", 2900.0, 0)]
    said += [Said(NIFTY, "09:14:30", 25_900.0, 0), Said(FUTURE, "09:14:30", 25_950.0, 0)]
    for n, time in enumerate(
        ("09:15:02", "09:15:40", "09:16:10", "10:15:00", "10:20:30", "15:10:00")
    ):
        said.append(Said(INFY, time, 1500 + n * (-1) ** n, 100 * (n + 1)))
        said.append(Said(NIFTY, time, 25_900 + 7 * n, 0))
        said.append(Said(FUTURE, time, 25_950.5 - n, 75 * (n + 1), 1000 + n))
    said.append(Said(RELIANCE, "11:00:00", 2905.05, 40))
    return records(said, day=day, until=until)


def records(said: Iterable[Said], *, day: date = DAY, until: str = "15:41") -> list[Frame]:
    """Connected, everything wanted, a frame a snapshot, and the clock at ``until``."""
    wish = msgspec.json.encode({str(token): 3 for token in KEYS})
    found = [
        (at("09:14", day), RecordKind.CONNECTED, b""),
        (at("09:14", day), RecordKind.WANTED, wish),
    ]
    found += [(at(s.time, day), RecordKind.FRAME, packet(s, day)) for s in said]
    found.append((at(until, day), RecordKind.CLOCK, b""))
    return [Frame(seq, ts, 0, payload, kind) for seq, (ts, kind, payload) in enumerate(found, 1)]


def packet(said: Said, day: date = DAY) -> bytes:
    """A frame of one full packet."""
    columns = np.zeros((COLUMN_COUNT, 1), np.uint32)
    second = at(said.time, day) // SECOND
    columns[Column.LENGTH] = 32 if said.token == NIFTY else 184
    columns[Column.INSTRUMENT_TOKEN] = said.token
    columns[Column.LAST_PRICE] = round(said.price * 100)
    columns[Column.VOLUME_TRADED] = said.volume
    columns[Column.LAST_TRADE_TIME] = columns[Column.EXCHANGE_TIME] = second
    columns[Column.OI] = said.oi
    return encode(columns)


def fold(folder: Path, frames: Sequence[Frame], day: date = DAY) -> DayGrid:
    """A grid in ``folder`` with the records applied."""
    grid = open_grid(folder, day, book(), capacity=10)
    grid.recover(0)
    for frame in frames:
        grid.apply(frame, decode_ticks(frame, decode_kite))
    return grid


def keep(folder: DataFolder, frames: Sequence[Frame], day: date = DAY) -> None:
    """The day's journal, as a run that ended in order left it."""
    path = folder.journal(day)
    path.parent.mkdir(parents=True, exist_ok=True)
    create(path, book().header(day), book().attachments(), disk=FaultyDisk())
    writer = open_writer(path)
    writer.commit(frames)
    writer.finish()


def opened(folder: DataFolder, day: date = DAY) -> MarketDay:
    """The day as a running firki has it."""
    return MarketDay.open(
        folder, day, book(), capacity=10, settings=JournalSettings(),
        on_failure=_nobody, tell=_nobody,
    )  # fmt: skip


def _nobody(*_: object) -> None:
    """Nobody is told."""


def play(day: MarketDay, frames: list[Frame]) -> None:
    """Give a running day its records."""
    for said in frames:
        frame = day.append(said.received_ts, said.connection, said.payload, said.kind)
        day.apply(frame, decode_ticks(frame, decode_kite))
