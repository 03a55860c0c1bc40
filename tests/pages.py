"""What the project's pages show: blocks of code, and the command lines in them."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
README: Final = ROOT / "README.md"
_BLOCK: Final = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(path: Path, language: str) -> Iterator[str]:
    """The text of every block in that language."""
    return (text for name, text in _BLOCK.findall(path.read_text()) if name == language)


def command_lines(path: Path, program: str) -> list[list[str]]:
    """The words after ``program`` of every line of a shell block that calls it."""
    call = re.compile(rf"^(?:[A-Z_]+=\S* )*{program} (.*)", re.MULTILINE)
    calls = [words for block in blocks(path, "sh") for words in call.findall(block)]
    return [shlex.split(words, comments=True) for words in calls]
