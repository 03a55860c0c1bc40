"""Commands as a person or a script calls them, on a small captured market."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from tests import small_market
from typer.testing import CliRunner

from firki.cli.root import app


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


Firki = Callable[..., Ended]


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
