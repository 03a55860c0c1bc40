"""``firki.open()`` in another process shows what the running firki shows, while it captures."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, time
from pathlib import Path
from typing import Any, Final

import pytest
from tests.replay.program import Program, up, wait_until, write_settings
from tests.simulated_process import SimProcess, sim_process

from firki.model.ist import ist_text
from firki.model.tick import SECOND
from firki.simulator.clock import at

pytestmark = pytest.mark.slow

DAY: Final = date(2026, 11, 20)
_SIM: Final = (
    "--date", str(DAY), "--instruments", "60", "--paused", "--start", "09:14", "--speed", "60",
    "--no-limits", "--keep-token",
)  # fmt: skip
_MINUTE: Final = 60 * SECOND
_CHILD: Final = Path(__file__).with_name("reader_child.py")
_PRICES: Final = ("open", "high", "low", "close")
_TOLD: Final = (
    "start_ts", *_PRICES, "volume", "oi", "tick_count", "status", "revision", "session", "flags",
)  # fmt: skip

Row = dict[str, Any]


class Notebook:
    """The other process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def candles(self, key: str, interval: str) -> list[Row]:
        """In the words of the API."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(key, interval, sep="\t", file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        assert line, "the other process ended"
        return [as_api(row) for row in json.loads(line)]


def as_api(row: Row) -> Row:
    told = {name: round(row[name], 2) for name in _PRICES}
    return row | told | {"start_ts": ist_text(row["start_ts"])}


@contextmanager
def notebook(folder: Path) -> Iterator[Notebook]:
    with subprocess.Popen(
        [sys.executable, _CHILD, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Notebook(process)
        process.communicate(timeout=30)
    assert process.returncode == 0


def asked(program: Program, key: str, interval: str) -> list[Row]:
    return list(program.get(f"/api/candles/{key}", interval=interval)["candles"])


def kept(rows: list[Row]) -> list[Row]:
    """What both tell of a candle."""
    return [{name: row[name] for name in _TOLD} for row in rows]


def reached(rows: list[Row]) -> tuple[str, int]:
    """How far the newest candle has come."""
    return (rows[-1]["start_ts"], rows[-1]["tick_count"]) if rows else ("", 0)


def stand(sim: SimProcess, program: Program) -> None:
    """Stop the market in the middle of a minute, and wait until all it sent is in the candles."""
    now_ts = sim.clock(pause=True)["now_ts"]
    sim.clock(to=now_ts - now_ts % _MINUTE + 3 * _MINUTE // 2)
    packets = sum(client["packets"] for client in sim.state()["clients"])
    wait_until(lambda: program.health()["feed"]["ticks"] == packets, what="all that was sent")


def test_another_process_reads_the_live_candles_the_api_gives(tmp_path: Path) -> None:
    keys = ("NSE:INFY", "NSE:RELIANCE", "NSE:NIFTY 50")
    with sim_process(*_SIM) as sim, up(write_settings(tmp_path, sim.facts)) as program:
        wait_until(program.has_connected)
        with notebook(tmp_path / "data") as other:
            sim.clock(run=True)
            wait_until(lambda: sim.clock(run=True)["now_ts"] >= at(DAY, time(9, 18)))
            seen = []
            for _ in range(20):
                before = reached(asked(program, "NSE:INFY", "1m"))
                between = reached(other.candles("NSE:INFY", "1m"))
                after = reached(asked(program, "NSE:INFY", "1m"))
                assert before <= between <= after
                seen.append(between)
            assert seen[0] < seen[-1], "it follows what it opened before"
            stand(sim, program)
            for key in keys:
                for interval in ("1m", "2m", "5m", "day"):
                    live = asked(program, key, interval)
                    assert live[-1]["status"] == "forming"
                    assert kept(other.candles(key, interval)) == kept(live), (key, interval)
        assert program.end() < 10
        assert program.process.returncode == 0
