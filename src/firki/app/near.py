"""Keys like one that does not exist: what was probably meant."""

from difflib import get_close_matches
from typing import Final

from firki.model.instrument import InstrumentTable

_MOST: Final = 200
_SHORTEST: Final = 2


def near_keys(table: InstrumentTable, key: str, limit: int = 3) -> list[str]:
    """Up to ``limit`` keys that share the longest beginning with it, the likest first."""
    symbol = key.rpartition(":")[2].strip().upper()
    for end in range(len(symbol), _SHORTEST - 1, -1):
        found = table.find(symbol[:end], _MOST)
        if found:
            by_symbol = {one.tradingsymbol.upper(): one.key for one in reversed(found)}
            near = get_close_matches(symbol, by_symbol, limit, cutoff=0.0)
            return [by_symbol[name] for name in near]
    return []
