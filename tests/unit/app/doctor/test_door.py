"""What is said of the port."""

import json
import os
import socket
from pathlib import Path

from firki.app.doctor.door import check_port
from firki.app.doctor.finding import Level
from firki.app.folder import DataFolder
from firki.config import Serve


def test_a_free_port_is_well(tmp_path: Path) -> None:
    assert check_port(Serve(port=0), DataFolder(tmp_path)).level is Level.OK


def test_a_busy_port_fails_unless_firki_itself_holds_it(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        busy = check_port(Serve(port=port), folder)
        assert busy.level is Level.FAILURE
        assert f"port {port}" in busy.found
        running = {"url": f"http://127.0.0.1:{port}", "pid": os.getpid()}
        folder.status.write_text(json.dumps(running))
        own = check_port(Serve(port=port), folder)
    assert own.level is Level.OK
    assert own.found == f"{port} is held by firki itself, process {os.getpid()}"
