"""The small parts around the feed: wishes, posted ticks, texts, clocks, folder, master."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from tests.fakes.small_day import DAY, FUTURE, INFY, NIFTY, RELIANCE, at, book
from tests.unit.app.programs_children import holder_of

from firki.app.folder import DataFolder
from firki.app.ingest import CONNECTION, Ingest
from firki.app.texts import BROKER, ORDERS, Texts
from firki.app.wishes import resolve
from firki.bus.memory import MemoryBus
from firki.errors import Busy, ConfigError
from firki.kite import instruments, wire
from firki.model.tick import SECOND
from firki.ports import ConnectionState, Frame, Mode, RecordKind


def test_wishes_are_keys_tokens_or_whole_exchanges() -> None:
    wanted = resolve(book().table, ["NSE:INFY", RELIANCE, "NFO:*"], [], mode="full")
    assert list(wanted.tokens) == [NIFTY, INFY, RELIANCE, FUTURE]
    assert set(wanted.tokens.values()) == {Mode.FULL}


@pytest.mark.parametrize("indices", [[], ["NSE:NIFTY BANK"]])
def test_the_two_indices_come_along_whatever_is_wished(indices: list[str]) -> None:
    csv = book().csv
    for token, symbol, exchange in ((265, "SENSEX", "BSE"), (260105, "NIFTY BANK", "NSE")):
        csv += f"{token},1,{symbol},{symbol},0,,0,0,0,EQ,INDICES,{exchange}\n".encode()
    table = instruments.parse(csv, day=DAY)
    wanted = resolve(table, [INFY], indices, mode="ltp")
    assert set(wanted.tokens) == {NIFTY, 265, INFY, *([260105] if indices else [])}
    assert wanted.unknown == []


def test_a_wish_nobody_answers_to_is_told_and_the_rest_goes_on() -> None:
    wanted = resolve(book().table, ["NSE:INFY", "NSE:NOSUCH", 1], [], mode="ltp")
    assert wanted.tokens == {NIFTY: Mode.LTP, INFY: Mode.LTP}
    assert wanted.unknown == ["BSE:SENSEX", "NSE:NOSUCH", "1"]


def test_when_nothing_of_a_wish_exists_the_setting_is_named() -> None:
    with pytest.raises(ConfigError, match=r"capture\.want: none of 2 wishes.*'NSE:NOSUCH'"):
        resolve(book().table, ["NSE:NOSUCH", 1], ["NSE:NIFTY 50"], mode="full")


@dataclass(frozen=True)
class Posted:
    instrument_token: int
    last_price: float
    day_volume: int | None = None
    oi: int | None = None
    exchange_ts: int | None = None


class Heard:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.frames: list[tuple[int, bytes, RecordKind]] = []
        self.states: list[ConnectionState] = []

    def on_frame(self, connection: int, payload: bytes, kind: RecordKind) -> None:
        self.frames.append((connection, payload, kind))

    def on_state(self, connection: int, state: ConnectionState, reason: str) -> None:
        self.states.append(state)


def ingest(heard: Heard, *live: int) -> Ingest:
    return Ingest(
        heard, lambda: book().table, lambda: dict.fromkeys(live, Mode.FULL), lambda _: None
    )


def test_posted_ticks_become_frames_of_their_own_connection() -> None:
    heard = Heard()
    when = at("09:15:02")
    refused = ingest(heard).take(
        [Posted(INFY, 1500.05, 100, None, when), Posted(FUTURE, 25_950.0, 75, 1000, when)]
    )
    assert refused == {}
    assert heard.states == [ConnectionState.OPEN]
    (_, wish, kind), (connection, payload, _) = heard.frames
    assert (kind, set(msgspec.json.decode(wish))) == (RecordKind.WANTED, {str(INFY), str(FUTURE)})
    batch = wire.decode(payload)
    assert connection == CONNECTION
    assert batch.last_price.tolist() == [150_005, 2_595_000]
    assert batch.volume_traded.tolist() == [100, 75]
    assert batch.last_trade_ts.tolist() == [when, when]
    assert batch.oi.tolist() == [0, 1000]


def test_what_a_posted_tick_lacks_decides_its_packet() -> None:
    heard = Heard()
    posted = [
        Posted(INFY, 1500.0, 5, None, at("09:15:02")), Posted(INFY, 1500.0, 5),
        Posted(INFY, 1500.0), Posted(NIFTY, 25_900.0, None, None, at("09:15:02")),
        Posted(NIFTY, 25_900.0),
    ]  # fmt: skip
    ingest(heard).take(posted)
    assert wire.decode(heard.frames[-1][1]).length.tolist() == [184, 44, 8, 32, 8]


def test_posted_instruments_are_declared_in_the_least_mode_they_came_in() -> None:
    heard = Heard()
    post = ingest(heard)
    post.take([Posted(INFY, 1500.0, 5, None, at("09:15:02"))])
    post.take([Posted(INFY, 1500.0, 6, None, at("09:15:03"))])
    post.take([Posted(INFY, 1500.0)])
    wishes = [msgspec.json.decode(p) for _, p, kind in heard.frames if kind is RecordKind.WANTED]
    assert wishes == [{str(INFY): Mode.FULL}, {str(INFY): Mode.LTP}]


def test_posted_ticks_are_refused_by_reason() -> None:
    heard = Heard()
    posted: Sequence[Posted] = [
        Posted(1, 5.0), Posted(RELIANCE, 2900.0), Posted(INFY, 30_000_000.0),
        Posted(INFY, 0.001), Posted(INFY, 1.0, 1, None, 2**33 * SECOND),
    ]  # fmt: skip
    refused = ingest(heard, RELIANCE).take(posted)
    assert refused == {"unknown_token": 1, "captured_live": 1, "price_range": 2, "no_time": 1}
    assert heard.frames == []


def text(payload: bytes) -> Frame:
    return Frame(7, at("10:00"), 0, payload, RecordKind.TEXT)


def test_order_updates_and_notices_go_to_their_own_topics() -> None:
    bus = MemoryBus()
    orders: list[dict[str, str]] = []
    said: list[wire.TextMessage] = []
    bus.subscribe(ORDERS, orders.append)
    bus.subscribe(BROKER, said.append)
    texts = Texts(bus)
    texts.take(text(b'{"type":"order","data":{"order_id":"1","status":"COMPLETE"}}'))
    texts.take(text(b'{"type":"error","data":"too many tokens"}'))
    assert orders == [{"order_id": "1", "status": "COMPLETE"}]
    assert [message.text for message in said] == ["too many tokens"]
    newest = texts.report()["messages"]
    assert [(m["kind"], m["text"]) for m in newest] == [("error", "too many tokens")]


def test_a_text_that_is_no_message_is_counted_and_harms_nobody() -> None:
    texts = Texts(MemoryBus())
    texts.take(text(b'{"type":'))
    assert texts.report() == {"messages": [], "corrupt_texts": 1}


def test_only_one_process_captures_into_a_folder_and_the_holder_is_named(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    with holder_of(tmp_path) as holder, pytest.raises(Busy, match=f"process {holder.pid} on"):
        folder.capturing().__enter__()
    with DataFolder(tmp_path).capturing():
        assert (tmp_path / "capture.lock").read_text().startswith(f"process {os.getpid()}")


def test_a_data_folder_that_cannot_be_made_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"data\.folder"):
        DataFolder(tmp_path / "file" / "data").make()
