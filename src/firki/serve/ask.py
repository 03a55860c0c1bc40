"""What a candle request asks for, checked and in firki's own nouns."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from firki.model.candle import Interval, SessionKind
from firki.model.ist import ist_date, ist_midnight
from firki.serve.problem import Problem, invalid, shorten
from firki.serve.when import DAY_NS, parse_from, parse_to

MOST_CANDLES: Final = 50_000
_MOST_DAYS_OF_MINUTES: Final = 400
_MOST_QUERY: Final = 2_000
_JSON: Final = "application/json"
_FORMATS: Final = {
    "application/json": "json",
    "application/*": "json",
    "*/*": "json",
    "text/csv": "csv",
    "text/*": "csv",
    "application/vnd.apache.arrow.stream": "arrow",
}


@dataclass(frozen=True, slots=True)
class Ask:
    """A request for candles; None where it leaves the choice to the route."""

    format: str
    interval: Interval
    from_ts: int | None = None
    to_ts: int | None = None
    count: int | None = None
    include_current: bool = True
    as_of_ts: int | None = None
    sessions: tuple[int, ...] = ()
    """Kinds to keep; empty keeps all."""


def parse_ask(query: bytes, accept: bytes) -> Ask:
    """The request in firki's nouns; raises Problem that names the parameter and what it takes."""
    if len(query) > _MOST_QUERY:
        raise invalid(f"query: expected at most {_MOST_QUERY} characters, found {len(query)}")
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, strict_parsing=bool(query))
    except ValueError as wrong:
        raise invalid(f"query: expected name=value pairs ({wrong})") from wrong
    values: dict[str, str] = {}
    for name, value in pairs:
        if name not in _PARSERS:
            raise invalid(f"parameter {shorten(name)}: expected one of {', '.join(_PARSERS)}")
        if name in values and name != "sessions":
            raise invalid(f"parameter {name}: expected once")
        values[name] = f"{values[name]},{value}" if name in values else value
    return Ask(format=choose_format(accept), **_parsed(values))


def _parsed(values: dict[str, str]) -> dict[str, Any]:
    # Any: each parser gives its own field's type
    fields: dict[str, Any] = {"interval": Interval.of(1)}
    for name, value in values.items():
        field, parse = _PARSERS[name]
        try:
            fields[field] = parse(value)
        except ValueError as wrong:
            raise invalid(f"parameter {name}: {wrong}") from wrong
    return fields


def window(ask: Ask, now_ts: int) -> tuple[int, int]:
    """First and last start asked for: by default the Indian day of the last one, or of today.

    Open ends reach to the end of today, so that equal requests of one day have equal windows, and
    no end lies beyond what ``as_of`` knows.
    Raises Problem when the window is turned round, or too wide for its interval.
    """
    to_ts = ask.to_ts if ask.to_ts is not None else _midnight(now_ts) + DAY_NS - 1
    to_ts = to_ts if ask.as_of_ts is None else min(to_ts, ask.as_of_ts)
    from_ts = ask.from_ts if ask.from_ts is not None else _midnight(to_ts)
    if from_ts > to_ts:
        raise invalid("parameters from, to: expected from to be no later than to, as_of and today")
    days = (to_ts - from_ts) / DAY_NS
    if ask.interval.minutes and days > _MOST_DAYS_OF_MINUTES:
        raise invalid(
            f"parameters from, to: expected at most {_MOST_DAYS_OF_MINUTES} days of "
            f"{ask.interval} candles, found {days:.0f}"
        )
    return from_ts, to_ts


def _midnight(ts: int) -> int:
    return ist_midnight(ist_date(ts))


def _count(text: str) -> int:
    # isdecimal alone takes digits of every script
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise ValueError(f"{shorten(text)}: expected a whole number")
    count = int(text)
    if not 1 <= count <= MOST_CANDLES:
        raise ValueError(f"{count}: expected 1 to {MOST_CANDLES}")
    return count


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"{shorten(text)}: expected true or false")
    return text == "true"


def _sessions(text: str) -> tuple[int, ...]:
    words = {kind.word: kind.value for kind in SessionKind}
    kinds = set()
    for word in text.split(","):
        if word not in words:
            raise ValueError(f"{shorten(word)}: expected some of {', '.join(words)}")
        kinds.add(words[word])
    return tuple(sorted(kinds))


_PARSERS: Final[dict[str, tuple[str, Callable[[str], object]]]] = {
    "interval": ("interval", Interval.parse),
    "from": ("from_ts", parse_from),
    "to": ("to_ts", parse_to),
    "count": ("count", _count),
    "include_current": ("include_current", _truth),
    "as_of": ("as_of_ts", parse_to),
    "sessions": ("sessions", _sessions),
}


def choose_format(accept: bytes) -> str:
    """json, csv or arrow, whichever the header likes best; JSON where it is silent."""
    if not accept or accept == b"*/*" or accept == _JSON.encode():
        return "json"
    best, chosen = 0.0, ""
    for item in accept.decode("latin-1").lower().split(",")[:32]:
        kind, *parameters = (part.strip() for part in item.split(";"))
        quality = _quality(parameters)
        if kind in _FORMATS and quality > best:
            best, chosen = quality, _FORMATS[kind]
    if not chosen:
        raise Problem(
            406,
            "not_acceptable",
            f"Accept {shorten(accept.decode('latin-1'))}: expected application/json, text/csv or "
            "application/vnd.apache.arrow.stream",
        )
    return chosen


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                quality = float(parameter[2:])
            except ValueError:
                return 0.0
            return quality if 0 <= quality <= 1 else 0.0
    return 1.0
