"""Candles: what a stretch of the session came to, and the words for it."""

import re
from dataclasses import dataclass, fields
from enum import IntEnum, IntFlag
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

MINUTES_IN_HOUR: Final = 60
_WORDS: Final = {"minute": 1, "hour": MINUTES_IN_HOUR}
_UNITS: Final = {"m": 1, "min": 1, "minute": 1, "h": MINUTES_IN_HOUR, "hour": MINUTES_IN_HOUR}
_LONG: Final = {
    "1d": "day", "d": "day", "day": "day",
    "1w": "week", "w": "week", "week": "week",
    "1mo": "month", "mo": "month", "month": "month",
}  # fmt: skip
_MOST_MINUTES: Final = 24 * MINUTES_IN_HOUR
_SPELLING: Final = re.compile(r"(\d+)(m|min|minute|h|hour)s?")


class Flag(IntFlag):
    """What a reader must know of a candle beside its numbers."""

    FINAL = 1
    PARTIAL = 2
    """The first value after a start fell into it: something before may be missing."""
    AMBIGUOUS = 4
    """An extreme of the day fell between two snapshots on both sides of the boundary."""
    GAP = 8
    """The feed was away for part of it."""
    AMENDED = 16
    """A later snapshot changed it after it was final."""
    ARRIVAL = 32
    """Bucketed by arrival: the feed's mode carries no exchange time."""
    NO_VOLUME = 64
    NO_OI = 128
    CLOSE_OF_AUCTION = 256
    """Day bars: the close is the closing auction's price ..."""
    CLOSE_AFTER_SESSION = 512
    """... or the price shown after the session, which the exchange sets; else the last trade's."""

    @property
    def close_kind(self) -> str:
        """What the close of a day bar is: last_trade, closing_auction or after_close."""
        if Flag.CLOSE_AFTER_SESSION in self:
            return "after_close"
        return "closing_auction" if Flag.CLOSE_OF_AUCTION in self else "last_trade"

    def words(self) -> list[str]:
        """The set flags in lower case; FINAL is the status, and ``close_kind`` is told apart."""
        hidden = Flag.FINAL | Flag.CLOSE_OF_AUCTION | Flag.CLOSE_AFTER_SESSION
        shown = (flag for flag in Flag if flag in self and flag not in hidden)
        return [flag.name.lower() for flag in shown if flag.name]


class Status(IntEnum):
    """How far a candle can be trusted not to change."""

    FORMING = 0
    FINAL = 1
    SETTLED = 2

    @property
    def word(self) -> str:
        return self.name.lower()


class SessionKind(IntEnum):
    """Which part of the day a candle belongs to."""

    PRE_OPEN = 0
    CONTINUOUS = 1
    CLOSING_AUCTION = 2

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Interval:
    """A whole number of minutes, or a day, a week, a month (``minutes`` is then 0)."""

    name: str
    minutes: int

    @classmethod
    def parse(cls, text: str) -> "Interval":
        """Any spelling in use: 5m, 5minute, 5min, minute, 1h, 60minute, hour, 90m, 2h, 1d, day.

        Raises ValueError that names the accepted forms.
        """
        word = text.strip().lower()
        if word in _LONG:
            return cls(_LONG[word], 0)
        if word in _WORDS:
            return cls.of(_WORDS[word])
        found = _SPELLING.fullmatch(word)
        minutes = int(found[1]) * _UNITS[found[2]] if found and len(found[1]) < 10 else 0
        if minutes < 1:
            raise ValueError(
                f"interval {text!r}: expected minutes (5m, 5minute), hours (1h, 2h), "
                "day, week or month"
            )
        if minutes > _MOST_MINUTES:
            raise ValueError(
                f"interval {text!r}: expected at most a day's {_MOST_MINUTES} minutes, "
                "else day, week or month"
            )
        return cls.of(minutes)

    @classmethod
    def of(cls, minutes: int) -> "Interval":
        return cls(f"{minutes}m", minutes)

    def __str__(self) -> str:
        return self.name


MINUTE: Final = Interval.of(1)
DAY: Final = Interval("day", 0)


class Candle(msgspec.Struct, frozen=True, kw_only=True):
    """One candle at the edge; prices in rupees, ``oi`` and ``volume`` None where there is none."""

    instrument_token: int
    interval: str
    start_ts: int
    open: float
    high: float
    low: float
    close: float
    volume: int | None
    oi: int | None
    tick_count: int
    status: str
    revision: int
    session: str
    flags: list[str]
    last_tick_ts: int


_DTYPES: Final = {
    "instrument_token": np.uint32, "start_ts": np.int64, "open": np.float64, "high": np.float64,
    "low": np.float64, "close": np.float64, "volume": np.int64, "oi": np.int64,
    "tick_count": np.uint32, "status": np.uint8, "revision": np.uint16, "session": np.uint8,
    "flags": np.uint16, "last_tick_ts": np.int64,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleColumns:
    """Candles as arrays of one length, sorted by (instrument_token, start_ts).

    Prices are rupees. ``volume`` and ``oi`` are 0 where ``flags`` says NO_VOLUME or NO_OI.
    ``as_of_ts`` is the newest moment the answer knows of; ``source`` says where it was read.
    """

    interval: Interval
    as_of_ts: int
    source: str
    instrument_token: npt.NDArray[np.uint32]
    start_ts: npt.NDArray[np.int64]
    open: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    close: npt.NDArray[np.float64]
    volume: npt.NDArray[np.int64]
    oi: npt.NDArray[np.int64]
    tick_count: npt.NDArray[np.uint32]
    status: npt.NDArray[np.uint8]
    revision: npt.NDArray[np.uint16]
    session: npt.NDArray[np.uint8]
    flags: npt.NDArray[np.uint16]
    last_tick_ts: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start_ts)

    @classmethod
    def empty(cls, interval: Interval, *, as_of_ts: int, source: str) -> "CandleColumns":
        arrays: dict[str, Any] = {name: np.empty(0, dtype) for name, dtype in _DTYPES.items()}
        return cls(interval=interval, as_of_ts=as_of_ts, source=source, **arrays)

    @classmethod
    def of(
        cls, interval: Interval, *, as_of_ts: int, source: str, **arrays: Any
    ) -> "CandleColumns":
        """From arrays in any order; each is given its dtype, and the rows are sorted."""
        if missing := _DTYPES.keys() - arrays.keys():
            raise ValueError(f"candle columns: missing {sorted(missing)}")
        order = np.lexsort((arrays["start_ts"], arrays["instrument_token"]))
        cast: dict[str, Any] = {
            name: np.asarray(arrays[name], dtype)[order] for name, dtype in _DTYPES.items()
        }
        return cls(interval=interval, as_of_ts=as_of_ts, source=source, **cast)

    @classmethod
    def concat(cls, parts: "list[CandleColumns]") -> "CandleColumns":
        """All rows of parts of one interval; as_of is the newest, the sources are joined by +."""
        newest = max(part.as_of_ts for part in parts)
        sources = "+".join(dict.fromkeys(part.source for part in parts if len(part)))
        arrays = {name: np.concatenate([getattr(p, name) for p in parts]) for name in _DTYPES}
        source = sources or parts[0].source
        return cls.of(parts[0].interval, as_of_ts=newest, source=source, **arrays)

    def take(self, index: npt.NDArray[Any] | slice) -> "CandleColumns":
        """The chosen rows; the caller keeps the order."""
        arrays: dict[str, Any] = {name: getattr(self, name)[index] for name in _DTYPES}
        return CandleColumns(
            interval=self.interval, as_of_ts=self.as_of_ts, source=self.source, **arrays
        )

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The columns by name, in the order they are declared."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name in _DTYPES}

    def candle(self, row: int) -> Candle:
        """One row as an object, for the edge."""
        flags = Flag(int(self.flags[row]))
        return Candle(
            instrument_token=int(self.instrument_token[row]), interval=self.interval.name,
            start_ts=int(self.start_ts[row]), open=float(self.open[row]),
            high=float(self.high[row]), low=float(self.low[row]), close=float(self.close[row]),
            volume=None if Flag.NO_VOLUME in flags else int(self.volume[row]),
            oi=None if Flag.NO_OI in flags else int(self.oi[row]),
            tick_count=int(self.tick_count[row]), status=Status(int(self.status[row])).word,
            revision=int(self.revision[row]), session=SessionKind(int(self.session[row])).word,
            flags=flags.words(), last_tick_ts=int(self.last_tick_ts[row]),
        )  # fmt: skip
