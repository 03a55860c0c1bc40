"""Has the live kernels compiled before a market is waiting for them."""

import tempfile
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np

from firki.live import file as grid_file
from firki.live.board import QuoteBoard
from firki.live.grid import DayGrid, Rules
from firki.live.reading import GridCandles
from firki.model.candle import MINUTE, SessionKind
from firki.model.session import Phase, PhaseKind, Session, SessionClass
from firki.model.tick import COLUMN_COUNT, DEPTH, SECOND, Column, TickBatch
from firki.ports import Frame, RecordKind

_MIDNIGHT: Final = 1_600_000_200 * SECOND
_OPEN: Final = _MIDNIGHT + 600 * SECOND


def warm() -> None:
    """Fold a few made-up ticks through a grid of one minute and read them back."""
    phase = Phase(PhaseKind.CONTINUOUS, _OPEN, _OPEN + 60 * SECOND)
    day = date(2020, 9, 13)
    session = Session(day, SessionClass.CASH, (phase,), verified=True, note="made up")
    plan = grid_file.plan(
        day, _MIDNIGHT, {"cash": session}, {"cash": 1}, instruments="", calendar="", settings=""
    )
    with tempfile.TemporaryDirectory(prefix="firki-") as folder:
        file = grid_file.create(Path(folder), plan)
        grid = DayGrid(file, lambda _token: ("cash", 100), Rules())
        grid.recover(0)
        _fold(grid, QuoteBoard([257], lambda _token: 100))
        candles = GridCandles(file).bars(257, MINUTE)
        if candles is None or len(candles) != 1 or candles.session[0] != SessionKind.CONTINUOUS:
            raise AssertionError("the kernels do not fold a made-up minute as they should")


def _fold(grid: DayGrid, board: QuoteBoard) -> None:
    second = _OPEN // SECOND
    grid.apply(Frame(1, _OPEN, 0, b"", RecordKind.CONNECTED), None)
    grid.apply(Frame(2, _OPEN, 0, b'{"257":3}', RecordKind.WANTED), None)
    for number, (volume, moment) in enumerate(((0, second), (5, second + 1), (9, second + 70))):
        columns = np.zeros((COLUMN_COUNT, 1), np.uint32)
        columns[Column.LENGTH] = 184
        columns[Column.INSTRUMENT_TOKEN], columns[Column.LAST_PRICE] = 257, 100 + volume
        columns[Column.VOLUME_TRADED] = volume
        columns[Column.LAST_TRADE_TIME] = columns[Column.EXCHANGE_TIME] = moment
        batch = TickBatch(
            columns,
            b"",
            read_depth=lambda _payload, columns: np.zeros((columns.shape[1], 2, 5), DEPTH),
            received_ts=moment * SECOND,
        )
        grid.apply(Frame(3 + number, moment * SECOND, 0, b"xx"), batch)
        board.apply(batch)
