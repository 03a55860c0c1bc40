"""Futures and options of the simulated market: expiries, symbols, and how briskly each trades."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import islice
from typing import Final

from firki.kite.vocabulary import Segment
from firki.model.calendar import Calendar, SessionClass
from firki.simulator.listing import Entry
from firki.simulator.trading import Kind

TUESDAYS_FROM: Final = date(2025, 9, 1)
"""NSE derivatives expire on Tuesdays from here, on Thursdays before (NSE/FAOP/68747)."""

PAIRS_A_CHAIN: Final = 60
"""Calls and puts of one underlying: 30 strikes of two expiries."""

_WEEK: Final = timedelta(days=7)
_DAY: Final = timedelta(days=1)
_TUESDAY: Final = 1
_THURSDAY: Final = 3
_WEEKLY_MONTH: Final = "123456789OND"
_DECEMBER: Final = 12
_TICK: Final = 5
_STOCK_STEPS: Final = (1, 2.5, 5, 10, 20, 50, 100, 250, 500)
_STEP_SHARE: Final = 0.015
_CONTRACT_VALUE: Final = 800_000.0
_LOT_STEP: Final = 25
_MOST_LOT: Final = 20_000
_INDEX_TERMS: Final = {
    "NIFTY 50": ("NIFTY", 65, 50.0),
    "NIFTY BANK": ("BANKNIFTY", 30, 100.0),
    "NIFTY FIN SERVICE": ("FINNIFTY", 60, 50.0),
}
"""Contract name, lot and strike step (lots of contracts from January 2026, NSE of 3 Oct 2025)."""

_OPTION_TOKENS: Final = 1_000_000
_FUTURE_TOKENS: Final = 3_000_000
"""Exchange tokens of contracts begin here; one contract has one token on all of its days."""


def has_contracts(index: Entry) -> bool:
    """Whether the exchange lists derivatives on the index."""
    return index.tradingsymbol in _INDEX_TERMS


def contract_name(underlying: Entry) -> str:
    """What the exchange calls the underlying in derivatives."""
    terms = _INDEX_TERMS.get(underlying.tradingsymbol)
    return terms[0] if terms else underlying.tradingsymbol


def lot_size(underlying: Entry) -> int:
    """Units in a contract; a share's contract is worth some 8 lakh rupees."""
    if terms := _INDEX_TERMS.get(underlying.tradingsymbol):
        return terms[1]
    rupees = underlying.anchor / 100
    return min(max(round(_CONTRACT_VALUE / rupees / _LOT_STEP), 1) * _LOT_STEP, _MOST_LOT)


def month_expiries(calendar: Calendar, day: date, count: int) -> list[date]:
    """The next month-end expiries, ``day`` itself included."""
    return list(islice(_month_expiries(calendar, day), count))


def week_expiries(calendar: Calendar, day: date, count: int) -> list[date]:
    """The next weekly expiries, ``day`` itself included."""
    return list(islice(_week_expiries(calendar, day), count))


def _month_expiries(calendar: Calendar, day: date) -> Iterator[date]:
    first = day.replace(day=1)
    while True:
        first = (first + timedelta(days=32)).replace(day=1)
        last = first - _DAY
        last -= timedelta(days=(last.weekday() - _expiry_weekday(last)) % 7)
        expiry = _on_trading_day(calendar, last)
        if expiry >= day:
            yield expiry


def _week_expiries(calendar: Calendar, day: date) -> Iterator[date]:
    here = day + timedelta(days=(_expiry_weekday(day) - day.weekday()) % 7)
    while True:
        expiry = _on_trading_day(calendar, here)
        if expiry >= day:
            yield expiry
        here += _WEEK


def _expiry_weekday(day: date) -> int:
    return _TUESDAY if day >= TUESDAYS_FROM else _THURSDAY


def _on_trading_day(calendar: Calendar, day: date) -> date:
    while calendar.session(SessionClass.DERIVATIVE, day) is None:
        day -= _DAY
    return day


def future(underlying: Entry, number: int, expiry: date, *, rate: float, is_near: bool) -> Entry:
    """A future; ``number`` tells the underlying among all, ``rate`` 0 is one nobody trades.

    Only futures of the current month take part in the pre-open (NSE/FAOP/71092).
    """
    name, lot = contract_name(underlying), lot_size(underlying)
    month = expiry.year * _DECEMBER + expiry.month
    return underlying._replace(
        tradingsymbol=f"{name}{expiry:%y%b}FUT".upper(), name=name, exchange="NFO",
        segment="NFO-FUT", instrument_type="FUT", session_class=SessionClass.DERIVATIVE,
        token=(_FUTURE_TOKENS + number * 8 + month % 8) * 256 + Segment.NFO, kind=Kind.FUTURE,
        tick=max(underlying.tick, _TICK), lot=lot, rate=rate, size=1.5, calm=calm_of(rate),
        spread=4e-5, spaced=False, collects=is_near and rate > 0, expiry=expiry,
        open_interest=2000 + 20_000 * rate if rate else 0.0,
    )  # fmt: skip


def chain(
    underlying: Entry, number: int, expiries: Sequence[date], months: Sequence[date], *,
    level: float, pairs: int, rate: float,
) -> list[Entry]:  # fmt: skip
    """Calls and puts nearest the money first; ``level`` is the underlying's, in rupees."""
    terms = _INDEX_TERMS.get(underlying.tradingsymbol)
    step = terms[2] if terms else next(
        (s for s in _STOCK_STEPS if s >= level * _STEP_SHARE), _STOCK_STEPS[-1]
    )  # fmt: skip
    middle = round(level / step)
    entries = []
    for place in range(pairs):
        order, which = divmod(place, len(expiries))
        away = (order + 1) // 2 * (1 if order % 2 else -1)
        brisk = rate * 2.718 ** (-abs(away) / 3.5) * (1.0 if which == 0 else 0.15)
        expiry = expiries[which]
        entries += [
            _option(
                underlying,
                number,
                expiry,
                max(middle + away, 1),
                step,
                right,
                rate=brisk,
                monthly=expiry in months,
            )
            for right in (1, -1)
        ]
    return entries


def _option(
    underlying: Entry, number: int, expiry: date, steps: int, step: float, right: int, *,
    rate: float, monthly: bool,
) -> Entry:  # fmt: skip
    name, strike = contract_name(underlying), steps * step
    week = f"{expiry:%y}{_WEEKLY_MONTH[expiry.month - 1]}{expiry:%d}"
    when = f"{expiry:%y%b}".upper() if monthly else week
    word = "CE" if right > 0 else "PE"
    place = ((number % 64 * 32 + expiry.toordinal() // 7 % 32) * 256 + steps % 256) * 2
    return underlying._replace(
        tradingsymbol=f"{name}{when}{strike:g}{word}", name=name, exchange="NFO",
        segment="NFO-OPT", instrument_type=word, session_class=SessionClass.DERIVATIVE,
        token=(_OPTION_TOKENS + place + (right < 0)) * 256 + Segment.NFO, kind=Kind.OPTION,
        tick=_TICK, lot=lot_size(underlying), rate=rate, size=4.0, calm=calm_of(rate), spread=2e-3,
        spaced=False, collects=False, expiry=expiry, strike=strike, right=float(right),
        vol=0.125 if underlying.kind == Kind.INDEX else 0.26,
        open_interest=400 + 20_000 * rate,
    )  # fmt: skip


def calm_of(rate: float) -> float:
    """How often a second the order book moves by itself, for an instrument of this trade rate."""
    return min(0.45 * float(rate**0.4), 1.6)
