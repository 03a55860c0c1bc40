"""Candles by brute force: `docs/candles.md` read once more, in plain Python with no line of firki.

Slow and simple on purpose: dictionaries, lists and whole numbers. The tests hold the compiled fold
against it, bar for bar. Times are whole seconds UTC; a row is a dictionary with the fields its
packet carries, `length` and `token` among them; flags are words.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

Row = Mapping[str, int]
Key = tuple[int, int]
HOUR = 3600
DAY = 24 * HOUR
LARGEST_PRICE = 2**31 - 1
LARGEST_COUNT = 2**16 - 1
MODE_OF = {8: 1, 28: 2, 44: 2, 32: 3, 184: 3}
WITH_VOLUME = {44, 184}
WITH_TIME = {32, 184}
WITH_RANGE = {28, 32, 44, 184}
WITHOUT_OI = {"cash", "cas", "index"}
SIDES = ("high", "low")


class Slot(NamedTuple):
    """Trades with opens <= time < ends belong to it; its candle is stamped `stamp`."""

    opens: int
    stamp: int
    ends: int


class Record(NamedTuple):
    """One record of the journal.

    `kind` is frame, connected, wanted, or anything else, which only moves time. `wish` is token to
    mode: of wanted, and of a connection that has been open since the day before.
    """

    kind: str
    received: int
    connection: int
    rows: Sequence[Row] = ()
    wish: Mapping[int, int] = {}


class Settings(NamedTuple):
    exchange_seconds: int = 3
    market_seconds: int = 5
    repair_extremes: bool = True
    strict: bool = False


@dataclass
class Bar:
    open: int
    high: int
    low: int
    close: int
    last: int
    """Bucket time of the closing trade."""
    volume: int = 0
    oi: int = 0
    tick_count: int = 1
    revision: int = 0
    flags: set[str] = field(default_factory=set)

    def look(self) -> tuple[object, ...]:
        """All that a reader sees but the revision."""
        return (
            self.open, self.high, self.low, self.close, self.last, self.volume, self.oi,
            self.tick_count, frozenset(self.flags),
        )  # fmt: skip


@dataclass
class Youth:
    """What is remembered of one of an instrument's two youngest minutes."""

    first: Key
    last: Key
    before: dict[str, int]
    """Highest and lowest of everything seen before its first snapshot."""
    before_slot: int | None
    sure: dict[str, int]
    doubt: dict[str, int] = field(default_factory=dict)
    """Extremes that may belong to an earlier minute."""


@dataclass
class State:
    """All that is known of one instrument."""

    kind: str
    mode: int = 0
    wanted_on: int | None = None
    opening: tuple[int, int] | None = None
    """The connection, and which of its openings, whose first snapshot was taken."""
    ever: bool = False
    baseline: int = 0
    newest: int = 0
    gap_volume: int = 0
    outside_volume: int = 0
    started_from: int = 0
    last_length: int = 0
    yesterday: int = 0
    """The volume in quote packets that came before the day began."""
    last_price: int | None = None
    last_trade: int = 0
    newest_made: int = 0
    seen: dict[str, int] = field(default_factory=dict)
    partial_until: int | None = None
    gaps: set[int] = field(default_factory=set)
    bars: dict[int, Bar] = field(default_factory=dict)
    young: dict[int, Youth] = field(default_factory=dict)


def beyond(price: int, other: int | None, side: str) -> bool:
    if other is None:
        return True
    return price > other if side == "high" else price < other


def widen(extremes: dict[str, int], side: str, price: int) -> None:
    if beyond(price, extremes.get(side), side):
        extremes[side] = price


class Reference:
    """The day folded record by record."""

    def __init__(
        self,
        day: int,
        slots: Mapping[str, Sequence[Slot]],
        classes: Mapping[int, str],
        settings: Settings | None = None,
    ) -> None:
        """`day` is the Indian midnight it begins at, `classes` those of all known tokens."""
        self.day = day
        self.slots = slots
        self.classes = classes
        self.settings = settings or Settings()
        self.states: dict[int, State] = {}
        self.counts: Counter[str] = Counter()
        self.market_time = 0
        self.exchange_time: Counter[int] = Counter()
        self.openings: Counter[int] = Counter()
        self.now = self.connection = 0

    def run(self, records: Iterable[Record]) -> "Reference":
        for record in records:
            self.apply(record)
        return self

    def apply(self, record: Record) -> None:
        self.now, self.connection = record.received, record.connection
        self.market_time = max(self.market_time, record.received)
        if record.kind == "wanted":
            self.want(record.wish)
        if record.kind == "connected":
            self.openings[self.connection] += 1
            for token in record.wish:
                self.carry_over(token)
        for row in record.rows:
            self.take(row)

    def want(self, wish: Mapping[int, int]) -> None:
        for token in wish:
            if token in self.classes and token not in self.states:
                self.states[token] = State(self.classes[token])
        for token, state in self.states.items():
            had = state.wanted_on == self.connection
            if (token in wish) != had:
                state.opening = None
            if token in wish:
                state.mode, state.wanted_on = wish[token], self.connection
            elif had:
                state.wanted_on = None

    def carry_over(self, token: int) -> None:
        if state := self.states.get(token):
            state.opening, state.ever = (self.connection, self.openings[self.connection]), True
            state.wanted_on, state.newest_made = self.connection, self.now

    # -- one row -----------------------------------------------------------------------------------

    def take(self, row: Row) -> None:
        state = self.states.get(row["token"])
        reason = self.refusal(state, row) if state else "unknown_token"
        if state is None or reason:
            self.counts[str(reason)] += 1
            return
        self.fold(state, row)
        if row["length"] in WITH_TIME:
            newest = self.exchange_time[self.connection]
            self.exchange_time[self.connection] = max(newest, row["exchange_time"])

    def refusal(self, state: State, row: Row) -> str | None:
        length, price = row["length"], row["last_price"]
        if MODE_OF[length] < state.mode:
            return "lower_mode"
        if price == 0:
            return "no_price"
        if max(price, *(row.get(name, 0) for name in ("open", "high", "low"))) > LARGEST_PRICE:
            return "price_range"
        if length in WITH_TIME:
            times = row.get("last_trade_time", 0), row["exchange_time"]
            if max(times) > self.now + HOUR:
                return "future"
            if self.bucket(row) == 0 and (length == 32 or row["volume_traded"] > 0):
                return "no_time"
        made = row["exchange_time"] if length in WITH_TIME else self.now
        if made < self.day + DAY and self.is_stale(state, row):
            return None
        if not self.day <= self.bucket(row) <= max(made, self.bucket(row)) < self.day + DAY:
            return "other_date"
        low, high = row.get("low", 0), row.get("high", 0)
        if self.settings.strict and high and not low <= price <= high:
            return "inconsistent"
        return None

    def is_stale(self, state: State, row: Row) -> bool:
        """Whether the packet says that there was no trade today, and none is known."""
        if row["length"] == 184:
            return row["last_trade_time"] < self.day and state.newest == 0
        if row["length"] == 32:
            return row["exchange_time"] < self.day and not state.seen
        if row["length"] == 44 and state.newest == 0 and state.yesterday:
            return self.is_early(state) or row["volume_traded"] == state.yesterday
        return row["length"] in {28, 44} and self.is_early(state)

    def is_early(self, state: State) -> bool:
        return self.now < self.slots[state.kind][0].opens

    def bucket(self, row: Row) -> int:
        if row["length"] == 184:
            return row["last_trade_time"]
        return row["exchange_time"] if row["length"] == 32 else self.now

    def made(self, row: Row) -> int:
        return row.get("exchange_time", 0) or self.now

    def fold(self, state: State, row: Row) -> None:
        stale = self.is_stale(state, row)
        begins_volume = row["length"] in WITH_VOLUME and state.last_length == 8
        first = state.opening != (self.connection, self.openings[self.connection])
        if not self.openings[self.connection]:  # nobody said that it opened
            self.openings[self.connection] = 1
            first = True
        if row["length"] in WITH_VOLUME:
            volume = 0 if stale else row["volume_traded"]
            newest = self.fold_volume(state, row, volume, stale, first or begins_volume)
        else:
            newest = self.fold_price(state, row, stale, first)
        if newest:
            state.last_price, state.last_length = row["last_price"], row["length"]
            state.newest_made = max(state.newest_made, self.made(row))
            if not stale:
                self.see(state, row)
            elif row["length"] == 44:
                state.yesterday = row["volume_traded"]

    def see(self, state: State, row: Row) -> None:
        for side in SIDES:
            widen(state.seen, side, row["last_price"])
            if row.get(side):
                widen(state.seen, side, row[side])

    def fold_volume(
        self, state: State, row: Row, volume: int, stale: bool, first: bool
    ) -> bool:  # fmt: skip
        """Whether nothing newer of the instrument is known."""
        grown = volume - state.newest
        if first:
            if state.ever and grown < 0:
                return False  # a stale answer: the next one is awaited
            state.gap_volume += grown if state.ever else 0
            state.baseline += 0 if state.ever else grown
            state.newest = state.started_from = volume
            self.begin(state, row, stale, missed=grown > 0)
        elif grown > 0:
            state.newest = volume
            self.trade(state, row, (self.bucket(row), volume), grown)
        elif grown < 0 and row["length"] == 44 and state.newest == state.baseline:
            state.baseline = state.newest = state.started_from = volume
        elif grown < 0:
            if volume > state.started_from and not stale:
                self.late(state, row, (self.bucket(row), volume))
            return False
        return True

    def fold_price(self, state: State, row: Row, stale: bool, first: bool) -> bool:
        made = row.get("exchange_time", 0)
        if made and made < state.newest_made and (state.ever or not first):
            if not first and made > state.started_from and not stale:
                self.late(state, row, (self.bucket(row), 0))
            return False
        if first:
            missed = not made or made > state.newest_made
            if not state.ever:
                missed = not stale and self.bucket(row) >= self.slots[state.kind][0].opens
            state.started_from = made or state.started_from
            self.begin(state, row, stale, missed)
        elif not stale and self.is_news(state, row):
            self.trade(state, row, (self.bucket(row), 0), 0)
        return True

    def is_news(self, state: State, row: Row) -> bool:
        if row["last_price"] != state.last_price:
            return True
        if row.get("exchange_time", 0) > state.newest_made:
            return True
        return any(
            row.get(side) and side in state.seen and beyond(row[side], state.seen[side], side)
            for side in SIDES
        )

    # -- connections -------------------------------------------------------------------------------

    def begin(self, state: State, row: Row, stale: bool, missed: bool) -> None:
        """The first snapshot of a connection."""
        until = self.bucket(row)
        if missed:
            for place, slot in enumerate(self.slots[state.kind]):
                if slot.opens <= until and slot.ends > state.last_trade:
                    state.gaps.add(place)
                    if bar := state.bars.get(place):
                        bar.flags.add("gap")
            if not state.ever:
                state.partial_until = self.slot_begun(state, self.made(row))
        if (missed or not state.ever) and not stale:
            state.last_trade = max(state.last_trade, until)
        state.ever = True
        state.opening = (self.connection, self.openings[self.connection])

    # -- candles -----------------------------------------------------------------------------------

    def slot_of(self, state: State, time: int) -> int | None:
        for place, slot in enumerate(self.slots[state.kind]):
            if slot.opens <= time < slot.ends:
                return place
        return None

    def slot_begun(self, state: State, time: int) -> int | None:
        begun = [place for place, slot in enumerate(self.slots[state.kind]) if slot.opens <= time]
        return max(begun, default=None)

    def amend(self, state: State, place: int, before: tuple[object, ...] | None) -> None:
        """Note that a snapshot changed a candle of a final slot."""
        bar, ends = state.bars[place], self.slots[state.kind][place].ends
        final = (
            self.exchange_time[self.connection] >= ends + self.settings.exchange_seconds
            or self.market_time >= ends + self.settings.market_seconds
        )
        if final and bar.look() != before:
            bar.revision += 1
            bar.flags.add("amended")

    def trade(self, state: State, row: Row, key: Key, volume: int) -> None:
        state.last_trade = max(state.last_trade, key[0])
        place = self.slot_of(state, key[0])
        if place is None:
            self.counts["outside_session"] += 1
            state.outside_volume += volume
            return
        before = state.bars[place].look() if place in state.bars else None
        bar = self.put_price(state, place, row, key, late=False)
        bar.tick_count = min(bar.tick_count + (before is not None), LARGEST_COUNT)
        bar.volume += volume
        for side in SIDES:
            if self.shows(row, side, row["last_price"]) and self.shows(
                row, side, state.seen.get(side)
            ):
                sure = self.slot_begun(state, state.newest_made) == place
                self.stretch(state, place, side, row[side], sure)
        self.amend(state, place, before)

    def shows(self, row: Row, side: str, other: int | None) -> bool:
        """Whether the packet's day value is there, to be used, and beyond the other price."""
        shown = row.get(side, 0) if self.settings.repair_extremes else 0
        return shown > 0 and beyond(shown, other, side)

    def put_price(self, state: State, place: int, row: Row, key: Key, *, late: bool) -> Bar:
        price = row["last_price"]
        bar, young = state.bars.get(place), state.young.get(place)
        if bar is None:
            return self.new_bar(state, place, row, key)
        bar.high, bar.low = max(bar.high, price), min(bar.low, price)
        if young is None:
            return bar
        for side in SIDES:
            widen(young.sure, side, price)
        if key < young.first:
            young.first, bar.open = key, price
        tie = key == young.last and row["length"] not in WITH_VOLUME and not late
        if key > young.last or tie:
            young.last = key
            self.close(state, place, bar, row, key)
        return bar

    def close(self, state: State, place: int, bar: Bar, row: Row, key: Key) -> None:
        stamp = self.slots[state.kind][place].stamp
        bar.close = row["last_price"]
        bar.last = stamp + min(max(key[0] - stamp, 0), LARGEST_COUNT)
        if "no_oi" not in bar.flags and row["length"] == 184:
            bar.oi = row["oi"]

    def new_bar(self, state: State, place: int, row: Row, key: Key) -> Bar:
        price = row["last_price"]
        bar = state.bars[place] = Bar(price, price, price, price, 0)
        flags = {
            "gap": place in state.gaps,
            "partial": state.partial_until is not None and place <= state.partial_until,
            "arrival": row["length"] not in WITH_TIME,
            "no_volume": row["length"] not in WITH_VOLUME,
            "no_oi": row["length"] != 184 or state.kind in WITHOUT_OI,
        }
        bar.flags = {flag for flag, is_set in flags.items() if is_set}
        self.close(state, place, bar, row, key)
        before, slot = dict(state.seen), self.slot_begun(state, state.newest_made)
        if younger := [state.young[p] for p in state.young if p > place]:
            before, slot = dict(younger[-1].before), younger[-1].before_slot
        state.young[place] = Youth(key, key, before, slot, {"high": price, "low": price})
        state.young = {p: state.young[p] for p in sorted(state.young)[-2:]}
        return bar

    def stretch(self, state: State, place: int, side: str, extreme: int, sure: bool) -> None:
        """Give a candle an extreme that no snapshot had as its price."""
        bar = state.bars[place]
        if beyond(extreme, getattr(bar, side), side):
            setattr(bar, side, extreme)
        if not sure:
            bar.flags.add("ambiguous")
        if young := state.young.get(place):
            widen(young.sure if sure else young.doubt, side, extreme)

    # -- late snapshots ----------------------------------------------------------------------------

    def late(self, state: State, row: Row, key: Key) -> None:
        place = self.slot_of(state, key[0])
        if place is None or row["length"] not in WITH_TIME:
            return
        before = state.bars[place].look() if place in state.bars else None
        self.put_price(state, place, row, key, late=True)
        younger = [p for p in sorted(state.young) if p > place]
        for side in SIDES:
            if younger and self.shows(row, side, row["last_price"]):
                next_one = state.young[younger[0]]
                if self.shows(row, side, next_one.before.get(side)):
                    sure = next_one.before_slot == place
                    self.stretch(state, place, side, row[side], sure)
        for later in younger:
            self.give_back(state, later, row)
        self.amend(state, place, before)
        self.see(state, row)

    def give_back(self, state: State, later: int, row: Row) -> None:
        """Tell a younger minute what was there before it."""
        bar, young = state.bars[later], state.young[later]
        before = bar.look()
        for side in SIDES:
            widen(young.before, side, row["last_price"])
            if self.shows(row, side, None):
                widen(young.before, side, row[side])
            if side in young.doubt and not beyond(young.doubt[side], young.before[side], side):
                del young.doubt[side]
            extremes = [young.sure[side], young.doubt.get(side, young.sure[side])]
            setattr(bar, side, max(extremes) if side == "high" else min(extremes))
        made_in = self.slot_begun(state, self.made(row))
        slots = [slot for slot in (young.before_slot, made_in) if slot is not None]
        young.before_slot = max(slots, default=None)
        if not young.doubt:
            bar.flags.discard("ambiguous")
        self.amend(state, later, before)


def fold_bars(bars: Mapping[int, Bar], members: Sequence[Sequence[int]]) -> dict[int, Bar]:
    """Longer candles: `members` are the slots of each; the answer is by each one's first slot."""
    longer: dict[int, Bar] = {}
    for group in members:
        parts = [bars[place] for place in group if place in bars]
        if parts:
            longer[group[0]] = Bar(
                parts[0].open, max(b.high for b in parts), min(b.low for b in parts),
                parts[-1].close, parts[-1].last, sum(b.volume for b in parts), parts[-1].oi,
                sum(b.tick_count for b in parts), sum(b.revision for b in parts),
                {flag for b in parts for flag in b.flags},
            )  # fmt: skip
    return longer
