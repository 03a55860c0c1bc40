"""What firki says and how it ends when something around it is not as it should be."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.fakes.broken_broker import broken_broker
from tests.replay.days import CapturedDay
from tests.replay.program import Program, up, wait_until, write_settings
from tests.simulated_process import SimProcess, sim_process

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sim() -> Iterator[SimProcess]:
    """A market that runs, fast enough to fill a disk soon."""
    with sim_process(
        "--instruments", "80", "--start", "09:20", "--speed", "10", "--no-limits", "--keep-token"
    ) as process:
        yield process


def master(sim: SimProcess) -> bytes:
    """The instruments as the simulator sends them."""
    account = sim.facts.accounts[0]
    headers = {"Authorization": f"token {account.api_key}:{account.access_token}"}
    answer = httpx2.get(sim.facts.url + "/instruments", headers=headers, trust_env=False)
    return answer.content


def ends_with(code: int, settings: Path) -> str:
    """What a start that must fail says: one sentence, no traceback."""
    with Program("up", "--config", settings, folder=settings.parent) as program:
        assert program.ended(120) == code, program.errors
    assert "Traceback" not in program.errors
    said = [line for line in program.errors.splitlines() if line.startswith("firki: ")]
    assert len(said) == 1, program.errors
    assert program.errors.count(said[0].removeprefix("firki: ")) == 1, "it is told twice"
    logged = "".join(path.read_text() for path in settings.parent.rglob("firki-*.log"))
    assert "stopping reason=" in logged or code == 2
    return said[0]


def test_a_busy_port_is_named_with_its_setting(sim: SimProcess, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = ends_with(2, write_settings(tmp_path, sim.facts, serve={"port": port}))
    assert str(port) in said
    assert "serve.port" in said


def test_a_missing_token_file_is_named_with_its_setting(sim: SimProcess, tmp_path: Path) -> None:
    settings = write_settings(tmp_path, sim.facts)
    (tmp_path / "token").unlink()
    said = ends_with(4, settings)
    assert "accounts.tested.access_token_file" in said
    assert str(tmp_path / "token") in said


@pytest.mark.parametrize("whole", [True, False], ids=["column missing", "cut off"])
def test_a_broken_instrument_master_is_told(sim: SimProcess, tmp_path: Path, whole: bool) -> None:
    csv = master(sim)
    lines = [line.split(",") for line in csv.decode().splitlines()]
    at = lines[0].index("lot_size")
    without = "".join(",".join(words[:at] + words[at + 1 :]) + "\n" for words in lines).encode()
    sent, promised = (without, None) if whole else (csv[: len(csv) // 2], len(csv))
    with broken_broker(sent, promised=promised) as root:
        said = ends_with(
            5 if whole else 4, write_settings(tmp_path, sim.facts, login={"root": root})
        )
    assert ("lot_size" if whole else "/instruments") in said


def test_half_a_master_that_looks_whole_is_refused_too(sim: SimProcess, tmp_path: Path) -> None:
    csv = master(sim)
    with broken_broker(csv[: len(csv) // 2]) as root:
        said = ends_with(5, write_settings(tmp_path, sim.facts, login={"root": root}))
    assert "instruments" in said


def test_a_clock_hours_off_stops_it_with_the_setting_named(sim: SimProcess, tmp_path: Path) -> None:
    """Without clock.url market time is this machine's: another day than the simulator's."""
    said = ends_with(2, write_settings(tmp_path, sim.facts, clock={"url": ""}))
    assert "clock.url" in said


def test_a_refused_token_is_told_and_a_new_one_taken_without_a_restart(
    sim: SimProcess, tmp_path: Path
) -> None:
    settings = write_settings(tmp_path, sim.facts)
    with up(settings) as program:
        program.end()
    (tmp_path / "token").write_text("expired")
    with up(settings) as program:

        def link() -> Any:
            return program.health()["connections"][0]

        wait_until(lambda: link()["state"] == "refused", what="the refusal")
        assert "403" in link()["reason"]
        assert program.health()["status"] == "degraded"
        (tmp_path / "token").unlink()
        (tmp_path / "token").write_text(sim.facts.access_token)
        wait_until(program.has_connected, what="the new token to be taken")
        ticks = program.health()["feed"]["ticks"]
        wait_until(lambda: program.health()["feed"]["ticks"] > ticks)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """A file system of its own that is soon full."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a small file system")
def test_a_disk_too_small_for_the_day_is_told_at_the_start(sim: SimProcess, tmp_path: Path) -> None:
    with small_disk(tmp_path / "data", 1):
        said = ends_with(1, write_settings(tmp_path, sim.facts))
        assert "no room" in said
        assert str(tmp_path / "data/grid") in said


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a small file system")
def test_a_full_disk_stops_it_and_loses_nothing_that_was_safe(
    sim: SimProcess, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    with small_disk(data, 12):
        settings = write_settings(tmp_path, sim.facts)
        with up(settings) as program:
            wait_until(program.has_connected)
            wait_until(program.is_safe)
            safe = program.health()["journal"]["acknowledged"]
            fill(data)
            code = program.ended(60)
            told_safe, _ = program.records_told()
        assert code == 1
        assert "Traceback" not in program.errors
        said = next(line for line in program.errors.splitlines() if line.startswith("firki: "))
        assert "No space left" in said
        found = CapturedDay.only(data).verify()
        assert found.bad == 0
        assert found.last is not None
        assert found.last >= told_safe >= safe


def fill(folder: Path) -> None:
    """Take all room that is left."""
    with (folder / "ballast").open("wb") as file:
        try:
            while True:
                file.write(bytes(1 << 16))
                file.flush()
        except OSError:
            return
