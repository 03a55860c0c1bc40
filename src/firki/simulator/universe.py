"""Which instruments a synthetic market has: real names first, then as many invented as are asked.

Symbols and tokens of the indices and of their members are facts; the prices beside them in the
data files are only plausible.
"""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import Final

from firki.errors import ConfigError
from firki.kite.vocabulary import Segment
from firki.model.calendar import Calendar, SessionClass
from firki.simulator.chance import key_of
from firki.simulator.closes import Closes
from firki.simulator.contracts import (
    PAIRS_A_CHAIN,
    calm_of,
    chain,
    future,
    has_contracts,
    month_expiries,
    week_expiries,
)  # fmt: skip
from firki.simulator.day import SECTORS
from firki.simulator.listing import Entry, traits_of
from firki.simulator.trading import Kind

MOST_INSTRUMENTS: Final = 27_000
"""Three accounts of three connections of 3,000."""

_INVENTED_SHARES: Final = 100_000
_INVENTED_INDICES: Final = 10_000
"""Exchange tokens of what is invented begin here, above those in use."""

_BRISKEST: Final = 10.0
_CAS_SPAN: Final = 100.0
_CASH_SPAN: Final = 1000.0
"""Trades a second of the briskest share, and how far the rates fall within each class."""

_SPACED_BELOW: Final = 0.5
_SPACED_EVERY: Final = 4
_TICKS: Final = ((250, 1), (1000, 5), (5000, 10), (10_000, 50), (20_000, 100), (math.inf, 500))
"""Tick in paise below each price in rupees, as on NSE from April 2025."""

_SOUNDS: Final = (
    "KA",
    "VI",
    "RO",
    "SU",
    "ME",
    "TA",
    "DI",
    "NO",
    "PU",
    "LE",
    "RA",
    "BI",
    "GO",
    "HU",
    "JE",
    "SHA",
)
_SHUFFLE: Final = 40_503
_TRADES: Final = ("CHEM", "TEX", "IND", "PHARM", "FIN", "CEM", "AGRO", "TECH", "POWER", "AUTO")


@dataclass(frozen=True)
class Counts:
    """How many of each sort make up a market."""

    indices: int
    shares: int
    cas: int
    futures: int
    options: int

    @classmethod
    def of(cls, instruments: int) -> "Counts":
        """The proportions of 15, 335 (200 of them CAS), 30 and 120 in 500."""
        if not 1 <= instruments <= MOST_INSTRUMENTS:
            raise ConfigError(f"instruments: expected 1 to {MOST_INSTRUMENTS}, found {instruments}")
        indices, futures = max(round(instruments * 0.03), 1), round(instruments * 0.06)
        options = 2 * round(instruments * 0.12)
        shares = max(instruments - indices - futures - options, 0)
        return cls(indices, shares, math.ceil(shares * 200 / 335), futures, options)


@dataclass(frozen=True)
class Universe:
    """The instruments of one day; the first ``traded`` have a tape."""

    entries: tuple[Entry, ...]
    traded: int


def build_universe(
    closes: Closes, calendar: Calendar, trading_date: date, last_date: date, instruments: int
) -> Universe:
    """The instruments of ``trading_date``; strikes lie around the closes of ``last_date``."""
    counts = Counts.of(instruments)
    indices = list(_indices(counts.indices))
    shares = list(_shares(counts.shares, counts.cas))
    underlyings = [entry for entry in indices if has_contracts(entry)] + shares[: counts.cas]
    months = month_expiries(calendar, trading_date, 3)
    traded, quiet = _futures(underlyings, months, counts.futures)
    options = _options(closes, calendar, underlyings, trading_date, last_date, counts.options)
    entries = (*indices, *shares, *traded, *options, *quiet)
    return Universe(entries, len(entries) - len(quiet))


def read_table(name: str) -> list[dict[str, str]]:
    """Rows of one of the packaged tables of symbols."""
    return list(csv.DictReader(table_bytes(name).decode().splitlines()))


def table_bytes(name: str) -> bytes:
    """The table as it is packaged."""
    return (files("firki.model") / "data" / name).read_bytes()


def tick_of(rupees: float) -> int:
    """The tick in paise of a share at this price."""
    return next(tick for below, tick in _TICKS if rupees < below)


def index_entry(
    symbol: str, exchange: str, number: int, level: float, beta: float, sector: int
) -> Entry:
    """An index; ``level`` in points."""
    token = number * 256 + Segment.INDICES
    return Entry(
        symbol, symbol, exchange, "INDICES", "EQ", SessionClass.INDEX, token, token, Kind.INDEX,
        tick=5, lot=1, anchor=level * 100, beta=beta, gamma=1.0 if sector else 0.0,
        sector=sector, sigma=0.0008,
    )  # fmt: skip


def share_entry(
    symbol: str, name: str, number: int, rupees: float, sector: int, *, rate: float, cas: bool
) -> Entry:
    """A share; what is not given is drawn from its number."""
    token, drawn = number * 256 + Segment.NSE, key_of(number)
    spaced = rate < _SPACED_BELOW and drawn % _SPACED_EVERY == 0
    slow = (_BRISKEST / max(rate, 1e-5)) ** 0.25
    return Entry(
        symbol, name, "NSE", "NSE", "EQ", SessionClass.CAS if cas else SessionClass.CASH, token,
        token, Kind.SHARE, tick=tick_of(rupees), lot=1, anchor=rupees * 100,
        beta=0.6 + drawn % 64 / 80, gamma=0.9, sector=sector,
        sigma=0.006 + (drawn >> 8) % 64 / 12_000 + 0.0006 * min(slow, 12.0), rate=rate,
        size=min(max(40_000 / rupees, 1.0), 3000.0), calm=calm_of(rate), spread=5e-5 * slow**1.5,
        spaced=spaced, collects=True,
    )  # fmt: skip


def _indices(count: int) -> Iterator[Entry]:
    known = [row for row in read_table("indices.csv") if row["lists"] == "synthetic"]
    for row in known[:count]:
        yield index_entry(
            row["symbol"], row["exchange"], int(row["exchange_token"]), float(row["level"]),
            float(row["beta"]), SECTORS.index(row["sector"]),
        )  # fmt: skip
    for number in range(count - len(known)):
        symbol = f"FIRKI {_word(number + 1)} INDEX"
        sector = number % len(SECTORS)
        yield index_entry(symbol, "NSE", _INVENTED_INDICES + number, 10_000.0, 1.0, sector)


def _shares(count: int, cas: int) -> Iterator[Entry]:
    known = [row for row in read_table("shares.csv") if row["lists"] != "-"]
    for rank in range(count):
        rate = _rate(rank, count, cas)
        if rank < len(known):
            row = known[rank]
            yield share_entry(
                row["symbol"], row["name"], int(row["exchange_token"]), float(row["price"]),
                SECTORS.index(row["sector"]), rate=rate, cas=rank < cas,
            )  # fmt: skip
        else:
            yield _invented(rank - len(known), rate, cas=rank < cas)


def _rate(rank: int, count: int, cas: int) -> float:
    """Trades a second: falls evenly on a log scale over the CAS shares, then over the rest."""
    if rank < cas:
        return float(_BRISKEST * _CAS_SPAN ** (-rank / cas))
    return float(_BRISKEST / _CAS_SPAN * _CASH_SPAN ** (-(rank - cas) / max(count - cas, 1)))


def _invented(number: int, rate: float, *, cas: bool) -> Entry:
    word, exchange_token = _word(number + 1), _INVENTED_SHARES + number
    drawn = key_of(exchange_token, 7)
    trade = _TRADES[drawn % len(_TRADES)]
    rupees = round(10 ** (1.5 + (drawn >> 8) % 1000 / 500), 2)
    sector = 1 + (drawn >> 24) % (len(SECTORS) - 1)
    symbol = word + trade
    return share_entry(
        symbol, f"{word} {trade}", exchange_token, rupees, sector, rate=rate, cas=cas
    )


def _word(number: int) -> str:
    """A word of its own for every number below 16^4: three sounds, or four where three run out."""
    sounds = len(_SOUNDS)
    letters = 3 if number < sounds**3 else 4
    # an odd factor makes another order of all numbers below a power of two
    shuffled = number * _SHUFFLE % sounds**letters
    return "".join(_SOUNDS[shuffled // sounds**place % sounds] for place in range(letters))


def _futures(
    underlyings: list[Entry], months: list[date], count: int
) -> tuple[list[Entry], list[Entry]]:
    """The traded futures, and those that are listed only so that every CAS share has one."""
    wanted = [
        (number, underlying, month, _future_rate(underlying, number) * 0.1**later)
        for later, month in enumerate(months)
        for number, underlying in enumerate(underlyings)
    ]
    # the indices' three months come before any share
    wanted.sort(key=lambda item: item[1].kind != Kind.INDEX)
    traded = [
        future(underlying, number, month, rate=rate, is_near=month == months[0])
        for number, underlying, month, rate in wanted[:count]
    ]
    done = {number for number, *_ in wanted[:count]}
    quiet = [
        future(underlying, number, months[0], rate=0.0, is_near=True)
        for number, underlying in enumerate(underlyings)
        if underlying.kind != Kind.INDEX and number not in done
    ]
    return traded, quiet


def _future_rate(underlying: Entry, number: int) -> float:
    return 8.0 / (number + 1) if underlying.kind == Kind.INDEX else underlying.rate / 6


def _options(
    closes: Closes, calendar: Calendar, underlyings: list[Entry], trading_date: date,
    last_date: date, count: int,
) -> list[Entry]:  # fmt: skip
    """Chains of the first underlyings: the first has weekly expiries, the others month ends."""
    pairs = count // 2
    chosen = underlyings[: -(-pairs // PAIRS_A_CHAIN)]
    months = month_expiries(calendar, trading_date, 3)
    weeks = week_expiries(calendar, trading_date, 2)
    levels = closes.levels(traits_of(chosen), [last_date])[:, 0] / 100
    entries: list[Entry] = []
    for number, (underlying, level) in enumerate(zip(chosen, levels.tolist(), strict=True)):
        entries += chain(
            underlying, number, months[:2] if number else weeks, months, level=level,
            pairs=min(pairs, PAIRS_A_CHAIN), rate=1.0 if number else 8.0,
        )  # fmt: skip
        pairs -= PAIRS_A_CHAIN
    return entries
