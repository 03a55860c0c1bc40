"""Kite's historical candles: the requests a span needs, and the rows as columns. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from firki.errors import Corrupt, Rejected
from firki.kite.vocabulary import HISTORY, HistoryInterval, Segment, segment_code
from firki.model.candle import CandleColumns, Flag, Interval, SessionKind, Status
from firki.model.ist import to_ist
from firki.model.tick import SECOND

SAFETY_SECONDS: Final = 60
"""When a closed minute appears is not documented: a candle is final so long after its end."""
WITH_OI: Final = frozenset(
    {Segment.NFO, Segment.CDS, Segment.BFO, Segment.BCD, Segment.MCX, Segment.NCO}
)
SOURCE: Final = "broker"

_DAY_SECONDS: Final = 86_400
_IST_SECONDS: Final = 19_800
_OFFSET: Final = "+0530"
_STAMP_LENGTH: Final = 19
_FIELDS: Final = ("open", "high", "low", "close", "volume", "oi")
"""What follows the stamp in a row."""

_Row = tuple[str, float, float, float, float, int]
_RowWithOi = tuple[str, float, float, float, float, int, int]


class _Rows(msgspec.Struct):
    candles: list[_Row]


class _RowsWithOi(msgspec.Struct):
    candles: list[_RowWithOi]


def kite_interval(interval: Interval) -> HistoryInterval:
    """Kite's word and cap for an interval; raises Rejected when it has none."""
    found = HISTORY.get(interval)
    if found is None:
        known = ", ".join(str(one) for one in HISTORY)
        raise Rejected(f"history interval {interval}: Kite has {known}")
    return found


def has_oi(instrument_token: int) -> bool:
    """Whether the instrument is of a segment that has open interest."""
    return segment_code(instrument_token) in WITH_OI


def requests(from_ts: int, to_ts: int, max_days: int) -> Iterator[tuple[str, str]]:
    """``from`` and ``to`` of each request, both included by Kite; no overlap, no gap."""
    start, end = -(-from_ts // SECOND), to_ts // SECOND
    while start <= end:
        last = min(end, start + max_days * _DAY_SECONDS - 1)
        yield _text(start), _text(last)
        start = last + 1


def columns(
    instrument_token: int,
    interval: Interval,
    answers: Sequence[msgspec.Raw],
    *,
    from_ts: int,
    to_ts: int,
    now_ts: int,
) -> CandleColumns:
    """The answers' candles that start within the span, each start once.

    Raises Corrupt when they are not what Kite documents. 60 days of minutes take 30 ms.
    """
    rows = [row for answer in answers for row in _read(instrument_token, answer)]
    if not rows:
        return CandleColumns.empty(interval, as_of_ts=now_ts, source=SOURCE)
    fields = list(zip(*rows, strict=True))
    start_ts, first = np.unique(_starts(instrument_token, fields[0]), return_index=True)
    inside = (start_ts >= from_ts) & (start_ts <= to_ts)
    start_ts, take = start_ts[inside], first[inside]
    values: dict[str, Any] = {
        name: np.array(of_rows)[take]
        for name, of_rows in zip(_FIELDS, fields[1:], strict=False)  # oi may be missing
    }
    over = start_ts + _length(interval) + SAFETY_SECONDS * SECOND <= now_ts
    nothing = np.zeros(len(start_ts), np.int64)
    return CandleColumns.of(
        interval,
        as_of_ts=now_ts,
        source=SOURCE,
        instrument_token=nothing + instrument_token,
        start_ts=start_ts,
        tick_count=nothing,
        status=np.where(over, Status.FINAL, Status.FORMING),
        revision=nothing,
        session=nothing + SessionKind.CONTINUOUS,
        flags=np.where(over, Flag.FINAL, 0) | _lacks(instrument_token),
        last_tick_ts=nothing,
        **{"oi": nothing, **values},
    )


def _read(instrument_token: int, answer: msgspec.Raw) -> Sequence[_Row | _RowWithOi]:
    shape: type[_Rows | _RowsWithOi] = _RowsWithOi if has_oi(instrument_token) else _Rows
    try:
        return msgspec.json.decode(answer, type=shape).candles
    except msgspec.ValidationError as error:
        raise Corrupt(
            f"history of {instrument_token}: expected candles of stamp, {', '.join(_FIELDS)} "
            f"(oi of derivatives only); {error}"
        ) from error


def _starts(instrument_token: int, stamps: Sequence[str]) -> npt.NDArray[np.int64]:
    expected = f"history of {instrument_token}: expected stamps such as 2026-11-20T09:15:00+0530"
    for stamp in stamps:
        if len(stamp) != _STAMP_LENGTH + len(_OFFSET) or not stamp.endswith(_OFFSET):
            raise Corrupt(f"{expected}, found {stamp!r}")
    try:
        local = np.array([stamp[:_STAMP_LENGTH] for stamp in stamps], "datetime64[s]")
    except ValueError as error:
        raise Corrupt(f"{expected}; {error}") from error
    return (local.astype(np.int64) - _IST_SECONDS) * SECOND


def _length(interval: Interval) -> int:
    """ns. A day is over when its date is: its close is settled in the evening."""
    return (interval.minutes * 60 or _DAY_SECONDS) * SECOND


def _lacks(instrument_token: int) -> int:
    lacks = Flag(0) if has_oi(instrument_token) else Flag.NO_OI
    if segment_code(instrument_token) == Segment.INDICES:
        lacks |= Flag.NO_VOLUME
    return int(lacks)


def _text(seconds: int) -> str:
    return to_ist(seconds * SECOND).strftime("%Y-%m-%d %H:%M:%S")
