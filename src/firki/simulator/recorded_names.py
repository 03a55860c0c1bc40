"""Who is who in a recording: known tokens where there are any, invented ones for the rest."""

import zlib
from datetime import date
from typing import Any, Final

import numpy as np

from firki.kite.vocabulary import DEFAULT_DIVISOR, Segment, price_divisor, segment_code
from firki.model.calendar import SessionClass
from firki.simulator.closes import Closes
from firki.simulator.day import SECTORS
from firki.simulator.listing import Entry, traits_of
from firki.simulator.recording import Recording
from firki.simulator.universe import index_entry, read_table, share_entry

Row = dict[str, str]

_INVENTED: Final = 200_000
_INVENTED_RANGE: Final = 1_000_000
_RATE: Final = 1.0
_DAY_SECONDS: Final = 22_500.0
_TICK: Final = 0.05
_FINE_TICK: Final = 0.0025
"""Rupees; the fine one where the exchange's integers are finer than paise."""

_OTHER_SEGMENTS: Final = {
    Segment.BSE: ("BSE", "BSE", SessionClass.CASH),
    Segment.NFO: ("NFO", "NFO-FUT", SessionClass.DERIVATIVE),
    Segment.BFO: ("BFO", "BFO-FUT", SessionClass.DERIVATIVE),
    Segment.CDS: ("CDS", "CDS-FUT", SessionClass.CURRENCY),
    Segment.BCD: ("BCD", "BCD-FUT", SessionClass.CURRENCY),
    Segment.MCX: ("MCX", "MCX-FUT", SessionClass.COMMODITY),
    Segment.NCO: ("NCO", "NCO-FUT", SessionClass.COMMODITY),
}
"""Exchange, segment and hours of a recorded token; a recording does not say future or option."""


class _Known:
    """The names with real tokens."""

    def __init__(self) -> None:
        self.indices = {row["symbol"]: row for row in read_table("indices.csv")}
        self.shares = {row["symbol"]: row for row in read_table("shares.csv")}
        self._by_token = {
            int(row["exchange_token"]) * 256 + segment: row
            for table, segment in ((self.indices, Segment.INDICES), (self.shares, Segment.NSE))
            for row in reversed(table.values())
        }

    def find(self, name: str, token: int, *, is_index: bool) -> Row | None:
        """The row of the token if the recording has one, else of the name."""
        if token:
            return self._by_token.get(token)
        return (self.indices if is_index else self.shares).get(name)


def entries_of(recording: Recording, closes: Closes, eve: date) -> tuple[Entry, ...]:
    """An entry per name, whose drawn history ends on ``eve`` at the first recorded price."""
    known, taken = _Known(), set[int]()
    is_index = _indices(recording, known)
    entries = []
    for number, name in enumerate(recording.names):
        token = int(recording.token[number])
        entry = _entry(known, name, token, taken, is_index=is_index[number])
        taken.add(entry.token)
        entries.append(entry._replace(**_liveliness(recording, number)))
    levels = closes.levels(traits_of(entries), [eve])[:, 0]
    firsts = [int(recording.price[np.argmax(recording.name == n)]) for n in range(len(entries))]
    return tuple(
        entry._replace(anchor=entry.anchor * first / level)
        for entry, first, level in zip(entries, firsts, levels.tolist(), strict=True)
    )


def _indices(recording: Recording, known: _Known) -> list[bool]:
    """Which names are indices: by the token, else a known one, else one that never has volume."""
    most = np.zeros(len(recording.names), np.int64)
    np.maximum.at(most, recording.name, recording.volume)
    rows = zip(recording.names, recording.token.tolist(), most.tolist(), strict=True)
    return [
        segment_code(token) == Segment.INDICES
        if token
        else name in known.indices or (name not in known.shares and volume == 0)
        for name, token, volume in rows
    ]


def _entry(known: _Known, name: str, token: int, taken: set[int], *, is_index: bool) -> Entry:
    segment = Segment.INDICES if is_index else Segment.NSE
    row = known.find(name, token, is_index=is_index)
    number = int(row["exchange_token"]) if row else _invent(name, segment, taken)
    exchange_token = token >> 8 or number
    symbol = row["symbol"] if row else name
    sector = SECTORS.index(row["sector"]) if row else 0
    if is_index:
        exchange = row["exchange"] if row else "NSE"
        return index_entry(symbol, exchange, exchange_token, 1.0, 1.0, sector)
    entry = share_entry(
        symbol, row["name"] if row else symbol, exchange_token, 1.0, sector, rate=_RATE, cas=False
    )
    return _elsewhere(entry, token) if token else entry


def _elsewhere(entry: Entry, token: int) -> Entry:
    """With the recorded token and the segment it tells."""
    entry = entry._replace(token=token, path_token=token)
    if token & 0xFF not in _OTHER_SEGMENTS:
        return entry
    exchange, segment, hours = _OTHER_SEGMENTS[Segment(token & 0xFF)]
    return entry._replace(
        exchange=exchange, segment=segment, session_class=hours,
        instrument_type="FUT" if segment.endswith("FUT") else "EQ",
    )  # fmt: skip


def _invent(name: str, segment: int, taken: set[int]) -> int:
    """The same number for a name on every day, unless another name has it already."""
    number = _INVENTED + zlib.crc32(name.encode()) % _INVENTED_RANGE
    while number * 256 + segment in taken:
        number += 1
    return number


def _liveliness(recording: Recording, number: int) -> dict[str, Any]:
    """What the drawn history needs: a tick, and about as much volume as was recorded."""
    most = int(recording.volume[recording.name == number].max())
    scale = price_divisor(int(recording.token[number]))
    tick = _TICK if scale == DEFAULT_DIVISOR else _FINE_TICK
    size = max(most / (_RATE * _DAY_SECONDS) - 1, 0.0)
    return {"tick": round(tick * scale), "size": size, "spaced": False}
