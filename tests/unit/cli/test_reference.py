"""The command reference says what the commands say."""

from pathlib import Path

from firki.cli.exits import MEANINGS
from firki.cli.reference import render

PAGE = Path(__file__).parents[3] / "docs/commands.md"


def test_the_page_is_what_the_commands_say_now() -> None:
    assert PAGE.read_text() == render(), "run: python -m firki.cli.reference > docs/commands.md"


def test_arguments_options_and_defaults_are_told() -> None:
    page = render()
    assert "    firki candles KEY [OPTIONS]\n" in page
    assert "    firki journal verify [DATE] [OPTIONS]\n" in page
    assert (
        "| `--interval TEXT`, `-i TEXT` | Such as 1m, 5m, 90m, 2h, day, week, month. | `5m` |"
        in page
    )
    assert "| `--watch`, `-w` | Show it anew every second, until Ctrl-C. | |" in page


def test_every_exit_code_has_one_meaning() -> None:
    codes = [code for code, _ in MEANINGS]
    assert codes == list(range(len(codes)))
    assert all(f"| {code} | {meaning} |" in render() for code, meaning in MEANINGS)
