"""The command reference says what the commands say."""

import re
from pathlib import Path

import pytest
from tests.unit.cli.conftest import ROOT, Firki, commands

from firki.cli.exits import MEANINGS
from firki.cli.reference import render

PAGE = Path(__file__).parents[3] / "docs/commands.md"


def test_the_page_is_what_the_commands_say_now() -> None:
    assert PAGE.read_text() == render(), "run: python -m firki.cli.reference > docs/commands.md"


def test_arguments_options_and_defaults_are_told() -> None:
    page = render()
    assert "    firki candles KEY [OPTIONS]\n" in page
    assert "    firki journal verify [DATE] [OPTIONS]\n" in page
    assert "| `--count NUMBER`, `-n NUMBER` | The newest so many. From 1 to 1000000. | |" in page
    assert (
        "| `--port NUMBER` | REST and websocket; 0 takes any free port. From 0 to 65535. |" in page
    )
    assert "| `--watch`, `-w` | Show it again every second, until Ctrl-C. | |" in page


def test_every_exit_code_has_one_meaning() -> None:
    codes = [code for code, _ in MEANINGS]
    assert codes == list(range(len(codes)))
    assert all(f"| {code} | {meaning} |" in render() for code, meaning in MEANINGS)


@pytest.mark.parametrize("words", [words for words, _ in commands(ROOT)], ids=" ".join)
def test_help_names_what_the_page_names(words: tuple[str, ...], firki: Firki) -> None:
    part = re.search(
        rf"^#+ firki {' '.join(words)}\n(.*?)(?=^#|\Z)", render(), re.MULTILINE | re.DOTALL
    )
    assert part is not None
    shown = " ".join(firki(*words, "--help").out.split())
    (call,) = re.findall(r"^    firki (.*)$", part[1], re.MULTILINE)
    assert f"{call} " in shown
    for cell in re.findall(r"^\| (`.*?`) \|", part[1], re.MULTILINE):
        names = [name.split() for name in re.findall(r"`([^`]+)`", cell)]
        assert all(name[0] in shown for name in names)
        assert f"{' '.join(names[0])} " in shown or len(names) > 1
    assert "<" not in re.sub(r"[\d.]+<=x<=[\d.]+", "", shown)


def test_commands_stand_in_panels(firki: Firki) -> None:
    lines = firki("--help").out.splitlines()
    panels = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert panels == ["Options:", "Run a market:", "Read and build:", "Check:"]
    assert {line.split()[0] for line in lines if line.startswith("  ")} >= ROOT.commands.keys()
