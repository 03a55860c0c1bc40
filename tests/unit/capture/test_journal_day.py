import errno
from pathlib import Path

import msgspec
import pytest
from tests.fakes.day import ATTACHMENTS, HEADER, begin_day
from tests.fakes.disk import FaultyDisk

from firki.capture.journal_day import (
    HEADER_NAME,
    create,
    damaged_files,
    header_digest,
    read_header,
    segment_path,
    segments,
    sha256,
)
from firki.capture.journal_disk import DiskError
from firki.errors import ConfigError, Corrupt, Rejected


def test_a_day_begins_with_its_header_and_the_files_it_names(tmp_path: Path) -> None:
    folder = tmp_path / "journal" / "2026-08-03"
    written = create(folder, HEADER, ATTACHMENTS)
    assert read_header(folder) == written
    assert written.files == {"instruments.csv": sha256(ATTACHMENTS["instruments.csv"])}
    assert written.instruments == HEADER.instruments
    assert (folder / "instruments.csv").read_bytes() == ATTACHMENTS["instruments.csv"]
    assert sorted(path.name for path in folder.iterdir()) == [HEADER_NAME, "instruments.csv"]


def test_every_new_folder_is_durable_in_its_parent(tmp_path: Path) -> None:
    disk = FaultyDisk()
    create(tmp_path / "a" / "b", HEADER, {}, disk=disk)
    assert disk.calls["sync_path"] == 4  # a in its parent, b in a, the files, the header


def test_beginning_the_same_day_again_changes_nothing(tmp_path: Path) -> None:
    begin_day(tmp_path)
    before = (tmp_path / HEADER_NAME).stat().st_mtime_ns
    create(tmp_path, HEADER, ATTACHMENTS)
    assert (tmp_path / HEADER_NAME).stat().st_mtime_ns == before


def test_a_day_begun_with_other_content_is_not_begun_again(tmp_path: Path) -> None:
    begin_day(tmp_path)
    other = msgspec.structs.replace(HEADER, settings="44" * 32)
    with pytest.raises(ConfigError, match="begun with other settings, files"):
        create(tmp_path, other, {})


@pytest.mark.parametrize("operation", ["create", "write", "sync", "sync_path"])
def test_a_day_whose_beginning_failed_can_be_begun(tmp_path: Path, operation: str) -> None:
    for number in (1, 2):
        folder = tmp_path / f"{number}"
        with pytest.raises(DiskError, match="free space on that disk"):
            create(
                folder, HEADER, ATTACHMENTS, disk=FaultyDisk({(operation, number): errno.ENOSPC})
            )
        create(folder, HEADER, ATTACHMENTS)
        assert list(damaged_files(folder, read_header(folder))) == []


@pytest.mark.parametrize("name", ["a/b", "..", HEADER_NAME, "000001.seg", ""])
def test_a_file_cannot_take_a_name_of_the_journal(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot lie beside"):
        create(tmp_path, HEADER, {name: b""})


def test_a_folder_without_a_header_is_no_day(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no header\.json"):
        read_header(tmp_path)


@pytest.mark.parametrize("text", [b"", b"{", b'{"schema": 1}', b'{"schema": "1"}', b"[]"])
def test_a_header_that_is_not_one_is_corrupt(tmp_path: Path, text: bytes) -> None:
    (tmp_path / HEADER_NAME).write_bytes(text)
    with pytest.raises(Corrupt, match="is not a day header"):
        read_header(tmp_path)


def test_a_header_of_a_later_schema_is_refused_by_its_number(tmp_path: Path) -> None:
    (tmp_path / HEADER_NAME).write_bytes(b'{"schema": 2, "what": "ever"}')
    with pytest.raises(Corrupt, match="has schema 2 and this firki reads 1"):
        read_header(tmp_path)


def test_the_digest_changes_with_the_header(tmp_path: Path) -> None:
    before = header_digest(begin_day(tmp_path))
    (tmp_path / HEADER_NAME).write_bytes((tmp_path / HEADER_NAME).read_bytes() + b" ")
    assert header_digest(tmp_path) != before
    assert len(before) == 16


def test_a_changed_or_missing_file_beside_the_header_is_told(tmp_path: Path) -> None:
    header = create(tmp_path, HEADER, {"a.csv": b"a", "b.csv": b"b", "c.csv": b"c"})
    (tmp_path / "a.csv").write_bytes(b"x")
    (tmp_path / "b.csv").unlink()
    told = dict(damaged_files(tmp_path, header))
    assert sorted(told) == ["a.csv", "b.csv"]
    assert sha256(b"x") in told["a.csv"]
    assert "is missing" in told["b.csv"]


def test_segments_are_listed_by_number(tmp_path: Path) -> None:
    for name in ("000010.seg", "000002.seg", "1000000.seg", "notes.seg", "000003.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in segments(tmp_path)] == [
        "000002.seg",
        "000010.seg",
        "1000000.seg",
    ]
    assert segment_path(tmp_path, 2) == tmp_path / "000002.seg"


def test_a_folder_that_is_not_there_holds_no_journal(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="there is no journal at"):
        segments(tmp_path / "2026-08-04")
