"""The newest records in memory, for the thread that stores them and for whoever follows."""

from typing import Final

from firki.capture.waiting import Waiting
from firki.ports import Frame

OVERHEAD_BYTES: Final = 128
"""Of a record beside its payload: the frame, the bytes object, a dict's place."""


class RecentRecords:
    """Records by number, dense up to ``newest``.

    One thread adds and forgets. Another may read ``newest`` and any record up to it that is not
    yet durable: a record is in its place before its number is given out.
    """

    def __init__(self, newest: int, limit_bytes: int) -> None:
        self.newest = newest
        self.added_bytes = 0
        """Of all records ever added, with the overhead of each."""
        self.arrived = Waiting()
        self._limit_bytes = limit_bytes
        self._records: dict[int, Frame] = {}
        self._oldest = newest + 1
        self._bytes = 0

    def add(self, frame: Frame, durable: int) -> None:
        """Take the next record in; past the limit the oldest up to ``durable`` are forgotten."""
        size = len(frame.payload) + OVERHEAD_BYTES
        self._records[frame.seq] = frame
        self._bytes += size
        self.added_bytes += size
        self.newest = frame.seq
        if self._bytes > self._limit_bytes:
            self._forget(durable)
        if self.arrived:
            self.arrived.reach(frame.seq)

    def read(self, from_seq: int, count: int) -> list[Frame]:
        """Up to ``count`` records from ``from_seq`` on; none when that one is forgotten."""
        if from_seq < self._oldest:
            return []
        last = min(self.newest, from_seq + count - 1)
        return [self._records[seq] for seq in range(from_seq, last + 1)]

    def _forget(self, durable: int) -> None:
        while self._bytes > self._limit_bytes and self._oldest <= durable:
            frame = self._records.pop(self._oldest)
            self._bytes -= len(frame.payload) + OVERHEAD_BYTES
            self._oldest += 1
