"""The pages keep up with the program: links lead somewhere, what they show can be given.

Commands, settings, routes, metrics and the calendar's file have tests beside their modules.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from typer.main import get_command

from firki.cli.root import app
from firki.config import read

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_BLOCK: Final = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CODE: Final = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)

page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)


def _blocks(path: Path, language: str) -> Iterator[str]:
    return (text for name, text in _BLOCK.findall(path.read_text()) if name == language)


def _lines(path: Path, program: str) -> list[list[str]]:
    """The words after ``program`` of every line of a shell block that calls it."""
    call = re.compile(rf"^(?:[A-Z_]+=\S* )*{program} (.*)", re.MULTILINE)
    calls = [words for block in _blocks(path, "sh") for words in call.findall(block)]
    return [shlex.split(words, comments=True) for words in calls]


def _anchors(path: Path) -> set[str]:
    """As a code host makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-") for text in headings}


@page
def test_every_link_leads_somewhere(page: Path) -> None:
    lost = []
    for link in _LINK.findall(_CODE.sub("", page.read_text())):
        target, _, anchor = link.partition("#")
        if "://" in target:
            continue
        path = (page.parent / target).resolve() if target else page
        if not path.exists() or (anchor and anchor not in _anchors(path)):
            lost.append(link)
    assert not lost


@page
def test_every_command_line_shown_is_one_that_can_be_given(page: Path) -> None:
    for words in _lines(page, "firki"):
        command: Any = get_command(app)  # click's types are vendored by typer
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        context = typer.Context(command)
        command.parse_args(context, words)


@page
def test_every_make_target_shown_exists(page: Path) -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for words in _lines(page, "make"):
        assert words[0] in targets


def test_the_first_commands_of_the_readme_are_the_demo_and_the_tests() -> None:
    assert _lines(ROOT / "README.md", "make")[:2] == [["demo"], ["test"]]
    assert _lines(ROOT / "README.md", "firki")


def test_the_readme_shows_a_settings_file_that_is_taken(tmp_path: Path) -> None:
    (text,) = _blocks(ROOT / "README.md", "toml")
    file = tmp_path / "config.toml"
    file.write_text(text)
    settings = read(file, {"HOME": str(tmp_path)}).settings
    assert settings.accounts[0].access_token_file == tmp_path / "access_token"
    assert settings.capture.want == ("NSE:INFY", "NSE:RELIANCE")


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs/README.md").read_text()
    names = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert names <= {link.partition("#")[0] for link in _LINK.findall(index)}
