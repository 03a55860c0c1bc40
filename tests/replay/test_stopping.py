"""How firki ends: in order, within ten seconds, whatever goes on; and what a second one is told."""

import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import numpy as np
import pytest
from tests.replay.days import CapturedDay, same_cells
from tests.replay.program import Program, up, wait_until, write_settings
from tests.simulated_process import SimProcess, sim_process

from firki.live.file import GridFile
from firki.model.candle import Flag
from firki.ports import RecordKind

pytestmark = pytest.mark.slow

STRACE: Final = shutil.which("strace")
_DEADLINE_SECONDS: Final = 10.0
_CLIENTS: Final = 4
_FINAL_AFTER: Final = 3 * 10**9


@pytest.fixture(scope="module")
def sim() -> Iterator[SimProcess]:
    """A market at the pace of a real one."""
    options = ("--instruments", "80", "--start", "09:20", "--no-limits", "--speed", "1")
    with sim_process(*options, "--keep-token") as process:
        yield process


@contextmanager
def busy_clients(program: Program) -> Iterator[None]:
    """Some that ask for candles again and again until the program is gone."""
    headers = {"Authorization": f"Bearer {program.told['api_key']}"}
    stop = threading.Event()

    def ask() -> None:
        with httpx2.Client(base_url=program.url, headers=headers, trust_env=False) as client:
            while not stop.is_set():
                try:
                    client.get("/api/candles/NSE:INFY").raise_for_status()
                except httpx2.HTTPError:
                    return

    threads = [threading.Thread(target=ask) for _ in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@contextmanager
def slow_disk(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Each fsync of the process takes a second and a half longer."""
    with tampered(process, "delay_enter=1500000"):
        yield


@contextmanager
def tampered(process: "subprocess.Popen[bytes]", how: str) -> Iterator[None]:
    """What strace does to each fsync of the process."""
    calls = "fdatasync,fsync"
    command = [
        str(STRACE), "-f", "-qq", "-o", "/dev/null", "-p", str(process.pid),
        "-e", f"trace={calls}", "-e", f"inject={calls}:{how}",
    ]  # fmt: skip
    with subprocess.Popen(command) as tracer:
        try:
            yield
        finally:
            tracer.terminate()


def before_the_minute(sim: SimProcess, seconds: int) -> None:
    """Move the market to so long before the end of its minute."""
    now = int(sim.clock(run=True)["now_ts"])
    minute = 60 * 10**9
    sim.clock(to=(now // minute + 1) * minute - seconds * 10**9)


def check_order(program: Program) -> CapturedDay:
    """All there and in order: nothing torn, connections noted as lost, open candles provisional."""
    assert program.process.returncode == 0
    assert "Traceback" not in program.errors
    day = CapturedDay.only(program.folder / "data")
    found = day.verify()
    assert (found.bad, found.first, found.torn_bytes) == (0, 1, 0)
    assert found.frames == found.last
    *_, last = day.records()
    assert last.kind is RecordKind.DISCONNECTED
    grid = day.grid()
    assert int(grid.live["seq"][0]) == last.seq
    check_open_candles(grid)
    return day


def check_open_candles(grid: GridFile) -> None:
    """Some candles are of minutes that were not over for three seconds yet: none of them is final,
    for exchange time is never ahead of market time."""
    over_ts = int(grid.live["market_ts"][0]) - _FINAL_AFTER
    open_ones = 0
    for layout in grid.header.classes:
        rows = grid.cells[layout.first_cell :][: layout.slots * layout.capacity]
        flags = rows["flags"].reshape(layout.slots, layout.capacity)
        later = np.array(layout.end_ts) > over_ts
        traded = rows["tick_count"].reshape(layout.slots, layout.capacity)[later] > 0
        open_ones += int(traded.sum())
        assert not (flags[later] & Flag.FINAL).any()
    assert open_ones


@pytest.mark.parametrize(
    ("number", "seconds"), [(signal.SIGTERM, 1), (signal.SIGINT, 0)], ids=["TERM", "INT"]
)
def test_a_stop_during_a_minute_change_leaves_all_in_order(
    sim: SimProcess, tmp_path: Path, number: int, seconds: int
) -> None:
    with ExitStack() as stack:
        program = stack.enter_context(up(write_settings(tmp_path, sim.facts)))
        wait_until(program.has_connected)
        stack.enter_context(busy_clients(program))
        before_the_minute(sim, seconds)
        ticks = program.health()["feed"]["ticks"]
        wait_until(lambda: program.health()["feed"]["ticks"] > ticks)
        took = program.end(number)
        safe, newest = program.records_told()
    print(f"{signal.Signals(number).name}: stopped in {took:.1f} s")
    assert took < _DEADLINE_SECONDS
    day = check_order(program)
    same_cells(day.grid(), day.refolded(tmp_path / "refolded"))
    assert safe == newest == day.verify().last


@pytest.mark.skipif(STRACE is None, reason="needs strace, which slows the disk down")
def test_a_slow_disk_delays_neither_the_feed_nor_the_stop(sim: SimProcess, tmp_path: Path) -> None:
    with ExitStack() as stack:
        program = stack.enter_context(up(write_settings(tmp_path, sim.facts)))
        wait_until(program.has_connected)
        before_the_minute(sim, 4)
        stack.enter_context(slow_disk(program.process))
        stack.enter_context(busy_clients(program))
        journals: list[dict[str, Any]] = []

        def is_slow() -> bool:
            health = program.health()
            journals.append(health["journal"])
            assert max(link["age_seconds"] for link in health["connections"]) < 2
            return bool(journals[-1]["slowest_fsync_milliseconds"] > 1500)

        wait_until(is_slow)
        took = program.end()
    print(f"fsync of 1.5 s: stopped in {took:.1f} s")
    assert took < _DEADLINE_SECONDS
    assert journals[-1]["append_waits"] == 0
    check_order(program)


@pytest.mark.skipif(STRACE is None, reason="needs strace, which slows the disk down")
def test_a_disk_too_slow_for_a_stop_is_told_with_what_it_did_not_take(
    sim: SimProcess, tmp_path: Path
) -> None:
    with up(write_settings(tmp_path, sim.facts)) as program:
        wait_until(program.has_connected)
        wait_until(program.is_safe)
        with tampered(program.process, "delay_enter=25000000"):
            newest = program.health()["journal"]["newest"]
            wait_until(lambda: program.health()["journal"]["newest"] > newest + 3)
            program.process.send_signal(signal.SIGTERM)
            # a thread that strace holds back keeps the ended process from going away
            wait_until(lambda: "not on disk" in program.errors, seconds=_DEADLINE_SECONDS + 5)
        assert program.ended(_DEADLINE_SECONDS) == 1
        told_safe, newest = program.records_told()
    lost = newest - told_safe
    assert lost > 0
    assert f"stopped after 10 s with {lost} records" in program.errors
    assert CapturedDay.only(tmp_path / "data").verify().bad == 0


@pytest.mark.skipif(STRACE is None, reason="needs strace, which makes the disk fail")
def test_a_disk_that_fails_ends_it_with_what_was_safe(sim: SimProcess, tmp_path: Path) -> None:
    with up(write_settings(tmp_path, sim.facts)) as program:
        wait_until(program.has_connected)
        wait_until(program.is_safe)
        safe = program.health()["journal"]["acknowledged"]
        with tampered(program.process, "error=EIO"):
            assert program.ended(_DEADLINE_SECONDS) == 1
        told_safe, _ = program.records_told()
    assert "Traceback" not in program.errors
    assert "Input/output error" in program.errors
    found = CapturedDay.only(tmp_path / "data").verify()
    assert found.last is not None
    assert safe <= told_safe <= found.last
    assert found.bad == 0


def test_a_second_instance_is_told_who_holds_the_folder(sim: SimProcess, tmp_path: Path) -> None:
    settings = write_settings(tmp_path, sim.facts)
    with up(settings) as first, Program("up", "--config", settings, folder=tmp_path / "2") as next_:
        assert next_.ended() == 3
        assert f"process {first.process.pid} on " in next_.errors
        assert str(tmp_path / "data") in next_.errors
        assert first.health()["status"]


def test_a_stop_while_the_broker_keeps_firki_waiting_is_heard(
    sim: SimProcess, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        deaf.settimeout(240)
        root = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        settings = write_settings(tmp_path, sim.facts, login={"root": root})
        with Program("up", "--config", settings, folder=tmp_path) as program:
            connection, _ = deaf.accept()
            with connection:
                assert program.end() < _DEADLINE_SECONDS
        assert program.process.returncode == 0
        assert "Traceback" not in program.errors


def test_a_stop_while_a_first_start_compiles_is_heard(sim: SimProcess, tmp_path: Path) -> None:
    cache = tmp_path / "kernels"
    settings = write_settings(tmp_path, sim.facts)
    environ = {"NUMBA_CACHE_DIR": str(cache)}
    with Program("up", "--config", settings, folder=tmp_path, environ=environ) as program:
        wait_until(lambda: any(cache.rglob("*.nbc")), what="the first kernel")
        assert program.end() < _DEADLINE_SECONDS
    assert program.process.returncode == 0
    assert "Traceback" not in program.errors
