"""``firki link`` beside a firki that runs, one that is gone, and one with other keys."""

import http.server
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Firki

from firki.app.folder import DataFolder
from firki.serve.auth import Keys


class _Server(http.server.HTTPServer):
    key: str


class _Answer(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        allowed = self.headers["authorization"] == f"Bearer {self.server.key}"
        self.send_response(200 if allowed and self.path == "/api/links" else 401)
        self.end_headers()
        self.wfile.write(json.dumps({"path": "/login?ticket=abc"}).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@pytest.fixture
def running(folder: Path) -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Answer) as server:
        server.key = Keys.open(folder / "keys").clear_text()
        text = json.dumps({"url": f"http://127.0.0.1:{server.server_port}", "pid": os.getpid()})
        DataFolder(folder).status.write_text(text)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def test_a_new_link_is_all_that_is_printed(firki: Firki, folder: Path, running: _Server) -> None:
    code, out, err = firki("link", data=folder)
    assert (code, err) == (0, "")
    assert out == f"http://127.0.0.1:{running.server_port}/login?ticket=abc\n"


def test_the_link_has_the_public_address_where_there_is_one(
    firki: Firki, folder: Path, running: _Server
) -> None:
    _, out, _ = firki("link", data=folder, FIRKI_SERVE__PUBLIC_URL="https://desk.example")
    assert out == "https://desk.example/login?ticket=abc\n"


def test_other_keys_are_said_to_be_refused(firki: Firki, folder: Path, running: _Server) -> None:
    running.key = "another"
    code, _, err = firki("link", data=folder)
    assert (code, "with other keys" in err) == (6, True)


def test_without_a_running_firki_it_says_what_to_start(firki: Firki, folder: Path) -> None:
    code, out, err = firki("link", data=folder)
    assert (code, out) == (4, "")
    assert "start `firki up`" in err
