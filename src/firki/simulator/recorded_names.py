"""Who is who in a recording: known tokens where there are any, invented ones for the rest."""

import zlib
from datetime import date
from typing import Any, Final

import numpy as np

from firki.model.calendar import SessionClass
from firki.simulator.closes import Closes
from firki.simulator.day import SECTORS
from firki.simulator.listing import INDICES, NFO, NSE, Entry, traits_of
from firki.simulator.recording import Recording
from firki.simulator.universe import index_entry, read_table, share_entry

_INVENTED: Final = 200_000
_INVENTED_RANGE: Final = 1_000_000
_RATE: Final = 1.0
_DAY_SECONDS: Final = 22_500.0


def entries_of(recording: Recording, closes: Closes, eve: date) -> tuple[Entry, ...]:
    """An entry per name, whose drawn history ends on ``eve`` at the first recorded price."""
    index_names = _indices(recording)
    taken: set[int] = set()
    entries = []
    for number, name in enumerate(recording.names):
        entry = _entry(recording, number, name, is_index=name in index_names, taken=taken)
        taken.add(entry.token)
        entries.append(entry._replace(**_liveliness(recording, number)))
    levels = closes.levels(traits_of(entries), [eve])[:, 0]
    firsts = [int(recording.price[np.argmax(recording.name == n)]) for n in range(len(entries))]
    return tuple(
        entry._replace(anchor=entry.anchor * first / level)
        for entry, first, level in zip(entries, firsts, levels.tolist(), strict=True)
    )


def _indices(recording: Recording) -> set[str]:
    """Names that never had any volume, or whose token says so."""
    most = np.zeros(len(recording.names), np.int64)
    np.maximum.at(most, recording.name, recording.volume)
    silent = most == 0
    silent |= (recording.token & 0xFF) == INDICES
    return {recording.names[number] for number in np.flatnonzero(silent)}


def _entry(
    recording: Recording, number: int, name: str, *, is_index: bool, taken: set[int]
) -> Entry:
    tables = {True: "indices.csv", False: "shares.csv"}
    known = {row["symbol"]: row for row in read_table(tables[is_index])}
    segment = INDICES if is_index else NSE
    token = int(recording.token[number])
    by_token = {int(row["exchange_token"]) * 256 + segment: row for row in known.values()}
    row = known.get(name) or by_token.get(token)
    if token:
        exchange_token = token >> 8
    elif row:
        exchange_token = int(row["exchange_token"])
    else:
        exchange_token = _invented(name, segment, taken)
    symbol = row["symbol"] if row else name
    sector = SECTORS.index(row["sector"]) if row else 0
    if is_index:
        exchange = row["exchange"] if row else "NSE"
        entry = index_entry(symbol, exchange, exchange_token, 1.0, 1.0, sector)
    else:
        entry = share_entry(
            symbol, row["name"] if row else symbol, exchange_token, 1.0, sector, rate=_RATE,
            cas=False,
        )  # fmt: skip
    return entry if not token else _with_token(entry, token)


def _with_token(entry: Entry, token: int) -> Entry:
    """The recorder's own token, with the segment it tells."""
    entry = entry._replace(token=token, path_token=token)
    if token & 0xFF == NFO:
        return entry._replace(
            exchange="NFO", segment="NFO-FUT", instrument_type="FUT",
            session_class=SessionClass.DERIVATIVE,
        )  # fmt: skip
    return entry


def _invented(name: str, segment: int, taken: set[int]) -> int:
    """The same number for a name on every day, unless another name has it already."""
    number = _INVENTED + zlib.crc32(name.encode()) % _INVENTED_RANGE
    while number * 256 + segment in taken:
        number += 1
    return number


def _liveliness(recording: Recording, number: int) -> dict[str, Any]:
    """What the drawn history needs: about as much volume as was recorded; tick of 2021."""
    most = int(recording.volume[recording.name == number].max())
    return {"tick": 5, "size": max(most / (_RATE * _DAY_SECONDS) - 1, 0.0), "spaced": False}
