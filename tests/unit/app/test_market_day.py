"""The book a day was begun with, as this release finds it beside the day's journal."""

from pathlib import Path

import pytest
from tests.fakes.disk import FaultyDisk
from tests.fakes.small_day import DAY, book

from firki.app.market_day import read_book
from firki.capture.journal_day import create
from firki.errors import ConfigError, Corrupt


def begun(folder: Path, **changed: bytes) -> Path:
    """A journal whose header names these files, as another release wrote them."""
    files = {**book().attachments(), **{f"{n}.{_ENDS[n]}": data for n, data in changed.items()}}
    create(folder, book().header(DAY), files, disk=FaultyDisk())
    return folder


_ENDS = {"calendar": "toml", "overrides": "toml", "fold": "json"}


def test_a_book_comes_back_as_it_was_begun_with(tmp_path: Path) -> None:
    found = read_book(begun(tmp_path))
    assert found.header(DAY) == book().header(DAY)
    assert found.csv == book().csv


def test_a_calendar_this_release_does_not_take_is_named(tmp_path: Path) -> None:
    other = book().calendar_files.base + b"\n[[of_another_release]]\nx = 1\n"
    with pytest.raises(ConfigError, match=r"calendar\.toml: .*of_another_release"):
        read_book(begun(tmp_path, calendar=other))


def test_overrides_this_release_does_not_take_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"overrides\.toml: .*of_another_release"):
        read_book(begun(tmp_path, overrides=b"[[of_another_release]]\nx = 1\n"))


def test_rules_this_release_does_not_take_are_named(tmp_path: Path) -> None:
    with pytest.raises(Corrupt, match=r"fold\.json: .*final_exchange_seconds"):
        read_book(begun(tmp_path, fold=b"{}"))


def test_a_file_the_header_does_not_name_is_missed(tmp_path: Path) -> None:
    files = book().attachments()
    del files["overrides.toml"]
    create(tmp_path, book().header(DAY), files, disk=FaultyDisk())
    with pytest.raises(Corrupt, match=r"names no overrides\.toml"):
        read_book(tmp_path)
