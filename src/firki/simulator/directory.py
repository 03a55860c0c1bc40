"""The day's instruments as the surface looks them up: by token and by key, to a row."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from firki.kite.vocabulary import Segment
from firki.simulator.venue import Listing

I64 = npt.NDArray[np.int64]


class Directory:
    """Rows of one trading day's instruments."""

    def __init__(
        self,
        token: npt.NDArray[np.uint32],
        keys: Sequence[str],
        price_scale: npt.NDArray[np.int64],
    ) -> None:
        self.token = token
        self.price_scale = price_scale
        self.is_index = (token & 0xFF) == Segment.INDICES
        self._row_of_key = {key: row for row, key in enumerate(keys)}
        self._row_of_token = {number: row for row, number in enumerate(token.tolist())}

    @classmethod
    def of(cls, listing: Listing) -> "Directory":
        """The directory of a day's listing."""
        pairs = zip(listing.exchange, listing.tradingsymbol, strict=True)
        keys = [f"{exchange}:{symbol}" for exchange, symbol in pairs]
        return cls(np.asarray(listing.token, np.uint32), keys, np.asarray(listing.price_scale))

    def __len__(self) -> int:
        return len(self.token)

    def rows(self, tokens: Iterable[int]) -> I64:
        """Rows of the tokens that are listed, in the order given, each once."""
        found = (self._row_of_token.get(token, -1) for token in dict.fromkeys(tokens))
        return np.array([row for row in found if row >= 0], np.int64)

    def row_of_tokens(self, tokens: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
        """The row of each of many listed tokens."""
        order = np.argsort(self.token)
        return order[np.searchsorted(self.token, tokens, sorter=order)]

    def row_of_key(self, key: str) -> int | None:
        """The row of a key such as NSE:INFY."""
        return self._row_of_key.get(key)

    def row_of_token(self, token: int) -> int | None:
        return self._row_of_token.get(token)
