"""No number that is typed ends in a traceback."""

import pytest
from tests.unit.cli.conftest import ROOT, Firki, commands

from firki.app.sim import MOST_ACCOUNTS
from firki.simulator.clock import FASTEST
from firki.simulator.snapshotter import MOST_HZ
from firki.simulator.universe import MOST_INSTRUMENTS

ABSURD = ("-1", "-99999999999999999999", "99999999999999999999", "1e999", "nan", "inf", "", "x")


NUMBERS = {
    (*words, param.opts[0]): param
    for words, command in commands(ROOT)
    for param in command.params
    if param.type_descriptor.annotation in (int, float)
}


def test_the_numbers_are_those_that_are_known_here() -> None:
    assert len(NUMBERS) == 11


@pytest.mark.parametrize("words", NUMBERS, ids=" ".join)
def test_every_number_has_limits_and_what_lies_beyond_is_refused(
    words: tuple[str, ...], firki: Firki
) -> None:
    param = NUMBERS[words]
    assert None not in (param.min, param.max)
    for text in (*ABSURD, str(param.min - 1), str(param.max + 1)):
        code, out, err = firki(*words, text)
        assert (code, out) == (2, ""), text
        assert words[-1] in err


def test_the_limits_are_those_of_what_is_told() -> None:
    most = {
        ("sim", "--instruments"): MOST_INSTRUMENTS, ("demo", "--instruments"): MOST_INSTRUMENTS,
        ("sim", "--accounts"): MOST_ACCOUNTS, ("sim", "--steady-hz"): MOST_HZ,
        ("replay", "--speed"): FASTEST,
    }  # fmt: skip
    assert {words: NUMBERS[words].max for words in most} == most


@pytest.mark.parametrize(
    "words",
    [
        ("candles", "²"), ("candles", "9" * 5000), ("candles", "NSE:INFY", "-i", "9" * 5000 + "m"),
        ("candles", "NSE:INFY", "-i", "1441m"), ("candles", "NSE:INFY", "--from", "9" * 5000),
        ("sim", "--date", "0001-01-01"), ("demo", "--date", "9999-12-31"),
        ("sim", "--speed", "5@09:00+05:30,6@10:00"), ("replay", "--from", "99:99"),
    ],
    ids=lambda words: " ".join(words)[:40],
)  # fmt: skip
def test_a_number_within_a_text_is_refused_in_a_sentence(
    firki: Firki, words: tuple[str, ...]
) -> None:
    code, out, err = firki(*words)
    assert code in {2, 6}
    assert (out, err.count("\n")) == ("", 1)
    assert len(err) < 20_000
