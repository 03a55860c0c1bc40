"""A disk that fails when told to, and keeps what it was given in real files."""

import errno
import threading
from collections import Counter
from pathlib import Path
from typing import Final

from firki.capture.journal_disk import JournalFile, SystemDisk

NOTHING: Final = 0


class FaultyDisk:
    """Fails the call numbers named in ``faults``, by operation: create, write, sync, sync_path.

    A failing write leaves the first half of its bytes, as a full disk does. Nothing is really
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

    def create(self, path: Path) -> JournalFile:
        self.check("create")
        return _FaultyFile(self, self._system.create(path))

    def sync(self, path: Path) -> None:
        self.check("sync_path")

    def check(self, operation: str) -> None:
        self.calls[operation] += 1
        number = self._faults.get((operation, self.calls[operation]), NOTHING)
        if number:
            raise OSError(number, errno.errorcode[number])


class _FaultyFile:
    def __init__(self, disk: FaultyDisk, file: JournalFile) -> None:
        self._disk = disk
        self._file = file

    def write(self, data: bytes) -> None:
        try:
            self._disk.check("write")
        except OSError:
            self._file.write(data[: len(data) // 2])
            raise
        self._file.write(data)

    def sync(self) -> None:
        self._disk.syncing.set()
        self._disk.gate.wait()
        self._disk.check("sync")

    def close(self) -> None:
        self._file.close()
