"""A whole market at one tick a second: how soon a restart hears it again, and what it costs.

Long form only: it takes minutes, and its figures mean something on an idle machine. The bounds are
generous; the promises are 5 s to the first fresh tick and 5 % of a core.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.lengths import LONG
from tests.replay.days import CapturedDay
from tests.replay.program import Program, up, wait_until, write_settings
from tests.simulated_process import SimProcess, sim_process

from firki.kite import wire
from firki.model.tick import SECOND
from firki.ports import RecordKind

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not LONG, reason="takes minutes: set FIRKI_LONG=1"),
]

INSTRUMENTS: Final = 9_000
_RESTART_SECONDS: Final = 10.0
_SHARE: Final = 0.10
_MEASURED_SECONDS: Final = 45


@pytest.fixture(scope="module")
def sim() -> Iterator[SimProcess]:
    with sim_process(
        "--instruments", str(INSTRUMENTS), "--steady-hz", "1", "--start", "09:20", "--speed", "1",
        "--no-limits", "--keep-token",
    ) as process:  # fmt: skip
        yield process


@pytest.fixture
def settings(sim: SimProcess, tmp_path: Path) -> Path:
    return write_settings(tmp_path, sim.facts, capture={"want": ["NSE:*", "NFO:*", "BSE:*"]})


def _is_fed(program: Program) -> bool:
    return bool(program.health()["ticks_per_second"] > 0.95 * INSTRUMENTS)


def first_fresh_ts(day: CapturedDay, since_ts: int) -> int:
    """When an instrument sent its second snapshot since: the first is a cached one."""
    seen: set[int] = set()
    for record in day.records():
        if record.received_ts < since_ts or record.kind is not RecordKind.FRAME:
            continue
        batch = wire.decode(record.payload, strict=False)
        tokens = set(batch.instrument_token.tolist())
        if tokens & seen:
            return record.received_ts
        seen |= tokens
    raise AssertionError("nothing fresh came after the restart")


def test_a_restart_hears_fresh_ticks_again_within_seconds(sim: SimProcess, settings: Path) -> None:
    with up(settings) as program:
        wait_until(lambda: _is_fed(program))
        program.kill()
    began_ts = int(sim.clock(run=True)["now_ts"])
    with up(settings) as program:
        wait_until(lambda: _is_fed(program))
        program.end()
    day = CapturedDay.only(settings.parent / "data")
    seconds = (first_fresh_ts(day, began_ts) - began_ts) / SECOND
    print(f"{INSTRUMENTS} instruments: first fresh tick {seconds:.2f} s after the start")
    assert seconds < _RESTART_SECONDS


def test_a_tick_a_second_of_everything_costs_little(settings: Path) -> None:
    with up(settings) as program:
        wait_until(lambda: _is_fed(program))
        before, used, began = program.health(), program.cpu_seconds(), time.monotonic()
        wait_until(
            lambda: time.monotonic() > began + _MEASURED_SECONDS, seconds=2 * _MEASURED_SECONDS
        )
        share = (program.cpu_seconds() - used) / (time.monotonic() - began)
        after = program.health()
        program.end()
    seconds = after["uptime_seconds"] - before["uptime_seconds"]
    ticks = (after["feed"]["ticks"] - before["feed"]["ticks"]) / seconds
    frames = (after["feed"]["frames"] - before["feed"]["frames"]) / seconds
    print(
        f"{ticks:.0f} ticks in {frames:.0f} frames a second: {share:.1%} of a core, "
        f"{after['memory_mb']:.0f} MB"
    )
    assert ticks > 0.95 * INSTRUMENTS
    assert share < _SHARE
    assert after["journal"]["append_waits"] == 0
