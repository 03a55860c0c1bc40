"""A day's journal folder: the header says what the day's records must be folded with."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from firki.capture.journal_disk import Disk, SystemDisk, disk_errors
from firki.capture.segment import SUFFIX
from firki.errors import ConfigError, Corrupt, Rejected

HEADER_NAME: Final = "header.json"
SCHEMA: Final = 1
_DIGEST_BYTES: Final = 16


class DayHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What a day's records were captured under.

    ``instruments``, ``calendar`` (with its overrides) and ``settings`` (those that touch the fold)
    are sha256 in hexadecimal; ``files`` holds that of each file beside the header, by name.
    """

    trading_date: date
    instruments: str
    calendar: str
    settings: str
    files: dict[str, str] = {}
    schema: int = SCHEMA


class _Schema(msgspec.Struct):
    schema: int


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def create(
    folder: Path, header: DayHeader, attachments: Mapping[str, bytes], *, disk: Disk | None = None
) -> DayHeader:
    """Begin a day's journal durably; the answer is the header as written, ``files`` filled in.

    The header comes last, so a folder that has one is complete. Doing it again with the same
    content changes nothing; with other content it raises ConfigError, and DiskError when the disk
    fails.
    """
    files = {_plain(name): sha256(data) for name, data in attachments.items()}
    header = msgspec.structs.replace(header, files=files)
    if (folder / HEADER_NAME).exists():
        _refuse_change(folder, read_header(folder), header)
        return header
    disk = disk or SystemDisk()
    with disk_errors("beginning", folder):
        _make(disk, folder)
        for name, data in attachments.items():
            _write(disk, folder / name, data)
        disk.sync(folder)
        _write(disk, folder / HEADER_NAME, msgspec.json.format(msgspec.json.encode(header)))
        disk.sync(folder)
    return header


def read_header(folder: Path) -> DayHeader:
    """The day's header; raises ConfigError when there is none and Corrupt when it is damaged."""
    data = _header_bytes(folder)
    try:
        found = msgspec.json.decode(data, type=_Schema).schema
        if found != SCHEMA:
            raise Corrupt(
                f"{folder / HEADER_NAME} has schema {found} and this firki reads {SCHEMA}: "
                "read it with the release that wrote it or a newer one"
            )
        return msgspec.json.decode(data, type=DayHeader)
    except msgspec.MsgspecError as error:
        raise Corrupt(f"{folder / HEADER_NAME} is not a day header: {error}") from error


def header_digest(folder: Path) -> bytes:
    """What ties a segment to the header it was written under."""
    return hashlib.sha256(_header_bytes(folder)).digest()[:_DIGEST_BYTES]


def damaged_files(folder: Path, header: DayHeader) -> Iterator[tuple[str, str]]:
    """(name, what is wrong) for each file beside the header that is not as it was written."""
    for name, expected in header.files.items():
        try:
            found = sha256((folder / name).read_bytes())
        except FileNotFoundError:
            yield name, "is missing; the header names it"
            continue
        if found != expected:
            yield name, f"has sha256 {found}; the header says {expected}"


def segments(folder: Path) -> list[Path]:
    """The segment files, oldest first."""
    if not folder.is_dir():
        raise Rejected(f"there is no journal at {folder}")
    found = (path for path in folder.iterdir() if path.suffix == SUFFIX and path.stem.isdecimal())
    return sorted(found, key=segment_number)


def segment_number(path: Path) -> int:
    return int(path.stem)


def segment_path(folder: Path, number: int) -> Path:
    return folder / f"{number:06}{SUFFIX}"


def _header_bytes(folder: Path) -> bytes:
    try:
        return (folder / HEADER_NAME).read_bytes()
    except FileNotFoundError:
        raise ConfigError(
            f"{folder} has no {HEADER_NAME}: a day's journal is created with its header first"
        ) from None


def _plain(name: str) -> str:
    taken = name in {"", "..", HEADER_NAME} or Path(name).suffix == SUFFIX
    if taken or Path(name).name != name:
        raise ConfigError(f"{name!r} cannot lie beside a journal's header: choose a plain name")
    return name


def _refuse_change(folder: Path, found: DayHeader, wanted: DayHeader) -> None:
    differing = [
        name
        for name in DayHeader.__struct_fields__
        if getattr(found, name) != getattr(wanted, name)
    ]
    if differing:
        raise ConfigError(
            f"the journal at {folder} was begun with other {', '.join(differing)}: go on with the "
            "files that lie in it, or move the folder away to begin the day anew"
        )


def _make(disk: Disk, folder: Path) -> None:
    """The folder and those above it, each durable in its parent."""
    if not folder.is_dir():
        _make(disk, folder.parent)
        folder.mkdir(exist_ok=True)
        disk.sync(folder.parent)


def _write(disk: Disk, path: Path, data: bytes) -> None:
    """Whole and durable under its name, or not there."""
    draft = path.with_name(path.name + ".draft")
    draft.unlink(missing_ok=True)
    file = disk.create(draft)
    try:
        file.write(data)
        file.sync()
    finally:
        file.close()
    draft.replace(path)
