"""A wish turned into Kite's messages, and the check that it was granted. No input/output."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from firki.kite.vocabulary import MODE_WORDS
from firki.ports import Mode

SLICE: Final = 500
"""Tokens in one message: 3,000 tokens are a dozen messages of about 4 kB."""

_COUNT_BYTES: Final = 2
_LENGTH_BYTES: Final = 2
_TOKEN_BYTES: Final = 4


def difference(
    told: Mapping[int, Mode], wish: Mapping[int, Mode], *, size: int = SLICE
) -> Iterator[bytes]:
    """The messages that bring a server that was told ``told`` to ``wish``; none when they agree.

    What is no longer wanted goes first, so that the server's limit never stands in the way. Each
    slice is subscribed and given its mode before the next, so that its snapshots come in that mode.
    """
    for tokens in _slices([token for token in told if token not in wish], size):
        yield _message("unsubscribe", tokens)
    for mode in sorted(Mode, reverse=True):
        changed = [t for t, wanted in wish.items() if wanted is mode and told.get(t) is not mode]
        for tokens in _slices(changed, size):
            if added := [token for token in tokens if token not in told]:
                yield _message("subscribe", added)
            yield _message("mode", [MODE_WORDS[mode], tokens])


def tokens_in(payload: bytes) -> Iterator[int]:
    """Instrument tokens of the packets of a frame; a frame that lies about lengths ends early."""
    at = _COUNT_BYTES
    last = len(payload) - _LENGTH_BYTES - _TOKEN_BYTES
    while at <= last:
        start = at + _LENGTH_BYTES
        yield int.from_bytes(payload[start : start + _TOKEN_BYTES], "big")
        at = start + int.from_bytes(payload[at:start], "big")


class Answers:
    """Which tokens still owe their first packet since they were asked for.

    Kite sends the newest snapshot of each instrument after a subscription, market open or not, so
    a token that stays silent is expired, unknown, or was not taken.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._asked: dict[int, float] = {}

    def restart(self, tokens: Mapping[int, Mode], now: float) -> None:
        """A new socket was told ``tokens``."""
        self._asked = dict.fromkeys(tokens, now)

    def change(self, told: Mapping[int, Mode], wish: Mapping[int, Mode], now: float) -> None:
        """The wish changed on an open socket: new tokens are asked for, dropped ones forgotten."""
        for token in told:
            if token not in wish:
                self._asked.pop(token, None)
        self._asked |= {token: now for token in wish if token not in told}

    def note(self, payload: bytes) -> None:
        """A frame came. Costs nothing once every token has answered."""
        if self._asked:
            for token in tokens_in(payload):
                self._asked.pop(token, None)

    def missing(self, now: float) -> list[int]:
        """Tokens that were asked for longer ago than the patience and never sent a packet."""
        return sorted(t for t, asked in self._asked.items() if now - asked >= self._patience)


def _slices(tokens: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (tokens[at : at + size] for at in range(0, len(tokens), size))


def _message(action: str, value: object) -> bytes:
    return msgspec.json.encode({"a": action, "v": value})
