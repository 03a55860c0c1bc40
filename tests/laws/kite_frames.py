"""Frames of Kite's feed by hypothesis, and a reader of them in plain Python."""

import struct
from collections.abc import Sequence

from hypothesis import strategies as st

from firki.model.tick import Column

LENGTHS = (8, 28, 32, 44, 184)
TRADABLE = [Column(number) for number in range(1, 17)]
"""Fields of a tradable packet in the order of the wire."""
INDEX = [
    Column.INSTRUMENT_TOKEN,
    Column.LAST_PRICE,
    Column.HIGH,
    Column.LOW,
    Column.OPEN,
    Column.CLOSE,
    Column.PRICE_CHANGE,
    Column.EXCHANGE_TIME,
]

words = st.one_of(st.integers(0, 2**32 - 1), st.integers(0, 255), st.just(2**31))
segments = st.sampled_from([1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 0, 200])
tokens = st.builds(lambda high, low: high << 8 | low, st.integers(0, 2**24 - 1), segments)


@st.composite
def packets(draw: st.DrawFn, lengths: Sequence[int] = LENGTHS) -> bytes:
    """One packet of a known kind with any numbers in it; the padding in its book is 0."""
    length = draw(st.sampled_from(lengths))
    count = min(length, 64) // 4 - 1
    numbers = draw(st.lists(words, min_size=count, max_size=count))
    packet = struct.pack(f">{count + 1}I", draw(tokens), *numbers)
    if length == 184:
        level = st.tuples(words, words, st.integers(0, 2**16 - 1))
        for quantity, price, orders in draw(st.lists(level, min_size=10, max_size=10)):
            packet += struct.pack(">IIHH", quantity, price, orders, 0)
    return packet


def frame(parts: Sequence[bytes]) -> bytes:
    """The packets behind their count, each behind its length."""
    return struct.pack(">H", len(parts)) + b"".join(
        struct.pack(">H", len(part)) + part for part in parts
    )


frames = st.lists(packets(), max_size=12).map(frame)


def read(payload: bytes) -> list[dict[Column, int]] | None:
    """Each packet's columns, or None where the bytes are not a frame of known kinds."""
    if len(payload) < 2:
        return [] if payload else None
    rows, at = [], 2
    for _ in range(struct.unpack_from(">H", payload)[0]):
        length = int.from_bytes(payload[at : at + 2], "big")
        packet = payload[at + 2 : at + 2 + length]
        if len(packet) != length or length not in LENGTHS:
            return None
        rows.append(read_packet(packet, at + 2))
        at += 2 + length
    return rows if at == len(payload) else None


def read_packet(packet: bytes, offset: int) -> dict[Column, int]:
    fields = INDEX if len(packet) in (28, 32) else TRADABLE
    row = dict.fromkeys(Column, 0)
    for place, field in enumerate(fields):
        if 4 * place < len(packet):
            row[field] = int.from_bytes(packet[4 * place : 4 * place + 4], "big")
    row[Column.LENGTH] = len(packet)
    row[Column.OFFSET] = offset
    return row


def read_book(packet: bytes) -> list[tuple[int, int, int]]:
    """Ten levels of (quantity, price, orders), buy first; zeros for a packet without a book."""
    if len(packet) != 184:
        return [(0, 0, 0)] * 10
    return [struct.unpack_from(">IIH", packet, 64 + 12 * level) for level in range(10)]
