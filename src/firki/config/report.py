"""The settings as people see them: in force with origins, and as an example file."""

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from firki.config.sources import HIDDEN, Loaded
from firki.config.tree import Account, Settings

_WIDTH: Final = 96
_SAMPLE_ACCOUNT: Final = {
    "name": "main",
    "api_key": "your api_key",
    "access_token_file": "access_token",
}


class Row(NamedTuple):
    """A setting in force; ``origin`` is default, file:PATH or env:NAME."""

    key: str
    value: Any
    origin: str


def effective(loaded: Loaded) -> list[Row]:
    """Every setting in force, secrets hidden; values are plain JSON."""
    rows = []
    for section, part in loaded.settings:
        if isinstance(part, BaseModel):
            rows += [
                Row(key, plain(value), loaded.origins.get(key, "default"))
                for name, value in part
                for key in [f"{section}.{name}"]
            ]
            continue
        origin = loaded.origins.get(section, "default")
        rows += [
            Row(f"{section}[{n}].{name}", plain(value), origin)
            for n, account in enumerate(part)
            for name, value in account
        ]
        if not part:
            rows.append(Row(section, [], origin))
    return rows


def example() -> str:
    """A TOML file with every setting, its meaning and its default; it loads as the defaults."""
    lines = [
        "# firki's settings. Every line shows the default; the environment goes before this file:",
        "# capture.mode is FIRKI_CAPTURE__MODE, lists are comma separated or JSON.",
    ]
    for section, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            lines += ["", *_comment(kind.__doc__ or ""), f"[{section}]"]
            lines += [line for name in kind.model_fields for line in _entry(kind, name)]
        else:
            lines += ["", *_accounts(section)]
    return "\n".join(lines) + "\n"


def _accounts(section: str) -> Iterator[str]:
    """A sample in comments: there is no account by default."""
    yield from _comment(Account.__doc__ or "")
    yield f"# [[{section}]]"
    for name, field in Account.model_fields.items():
        yield from (f"# {line}" for line in _comment(field.description or ""))
        sample = _SAMPLE_ACCOUNT.get(name, field.default)
        yield f"# {name} = {json.dumps(sample, ensure_ascii=False)}"


def _entry(kind: type[BaseModel], name: str) -> Iterator[str]:
    field = kind.model_fields[name]
    yield from _comment(field.description or "")
    yield f"{name} = {_default(field)}"


def _default(field: FieldInfo) -> str:
    value = "" if field.is_required() else field.default
    return json.dumps(plain(value), ensure_ascii=False)


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ")


def plain(value: object) -> Any:
    """As JSON and TOML have it; secrets are hidden."""
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, tuple):
        return list(value)
    if value is None:
        return ""
    return str(value) if isinstance(value, Path) else value
