"""Streams of snapshots for the laws of the candles: a small market, seen as a broker shows it.

Hypothesis draws what happens (``Step``s, which shrink well and read well); ``Stream`` turns that
into the journal's records. The market is consistent in itself: volumes rise, the day's high is the
highest trade. What comes late, twice, stepped back or broken does so because a step says so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from hypothesis import strategies as st
from tests.fakes.grid_day import CAS_DAY, SATURDAY, midnight
from tests.reference_candles import LARGEST_PRICE, Record

Row = dict[str, int]

CLASSES: Final = {
    257: "cash", 513: "cas", 770: "derivative", 1033: "index",
    1282: "derivative", 1545: "index", 1793: "cash", 2049: "cas",
}  # fmt: skip
LENGTHS: Final = {257: 184, 513: 184, 770: 184, 1033: 32, 1282: 44, 1545: 28, 1793: 8, 2049: 184}
TOKENS: Final = tuple(CLASSES)
IN_FULL: Final = (257, 513, 770, 2049)
STRANGER: Final = 4097
YESTERDAYS_VOLUME: Final = 777
MODES: Final = {8: 1, 28: 2, 44: 2, 32: 3, 184: 3}
_FIELDS: Final = {
    8: ("last_price",),
    28: ("last_price", "open", "high", "low"),
    32: ("last_price", "open", "high", "low", "exchange_time"),
    44: ("last_price", "open", "high", "low", "volume_traded"),
    184: (
        "last_price", "open", "high", "low", "volume_traded", "last_trade_time", "exchange_time",
        "oi",
    ),
}  # fmt: skip


def connection_of(token: int) -> int:
    return TOKENS.index(token) % 2


@dataclass(frozen=True)
class Step:
    """Something happens, ``after`` so many seconds; ``alone`` puts it into a frame of its own."""

    after: int = 0
    alone: bool = False


@dataclass(frozen=True)
class Trades(Step):
    """Trades (price change, quantity) ``ago`` seconds before; none is a change of the book only.

    The snapshot is not sent (``unseen``), or after ``held`` more steps, ``lag`` seconds late.
    """

    token: int = 257
    trades: tuple[tuple[int, int], ...] = ()
    ago: int = 0
    unseen: bool = False
    held: int = 0
    lag: int = 0


@dataclass(frozen=True)
class Again(Step):
    """A row that was sent before is sent once more."""

    back: int = 1


@dataclass(frozen=True)
class StepBack(Step):
    """The newest snapshot with less volume, as recorded feeds have it hundreds of times a day."""

    token: int = 257
    less: int = 1
    price: int = 0


@dataclass(frozen=True)
class Reconnect(Step):
    """A connection comes back; with ``cached`` every instrument on it sends its last snapshot."""

    connection: int = 0
    cached: bool = True


@dataclass(frozen=True)
class Want(Step):
    """An instrument is asked for in a packet length, or no more (0)."""

    token: int = 257
    length: int = 0


@dataclass(frozen=True)
class Odd(Step):
    """A row that should be refused, or that says nothing of today."""

    token: int = 257
    kind: str = "no_price"


@dataclass(frozen=True)
class Beat(Step):
    """Market time goes on with no frame."""


@dataclass(frozen=True)
class Scene:
    """The day, when it begins for us, how yesterday's snapshots look, and what then happens."""

    day: date
    start: int
    """Seconds after midnight."""
    carried_over: bool
    zeros: bool
    """Before the first trade packets hold zeros, not yesterday's values."""
    traded: bool
    """There were trades before the start."""
    cached: bool
    """Every instrument sends its cached snapshot at once."""
    steps: Sequence[Step]


@dataclass
class Market:
    """What is true of one instrument."""

    price: int = 10_000
    volume: int = 0
    open: int = 0
    high: int = 0
    low: int = 0
    last_trade_time: int = 0
    oi: int = 500
    today: bool = False

    def trade(self, change: int, quantity: int, time: int) -> None:
        if not self.today:
            self.today, self.volume, self.open, self.high, self.low = True, 0, 0, 0, 0
        self.price = max(1, self.price + change)
        self.volume += quantity
        self.oi += change
        self.open = self.open or self.price
        self.high = max(self.high, self.price)
        self.low = min(self.low or self.price, self.price)
        self.last_trade_time = max(self.last_trade_time, time)


@dataclass
class Stream:
    """A scene played: ``records`` is what the journal holds afterwards."""

    scene: Scene
    records: list[Record] = field(default_factory=list)
    start: int = 0
    now: int = 0
    received: int = 0
    sent: list[tuple[int, Row]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.midnight = midnight(self.scene.day)
        self.start = self.now = self.received = self.midnight + self.scene.start
        self.lengths = dict(LENGTHS)
        self.markets = {token: self._yesterday() for token in TOKENS}
        self.held: list[tuple[int, int, Row]] = []
        self.last_row: dict[int, Row] = {}
        self._begin()
        self.begun = len(self.records)
        """Records before the first step."""
        for step in self.scene.steps:
            self._take(step)
        for _, lag, row in self.held:
            self._send(row, lag=lag)

    def _yesterday(self) -> Market:
        if self.scene.zeros:
            return Market(last_trade_time=0)
        time = self.midnight - 9 * 3600
        return Market(10_000, YESTERDAYS_VOLUME, 9_990, 10_050, 9_900, time)

    def _begin(self) -> None:
        if self.scene.carried_over:
            self.received = self.midnight
        for connection in (0, 1):
            self._want(connection)
            wish = self._wish(connection) if self.scene.carried_over else {}
            self._record(Record("connected", self.received, connection, wish=wish))
        self.received = self.midnight + self.scene.start
        if self.scene.traded:
            for market in self.markets.values():
                market.trade(40, 300, self.now - 70)
                market.trade(-60, 200, self.now - 65)
        if self.scene.cached:
            for token in TOKENS:
                self._send(self._row(token))

    def _wish(self, connection: int) -> dict[int, int]:
        return {
            token: MODES[length]
            for token, length in self.lengths.items()
            if length and connection_of(token) == connection
        }

    def _want(self, connection: int) -> None:
        self._record(Record("wanted", self.received, connection, wish=self._wish(connection)))

    def _record(self, record: Record) -> None:
        self.records.append(record)

    def _take(self, step: Step) -> None:
        self.now += step.after
        ripe = [(lag, row) for left, lag, row in self.held if left <= 0]
        self.held = [(left - 1, lag, row) for left, lag, row in self.held if left > 0]
        for lag, row in ripe:
            self._send(row, lag=lag)
        match step:
            case Trades():
                self._trades(step)
            case Again() if self.sent:
                self._send(self.sent[-min(step.back, len(self.sent))][1], alone=step.alone)
            case StepBack():
                self._step_back(step)
            case Reconnect():
                self._reconnect(step)
            case Want():
                self.lengths[step.token] = step.length
                self._tick()
                self._want(connection_of(step.token))
            case Odd():
                self._send(self._odd(step), alone=step.alone)
            case Beat():
                self._tick()
                self._record(Record("clock", self.received, 0))
            case _:
                pass

    def _tick(self, lag: int = 0) -> None:
        self.received = max(self.received, self.now + lag)

    def _trades(self, step: Trades) -> None:
        market = self.markets[step.token]
        for change, quantity in step.trades:
            market.trade(change, quantity, self.now - step.ago)
        row = self._row(step.token)
        if not row:
            return
        self.last_row[step.token] = row
        if step.held:
            self.held.append((step.held - 1, step.lag, row))
        elif not step.unseen:
            self._send(row, lag=step.lag, alone=step.alone)

    def _row(self, token: int, length: int | None = None) -> Row:
        """What the broker would send of the instrument now."""
        length = self.lengths[token] if length is None else length
        if not length:
            return {}
        market = self.markets[token]
        values = {
            "last_price": market.price, "open": market.open, "high": market.high,
            "low": market.low, "volume_traded": market.volume, "oi": market.oi,
            "last_trade_time": market.last_trade_time, "exchange_time": self.now,
        }  # fmt: skip
        return {"length": length, "token": token} | {f: values[f] for f in _FIELDS[length]}

    def _send(self, row: Row, *, lag: int = 0, alone: bool = False) -> None:
        before = self.received
        self._tick(lag)
        connection = connection_of(row["token"]) if row["token"] in TOKENS else 0
        self.sent.append((connection, row))
        last = self.records[-1]
        together = last.kind == "frame" and last.connection == connection and not alone
        if together and self.received == before:
            self.records[-1] = last._replace(rows=(*last.rows, row))
        else:
            self._record(Record("frame", self.received, connection, (row,)))

    def _step_back(self, step: StepBack) -> None:
        row = self._row(step.token)
        if "volume_traded" in row:
            row["volume_traded"] = max(0, row["volume_traded"] - step.less)
            row["last_price"] += step.price
            self._send(row, alone=step.alone)

    def _reconnect(self, step: Reconnect) -> None:
        self._tick()
        self._record(Record("disconnected", self.received, step.connection))
        self._record(Record("connected", self.received, step.connection))
        if step.cached:
            for token in TOKENS:
                if connection_of(token) == step.connection and token in self.last_row:
                    self._send(self.last_row[token])

    def _odd(self, step: Odd) -> Row:
        row = self._row(step.token) or self._row(step.token, LENGTHS[step.token])
        if step.kind == "lower":
            return self._row(step.token, 8)
        field, value = {
            "stranger": ("token", STRANGER),
            "no_price": ("last_price", 0),
            "price_range": ("last_price", LARGEST_PRICE + 1),
            "day_range": ("high", LARGEST_PRICE + 7),
            "outside": ("last_price", row.get("high", 0) + 5),
            "future": ("time", self.now + 4000),
            "soon": ("time", self.now + 3000),
            "no_time": ("time", 0),
            "yesterday": ("time", self.now - 24 * 3600),
        }[step.kind]
        if field == "time":
            field = "exchange_time" if row["length"] == 32 else "last_trade_time"
        return row | {field: value} if field in row else row


_ODD: Final = (
    "stranger", "no_price", "price_range", "day_range", "future", "soon", "no_time",
    "yesterday", "outside", "lower",
)  # fmt: skip
_DAYS: Final = {
    CAS_DAY: (
        "08:30", "09:06", "09:14", "09:15", "09:30", "10:15", "11:44", "13:00", "14:02", "15:13",
        "15:14", "15:19", "15:28", "15:29", "15:34", "15:39", "15:51",
    ),
    SATURDAY: (
        "09:14", "09:30", "09:41", "09:58", "09:59", "10:01", "11:20", "11:29", "11:31", "12:29",
        "12:41",
    ),
}  # fmt: skip


def _seconds(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + 50


_AFTER: Final = st.sampled_from((0, 1, 0, 1, 0, 1, 2, 3, 3, 6, 30, 58, 61, 130, 1200))


def trades(tokens: Sequence[int] = TOKENS) -> st.SearchStrategy[Trades]:
    return st.builds(
        Trades,
        after=_AFTER,
        alone=st.booleans(),
        token=st.sampled_from(tokens),
        trades=st.one_of(_some_trades(3), _some_trades(1), _some_trades(1), st.just(())),
        ago=st.sampled_from((0, 0, 1, 2)),
        unseen=st.sampled_from((False, False, True)),
        held=st.sampled_from((0, 0, 0, 1, 2, 4)),
        lag=st.sampled_from((0, 1, 3)),
    )


def _some_trades(most: int) -> st.SearchStrategy[tuple[tuple[int, int], ...]]:
    trade = st.tuples(st.integers(-3, 3), st.integers(1, 4))
    return st.lists(trade, min_size=1, max_size=most).map(tuple)


def any_step(tokens: Sequence[int] = TOKENS) -> st.SearchStrategy[Step]:
    token, alone = st.sampled_from(tokens), st.booleans()
    rare = st.one_of(
        st.builds(Again, after=_AFTER, alone=alone, back=st.integers(1, 6)),
        st.builds(
            StepBack, after=_AFTER, alone=alone, token=token, less=st.integers(1, 5),
            price=st.integers(-2, 2),
        ),
        st.builds(Reconnect, after=_AFTER, connection=st.integers(0, 1), cached=st.booleans()),
        st.builds(Want, after=_AFTER, token=token, length=st.sampled_from((0, 8, 44, 184))),
        st.builds(Odd, after=_AFTER, alone=alone, token=token, kind=st.sampled_from(_ODD)),
        st.builds(Beat, after=_AFTER),
    )  # fmt: skip
    often = trades(tokens)
    return st.one_of(often, often, often, often, often, rare)


Steps = Callable[[Sequence[int]], st.SearchStrategy[Step]]


def scenes(
    steps: Steps = any_step, *, tokens: Sequence[int] = TOKENS, days: Sequence[date] = tuple(_DAYS)
) -> st.SearchStrategy[Scene]:
    """A few instruments on any day there is, from any of its turning points."""

    def of(drawn: tuple[date, list[int]]) -> st.SearchStrategy[Scene]:
        day, chosen = drawn
        runs = st.lists(st.lists(steps(chosen), min_size=3, max_size=12), max_size=6)
        return st.builds(
            Scene,
            day=st.just(day),
            start=st.sampled_from(_DAYS[day]).map(_seconds),
            carried_over=st.booleans(),
            zeros=st.booleans(),
            traded=st.booleans(),
            cached=st.booleans(),
            steps=runs.map(lambda parts: [step for part in parts for step in part]),
        )

    few = st.lists(st.sampled_from(tokens), min_size=1, max_size=3, unique=True)
    return st.tuples(st.sampled_from(days), few).flatmap(of)


def at_open(scene: Scene) -> Scene:
    return replace(scene, carried_over=True, traded=False)
