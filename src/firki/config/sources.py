"""Defaults, file and environment put together, with every fault of all of them at once."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from firki.config.tree import Account, Settings
from firki.errors import ConfigError

PREFIX: Final = "FIRKI_"
HIDDEN: Final = "***"
NOT_SETTINGS: Final = frozenset({"FIRKI_LONG"})
"""Names in the environment that belong to the tests."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and where those that are no default came from: ``file:PATH`` or ``env:NAME``."""

    settings: Settings
    origins: Mapping[str, str]


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings in force; raises ConfigError that lists every fault of every source."""
    return read(path, environ).settings


def read(path: Path | None, environ: Mapping[str, str]) -> Loaded:
    """As ``load``, with origins. Without ``path`` the user's own file is read if there is one."""
    home = Path(environ.get("HOME") or Path.home())
    errors: list[str] = []
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    file = path or _own_file(environ, home)
    for key, value in _flat(_file(file, errors, asked=path is not None)):
        _put(merged, key, _placed(key, value, file.absolute().parent, home))
        origins[key] = f"file:{file}"
    for name, text in environ.items():
        if name.startswith(PREFIX) and name not in NOT_SETTINGS:
            _put_environment(merged, origins, name, text, home, errors)
    folder = merged.get("data")
    if folder is None or (isinstance(folder, dict) and folder.get("folder", "") == ""):
        _put(merged, "data.folder", str(_data_folder(environ, home)))
        origins.pop("data.folder", None)
    try:
        settings = Settings.model_validate_json(json.dumps(merged, default=str), strict=True)
    except ValidationError as fault:
        errors += _lines(fault.errors(include_url=False), origins)
        raise _refusal(errors) from None
    if errors:
        raise _refusal(errors)
    return Loaded(settings, origins)


def _refusal(errors: list[str]) -> ConfigError:
    count = "one setting is" if len(errors) == 1 else f"{len(errors)} settings are"
    return ConfigError("\n".join([f"{count} wrong:", *(f"  {error}" for error in errors)]))


def _own_file(environ: Mapping[str, str], home: Path) -> Path:
    folder = environ.get("XDG_CONFIG_HOME")
    return (Path(folder) if folder else home / ".config") / "firki" / "config.toml"


def _data_folder(environ: Mapping[str, str], home: Path) -> Path:
    folder = environ.get("XDG_DATA_HOME")
    return (Path(folder) if folder else home / ".local/share") / "firki"


def _file(file: Path, errors: list[str], *, asked: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode())
    except FileNotFoundError:
        if asked:
            errors.append(f"--config: expected a file, found nothing at {file}")
    except OSError as fault:
        errors.append(f"{file}: cannot be read: {fault.strerror}")
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        errors.append(f"{file}: not TOML in UTF-8: {fault}")
    return {}


def _flat(tables: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """section.key and value; an empty table is left out."""
    for key, value in tables.items():
        if isinstance(value, dict) and not prefix:
            yield from _flat(value, f"{key}.")
        else:
            yield prefix + key, value


def _put(merged: dict[str, Any], key: str, value: Any) -> None:
    section, _, name = key.partition(".")
    if not name:
        merged[section] = value
        return
    table = merged.setdefault(section, {})
    if isinstance(table, dict):
        table[name] = value


def _put_environment(
    merged: dict[str, Any],
    origins: dict[str, str],
    name: str,
    text: str,
    home: Path,
    errors: list[str],
) -> None:
    key = name.removeprefix(PREFIX).lower().replace("__", ".")
    found = setting(key)
    if found is None:
        errors.append(f"{name}: no such setting{_nearest(key)} (environment)")
        return
    value = _from_text(text, found)
    _put(merged, key, _placed(key, value, Path.cwd(), home))
    origins[key] = f"env:{name}"


def setting(key: str) -> FieldInfo | None:
    """The field behind section.key, or behind a section that is a list."""
    section, _, name = key.partition(".")
    field = Settings.model_fields.get(section)
    if field is None or section == "accounts":
        return None if name else field
    kind = field.annotation
    if isinstance(kind, type) and issubclass(kind, BaseModel) and name:
        return kind.model_fields.get(name)
    return None


def keys() -> Iterator[str]:
    """Every setting outside the accounts, as section.key."""
    for section, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from (f"{section}.{name}" for name in kind.model_fields)


def _from_text(text: str, field: FieldInfo) -> Any:
    """What the environment's text stands for in a field of this kind."""
    kind = field.annotation
    is_list = str(kind).startswith("tuple")
    if is_list and not text.lstrip().startswith("["):
        return [word for item in text.split(",") if (word := item.strip())]
    if is_list or kind in (int, float, bool):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _placed(key: str, value: Any, base: Path, home: Path) -> Any:
    """Paths made absolute: from the home folder after ~, else from where the setting stands."""
    if key == "accounts" and isinstance(value, list):
        paths = {name for name, field in Account.model_fields.items() if _is_path(field)}
        return [
            {name: _place(v, base, home) if name in paths else v for name, v in row.items()}
            if isinstance(row, dict)
            else row
            for row in value
        ]
    field = setting(key)
    return _place(value, base, home) if field and _is_path(field) else value


def _is_path(field: FieldInfo) -> bool:
    return field.annotation is Path or Path in get_args(field.annotation)


def _place(value: Any, base: Path, home: Path) -> Any:
    if not isinstance(value, str) or not value:
        return value
    if value == "~" or value.startswith("~/"):
        return str(home / value[2:])
    return str(base / value)


def _lines(details: list[ErrorDetails], origins: Mapping[str, str]) -> list[str]:
    """A line for each key at fault; of a key that could be of two kinds, the first is told."""
    lines: dict[str, str] = {}
    for detail in details:
        key = _name(detail["loc"])
        text = detail["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
        if not key:
            # a rule of the whole tree names its key first
            key, _, text = text.partition(": ")
        elif detail["type"] == "extra_forbidden":
            text = f"no such setting{_nearest(key)}"
        elif detail["type"] == "missing":
            text = "missing"
        else:
            text += f", found {_found(key, detail['input'])}"
        origin = origins.get(key) or _section_origin(key, origins)
        lines.setdefault(key, f"{key}: {text}" + (f" ({origin})" if origin else ""))
    return list(lines.values())


def _section_origin(key: str, origins: Mapping[str, str]) -> str | None:
    """Where the list the key stands in comes from, else the rest of its section."""
    outer = key.partition("[")[0]
    section = outer.partition(".")[0]
    near = (o for k, o in origins.items() if k.partition(".")[0] == section)
    return origins.get(outer) or next(near, None)


def _name(loc: tuple[int | str, ...]) -> str:
    """accounts[0].root, capture.want[2]; parts that name a kind of a union are left out."""
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        elif "function-" not in part and part not in ("str", "int"):
            text += f".{part}" if text else part
    return text


def _nearest(key: str) -> str:
    if key.startswith("accounts["):
        return f"; there is {', '.join(Account.model_fields)}"
    near = get_close_matches(key, [*keys(), *Settings.model_fields], n=1, cutoff=0.5)
    return (
        f"; did you mean {near[0]}?" if near else f"; there is {', '.join(Settings.model_fields)}"
    )


def _found(key: str, value: object) -> str:
    """What was found; secrets are never shown."""
    last = key.rpartition(".")[2]
    field = Account.model_fields.get(last)
    if key.startswith("accounts") and (field is None or field.annotation is SecretStr):
        return HIDDEN
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."
