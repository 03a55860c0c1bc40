"""The instruments of a recording as entries of a listing, each with a past that leads up to it."""

from datetime import date
from typing import Any, Final

import numpy as np

from firki.kite.vocabulary import DEFAULT_DIVISOR
from firki.model.instrument import INDICES, Instrument
from firki.simulator.closes import Closes
from firki.simulator.day import SECTORS
from firki.simulator.listing import Entry, traits_of
from firki.simulator.recording import RecordedTicks
from firki.simulator.universe import index_entry, read_table, share_entry

_SHARES: Final = ("NSE", "BSE")
_RATE: Final = 1.0
_DAY_SECONDS: Final = 22_500.0
_TICK: Final = 0.05
_FINE_TICK: Final = 0.0025
"""Rupees; the fine one where the exchange's integers are finer than paise."""


def entries_of(recorded: RecordedTicks, closes: Closes, eve: date) -> tuple[Entry, ...]:
    """An entry per instrument, whose drawn history ends on ``eve`` at the first recorded price."""
    sectors = _sectors()
    entries = [
        _entry(instrument, sectors)._replace(**_liveliness(recorded, number))
        for number, instrument in enumerate(recorded.instruments)
    ]
    levels = closes.levels(traits_of(entries), [eve])[:, 0]
    firsts = [int(recorded.price[np.argmax(recorded.number == n)]) for n in range(len(entries))]
    return tuple(
        entry._replace(anchor=entry.anchor * first / level)
        for entry, first, level in zip(entries, firsts, levels.tolist(), strict=True)
    )


def _sectors() -> dict[tuple[str, str], int]:
    """By segment and symbol, of those that are known."""
    tables = {INDICES: "indices.csv", "NSE": "shares.csv"}
    return {
        (segment, row["symbol"]): SECTORS.index(row["sector"])
        for segment, table in tables.items()
        for row in read_table(table)
    }


def _entry(instrument: Instrument, sectors: dict[tuple[str, str], int]) -> Entry:
    symbol, number = instrument.tradingsymbol, instrument.exchange_token
    sector = sectors.get((instrument.segment, symbol), 0)
    if instrument.segment == INDICES:
        return index_entry(symbol, instrument.exchange, number, 1.0, 1.0, sector)
    entry = share_entry(symbol, instrument.name, number, 1.0, sector, rate=_RATE, cas=False)
    entry = entry._replace(
        token=instrument.instrument_token, path_token=instrument.instrument_token,
        exchange=instrument.exchange, segment=instrument.segment,
        session_class=instrument.session_class,
    )  # fmt: skip
    return entry if instrument.exchange in _SHARES else _contract(entry)


def _contract(entry: Entry) -> Entry:
    """A recording does not say future or option."""
    return entry._replace(segment=f"{entry.exchange}-FUT", instrument_type="FUT")


def _liveliness(recorded: RecordedTicks, number: int) -> dict[str, Any]:
    """What the drawn history needs: a tick, and about as much volume as was recorded."""
    most = int(recorded.volume[recorded.number == number].max())
    scale = recorded.instruments[number].price_scale
    tick = _TICK if scale == DEFAULT_DIVISOR else _FINE_TICK
    size = max(most / (_RATE * _DAY_SECONDS) - 1, 0.0)
    return {"tick": round(tick * scale), "size": size, "spaced": False}
