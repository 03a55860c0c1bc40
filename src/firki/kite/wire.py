"""Kite's websocket messages: bytes to columns and back (all integers big-endian).

A binary frame is a packet count, then for each packet its length and its bytes. The length alone
tells the kind: 8 is ltp, 28 and 32 an index in quote and full mode, 44 and 184 anything tradable.
"""

from enum import StrEnum
from itertools import pairwise
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
from numba import njit

from firki.errors import Corrupt
from firki.model.tick import COLUMN_COUNT, DEPTH, U32, TickBatch

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]

MAX_PACKETS: Final = 0xFFFF
"""The most packets one frame can hold: its count is 16 bits wide."""

# Numba's cache looks for changes in this file only, so what the kernels use is spelled out here; a
# test holds these numbers to `Column` and to the vocabulary's packet lengths.
_LTP, _INDEX_QUOTE, _INDEX_FULL, _QUOTE, _FULL = 8, 28, 32, 44, 184
_LENGTH, _TOKEN, _LAST_PRICE, _OPEN, _HIGH, _LOW, _CLOSE = 0, 1, 2, 8, 9, 10, 11
_EXCHANGE_TIME, _OFFSET, _PRICE_CHANGE = 16, 17, 18
_LTP_WORDS, _QUOTE_WORDS, _FULL_WORDS = 2, 11, 16
_DEPTH_AT = 64
_DEPTH_NUMBERS = 30
"""Numbers in a packet's book: two sides of five levels of quantity, price, orders."""
_CUT, _UNKNOWN, _LEFT_OVER = 1, 2, 3
_FAULTS = 4


# Inlined by numba itself: as calls these double the time of a frame.
@njit(inline="always")
def _half(raw: bytes, at: int) -> np.int64:
    return (np.int64(raw[at]) << 8) | np.int64(raw[at + 1])


@njit(inline="always")
def _word(raw: bytes, at: int) -> np.uint32:
    # Unsigned throughout: with signed indices numba tests each for "counted from the end", and
    # the four loads are no longer merged into a single byte-swapping one.
    first = np.uint64(at)
    return (
        (np.uint32(raw[first]) << np.uint32(24))
        | (np.uint32(raw[first + np.uint64(1)]) << np.uint32(16))
        | (np.uint32(raw[first + np.uint64(2)]) << np.uint32(8))
        | np.uint32(raw[first + np.uint64(3)])
    )


@njit(inline="always")
def _read_full(raw: bytes, at: int, columns: U32, row: int) -> None:
    for word in range(_FULL_WORDS):
        columns[_TOKEN + word, row] = _word(raw, at + 4 * word)
    columns[_PRICE_CHANGE, row] = 0


@njit(inline="always")
def _read_quote(raw: bytes, at: int, columns: U32, row: int) -> None:
    for word in range(_QUOTE_WORDS):
        columns[_TOKEN + word, row] = _word(raw, at + 4 * word)
    for column in range(_TOKEN + _QUOTE_WORDS, _OFFSET):
        columns[column, row] = 0
    columns[_PRICE_CHANGE, row] = 0


@njit(inline="always")
def _read_ltp(raw: bytes, at: int, columns: U32, row: int) -> None:
    columns[_TOKEN, row] = _word(raw, at)
    columns[_LAST_PRICE, row] = _word(raw, at + 4)
    for column in range(_TOKEN + _LTP_WORDS, _OFFSET):
        columns[column, row] = 0
    columns[_PRICE_CHANGE, row] = 0


@njit(inline="always")
def _read_index(raw: bytes, at: int, length: int, columns: U32, row: int) -> None:
    _read_ltp(raw, at, columns, row)
    columns[_HIGH, row] = _word(raw, at + 8)
    columns[_LOW, row] = _word(raw, at + 12)
    columns[_OPEN, row] = _word(raw, at + 16)
    columns[_CLOSE, row] = _word(raw, at + 20)
    columns[_PRICE_CHANGE, row] = _word(raw, at + 24)
    if length == _INDEX_FULL:
        columns[_EXCHANGE_TIME, row] = _word(raw, at + 28)


@njit(inline="always")
def _read_packet(raw: bytes, at: int, length: int, columns: U32, row: int) -> bool:
    """Whether the length is of a known kind, and then the packet is in the columns."""
    if length == _FULL:
        _read_full(raw, at, columns, row)
    elif length == _QUOTE:
        _read_quote(raw, at, columns, row)
    elif length == _LTP:
        _read_ltp(raw, at, columns, row)
    elif length in (_INDEX_QUOTE, _INDEX_FULL):
        _read_index(raw, at, length, columns, row)
    else:
        return False
    columns[_LENGTH, row] = length
    columns[_OFFSET, row] = at
    return True


@njit(cache=True, nogil=True)
def _read_frame(raw: bytes, columns: U32, strict: bool) -> int:
    """Packets read, or minus (offset x _FAULTS + fault)."""
    end = len(raw)
    at, row = 2, 0
    for _ in range(columns.shape[1]):
        if at + 2 > end:
            return -(at * _FAULTS + _CUT)
        length = _half(raw, at)
        if at + 2 + length > end:
            return -(at * _FAULTS + _CUT)
        if _read_packet(raw, at + 2, length, columns, row):
            row += 1
        elif strict:
            return -(at * _FAULTS + _UNKNOWN)
        at += 2 + length
    return row if at == end else -(at * _FAULTS + _LEFT_OVER)


@njit(cache=True, nogil=True)
def _read_books(raw: bytes, lengths: U32, offsets: U32, books: U32) -> int:
    """-1, or the first row whose book would lie outside the payload."""
    for row in range(lengths.shape[0]):
        if lengths[row] != _FULL:
            continue
        at = np.int64(offsets[row]) + _DEPTH_AT
        if at + _FULL - _DEPTH_AT > len(raw):
            return row
        for number in range(0, _DEPTH_NUMBERS, 3):
            books[row, number] = _word(raw, at)
            books[row, number + 1] = _word(raw, at + 4)
            books[row, number + 2] = _half(raw, at + 8)
            at += 12
    return -1


@njit(cache=True, nogil=True)
def _put_half(out: U8, at: int, value: int) -> None:
    first = np.uint64(at)
    out[first] = np.uint8((value >> 8) & 0xFF)
    out[first + np.uint64(1)] = np.uint8(value & 0xFF)


@njit(cache=True, nogil=True)
def _put_word(out: U8, at: int, value: int) -> None:
    first = np.uint64(at)
    number = np.uint32(value)
    out[first] = np.uint8(number >> np.uint32(24))
    out[first + np.uint64(1)] = np.uint8(number >> np.uint32(16))
    out[first + np.uint64(2)] = np.uint8(number >> np.uint32(8))
    out[first + np.uint64(3)] = np.uint8(number)


@njit(cache=True, nogil=True)
def _write_tradable(out: U8, at: int, words: int, columns: U32, row: int) -> None:
    for word in range(words):
        _put_word(out, at + 4 * word, columns[_TOKEN + word, row])


@njit(cache=True, nogil=True)
def _write_index(out: U8, at: int, length: int, columns: U32, row: int) -> None:
    _write_tradable(out, at, _LTP_WORDS, columns, row)
    _put_word(out, at + 8, columns[_HIGH, row])
    _put_word(out, at + 12, columns[_LOW, row])
    _put_word(out, at + 16, columns[_OPEN, row])
    _put_word(out, at + 20, columns[_CLOSE, row])
    _put_word(out, at + 24, columns[_PRICE_CHANGE, row])
    if length == _INDEX_FULL:
        _put_word(out, at + 28, columns[_EXCHANGE_TIME, row])


@njit(cache=True, nogil=True)
def _write_book(out: U8, at: int, book: U32) -> None:
    for number in range(0, _DEPTH_NUMBERS, 3):
        _put_word(out, at, book[number])
        _put_word(out, at + 4, book[number + 1])
        _put_half(out, at + 8, book[number + 2])
        _put_half(out, at + 10, 0)
        at += 12


@njit(cache=True, nogil=True)
def _write_packet(out: U8, at: int, columns: U32, book: U32, row: int) -> np.int64:
    length = np.int64(columns[_LENGTH, row])
    _put_half(out, at, length)
    if length == _FULL:
        _write_tradable(out, at + 2, _FULL_WORDS, columns, row)
        _write_book(out, at + 2 + _DEPTH_AT, book)
    elif length == _QUOTE:
        _write_tradable(out, at + 2, _QUOTE_WORDS, columns, row)
    elif length == _LTP:
        _write_tradable(out, at + 2, _LTP_WORDS, columns, row)
    else:
        _write_index(out, at + 2, length, columns, row)
    return at + 2 + length


@njit(cache=True, nogil=True)
def _write_frames(columns: U32, books: U32, max_packets: int, out: U8, ends: I64) -> None:
    at, rows = 0, columns.shape[1]
    for frame in range(ends.shape[0]):
        first = frame * max_packets
        last = min(rows, first + max_packets)
        _put_half(out, at, last - first)
        at += 2
        for row in range(first, last):
            at = _write_packet(out, at, columns, books[row], row)
        ends[frame] = at


@njit(cache=True, nogil=True)
def _packet_bytes(lengths: U32) -> np.int64:
    """Bytes of all packets with their lengths, or minus (row + 1) of a length of no kind."""
    total = np.int64(0)
    for row in range(lengths.shape[0]):
        length = np.int64(lengths[row])
        if length not in (_LTP, _INDEX_QUOTE, _INDEX_FULL, _QUOTE, _FULL):
            return np.int64(-(row + 1))
        total += 2 + length
    return total


def decode(
    payload: bytes,
    *,
    seq: int = 0,
    received_ts: int = 0,
    connection: int = 0,
    strict: bool = True,
) -> TickBatch:
    """The ticks of a binary frame, none for a heartbeat; raises Corrupt, never half a batch.

    With ``strict`` off, packets of an unknown length are left out and counted in ``skipped``.
    """
    # Each call counts here: most frames of a quiet market hold a few packets only.
    size = len(payload)
    if size < 2:
        return _without_ticks(payload, seq, received_ts, connection)
    count = payload[0] << 8 | payload[1]
    if 2 * count + 2 > size:
        raise _corrupt(payload, count, 2 * _FAULTS + _CUT)
    columns = np.empty((COLUMN_COUNT, count), np.uint32)
    rows = _read_frame(payload, columns, strict)
    if rows != count:
        if rows < 0:
            raise _corrupt(payload, count, -rows)
        columns = np.ascontiguousarray(columns[:, :rows])
    return TickBatch(columns, payload, read_depth, seq, received_ts, connection, count - rows)


def _without_ticks(payload: bytes, seq: int, received_ts: int, connection: int) -> TickBatch:
    if not payload:
        raise Corrupt("frame: expected at least 1 byte, found none", offset=0)
    nothing = np.empty((COLUMN_COUNT, 0), np.uint32)
    return TickBatch(nothing, payload, read_depth, seq, received_ts, connection)


def _corrupt(payload: bytes, count: int, status: int) -> Corrupt:
    """What a kernel's status means, in words."""
    offset, fault = divmod(status, _FAULTS)
    frame = f"frame of {len(payload)} bytes with {count} packets"
    if fault == _LEFT_OVER:
        left = len(payload) - offset
        return Corrupt(
            f"{frame}: expected its end at byte {offset}, found {left} more bytes; "
            "the count or a length is wrong",
            offset=offset,
        )
    if fault == _CUT:
        return Corrupt(
            f"{frame}: the packet at byte {offset} runs past the end; "
            "the frame was cut, or the count or a length is wrong",
            offset=offset,
        )
    length = payload[offset] << 8 | payload[offset + 1]
    return Corrupt(
        f"{frame}: the packet at byte {offset} has {length} bytes, "
        "expected 8, 28, 32, 44 or 184; read with strict=False to leave it out",
        offset=offset,
    )


def read_depth(payload: bytes, columns: U32) -> npt.NDArray[Any]:
    """Books of the columns' rows, dtype ``DEPTH``, shape (rows, 2, 5); zeros where it has none."""
    lengths, offsets = np.ascontiguousarray(columns[[_LENGTH, _OFFSET]])
    books = np.zeros((len(lengths), _DEPTH_NUMBERS), np.uint32)
    outside = int(_read_books(payload, lengths, offsets, books))
    if outside >= 0:
        raise Corrupt(
            f"row {outside}: a book at byte {offsets[outside]} is outside its frame of "
            f"{len(payload)} bytes; the columns belong to another frame",
            offset=int(offsets[outside]),
        )
    return books.view(DEPTH).reshape(-1, 2, 5)


def encode(columns: U32, depth: npt.NDArray[Any] | None = None) -> bytes:
    """One frame that decodes to ``columns``; the LENGTH column says each packet's kind.

    OFFSET and the fields that a packet's kind does not carry are not looked at; the padding of a
    book is written as 0.
    """
    rows = columns.shape[1]
    frames = encode_frames(columns, depth, max_packets=max(1, rows))
    return frames[0] if frames else bytes(2)


def encode_frames(
    columns: U32, depth: npt.NDArray[Any] | None = None, *, max_packets: int
) -> list[bytes]:
    """The rows in as few frames as hold at most ``max_packets`` each, in order."""
    if not 1 <= max_packets <= MAX_PACKETS:
        raise ValueError(f"packets a frame: expected 1 to {MAX_PACKETS}, found {max_packets}")
    columns = np.ascontiguousarray(columns, np.uint32)
    rows = columns.shape[1]
    size = int(_packet_bytes(columns[_LENGTH]))
    if size < 0:
        raise ValueError(
            f"row {-size - 1}: expected a packet length of 8, 28, 32, 44 or 184, "
            f"found {columns[_LENGTH, -size - 1]}"
        )
    ends = np.empty(-(-rows // max_packets), np.int64)
    out = np.empty(size + 2 * len(ends), np.uint8)
    _write_frames(columns, _books(depth, rows), max_packets, out, ends)
    raw, starts = out.tobytes(), [0, *ends.tolist()]
    return [raw[start:end] for start, end in pairwise(starts)]


def _books(depth: npt.NDArray[Any] | None, rows: int) -> U32:
    if depth is None:
        return np.zeros((rows, _DEPTH_NUMBERS), np.uint32)
    if depth.shape != (rows, 2, 5) or depth.dtype != DEPTH:
        raise ValueError(
            f"depth: expected shape ({rows}, 2, 5) and dtype {DEPTH}, "
            f"found {depth.shape} and {depth.dtype}"
        )
    if depth["orders"].max(initial=0) > 0xFFFF:
        raise ValueError(f"depth: orders are 16 bits on the wire, found {depth['orders'].max()}")
    return np.ascontiguousarray(depth).view(np.uint32).reshape(rows, _DEPTH_NUMBERS)


def warm() -> None:
    """Compile the kernels, or load them from the cache, before the first frame needs them."""
    columns = np.zeros((COLUMN_COUNT, 1), np.uint32)
    columns[_LENGTH] = _FULL
    decode(encode(columns)).depth()


class TextKind(StrEnum):
    """What a text frame is about."""

    ORDER = "order"
    ERROR = "error"
    MESSAGE = "message"
    UNKNOWN = "unknown"


class TextMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A text frame; ``order`` is Kite's order row when the kind is ORDER, ``text`` is its words.

    An UNKNOWN one holds the whole frame in ``text``.
    """

    kind: TextKind
    text: str = ""
    order: dict[str, Any] | None = None
    """JSON as Kite sent it: its fields change without notice."""


def decode_text(payload: bytes | str) -> TextMessage:
    """An order update, an error, a notice, or a kind not known yet; bad JSON raises Corrupt."""
    try:
        raw = payload if isinstance(payload, str) else payload.decode()
        message = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Corrupt(f"text frame: expected JSON, found {payload[:80]!r}: {error}") from error
    match message:
        case {"type": "order", "data": {} as order}:
            return TextMessage(kind=TextKind.ORDER, order=order)
        case {"type": "error" | "message" as kind, "data": str(text)}:
            return TextMessage(kind=TextKind(kind), text=text)
        case _:
            return TextMessage(kind=TextKind.UNKNOWN, text=raw)
