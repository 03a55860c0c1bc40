"""``firki instruments`` on a captured market, and against a broker."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.small_market import CSV, DAY
from tests.unit.cli.conftest import Ended, Firki

from firki.kite import instruments as kite_instruments
from firki.serve.instruments import instrument_row


def test_find_shows_the_likeliest_first(firki: Firki) -> None:
    code, out, _ = firki("instruments", "find", "nifty", "--json")
    assert code == 0
    assert [row["key"] for row in json.loads(out)["instruments"]] == [
        "NSE:NIFTY 50", "NFO:NIFTY26NOVFUT",
    ]  # fmt: skip
    lines = firki("instruments", "find", "state", "bank").out.splitlines()
    assert lines[1].split()[:2] == ["NSE:SBIN", "779521"]
    assert firki("instruments", "find", "zzz").out == "nothing like 'zzz' of 2026-11-20\n"


def test_find_stops_at_the_limit(firki: Firki) -> None:
    out = firki("instruments", "find", "nifty", "--limit", "1", "--json").out
    assert len(json.loads(out)["instruments"]) == 1


def test_rows_have_the_form_of_the_interface(firki: Firki) -> None:
    table = kite_instruments.parse(CSV, day=DAY)
    future = table.by_key("NFO:NIFTY26NOVFUT")
    assert future is not None
    [row] = json.loads(firki("instruments", "find", "NIFTY26NOV", "--json").out)["instruments"]
    assert row == msgspec.to_builtins(instrument_row(future))


def test_show_tells_all_of_one_instrument_and_its_hours(firki: Firki) -> None:
    document = json.loads(firki("instruments", "show", "408065", "--json").out)
    assert (document["key"], document["session_class"]) == ("NSE:INFY", "cash")
    assert document["open"] == "2026-11-20T09:15:00+05:30"
    assert document["close"] == "2026-11-20T15:30:00+05:30"
    assert "lot size          75" in firki("instruments", "show", "nfo:nifty26novfut").out


def test_show_of_an_unknown_key_names_what_comes_near(firki: Firki) -> None:
    code, _, err = firki("instruments", "show", "NSE:SBINX")
    assert code == 6
    assert "near: NSE:SBIN" in err


class _Broker(http.server.BaseHTTPRequestHandler):
    """Answers /instruments as Kite does; the file it sends is the server's ``master``."""

    def do_GET(self) -> None:
        master: bytes = self.server.master  # type: ignore[attr-defined] # set by the fixture
        self.send_response(200)
        self.send_header("content-type", "text/csv")
        self.send_header("content-length", str(len(master)))
        self.end_headers()
        self.wfile.write(master)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@pytest.fixture
def broker() -> Iterator[http.server.HTTPServer]:
    with http.server.HTTPServer(("127.0.0.1", 0), _Broker) as server:
        server.master = CSV  # type: ignore[attr-defined] # read by the handler
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("access")
    path = tmp_path / "config.toml"
    path.write_text(
        '[[accounts]]\nname = "main"\napi_key = "key"\naccess_token_file = "token"\n'
        'root = "http://127.0.0.1:9"\n'
    )
    return path


def _sync(firki: Firki, settings: Path, data: Path, *words: str) -> Ended:
    return firki("instruments", "sync", "--config", str(settings), *words, data=data)


def test_sync_keeps_what_the_broker_sends(
    firki: Firki, settings: Path, tmp_path: Path, broker: http.server.HTTPServer
) -> None:
    settings.write_text(settings.read_text().replace(":9", f":{broker.server_port}"))
    data = tmp_path / "new"
    code, out, err = _sync(firki, settings, data, "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document["instruments"] == 4
    assert Path(document["file"]).read_bytes() == CSV
    assert firki("instruments", "find", "infy", data=data).code == 0


def test_sync_keeps_the_old_master_when_the_new_one_is_cut(
    firki: Firki, settings: Path, tmp_path: Path, broker: http.server.HTTPServer
) -> None:
    settings.write_text(settings.read_text().replace(":9", f":{broker.server_port}"))
    data = tmp_path / "new"
    kept = Path(json.loads(_sync(firki, settings, data, "--json").out)["file"])
    broker.master = CSV[:-9]  # type: ignore[attr-defined] # as in the fixture
    code, _, err = _sync(firki, settings, data)
    assert code == 5
    assert "it was cut" in err
    assert kept.read_bytes() == CSV


def test_sync_without_an_answer_ends_with_4(firki: Firki, settings: Path, tmp_path: Path) -> None:
    code, _, err = _sync(firki, settings, tmp_path / "new")
    assert code == 4
    assert "no answer" in err


def test_sync_without_an_account_ends_with_2(firki: Firki) -> None:
    code, _, err = firki("instruments", "sync")
    assert code == 2
    assert "accounts: none is set" in err
