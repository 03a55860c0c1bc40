"""``firki up``, ``demo`` and ``replay`` as processes of their own, as a user starts them."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self  # answers are JSON of any shape

import httpx2

from firki.app.sim import SimFacts

_START_SECONDS: Final = 240.0
"""The first start after a change compiles the kernels."""
_STOP_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.02
_LAST_LINE: Final = "data: "


def wait_until(condition: Callable[[], Any], *, seconds: float = 30.0, what: str = "") -> Any:
    """The first true answer; other processes are waited for, so this takes real time."""
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, f"waited {seconds:g} s in vain for {what or condition}"
        time.sleep(_LOOK_SECONDS)
    return found


def stays(condition: Callable[[], Any], *, seconds: float = 1.0) -> bool:
    """Whether it is true for so long of real time, looked at again and again."""
    until = time.monotonic() + seconds
    while condition():
        if time.monotonic() > until:
            return True
        time.sleep(_LOOK_SECONDS)
    return False


def let_run(seconds: float) -> None:
    """Leave the other processes alone for so long, where the moment is what is drawn."""
    time.sleep(seconds)


class Program:
    """A started ``firki``; it is killed when its block is left."""

    def __init__(
        self,
        *arguments: str | Path,
        folder: Path,
        environ: Mapping[str, str] | None = None,
        wrapper: tuple[str, ...] = (),
        file_bytes: int | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._log = folder / "program.log"
        self.told: dict[str, str] = {}
        command = [*wrapper, sys.executable, "-m", "firki", *map(str, arguments)]
        if file_bytes is not None:
            command = ["prlimit", f"--fsize={file_bytes}", *command]
        private = {name: str(folder / "home") for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME")}
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log,
                env={**os.environ, **private, **(environ or {})},
            )  # fmt: skip
        self._half_line = b""
        self._client = httpx2.Client(timeout=60, trust_env=False, verify=False)

    # -- its life ------------------------------------------------------------------------------

    def ready(self) -> Self:
        """Wait until it can be used."""
        until = time.monotonic() + _START_SECONDS
        while not any(line.startswith(_LAST_LINE) for line in self._lines(until)):
            pass
        return self

    def ended(self, seconds: float = _STOP_SECONDS) -> int:
        """Its exit code, waited for."""
        return self.process.wait(seconds)

    def end(self, number: int = signal.SIGTERM) -> float:
        """Ask it to stop; the answer is how many seconds that took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.ended()
        return time.monotonic() - began

    def kill(self) -> None:
        """As by a power cut for this one process."""
        self.process.kill()
        self.process.wait()

    @property
    def errors(self) -> str:
        """All it wrote to standard error, from every start in this folder."""
        return self._log.read_text(errors="replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.kill()
        self._client.close()
        if self.process.stdout is not None:
            self.process.stdout.close()
        if error is not None:
            print(self.errors[-4000:])

    def final_words(self) -> dict[str, str]:
        """What it has printed since it was ready, value by name; it has ended."""
        assert self.process.stdout is not None
        text = (self._half_line + self.process.stdout.read()).decode()
        found = (re.fullmatch(r"(\S.*?)  +(.+)", line) for line in text.splitlines())
        return {line[1]: line[2] for line in found if line}

    def records_told(self) -> tuple[int, int]:
        """Records on disk, and all, as its final words have them."""
        safe, newest = re.findall(r"[\d,]+", self.final_words()["journal"])
        return int(safe.replace(",", "")), int(newest.replace(",", ""))

    # -- its answers ---------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return self.told["api"].removesuffix("/api")

    def get(self, path: str, **question: Any) -> Any:
        """JSON of a route, asked with the key."""
        return self._ask("GET", path, params=question)

    def post(self, path: str, body: Any) -> Any:
        return self._ask("POST", path, json=body)

    def health(self) -> Any:
        return self.get("/health")

    def has_connected(self) -> bool:
        """Whether every connection is open and each of its tokens was answered."""
        links = self.health()["connections"]
        return bool(links) and all(
            link["state"] == "open" and not link["unanswered"] for link in links
        )

    def is_safe(self) -> bool:
        """Whether every record is on disk."""
        journal = self.health()["journal"]
        return bool(journal["acknowledged"] == journal["newest"])

    def cpu_seconds(self) -> float:
        """Processor time it has used so far, in all its threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _ask(self, method: str, path: str, **how: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.told['api_key']}"}
        answer = self._client.request(method, self.url + path, headers=headers, **how)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _lines(self, until: float) -> Iterator[str]:
        """What it has printed next; what stands before a colon is kept in ``told``."""
        assert self.process.stdout is not None
        left = until - time.monotonic()
        assert left > 0, f"it did not say that it is ready\n{self.errors}"
        if not select.select([self.process.stdout], [], [], left)[0]:
            return
        read = os.read(self.process.stdout.fileno(), 65_536)
        assert read, f"it ended with {self.process.wait()} before it was ready\n{self.errors}"
        *lines, self._half_line = (self._half_line + read).split(b"\n")
        for line in lines:
            name, _, value = line.decode().partition(": ")
            self.told[name] = value
            if name.startswith("Open "):
                self.told["link"] = name.removeprefix("Open ")
            yield line.decode()


def write_settings(
    folder: Path,
    sim: SimFacts,
    *,
    account: int = 0,
    login: Mapping[str, Any] | None = None,
    **sections: Mapping[str, Any],
) -> Path:
    """A settings file for ``firki up`` against a simulator, its data folder beside it.

    ``login`` changes the account's table, ``sections`` the others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    facts = sim.accounts[account]
    (folder / "token").write_text(facts.access_token)
    own = {
        "name": "tested", "api_key": facts.api_key, "access_token_file": str(folder / "token"),
        "root": sim.url, "websocket": sim.websocket,
    }  # fmt: skip
    tables: dict[str, Mapping[str, Any]] = {
        "data": {"folder": str(folder / "data")},
        "capture": {"want": ["NSE:*", "BSE:*", "NFO:*"]},
        "clock": {"url": sim.control},
        "serve": {"port": 0},
    }
    for name, values in sections.items():
        tables[name] = {**tables.get(name, {}), **values}
    text = _table("[[accounts]]", own | dict(login or {}))
    text += "".join(_table(f"[{name}]", values) for name, values in tables.items())
    path = folder / "firki.toml"
    path.write_text(text)
    return path


def _table(head: str, values: Mapping[str, Any]) -> str:
    return "\n".join([head, *(f"{k} = {json.dumps(v)}" for k, v in values.items()), "", ""])


@contextmanager
def up(settings: Path, **how: Any) -> Iterator[Program]:
    """A ready ``firki up`` of these settings; the same folder again goes on with it."""
    with Program("up", "--config", settings, folder=settings.parent, **how) as program:
        yield program.ready()
