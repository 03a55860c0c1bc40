"""Instruments: one as an object, all of a day as columns."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from firki.model.hours import CLASSES, KNOWN_EXCHANGES, Codes, Text
from firki.model.session import SessionClass
from firki.model.tick import U32

Rows = npt.NDArray[np.int64]
MAX_TOKEN: Final = 2**32 - 1
INDICES: Final = "INDICES"
"""The segment of all indices, whatever their exchange."""


@dataclass(frozen=True, slots=True)
class Numbering:
    """How a broker makes tokens: the exchange's number, then a byte with the code of the segment.

    ``codes`` has the words of the exchanges and ``INDICES``; ``scale`` tells how many of the
    exchange's integers make a rupee, by token.
    """

    codes: Mapping[str, int]
    scale: Callable[[int], int]

    def token(self, segment: str, number: int) -> int:
        return number << 8 | self.codes[segment]

    def segment(self, token: int) -> str:
        """The word of the token's code; NSE where it is that of no exchange."""
        words = (INDICES, *(word.decode() for word in KNOWN_EXCHANGES))
        return next((word for word in words if self.codes.get(word) == token & 0xFF), "NSE")


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """What can be traded or watched, as the broker's master of one day describes it."""

    instrument_token: int
    exchange_token: int
    tradingsymbol: str
    name: str
    """The company, or of a contract the underlying; may be empty."""
    exchange: str
    segment: str
    instrument_type: str
    tick_size: float
    lot_size: int
    strike: float
    """0 for all but options."""
    expiry: date | None
    session_class: SessionClass
    price_scale: int
    """The exchange's integers that make a rupee."""

    @property
    def key(self) -> str:
        """Such as NSE:INFY; unique on a day, while tokens are used again after an expiry."""
        return f"{self.exchange}:{self.tradingsymbol}"


@dataclass(frozen=True, eq=False, kw_only=True)
class InstrumentTable:
    """All instruments of a day as arrays of one length; text is UTF-8 in arrays of fixed width.

    ``digest`` is the SHA-256 of the bytes the table was read from. ``oddities`` counts what was
    strange in them and was let pass, by reason. ``session_class`` holds places in
    ``hours.CLASSES``; ``expiry`` is NaT where there is none.
    """

    day: date
    digest: str
    instrument_token: U32
    exchange_token: U32
    tradingsymbol: Text
    name: Text
    exchange: Text
    segment: Text
    instrument_type: Text
    tick_size: npt.NDArray[np.float64]
    lot_size: npt.NDArray[np.int64]
    strike: npt.NDArray[np.float64]
    expiry: npt.NDArray[np.datetime64]
    session_class: Codes
    price_scale: npt.NDArray[np.int64]
    oddities: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.instrument_token)

    @classmethod
    def of(
        cls, instruments: Iterable[Instrument], *, day: date, digest: str = ""
    ) -> "InstrumentTable":
        """From a few instruments at hand."""
        rows = list(instruments)

        def text(name: str) -> Text:
            return np.array([getattr(row, name).encode() for row in rows], dtype=np.bytes_)

        def numbers(name: str, dtype: Any) -> npt.NDArray[Any]:
            return np.array([getattr(row, name) for row in rows], dtype)

        return cls(
            day=day,
            digest=digest,
            instrument_token=numbers("instrument_token", np.uint32),
            exchange_token=numbers("exchange_token", np.uint32),
            tradingsymbol=text("tradingsymbol"),
            name=text("name"),
            exchange=text("exchange"),
            segment=text("segment"),
            instrument_type=text("instrument_type"),
            tick_size=numbers("tick_size", np.float64),
            lot_size=numbers("lot_size", np.int64),
            strike=numbers("strike", np.float64),
            expiry=numbers("expiry", "datetime64[D]"),
            session_class=np.array([CLASSES.index(row.session_class) for row in rows], np.uint8),
            price_scale=numbers("price_scale", np.int64),
        )

    @property
    def tokens(self) -> U32:
        return self.instrument_token

    def instrument(self, row: int) -> Instrument:
        """One row as an object."""
        return Instrument(
            instrument_token=int(self.instrument_token[row]),
            exchange_token=int(self.exchange_token[row]),
            tradingsymbol=self.tradingsymbol[row].decode(),
            name=self.name[row].decode(),
            exchange=self.exchange[row].decode(),
            segment=self.segment[row].decode(),
            instrument_type=self.instrument_type[row].decode(),
            tick_size=float(self.tick_size[row]),
            lot_size=int(self.lot_size[row]),
            strike=float(self.strike[row]),
            expiry=self.expiry[row].astype(object),
            session_class=CLASSES[self.session_class[row]],
            price_scale=int(self.price_scale[row]),
        )

    def rows(self, tokens: npt.ArrayLike) -> Rows:
        """The row of each token, -1 where the table lacks it."""
        wanted = np.asarray(tokens, np.int64)
        if not len(self):
            return np.full(wanted.shape, -1, np.int64)
        order, ordered = self._by_token
        place = np.searchsorted(ordered, wanted).clip(max=len(order) - 1)
        found: Rows = np.where(ordered[place] == wanted, order[place], -1)
        return found

    def scales(self, tokens: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """The price scale of each token, 0 where the table lacks it."""
        rows = self.rows(tokens)
        scales = np.zeros_like(rows)
        scales[rows >= 0] = self.price_scale[rows[rows >= 0]]
        return scales

    def by_token(self, instrument_token: int) -> Instrument | None:
        if not 0 <= instrument_token <= MAX_TOKEN:
            return None
        row = int(self.rows(instrument_token))
        return None if row < 0 else self.instrument(row)

    def by_key(self, key: str) -> Instrument | None:
        """The instrument of a key such as NSE:INFY or NSE:NIFTY 50, in any case of its letters.

        Of several that one key names, the one spelled like it, else the first of the table.
        """
        exchange, _, symbol = key.partition(":")
        exact = f"{exchange.strip()}:{symbol.strip()}".encode(errors="replace")
        order, ordered = self._by_key
        if len(exact) > ordered.itemsize:  # numpy would widen the whole column to compare
            return None
        first, last = (
            int(np.searchsorted(ordered, exact.upper(), side)) for side in ("left", "right")
        )
        rows = [int(row) for row in order[first:last]]
        same = [row for row in rows if self._key(row) == exact]
        return self.instrument((same or rows)[0]) if rows else None

    def find(self, text: str, limit: int = 20) -> list[Instrument]:
        """The likeliest meant by words of a symbol or a name, best first.

        Order: the token, the symbol itself (its words in any order), symbols that begin so,
        symbols that begin with the first word, names that begin so, the rest that hold every
        word; within each what does not expire, then the nearest expiry, then the shortest symbol.
        ``NSE:INF`` looks on one exchange only.
        """
        exchange, colon, rest = text.upper().rpartition(":")
        words = rest.encode(errors="replace").split()
        if not words or limit < 1:
            return []
        symbols, names = self._upper
        found = np.ones(len(self), bool)
        if colon:
            found = self.exchange == exchange.strip().encode(errors="replace")
        for word in words:
            found &= (np.strings.find(symbols, word) >= 0) | (np.strings.find(names, word) >= 0)
        rows = np.flatnonzero(found)
        best = rows[np.lexsort(self._order(rows, words))][:limit].tolist()
        token = self._row_of_digits(rest.strip())
        if token is not None:
            best = [token, *(row for row in best if row != token)][:limit]
        return [self.instrument(row) for row in best]

    def _row_of_digits(self, text: str) -> int | None:
        """The row of a token written out; None for other text and unknown tokens."""
        if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_TOKEN))):
            return None
        row = int(self.rows(int(text)))
        return None if row < 0 else row

    def _order(self, rows: Rows, words: list[bytes]) -> tuple[npt.NDArray[Any], ...]:
        """Sort keys of found rows, the last counts most."""
        symbols, names = (upper[rows] for upper in self._upper)
        elsewhere = self.exchange[rows] != b"NSE"
        never_first = self.expiry[rows].astype(np.int64)  # NaT is the least of all
        length = np.strings.str_len(symbols)
        return elsewhere, symbols, length, never_first, _rank(symbols, names, words)

    def _key(self, row: int) -> bytes:
        return bytes(self.exchange[row]) + b":" + bytes(self.tradingsymbol[row])

    @cached_property
    def _by_token(self) -> tuple[Rows, Rows]:
        order = np.argsort(self.instrument_token, kind="stable")
        return order, self.instrument_token[order].astype(np.int64)

    @cached_property
    def _by_key(self) -> tuple[Rows, Text]:
        colon = np.strings.add(self.exchange, b":")
        keys = np.strings.upper(np.strings.add(colon, self.tradingsymbol))
        order = np.argsort(keys, kind="stable")
        return order, keys[order]

    @cached_property
    def _upper(self) -> tuple[Text, Text]:
        return np.strings.upper(self.tradingsymbol), np.strings.upper(self.name)


def _rank(symbols: Text, names: Text, words: list[bytes]) -> npt.NDArray[np.uint8]:
    starts = np.strings.startswith
    spaced, joined = b" ".join(words), b"".join(words)
    rank = np.full(len(symbols), 4, np.uint8)
    rank[starts(names, spaced)] = 3
    rank[starts(symbols, words[0])] = 2
    rank[starts(symbols, spaced) | starts(symbols, joined)] = 1
    rank[(symbols == joined) | _made_of(symbols, words)] = 0
    return rank


def _made_of(symbols: Text, words: list[bytes]) -> npt.NDArray[np.bool_]:
    """Which symbols are these words in any order: ``bank nifty`` means NIFTY BANK."""
    made = np.strings.str_len(symbols) == len(b" ".join(words))
    for word in words:
        made &= np.strings.find(symbols, word) >= 0
    return np.asarray(made)
