"""What became of a day's ticks when they were built into candles: every row is accounted for."""

from datetime import date
from typing import Final

import msgspec

from firki.app.market_day import Book
from firki.live.grid import DayGrid
from firki.live.layout import REFUSALS

_NO_TRADE: Final = ("depth_only", "late", "first_snapshot")


class Volumes(msgspec.Struct, frozen=True, kw_only=True):
    """Where the day's volume of an instrument went: the four parts make ``last``."""

    symbol: str
    instrument_token: int
    session_class: str
    baseline: int
    """Of the first snapshot: traded before the recording began."""
    bars: int
    outside: int
    """Traded outside the session's slots."""
    gap: int
    """Traded while the feed was away."""
    last: int
    """The newest cumulative volume."""

    @property
    def adds_up(self) -> bool:
        return self.baseline + self.bars + self.outside + self.gap == self.last


class DayReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one day's rows: each was left out, refused, passed over or traded."""

    date: date
    sources: list[str]
    rows: int
    left_out: dict[str, int]
    """Rows that could not be sent, by reason."""
    refused: dict[str, int]
    """Rows the fold refused, by reason."""
    no_trade: dict[str, int]
    """Rows that showed no new trade: depth only or repeated, late, first after a connection."""
    trades: int
    outside_session: int
    """Of the trades, those in no slot of the session: they make no bar."""
    volumes: list[Volumes]
    rounded: int = 0
    """Prices finer than the exchange's integers."""


class BuildReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was built."""

    out: str
    bars: dict[str, int]
    days: list[DayReport]


def volumes_of(grid: DayGrid, book: Book, token: int, symbol: str, bars: int) -> Volumes:
    """``bars`` is the volume of the instrument's minutes."""
    parts, described = grid.volumes(token), book.describe(token)
    assert described is not None  # it was given a column
    return Volumes(
        symbol=symbol, instrument_token=token, session_class=described[0], bars=bars,
        baseline=parts["baseline"], outside=parts["outside"], gap=parts["gap"],
        last=parts["newest"],
    )  # fmt: skip


def report_of(
    grid: DayGrid, book: Book, sources: list[str], left_out: dict[str, int], volumes: list[Volumes]
) -> DayReport:
    totals = grid.totals()
    refusals = [why for why in REFUSALS if why != "inconsistent"]
    if book.rules.strict:
        refusals.append("inconsistent")
    return DayReport(
        date=grid.header.trading_date,
        sources=sources,
        rows=totals["ticks"] + sum(left_out.values()),
        left_out=left_out,
        refused={why: totals[why] for why in refusals if totals[why]},
        no_trade={why: totals[why] for why in _NO_TRADE},
        trades=totals["trades"],
        outside_session=totals["outside_session"],
        volumes=volumes,
    )
