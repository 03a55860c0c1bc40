"""A trading day by the second: what each class does, how fast it trades, where the market goes."""

from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from firki.errors import ConfigError
from firki.model.calendar import Calendar, PhaseKind, Session, SessionClass
from firki.model.tick import SECOND
from firki.simulator.chance import STEP, key_of, mixed_all, normal_all

F64 = npt.NDArray[np.float64]

CLASSES: Final = (
    SessionClass.CAS, SessionClass.CASH, SessionClass.INDEX, SessionClass.DERIVATIVE,
)  # fmt: skip
"""The classes of the simulated market; the place in this row is their number."""

SECTORS: Final = (
    "none", "bank", "finance", "it", "auto", "pharma", "fmcg", "metal", "energy", "infra",
    "consumer",
)  # fmt: skip
"""Factor 0 is the whole market, factor k the sector of that number."""


class Doing(IntEnum):
    """What a class does in a second."""

    NOTHING = 0
    COLLECTING = 1
    """Orders for the opening auction; its price is shown, nothing trades."""
    OPENING = 2
    TRADING = 3
    GATHERING = 4
    """Orders for the closing auction."""
    CLOSING = 5
    SETTLED = 6
    """Trades at the closing price."""


_DOING: Final = {
    PhaseKind.PRE_OPEN: Doing.COLLECTING,
    PhaseKind.PRE_OPEN_LIMIT: Doing.COLLECTING,
    PhaseKind.PRE_OPEN_MATCHING: Doing.OPENING,
    PhaseKind.CONTINUOUS: Doing.TRADING,
    PhaseKind.CLOSING_REFERENCE: Doing.GATHERING,
    PhaseKind.CLOSING_ENTRY: Doing.GATHERING,
    PhaseKind.CLOSING_LIMIT: Doing.GATHERING,
    PhaseKind.CLOSING_AUCTION: Doing.CLOSING,
    PhaseKind.POST_CLOSE: Doing.SETTLED,
}

OVERNIGHT: Final = 0.15
"""Share of a day's variance that lies between the last close and the open."""

_FIRST_SECOND: Final = 0.05
_PATH: Final = 11
_BURST: Final = 3.0
"""How much faster trades come in the first and last second of a minute."""
_MINUTE: Final = 60
_TAIL: Final = 2
"""Seconds after the last phase, in which the last trades are still looked at."""


@dataclass(frozen=True)
class Day:
    """Arrays over the seconds from the first phase of any class to just after the last one's end.

    ``doing``, ``since`` (seconds since that began) and ``pace`` (trade rate over its mean) have a
    row per class of ``CLASSES``. ``pull`` and ``push`` move a path towards its close: each second
    it goes ``pull`` of what is left, and is thrown by ``push`` deviations; a pull of 1 is arrival,
    and stays 1.
    ``factors`` are log returns since the last close of the market and of each sector.
    """

    trading_date: date
    start_ts: int
    seconds: int
    doing: npt.NDArray[np.uint8]
    since: npt.NDArray[np.int32]
    pace: npt.NDArray[np.float32]
    pull: F64
    push: F64
    factors: F64
    trading_seconds: tuple[int, ...]
    """Seconds of continuous trading, per class."""

    @property
    def end_ts(self) -> int:
        return self.start_ts + self.seconds * SECOND

    def second(self, ts: int) -> int:
        """The second that holds ``ts``, kept inside the day."""
        return min(max((ts - self.start_ts) // SECOND, 0), self.seconds)


def build_day(calendar: Calendar, trading_date: date, seed: int, moves: F64) -> Day:
    """The day on which factor k ends ``moves[k]`` (a log return) from the last close.

    Raises ConfigError when shares do not trade on the date.
    """
    sessions = [calendar.session(kind, trading_date) for kind in CLASSES]
    cash = sessions[CLASSES.index(SessionClass.CASH)]
    if cash is None:
        raise ConfigError(f"date: expected a trading day of NSE shares, {trading_date} is none")
    open_days = [session for session in sessions if session]
    start_ts = min(session.phases[0].start_ts for session in open_days)
    end_ts = max(session.phases[-1].end_ts for session in open_days)
    seconds = (end_ts - start_ts) // SECOND + _TAIL
    doing = np.zeros((len(CLASSES), seconds), np.uint8)
    since = np.zeros((len(CLASSES), seconds), np.int32)
    for number, session in enumerate(sessions):
        if session:
            _mark(session, start_ts, doing[number], since[number])
    pull, push, spent = _course(doing[CLASSES.index(SessionClass.CASH)])
    return Day(
        trading_date=trading_date, start_ts=start_ts, seconds=seconds, doing=doing, since=since,
        pace=np.stack([_pace(row, start_ts) for row in doing]), pull=pull, push=push,
        factors=_factors(seed, trading_date, moves, spent),
        trading_seconds=tuple(int((row == Doing.TRADING).sum()) for row in doing),
    )  # fmt: skip


def _mark(
    session: Session, start_ts: int, doing: npt.NDArray[np.uint8], since: npt.NDArray[np.int32]
) -> None:
    for phase in session.phases:
        first, last = ((ts - start_ts) // SECOND for ts in (phase.start_ts, phase.end_ts))
        doing[first:last] = _DOING.get(phase.kind, Doing.NOTHING)
        since[first:last] = np.arange(last - first)


def busyness(length: int) -> F64:
    """How busy each second of continuous trading is: most at both ends of the day."""
    at = (np.arange(length) + 0.5) / max(length, 1)
    busy: F64 = 1 + 1.8 * np.exp(-at / 0.05) + 0.9 * np.exp((at - 1) / 0.07)
    return busy


def _pace(doing: npt.NDArray[np.uint8], start_ts: int) -> npt.NDArray[np.float32]:
    pace = np.zeros(len(doing), np.float32)
    trading = np.flatnonzero(doing == Doing.TRADING)
    if len(trading):
        busy = busyness(len(trading))
        of_minute = (trading + start_ts // SECOND) % _MINUTE
        busy[(of_minute == 0) | (of_minute == _MINUTE - 1)] *= _BURST
        pace[trading] = busy / busy.mean()
    return pace


def _course(cash: npt.NDArray[np.uint8]) -> tuple[F64, F64, F64]:
    """Pull, push and the variance spent at the end of each second; all spent at the cash close."""
    trading = np.flatnonzero(cash == Doing.TRADING)
    early = np.flatnonzero(cash[: trading[0]] == Doing.COLLECTING)
    weight = np.zeros(len(cash))
    weight[0] = _FIRST_SECOND if len(early) else OVERNIGHT
    weight[early] += (OVERNIGHT - weight[0]) / max(len(early), 1)
    busy = busyness(len(trading))
    weight[trading] += (1 - OVERNIGHT) * busy / busy.sum()
    spent = np.minimum(np.cumsum(weight), 1.0)
    spent[trading[-1] :] = 1.0
    before = np.concatenate(([0.0], spent[:-1]))
    step, left = spent - before, 1 - before
    pull = np.where(left > 0, step / np.where(left > 0, left, 1), 0.0)
    push = np.sqrt(step * (1 - pull))
    pull[trading[-1] :] = 1.0
    push[trading[-1] :] = 0.0
    return pull, push, spent


def _factors(seed: int, day: date, moves: F64, spent: F64) -> F64:
    """Paths that wander with the deviations of ``FACTOR_SPREADS`` and end on ``moves``."""
    step = np.sqrt(np.diff(spent, prepend=0.0))
    paths = np.empty((len(moves), len(spent)))
    counters = np.arange(len(spent)).astype(np.uint64) * STEP
    for number, (move, spread) in enumerate(zip(moves, factor_spreads(), strict=True)):
        key = np.uint64(key_of(seed, _PATH, day.toordinal(), number))
        wander = np.cumsum(step * normal_all(mixed_all(counters + key)))
        paths[number] = spread * (wander - spent * wander[-1]) + spent * move
    return paths


def factor_spreads() -> F64:
    """Daily deviation of the log return of the market, then of each sector."""
    spreads = np.full(len(SECTORS), 0.004)
    spreads[0] = 0.006
    return spreads
