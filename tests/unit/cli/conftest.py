"""Commands as a person or a script calls them, on a small captured market."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests import small_market
from typer.main import get_command
from typer.testing import CliRunner

from firki.cli.root import app


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


Firki = Callable[..., Ended]
ROOT: Any = get_command(app)
"""The whole command line; Any: click's types are vendored by typer."""


def commands(command: Any, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its words."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield words, command
        return
    for name, one in inner.items():
        yield from commands(one, *words, name)


@pytest.fixture(scope="session")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two captured days; nobody may change what lies there."""
    return small_market.capture(tmp_path_factory.mktemp("captured")).root


@pytest.fixture
def folder(captured: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(captured, tmp_path / "data"))


@pytest.fixture
def firki(captured: Path, tmp_path: Path) -> Firki:
    """Runs a command on the captured market, or on the ``data`` folder given."""

    def run(*words: str, data: Path = captured, **environ: str) -> Ended:
        env = {
            "HOME": str(tmp_path), "XDG_CONFIG_HOME": None, "XDG_DATA_HOME": None,
            "FIRKI_DATA__FOLDER": str(data), **environ,
        }  # fmt: skip
        result = CliRunner().invoke(app, words, env=env)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)

    return run
