"""The command line is there at once."""

import os
import subprocess
import sys

import pytest

_CALLS = 5
_MOST_SECONDS = 0.25
"""Processor time; measured 0.06 s of it, and 0.12 s where Python may keep no bytecode."""
_HEAVY = {"numpy", "numba", "polars", "fastapi", "httpx2", "picows", "uvicorn", "rich", "uvloop"}
_HELP_OF_ALL = """
import sys
import typer
from typer.testing import CliRunner
from firki.cli.root import app

def show(command, words):
    assert CliRunner().invoke(app, [*words, "--help"]).exit_code == 0, words
    for name, inner in getattr(command, "commands", {}).items():
        show(inner, [*words, name])

show(typer.main.get_command(app), [])
print(*sys.modules)
"""


def _seconds(*command: str) -> float:
    """User and system time of the quickest of a few runs: load of others only adds to it."""
    found = []
    for _ in range(_CALLS):
        before = os.times()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        after = os.times()
        user = after.children_user - before.children_user
        found.append(user + after.children_system - before.children_system)
    return min(found)


@pytest.mark.slow
def test_help_comes_in_a_tenth_of_a_second_or_two() -> None:
    assert _seconds(sys.executable, "-m", "firki", "--help") < _MOST_SECONDS


@pytest.mark.slow
def test_no_commands_help_imports_anything_heavy() -> None:
    found = subprocess.run([sys.executable, "-c", _HELP_OF_ALL], capture_output=True, check=True)
    assert _HEAVY.isdisjoint(found.stdout.decode().split())
