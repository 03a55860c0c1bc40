"""Bytes to columns."""

from collections.abc import Iterator

from firki.app.bench import peers
from firki.app.bench.feed import MadeUpFeed
from firki.app.bench.figure import Figure, seconds
from firki.kite import wire

SIZES = (1, 100, 1_000)
_TICKS_A_ROUND = 100_000
_PEER_TICKS = 5_000


def measure(*, rounds: int) -> Iterator[Figure]:
    """Ticks a second by packets in a frame, beside a dictionary a tick."""
    for packets in SIZES:
        payload = next(MadeUpFeed(packets).second(packets)).payload

        def ours(payload: bytes = payload) -> object:
            return wire.decode(payload)

        def theirs(payload: bytes = payload) -> object:
            return peers.decode(payload)

        calls = max(1, min(20_000, _TICKS_A_ROUND // packets))
        took = seconds(ours, calls=calls, rounds=rounds)
        peer = seconds(theirs, calls=max(1, _PEER_TICKS // packets), rounds=rounds)
        yield Figure(
            what=f"decode, {packets} packets a frame", value=packets / took, unit="ticks/s",
            peer=packets / peer, beside="a dict a tick",
        )  # fmt: skip
