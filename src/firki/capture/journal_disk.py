"""The journal's way to the disk: the few operations that can fail it."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from firki.errors import Busy, FirkiError

_MODE: Final = 0o600
_CLOSED: Final = -1
_ADVICE: Final = {
    errno.ENOSPC: "free space on that disk, then start again",
    errno.EDQUOT: "raise the quota or free space, then start again",
    errno.EROFS: "make the file system writable, then start again",
    errno.EFBIG: "raise the limit on file sizes, then start again",
    errno.EACCES: "let this user write there, then start again",
}


class JournalFile(Protocol):
    """A file that only grows."""

    def write(self, data: bytes) -> None:
        """All of ``data``, or OSError."""

    def sync(self) -> None:
        """What was written survives a power loss once this returns."""

    def close(self) -> None:
        """Let go of it; a second time does nothing."""


class Disk(Protocol):
    """Where segments lie."""

    def create(self, path: Path) -> JournalFile:
        """A new file; FileExistsError when the name is taken."""

    def sync(self, path: Path) -> None:
        """What the file or folder holds now survives a power loss once this returns."""

    def forget(self, path: Path) -> None:
        """Drop what memory holds of a synced file: it is read from the disk next time."""


class SystemFile:
    """A file of the operating system, written at its end."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, _MODE)

    def write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(self._descriptor, left) :]

    def sync(self) -> None:
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, _CLOSED
        if descriptor != _CLOSED:
            os.close(descriptor)


class SystemDisk:
    """The operating system's files."""

    def create(self, path: Path) -> SystemFile:
        return SystemFile(path)

    def sync(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def forget(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


class DiskError(FirkiError):
    """The disk did not take a record: stop, mend what the message says, start again."""


@contextmanager
def disk_errors(what: str, path: Path) -> Iterator[None]:
    """Whatever the disk raises inside, said with what to do about it."""
    try:
        yield
    except FileExistsError as error:
        raise Busy(f"{path} was created by another process: only one may write") from error
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, "check the disk (dmesg), then start again")
        raise DiskError(f"{what} {path} failed: {error.strerror}: {advice}") from error
