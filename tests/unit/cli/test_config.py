"""``firki config`` as a person or a script calls it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firki.cli.root import app
from firki.config import example

CANARY = "kx7CANARYsecret"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(
        "[serve]\nport = 9001\n"
        f'[[accounts]]\nname = "main"\napi_key = "{CANARY}"\naccess_token_file = "t"\n'
    )
    return path


def run(*words: str, home: Path, **environ: str) -> tuple[int, str, str]:
    env = {"HOME": str(home), "XDG_CONFIG_HOME": None, "XDG_DATA_HOME": None, **environ}
    result = CliRunner().invoke(app, ["config", *words], env=env)
    return result.exit_code, result.stdout, result.stderr


def test_every_setting_is_printed_with_its_origin(file: Path) -> None:
    code, out, _ = run("--config", str(file), home=file.parent, FIRKI_LOG__LEVEL="DEBUG")
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines()}
    assert code == 0
    assert rows["serve.port"] == ["9001", f"file:{file}"]
    assert rows["log.level"] == ['"DEBUG"', "env:FIRKI_LOG__LEVEL"]
    assert rows["clock.url"] == ['""', "default"]
    assert CANARY not in out


def test_json_holds_key_value_and_origin(file: Path) -> None:
    code, out, _ = run("--config", str(file), "--json", home=file.parent)
    rows = {row["key"]: (row["value"], row["origin"]) for row in json.loads(out)}
    assert code == 0
    assert rows["serve.port"] == (9001, f"file:{file}")
    assert rows["accounts[0].api_key"] == ("***", f"file:{file}")


def test_the_example_is_printed_without_reading_anything(tmp_path: Path) -> None:
    code, out, _ = run("--example", home=tmp_path, FIRKI_NO_SUCH="1")
    assert (code, out) == (0, example())


def test_wrong_settings_are_listed_on_standard_error(tmp_path: Path) -> None:
    code, out, err = run(home=tmp_path, FIRKI_SERVE__PORT="x", FIRKI_NO_SUCH="1")
    assert (code, out) == (2, "")
    assert "serve.port" in err
    assert "FIRKI_NO_SUCH" in err


@pytest.mark.slow
def test_the_command_line_imports_nothing_heavy() -> None:
    script = "import sys, firki.cli.root; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    heavy = {"pydantic", "numpy", "numba", "polars", "fastapi", "httpx2", "picows", "uvicorn"}
    assert heavy.isdisjoint(found.stdout.decode().split())
