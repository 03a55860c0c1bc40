"""A recorded day served again is the day that was, and reading it leaves it untouched."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
from tests.replay.days import CapturedDay
from tests.replay.program import Program, stays, up, wait_until, write_settings
from tests.simulated_process import sim_process

from firki.model.ist import ist_text
from firki.simulator.clock import at

pytestmark = pytest.mark.slow

DAY = date(2026, 11, 20)
_SIM = (
    "--date", str(DAY), "--instruments", "60", "--paused", "--start", "09:14", "--speed", "60",
)  # fmt: skip
KEYS = ("NSE:INFY", "NSE:RELIANCE", "NSE:NIFTY 50", "NSE:NIFTY BANK")
_INTERVALS = ("1m", "5m", "day")


@dataclass(frozen=True)
class Recorded:
    """Some minutes as they were captured, and what the running firki said of them."""

    settings: Path
    day: CapturedDay
    candles: Any
    last: int

    @property
    def date(self) -> str:
        return self.day.date.isoformat()

    def files(self) -> dict[str, tuple[int, int]]:
        """Every file and folder of the data folder with its size and time."""
        root = self.day.folder.root
        return {
            str(path.relative_to(root)): (path.stat().st_size, path.stat().st_mtime_ns)
            for path in sorted(root.rglob("*"))
        }


def candles_of(program: Program, day: str) -> Any:
    """What it serves of that day, by key and interval."""
    span = {"from": f"{day}T00:00:00+05:30", "to": f"{day}T23:59:00+05:30"}
    return {
        (key, interval): program.get(f"/api/candles/{key}", interval=interval, **span)["candles"]
        for key in KEYS
        for interval in _INTERVALS
    }


def newest(program: Program) -> int:
    return int(program.health()["journal"]["newest"])


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    folder = tmp_path_factory.mktemp("recorded")
    with sim_process(*_SIM) as sim:
        settings = write_settings(folder, sim.facts)
        with up(settings) as program:
            wait_until(program.has_connected)
            sim.clock(run=True)
            wait_until(lambda: sim.clock(run=True)["now_ts"] >= at(DAY, time(9, 22)))
            standing = ist_text(sim.clock(pause=True)["now_ts"])
            packets = sum(client["packets"] for client in sim.state()["clients"])
            wait_until(lambda: program.health()["feed"]["ticks"] == packets)
            wait_until(lambda: program.health()["as_of"] >= standing[:19])
            reached = newest(program)
            wait_until(lambda: newest(program) > reached, what="a record of that time")
            candles = candles_of(program, sim.facts.date)
            program.end()
    day = CapturedDay.only(folder / "data")
    assert len(candles["NSE:INFY", "1m"]) >= 7
    return Recorded(settings, day, candles, day.verify().last or 0)


@contextmanager
def replay(recorded: Recorded, *options: str) -> Iterator[Program]:
    """``firki replay`` of the day, in a place that lies west of everything."""
    with Program(
        "replay", recorded.date, "--config", recorded.settings, *options,
        folder=recorded.settings.parent / "replayed", environ={"TZ": "America/New_York"},
    ) as program:  # fmt: skip
        yield program.ready()


def test_a_replayed_day_ends_with_the_candles_of_the_live_one_and_writes_nothing(
    recorded: Recorded,
) -> None:
    before = recorded.files()
    with replay(recorded, "--speed", "2000") as program:
        wait_until(lambda: newest(program) == recorded.last, what="the last record")
        assert candles_of(program, recorded.date) == recorded.candles
        assert program.end(signal.SIGINT) < 10
    assert program.process.returncode == 0
    assert "Traceback" not in program.errors
    assert recorded.files() == before


def test_a_paused_replay_stands_until_it_is_stepped_and_shows_nothing_of_later(
    recorded: Recorded,
) -> None:
    # at this speed it would be at its end in a blink if it did not stand
    with replay(recorded, "--paused", "--speed", "5000") as program:
        assert stays(lambda: newest(program) <= 1), "no more than the record it begins with"
        program.post("/api/clock", {"to": f"{recorded.date}T09:19:00+05:30"})
        reached = newest(program)
        assert 0 < reached < recorded.last
        assert program.health()["as_of"] >= f"{recorded.date}T09:19:00"
        shown = candles_of(program, recorded.date)["NSE:INFY", "1m"]
        assert shown[-1]["start_ts"][11:16] in {"09:18", "09:19"}
        final = [candle for candle in shown if candle["status"] == "final"]
        assert final
        assert final == recorded.candles["NSE:INFY", "1m"][: len(final)]
        assert stays(lambda: newest(program) == reached), "it went on by itself"
        program.post("/api/clock", {"to": f"{recorded.date}T09:21:00+05:30"})
        assert newest(program) > reached
