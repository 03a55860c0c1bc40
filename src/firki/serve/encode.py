"""Candles as the bytes of an answer: JSON, CSV, or an Arrow stream."""

from functools import lru_cache
from io import BytesIO
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from firki.model.candle import CandleColumns, Flag, SessionKind, Status
from firki.model.ist import ist_text

_IST_NS: Final = 19_800_000_000_000
_JSON: Final = msgspec.json.Encoder()
_STATUS: Final = tuple(one.word for one in Status)
_SESSION: Final = tuple(one.word for one in SessionKind)


class CandleRow(msgspec.Struct, frozen=True):
    """A candle as clients read it; prices in rupees, None where there is none."""

    start_ts: str
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: int | None
    oi: int | None
    tick_count: int
    status: str
    revision: int
    session: str
    flags: list[str]
    close_kind: str | msgspec.UnsetType = msgspec.UNSET
    """Day bars: last_trade, closing_auction or after_close."""


class Stretch(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """A time during which the feed was away, from the first such candle to the end of the last."""

    from_: str
    to: str


@lru_cache(maxsize=256)
def _words(flags: int) -> list[str]:
    return Flag(flags).words()


def _starts(start_ts: npt.NDArray[np.int64]) -> list[str]:
    # a candle starts on a whole second; one pass of numpy is 30 times datetime's speed
    local = ((start_ts + _IST_NS) // 1_000_000_000).astype("datetime64[s]")
    return [f"{text}+05:30" for text in np.datetime_as_string(local).tolist()]


def _prices(column: npt.NDArray[np.float64], decimals: int) -> list[float | None]:
    rounded = np.round(column, decimals)
    if np.isfinite(rounded).all():
        return list(rounded.tolist())
    return [price if np.isfinite(price) else None for price in rounded.tolist()]


def _counts(
    column: npt.NDArray[np.int64], flags: npt.NDArray[np.uint16], absent: Flag
) -> list[Any]:
    values = column.tolist()
    missing = (flags & absent.value) != 0
    if not missing.any():
        return list(values)
    return [None if gone else v for v, gone in zip(values, missing.tolist(), strict=True)]


def rows(columns: CandleColumns, *, decimals: int) -> list[CandleRow]:
    """Every candle as an object, its prices rounded to the instrument's ``decimals``."""
    return list(
        map(
            CandleRow,
            _starts(columns.start_ts),
            _prices(columns.open, decimals),
            _prices(columns.high, decimals),
            _prices(columns.low, decimals),
            _prices(columns.close, decimals),
            _counts(columns.volume, columns.flags, Flag.NO_VOLUME),
            _counts(columns.oi, columns.flags, Flag.NO_OI),
            columns.tick_count.tolist(),
            [_STATUS[one] for one in columns.status.tolist()],
            columns.revision.tolist(),
            [_SESSION[one] for one in columns.session.tolist()],
            [_words(one) for one in columns.flags.tolist()],
            *([] if columns.interval.minutes else [_close_kinds(columns)]),
        )
    )


def _close_kinds(columns: CandleColumns) -> list[str]:
    return [Flag(one).close_kind for one in columns.flags.tolist()]


def json_rows(columns: CandleColumns, *, decimals: int) -> bytes:
    """The candles as JSON objects with commas between them, without the brackets."""
    return _JSON.encode(rows(columns, decimals=decimals))[1:-1]


def json_head(key: str, interval: str) -> bytes:
    """The beginning of the document, up to where the value of ``as_of`` goes."""
    return b'{"key":%b,"interval":%b,"as_of":"' % (_JSON.encode(key), _JSON.encode(interval))


def json_source(source: str) -> bytes:
    """What stands between the value of ``as_of`` and the candles."""
    return b'","source":%b,"candles":[' % _JSON.encode(source)


def json_tail(stretches: list[Stretch]) -> bytes:
    """What follows the candles."""
    return b"]}" if not stretches else b'],"gaps":%b}' % _JSON.encode(stretches)


def gaps(columns: CandleColumns) -> list[Stretch]:
    """The stretches whose candles are marked as gaps, neighbours in the answer joined."""
    marked = np.flatnonzero(columns.flags & Flag.GAP.value)
    if not len(marked):
        return []
    breaks = np.flatnonzero(np.diff(marked) > 1) + 1
    runs = np.split(marked, breaks)
    return [
        Stretch(ist_text(int(columns.start_ts[run[0]])), _end(columns, int(run[-1])))
        for run in runs
    ]


def _end(columns: CandleColumns, row: int) -> str:
    """When a candle ends: after its minutes, but no later than the next one begins."""
    start = int(columns.start_ts[row])
    minutes = columns.interval.minutes or 24 * 60
    end = start + minutes * 60_000_000_000
    if row + 1 < len(columns):
        end = min(end, int(columns.start_ts[row + 1]))
    return ist_text(end)


_CSV_HEADER: Final = ",".join(CandleRow.__struct_fields__[:-1]).encode() + b"\r\n"
"""Without ``close_kind``, which only day bars have."""


def csv(columns: CandleColumns, *, decimals: int) -> bytes:
    """A header and a line a candle; flags with spaces between them, absent values empty."""
    lines = [_csv_line(row, decimals) for row in rows(columns, decimals=decimals)]
    return _CSV_HEADER + "".join(lines).encode()


def _csv_line(row: CandleRow, decimals: int) -> str:
    prices = (row.open, row.high, row.low, row.close)
    shown = ",".join("" if p is None else f"{p:.{decimals}f}" for p in prices)
    volume = "" if row.volume is None else row.volume
    oi = "" if row.oi is None else row.oi
    return (
        f"{row.start_ts},{shown},{volume},{oi},{row.tick_count},{row.status},{row.revision},"
        f"{row.session},{' '.join(row.flags)}\r\n"
    )


def arrow(columns: CandleColumns, *, decimals: int) -> bytes:
    """One Arrow IPC stream; ``start_ts`` int64 ns UTC, status and session as words."""
    import polars as pl  # half a second, and most servers are never asked for Arrow

    flags = columns.flags
    frame = pl.DataFrame(
        {
            "start_ts": columns.start_ts,
            "open": np.round(columns.open, decimals),
            "high": np.round(columns.high, decimals),
            "low": np.round(columns.low, decimals),
            "close": np.round(columns.close, decimals),
            "volume": pl.Series(_counts(columns.volume, flags, Flag.NO_VOLUME), dtype=pl.Int64),
            "oi": pl.Series(_counts(columns.oi, flags, Flag.NO_OI), dtype=pl.Int64),
            "tick_count": columns.tick_count,
            "status": pl.Series([_STATUS[s] for s in columns.status.tolist()], dtype=pl.String),
            "revision": columns.revision,
            "session": pl.Series([_SESSION[s] for s in columns.session.tolist()], dtype=pl.String),
            "flags": pl.Series([_words(f) for f in flags.tolist()], dtype=pl.List(pl.String)),
        }
    ).with_columns(pl.col("open", "high", "low", "close").fill_nan(None))
    out = BytesIO()
    # plain string columns, which every Arrow reader knows
    frame.write_ipc_stream(out, compat_level=pl.CompatLevel.oldest())
    return out.getvalue()
