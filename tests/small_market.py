"""A data folder with days of three instruments, captured through journal, fold and grid."""

import asyncio
from datetime import date
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from firki.app.folder import DataFolder
from firki.app.market_day import Book, CalendarFiles, MarketDay, decode_ticks
from firki.capture.journal import JournalSettings
from firki.errors import FirkiError
from firki.kite import wire
from firki.live.grid import Rules
from firki.model.ist import ist_midnight
from firki.model.tick import COLUMN_COUNT, SECOND, U32, Column, TickBatch
from firki.ports import Frame, RecordKind

INFY: Final = 408065
NIFTY: Final = 256265
FUTURE: Final = 13_000_450
CSV: Final = b"""\
instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,instrument_type,segment,exchange
408065,1594,INFY,INFOSYS,0,,0,0.05,1,EQ,NSE,NSE
779521,3045,SBIN,STATE BANK OF INDIA,0,,0,0.05,1,EQ,NSE,NSE
256265,1001,NIFTY 50,NIFTY 50,0,,0,0,0,EQ,INDICES,NSE
13000450,50783,NIFTY26NOVFUT,NIFTY,0,2026-11-24,0,0.05,75,FUT,NFO-FUT,NFO
"""
EARLIER: Final = date(2026, 11, 19)
DAY: Final = date(2026, 11, 20)
"""A Friday. INFY has no contract here, so it keeps cash hours."""
_OPEN_SECOND: Final = 33_300
"""09:15 after midnight."""
MINUTES: Final = 12


def capture(root: Path, *days: date, overrides: bytes = b"") -> DataFolder:
    """Capture 12 minutes of each day; the last one is left forming, as by an orderly stop."""
    folder = DataFolder(root)
    folder.make()
    for day in days or (EARLIER, DAY):
        asyncio.run(_capture(folder, day, CalendarFiles.packaged(overrides)))
    return folder


async def _capture(folder: DataFolder, day: date, calendar: CalendarFiles) -> None:
    book = Book.of(CSV, calendar, Rules(), day=day)
    market_day = MarketDay.open(
        folder, day, book,
        capacity=10, settings=JournalSettings(), on_failure=_fail,
        tell=lambda *_: None,
    )  # fmt: skip
    opens_ts = ist_midnight(day) + _OPEN_SECOND * SECOND
    wish = msgspec.json.encode({str(token): 3 for token in (INFY, NIFTY, FUTURE)})
    records: list[tuple[int, bytes, RecordKind]] = [
        (opens_ts, wish, RecordKind.WANTED),
        (opens_ts, b"", RecordKind.CONNECTED),
        (opens_ts, wire.encode(snapshots(opens_ts // SECOND, 0)), RecordKind.FRAME),
    ]
    for number in range(1, MINUTES * 6):
        second = opens_ts // SECOND + 10 * number - 5
        payload = wire.encode(snapshots(second, number))
        records.append((second * SECOND + SECOND // 2, payload, RecordKind.FRAME))
    for received_ts, payload, kind in records:
        frame = market_day.append(received_ts, 0, payload, kind)
        market_day.apply(frame, decode_ticks(frame, _decode))
    await market_day.close()


def snapshots(second: int, number: int) -> U32:
    """A trade of each instrument ten seconds apart: INFY at 1,500.00 plus 5 paise a snapshot."""
    columns = np.zeros((COLUMN_COUNT, 3), np.uint32)
    columns[Column.LENGTH] = 184, 32, 184
    columns[Column.INSTRUMENT_TOKEN] = INFY, NIFTY, FUTURE
    price = np.array([150_000, 2_600_000, 2_610_000]) + 5 * number
    for column in (Column.LAST_PRICE, Column.HIGH):
        columns[column] = price
    for column in (Column.OPEN, Column.LOW, Column.CLOSE):
        columns[column] = price - 5 * number
    columns[Column.VOLUME_TRADED] = 1_00_000 * number, 0, 75 * number
    columns[Column.LAST_TRADE_TIME] = second, 0, second
    columns[Column.EXCHANGE_TIME] = second
    columns[Column.OI] = 0, 0, 12_34_500
    return columns


def _decode(frame: Frame) -> TickBatch:
    return wire.decode(frame.payload, seq=frame.seq, received_ts=frame.received_ts)


def _fail(error: FirkiError) -> None:
    raise error
