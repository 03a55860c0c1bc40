"""What is to be captured, as instruments of today's master."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from firki.errors import ConfigError
from firki.model.instrument import InstrumentTable
from firki.ports import Mode

MODES = {"ltp": Mode.LTP, "quote": Mode.QUOTE, "full": Mode.FULL}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Tokens with modes, and the wishes that no instrument of today answers to."""

    tokens: dict[int, Mode]
    unknown: list[str]


ALWAYS: Final = ("NSE:NIFTY 50", "BSE:SENSEX")
"""Indices that come along whatever is wished."""


def resolve(
    table: InstrumentTable, want: Sequence[str | int], indices: Sequence[str], *, mode: str
) -> Wanted:
    """The wishes as tokens, indices first: keys, tokens, or all of an exchange ("NSE:*", "*").

    Raises ConfigError when something was wished and nothing of it exists.
    """
    tokens: dict[int, Mode] = {}
    unknown: list[str] = []
    for wish in dict.fromkeys((*ALWAYS, *indices, *want)):
        found = _tokens(table, wish)
        tokens.update((token, MODES[mode]) for token in found)
        if not found:
            unknown.append(str(wish))
    if want and set(map(str, want)) <= set(unknown):
        raise ConfigError(
            f"capture.want: none of {len(want)} wishes is among today's {len(table)} instruments "
            f"(first: {want[0]!r}); expected keys like NSE:INFY, tokens, or NSE:*"
        )
    return Wanted(tokens, unknown)


def _tokens(table: InstrumentTable, wish: str | int) -> list[int]:
    if isinstance(wish, int):
        return [wish] if table.by_token(wish) else []
    if wish == "*":
        return [int(token) for token in table.tokens]
    exchange, _, symbol = wish.partition(":")
    if symbol == "*":
        rows = np.flatnonzero(table.exchange == exchange.upper().encode())
        return [int(token) for token in table.tokens[rows]]
    found = table.by_key(wish)
    return [found.instrument_token] if found else []
