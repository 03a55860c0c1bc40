"""What is said of the machine firki runs on."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from firki.app.doctor import machine
from firki.app.doctor.finding import Level
from firki.config import Account, Data, Settings


def test_this_machines_clock_is_told_in_indian_time() -> None:
    finding = machine.check_clock()
    assert finding.level in {Level.OK, Level.WARNING}
    assert " IST by this machine" in finding.found


@asynccontextmanager
async def door(answer: bytes) -> AsyncIterator[str]:
    """A control door that says one thing."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(answer)}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        yield "http://127.0.0.1:{1}".format(*server.sockets[0].getsockname())


async def test_market_time_of_a_simulator_is_told() -> None:
    answer = b'{"now_ts": 1795147500000000000, "speed": 5, "running": false}'
    async with door(answer) as url:
        finding = await machine.check_clock_door(url)
    assert finding.level is Level.OK
    assert finding.found == f"2026-11-20 09:35:00 IST by {url}, standing still"


async def test_a_simulator_that_does_not_answer_fails() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = "http://127.0.0.1:{1}".format(*free.getsockname())
    finding = await machine.check_clock_door(url)
    assert finding.level is Level.FAILURE
    assert "clock.url" in finding.found


def test_loopback_works_here() -> None:
    finding = machine.check_sockets()
    assert finding.level is not Level.FAILURE
    assert finding.found.startswith("loopback works, ")


def test_kernels_are_warmed_and_their_folder_is_made(tmp_path: Path) -> None:
    warmed = []
    finding = machine.check_kernels(tmp_path / "kernels", lambda: warmed.append(1))
    assert finding.level is Level.OK
    assert (tmp_path / "kernels").is_dir()
    assert warmed == [1]


def test_a_kernel_folder_that_cannot_be_made_fails(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    finding = machine.check_kernels(tmp_path / "file" / "kernels", lambda: None)
    assert finding.level is Level.FAILURE
    assert "NUMBA_CACHE_DIR" in finding.advice


def test_names_of_other_programs_are_told_without_their_values() -> None:
    environ = {
        "KITE_API_KEY": "kx7CANARYsecret", "KITE_joe_TOTP_KEY": "kx7CANARYsecret",
        "TICKER_MODE": "full", "PATH": "/bin", "PORT": "5050", "FIRKI_CAPTURE__MODE": "full",
    }  # fmt: skip
    finding = machine.check_environment(environ)
    assert finding.level is Level.WARNING
    assert finding.details == [
        "KITE_API_KEY: firki's setting is accounts.api_key",
        "KITE_joe_TOTP_KEY: not read by firki",
        "TICKER_MODE: firki's setting is capture.mode",
    ]
    assert "CANARY" not in str(finding)


def test_an_environment_of_its_own_is_well() -> None:
    assert machine.check_environment({"PATH": "/bin"}).level is Level.OK


@pytest.mark.parametrize("name", sorted(filter(None, machine.OLD_NAMES.values())))
def test_every_setting_named_for_an_old_name_exists(name: str) -> None:
    section, _, key = name.strip("[]").partition(".")
    assert section in Settings.model_fields
    if key:
        kind = Account if section == "accounts" else type(getattr(DEFAULTS, section))
        assert key in kind.model_fields


DEFAULTS = Settings(data=Data(folder=Path("data")))
