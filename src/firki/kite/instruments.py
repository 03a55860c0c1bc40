"""Kite's instruments dump: CSV bytes to the columns of an instrument table."""

import hashlib
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from firki.errors import Corrupt
from firki.kite.vocabulary import DEFAULT_DIVISOR, DIVISORS, INSTRUMENT_COLUMNS, Segment
from firki.model.hours import KNOWN_EXCHANGES, Text, session_classes
from firki.model.instrument import InstrumentTable
from firki.model.tick import U32

_REMEDY: Final = "fetch the dump again, or correct the file if it was edited"
_NOT_NEEDED: Final = "last_price"
"""Stale by nature, 0 in most rows."""
_NEEDED: Final = tuple(name for name in INSTRUMENT_COLUMNS if name != _NOT_NEEDED)
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def parse(csv: bytes, *, day: date) -> InstrumentTable:
    """The dump's rows in their order, with the session classes of ``day``.

    Raises Corrupt for a file that is cut, lacks a column, or holds a value or a token twice that
    cannot be right. Let pass, and counted in ``oddities``: a key used twice (the first is the one
    looked up), a token that does not belong to its exchange, an exchange that is not known.
    """
    frame = _read(csv)
    tokens: U32 = _integers(frame, "instrument_token", pl.UInt32())
    _refuse_twice(frame)
    exchange_token: U32 = _integers(frame, "exchange_token", pl.UInt32())
    exchange, segment = _words(frame, "exchange"), _words(frame, "segment")
    symbol, name = _words(frame, "tradingsymbol"), _text(frame["name"].fill_null(""))
    expiry = _expiries(frame)
    return InstrumentTable(
        day=day,
        digest=hashlib.sha256(csv).hexdigest(),
        instrument_token=tokens,
        exchange_token=exchange_token,
        tradingsymbol=symbol,
        name=name,
        exchange=exchange,
        segment=segment,
        instrument_type=_words(frame, "instrument_type"),
        tick_size=_amounts(frame, "tick_size"),
        lot_size=_integers(frame, "lot_size", pl.Int64()),
        strike=_amounts(frame, "strike"),
        expiry=expiry,
        session_class=session_classes(
            exchange=exchange,
            segment=segment,
            tradingsymbol=symbol,
            name=name,
            expiry=expiry,
            day=day,
        ),
        price_scale=_scales(tokens),
        oddities=_oddities(frame, tokens, exchange_token, exchange, segment),
    )


def _read(csv: bytes) -> pl.DataFrame:
    """All columns as text; fields that are missing or empty are null."""
    body = csv.removeprefix(_BYTE_ORDER_MARK)
    if b"instrument_token" not in body.partition(b"\n")[0]:
        raise Corrupt(
            f"instruments csv of {len(csv)} bytes: expected a header with the column "
            f"'instrument_token', found {body[:80]!r}; {_REMEDY}",
            offset=0,
        )
    if not body.endswith(b"\n"):
        last = body[-60:].decode(errors="replace")
        raise Corrupt(
            f"instruments csv of {len(csv)} bytes: expected a line end at its end, found {last!r}; "
            f"it was cut: {_REMEDY}",
            offset=len(csv),
        )
    try:
        frame = pl.read_csv(body, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        reason = str(error).partition("\n")[0]
        raise Corrupt(f"instruments csv: not readable as CSV ({reason}); {_REMEDY}") from error
    if missing := [name for name in _NEEDED if name not in frame.columns]:
        raise Corrupt(
            f"instruments csv: column {missing[0]!r} is missing; expected {', '.join(_NEEDED)}, "
            f"found {', '.join(frame.columns)[:200]}; {_REMEDY}"
        )
    if frame.is_empty():
        raise Corrupt(f"instruments csv: expected rows after the header, found none; {_REMEDY}")
    return frame


def _wrong(frame: pl.DataFrame, column: str, wrong: pl.Series, expected: str) -> None:
    """Refuse the first wrong value, if there is one."""
    row = wrong.arg_max() if wrong.any() else None
    if row is None:
        return
    found = {name: frame[name][row] for name in (column, "exchange", "tradingsymbol")}
    raise Corrupt(
        f"instruments csv: row {row + 1}, column {column!r}: expected {expected}, "
        f"found {found[column]!r} (instrument {found['exchange']}:{found['tradingsymbol']}); "
        f"{_REMEDY}"
    )


def _integers(frame: pl.DataFrame, column: str, dtype: pl.DataType) -> Any:
    """The column in the integer type asked for."""
    numbers = frame[column].cast(dtype, strict=False)
    _wrong(frame, column, numbers.is_null(), f"a whole number ({dtype})")
    return numbers.to_numpy()


def _amounts(frame: pl.DataFrame, column: str) -> npt.NDArray[np.float64]:
    numbers = frame[column].cast(pl.Float64(), strict=False)
    good = numbers.is_finite() & (numbers >= 0)
    _wrong(frame, column, ~good.fill_null(value=False), "an amount of 0 or more")
    return numbers.to_numpy()


def _words(frame: pl.DataFrame, column: str) -> Text:
    _wrong(frame, column, frame[column].is_null(), "a value")
    return _text(frame[column])


def _text(words: pl.Series) -> Text:
    return np.array(words.cast(pl.Binary()).to_list(), dtype=np.bytes_)


def _expiries(frame: pl.DataFrame) -> npt.NDArray[np.datetime64]:
    """Kite writes YYYY-MM-DD; spreadsheets that saved the file turn it into DD-MM-YYYY."""
    written = frame["expiry"]
    days = written.str.to_date("%Y-%m-%d", strict=False)
    turned = written.str.to_date("%d-%m-%Y", strict=False)
    expiry = days.zip_with(days.is_not_null(), turned)
    _wrong(frame, "expiry", written.is_not_null() & expiry.is_null(), "a date or nothing")
    return expiry.to_numpy()


def _refuse_twice(frame: pl.DataFrame) -> None:
    tokens = frame["instrument_token"]
    _wrong(
        frame,
        "instrument_token",
        ~tokens.is_first_distinct(),
        "a token that no row before has",
    )


def _scales(tokens: U32) -> npt.NDArray[np.int64]:
    of_code = np.full(256, DEFAULT_DIVISOR, np.int64)
    for code, divisor in DIVISORS.items():
        of_code[code] = divisor
    scales: npt.NDArray[np.int64] = of_code[tokens & 0xFF]
    return scales


def _oddities(
    frame: pl.DataFrame, tokens: U32, exchange_token: U32, exchange: Text, segment: Text
) -> dict[str, int]:
    keys = frame.select(pl.struct("exchange", "tradingsymbol")).to_series()
    codes = np.zeros(len(tokens), np.uint32)
    for word in KNOWN_EXCHANGES:
        codes[exchange == word] = Segment[word.decode()]
    codes[np.strings.endswith(segment, b"INDICES")] = Segment.INDICES
    counts = {
        "key used twice": len(keys) - keys.n_unique(),
        "token of another segment": int(((codes != 0) & (tokens & 0xFF != codes)).sum()),
        "token without its exchange token": int((tokens >> 8 != exchange_token).sum()),
        "exchange not known": int((codes == 0).sum()),
    }
    return {reason: count for reason, count in counts.items() if count}
