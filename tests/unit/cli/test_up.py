"""``firki up``, ``demo`` and ``replay`` before anything of them runs."""

from pathlib import Path

import pytest
from tests.unit.cli.conftest import Firki


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("replay", "foo"), "DATE: expected YYYY-MM-DD, found 'foo'"),
        (("replay", "--from", "noon"), "--from: expected HH:MM, found 'noon'"),
        (("replay", "--from", "09:30+05:30"), "--from: expected HH:MM, found '09:30+05:30'"),
        (("demo", "--date", "2026-13-01"), "--date: expected YYYY-MM-DD, found '2026-13-01'"),
    ],
)
def test_a_day_or_time_in_another_form_is_one_sentence(
    firki: Firki, words: tuple[str, ...], said: str
) -> None:
    assert firki(*words) == (2, "", f"firki: {said}\n")


def test_a_day_that_was_not_recorded_names_those_that_were(firki: Firki) -> None:
    code, _, err = firki("replay", "2026-11-18")
    assert code == 2
    assert "newest: 2026-11-19, 2026-11-20" in err


def test_a_folder_without_a_recorded_day_is_told(firki: Firki, tmp_path: Path) -> None:
    code, _, err = firki("replay", data=tmp_path)
    assert code == 4
    assert "has no journal" in err
