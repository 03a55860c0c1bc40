"""From a start to the first fresh tick, with a day under way, beside the official client.

Intent: a firki that was killed in the middle of a day must be back before anyone misses much. It
reads its settings, the day's instruments and what lies in its folder, recovers the grid from the
newest checkpoint and the journal's tail, connects, and asks for everything; the gateway comes up
too, since it is asked how far firki is. The peer is a script of a few lines around KiteTicker,
which recovers nothing. By the clock, and in processor time, since the market simulated beside them
takes one core for itself. A first start fills the caches and is not counted.

    python -m bench.restart
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple  # a status document is JSON of any shape

import httpx2
from bench.rows import Row, show
from tests.simulated_process import SimProcess, sim_process

from firki.app.bench.figure import Figure

INSTRUMENTS: Final = 9_000
_CONNECTION: Final = 3_000
_GOAL_SECONDS: Final = 5.0
_UNDER_WAY_SECONDS: Final = 20
_WAIT_SECONDS: Final = 120
_SETTINGS: Final = """\
data.folder = "data"
capture.want = ["NSE:*", "BSE:*", "NFO:*"]
clock.url = "{control}"
serve.port = 0
log.stderr = false
[[accounts]]
name = "bench"
api_key = "{api_key}"
access_token_file = "token"
root = "{url}"
websocket = "{websocket}"
"""
_PEER: Final = """\
import os, sys
from kiteconnect import KiteConnect, KiteTicker
api_key, token, url, websocket, count = sys.argv[1:]
kite = KiteConnect(api_key, root=url)
kite.set_access_token(token)
tokens = [row["instrument_token"] for row in kite.instruments()][:int(count)]
ticker = KiteTicker(api_key, token, root=websocket)
seen = 0
def connected(socket, _):
    socket.subscribe(tokens)
    socket.set_mode(socket.MODE_FULL, tokens)
def took(_, ticks):
    global seen
    seen += len(ticks)
    if seen > len(tokens):
        print(sum(os.times()[:2]), flush=True)
        os._exit(0)
ticker.on_connect, ticker.on_ticks = connected, took
ticker.connect()
"""


class Started(NamedTuple):
    """Seconds from the start of the process to the first fresh tick."""

    wall: float
    processor: float


def rows() -> Iterator[Row]:
    """A restart after a kill, by the clock and in processor time."""
    options = ("--instruments", str(INSTRUMENTS), "--steady-hz", "1", "--speed", "1")
    with tempfile.TemporaryDirectory(prefix="firki-bench-") as name:
        folder = Path(name)
        environ = _environ(folder)
        with sim_process(*options, "--start", "09:20", "--no-limits", "--keep-token") as market:
            _write_settings(folder, market)
            with _firki(folder, environ) as first:
                _fresh(first, folder)
                time.sleep(_UNDER_WAY_SECONDS)
                first.kill()
            with _firki(folder, environ) as again:
                ours = _fresh(again, folder)
                again.send_signal(signal.SIGTERM)
            theirs = _kiteconnect(market, environ)
    beside = f"KiteTicker, {_CONNECTION}"
    yield Row(Figure(
        what=f"restart, {INSTRUMENTS} instruments, to the first fresh tick", value=ours.wall,
        unit="s", peer=theirs.wall, beside=beside, less_is_better=True,
    ), _GOAL_SECONDS)  # fmt: skip
    yield Row(Figure(
        what="the same in processor time", value=ours.processor, unit="s", peer=theirs.processor,
        beside=beside, less_is_better=True,
    ))  # fmt: skip


def _environ(folder: Path) -> dict[str, str]:
    """As a user's: Python keeps its bytecode, here in a folder of this run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FIRKI_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | {"PYTHONPYCACHEPREFIX": str(folder / "bytecode")}


def _write_settings(folder: Path, market: SimProcess) -> None:
    facts = market.facts
    (folder / "token").write_text(facts.access_token)
    (folder / "config.toml").write_text(
        _SETTINGS.format(
            control=facts.control, api_key=facts.api_key, url=facts.url, websocket=facts.websocket
        )
    )


@contextmanager
def _firki(folder: Path, environ: Mapping[str, str]) -> "Iterator[subprocess.Popen[str]]":
    """``firki up``, ended at the latest when the block is left."""
    command = (sys.executable, "-m", "firki", "up", "--config", str(folder / "config.toml"))
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, text=True
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()


def _fresh(process: "subprocess.Popen[str]", folder: Path) -> Started:
    """When more ticks came in than there are first snapshots, which are cached ones."""
    began = time.monotonic()
    assert process.stdout is not None
    told = dict(line.rstrip().split(": ", 1) for line in _until_key(process))
    headers = {"Authorization": f"Bearer {told['api_key']}"}
    with httpx2.Client(headers=headers, trust_env=False) as client:
        while time.monotonic() - began < _WAIT_SECONDS:
            if _ticks(client, told["api"]) > INSTRUMENTS:
                return Started(time.monotonic() - began, _processor(process.pid))
            time.sleep(0.02)
    raise TimeoutError(f"no fresh tick within {_WAIT_SECONDS} s in {folder}")


def _until_key(process: "subprocess.Popen[str]") -> Iterator[str]:
    assert process.stdout is not None
    for line in process.stdout:
        if ": " in line:
            yield line
        if line.startswith("api_key:"):
            return
    raise ChildProcessError(f"firki up ended with exit code {process.wait()}")


def _ticks(client: httpx2.Client, api: str) -> int:
    try:
        document: Any = client.get(f"{api}/status").json()
    except httpx2.TransportError:
        return 0  # the gateway is on its way
    return int(document["feed"]["ticks"])


def _processor(pid: int) -> float:
    """User and system seconds of a process, from the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _kiteconnect(market: SimProcess, environ: Mapping[str, str]) -> Started:
    """The second start of the script, with its bytecode kept."""
    facts = market.facts
    arguments = (facts.api_key, facts.access_token, facts.url, facts.websocket, str(_CONNECTION))
    for _ in range(2):
        began = time.monotonic()
        found = subprocess.run(
            (sys.executable, "-W", "ignore", "-c", _PEER, *arguments),
            env=environ, capture_output=True, text=True, check=True, timeout=_WAIT_SECONDS,
        )  # fmt: skip
        wall = time.monotonic() - began
    return Started(wall, float(found.stdout))


if __name__ == "__main__":
    show(__doc__.partition("\n")[0], rows())
