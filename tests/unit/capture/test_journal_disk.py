from pathlib import Path

import pytest

from firki.capture.journal_disk import SystemDisk


def test_a_file_only_grows_and_is_durable_when_asked(tmp_path: Path) -> None:
    disk, path = SystemDisk(), tmp_path / "new"
    file = disk.create(path)
    file.write(b"one ")
    file.write(bytes(100_000))
    file.sync()
    file.close()
    disk.sync(path)
    disk.sync(tmp_path)
    assert path.read_bytes() == b"one " + bytes(100_000)


def test_a_name_that_is_taken_is_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "taken"
    path.write_bytes(b"kept")
    with pytest.raises(FileExistsError):
        SystemDisk().create(path)
    assert path.read_bytes() == b"kept"


def test_a_file_closed_twice_leaves_other_files_alone(tmp_path: Path) -> None:
    file = SystemDisk().create(tmp_path / "first")
    file.close()
    with (tmp_path / "second").open("wb") as other:
        file.close()
        other.write(b"still open")
    assert (tmp_path / "second").read_bytes() == b"still open"


def test_only_its_owner_may_read_a_segment(tmp_path: Path) -> None:
    SystemDisk().create(tmp_path / "new").close()
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600


def test_a_file_forgotten_is_read_from_the_disk(tmp_path: Path) -> None:
    disk, path = SystemDisk(), tmp_path / "new"
    path.write_bytes(bytes(range(256)) * 64)
    disk.sync(path)
    disk.forget(path)
    assert path.read_bytes() == bytes(range(256)) * 64
