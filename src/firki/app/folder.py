"""The data folder: where each thing lies, and who may write it."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from firki.errors import Busy, ConfigError


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Paths inside one data folder; nothing is made before it is asked for."""

    root: Path

    def journal(self, day: date) -> Path:
        return self.root / "journal" / day.isoformat()

    def grid(self, day: date) -> Path:
        return self.root / "grid" / day.isoformat()

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    @property
    def instruments(self) -> Path:
        return self.root / "instruments"

    def master(self, day: date) -> Path:
        """Where the instrument master of a trading day lies."""
        return self.instruments / f"{day.isoformat()}.csv"

    def masters(self) -> list[date]:
        """Trading days whose instrument master is kept, oldest first."""
        found = sorted(self.instruments.glob("????-??-??.csv"))
        return [day for path in found if (day := _date(path.stem)) is not None]

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def status(self) -> Path:
        """Where a running firki says how it is reached: JSON with port and pid."""
        return self.root / "running.json"

    def days(self, what: str = "journal") -> list[date]:
        """Trading days that have a journal (or a grid), oldest first."""
        folder = self.root / what
        names = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
        return [day for name in names if (day := _date(name)) is not None]

    def make(self) -> None:
        """Create the folder, private to its owner; raises ConfigError when that fails."""
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            probe = self.root / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise ConfigError(
                f"data.folder {self.root}: cannot be written ({error.strerror}); choose another "
                "with FIRKI_DATA__FOLDER or data.folder"
            ) from error

    @contextmanager
    def capturing(self) -> Iterator[None]:
        """Hold the folder's only place for a capturing process; raises Busy naming the holder."""
        descriptor = self._lock()
        try:
            yield
        finally:
            os.close(descriptor)

    def hold(self) -> None:
        """As ``capturing``, until the process ends: what a stop leaves behind in a thread may still
        be writing, and nobody else may before it is gone."""
        self._lock()

    def _lock(self) -> int:
        self.make()
        descriptor = os.open(self.root / "capture.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip()
            os.close(descriptor)
            raise Busy(
                f"data folder {self.root} is being captured into by {holder or 'another firki'}"
                "; stop that one, or give this one its own data.folder"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        return descriptor


def _date(name: str) -> date | None:
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None
