"""The same journal gives the same bytes, wherever the machine thinks it stands."""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
import pytest
from tests.fakes.day import open_writer
from tests.fakes.disk import FaultyDisk
from tests.fakes.small_day import DAY, keep, trading

from firki.app.folder import DataFolder
from firki.app.market_day import Book, CalendarFiles
from firki.app.tick_files import read_recordings
from firki.app.tick_frames import invented_names, records, sendable
from firki.capture.journal_day import create
from firki.live.grid import Rules

ROOT: Final = Path(__file__).parents[2]
TICKS: Final = ROOT / "../shared/data/ticks_2021/ticks_2021-04-13.parquet"
ZONES: Final = ("UTC", "Asia/Kolkata", "America/New_York")

_HEAD: Final = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,"
    "lot_size,instrument_type,segment,exchange"
)

pytestmark = pytest.mark.slow


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Of two instruments on a real day where there is one, else of a made-up one."""
    if not TICKS.exists():
        folder = DataFolder(tmp_path)
        keep(folder, trading())
        return folder.journal(DAY)
    some = tmp_path / "some.parquet"
    whole = pl.read_parquet(TICKS).with_columns(pl.col("symbol").cast(pl.String))
    whole.filter(pl.col("symbol").is_in(["INFY", "NIFTY 50"])).write_parquet(some)
    return journal_of(some, tmp_path / "day")


def test_a_journal_gives_the_same_bytes_in_every_zone(journal: Path) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("time_zone_child.py")), str(journal)],
            env={**os.environ, "TZ": zone},
            stdout=subprocess.PIPE,
            text=True,
        )
        for zone in ZONES
    ]
    said = {child.communicate()[0] for child in children}
    assert [child.returncode for child in children] == [0, 0, 0]
    assert len(said) == 1
    assert [line.split()[0] for line in said.pop().splitlines()] == [
        "cells", "state", "parquet", "csv",
    ]  # fmt: skip


def journal_of(ticks: Path, folder: Path) -> Path:
    """The recording as the journal of a day that was captured."""
    (recording,) = read_recordings([ticks])
    assert recording.trading_date == date(2021, 4, 13)
    names = invented_names(recording)
    csv = "\n".join([_HEAD, *map(_line, names.table.tokens.tolist(), names.tokens)]) + "\n"
    book = Book.of(csv.encode(), CalendarFiles.packaged(), Rules(), day=recording.trading_date)
    create(folder, book.header(recording.trading_date), book.attachments(), disk=FaultyDisk())
    writer = open_writer(folder)
    frames = list(records(sendable(recording, names), names))
    for first in range(0, len(frames), 500):
        writer.commit(frames[first : first + 500])
    writer.finish()
    return folder


def _line(token: int, symbol: str) -> str:
    segment = "INDICES" if token & 0xFF == 9 else "NSE"
    return f"{token},{token >> 8},{symbol},{symbol},0,,0,0.05,1,EQ,{segment},NSE"
