"""What the benchmark's table says of a goal."""

from datetime import date

import pytest
from bench.__main__ import main
from bench.instruments import dump
from bench.rows import Row, line

from firki.app.bench.figure import Figure
from firki.kite.instruments import parse
from firki.model.hours import CLASSES

RATE = Figure(what="decode", value=50.0, unit="ticks/s", peer=5.0, beside="a peer")
TIME = Figure(what="restart", value=6.0, unit="s", less_is_better=True)


@pytest.mark.parametrize(
    ("row", "reached"),
    [
        (Row(RATE), None),
        (Row(RATE, 50.0), True),
        (Row(RATE, 50.1), False),
        (Row(RATE, 10.0, of_ratio=True), True),
        (Row(RATE, 10.1, of_ratio=True), False),
        (Row(TIME, 6.0), True),
        (Row(TIME, 5.0), False),
        (Row(TIME, 1.0, of_ratio=True), False),
    ],
)
def test_a_goal_is_reached_by_value_or_by_ratio(row: Row, reached: bool | None) -> None:
    assert row.reached is reached


def test_a_line_tells_value_peer_ratio_and_goal() -> None:
    assert line(Row(RATE, 10.0, of_ratio=True)).split() == [
        "decode", "50.0", "ticks/s", "5.00", "a", "peer", "10.0x", ">=", "10.0x", "met",
    ]  # fmt: skip
    assert line(Row(TIME, 5.0)).split() == ["restart", "6.00", "s", "<=", "5.00", "s", "MISSED"]


def test_the_made_up_master_is_one_that_kite_could_send() -> None:
    table = parse(dump(2_600), day=date(2026, 11, 20))
    assert (len(table), table.oddities) == (2_600, {})
    kinds = {str(CLASSES[code]) for code in table.session_class}
    assert kinds == {"cas", "cash", "index", "derivative", "currency", "commodity"}


def test_an_unknown_section_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lunch"]) == 2
    assert "expected some of decode, grid, replay" in capsys.readouterr().out
