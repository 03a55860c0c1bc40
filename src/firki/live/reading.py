"""Candles out of the grid: any whole number of minutes, by reduction at read time.

``GridCandles`` reads a grid that this process folds into, or the mapped file of another process: a
row that is being written is read again.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from firki.errors import Unavailable
from firki.live import layout as at
from firki.live.file import GridFile
from firki.model.candle import CandleColumns, Flag, Interval, SessionKind, Status
from firki.model.history import within_a_day
from firki.model.tick import SECOND

_TRIES: Final = 1000
_MINUTE: Final = 60 * SECOND
_BAR: Final = np.dtype(
    [
        ("group", "<i8"),
        ("open", "<i4"),
        ("high", "<i4"),
        ("low", "<i4"),
        ("close", "<i4"),
        ("volume", "<i8"),
        ("oi", "<i8"),
        ("tick_count", "<i8"),
        ("flags", "<i8"),
        ("revision", "<i8"),
        ("last_slot", "<i8"),
        ("last_second", "<i8"),
    ]
)


@njit(cache=True, nogil=True)
def _reduce(cells: Any, groups: Any, out: Any) -> int:
    """Cells of one instrument into bars, one for each group that has a candle."""
    count = 0
    for slot in range(cells.shape[0]):
        cell = cells[slot]
        if cell.tick_count == 0:
            continue
        if count == 0 or out[count - 1].group != groups[slot]:
            bar = out[count]
            bar.group = groups[slot]
            bar.open, bar.high, bar.low = cell.open, cell.high, cell.low
            bar.volume = bar.oi = bar.tick_count = bar.flags = bar.revision = 0
            count += 1
        bar = out[count - 1]
        bar.high = max(bar.high, cell.high)
        bar.low = min(bar.low, cell.low)
        bar.close = cell.close
        bar.volume += cell.volume
        bar.oi = cell.oi
        bar.tick_count += cell.tick_count
        bar.flags |= cell.flags
        bar.revision += cell.revision
        bar.last_slot = slot
        bar.last_second = cell.last_second
    return count


class _Groups:
    """Which bar of an interval each slot of a class belongs to; where bars start and end."""

    def __init__(self, layout: at.ClassLayout, minutes: int) -> None:
        starts = np.array(layout.start_ts, np.int64)
        ends = np.array(layout.end_ts, np.int64)
        number = np.zeros(layout.slots, np.int64)
        self.start: list[int] = []
        self.end: list[int] = []
        anchor = group = -1
        for slot, session in enumerate(layout.session):
            alone = session != SessionKind.CONTINUOUS
            joined = (
                slot > 0 and layout.session[slot - 1] == session and starts[slot] == ends[slot - 1]
            )
            if alone or not joined:
                anchor = slot
            if slot == anchor or (slot - anchor) % minutes == 0:
                group += 1
                self.start.append(int(starts[slot]))
                self.end.append(int(ends[slot]))
            self.end[group] = int(ends[slot])
            number[slot] = group
        self.number = number
        self.start_ts = np.array(self.start, np.int64)
        self.end_ts = np.array(self.end, np.int64)


class GridCandles:
    """The ``Candles`` port over one day's grid."""

    def __init__(self, file: GridFile, *, source: str = "grid") -> None:
        self._file = file
        self._source = source
        self._grace = file.header.final_market_seconds * SECOND
        self._places: dict[int, int] = {}
        self._groups: dict[tuple[int, int], _Groups] = {}

    @property
    def file(self) -> GridFile:
        return self._file

    @property
    def as_of_ts(self) -> int:
        """The newest market time the grid has been told of, to the second it was last shown."""
        return int(self._file.live["market_ts"][0])

    def place(self, token: int) -> int:
        """The token's row in the state, -1 when the grid has no column for it."""
        if token not in self._places:
            tokens = self._file.state[: int(self._file.live["columns"][0]), at.S_TOKEN]
            self._places = {int(t): k for k, t in enumerate(tokens)}
        return self._places.get(token, -1)

    async def read(
        self,
        tokens: Sequence[int],
        interval: Interval,
        from_ts: int,
        to_ts: int,
        *,
        as_of_ts: int | None = None,
    ) -> CandleColumns:
        """Candles whose start lies in [from_ts, to_ts]; a past ``as_of_ts`` cannot be answered."""
        if as_of_ts is not None and as_of_ts < self.as_of_ts:
            raise within_a_day(as_of_ts)
        known_ts = self.as_of_ts
        read = self.day_bar if not interval.minutes else self._bars(interval)
        parts = [part for token in tokens if (part := read(token)) is not None]
        empty = CandleColumns.empty(interval, as_of_ts=known_ts, source=self._source)
        whole = replace(CandleColumns.concat(parts), as_of_ts=known_ts) if parts else empty
        inside = (whole.start_ts >= from_ts) & (whole.start_ts <= to_ts)
        return whole if inside.all() else whole.take(inside)

    def _bars(self, interval: Interval) -> Callable[[int], CandleColumns | None]:
        return lambda token: self.bars(token, interval)

    def bars(self, token: int, interval: Interval) -> CandleColumns | None:
        """All bars of the day of one instrument; None when it has no column."""
        place = self.place(token)
        if place < 0:
            return None
        number = int(self._file.state[place, at.S_CLASS])
        groups = self._grouped(number, interval.minutes)
        # before the cells: another process may be far ahead by the time they are reduced
        as_of = self.as_of_ts
        cells = self._cells(place, number)
        bars = np.zeros(len(groups.start_ts), _BAR)
        bars = bars[: _reduce(cells, groups.number, bars)]
        return self._columns(token, interval, place, groups, bars, as_of=as_of)

    def _columns(
        self,
        token: int,
        interval: Interval,
        place: int,
        groups: _Groups,
        bars: npt.NDArray[Any],
        *,
        as_of: int,
    ) -> CandleColumns:
        layout = self._file.header.classes[int(self._file.state[place, at.S_CLASS])]
        scale = float(self._file.state[place, at.S_SCALE])
        slots = bars["last_slot"]
        starts = np.array(layout.start_ts, np.int64)
        over = groups.end_ts[bars["group"]] + self._grace <= as_of
        # A bar of one slot may be final earlier, by exchange time.
        if interval.minutes == 1:
            over |= (bars["flags"] & Flag.FINAL) != 0
        return CandleColumns.of(
            interval, as_of_ts=as_of, source=self._source,
            instrument_token=np.full(len(bars), token, np.uint32),
            start_ts=groups.start_ts[bars["group"]],
            open=bars["open"] / scale, high=bars["high"] / scale, low=bars["low"] / scale,
            close=bars["close"] / scale, volume=bars["volume"], oi=bars["oi"],
            tick_count=bars["tick_count"],
            status=np.where(over, Status.FINAL, Status.FORMING),
            revision=np.minimum(bars["revision"], 0xFFFF),
            session=np.array(layout.session, np.uint8)[slots],
            flags=bars["flags"] & ~int(Flag.FINAL),
            last_tick_ts=starts[slots] + bars["last_second"] * SECOND,
        )  # fmt: skip

    def day_bar(self, token: int) -> CandleColumns | None:
        """The day so far: the exchange's own open, high, low and volume where it sends them."""
        place = self.place(token)
        if place < 0:
            return None
        number = int(self._file.state[place, at.S_CLASS])
        layout = self._file.header.classes[number]
        as_of = self.as_of_ts  # before the cells, as above
        cells = self._cells(place, number)
        traded = np.flatnonzero(cells["tick_count"])
        if not len(traded):
            return None
        state = self._file.state[place].copy()
        present = cells[traded]
        scale = float(state[at.S_SCALE])
        volume = int(state[at.S_VOLUME])
        flags = int(np.bitwise_or.reduce(present["flags"])) & ~int(Flag.FINAL)
        over = as_of >= max(layout.end_ts) + self._grace
        last = int(traded[-1])
        if int(state[at.S_MADE]) * SECOND >= max(layout.end_ts):
            flags |= Flag.CLOSE_AFTER_SESSION
        elif layout.session[last] == SessionKind.CLOSING_AUCTION:
            flags |= Flag.CLOSE_OF_AUCTION
        # A close shown after the session lies among the day's trades, seen or not.
        close = int(state[at.S_LAST_PRICE])
        high = max(int(state[at.S_DAY_HIGH]), int(present["high"].max()), close)
        low = min(_lowest(int(state[at.S_DAY_LOW]), int(present["low"].min())), close)
        return CandleColumns.of(
            Interval.parse("day"), as_of_ts=as_of, source=self._source,
            instrument_token=[token], start_ts=[self._file.header.midnight_ts],
            open=[_first(state[at.S_DAY_OPEN], present["open"][0]) / scale],
            high=[high / scale], low=[low / scale], close=[close / scale], volume=[volume],
            oi=[int(state[at.S_OI])], tick_count=[int(present["tick_count"].sum())],
            status=[Status.FINAL if over else Status.FORMING],
            revision=[min(int(present["revision"].sum()), 0xFFFF)],
            session=[SessionKind.CONTINUOUS], flags=[flags],
            last_tick_ts=[layout.start_ts[last] + int(present["last_second"][-1]) * SECOND],
        )  # fmt: skip

    def forming(self, interval: Interval, youngest: npt.NDArray[np.int32]) -> int:
        """How many instruments have a bar of the interval that is not over; ``youngest`` is the
        slot of each one's newest candle, -1 for none."""
        state = self._file.state[: len(youngest)]
        layouts = range(len(self._file.header.classes))
        first = np.array([self._first_open(k, interval.minutes) for k in layouts], np.int64)
        begun = np.flatnonzero(youngest >= first[state[:, at.S_CLASS]])
        if interval.minutes != 1:
            return len(begun)
        # one slot may be final earlier, by exchange time
        stride = state[begun, at.S_STRIDE].astype(np.int64)
        index = state[begun, at.S_CELL] + youngest[begun] * stride
        return int(np.count_nonzero(self._file.cells["flags"][index] & Flag.FINAL == 0))

    def _first_open(self, number: int, minutes: int) -> int:
        """The first slot of the class that lies in no bar that is over."""
        groups = self._grouped(number, minutes)
        over = np.searchsorted(groups.end_ts, self.as_of_ts - self._grace, side="right")
        return int(np.searchsorted(groups.number, over))

    def gaps(self, token: int) -> list[tuple[int, int]]:
        """Stretches of the session in which the feed was away, as [from, to) in ns."""
        place = self.place(token)
        if place < 0:
            return []
        number = int(self._file.state[place, at.S_CLASS])
        layout = self._file.header.classes[number]
        marked = np.flatnonzero(self._cells(place, number)["flags"] & Flag.GAP)
        found: list[tuple[int, int]] = []
        for slot in map(int, marked):
            begin, end = layout.start_ts[slot], layout.end_ts[slot]
            if found and found[-1][1] == begin:
                found[-1] = (found[-1][0], end)
            else:
                found.append((begin, end))
        return found

    def row(self, number: int, slot: int, places: npt.NDArray[np.uint32]) -> CandleColumns:
        """One slot's candles of several instruments: a minute that ended, or amendments to it."""
        layout = self._file.header.classes[number]
        state = self._file.state[places]
        index = state[:, at.S_CELL].astype(np.int64) + slot * layout.capacity
        cells = self._file.cells[index]
        scale = state[:, at.S_SCALE].astype(np.float64)
        start = layout.start_ts[slot]
        return CandleColumns.of(
            Interval.of(1), as_of_ts=self.as_of_ts, source=self._source,
            instrument_token=state[:, at.S_TOKEN], start_ts=np.full(len(places), start),
            open=cells["open"] / scale, high=cells["high"] / scale, low=cells["low"] / scale,
            close=cells["close"] / scale, volume=cells["volume"], oi=cells["oi"],
            tick_count=cells["tick_count"],
            status=np.where(cells["flags"] & Flag.FINAL, Status.FINAL, Status.FORMING),
            revision=cells["revision"], session=np.full(len(places), layout.session[slot]),
            flags=cells["flags"] & ~np.uint16(Flag.FINAL),
            last_tick_ts=start + cells["last_second"].astype(np.int64) * SECOND,
        )  # fmt: skip

    def whole_row(self, number: int, slot: int, places: npt.NDArray[np.uint32]) -> CandleColumns:
        """As ``row``, for a reader beside the fold: none of the candles half written."""
        row = self._file.header.classes[number].first_row + slot
        for _ in range(_TRIES):
            before = int(self._file.row_sequence[row])
            found = self.row(number, slot, places)
            if not before & 1 and before == int(self._file.row_sequence[row]):
                return found
        raise Unavailable(f"grid {self._file.path}: row {row} kept changing for {_TRIES} reads")

    def _grouped(self, number: int, minutes: int) -> _Groups:
        key = (number, minutes)
        if key not in self._groups:
            self._groups[key] = _Groups(self._file.header.classes[number], minutes)
        return self._groups[key]

    def _cells(self, place: int, number: int) -> npt.NDArray[Any]:
        """The instrument's cells over all slots, none of them half written."""
        layout = self._file.header.classes[number]
        first = int(self._file.state[place, at.S_CELL])
        view = self._file.cells[first :: layout.capacity][: layout.slots]
        rows = self._file.row_sequence[layout.first_row : layout.first_row + layout.slots]
        for _ in range(_TRIES):
            before = rows.copy()
            cells = view.copy()
            if not (before & 1).any() and np.array_equal(before, rows):
                return cells
        raise Unavailable(f"grid {self._file.path}: rows kept changing for {_TRIES} reads")


def _first(day_open: int, first_price: int) -> int:
    return int(day_open) or int(first_price)


def _lowest(day_low: int, traded_low: int) -> int:
    return min(day_low, traded_low) if day_low else traded_low
