"""Which hours an instrument keeps: its session class, from what it is and what is listed on it."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from firki.model.session import SessionClass

Text = npt.NDArray[np.bytes_]
Codes = npt.NDArray[np.uint8]

CLASSES: Final = tuple(SessionClass)
"""A column of session classes holds places in this tuple."""

DERIVATIVE_EXCHANGES: Final = (b"NFO", b"BFO")
CURRENCY_EXCHANGES: Final = (b"CDS", b"BCD")
COMMODITY_EXCHANGES: Final = (b"MCX", b"NCO")
KNOWN_EXCHANGES: Final = (
    b"NSE", b"BSE", *DERIVATIVE_EXCHANGES, *CURRENCY_EXCHANGES, *COMMODITY_EXCHANGES,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Underlyings:
    """Commodities that keep the hours of a class from a day on; the newest entry of one counts."""

    since: date
    session_class: SessionClass
    names: frozenset[bytes]


# Lists of the exchange as Zerodha's bulletins and MCX's notices give them. What is on no list is
# not agricultural. Cotton seed wash oil (2024) has no source for its hours yet: taken as domestic.
_COMMODITIES: Final = (
    _Underlyings(
        date(2000, 1, 1),
        SessionClass.COMMODITY_AGRI,
        frozenset({
            b"BLACKPEPPER", b"CARDAMOM", b"CASTORSEED", b"CHANADEL", b"CORIANDER", b"COTTONOIL",
            b"JEERA", b"MENTHAOIL", b"RBDPMOLEIN", b"RUBBER", b"SOYABEAN", b"WHEAT",
        }),
    ),
    # Zerodha bulletin of 8 Mar 2016; KAPAS again in MCX's notice of 1 Jun 2020.
    _Underlyings(
        date(2016, 3, 14),
        SessionClass.COMMODITY_AGRI_INTL,
        frozenset({b"COTTON", b"COTTONCNDY", b"CPO", b"KAPAS"}),
    ),
    # Zerodha bulletin of 20 Dec 2018 on the longer hours from 31 Dec.
    _Underlyings(date(2018, 12, 31), SessionClass.COMMODITY_AGRI_INTL, frozenset({b"RBDPMOLEIN"})),
)  # fmt: skip


def commodity_class(underlying: bytes, day: date) -> SessionClass:
    """The class of a commodity's contracts on a day."""
    found = SessionClass.COMMODITY
    for listed in _COMMODITIES:
        if listed.since <= day and underlying in listed.names:
            found = listed.session_class
    return found


def exchange_class(exchange: bytes, underlying: bytes, day: date) -> SessionClass:
    """The class of what trades on an exchange, where nothing is known of it but its underlying."""
    if exchange in DERIVATIVE_EXCHANGES:
        return SessionClass.DERIVATIVE
    if exchange in CURRENCY_EXCHANGES:
        return SessionClass.CURRENCY
    if exchange in COMMODITY_EXCHANGES:
        return commodity_class(underlying, day)
    return SessionClass.CASH


def session_classes(
    *,
    exchange: Text,
    segment: Text,
    tradingsymbol: Text,
    name: Text,
    expiry: npt.NDArray[np.datetime64],
    day: date,
) -> Codes:
    """Places in ``CLASSES``, one a row.

    A share closes in the auction when a contract on it is alive on ``day``; Kite's dump has no
    flag for it (NSE/CMTR/74466 of 29 May 2026). An exchange that is not known keeps cash hours.
    """
    derivative = np.isin(exchange, DERIVATIVE_EXCHANGES)
    live = derivative & (expiry >= np.datetime64(day))
    codes: Codes = np.full(len(exchange), CLASSES.index(SessionClass.CASH), np.uint8)
    codes[np.isin(tradingsymbol, np.unique(name[live]))] = CLASSES.index(SessionClass.CAS)
    codes[derivative] = CLASSES.index(SessionClass.DERIVATIVE)
    codes[np.isin(exchange, CURRENCY_EXCHANGES)] = CLASSES.index(SessionClass.CURRENCY)
    _put_commodities(codes, np.isin(exchange, COMMODITY_EXCHANGES), name, day)
    codes[np.strings.endswith(segment, b"INDICES")] = CLASSES.index(SessionClass.INDEX)
    return codes


def _put_commodities(codes: Codes, commodity: Any, name: Text, day: date) -> None:
    for underlying in np.unique(name[commodity]):
        place = CLASSES.index(commodity_class(bytes(underlying), day))
        codes[commodity & (name == underlying)] = place
