"""The instruments of a simulated day, and the master list in which Kite names them."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from firki.kite.vocabulary import INSTRUMENT_COLUMNS, price_divisor
from firki.model.calendar import SessionClass
from firki.simulator.closes import TRAITS
from firki.simulator.day import CLASSES


class Entry(NamedTuple):
    """One instrument as it is made up: what the list says of it, and its ``closes.TRAITS``.

    ``tick`` and ``anchor`` are the exchange's integers, ``strike`` rupees.
    """

    tradingsymbol: str
    name: str
    exchange: str
    segment: str
    instrument_type: str
    session_class: SessionClass
    token: int
    path_token: int
    kind: int
    tick: int
    lot: int
    anchor: float
    beta: float
    gamma: float
    sector: int
    sigma: float
    rate: float = 0.0
    size: float = 0.0
    calm: float = 0.0
    spread: float = 0.0
    spaced: bool = False
    collects: bool = False
    expiry: date | None = None
    strike: float = 0.0
    right: float = 0.0
    vol: float = 0.0
    open_interest: float = 0.0

    @property
    def traits(self) -> tuple[float, ...]:
        """The fields of ``TRAITS``, in its order."""
        expiry = self.expiry.toordinal() if self.expiry else 0
        return (
            self.token, self.path_token, self.kind, class_number(self.session_class), self.sector,
            self.anchor, self.beta, self.gamma, self.sigma, expiry,
            self.strike * price_divisor(self.token), self.right, self.vol, self.tick, self.lot,
            self.spread, self.rate, self.size, self.calm, self.spaced, self.collects,
            self.open_interest,
        )  # fmt: skip


@dataclass(frozen=True)
class Listing:
    """Columns of the day's instruments; strike and tick_size in rupees.

    The first ``traded`` rows have a tape; the rest are contracts that nobody trades, listed so
    that a share's derivatives can be seen in the master list.
    """

    token: npt.NDArray[np.uint32]
    tradingsymbol: tuple[str, ...]
    name: tuple[str, ...]
    exchange: tuple[str, ...]
    segment: tuple[str, ...]
    instrument_type: tuple[str, ...]
    tick_size: npt.NDArray[np.float64]
    lot_size: npt.NDArray[np.int64]
    strike: npt.NDArray[np.float64]
    expiry: tuple[date | None, ...]
    session_class: tuple[SessionClass, ...]
    price_scale: npt.NDArray[np.int64]
    traded: int

    @classmethod
    def of(cls, entries: Sequence[Entry], *, traded: int) -> "Listing":
        """From the entries in order; an index has no tick and no lot, as in Kite's list."""
        scale = np.array([price_divisor(e.token) for e in entries], np.int64)
        shown = [(0, 0) if e.segment == "INDICES" else (e.tick, e.lot) for e in entries]
        return cls(
            token=np.array([e.token for e in entries], np.uint32),
            tradingsymbol=tuple(e.tradingsymbol for e in entries),
            name=tuple(e.name for e in entries),
            exchange=tuple(e.exchange for e in entries),
            segment=tuple(e.segment for e in entries),
            instrument_type=tuple(e.instrument_type for e in entries),
            tick_size=np.array([tick for tick, _ in shown]) / scale,
            lot_size=np.array([lot for _, lot in shown], np.int64),
            strike=np.array([e.strike for e in entries]),
            expiry=tuple(e.expiry for e in entries),
            session_class=tuple(e.session_class for e in entries),
            price_scale=scale,
            traded=traded,
        )

    def __len__(self) -> int:
        return len(self.token)

    @property
    def exchange_token(self) -> npt.NDArray[np.uint32]:
        """The exchange's own number: the token without its segment byte."""
        return self.token >> np.uint32(8)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Such as NSE:INFY."""
        pairs = zip(self.exchange, self.tradingsymbol, strict=True)
        return tuple(f"{exchange}:{symbol}" for exchange, symbol in pairs)

    @cached_property
    def rows(self) -> dict[int, int]:
        """Row of each token."""
        return {token: row for row, token in enumerate(self.token.tolist())}

    def csv(self, exchange: str | None = None) -> bytes:
        """Kite's master list, of one exchange or of all."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(INSTRUMENT_COLUMNS)
        columns: tuple[Sequence[Any], ...] = (
            self.token.tolist(), self.exchange_token.tolist(), self.tradingsymbol, self.name,
            self.expiry, self.strike.tolist(), self.tick_size.tolist(), self.lot_size.tolist(),
            self.instrument_type, self.segment, self.exchange,
        )  # fmt: skip
        for token, number, symbol, name, expiry, strike, *rest in zip(*columns, strict=True):
            if exchange is None or rest[-1] == exchange:
                writer.writerow(
                    (token, number, symbol, name, 0, expiry or "", f"{strike:g}", *rest)
                )
        return out.getvalue().encode()


def traits_of(entries: Sequence[Entry]) -> npt.NDArray[Any]:
    """The entries' ``TRAITS``, a row each."""
    return np.array([entry.traits for entry in entries], TRAITS)


def class_number(session_class: SessionClass) -> int:
    """Its place in ``CLASSES``; 0 for a class that only recordings have."""
    return CLASSES.index(session_class) if session_class in CLASSES else 0
