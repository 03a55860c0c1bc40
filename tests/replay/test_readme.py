"""What README and pages show is done as a newcomer would: at home, beside a running demo."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from tests.pages import README, ROOT, blocks, command_lines
from tests.replay.program import Program, wait_until

from firki.timing import SECOND

pytestmark = pytest.mark.slow

_USUAL_ADDRESS = "http://127.0.0.1:8080"
_RUN_ON = ("make ", "FIRKI_SERVE__PORT=0 firki replay")
"""Blocks of programs that do not end by themselves."""


@dataclass(frozen=True)
class Newcomer:
    """A home folder with a clone in it, and the demo that runs there."""

    home: Path
    environ: Mapping[str, str]
    program: Program

    def run(self, *command: str, text: str) -> str:
        """What a shell or Python says to the text of a block; it must end well."""
        shown = text.replace(_USUAL_ADDRESS, self.program.url)
        ended = subprocess.run(
            [*command, shown], cwd=self.home, env={**os.environ, **self.environ},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        return ended.stdout


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    home = tmp_path_factory.mktemp("home")
    (home / ".venv").symlink_to(sys.prefix)
    ticks = {"symbol": ["INFY"], "ts": [1_618_285_501 * SECOND], "ltp": [1400.0], "volume": [100]}
    pl.DataFrame(ticks).write_parquet(home / "ticks.parquet")
    environ = {
        "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local/share"), "FIRKI_SERVE__PORT": "0",
        "PATH": f"{sys.prefix}/bin:{os.environ['PATH']}",
    }  # fmt: skip
    with Program("demo", "--instruments", "60", folder=home, environ=environ) as program:
        program.ready()
        wait_until(lambda: program.health()["candles_completed"], what="a final candle")
        yield Newcomer(home, environ, program)


def test_every_command_line_says_something_and_ends_well(newcomer: Newcomer) -> None:
    shown = [text for text in blocks(README, "sh") if not text.startswith(_RUN_ON)]
    said = [newcomer.run("sh", "-ec", text=text) for text in shown]
    assert len(said) == 3
    assert all(said)
    assert (newcomer.home / "bars.parquet").exists()


def test_the_newest_day_is_replayed_while_it_is_recorded(newcomer: Newcomer) -> None:
    (words,) = [words for words in command_lines(README, "firki") if words[0] == "replay"]
    with Program(*words, folder=newcomer.home / "again", environ=newcomer.environ) as program:
        day = newcomer.program.health()["market"]["trading_date"]
        assert program.ready().health()["market"]["trading_date"] == day
        program.end(signal.SIGINT)
    assert program.process.returncode == 0


def test_the_day_is_read_in_python(newcomer: Newcomer) -> None:
    (text,) = [text for text in blocks(README, "python") if "firki.open" in text]
    newcomer.run(sys.executable, "-c", text=text)


def test_all_that_the_page_about_python_shows_can_be_done(newcomer: Newcomer) -> None:
    text = "\n".join(blocks(ROOT / "docs/python.md", "python"))
    said = newcomer.run(sys.executable, "-c", text=text)
    assert said.startswith("0 {'"), "what the demo captures is refused, or is unknown to it"
