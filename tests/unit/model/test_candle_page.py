"""The pages for users of Parquet and of Python tell the numbers that the code has."""

import re
from enum import IntEnum
from pathlib import Path

import pytest

from firki.model.candle import Flag, SessionKind, Status

DOCS = Path(__file__).parents[3] / "docs"

page = pytest.mark.parametrize("page", ["lake.md", "python.md"])


def rows(page: str, head: str) -> list[list[str]]:
    """The cells of the table under that head, without their backquotes."""
    table = re.search(
        rf"^\| {re.escape(head)} \|.*\n\|[-|]+\n((?:\|.*\n)+)",
        (DOCS / page).read_text(),
        re.MULTILINE,
    )
    assert table is not None
    return [
        [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        for line in table[1].splitlines()
    ]


def told(kind: type[IntEnum]) -> dict[int, str]:
    return {one.value: one.name.lower() for one in kind}


@page
def test_the_numbers_of_status_and_session_are_the_codes(page: str) -> None:
    table = rows(page, "number | `status` | `session`")
    assert {int(row[0]): row[1] for row in table} == told(Status)
    assert {int(row[0]): row[2] for row in table} == told(SessionKind)


@page
def test_the_numbers_of_flags_are_the_codes(page: str) -> None:
    table = rows(page, "number | flag")
    assert {int(row[0]): row[1] for row in table} == {
        flag.value: (flag.name or "").lower() for flag in Flag
    }
