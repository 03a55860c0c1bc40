"""The journal's own thread: once a period it makes durable what was appended meanwhile."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from firki.capture.journal_disk import DiskError
from firki.capture.journal_writer import JournalWriter
from firki.capture.recent import OVERHEAD_BYTES, RecentRecords
from firki.capture.waiting import Waiting
from firki.errors import FirkiError
from firki.ports import Frame
from firki.timing import steady

_LOG: Final = logging.getLogger(__name__)


class Committer:
    """Stores the records of ``recent`` until told to finish or until the disk fails.

    Its public figures are written by its thread and may be read by any. A failure is final: no
    write or fsync is tried again, and nothing is acknowledged after it.
    """

    def __init__(
        self,
        writer: JournalWriter,
        recent: RecentRecords,
        *,
        period: float,
        on_failure: Callable[[FirkiError], None],
        name: str,
    ) -> None:
        self.acknowledged = recent.newest
        self.durable_bytes = 0
        """Of all records made durable, in the measure of ``RecentRecords.added_bytes``."""
        self.slowest_sync_seconds = 0.0
        self.failure: str | None = None
        self.has_ended = False
        self.synced = Waiting()
        self._writer = writer
        self._recent = recent
        self._period = period
        self._on_failure = on_failure
        self._oldest_since = 0.0
        self._finishing = False
        self._hurry = threading.Event()
        self._progress = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def hurry(self) -> None:
        """Make durable now instead of at the period's end."""
        self._hurry.set()

    def finish(self) -> None:
        """Make durable what is there and end; nothing may be added any more."""
        self._finishing = True
        self._hurry.set()

    def join(self) -> None:
        self._thread.join()

    @property
    def backlog_bytes(self) -> int:
        return self._recent.added_bytes - self.durable_bytes

    @property
    def oldest_seconds(self) -> float:
        """How long the oldest record has waited to become durable, at the most; 0 if none waits."""
        return steady() - self._oldest_since if self._recent.newest > self.acknowledged else 0.0

    def note_arrival(self) -> None:
        """A record is about to be added to an empty backlog."""
        self._oldest_since = steady()

    def wait_for_room(self, size: int, limit: int) -> None:
        """Until ``size`` more bytes fit, the backlog is empty or the thread has ended."""
        self._hurry.set()
        with self._progress:
            self._progress.wait_for(
                lambda: self.has_ended or self.backlog_bytes + size <= max(limit, size)
            )

    def _run(self) -> None:
        failure: FirkiError | None = None
        try:
            self._work()
        except Exception as error:  # the root of the thread: without it nothing is durable
            failure = self._fail(error)
        with self._progress:
            self.has_ended = True
            self._progress.notify_all()
        self.synced.reach_from_thread()
        self._recent.arrived.reach_from_thread()
        if failure is not None:
            self._on_failure(failure)

    def _work(self) -> None:
        is_last = False
        while not is_last:
            began = steady()
            self._hurry.clear()
            is_last = self._finishing  # asked before the newest number: then none comes after it
            if self._recent.newest > self.acknowledged:
                self._commit(began)
            if not is_last:
                self._hurry.wait(max(0.0, self._period - (steady() - began)))
        self._writer.finish()

    def _commit(self, began: float) -> None:
        newest = self._recent.newest
        size = 0

        def taken() -> Iterator[Frame]:
            nonlocal size
            for frame in self._recent.read(self.acknowledged + 1, newest - self.acknowledged):
                size += len(frame.payload) + OVERHEAD_BYTES
                yield frame

        self._writer.commit(taken())
        self.slowest_sync_seconds = max(self.slowest_sync_seconds, self._writer.sync_seconds)
        with self._progress:
            # What waits from now on was appended after this commit began.
            self._oldest_since = began
            self.durable_bytes += size
            self.acknowledged = newest
            self._progress.notify_all()
        self.synced.reach_from_thread(newest)

    def _fail(self, error: Exception) -> FirkiError:
        known = isinstance(error, FirkiError)
        self.failure = (
            f"{error if known else repr(error)}. Records after {self.acknowledged} are not safe "
            "and no more are taken"
        )
        _LOG.error("journal failed acknowledged=%d", self.acknowledged, exc_info=not known)
        with suppress(OSError):  # the failure is known already
            self._writer.close()
        return DiskError(self.failure)
