"""``firki status`` beside a firki that runs, one that is gone, and one that does not answer."""

import asyncio
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.small_market import DAY, INFY
from tests.unit.cli.conftest import Firki

from firki.app.folder import DataFolder
from firki.app.health import Health
from firki.app.market import Market
from firki.app.market_day import Book, MarketDay, Tell, read_book
from firki.app.running import Running, holder
from firki.app.skew import SkewWatch
from firki.bus.memory import MemoryBus
from firki.capture.journal import JournalSettings
from firki.capture.plant import Counts
from firki.cli.status import show
from firki.errors import Unavailable
from firki.model.ist import ist_midnight
from firki.serve.auth import Keys
from firki.timing import DrivenClock


class _Fed:
    """A feed that brought nothing since the start."""

    counts = Counts(ticks=5)

    def report(self) -> dict[str, Any]:
        return {"ticks": self.counts.ticks}


class _Pool:
    """One open connection."""

    def report(self) -> dict[str, Any]:
        link = {"account": "main", "connection": 0, "tokens": 3, "mode": "full", "state": "open"}
        return {"connections": [{**link, "age_seconds": 0.4, "replaced": 2}]}


class _Silent:
    """A broker that said nothing."""

    def report(self) -> dict[str, Any]:
        return {}


_NOW: Final = ist_midnight(DAY) // 10**9 + 34_016
"""09:26:56"""


async def _document(folder: Path, now_s: int = _NOW) -> dict[str, Any]:
    """The health document of a firki that took up the captured day again."""
    data = DataFolder(folder)
    book = read_book(data.journal(DAY))

    def open_day(_day: object, book: Book, tell: Tell) -> MarketDay:
        return MarketDay.open(
            data, DAY, book, capacity=10,
            settings=JournalSettings(), on_failure=_fail, tell=tell,
        )  # fmt: skip

    market = Market(open_day, MemoryBus(), ["90m"])
    day = market.begin(DAY, book)
    for _ in day.catch_up():
        pass
    market.watch([INFY])
    clock = DrivenClock(now_s * 10**9, speed=0)
    health = Health(
        market, _Fed(), clock, book.calendar,
        pools=[_Pool()], skew=SkewWatch(), texts=_Silent(), unknown_wishes=list,
        notes=lambda: ["a note"], refused_ticks={"no_time": 3},
    )  # fmt: skip
    document = health.document()
    await day.close()
    return document


def _fail(error: Exception) -> None:
    raise error


@pytest.fixture
def document(folder: Path) -> dict[str, Any]:
    return asyncio.run(_document(folder))


class _Server(http.server.HTTPServer):
    document: dict[str, Any]
    key: str


class _Answer(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        allowed = self.headers["authorization"] == f"Bearer {self.server.key}"
        self.send_response(200 if allowed and self.path == "/api/status" else 401)
        self.end_headers()
        self.wfile.write(json.dumps(self.server.document).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@pytest.fixture
def running(folder: Path, document: dict[str, Any]) -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Answer) as server:
        server.document, server.key = document, Keys.open(folder / "keys").clear_text()
        _say(folder, server.server_port, os.getpid())
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def _say(folder: Path, port: int, pid: int) -> None:
    text = json.dumps({"url": f"http://127.0.0.1:{port}", "pid": pid})
    DataFolder(folder).status.write_text(text)


def test_json_is_the_whole_document(
    firki: Firki, folder: Path, running: _Server, document: dict[str, Any]
) -> None:
    code, out, err = firki("status", "--json", data=folder)
    assert (code, err) == (0, "")
    assert json.loads(out) == document
    promised = {
        "instrument_count", "instruments_with_ticks", "ticks_processed", "candles_created",
        "candles_completed", "last_tick_time", "start_time", "uptime_seconds", "memory_mb",
        "journal", "connections",
    }  # fmt: skip
    assert promised <= document.keys()


async def test_each_session_class_has_its_own_phase(folder: Path) -> None:
    quarter_past_three = 1_795_167_960  # and a minute
    told = await _document(folder, quarter_past_three)
    assert told["market"]["phase"] == told["phases"]["cash"] == "continuous"
    assert told["phases"]["derivative"] == "continuous"
    assert told["phases"]["cas"] == "closing_reference"


def test_further_intervals_stand_after_the_usual_ones(document: dict[str, Any]) -> None:
    assert document["intervals"][-2:] == ["day", "90m"]


def test_people_read_lines_with_indian_figures(
    firki: Firki, folder: Path, running: _Server
) -> None:
    running.document["ticks_processed"] = 12_34_567
    running.document["refused"] = {"unknown_token": 7}
    code, out, _ = firki("status", data=folder)
    lines = [line.split("  ", 1) for line in out.splitlines()]
    told = {name.strip(): value.strip() for name, value in lines}
    assert code == 0
    assert told["market"] == "continuous, 2026-11-20"
    assert told["ticks"] == "12,34,567, 0 a second"
    assert told["journal"].endswith("of 74 records on disk")
    assert told["connection 0"] == (
        "main: open, 3 instruments in full mode, age 0.4 s, replaced 2 times"
    )
    assert told["refused"] == "7 of instruments that are not captured"
    assert told["posted refused"] == "3 without a time"
    assert told["registered symbols"] == "4"
    assert told["note"] == "a note"
    assert told["exchange lag"] == "-"
    assert told["tick age"] == "10.5 s"


async def test_watch_goes_on_until_firki_is_gone(
    folder: Path, running: _Server, capsys: pytest.CaptureFixture[str]
) -> None:
    waits = []

    async def pause(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            _say(folder, running.server_port, _ended())

    with pytest.raises(Unavailable, match="is gone"):
        await show(DataFolder(folder), watch=True, as_json=True, pause=pause)
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["status"] for line in lines] == ["degraded"] * 3
    assert waits == [1.0] * 3


def _ended() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    return child.pid


def test_a_folder_on_which_nothing_ever_ran_ends_with_4(firki: Firki, captured: Path) -> None:
    code, out, err = firki("status")
    assert (code, out) == (4, "")
    assert err.startswith(f"firki: no firki runs on data folder {captured}; start `firki up`")


def test_a_process_that_is_gone_is_said_to_be(firki: Firki, folder: Path) -> None:
    pid = _ended()
    _say(folder, 9, pid)
    code, _, err = firki("status", data=folder)
    assert code == 4
    assert f"process {pid}, which was the last one" in err


def test_a_port_where_nobody_answers_ends_with_4(
    firki: Firki, folder: Path, running: _Server
) -> None:
    running.shutdown()
    running.server_close()
    code, _, err = firki("status", data=folder)
    assert code == 4
    assert f"process {os.getpid()}) does not answer" in err


def test_another_firki_behind_the_port_is_refused(
    firki: Firki, folder: Path, running: _Server
) -> None:
    running.key = "another"
    code, _, err = firki("status", data=folder)
    assert code == 6
    assert "found HTTP 401" in err


@pytest.mark.parametrize(
    "text", ["", "{", '{"url": "http://127.0.0.1:1"}', '{"url": "http://a.example:1", "pid": 5}',
             '{"url": "http://127.0.0.1:1", "pid": 0}'],
)  # fmt: skip
def test_a_damaged_note_of_the_running_firki_ends_with_5(
    firki: Firki, folder: Path, text: str
) -> None:
    DataFolder(folder).status.write_text(text)
    assert firki("status", data=folder).code == 5


def test_a_missing_key_is_named(firki: Firki, folder: Path) -> None:
    _say(folder, 9, os.getpid())
    code, _, err = firki("status", data=folder)
    assert code == 2
    assert "keys/cli: expected firki's own key" in err


def test_who_captures_is_known_only_while_he_does(folder: Path) -> None:
    data = DataFolder(folder)
    assert holder(data) is None
    with data.capturing():
        assert f"process {os.getpid()} on " in (holder(data) or "")
    assert holder(data) is None


def test_the_port_is_read_from_the_address() -> None:
    assert Running("http://127.0.0.1:8080", 1).port == 8080
