"""A made-up market as Kite's frames: made for its speed to be measured, not for its prices."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from firki.kite import wire
from firki.live import file as grid_file
from firki.live.grid import DayGrid, Rules
from firki.model.ist import ist_midnight
from firki.model.session import Phase, PhaseKind, Session, SessionClass
from firki.model.tick import SECOND
from firki.ports import Frame, RecordKind

DAY: Final = date(2026, 8, 3)
MIDNIGHT: Final = ist_midnight(DAY) // SECOND
OPEN: Final = MIDNIGHT + 33_300
"""09:15, in seconds."""
SESSION_SECONDS: Final = 22_500
PRICE_SCALE: Final = 100

_LEVEL: Final = np.dtype([("quantity", ">u4"), ("price", ">u4"), ("orders", ">u2"), ("pad", ">u2")])
_AWAY: Final = 5 * np.array([-1, -2, -3, -4, -5, 1, 2, 3, 4, 5])
_FIELDS: Final = (
    "token", "price", "last_quantity", "average", "volume", "buy", "sell", "open", "high", "low",
    "close", "trade_time", "oi", "oi_high", "oi_low", "time",
)  # fmt: skip
_PACKET: Final = np.dtype([(name, ">u4") for name in _FIELDS] + [("depth", _LEVEL, 10)])
_FRAMED: Final = np.dtype([("length", ">u2"), ("packet", _PACKET)])


class MadeUpFeed:
    """Every instrument has a full packet a second, in an order of its own; some are trades.

    Prices walk, day extremes follow them, and one trade in fifty shows an extreme that no
    snapshot had: the fold has every rule to apply.
    """

    def __init__(self, instruments: int, *, trading: float = 0.6, seed: int = 7) -> None:
        self._chance = chance = np.random.default_rng(seed)
        self._trading = trading
        numbers = chance.choice(np.arange(1_000, 1 << 23), instruments, replace=False)
        self.tokens: npt.NDArray[np.int64] = numbers << 8 | 1
        self._price = chance.integers(10_000, 500_000, instruments)
        self._high, self._low = self._price.copy(), self._price.copy()
        self._volume = chance.integers(0, 1_000, instruments)
        self._traded = np.full(instruments, OPEN)
        self._framed = np.zeros(instruments, _FRAMED)
        self._framed["length"] = _PACKET.itemsize
        packet = self._framed["packet"]
        packet["token"] = self.tokens
        for name in ("open", "close", "average"):
            packet[name] = self._price
        packet["depth"]["quantity"] = chance.integers(1, 3_000, (instruments, 10))
        packet["depth"]["price"] = self._price[:, None]
        self._seq = 2
        self._second = 0

    def second(self, packets: int) -> Iterator[Frame]:
        """The next second's frames of ``packets`` packets each, numbered on from 3."""
        self._move()
        now = (OPEN + self._second) * SECOND + SECOND // 2
        self._second += 1
        for begin in range(0, len(self._framed), packets):
            part = self._framed[begin : begin + packets]
            self._seq += 1
            yield Frame(self._seq, now, 0, len(part).to_bytes(2, "big") + part.tobytes())

    def frames(self, seconds: int, packets: int) -> list[Frame]:
        """The frames of so many seconds."""
        return [frame for _ in range(seconds) for frame in self.second(packets)]

    def skip(self, seconds: int) -> None:
        """Let market time go on without a frame."""
        self._second += seconds

    def _move(self) -> None:
        chance, count = self._chance, len(self._price)
        traded = chance.random(count) < self._trading
        step = chance.integers(-4, 5, count) * 5
        self._price = np.where(traded, np.maximum(100, self._price + step), self._price)
        hidden = np.where(chance.random(count) < 0.02, 5, 0) * traded
        self._high = np.maximum(self._high, self._price + hidden)
        self._low = np.minimum(self._low, self._price)
        self._volume = self._volume + np.where(traded, chance.integers(1, 500, count), 0)
        self._traded = np.where(traded, OPEN + self._second, self._traded)
        packet = self._framed["packet"]
        packet["price"], packet["high"], packet["low"] = self._price, self._high, self._low
        packet["volume"], packet["trade_time"] = self._volume, self._traded
        packet["time"] = OPEN + self._second
        self._move_books(packet["depth"])

    def _move_books(self, depth: npt.NDArray[Any]) -> None:
        """Follow the price, and change a third of the quantities of every other instrument."""
        chance, count = self._chance, len(self._price)
        active = np.flatnonzero(chance.random(count) < 0.5)
        levels = depth[active]
        levels["price"] = self._price[active][:, None] + _AWAY
        changed = chance.random(levels.shape) < 0.35
        levels["quantity"][changed] = chance.integers(1, 3_000, changed.sum())
        levels["orders"][changed] = chance.integers(1, 40, changed.sum())
        depth[active] = levels


def open_grid(folder: Path, tokens: npt.NDArray[np.int64]) -> DayGrid:
    """An empty day of one class with a column for each token, its connection open."""
    hours = Phase(PhaseKind.CONTINUOUS, OPEN * SECOND, (OPEN + SESSION_SECONDS) * SECOND)
    session = Session(DAY, SessionClass.CASH, (hours,), verified=True, note="made up")
    plan = grid_file.plan(
        DAY, MIDNIGHT * SECOND, {"cash": session}, {"cash": len(tokens)},
        instruments="", calendar="", settings="",
    )  # fmt: skip
    file = grid_file.create(folder, plan)
    grid = DayGrid(file, lambda _token: ("cash", PRICE_SCALE), Rules())
    grid.recover(0)
    for record in opening(tokens):
        grid.apply(record, None)
    return grid


def opening(tokens: npt.NDArray[np.int64]) -> list[Frame]:
    """The day's first two records: a connection opens and wants the tokens in full mode."""
    wish = msgspec.json.encode({str(token): 3 for token in tokens.tolist()})
    return [
        Frame(1, OPEN * SECOND, 0, b"", RecordKind.CONNECTED),
        Frame(2, OPEN * SECOND, 0, wish, RecordKind.WANTED),
    ]


def decode(frame: Frame) -> Any:
    """The batch of a frame, as the plant decodes it."""
    return wire.decode(frame.payload, seq=frame.seq, received_ts=frame.received_ts)
