"""The settings as a page, made of what the tree says of itself.

python -m firki.config.page > docs/settings.md
"""

import json
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin  # Any: annotations of every kind

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from firki.config.report import plain
from firki.config.tree import Account, Settings, Takes

_WIDTH: Final = 100
_WORDS: Final[dict[Any, str]] = {
    int: "a whole number", float: "a number", bool: "`true` or `false`", str: "a text",
    SecretStr: "a text, which is never shown", Path: "a path", Path | None: "a path, or nothing",
}  # fmt: skip
_INTRODUCTION: Final = """\
# Settings

This page is made by `python -m firki.config.page`; a test fails when it is stale.

Sources in rising order: the defaults, a TOML file (`--config FILE`, else
`$XDG_CONFIG_HOME/firki/config.toml`, else `~/.config/firki/config.toml` when it exists), and the
environment: `capture.mode` is `FIRKI_CAPTURE__MODE`, lists are comma separated or JSON. An unknown
key is an error, and so is an unknown name in the environment that begins with `FIRKI_`; a refusal
lists everything that is wrong. `firki config` shows what is in force and where it comes from,
secrets hidden; `firki config --example` writes a file to begin with. A relative path begins at the
folder of the file it stands in; `~` is the home folder.
"""


def render() -> str:
    """The whole page."""
    parts = [_INTRODUCTION]
    for section, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            parts += _section(f"[{section}]", section, kind)
        else:
            parts += _section(f"[[{section}]]", section, Account)
    return "\n".join(parts)


def _section(head: str, section: str, kind: type[BaseModel]) -> Iterator[str]:
    yield f"## {head}\n\n{_wrapped(kind.__doc__ or '')}\n"
    for name, field in kind.model_fields.items():
        takes = f"Takes {_takes(field)}. {_default(field, has_one=kind is not Account)}"
        yield f"### {section}.{name}\n\n{_wrapped(f'{field.description}.')}\n\n{takes}\n"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _default(field: FieldInfo, *, has_one: bool) -> str:
    """The folder's default follows from the environment; the accounts' secrets have none."""
    if field.is_required() and not has_one:
        return "It has no default."
    value = "" if field.is_required() else plain(field.default)
    return f"Default: `{json.dumps(value, ensure_ascii=False)}`."


def _takes(field: FieldInfo) -> str:
    """What a value may be, with its limits."""
    kind: Any = field.annotation
    if said := _said(field.metadata):
        return said
    if get_origin(kind) is tuple:
        return f"a list of {_said(get_args(get_args(kind)[0])) or 'names'}"
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(f"`{json.dumps(word)}`" for word in get_args(kind))
    return " ".join([_WORDS[kind], *_limits(field)])


def _said(metadata: Iterable[Any]) -> str:
    return next((one.words for one in metadata if isinstance(one, Takes)), "")


def _limits(field: FieldInfo) -> Iterator[str]:
    for limit in field.metadata:
        for name, word in (("ge", "from"), ("gt", "above"), ("le", "up to")):
            if (bound := getattr(limit, name, None)) is not None:
                yield f"{word} {bound}"


if __name__ == "__main__":
    print(render(), end="")
