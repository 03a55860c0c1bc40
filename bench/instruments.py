"""Kite's instruments CSV to columns beside the official client's parse of the same bytes.

Intent: every start and every new day begins with the whole master, some 130,000 rows by 2026, and
nothing is captured before it is read. The peer makes a dictionary a row. Processor time of the
whole process, because ours is read by several threads.

    python -m bench.instruments
"""

import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from typing import Any, Final, NamedTuple  # kiteconnect is untyped

from bench.rows import Row, show
from kiteconnect import KiteConnect

from firki.app.bench.figure import Figure
from firki.kite import instruments
from firki.kite.vocabulary import INSTRUMENT_COLUMNS, NUMBERING

ROWS: Final = 130_000
_DAY: Final = date(2026, 11, 20)
_GOAL_SECONDS: Final = 1.0
_ROUNDS: Final = 3
_UNDERLYINGS: Final = 200


class _Kind(NamedTuple):
    """What the rows of a segment look like, and how many of 130 are of it."""

    exchange: str
    segment: str
    instrument_type: str
    expiry: str
    rows: int


_KINDS: Final = (
    _Kind("NSE", "NSE", "EQ", "", 9), _Kind("BSE", "BSE", "EQ", "", 12),
    _Kind("NSE", "INDICES", "EQ", "", 1), _Kind("NFO", "NFO-OPT", "CE", "2026-11-24", 32),
    _Kind("NFO", "NFO-OPT", "PE", "2026-12-29", 32),
    _Kind("NFO", "NFO-FUT", "FUT", "2026-11-24", 1),
    _Kind("BFO", "BFO-OPT", "CE", "2026-11-26", 26),
    _Kind("CDS", "CDS-OPT", "PE", "2026-11-27", 7), _Kind("MCX", "MCX-OPT", "CE", "2026-12-15", 10),
)  # fmt: skip


def dump(count: int = ROWS) -> bytes:
    """A master of made-up instruments, in the proportions of a real one."""
    kinds = [kind for kind in _KINDS for _ in range(kind.rows)]
    lines = (_line(number, kinds[number % len(kinds)]) for number in range(count))
    return "\n".join([",".join(INSTRUMENT_COLUMNS), *lines, ""]).encode()


def _line(number: int, kind: _Kind) -> str:
    segment = kind.segment if kind.segment == "INDICES" else kind.exchange
    exchange_token = 1_000 + number
    name = f"S{number % _UNDERLYINGS}" if kind.expiry else f"COMPANY {number}"
    strike = 100 + number % 500 * 50 if kind.segment.endswith("OPT") else 0
    symbol = f"{name}{kind.expiry}{number}{kind.instrument_type}" if kind.expiry else f"S{number}"
    return (
        f"{NUMBERING.token(segment, exchange_token)},{exchange_token},{symbol},{name},0,"
        f"{kind.expiry},{strike},0.05,75,{kind.instrument_type},{kind.segment},{kind.exchange}"
    )


def rows() -> Iterator[Row]:
    """Seconds of a whole master."""
    csv = dump()
    client: Any = KiteConnect("key")  # untyped; it connects to nothing
    theirs: list[dict[str, Any]] = client._parse_instruments(csv)
    ours = instruments.parse(csv, day=_DAY)
    assert ours.instrument_token.tolist() == [row["instrument_token"] for row in theirs]
    assert ours.strike.tolist() == [row["strike"] for row in theirs]
    assert ours.expiry.tolist() == [row["expiry"] or None for row in theirs]
    figure = Figure(
        what=f"instruments CSV, {ROWS:,} rows to columns",
        value=_seconds(partial(instruments.parse, csv, day=_DAY)), unit="s",
        peer=_seconds(partial(client._parse_instruments, csv)), beside="kiteconnect",
        less_is_better=True,
    )  # fmt: skip
    yield Row(figure, _GOAL_SECONDS)


def _seconds(action: Callable[[], object]) -> float:
    """Processor seconds of all threads, of the best of a few rounds."""
    best = float("inf")
    for _ in range(_ROUNDS):
        began = time.process_time()
        action()
        best = min(best, time.process_time() - began)
    return best


if __name__ == "__main__":
    show(__doc__.partition("\n")[0], rows())
