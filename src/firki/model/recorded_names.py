"""Who the names of recorded ticks are where no instrument master says it.

A name has its real number where the packaged symbols have it, else one made from the name. So it is
the same instrument with the same hours on every day, whoever reads the recording.
"""

import csv
import re
import zlib
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, NamedTuple

from firki.errors import ConfigError
from firki.model.hours import KNOWN_EXCHANGES, exchange_class
from firki.model.instrument import INDICES, Instrument, Numbering
from firki.model.session import SessionClass

_INVENTED: Final = 200_000
_INVENTED_RANGE: Final = 1_000_000
_INDEX_NAME: Final = re.compile(r"(NIFTY|SENSEX|BANKEX|INDIA VIX)( .*)?|(S&P )?BSE .+")
"""Shares and contracts have no space after such a word: NIFTYBEES, NIFTY26NOVFUT."""
_CASH: Final = ("NSE", "BSE")
_EXCHANGES: Final = tuple(word.decode() for word in KNOWN_EXCHANGES)
_EXCHANGE_OF_CLASS: Final = {
    SessionClass.DERIVATIVE: "NFO", SessionClass.CURRENCY: "CDS", SessionClass.COMMODITY: "MCX",
    SessionClass.COMMODITY_AGRI: "MCX", SessionClass.COMMODITY_AGRI_INTL: "MCX",
}  # fmt: skip


class Person(NamedTuple):
    """One name of a recording: its token if the files say it, and whether it ever had volume."""

    name: str
    token: int | None
    has_volume: bool


class Symbol(NamedTuple):
    """A share or an index whose number is known."""

    segment: str
    exchange: str
    symbol: str
    name: str
    number: int


def parse_symbols(*, shares: bytes, indices: bytes) -> tuple[Symbol, ...]:
    """What the packaged tables know; of several symbols with one number the first is in use."""
    known = [
        Symbol(INDICES, row["exchange"], row["symbol"], row["symbol"], int(row["exchange_token"]))
        for row in _table(indices)
    ]
    known += [
        Symbol("NSE", "NSE", row["symbol"], row["name"], int(row["exchange_token"]))
        for row in _table(shares)
    ]
    return tuple(known)


def _table(content: bytes) -> Iterable[dict[str, str]]:
    return csv.DictReader(content.decode().splitlines())


def invented(
    people: Sequence[Person],
    symbols: Iterable[Symbol],
    numbering: Numbering,
    *,
    day: date,
    session_class: SessionClass | None = None,
) -> dict[str, Instrument]:
    """An instrument for each name.

    The token is the recording's own, else a known one, else made from the name. An index is one by
    its token or its words, or because it never had volume and is no known share and no contract;
    ``session_class`` is that of the others, cash unless their exchange or token says otherwise.
    Raises ConfigError when one token stands for two symbols.
    """
    naming = _Naming(people, symbols, numbering)
    owners: dict[int, str] = {}
    made = {}
    for who in people:
        exchange, _, symbol = who.name.rpartition(":")
        segment = naming.segment(who, exchange, symbol, session_class)
        token = who.token or naming.token(segment, symbol)
        claim(owners, token, who.name)
        kind = _class_of(segment, symbol, session_class, day)
        made[who.name] = naming.instrument(token, segment, exchange, symbol, kind)
    return made


def claim(owners: dict[int, str], token: int, name: str) -> None:
    """Note whose the token is; raises ConfigError when it is that of another symbol."""
    owner = owners.setdefault(token, name)
    if owner.rpartition(":")[2] != name.rpartition(":")[2]:
        raise ConfigError(
            f"ticks: instrument_token {token} stands for {owner} and for {name}; expected one "
            "symbol a token"
        )


class _Naming:
    """The tokens that are known or given away, and what is known of them."""

    def __init__(
        self, people: Iterable[Person], symbols: Iterable[Symbol], numbering: Numbering
    ) -> None:
        self._numbering = numbering
        self._tokens: dict[tuple[str, str], int] = {}
        self._known: dict[int, Symbol] = {}
        for known in symbols:
            token = numbering.token(known.segment, known.number)
            self._tokens[known.segment, known.symbol] = token
            self._known.setdefault(token, known)
        self._taken = {*self._known, *(who.token for who in people if who.token)}

    def segment(self, who: Person, exchange: str, symbol: str, asked: SessionClass | None) -> str:
        """``INDICES`` or the word of an exchange."""
        if who.token is not None:
            return self._numbering.segment(who.token)
        if asked is SessionClass.INDEX or self._is_index(exchange, symbol, who.has_volume):
            return INDICES
        if exchange in _EXCHANGES:
            return exchange
        return _EXCHANGE_OF_CLASS.get(asked or SessionClass.CASH, "NSE")

    def token(self, segment: str, symbol: str) -> int:
        """The known one, else one made from the symbol that nobody else has."""
        if (segment, symbol) not in self._tokens:
            number = _INVENTED + zlib.crc32(symbol.encode()) % _INVENTED_RANGE
            while (token := self._numbering.token(segment, number)) in self._taken:
                number += 1
            self._tokens[segment, symbol] = token
            self._taken.add(token)
        return self._tokens[segment, symbol]

    def instrument(
        self, token: int, segment: str, exchange: str, symbol: str, kind: SessionClass
    ) -> Instrument:
        """A token that is known has its own symbol, whatever the recording calls it."""
        known = self._known.get(token)
        if known is not None and self._tokens.get((segment, symbol)) != token:
            symbol = known.symbol
        is_index = segment == INDICES
        if is_index:
            exchange = known.exchange if known else exchange if exchange in _EXCHANGES else "NSE"
        else:
            exchange = segment
        return Instrument(
            instrument_token=token, exchange_token=token >> 8, tradingsymbol=symbol,
            name=known.name if known else _underlying(segment, symbol), exchange=exchange,
            segment=segment, instrument_type="EQ", tick_size=0.0 if is_index else 0.05,
            lot_size=1, strike=0.0, expiry=None, session_class=kind,
            price_scale=self._numbering.scale(token),
        )  # fmt: skip

    def _is_index(self, exchange: str, symbol: str, has_volume: bool) -> bool:
        if exchange in _EXCHANGES and exchange not in _CASH:
            return False
        if (INDICES, symbol) in self._tokens or _INDEX_NAME.fullmatch(symbol):
            return True
        return not has_volume and ("NSE", symbol) not in self._tokens


def _class_of(segment: str, symbol: str, asked: SessionClass | None, day: date) -> SessionClass:
    if segment == INDICES:
        return SessionClass.INDEX
    return asked or exchange_class(segment.encode(), _underlying(segment, symbol).encode(), day)


def _underlying(segment: str, symbol: str) -> str:
    """What a contract is on, by the letters before its expiry; anything else is itself."""
    if segment == INDICES or segment in _CASH:
        return symbol
    letters = re.match(r"\D*", symbol)
    return letters[0].upper() if letters and letters[0] else symbol
