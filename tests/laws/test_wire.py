"""What holds for every frame of Kite's feed, and for every string of bytes."""

import os
import time
from collections.abc import Iterator
from datetime import datetime
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from kiteconnect import KiteTicker
from tests.laws import changes, kite_frames
from tests.laws.kite_frames import frames

from firki.errors import Corrupt
from firki.kite import wire
from firki.kite.vocabulary import price_divisor
from firki.model.tick import DEPTH, Column, TickBatch

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True, scope="module")
def _warm() -> None:
    wire.warm()


@pytest.fixture(scope="module")
def official() -> Iterator[KiteTicker]:
    """Zerodha's own client. It prints local times, so the zone is UTC while it is asked."""
    zone = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    yield KiteTicker("key", "token")
    if zone is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = zone
    time.tzset()


def columns_of(payload: bytes) -> np.ndarray[Any, Any]:
    rows = kite_frames.read(payload)
    assert rows is not None
    table = [[row[column] for row in rows] for column in Column]
    return np.array(table, np.uint32).reshape(len(Column), len(rows))


def decoded(payload: bytes, *, strict: bool = True) -> TickBatch | None:
    try:
        return wire.decode(payload, strict=strict)
    except Corrupt as corrupt:
        offset = corrupt.offset
    assert offset is not None
    assert 0 <= offset <= len(payload)
    return None


@given(frames)
def test_columns_are_those_of_a_plain_reading(payload: bytes) -> None:
    batch = wire.decode(payload)
    assert np.array_equal(batch.columns, columns_of(payload))
    assert batch.columns.dtype == np.uint32
    assert batch.skipped == 0


@given(frames)
def test_books_are_those_of_a_plain_reading(payload: bytes) -> None:
    batch = wire.decode(payload)
    books = [
        kite_frames.read_book(payload[offset : offset + length])
        for offset, length in zip(batch.columns[Column.OFFSET], batch.length, strict=True)
    ]
    assert batch.depth().reshape(len(batch), 10).tolist() == books


@given(frames)
def test_encoding_gives_back_the_bytes(payload: bytes) -> None:
    batch = wire.decode(payload)
    assert wire.encode(batch.columns, batch.depth()) == payload


@given(st.lists(kite_frames.packets(), min_size=1, max_size=12), st.integers(1, 14))
def test_frames_of_any_size_hold_the_same_packets(parts: list[bytes], most: int) -> None:
    batch = wire.decode(kite_frames.frame(parts))
    chunks = [parts[first : first + most] for first in range(0, len(parts), most)]
    assert wire.encode_frames(batch.columns, batch.depth(), max_packets=most) == [
        kite_frames.frame(chunk) for chunk in chunks
    ]


@given(st.binary(max_size=400))
@example(b"")
@example(b"\x00")
@example(b"\x00\x00")
@example(b"\x00\x01\x00")
@example(b"\xff\xff" + bytes(2 * 65535))
def test_any_bytes_decode_to_a_batch_or_to_corrupt(payload: bytes) -> None:
    expected = kite_frames.read(payload)
    batch = decoded(payload)
    assert (batch is None) == (expected is None)
    if batch is not None:
        assert np.array_equal(batch.columns, columns_of(payload))


@given(frames, st.data())
def test_a_changed_frame_decodes_as_it_reads_or_is_corrupt(payload: bytes, data: Any) -> None:
    changed = bytearray(payload)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(changed)))
        match data.draw(st.sampled_from(["flip", "cut", "insert"])):
            case "flip" if place < len(changed):
                changed[place] ^= 1 << data.draw(st.integers(0, 7))
            case "cut":
                del changed[place : place + data.draw(st.integers(0, 50))]
            case _:
                changed[place:place] = data.draw(st.binary(max_size=4))
    reads_as_it_should(bytes(changed))


def reads_as_it_should(payload: bytes) -> None:
    batch = decoded(payload)
    assert (batch is None) == (kite_frames.read(payload) is None), payload.hex()
    if batch is not None:
        assert np.array_equal(batch.columns, columns_of(payload)), payload.hex()
        assert batch.depth().shape == (len(batch), 2, 5)
    lenient = decoded(payload, strict=False)
    assert lenient is not None or batch is None, payload.hex()


@given(frames, changes.chances)
def test_a_fuzzed_frame_decodes_as_it_reads_or_is_corrupt(payload: bytes, chance: Random) -> None:
    for _ in range(changes.AT_A_DRAW):
        reads_as_it_should(changes.changed(payload, chance))


@given(st.lists(st.one_of(kite_frames.packets(), st.binary(max_size=60)), max_size=10))
def test_unknown_packets_are_left_out_and_counted_when_told_to(parts: list[bytes]) -> None:
    known = [part for part in parts if len(part) in kite_frames.LENGTHS]
    batch = wire.decode(kite_frames.frame(parts), strict=False)
    alone = wire.decode(kite_frames.frame(known))
    assert batch.skipped == len(parts) - len(known)
    assert batch.columns.flags.c_contiguous
    changed = [column for column in Column if column is not Column.OFFSET]
    assert np.array_equal(batch.columns[changed], alone.columns[changed])
    assert np.array_equal(batch.depth(), alone.depth())


@given(frames)
def test_every_value_equals_the_official_clients(official: KiteTicker, payload: bytes) -> None:
    batch = wire.decode(payload)
    depth = batch.depth()
    ours = [as_printed(batch, depth, row) for row in range(len(batch))]
    assert ours == [plain(tick) for tick in official._parse_binary(payload)]


def plain(tick: dict[str, Any]) -> dict[str, Any]:
    """The official tick with its naive datetimes, UTC here, as Unix seconds."""
    return {
        name: value.timestamp() if isinstance(value, datetime) else value
        for name, value in tick.items()
    }


def as_printed(batch: TickBatch, depth: np.ndarray[Any, Any], row: int) -> dict[str, Any]:
    """A tick in the official client's words, from firki's columns."""
    value = {column: int(batch.columns[column, row]) for column in Column}
    token, length = value[Column.INSTRUMENT_TOKEN], value[Column.LENGTH]
    divisor = price_divisor(token)
    tick: dict[str, Any] = {
        "tradable": token & 0xFF != 9,
        "mode": {8: "ltp", 28: "quote", 44: "quote", 32: "full", 184: "full"}[length],
        "instrument_token": token,
        "last_price": value[Column.LAST_PRICE] / divisor,
    }
    if length == 8:
        return tick
    day = (Column.OPEN, Column.HIGH, Column.LOW, Column.CLOSE)
    tick["ohlc"] = {column.name.lower(): value[column] / divisor for column in day}
    close = tick["ohlc"]["close"]
    tick["change"] = (tick["last_price"] - close) * 100 / close if close else 0
    if length >= 44:
        tick["average_traded_price"] = value[Column.AVERAGE_TRADED_PRICE] / divisor
        counts = ("last_traded_quantity", "volume_traded", "total_buy_quantity")
        for name in (*counts, "total_sell_quantity"):
            tick[name] = value[Column[name.upper()]]
    if length in (32, 184):
        tick["exchange_timestamp"] = int(batch.exchange_ts[row]) // 10**9
    if length == 184:
        tick["last_trade_time"] = int(batch.last_trade_ts[row]) // 10**9
        tick |= {name: value[Column[name.upper()]] for name in ("oi", "oi_day_high", "oi_day_low")}
        tick["depth"] = {
            side: [
                {"quantity": q, "price": p / divisor, "orders": n} for q, p, n in levels.tolist()
            ]
            for side, levels in zip(("buy", "sell"), depth[row], strict=True)
        }
    return tick


@st.composite
def snapshots(draw: st.DrawFn) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Columns and books as the simulator makes them: only carried fields are set."""
    payload = draw(frames)
    columns = columns_of(payload)
    rows = columns.shape[1]
    books = np.zeros((rows, 2, 5), DEPTH)
    full = columns[Column.LENGTH] == 184
    books["quantity"][full] = draw(kite_frames.words)
    books["price"][full] = draw(kite_frames.words)
    books["orders"][full] = draw(st.integers(0, 2**16 - 1))
    return columns, books


@given(snapshots())
def test_decoding_gives_back_the_columns(
    snapshot: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]],
) -> None:
    columns, books = snapshot
    batch = wire.decode(wire.encode(columns, books))
    assert np.array_equal(batch.columns, columns)
    assert np.array_equal(batch.depth(), books)


@given(st.one_of(st.binary(max_size=60), st.text(max_size=60)))
@example(b"[" * 100_000)
@example('"\ud800"')
@example(b'{"type":"order","data":[]}')
@example(b"1" * 5000)
def test_any_text_is_a_message_or_corrupt(payload: bytes | str) -> None:
    try:
        message = wire.decode_text(payload)
    except Corrupt:
        return
    assert message.kind is wire.TextKind.UNKNOWN
    assert message.text


def test_the_reader_in_plain_python_tells_good_from_bad() -> None:
    """The oracle itself: without this, a reader that refuses all would agree with itself."""
    assert kite_frames.read(b"\x00\x01\x00\x08" + bytes(8)) is not None
    assert kite_frames.read(b"\x00\x01\x00\x09" + bytes(9)) is None
