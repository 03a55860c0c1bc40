"""A simulator in a process of its own, as a user starts it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any  # answers are JSON of any shape

import httpx2
import msgspec

from firki.app.sim import SimFacts

COMMAND = (sys.executable, "-c", "from firki.cli import main; main()", "sim")


class SimProcess:
    """A running ``firki sim`` and its control door."""

    def __init__(self, process: "subprocess.Popen[str]", facts: SimFacts) -> None:
        self.process, self.facts = process, facts

    def clock(self, **order: object) -> Any:
        """Tell the clock; the answer is its state."""
        return self._ask("POST", "/clock", order)

    def state(self) -> Any:
        return self._ask("GET", "/state", None)

    def truth(self, **question: object) -> Any:
        return self._ask("POST", "/truth", question)

    def _ask(self, method: str, path: str, body: object) -> Any:
        url = self.facts.control + path
        answer = httpx2.request(method, url, json=body, timeout=60, trust_env=False)
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextmanager
def sim_process(*options: str) -> Iterator[SimProcess]:
    """Start ``firki sim --json`` with the options, and end it by closing its standard input."""
    with subprocess.Popen(
        [*COMMAND, "--json", "--end-with-stdin", *options],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the simulator ended before it was up"
        yield SimProcess(process, msgspec.json.decode(line, type=SimFacts))
        process.communicate(timeout=10)
    assert process.returncode == 0
