"""The truth: every trade of the day, and the best bid and ask of every second.

An instrument's day is a path towards a known close (see ``closes``) on which trades come in bursts.
It is drawn second by second from the instrument's own key, so it is the same whatever else is
asked, in whatever order and in however many pieces.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from firki.simulator.day import Day
from firki.simulator.trading import PROGRESS, run

_READ_SECONDS: Final = 600


@dataclass(frozen=True)
class Block:
    """A stretch of the tape: trades by row (``offsets`` say where each begins) in order of time.

    ``ts`` counts ns from the day's start; ``bid`` and ``ask`` have a column per second, from the
    second ``first`` on; a bid of 0 means that nobody bids.
    """

    first: int
    offsets: npt.NDArray[np.int64]
    ts: npt.NDArray[np.int64]
    price: npt.NDArray[np.int32]
    quantity: npt.NDArray[np.int64]
    kind: npt.NDArray[np.uint8]
    oi: npt.NDArray[np.int64]
    bid: npt.NDArray[np.int32]
    ask: npt.NDArray[np.int32]


@dataclass(frozen=True)
class Trades:
    """Trades in order of time; ``session`` is a ``TradeKind``, ``price`` in paise.

    An index has a value each second it moved, with quantity 0.
    """

    token: npt.NDArray[np.uint32]
    trade_ts: npt.NDArray[np.int64]
    price: npt.NDArray[np.int64]
    quantity: npt.NDArray[np.int64]
    session: npt.NDArray[np.uint8]
    oi: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.token)

    @classmethod
    def joined(cls, parts: "list[Trades]") -> "Trades":
        """All trades of the parts, in order of time."""
        types = (np.uint32, np.int64, np.int64, np.int64, np.uint8, np.int64)
        columns = [
            np.concatenate([np.zeros(0, of), *c])
            for of, c in zip(types, _columns(parts), strict=True)
        ]
        order = np.argsort(columns[1], kind="stable")
        return cls(*(column[order] for column in columns))


def _columns(parts: list[Trades]) -> list[list[npt.NDArray[Any]]]:
    names = ("token", "trade_ts", "price", "quantity", "session", "oi")
    return [[getattr(part, name) for part in parts] for name in names]


class Tape:
    """A reader that goes through the day once, forward; rows are those of ``terms``."""

    def __init__(self, day: Day, terms: npt.NDArray[Any]) -> None:
        self._terms = terms
        self._arrays = (day.doing, day.since, day.pace, day.pull, day.push, day.factors)
        self._progress = np.zeros(len(terms), PROGRESS)
        self._progress["mid"] = terms["previous"]
        self._progress["last"] = terms["previous"]
        self._progress["oi"] = terms["oi"]
        self._room = 1024
        self._seconds = day.seconds
        self.at = 0
        """The second to come."""

    def read(self, last: int) -> Block:
        """Everything from where the reader stands to the second ``last``, not included."""
        first, count = self.at, len(self._terms)
        last = max(min(last, self._seconds), first)
        bid, ask = (np.empty((count, last - first), np.int32) for _ in range(2))
        offsets = np.zeros(count + 1, np.int64)
        out, begin = _room(self._room), (0, first, 0)
        while True:
            begin = run(
                self._terms, self._progress, begin, last, self._arrays, out, offsets,
                (bid, ask, first),
            )  # fmt: skip
            if begin[0] >= count:
                break
            out = tuple(
                np.concatenate((old, new)) for old, new in zip(out, _room(self._room), strict=True)
            )
            self._room *= 2
        self.at = last
        ts, price, quantity, kind, oi = (column[: begin[2]] for column in out)
        return Block(first, offsets, ts, price, quantity, kind, oi, bid, ask)


class Truth:
    """Every trade of one day, to be asked for in any part and any order."""

    def __init__(self, day: Day, terms: npt.NDArray[Any], tokens: npt.NDArray[np.uint32]) -> None:
        self._day, self._terms, self._tokens = day, terms, tokens
        self._rows = {token: row for row, token in enumerate(tokens.tolist())}

    @property
    def trading_date(self) -> date:
        return self._day.trading_date

    def close(self, token: int) -> int | None:
        """The official close in paise, None without a tape; the last trade may differ from it."""
        row = self._rows.get(token)
        return None if row is None else int(self._terms["close"][row])

    def trades(self, tokens: Sequence[int], from_ts: int, to_ts: int) -> Trades:
        """The trades of these tokens from ``from_ts`` to ``to_ts``, both included.

        A token that has no tape has no trades.
        """
        rows = [self._rows[token] for token in dict.fromkeys(tokens) if token in self._rows]
        tape, parts = Tape(self._day, self._terms[rows]), []
        last = min(self._day.second(to_ts) + 1, self._day.seconds)
        while rows and tape.at < last:
            block = tape.read(min(tape.at + _READ_SECONDS, last))
            ts = block.ts + self._day.start_ts
            keep = np.flatnonzero((ts >= from_ts) & (ts <= to_ts))
            row = np.repeat(np.array(rows), np.diff(block.offsets))[keep]
            parts.append(
                Trades(
                    token=self._tokens[row],
                    trade_ts=ts[keep],
                    price=block.price[keep].astype(np.int64),
                    quantity=block.quantity[keep],
                    session=block.kind[keep],
                    oi=block.oi[keep],
                )
            )
        return Trades.joined(parts)


def _room(length: int) -> tuple[npt.NDArray[Any], ...]:
    types = (np.int64, np.int32, np.int64, np.uint8, np.int64)
    return tuple(np.empty(length, dtype) for dtype in types)
