"""Capture killed again and again: what was promised is there, and nothing else."""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import httpx2
import numpy as np
import pytest
from tests.lengths import LONG
from tests.replay.days import Bars, CapturedDay, same_cells, tokens_of
from tests.replay.program import Program, let_run, up, wait_until, write_settings
from tests.simulated_process import SimProcess, sim_process

from firki.model.tick import SECOND

pytestmark = pytest.mark.slow

KILLS: Final = 20 if LONG else 5
KILLS_AT_REST: Final = 20 if LONG else 2
INSTRUMENTS: Final = 80
SPEED: Final = 60
_SIM: Final = (
    "--accounts", "2", "--instruments", str(INSTRUMENTS), "--speed", str(SPEED), "--paused",
    "--no-limits", "--keep-token",
)  # fmt: skip


@dataclass
class Watch:
    """Asks a running firki all the time how far its journal is safe."""

    program: Program
    acknowledged: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = ThreadPoolExecutor(1)
        self._watching = self._thread.submit(self._run)
        return self

    def __exit__(self, *_: object) -> None:
        """Raises what went wrong while it watched."""
        self._stop.set()
        self._thread.shutdown()
        self._watching.result()

    def _run(self) -> None:
        while not self._stop.wait(0.01):
            try:
                self.acknowledged = int(self.program.health()["journal"]["acknowledged"])
            except httpx2.TransportError:
                self.program.ended()  # the kill met it in the middle of an answer
                return


@contextmanager
def steady_and_settings(folder: Path) -> Iterator[tuple[SimProcess, Program, Path]]:
    """A paused market, a firki that follows it undisturbed, and settings for one that will not."""
    with ExitStack() as stack:
        sim = stack.enter_context(sim_process(*_SIM))
        steady = stack.enter_context(up(write_settings(folder / "steady", sim.facts)))
        yield sim, steady, write_settings(folder / "killed", sim.facts, account=1)


def _received_all(program: Program, sim: SimProcess, account: int) -> bool:
    """Whether the program has every packet the simulator sent to its sockets that are open."""
    key = sim.facts.accounts[account].api_key
    sent = sum(c["packets"] for c in sim.state()["clients"] if c["api_key"] == key)
    return bool(sent) and program.health()["feed"]["ticks"] == sent


def _check_journal(day: CapturedDay, acknowledged: int) -> int:
    """Dense from 1, sound, and as far as was promised; the answer is its last number."""
    found = day.verify()
    assert (found.bad, found.first) == (0, 1), found.faults
    assert found.last is not None
    assert found.frames == found.last >= acknowledged
    return found.last


def _check_fold(killed: Path, folder: Path) -> CapturedDay:
    """The candles after all the kills are those of the journal folded in one go, to the byte."""
    day = CapturedDay.only(killed)
    same_cells(day.grid(), day.refolded(folder))
    return day


def _killed_at_random(settings: Path, seconds: float) -> int:
    """Start, kill so long after the first safe record; the answer is what was said to be safe."""
    with up(settings) as program, Watch(program) as watch:
        wait_until(lambda: watch.acknowledged, what="a safe record")
        let_run(seconds)
        program.kill()
    return watch.acknowledged


def _killed_at_rest(settings: Path, sim: SimProcess, seconds: float) -> int:
    """Start, let the market run for a while, kill when it stands and all of it is safe."""
    with up(settings) as program:
        _run_market(sim, program, seconds)
        safe = int(program.health()["journal"]["acknowledged"])
        program.kill()
    return safe


def _run_market(sim: SimProcess, program: Program, seconds: float) -> None:
    """Move the market on, and have the program receive and keep all of it."""
    wait_until(program.has_connected)
    until_ts = sim.clock(run=True)["now_ts"] + int(seconds * SPEED * SECOND)
    wait_until(lambda: sim.clock(run=True)["now_ts"] >= until_ts)
    sim.clock(pause=True)
    wait_until(lambda: _received_all(program, sim, 1))
    wait_until(program.is_safe)


def test_nothing_acknowledged_is_lost_and_gaps_are_marked_when_killed_at_any_moment(
    tmp_path: Path,
) -> None:
    chance = random.Random(5)
    with steady_and_settings(tmp_path) as (sim, steady, settings):
        root = settings.parent / "data"
        with up(settings) as program:
            wait_until(program.has_connected)
            sim.clock(to="09:14:30", run=True)
            program.kill()
        for _ in range(KILLS):
            safe = _killed_at_random(settings, chance.uniform(0.0, 3.0))
            _check_journal(CapturedDay.only(root), safe)
        with up(settings) as program:
            _run_market(sim, program, 2.0)
            wait_until(lambda: _received_all(steady, sim, 0))
            program.end()
        steady.end()
    day = _check_fold(root, tmp_path / "refolded")
    whole = CapturedDay.only(tmp_path / "steady/data").grid()
    tokens = tokens_of(whole)
    assert tokens == tokens_of(day.grid())
    true, held = Bars.of(whole, tokens), Bars.of(day.grid(), tokens)
    assert not true.gap.any(), "the undisturbed one was disturbed: the machine was too busy"
    differs = (true.values != held.values).any(axis=-1)
    compared = true.traded & ~held.gap
    print(f"kills {KILLS}: candles {true.traded.sum()}, not in a gap {compared.sum()}")
    assert not np.argwhere(differs & ~held.gap).tolist()
    assert held.gap.any()
    assert compared.sum() > INSTRUMENTS


def test_a_kill_while_the_market_stands_still_leaves_no_trace(tmp_path: Path) -> None:
    chance = random.Random(6)
    with steady_and_settings(tmp_path) as (sim, steady, settings):
        root = settings.parent / "data"
        with up(settings) as program:
            wait_until(program.has_connected)
            sim.clock(to="09:14:30")
            wait_until(lambda: _received_all(program, sim, 1))
            wait_until(program.is_safe)
            program.kill()
        for _ in range(KILLS_AT_REST):
            safe = _killed_at_rest(settings, sim, chance.uniform(0.2, 2.0))
            _check_journal(CapturedDay.only(root), safe)
        with up(settings) as program:
            _run_market(sim, program, 1.0)
            wait_until(lambda: _received_all(steady, sim, 0))
            program.end()
        steady.end()
    day = _check_fold(root, tmp_path / "refolded")
    whole = CapturedDay.only(tmp_path / "steady/data").grid()
    tokens = tokens_of(whole)
    true, held = Bars.of(whole, tokens), Bars.of(day.grid(), tokens)
    print(f"kills {KILLS_AT_REST}: candles {true.traded.sum()}, all equal")
    assert not true.gap.any()
    assert not held.gap.any()
    assert true.traded.sum() > INSTRUMENTS
    np.testing.assert_array_equal(true.values, held.values)
