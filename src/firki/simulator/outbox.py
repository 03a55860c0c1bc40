"""Snapshots that are made and not yet delivered, and the newest delivered of each instrument."""

from typing import Any

import numpy as np
import numpy.typing as npt

from firki.simulator.snapshotter import U32, Snapshots


class Outbox:
    """Puts snapshots into the order of their delivery and hands them out as time goes on."""

    def __init__(self, cached: Snapshots) -> None:
        self._columns, self._depth = cached.columns.copy(), cached.depth.copy()
        self._waiting = Snapshots.empty()

    def put(self, made: Snapshots) -> None:
        """Snapshots made after all that were put before."""
        both = Snapshots.joined([self._waiting, made])
        self._waiting = both.take(np.argsort(both.delivery_ts, kind="stable"))

    def take(self, until_ts: int) -> Snapshots:
        """What is delivered up to ``until_ts``, which no snapshot still to be put may precede."""
        count = int(np.searchsorted(self._waiting.delivery_ts, until_ts, side="right"))
        due = self._waiting.take(slice(0, count))
        self._waiting = self._waiting.take(slice(count, None))
        # the last of each row: the first one seen from the end
        rows, at = np.unique(due.row[::-1], return_index=True)
        newest = count - 1 - at
        self._columns[:, rows] = due.columns[:, newest]
        self._depth[rows] = due.depth[newest]
        return due

    def current(self, rows: npt.NDArray[np.int64]) -> tuple[U32, npt.NDArray[Any]]:
        """The newest delivered snapshot of each row; before the first, the cached one."""
        return self._columns[:, rows], self._depth[rows]
