"""The command reference as a page, made of what the commands say of themselves.

python -m firki.cli.reference > docs/commands.md
"""

import inspect
import re
from collections.abc import Iterator
from typing import Any  # click's types are vendored by typer, under a private name

import typer
from typer.main import get_command

from firki.cli.exits import MEANINGS
from firki.cli.root import app

_INTRODUCTION = """\
# Commands

This page is made by `python -m firki.cli.reference`; a test fails when it is stale.

Every command tells its options with `--help`. Reading commands take `--json` and print one document
to standard output; complaints go to standard error. `--config FILE` names a settings file, `--demo`
means the data that `firki demo` keeps in its own folder. Candles, journal and instruments are read
from the data folder, whether firki runs or not; `firki status` asks the running one. Times are
Indian, figures for people have lakhs and crores set off.

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
    shown = [param for param in command.params if not getattr(param, "hidden", False)]
    arguments = [param for param in shown if param.param_type_name == "argument"]
    options = [param for param in shown if param.param_type_name == "option"]
    usage = " ".join(
        [*(_place(argument) for argument in arguments), *(["[OPTIONS]"] * bool(options))]
    )
    parts = [f"{'#' * level} firki {words}\n", f"    firki {words} {usage}".rstrip() + "\n"]
    parts.append(_text(command.help) + "\n")
    rows = [(f"`{_place(one)}`", one.help or "", "") for one in arguments]
    context = typer.Context(command)
    rows += [(_names(one, context), one.help or "", _default(one)) for one in options]
    if rows:
        table = ["| option | meaning | default |", "|---|---|---|"]
        table += [
            "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows
        ]
        parts.append("\n".join(table).replace(" |  |", " | |") + "\n")
    return "\n".join(parts)


def _place(argument: Any) -> str:
    """An argument as it stands in a call: KEY, [DATE], TEXT..."""
    name = (argument.metavar or argument.name).strip("[].").upper()
    name += "..." if argument.nargs == -1 else ""
    return name if argument.required else f"[{name}]"


def _names(option: Any, context: typer.Context) -> str:
    """Short and long names, with what they take."""
    takes = "" if option.is_flag else f" {(option.metavar or _kind(option, context)).upper()}"
    return ", ".join(f"`{name}{takes}`" for name in (*option.opts, *option.secondary_opts))


def _kind(option: Any, context: typer.Context) -> str:
    kind = str(option.display_type(context)).strip("<>").removeprefix("list[").rstrip("]")
    words = {"str": "text", "int": "number", "float": "number", "path": "file"}
    return words.get(kind.removesuffix(" range"), kind)


def _default(option: Any) -> str:
    if option.is_flag or option.default in (None, (), []) or callable(option.default):
        return ""
    return f"`{option.default}`"


def _text(help_text: str | None) -> str:
    return re.sub(r"\n{3,}", "\n\n", inspect.cleandoc(help_text or ""))


if __name__ == "__main__":
    print(render(), end="")
