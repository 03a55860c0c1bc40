"""The tickerplant: stamp, journal, decode, hand on. Nothing is computed before the journal has it.

The plant listens to connections and turns everything they say into numbered records of the trading
day. Each record goes to the day in order; the day's own code is the same in a replay.

When a day is over the next one is due, but it begins only with its instrument master, which has to
be fetched. Until ``begin`` brings it, records go on into the old day's journal, and what the new
day must know as well is held for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Protocol

import msgspec

from firki.errors import Corrupt
from firki.model.tick import SECOND, TickBatch
from firki.ports import Clock, ConnectionState, Frame, RecordKind
from firki.timing import steady

_QUIET_SECONDS: Final = 1.0
_NOTHING: Final = b"{}"


class Day(Protocol):
    """One trading day under way: it keeps each record, then folds it."""

    @property
    def trading_date(self) -> date: ...

    @property
    def ends_ts(self) -> int:
        """When the next trading day is due."""

    def append(self, received_ts: int, connection: int, payload: bytes, kind: RecordKind) -> Frame:
        """Number the record and hand it to the day's journal; raises when the disk failed."""

    def apply(self, frame: Frame, batch: TickBatch | None) -> None: ...


@dataclass(slots=True)
class _Link:
    """What the plant knows of a connection; told again to each new day."""

    open: bool = False
    wanted: bytes = _NOTHING
    frames: int = 0
    last_ts: int = 0


@dataclass(slots=True)
class _Coming:
    """What the day that is due has to be told when it begins."""

    records: list[tuple[int, int, bytes, RecordKind]]
    bytes: int = 0
    first_tick: float | None = None


@dataclass(slots=True)
class Counts:
    """What came in since the start."""

    frames: int = 0
    ticks: int = 0
    texts: int = 0
    corrupt: int = 0
    skipped: int = 0
    bytes: int = 0
    clock_steps_back: int = 0
    """How often a record was stamped more than a second before the one ahead of it."""
    last_corrupt: str = ""

    def report(self) -> dict[str, Any]:
        """The counts under the names users know."""
        return {
            "frames": self.frames,
            "ticks": self.ticks,
            "texts": self.texts,
            "corrupt_frames": self.corrupt,
            "skipped_packets": self.skipped,
            "received_bytes": self.bytes,
            "clock_steps_back": self.clock_steps_back,
            "last_corrupt": self.last_corrupt or None,
        }


class Plant:
    """The ``Listener`` of every connection, and the only writer of the journal."""

    def __init__(
        self,
        day: Day,
        *,
        clock: Clock,
        decode: Callable[[Frame], TickBatch],
        on_due: Callable[[], None],
        on_text: Callable[[Frame], None],
        on_state: Callable[[int, ConnectionState, str], None],
        now: Callable[[], float] = steady,
    ) -> None:
        """``on_due`` is called once when the day is over; its answer is a call of ``begin``, now or
        later. ``now`` is steady time: it says how long nothing has come."""
        self._day = day
        self._clock = clock
        self._decode = decode
        self._on_due = on_due
        self._coming: _Coming | None = None
        self._on_text = on_text
        self._tell_state = on_state
        self._links: dict[int, _Link] = {}
        self._now = now
        self._last_steady = now()
        self._last_ts = self._newest_ts = 0
        self.counts = Counts()

    @property
    def day(self) -> Day:
        return self._day

    def on_frame(self, connection: int, payload: bytes, kind: RecordKind) -> None:
        """A frame of a connection, or its changed wish."""
        link = self._link(connection)
        if kind is RecordKind.WANTED:
            if payload == link.wanted:
                return
            link.wanted = payload
        else:
            self.counts.frames += 1
            self.counts.bytes += len(payload)
            link.frames += 1
        self._record(connection, payload, kind)

    def on_state(self, connection: int, state: ConnectionState, reason: str) -> None:
        """A connection opened or was lost; other states are only passed on."""
        link = self._link(connection)
        if state is ConnectionState.OPEN and not link.open:
            self._record(connection, b"", RecordKind.CONNECTED)
            link.open = True
        elif state is not ConnectionState.OPEN and link.open:
            link.open = False
            self._record(connection, reason.encode(), RecordKind.DISCONNECTED)
        self._tell_state(connection, state, reason)

    def beat(self) -> None:
        """Called about once a second: with no frame of anyone, market time itself is recorded."""
        if self._now() - self._last_steady >= _QUIET_SECONDS:
            self._record(0, b"", RecordKind.CLOCK)

    def release(self) -> None:
        """Note every open connection as lost: the last records before an orderly stop."""
        for connection, link in self._links.items():
            if link.open:
                link.open = False
                self._record(connection, b"stopped", RecordKind.DISCONNECTED)

    @property
    def is_due(self) -> bool:
        """Whether the next trading day is waited for."""
        return self._coming is not None

    def held(self) -> tuple[int, float]:
        """What waits for the day that is due: bytes, and for how many seconds ticks have."""
        coming = self._coming
        if coming is None or coming.first_tick is None:
            return 0, 0.0
        return coming.bytes, self._now() - coming.first_tick

    def begin(self, day: Day) -> None:
        """Go on with the day that is due. Its journal is told every wish and what was open when the
        old day ended, and then all that has come since."""
        coming = self._coming
        assert coming is not None, "a day begins when one is due"
        self._coming, self._day = None, day
        for received_ts, connection, payload, kind in coming.records:
            frame = day.append(received_ts, connection, payload, kind)
            day.apply(frame, self._ticks(frame, counted=False))

    def wanted(self) -> Mapping[int, Mapping[str, int]]:
        """Token and mode by connection, as last declared."""
        return {c: msgspec.json.decode(link.wanted) for c, link in self._links.items()}

    def report(self) -> dict[str, Any]:
        """Counters since the start, and market time of the newest record."""
        return {**self.counts.report(), "newest_frame_ts": self._newest_ts or None}

    # -- inside --------------------------------------------------------------------------------

    def _link(self, connection: int) -> _Link:
        link = self._links.get(connection)
        if link is None:
            link = self._links[connection] = _Link()
        return link

    def _record(self, connection: int, payload: bytes, kind: RecordKind) -> None:
        now = self._clock.now()
        if now >= self._day.ends_ts and self._coming is None:
            self._coming = self._links_at(now)
            self._on_due()
        if now < self._last_ts - SECOND:
            self.counts.clock_steps_back += 1
        self._last_ts = now
        self._newest_ts = max(self._newest_ts, now)
        self._last_steady = self._now()
        frame = self._day.append(now, connection, payload, kind)
        batch = self._ticks(frame, counted=True)
        self._day.apply(frame, batch)
        if self._coming is not None:
            self._hold(self._coming, frame)
        if kind is RecordKind.TEXT:
            self.counts.texts += 1
            self._on_text(frame)

    def _ticks(self, frame: Frame, *, counted: bool) -> TickBatch | None:
        if frame.kind is not RecordKind.FRAME or len(frame.payload) < 2:
            return None
        try:
            batch = self._decode(frame)
        except Corrupt as broken:
            if counted:
                self.counts.corrupt += 1
                self.counts.last_corrupt = f"record {frame.seq}: {broken}"
            return None
        if counted:
            self.counts.ticks += len(batch)
            self.counts.skipped += batch.skipped
        return batch

    def _links_at(self, now: int) -> _Coming:
        """Every wish and what is open, as a new day must know it. The payload of an open connection
        is its wish: of those instruments nothing was missed."""
        coming = _Coming([])
        for connection, link in self._links.items():
            if link.wanted != _NOTHING:
                coming.records.append((now, connection, link.wanted, RecordKind.WANTED))
            if link.open:
                coming.records.append((now, connection, link.wanted, RecordKind.CONNECTED))
        return coming

    def _hold(self, coming: _Coming, frame: Frame) -> None:
        """Keep a record for the coming day; heartbeats and the clock it can do without."""
        is_frame = frame.kind is RecordKind.FRAME
        if frame.kind is RecordKind.CLOCK or (is_frame and len(frame.payload) < 2):
            return
        coming.records.append((frame.received_ts, frame.connection, frame.payload, frame.kind))
        coming.bytes += len(frame.payload)
        if is_frame and coming.first_tick is None:
            coming.first_tick = self._now()
