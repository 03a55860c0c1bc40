"""A disk that fails when told to, and keeps what it was given in real files."""

import errno
import os
import threading
from collections import Counter
from pathlib import Path
from typing import Final

from firki.capture.journal_disk import JournalFile, SystemDisk

NOTHING: Final = 0


class FaultyDisk:
    """Fails the call numbers named in ``faults``, by operation: create, write, sync, sync_path.

    A failing write leaves the first half of its bytes, as a full disk does. What was written before
    a failing sync can still be read and is on no disk: ``forget`` takes it away. Nothing is really
    fsynced, so that tests are fast. While ``gate`` is clear a sync of a file waits.
    """

    def __init__(self, faults: dict[tuple[str, int], int] | None = None) -> None:
        self.calls: Counter[str] = Counter()
        self.gate = threading.Event()
        self.gate.set()
        self.syncing = threading.Event()
        """Set when a sync of a file has begun."""
        self._faults = faults or {}
        self._system = SystemDisk()
        self._only_cached: dict[Path, int] = {}
        """Files a sync failed for, and how much of each the disk holds."""

    def create(self, path: Path) -> JournalFile:
        self.check("create")
        return _FaultyFile(self, path, self._system.create(path))

    def sync(self, path: Path) -> None:
        self.check("sync_path")

    def forget(self, path: Path) -> None:
        if path in self._only_cached:
            os.truncate(path, self._only_cached[path])

    def lose(self, path: Path, kept: int) -> None:
        """From now on the file holds on disk what it held when its last sync returned."""
        self._only_cached[path] = kept

    def check(self, operation: str) -> None:
        self.calls[operation] += 1
        number = self._faults.get((operation, self.calls[operation]), NOTHING)
        if number:
            raise OSError(number, errno.errorcode[number])


class _FaultyFile:
    def __init__(self, disk: FaultyDisk, path: Path, file: JournalFile) -> None:
        self._disk = disk
        self._path = path
        self._file = file
        self._written = self._durable = 0

    def write(self, data: bytes) -> None:
        try:
            self._disk.check("write")
        except OSError:
            self._write(data[: len(data) // 2])
            raise
        self._write(data)

    def sync(self) -> None:
        self._disk.syncing.set()
        self._disk.gate.wait()
        try:
            self._disk.check("sync")
        except OSError:
            self._disk.lose(self._path, self._durable)
            raise
        self._durable = self._written

    def close(self) -> None:
        self._file.close()

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._written += len(data)
