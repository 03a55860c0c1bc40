"""Kite's messages: what is refused and in which words, and what the laws do not reach."""

import struct

import numpy as np
import pytest

from firki.errors import Corrupt
from firki.kite import wire
from firki.kite.vocabulary import INDEX_PACKET_LENGTHS, PACKET_LENGTHS
from firki.model.tick import COLUMN_COUNT, DEPTH, Column
from firki.ports import Mode

LTP = struct.pack(">HII", 8, 738561, 140235)


@pytest.fixture(autouse=True, scope="module")
def _warm() -> None:
    wire.warm()


def test_the_kernels_numbers_are_those_of_the_columns_and_the_vocabulary() -> None:
    names = {
        "_LENGTH": Column.LENGTH,
        "_TOKEN": Column.INSTRUMENT_TOKEN,
        "_LAST_PRICE": Column.LAST_PRICE,
        "_OPEN": Column.OPEN,
        "_HIGH": Column.HIGH,
        "_LOW": Column.LOW,
        "_CLOSE": Column.CLOSE,
        "_EXCHANGE_TIME": Column.EXCHANGE_TIME,
        "_OFFSET": Column.OFFSET,
        "_PRICE_CHANGE": Column.PRICE_CHANGE,
        "_LTP": PACKET_LENGTHS[Mode.LTP],
        "_QUOTE": PACKET_LENGTHS[Mode.QUOTE],
        "_FULL": PACKET_LENGTHS[Mode.FULL],
        "_INDEX_QUOTE": INDEX_PACKET_LENGTHS[Mode.QUOTE],
        "_INDEX_FULL": INDEX_PACKET_LENGTHS[Mode.FULL],
    }
    assert {name: getattr(wire, name) for name in names} == names


@pytest.mark.parametrize("payload", [b"\x00", b"\x07", b"\xff"])
def test_a_single_byte_is_a_heartbeat_without_ticks(payload: bytes) -> None:
    batch = wire.decode(payload, seq=3, received_ts=5, connection=1)
    assert batch.columns.shape == (COLUMN_COUNT, 0)
    assert batch.depth().shape == (0, 2, 5)
    assert (batch.seq, batch.received_ts, batch.connection) == (3, 5, 1)


def test_a_frame_of_no_packets_is_empty_but_no_heartbeat() -> None:
    assert len(wire.decode(b"\x00\x00")) == 0
    assert wire.encode(np.empty((COLUMN_COUNT, 0), np.uint32)) == b"\x00\x00"


def test_a_batch_carries_the_frames_number_time_and_connection() -> None:
    batch = wire.decode(b"\x00\x01" + LTP, seq=7, received_ts=11, connection=2)
    assert (batch.seq, batch.received_ts, batch.connection) == (7, 11, 2)


@pytest.mark.parametrize(
    ("payload", "offset", "words"),
    [
        (b"", 0, "at least 1 byte"),
        (b"\x00\x01", 2, "runs past the end"),
        (b"\x00\x02" + LTP, 12, "runs past the end"),
        (b"\x00\x01" + LTP[:-1], 2, "runs past the end"),
        (b"\x00\x01\x00\xb8" + LTP[2:], 2, "runs past the end"),
        (b"\x00\x01" + LTP + b"\x00", 12, "1 more bytes"),
        (b"\x00\x00" + LTP, 2, "10 more bytes"),
        (b"\x00\x01\x00\x09" + bytes(9), 2, "has 9 bytes, expected 8, 28, 32, 44 or 184"),
        (b"\x00\x02" + LTP + b"\x00\x00", 12, "has 0 bytes"),
    ],
)
def test_a_lying_frame_is_refused_with_the_place(payload: bytes, offset: int, words: str) -> None:
    with pytest.raises(Corrupt, match=words) as caught:
        wire.decode(payload)
    assert caught.value.offset == offset


def test_lengths_still_have_to_fit_when_unknown_packets_are_left_out() -> None:
    with pytest.raises(Corrupt, match="runs past the end"):
        wire.decode(b"\x00\x01\x00\x09" + bytes(8), strict=False)


def test_the_largest_frame_is_read_to_its_last_packet() -> None:
    columns = np.zeros((COLUMN_COUNT, wire.MAX_PACKETS), np.uint32)
    columns[Column.LENGTH] = 8
    columns[Column.INSTRUMENT_TOKEN] = np.arange(wire.MAX_PACKETS)
    batch = wire.decode(wire.encode(columns))
    assert np.array_equal(batch.instrument_token, columns[Column.INSTRUMENT_TOKEN])


def test_books_are_read_for_chosen_rows_of_a_batch() -> None:
    columns = np.zeros((COLUMN_COUNT, 3), np.uint32)
    columns[Column.LENGTH] = 184, 8, 184
    books = np.zeros((3, 2, 5), DEPTH)
    books["price"][2] = 77
    batch = wire.decode(wire.encode(columns, books))
    assert wire.read_depth(batch.payload, batch.columns[:, [2]])["price"].tolist() == [
        [[77] * 5] * 2
    ]


def test_columns_of_another_frame_never_read_outside_the_payload() -> None:
    columns = np.zeros((COLUMN_COUNT, 2), np.uint32)
    columns[Column.LENGTH] = 184
    batch = wire.decode(wire.encode(columns))
    with pytest.raises(Corrupt, match="row 1: a book at byte 190 is outside"):
        wire.read_depth(batch.payload[:-1], batch.columns)


def test_a_full_packet_without_a_book_gets_an_empty_one() -> None:
    columns = np.zeros((COLUMN_COUNT, 1), np.uint32)
    columns[Column.LENGTH] = 184
    assert not wire.decode(wire.encode(columns)).depth()["price"].any()


def test_rows_of_no_kind_are_not_encoded() -> None:
    columns = np.zeros((COLUMN_COUNT, 2), np.uint32)
    columns[Column.LENGTH] = 8, 9
    with pytest.raises(ValueError, match=r"row 1: expected a packet length .* found 9"):
        wire.encode(columns)


def test_a_book_that_does_not_fit_is_not_encoded() -> None:
    columns = np.zeros((COLUMN_COUNT, 1), np.uint32)
    columns[Column.LENGTH] = 184
    with pytest.raises(ValueError, match=r"expected shape \(1, 2, 5\)"):
        wire.encode(columns, np.zeros((2, 2, 5), DEPTH))
    books = np.zeros((1, 2, 5), DEPTH)
    books["orders"] = 65_536
    with pytest.raises(ValueError, match="orders are 16 bits"):
        wire.encode(columns, books)


@pytest.mark.parametrize("most", [0, 65_536])
def test_frames_hold_at_least_one_packet_and_at_most_their_count_can_say(most: int) -> None:
    with pytest.raises(ValueError, match="expected 1 to 65535"):
        wire.encode_frames(np.empty((COLUMN_COUNT, 0), np.uint32), max_packets=most)


def test_an_order_update_is_read() -> None:
    message = wire.decode_text(b'{"type":"order","data":{"order_id":"220","status":"COMPLETE"}}')
    assert message.kind is wire.TextKind.ORDER
    assert message.order == {"order_id": "220", "status": "COMPLETE"}


@pytest.mark.parametrize("kind", ["error", "message"])
def test_words_of_the_server_are_read(kind: str) -> None:
    message = wire.decode_text(f'{{"type":"{kind}","data":"कल बाज़ार बंद"}}'.encode())
    assert message == wire.TextMessage(kind=wire.TextKind(kind), text="कल बाज़ार बंद")


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"instruments_meta","data":{"count":9}}',
        '{"type":"order","data":null}',
        '{"type":"error","data":{"code":1}}',
        '["order"]',
        "7",
    ],
)
def test_text_of_another_kind_is_kept_whole(text: str) -> None:
    assert wire.decode_text(text) == wire.TextMessage(kind=wire.TextKind.UNKNOWN, text=text)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b'{"type":"order"', "order"])
def test_text_that_is_not_json_is_corrupt(text: bytes | str) -> None:
    with pytest.raises(Corrupt, match="expected JSON"):
        wire.decode_text(text)
