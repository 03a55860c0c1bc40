"""A synthetic morning through the grid, the plain reference and beside the truth of its trades."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Final

import numpy as np
from tests.best_sampling import FIELDS, Bar, Bars, Trade, best_bars, exact_share, true_bars
from tests.fakes.grid_day import GridDay, PlainBar, midnight, reference_bars, reference_slots
from tests.reference_candles import Record, Reference, Row, Settings
from tests.simulated_days import DAY, calendar, instant, play

from firki.model.tick import SECOND, Column
from firki.simulator.market import SyntheticMarket
from firki.simulator.snapshotter import Delays, Snapshots
from firki.simulator.trading import TradeKind

_COLUMNS: Final = {
    "length": Column.LENGTH, "token": Column.INSTRUMENT_TOKEN, "last_price": Column.LAST_PRICE,
    "volume_traded": Column.VOLUME_TRADED, "open": Column.OPEN, "high": Column.HIGH,
    "low": Column.LOW, "close": Column.CLOSE, "last_trade_time": Column.LAST_TRADE_TIME,
    "oi": Column.OI, "exchange_time": Column.EXCHANGE_TIME,
}  # fmt: skip
MINUTE: Final = 60 * SECOND
RATES: Final = ((300.0, "5 a second or more"), (60.0, "1 to 5 a second"), (12.0, "0.2 to 1"),
                (0.0, "fewer"))  # fmt: skip


@dataclass(frozen=True)
class Morning:
    """What was sent until ``until_ts``, by whom, and what happened in truth."""

    market: SyntheticMarket
    records: Sequence[Record]
    classes: Mapping[int, str]
    looks: Mapping[int, Sequence[int]]
    """By token: the moments of looking, for tokens that trade."""
    until_ts: int

    def trades(self, token: int) -> list[Trade]:
        """The true trades of the minutes that are over."""
        tape = self.market.trades([token], 0, self.until_ts)
        kept = (tape.trade_ts < self.until_ts) & (tape.session == TradeKind.CONTINUOUS)
        return list(
            zip(
                tape.trade_ts[kept].tolist(), tape.price[kept].tolist(),
                tape.quantity[kept].tolist(), strict=True,
            )
        )  # fmt: skip

    def folded(self, settings: Settings | None = None) -> GridDay:
        return GridDay(DAY, self.classes, settings or Settings()).run(list(self.records))

    def referred(self, settings: Settings | None = None) -> Mapping[int, Mapping[int, PlainBar]]:
        reference = Reference(midnight(DAY), reference_slots(DAY), self.classes, settings)
        return reference_bars(reference.run(self.records))


@cache
def morning(instruments: int, minutes: int, *, delayed: bool = True) -> Morning:
    """The pre-open and the first minutes, connected from before the day began.

    Not ``delayed``, each snapshot comes at its moment of looking, so that these are what the best
    reader has too.
    """
    until_ts = instant(9, 15) + minutes * MINUTE
    market = SyntheticMarket(calendar(), DAY, instruments=instruments)
    listing = market.listing
    tokens = [int(t) for t in listing.token[: listing.traded]]
    classes = {
        token: str(code)
        for token, code in zip(tokens, listing.session_class[: listing.traded], strict=True)
    }
    first = market.current(np.arange(listing.traded))[0]
    began = market.open_ts // SECOND - 60
    records = [
        Record("wanted", began, 0, wish=dict.fromkeys(tokens, 3)),
        Record("connected", began, 0),
        Record("frame", began, 0, rows=_rows(first)),
    ]
    twin = SyntheticMarket(calendar(), DAY, instruments=instruments, delays=Delays.none())
    seen = play(twin, until_ts + 10 * SECOND)
    records += _frames(play(market, until_ts + 10 * SECOND) if delayed else seen)
    looks = {
        token: seen.delivery_ts[seen.row == row].tolist()
        for row, token in enumerate(tokens)
        if classes[token] != "index"
    }
    return Morning(market, records, classes, looks, until_ts)


def _frames(sent: Snapshots) -> Iterator[Record]:
    """A frame for each second of arrival."""
    seconds = sent.delivery_ts // SECOND
    edges = [0, *(np.flatnonzero(np.diff(seconds)) + 1).tolist(), len(seconds)]
    for begin, end in pairwise(edges):
        yield Record("frame", int(seconds[begin]), 0, rows=_rows(sent.columns[:, begin:end]))


def _rows(columns: Any) -> Sequence[Row]:
    """Packets as plain rows."""
    names = list(_COLUMNS)
    values = columns[[int(c) for c in _COLUMNS.values()]].T.tolist()
    return [dict(zip(names, row, strict=True)) for row in values]


def minute_of(moment_ts: int) -> int | None:
    """The slot of a moment of continuous trading: the pre-open is slot 0."""
    minute = (moment_ts - instant(9, 15)) // MINUTE
    return 1 + minute if minute >= 0 else None


@dataclass
class Shares:
    """Shares of exact bars of one trade rate: firki's, and the best that can be had."""

    names: int
    bars: int
    firki: dict[str, float]
    without_repair: dict[str, float]
    best: dict[str, float]


def compare(day: Morning) -> Mapping[str, Shares]:
    """Exact bars by field and trade rate, with and without day-extreme repair, beside the best."""
    folded = day.folded().bars()
    plain = day.folded(Settings(repair_extremes=False)).bars()
    last = (minute_of(day.until_ts - 1) or 0) - 1
    found: dict[str, list[tuple[Bars, Bars, Bars, Bars]]] = defaultdict(list)
    for token, looks in day.looks.items():
        trades = day.trades(token)
        if not trades:
            continue
        truth = _until(last, true_bars(trades, minute_of))
        best = _until(last, best_bars(trades, looks, minute_of))
        rate = 60 * len(trades) * SECOND / max(1, day.until_ts - instant(9, 15))
        name = next(name for least, name in RATES if rate >= least)
        found[name].append((truth, _as_bars(folded.get(token), last),
                            _as_bars(plain.get(token), last), best))  # fmt: skip
    return {name: _shares(found[name]) for _, name in RATES if found[name]}


def _until(last: int, bars: Bars) -> Bars:
    """Without the minute in which the trades were cut off: nobody looked at that moment."""
    return {k: bar for k, bar in bars.items() if k <= last}


def _as_bars(bars: Mapping[int, PlainBar] | None, last: int) -> Bars:
    chosen = {k: bar for k, bar in (bars or {}).items() if 1 <= k <= last}
    return {k: Bar(*(getattr(bar, field) for field in FIELDS)) for k, bar in chosen.items()}


def _shares(rows: list[tuple[Bars, Bars, Bars, Bars]]) -> Shares:
    count = sum(len(truth) for truth, *_ in rows)

    def share(which: int) -> dict[str, float]:
        return {
            field: sum(len(r[0]) * exact_share(r[0], r[which], field) for r in rows) / count
            for field in FIELDS
        }

    return Shares(len(rows), count, share(1), share(2), share(3))
