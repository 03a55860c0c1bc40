"""Bytes to columns beside the official client's parser.

Intent: every frame of the feed passes here, and the official parser's dictionary a tick is what
every Kite program in Python starts from. It reads the book of each packet, firki when asked for it:
so the book is measured too. Both on one thread, in processor time.

    python -m bench.decode
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final  # kiteconnect is untyped, a book is a structured array

from bench.rows import Row, show
from kiteconnect import KiteTicker

from firki.app.bench.decoding import SIZES
from firki.app.bench.feed import MadeUpFeed
from firki.app.bench.figure import Figure, seconds
from firki.kite import wire

_GOALS: Final = {1: 10.0, 100: 500.0}
"""Times the official parser, by packets in a frame."""
_TICKS: Final = 200_000
_PEER_TICKS: Final = 10_000
_BESIDE: Final = "kiteconnect"


def rows() -> Iterator[Row]:
    """Ticks a second by packets in a frame; then with all books read."""
    parser: Any = KiteTicker("key", "token")  # untyped; it does not connect before it is told to
    for packets in SIZES:
        payload = next(MadeUpFeed(packets).second(packets)).payload
        assert [t["last_price"] for t in parser._parse_binary(payload)] == [
            price / 100 for price in wire.decode(payload).last_price.tolist()
        ]
        calls = max(1, min(30_000, _TICKS // packets))
        peer = packets / seconds(
            partial(parser._parse_binary, payload), calls=max(1, _PEER_TICKS // packets)
        )
        took = seconds(partial(wire.decode, payload), calls=calls)
        figure = Figure(
            what=f"decode, {packets} packets a frame", value=packets / took, unit="ticks/s",
            peer=peer, beside=_BESIDE,
        )  # fmt: skip
        yield Row(figure, _GOALS.get(packets), of_ratio=True)
        took = seconds(partial(_with_books, payload), calls=calls)
        yield Row(Figure(
            what=f"decode and books, {packets} packets a frame", value=packets / took,
            unit="ticks/s", peer=peer, beside=_BESIDE,
        ))  # fmt: skip


def _with_books(payload: bytes) -> Any:
    return wire.decode(payload).depth()


if __name__ == "__main__":
    show(__doc__.partition("\n")[0], rows())
