"""A day's grid for tests: in memory or in a folder, fed with plain rows, read as plain bars."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from tests.calendar_data import packaged
from tests.reference_candles import Record, Reference, Settings, Slot

from firki.live import file as grid_file
from firki.live import layout as at
from firki.live.grid import Changes, DayGrid, Rules
from firki.model.calendar import ist_midnight
from firki.model.candle import Flag
from firki.model.session import Session, SessionClass
from firki.model.tick import COLUMN_COUNT, DEPTH, SECOND, Column, TickBatch
from firki.ports import Frame, RecordKind

CAS_DAY: Final = date(2026, 8, 3)
"""The first day with a closing auction."""
SATURDAY: Final = date(2024, 3, 2)
"""Trading in two parts, each with a pre-open."""

_KINDS: Final = {
    "frame": RecordKind.FRAME,
    "connected": RecordKind.CONNECTED,
    "disconnected": RecordKind.DISCONNECTED,
    "wanted": RecordKind.WANTED,
    "clock": RecordKind.CLOCK,
}
_COLUMN: Final = {
    "length": Column.LENGTH,
    "token": Column.INSTRUMENT_TOKEN,
    "last_price": Column.LAST_PRICE,
    "volume_traded": Column.VOLUME_TRADED,
    "open": Column.OPEN,
    "high": Column.HIGH,
    "low": Column.LOW,
    "close": Column.CLOSE,
    "last_trade_time": Column.LAST_TRADE_TIME,
    "oi": Column.OI,
    "exchange_time": Column.EXCHANGE_TIME,
}
_WORDS: Final = {flag: str(flag.name).lower() for flag in Flag if flag is not Flag.FINAL}


class PlainBar(NamedTuple):
    """A candle as tests compare it; prices are the exchange's integers."""

    open: int
    high: int
    low: int
    close: int
    last: int
    volume: int
    oi: int
    tick_count: int
    revision: int
    flags: tuple[str, ...]


@cache
def sessions(day: date) -> Mapping[str, Session]:
    return {
        kind.value: session
        for kind in SessionClass
        if (session := packaged().session(kind, day)) is not None
    }


@cache
def reference_slots(day: date) -> Mapping[str, Sequence[Slot]]:
    return {
        name: [Slot(*(ts // SECOND for ts in (s.from_ts, s.start_ts, s.end_ts)))
               for s in session.slots()]
        for name, session in sessions(day).items()
    }  # fmt: skip


def midnight(day: date) -> int:
    """In seconds."""
    return ist_midnight(day) // SECOND


@cache
def _plan(day: date, classes: tuple[str, ...]) -> at.Header:
    chosen = {name: session for name, session in sessions(day).items() if name in classes}
    return grid_file.plan(
        day, ist_midnight(day), chosen, {}, instruments="i", calendar="c", settings="s"
    )


def memory_file(day: date, classes: Iterable[str]) -> grid_file.GridFile:
    """A grid file that lies in memory only."""
    header = _plan(day, tuple(sorted(set(classes))))
    memory = np.zeros(at.file_layout(header).size, np.uint8)
    at.write_header(memory, header)
    return grid_file.GridFile(Path("memory"), header, memory)


class GridDay:
    """A ``DayGrid`` and the token's classes; records go in one by one, numbered from 1."""

    def __init__(
        self,
        day: date,
        classes: Mapping[int, str],
        settings: Settings | None = None,
        *,
        file: grid_file.GridFile | None = None,
    ) -> None:
        self.day, self.classes = day, classes
        known = {t: (kind, 100) for t, kind in classes.items()}
        s = settings or Settings()
        rules = Rules(s.exchange_seconds, s.market_seconds, s.strict, s.repair_extremes)
        self.file = file or memory_file(day, classes.values())
        self.grid = DayGrid(self.file, known.get, rules)
        if file is None:
            self.grid.recover(0)

    def apply(self, record: Record) -> Changes | None:
        return self.grid.apply(*frame_of(record, self.grid.seq + 1))

    def run(self, records: Iterable[Record]) -> "GridDay":
        for record in records:
            self.apply(record)
        return self

    def bars(self) -> dict[int, dict[int, PlainBar]]:
        """By token, then by the slot's place in the day."""
        return {
            token: bars
            for token in self.classes
            if (index := self.grid.index_of(token)) >= 0 and (bars := self._bars(index))
        }

    def day_values(self, token: int) -> list[int]:
        """The exchange's own open, high and low of the day, and the close before it."""
        row = self.grid.state[self.grid.index_of(token)]
        return [int(word) for word in row[at.S_DAY_OPEN : at.S_PREVIOUS_CLOSE + 1]]

    def _bars(self, index: int) -> dict[int, PlainBar]:
        row = self.grid.state[index]
        layout = self.grid.header.classes[int(row[at.S_CLASS])]
        cells = self.file.cells[int(row[at.S_CELL]) :: layout.capacity][: layout.slots]
        return {
            int(slot): _plain(cells[slot], layout.start_ts[slot] // SECOND)
            for slot in np.flatnonzero(cells["tick_count"])
        }

    def gaps(self, token: int) -> set[int]:
        """Slots marked as a gap."""
        row = self.grid.state[self.grid.index_of(token)]
        layout = self.grid.header.classes[int(row[at.S_CLASS])]
        cells = self.file.cells[int(row[at.S_CELL]) :: layout.capacity][: layout.slots]
        return {int(slot) for slot in np.flatnonzero(cells["flags"] & Flag.GAP)}

    def contents(self) -> dict[str, bytes]:
        """All that a restart must bring back, as bytes."""
        grid, columns = self.grid, self.grid.columns
        return {
            "cells": self.file.cells.tobytes(),
            "state": grid.state[:columns].tobytes(),
            "minutes": grid.minutes[:columns].tobytes(),
            "links": grid.links.tobytes(),
            "pointers": grid.pointers.tobytes(),
            "counters": grid.counters.tobytes(),
        }


def _plain(cell: Any, stamp: int) -> PlainBar:
    flags = Flag(int(cell["flags"]))
    return PlainBar(
        int(cell["open"]), int(cell["high"]), int(cell["low"]), int(cell["close"]),
        stamp + int(cell["last_second"]), int(cell["volume"]), int(cell["oi"]),
        int(cell["tick_count"]), int(cell["revision"]),
        tuple(sorted(word for flag, word in _WORDS.items() if flag in flags)),
    )  # fmt: skip


def reference_bars(reference: Reference) -> dict[int, dict[int, PlainBar]]:
    """What the reference came to, in the same form."""
    return {
        token: {
            place: PlainBar(
                bar.open, bar.high, bar.low, bar.close, bar.last, bar.volume, bar.oi,
                bar.tick_count, bar.revision, tuple(sorted(bar.flags)),
            )
            for place, bar in state.bars.items()
        }
        for token, state in reference.states.items()
        if state.bars
    }  # fmt: skip


def batch_of(record: Record, seq: int) -> TickBatch:
    columns = np.zeros((COLUMN_COUNT, len(record.rows)), np.uint32)
    for place, row in enumerate(record.rows):
        for name, value in row.items():
            columns[_COLUMN[name], place] = value
    return TickBatch(
        columns, b"", lambda _payload, c: np.zeros((c.shape[1], 2, 5), DEPTH), seq,
        record.received * SECOND, record.connection,
    )  # fmt: skip


def frame_of(record: Record, seq: int) -> tuple[Frame, TickBatch | None]:
    """A record as the journal has it, and its ticks."""
    payload = b"ticks" if record.rows else b""
    if record.wish or record.kind == "wanted":
        payload = msgspec.json.encode({str(t): mode for t, mode in record.wish.items()})
    kind = _KINDS[record.kind]
    frame = Frame(seq, record.received * SECOND, record.connection, payload, kind)
    return frame, batch_of(record, seq) if kind is RecordKind.FRAME else None
