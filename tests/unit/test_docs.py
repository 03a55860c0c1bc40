"""The pages keep up with the program: links lead somewhere, what they show can be given.

Commands, settings, routes, metrics and the calendar's file have tests beside their modules.
"""

import re
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import typer
from tests.pages import README, ROOT, blocks, command_lines
from typer.main import get_command

from firki.app.sim import SimFacts
from firki.cli.root import app
from firki.cli.sim import in_words
from firki.config import read
from firki.serve.access import ACCESS, Role

PAGES: Final = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
_LONGEST_LINE: Final = 104
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_CODE: Final = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)

page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)


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
def test_no_line_of_text_is_long(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    lines = [line for line in text.splitlines() if not line.startswith(("|", "    "))]
    assert [line for line in lines if len(line) > _LONGEST_LINE] == []


@page
def test_every_command_line_shown_is_one_that_can_be_given(page: Path) -> None:
    for words in command_lines(page, "firki"):
        command: Any = get_command(app)  # click's types are vendored by typer
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        context = typer.Context(command)
        command.parse_args(context, words)


@page
def test_every_make_target_shown_exists(page: Path) -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for words in command_lines(page, "make"):
        assert words[0] in targets


def test_the_first_commands_of_the_readme_are_the_demo_and_the_tests() -> None:
    assert command_lines(README, "make")[:2] == [["demo"], ["test"]]
    assert command_lines(README, "firki")


def test_the_readme_shows_the_lines_that_the_simulator_prints() -> None:
    empty: dict[str, object] = dict.fromkeys(SimFacts.__struct_fields__, "") | {"accounts": []}
    printed = in_words(msgspec.convert(empty, SimFacts)).splitlines()
    (shown,) = [text for text in blocks(README, "python") if "KiteConnect" in text]
    for line in shown.splitlines():
        assert "  " + re.sub(r'"[^"]*"', '""', line) in printed


def test_the_routes_that_need_no_credential_are_named() -> None:
    open_routes = {path for (_, path), access in ACCESS.items() if access.role is Role.OPEN}
    for path in (README, ROOT / "docs/interface.md", ROOT / "docs/architecture.md"):
        text = " ".join(path.read_text().split())
        (rest,) = re.findall(r"(`/health`,? (?:which )?(?:then )?tells .*?)\. ", text)
        assert set(re.findall(r"`(/[\w.]+)`", rest)) == open_routes


def test_the_readme_shows_a_settings_file_that_is_taken(tmp_path: Path) -> None:
    (text,) = blocks(README, "toml")
    file = tmp_path / "config.toml"
    file.write_text(text)
    settings = read(file, {"HOME": str(tmp_path)}).settings
    assert settings.accounts[0].access_token_file == tmp_path / "access_token"
    assert settings.capture.want == ("NSE:INFY", "NSE:RELIANCE")


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs/README.md").read_text()
    names = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert names <= {link.partition("#")[0] for link in _LINK.findall(index)}


def test_the_architecture_names_files_and_functions_that_are_there() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    source = ROOT / "src/firki"
    named = set(re.findall(r"\b((?:app|capture|live)/\w+\.py)\b", page))
    assert named
    assert [name for name in named if not (source / name).exists()] == []
    chain = re.findall(r"^    (\w+/\w+\.py) +(?:\w+\.)?(\w+) ", page, re.MULTILINE)
    assert len(chain) == 6
    for name, function in chain:
        assert f"def {function}(" in (source / name).read_text()
    tree = re.search(r"^      app/.*?^      serve/", page, re.MULTILINE | re.DOTALL)
    assert tree is not None
    for name in re.findall(r"\w+\.py", tree[0]):
        assert (source / "app" / name).exists(), name


def test_the_architecture_names_every_file_with_kernels_that_call_each_other() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    live = ROOT / "src/firki/live"
    files = {path.name for path in live.glob("*.py") if "@inlined\n" in path.read_text()}
    (decision,) = re.findall(r"^### 5\..*?(?=^### 6)", page, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"live/(\w+\.py)", decision)) == files
