"""What one socket gets: which snapshots are news in its modes, and the frames they make."""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from firki.kite.vocabulary import (
    DEFAULT_MODE,
    INDEX_PACKET_LENGTHS,
    MAX_TOKENS,
    PACKET_LENGTHS,
)
from firki.kite.wire import encode_frames
from firki.model.tick import U32, Column
from firki.ports import Mode
from firki.simulator.directory import Directory
from firki.simulator.venue import Snapshots

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]

_PRICE: Final = 0
_QUOTE_COLUMNS: Final = [
    Column.LAST_PRICE, Column.LAST_TRADED_QUANTITY, Column.AVERAGE_TRADED_PRICE,
    Column.VOLUME_TRADED, Column.TOTAL_BUY_QUANTITY, Column.TOTAL_SELL_QUANTITY,
    Column.OPEN, Column.HIGH, Column.LOW, Column.CLOSE, Column.PRICE_CHANGE,
]  # fmt: skip

_LENGTHS: Final = np.array(
    [(0, 0), *((PACKET_LENGTHS[mode], INDEX_PACKET_LENGTHS[mode]) for mode in Mode)], np.uint32
)
"""Packet length by mode, for what can be traded and for an index."""


class News:
    """Tells, snapshot by snapshot, the lowest mode in which something changed."""

    def __init__(self, columns: U32) -> None:
        """``columns`` is the newest snapshot of every row."""
        self._latest = columns[_QUOTE_COLUMNS]

    def levels(self, snapshots: Snapshots) -> U8:
        """A ``Mode`` per snapshot: LTP when its price is new, FULL when only depth or times are."""
        count = len(snapshots.row)
        if not count:
            return np.empty(0, np.uint8)
        order = np.argsort(snapshots.row, kind="stable")
        row, values = snapshots.row[order], snapshots.columns[_QUOTE_COLUMNS][:, order]
        first = np.ones(count, np.bool_)
        np.not_equal(row[1:], row[:-1], out=first[1:])
        before = np.empty_like(values)
        before[:, 1:] = values[:, :-1]
        before[:, first] = self._latest[:, row[first]]
        changed = values != before
        last = np.append(first[1:], np.True_)
        self._latest[:, row[last]] = values[:, last]
        levels = np.empty(count, np.uint8)
        levels[order] = np.where(
            changed[_PRICE], Mode.LTP, np.where(changed.any(axis=0), Mode.QUOTE, Mode.FULL)
        )
        return levels


class Subscription:
    """The instruments of one socket and their modes."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._modes = np.zeros(len(directory), np.uint8)

    def __len__(self) -> int:
        return int(np.count_nonzero(self._modes))

    def modes(self) -> dict[int, Mode]:
        """The mode of each subscribed token."""
        rows = np.flatnonzero(self._modes)
        tokens = self._directory.token[rows].tolist()
        return dict(zip(tokens, map(Mode, self._modes[rows].tolist()), strict=True))

    def subscribe(self, tokens: Iterable[int]) -> tuple[I64, int]:
        """Rows of the tokens, and how many found no room; new ones are in the default mode."""
        rows, refused = self._with_room(self._directory.rows(tokens))
        self._modes[rows[self._modes[rows] == 0]] = DEFAULT_MODE
        return rows, refused

    def set_mode(self, mode: Mode, tokens: Iterable[int]) -> tuple[I64, int]:
        """As ``subscribe``, in the mode given."""
        rows, refused = self._with_room(self._directory.rows(tokens))
        self._modes[rows] = mode
        return rows, refused

    def unsubscribe(self, tokens: Iterable[int]) -> None:
        self._modes[self._directory.rows(tokens)] = 0

    def relist(self, directory: Directory) -> None:
        """Go on with another day's rows; tokens that are gone are dropped."""
        modes, self._directory = self.modes(), directory
        self._modes = np.zeros(len(directory), np.uint8)
        for mode in Mode:
            self._modes[directory.rows(t for t, of in modes.items() if of is mode)] = mode

    def select(self, snapshots: Snapshots, levels: U8) -> I64:
        """Which of the snapshots this socket gets."""
        return np.flatnonzero(levels <= self._modes[snapshots.row])

    def frames(
        self, rows: npt.NDArray[Any], columns: U32, depth: npt.NDArray[Any], *, max_packets: int
    ) -> list[bytes]:
        """The rows' snapshots as frames, each packet as long as its mode has it."""
        if not len(rows):
            return []
        shaped = np.ascontiguousarray(columns)
        shaped[Column.LENGTH] = _LENGTHS[
            self._modes[rows], self._directory.is_index[rows].astype(np.intp)
        ]
        return encode_frames(shaped, depth, max_packets=max_packets)

    def _with_room(self, rows: I64) -> tuple[I64, int]:
        room = MAX_TOKENS - len(self)
        fresh = self._modes[rows] == 0
        keep = ~fresh | (np.cumsum(fresh) <= room)
        return rows[keep], int(np.count_nonzero(~keep))


def cuts(delivery_ts: I64, step: int) -> list[int]:
    """Where a new step of market time begins in ascending times, and both ends of them.

    A step ends with its last moment included, as ``Market.advance`` has it.
    """
    steps = (delivery_ts - 1) // step
    return [0, *(np.flatnonzero(np.diff(steps)) + 1).tolist(), len(steps)]
