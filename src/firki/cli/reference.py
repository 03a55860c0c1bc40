"""The command reference as a page, made of what the commands say of themselves.

python -m firki.cli.reference > docs/commands.md
"""

import inspect
import re
from collections.abc import Iterator
from typing import Any  # click's types are vendored by typer, under a private name

from typer.main import get_command

from firki.cli.exits import MEANINGS
from firki.cli.help import place, split, usage
from firki.cli.root import app

_INTRODUCTION = """\
# Commands

This page is made by `python -m firki.cli.reference`; a test fails when it is stale.

Every command tells its options with `--help`. Reading commands take `--json` and print one document
to standard output; complaints go to standard error. `--config FILE` names a settings file, `--demo`
means the data that `firki demo` keeps in its own folder. Candles, journal and instruments are read
from the data folder, whether firki runs or not; `firki status` asks the running one. Times are
Indian, numbers for people are grouped in lakhs and crores.

## Exit codes

| code | meaning |
|---|---|
"""


def render() -> str:
    """The whole page."""
    codes = "".join(f"| {code} | {meaning} |\n" for code, meaning in MEANINGS)
    root: Any = get_command(app)
    sections = [part for name, command in root.commands.items() for part in _parts(name, command)]
    return _INTRODUCTION + codes + "\n" + "\n".join(sections)


def _parts(words: str, command: Any) -> Iterator[str]:
    """A command's section, or those of a group's commands."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield _section(words, command)
        return
    yield f"## firki {words}\n\n{_text(command.help)}\n"
    for name, one in inner.items():
        yield _section(f"{words} {name}", one, level=3)


def _section(words: str, command: Any, *, level: int = 2) -> str:
    arguments, options = split(command)
    parts = [
        f"{'#' * level} firki {words}\n",
        f"    firki {words} {usage(command)}".rstrip() + "\n",
    ]
    parts.append(_text(command.help) + "\n")
    rows = [(f"`{place(one)}`", one.help or "", "") for one in arguments]
    rows += [(_names(one), _meaning(one), _default(one)) for one in options]
    if rows:
        table = ["| option | meaning | default |", "|---|---|---|"]
        table += [
            "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows
        ]
        parts.append("\n".join(table).replace(" |  |", " | |") + "\n")
    return "\n".join(parts)


def _names(option: Any) -> str:
    """Short and long names, with what they take."""
    takes = "" if option.is_flag else f" {option.metavar}"
    return ", ".join(f"`{name}{takes}`" for name in (*option.opts, *option.secondary_opts))


def _meaning(option: Any) -> str:
    limits = "" if option.min is None else f" From {option.min} to {option.max}."
    return f"{option.help or ''}{limits}"


def _default(option: Any) -> str:
    if option.is_flag or option.default in (None, (), []) or callable(option.default):
        return ""
    return f"`{option.default}`"


def _text(help_text: str | None) -> str:
    return re.sub(r"\n{3,}", "\n\n", inspect.cleandoc(help_text or ""))


if __name__ == "__main__":
    print(render(), end="")
