"""Snapshots that are made and not yet delivered, and the newest delivered of each instrument."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from firki.model.tick import COLUMN_COUNT, DEPTH
from firki.simulator.snapshotter import LEVELS, U32, Snapshots, Snapshotter
from firki.simulator.tape import Block

_WORDS: Final = 3
"""Integers of one level of depth."""


class Outbox:
    """Puts snapshots into the order of their delivery and hands them out as time goes on.

    What waits lies at the front of one set of arrays, a row per snapshot; making, delivering and
    keeping copy a snapshot once each.
    """

    def __init__(self, cached: Snapshots) -> None:
        self._current = cached.columns.T.copy()
        self._current_depth = cached.depth.copy()
        self._place = np.zeros(len(cached), np.int64)
        self._count = 0
        self._allot(1024)
        self._queue = np.zeros(0, np.int64)
        self._queue_ts = np.zeros(0, np.int64)

    def make(self, snapshotter: Snapshotter, block: Block) -> None:
        """Take in the snapshots of a block that follows the one before."""
        self._keep(self._queue)
        need = self._count + snapshotter.most(block)
        if need > len(self._row):
            self._grow(need)
        self._count = snapshotter.sample(block, self._arrays, self._count)
        delivery_ts = self._delivery_ts[: self._count]
        # instruments in the order of their rows where two arrive at once
        self._queue = np.lexsort((self._row[: self._count], delivery_ts))
        self._queue_ts = delivery_ts[self._queue]

    def take(self, until_ts: int) -> Snapshots:
        """What is delivered up to ``until_ts``, which no snapshot still to be made may precede."""
        count = int(np.searchsorted(self._queue_ts, until_ts, side="right"))
        at, self._queue = self._queue[:count], self._queue[count:]
        delivery_ts, self._queue_ts = self._queue_ts[:count], self._queue_ts[count:]
        columns, row, depth = self._columns[at], self._row[at], self._depth[at]
        newest = newest_of(row, self._place)
        self._current[row[newest]] = columns[newest]
        self._current_depth[row[newest]] = depth[newest]
        return Snapshots(delivery_ts, row, np.ascontiguousarray(columns.T), depth)

    def current(self, rows: npt.NDArray[np.int64]) -> tuple[U32, npt.NDArray[Any]]:
        """The newest delivered snapshot of each row; before the first, the cached one."""
        return np.ascontiguousarray(self._current[rows].T), self._current_depth[rows]

    @property
    def _arrays(self) -> tuple[npt.NDArray[Any], ...]:
        return self._delivery_ts, self._row, self._columns, self._levels

    def _keep(self, at: npt.NDArray[np.int64]) -> None:
        """Only these stay, at the front."""
        self._count = len(at)
        for array in self._arrays:
            array[: len(at)] = array[at]

    def _allot(self, room: int) -> None:
        self._delivery_ts = np.zeros(room, np.int64)
        self._row = np.zeros(room, np.int32)
        self._columns = np.zeros((room, COLUMN_COUNT), np.uint32)
        self._depth = np.zeros((room, 2, LEVELS), DEPTH)
        self._levels = self._depth.view(np.uint32).reshape(room, 2, LEVELS, _WORDS)

    def _grow(self, need: int) -> None:
        old, count = self._arrays, self._count
        self._allot(2 * need)
        for kept, array in zip(old, self._arrays, strict=True):
            array[:count] = kept[:count]


def newest_of(rows: npt.NDArray[np.int32], place: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where each row that occurs occurs last; ``place`` is scratch with room for every row."""
    every = np.arange(len(rows))
    place[rows] = every  # of repeated indices the last one is left (NumPy, "Indexing with arrays")
    return np.flatnonzero(place[rows] == every)
