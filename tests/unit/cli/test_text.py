"""Figures and tables as people read them."""

import pytest

from firki.cli.text import grouped, pairs, size, table


@pytest.mark.parametrize(
    ("number", "decimals", "text"),
    [
        (0, 0, "0"),
        (999, 0, "999"),
        (1000, 0, "1,000"),
        (99_999, 0, "99,999"),
        (1_00_000, 0, "1,00,000"),
        (12_34_56_789, 0, "12,34,56,789"),
        (12_34_567.5, 2, "12,34,567.50"),
        (-1_00_000.25, 2, "-1,00,000.25"),
        (83.4275, 4, "83.4275"),
    ],
)
def test_lakhs_and_crores_are_set_off(number: float, decimals: int, text: str) -> None:
    assert grouped(number, decimals) == text


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    text = table(("key", "n"), [("a", "1"), ("bcde", "22")], left=("key",))
    assert text == "key    n\na      1\nbcde  22"


def test_values_stand_one_under_the_other() -> None:
    assert pairs([("a", "1"), ("long", "2")]) == "a     1\nlong  2"
    assert pairs([]) == ""


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (6.8e9, "6.8 GB"), (2e12, "2.0 TB")],
)
def test_bytes_have_a_readable_unit(count: float, text: str) -> None:
    assert size(count) == text
