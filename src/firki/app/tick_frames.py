"""Recorded rows as Kite would have sent them: instruments, a wish, and frames of full packets."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from firki.app.tick_files import Recording
from firki.kite.vocabulary import NUMBERING
from firki.kite.wire import encode
from firki.model.hours import CLASSES
from firki.model.instrument import InstrumentTable
from firki.model.recorded_names import claim, invented, parse_symbols
from firki.model.recorded_ticks import people_of
from firki.model.session import SessionClass
from firki.model.tick import COLUMN_COUNT, SECOND, Column
from firki.ports import Frame, Mode, RecordKind

_FULL, _INDEX_FULL = 184, 32
_LARGEST: Final = 0xFFFFFFFF
_EXACT: Final = 1e-3
"""A price is one of the exchange's integers up to what float64 makes of it."""
_MOST_PACKETS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Names:
    """Who the names of a recording are; one that the given master lacks is not in ``tokens``."""

    tokens: Mapping[str, int]
    table: InstrumentTable


def names_in(recording: Recording, master: InstrumentTable) -> Names:
    """The recording's names as an instrument master knows them, NSE's where none is said."""
    tokens: dict[str, int] = {}
    owners: dict[int, str] = {}
    for name, token, _ in people_of(recording.rows):
        if token is not None:
            found = master.by_token(token)
        else:
            found = master.by_key(name if ":" in name else f"NSE:{name}")
        if found is not None:
            claim(owners, found.instrument_token, name)
            tokens[name] = found.instrument_token
    return Names(tokens, master)


def invented_names(recording: Recording, session_class: SessionClass | None = None) -> Names:
    """Instruments for the recording's names where there is no master, as ``model.recorded_names``
    has them; ``session_class`` is that of all but indices."""
    tables = files("firki.model") / "data"
    symbols = parse_symbols(
        shares=(tables / "shares.csv").read_bytes(), indices=(tables / "indices.csv").read_bytes()
    )
    made = invented(
        people_of(recording.rows), symbols, NUMBERING, day=recording.trading_date,
        session_class=session_class,
    )  # fmt: skip
    by_token = {instrument.instrument_token: instrument for instrument in made.values()}
    return Names(
        {name: instrument.instrument_token for name, instrument in made.items()},
        InstrumentTable.of(by_token.values(), day=recording.trading_date),
    )


# -- frames ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sendable:
    """A recording's rows as packets, in order of arrival, and what could not become one.

    ``rounded`` counts prices finer than the exchange's integers; ``oi_from`` is when the recording
    first says the open interest of a token, for those of which it ever does.
    """

    columns: npt.NDArray[np.uint32]
    arrival: npt.NDArray[np.int64]
    left_out: dict[str, int]
    rounded: int
    oi_from: Mapping[int, int]

    @property
    def edges(self) -> npt.NDArray[np.intp]:
        """Where the rows of each second begin."""
        return np.flatnonzero(np.diff(self.arrival // SECOND, prepend=-1))

    @property
    def seconds(self) -> int:
        """In how many seconds rows arrived."""
        return len(self.edges)


def sendable(recording: Recording, names: Names) -> Sendable:
    """The rows as full packets; day open, high and low are left 0, for nothing is known of them."""
    rows = recording.rows.join(_described(names), on="name", how="left", maintain_order="left")
    known, index = rows["code"].is_not_null(), rows["is_index"].fill_null(value=False)
    volume = rows["volume"].zip_with(~index, pl.Series([0], dtype=pl.Int64))
    counted = volume.is_between(0, _LARGEST).fill_null(value=False)
    left_out = {
        "unknown_symbol": int((~known).sum()),
        "no_volume": int((known & volume.is_null()).sum()),
        "volume_range": int((known & ~counted & volume.is_not_null()).sum()),
    }
    keep = (known & counted).to_numpy()
    exact = (rows["ltp"].fill_nan(None).fill_null(0.0) * rows["scale"].fill_null(1)).to_numpy()
    fits = (exact >= 0) & (exact <= _LARGEST)
    price = np.where(fits, np.rint(exact), _LARGEST)  # the fold refuses what is too large
    columns = np.zeros((COLUMN_COUNT, int(keep.sum())), np.uint32)
    second = (rows["ts"] // SECOND).clip(0, _LARGEST).to_numpy()[keep]
    columns[Column.LENGTH] = np.where(index.to_numpy()[keep], _INDEX_FULL, _FULL)
    columns[Column.INSTRUMENT_TOKEN] = rows["code"].fill_null(0).to_numpy()[keep]
    columns[Column.LAST_PRICE] = price[keep]
    columns[Column.VOLUME_TRADED] = volume.fill_null(0).to_numpy()[keep]
    columns[Column.LAST_TRADE_TIME] = columns[Column.EXCHANGE_TIME] = second
    oi = rows.select(pl.col("oi").forward_fill().over("code"))["oi"]
    columns[Column.OI] = oi.fill_null(0).clip(0, _LARGEST).to_numpy()[keep]
    return Sendable(
        columns,
        rows["arrival"].to_numpy()[keep],
        {why: count for why, count in left_out.items() if count},
        int((keep & fits & (np.abs(exact - price) > _EXACT)).sum()),
        dict(
            rows.filter(known & pl.col("oi").is_not_null())
            .group_by("code")
            .agg(pl.col("arrival").first())
            .iter_rows()
        ),
    )


def _described(names: Names) -> pl.DataFrame:
    """Of each name its token, price scale, and whether it is an index."""
    tokens = np.fromiter(names.tokens.values(), np.int64, len(names.tokens))
    kinds = names.table.session_class[names.table.rows(tokens)]
    return pl.DataFrame(
        {
            "name": list(names.tokens),
            "code": tokens,
            "scale": names.table.scales(tokens),
            "is_index": kinds == CLASSES.index(SessionClass.INDEX),
        },
        schema={"name": pl.String, "code": pl.Int64, "scale": pl.Int64, "is_index": pl.Boolean},
    )


def records(sent: Sendable, names: Names) -> Iterator[Frame]:
    """Connected, wanted, and one frame for each second in which rows arrived."""
    wish = {str(token): int(Mode.FULL) for token in sorted(set(names.tokens.values()))}
    began = int(sent.arrival[0]) if len(sent.arrival) else 0
    yield Frame(1, began, 0, b"", RecordKind.CONNECTED)
    yield Frame(2, began, 0, msgspec.json.encode(wish), RecordKind.WANTED)
    edges = [*sent.edges.tolist(), len(sent.arrival)]
    seq = 2
    for begin, end in pairwise(edges):
        for first in range(begin, end, _MOST_PACKETS):
            last = min(end, first + _MOST_PACKETS)
            seq += 1
            payload = encode(sent.columns[:, first:last])
            yield Frame(seq, int(sent.arrival[last - 1]), 0, payload)
