"""``firki doctor`` as a whole."""

import json
import socket
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Firki

CHECKS = [
    "data folder", "disk", "capture", "clock", "port", "accounts", "calendar", "unverified days",
    "unverified past days", "kernels", "calendar and feed", "sockets", "environment",
]  # fmt: skip


@pytest.fixture
def port() -> str:
    """One that is free."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return str(sock.getsockname()[1])


@pytest.mark.slow
def test_every_check_is_told_with_its_level(firki: Firki, captured: Path, port: str) -> None:
    code, out, err = firki("doctor", "--json", FIRKI_SERVE__PORT=port)
    document = json.loads(out)
    names = [check["check"] for check in document["checks"]]
    assert (code, err, document["healthy"]) == (0, "", True)
    assert [name for name in names if not name.startswith("change ")] == CHECKS
    for check in document["checks"]:
        assert check["level"] in {"ok", "warning"}
        assert check["found"]
        assert (check["level"] == "ok") == (check["advice"] == ""), check


@pytest.mark.slow
def test_a_busy_port_ends_with_1(firki: Firki) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = str(other.getsockname()[1])
        code, out, _ = firki("doctor", FIRKI_SERVE__PORT=taken)
    assert code == 1
    [line] = [line for line in out.splitlines() if line.startswith("FAILURE")]
    assert f"port: serve.port: port {taken} on 127.0.0.1 cannot be used" in line


def test_wrong_settings_are_the_only_finding(firki: Firki) -> None:
    code, out, _ = firki("doctor", "--json", FIRKI_SERVE__PORT="x", FIRKI_NO_SUCH="1")
    [check] = json.loads(out)["checks"]
    assert (code, check["check"], check["level"]) == (1, "settings", "failure")
    assert "serve.port" in check["found"]
    assert "FIRKI_NO_SUCH" in check["found"]


@pytest.mark.slow
def test_faulty_overrides_fail_with_their_faults(firki: Firki, tmp_path: Path, port: str) -> None:
    path = tmp_path / "overrides.toml"
    path.write_text('[[holidays]]\nclasses = ["cash"]\ndates = ["soon"]\n')
    code, out, _ = firki("doctor", FIRKI_CALENDAR__OVERRIDES=str(path), FIRKI_SERVE__PORT=port)
    assert code == 1
    assert "FAILURE  calendar: overrides" in out
