"""Recorded rows as Kite would have sent them: instruments, a wish, and frames of full packets."""

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from firki.app.tick_files import Recording
from firki.errors import ConfigError
from firki.kite.vocabulary import Segment, price_divisor
from firki.kite.wire import encode
from firki.model.hours import CLASSES, commodity_class
from firki.model.instrument import Instrument, InstrumentTable
from firki.model.session import SessionClass
from firki.model.tick import COLUMN_COUNT, SECOND, Column
from firki.ports import Frame, Mode, RecordKind
from firki.simulator.universe import read_table

_FULL, _INDEX_FULL = 184, 32
_LARGEST: Final = 0xFFFFFFFF
_EXACT: Final = 1e-3
"""A price is one of the exchange's integers up to what float64 makes of it."""
_MOST_PACKETS: Final = 5_000
_INVENTED: Final = 200_000
_INVENTED_RANGE: Final = 1_000_000
_INDEX_NAME: Final = re.compile(r"(NIFTY|SENSEX|BANKEX|INDIA VIX)( .*)?|(S&P )?BSE .+")
"""Shares and contracts have no space after such a word: NIFTYBEES, NIFTY26NOVFUT."""
_EXCHANGES: Final = {
    "NSE": Segment.NSE, "BSE": Segment.BSE, "NFO": Segment.NFO, "BFO": Segment.BFO,
    "CDS": Segment.CDS, "BCD": Segment.BCD, "MCX": Segment.MCX, "NCO": Segment.NCO,
}  # fmt: skip
_SEGMENT_OF_CLASS: Final = {
    SessionClass.CAS: Segment.NSE, SessionClass.CASH: Segment.NSE,
    SessionClass.INDEX: Segment.INDICES, SessionClass.DERIVATIVE: Segment.NFO,
    SessionClass.CURRENCY: Segment.CDS, SessionClass.COMMODITY: Segment.MCX,
    SessionClass.COMMODITY_AGRI: Segment.MCX, SessionClass.COMMODITY_AGRI_INTL: Segment.MCX,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Names:
    """Who the names of a recording are; one that the given master lacks is not in ``tokens``."""

    tokens: Mapping[str, int]
    table: InstrumentTable


def names_in(recording: Recording, master: InstrumentTable) -> Names:
    """The recording's names as an instrument master knows them, NSE's where none is said."""
    tokens: dict[str, int] = {}
    owners: dict[int, str] = {}
    for name, token, _ in _people(recording):
        if token is not None:
            found = master.by_token(token)
        else:
            found = master.by_key(name if ":" in name else f"NSE:{name}")
        if found is not None:
            _own(owners, found.instrument_token, name)
            tokens[name] = found.instrument_token
    return Names(tokens, master)


def invented_names(recording: Recording, session_class: SessionClass | None = None) -> Names:
    """Instruments for the recording's names where there is no master.

    The token is the recording's own, else a known one, else made from the name: the same on every
    day. An index is one by its token or its name, or because it never had volume;
    ``session_class`` is that of the others, cash unless their exchange or token says otherwise.
    """
    numbers: dict[tuple[int, str], int] = {
        (Segment.INDICES if table == "indices.csv" else Segment.NSE, row["symbol"]): int(
            row["exchange_token"]
        )
        for table in ("indices.csv", "shares.csv")
        for row in read_table(table)
    }
    taken = {number * 256 + segment for (segment, _), number in numbers.items()}
    made: dict[int, Instrument] = {}
    tokens: dict[str, int] = {}
    owners: dict[int, str] = {}
    for name, token, has_volume in _people(recording):
        exchange, _, symbol = name.rpartition(":")
        segment = _segment(exchange, symbol, token, has_volume, session_class)
        if token is None:
            if (segment, symbol) not in numbers:
                numbers[segment, symbol] = _made_number(symbol, segment, taken)
            token = numbers[segment, symbol] * 256 + segment
            taken.add(token)
        _own(owners, token, name)
        kind = _class_of(segment, symbol, session_class, recording.trading_date)
        made[token] = _instrument(token, symbol, exchange or _exchange(segment), kind)
        tokens[name] = token
    return Names(tokens, InstrumentTable.of(made.values(), day=recording.trading_date))


def _people(recording: Recording) -> Iterator[tuple[str, int | None, bool]]:
    """Each name once, in order: its token if the files say it, and whether it ever had volume."""
    found = recording.rows.group_by("name").agg(
        pl.col("token").drop_nulls().first(), (pl.col("volume") > 0).any().alias("has_volume")
    )
    for name, token, has_volume in found.sort("name").iter_rows():
        yield name, token if token is not None and 0 < token <= _LARGEST else None, bool(has_volume)


def _own(owners: dict[int, str], token: int, name: str) -> None:
    """Raise ConfigError when the token is already that of another symbol."""
    owner = owners.setdefault(token, name)
    if owner.rpartition(":")[2] != name.rpartition(":")[2]:
        raise ConfigError(
            f"ticks: instrument_token {token} stands for {owner} and for {name}; expected one "
            "symbol a token"
        )


def _segment(
    exchange: str, symbol: str, token: int | None, has_volume: bool, asked: SessionClass | None
) -> int:
    if token is not None:
        return token & 0xFF
    if asked is SessionClass.INDEX or _INDEX_NAME.fullmatch(symbol) or not has_volume:
        return Segment.INDICES
    if exchange in _EXCHANGES:
        return _EXCHANGES[exchange]
    return _SEGMENT_OF_CLASS[asked or SessionClass.CASH]


def _class_of(segment: int, symbol: str, asked: SessionClass | None, day: date) -> SessionClass:
    if segment == Segment.INDICES:
        return SessionClass.INDEX
    if asked is not None:
        return asked
    if segment in {Segment.NFO, Segment.BFO}:
        return SessionClass.DERIVATIVE
    if segment in {Segment.CDS, Segment.BCD}:
        return SessionClass.CURRENCY
    if segment in {Segment.MCX, Segment.NCO}:
        underlying = re.match("[A-Z]*", symbol.upper())
        return commodity_class(underlying[0].encode() if underlying else b"", day)
    return SessionClass.CASH


def _exchange(segment: int) -> str:
    return next((word for word, code in _EXCHANGES.items() if code == segment), "NSE")


def _made_number(symbol: str, segment: int, taken: set[int]) -> int:
    number = _INVENTED + zlib.crc32(symbol.encode()) % _INVENTED_RANGE
    while number * 256 + segment in taken:
        number += 1
    return number


def _instrument(token: int, symbol: str, exchange: str, kind: SessionClass) -> Instrument:
    index = kind is SessionClass.INDEX
    return Instrument(
        instrument_token=token, exchange_token=token >> 8, tradingsymbol=symbol, name=symbol,
        exchange=exchange, segment="INDICES" if index else exchange, instrument_type="EQ",
        tick_size=0.0 if index else 0.05, lot_size=1, strike=0.0, expiry=None, session_class=kind,
        price_scale=price_divisor(token),
    )  # fmt: skip


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
