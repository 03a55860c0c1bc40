"""What comes in becomes numbered records of the trading day, in order, before anyone sees it."""

import json
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pytest
from tests.fakes.small_day import DAY, INFY, NEXT_DAY, NIFTY, at

from firki.capture.plant import Plant
from firki.kite import wire
from firki.model.ist import ist_midnight
from firki.model.tick import COLUMN_COUNT, SECOND, Column, TickBatch
from firki.ports import ConnectionState, Frame, RecordKind

WISH = json.dumps({str(INFY): 3, str(NIFTY): 3}).encode()
DAY_NS = 86_400 * SECOND


@dataclass
class Clock:
    """Market time and steady time, both by hand."""

    now_ts: int = at("10:00")
    seconds: float = 0.0

    def now(self) -> int:
        return self.now_ts

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError

    def steady(self) -> float:
        return self.seconds


@dataclass
class MemoryJournal:
    """Numbers records from 1 and keeps them."""

    records: list[Frame] = field(default_factory=list)

    def append(self, received_ts: int, connection: int, payload: bytes, kind: RecordKind) -> Frame:
        self.records.append(Frame(len(self.records) + 1, received_ts, connection, payload, kind))
        return self.records[-1]


@dataclass
class MemoryDay:
    """A day that keeps what it was told to apply, and checks that the journal had it before."""

    trading_date: date
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    applied: list[tuple[Frame, TickBatch | None]] = field(default_factory=list)

    @property
    def ends_ts(self) -> int:
        return ist_midnight(self.trading_date) + DAY_NS

    def append(self, received_ts: int, connection: int, payload: bytes, kind: RecordKind) -> Frame:
        return self.journal.append(received_ts, connection, payload, kind)

    def apply(self, frame: Frame, batch: TickBatch | None) -> None:
        assert self.journal.records[-1] is frame
        self.applied.append((frame, batch))

    @property
    def kinds(self) -> list[str]:
        return [frame.kind.name for frame, _ in self.applied]


class Bench:
    """A plant with everything around it in memory."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.first, self.second = MemoryDay(DAY), MemoryDay(NEXT_DAY)
        self.texts: list[bytes] = []
        self.told_due = 0
        self.states: list[tuple[int, ConnectionState, str]] = []
        self.plant = Plant(
            self.first, clock=self.clock, decode=decode, on_due=self._due,
            on_text=lambda frame: self.texts.append(frame.payload),
            on_state=lambda *told: self.states.append(told), now=self.clock.steady,
        )  # fmt: skip

    def _due(self) -> None:
        self.told_due += 1

    def end_of_day(self, seconds: int = 0) -> None:
        """Market time reaches the end of the first day, or so much later."""
        self.clock.now_ts = self.first.ends_ts + seconds * SECOND

    def told_second(self) -> list[tuple[Any, ...]]:
        return [
            (frame.seq, frame.kind.name, frame.connection, frame.payload)
            for frame, _ in self.second.applied
        ]

    def open(self, connection: int = 0, wish: bytes = WISH) -> None:
        self.plant.on_frame(connection, wish, RecordKind.WANTED)
        self.plant.on_state(connection, ConnectionState.OPEN, "open")

    def frame(self, payload: bytes, connection: int = 0) -> None:
        self.plant.on_frame(connection, payload, RecordKind.FRAME)


def decode(frame: Frame) -> TickBatch:
    return wire.decode(frame.payload, seq=frame.seq, received_ts=frame.received_ts, strict=False)


def ticks(count: int) -> bytes:
    columns = np.zeros((COLUMN_COUNT, count), np.uint32)
    columns[Column.LENGTH], columns[Column.INSTRUMENT_TOKEN] = 184, INFY
    columns[Column.LAST_PRICE] = 150_000
    return wire.encode(columns)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_every_record_is_numbered_and_journalled_before_it_is_applied(bench: Bench) -> None:
    bench.open()
    bench.frame(ticks(2))
    bench.frame(b"\x00")
    assert bench.first.kinds == ["WANTED", "CONNECTED", "FRAME", "FRAME"]
    assert [frame.seq for frame, _ in bench.first.applied] == [1, 2, 3, 4]
    assert {frame.received_ts for frame, _ in bench.first.applied} == {bench.clock.now_ts}
    batches = [batch for _, batch in bench.first.applied]
    assert batches[:2] == [None, None]
    assert batches[2] is not None
    assert batches[2].last_price.tolist() == [150_000, 150_000]
    assert batches[3] is None, "a heartbeat holds no ticks"


def test_a_wish_that_was_recorded_is_not_recorded_again(bench: Bench) -> None:
    bench.open()
    bench.plant.on_frame(0, WISH, RecordKind.WANTED)
    bench.plant.on_frame(0, b"{}", RecordKind.WANTED)
    bench.plant.on_frame(0, WISH, RecordKind.WANTED)
    assert bench.first.kinds == ["WANTED", "CONNECTED", "WANTED", "WANTED"]
    assert bench.plant.wanted() == {0: json.loads(WISH)}
    assert bench.plant.report()["frames"] == 0


def test_only_changes_between_open_and_lost_are_recorded_and_all_states_are_told(
    bench: Bench,
) -> None:
    states = [
        ConnectionState.CONNECTING, ConnectionState.OPEN, ConnectionState.WAITING,
        ConnectionState.CONNECTING, ConnectionState.REFUSED,
    ]  # fmt: skip
    for state in states:
        bench.plant.on_state(1, state, state.name.lower())
    assert bench.first.kinds == ["CONNECTED", "DISCONNECTED"]
    assert bench.first.applied[1][0].payload == b"waiting"
    assert bench.first.applied[1][0].connection == 1
    assert bench.states == [(1, state, state.name.lower()) for state in states]


def test_a_corrupt_frame_is_kept_counted_and_told_with_its_number(bench: Bench) -> None:
    bench.open()
    bad = b"\x00\x05" + bytes(20)
    bench.frame(bad)
    bench.frame(ticks(1))
    assert bench.first.applied[2] == (Frame(3, bench.clock.now_ts, 0, bad), None)
    report = bench.plant.report()
    assert (report["corrupt_frames"], report["frames"], report["ticks"]) == (1, 2, 1)
    assert "record 3" in report["last_corrupt"]


def test_packets_of_an_unknown_kind_are_counted(bench: Bench) -> None:
    known = ticks(1)
    mixed = b"\x00\x02" + known[2:] + b"\x00\x09" + bytes(9)
    bench.frame(mixed)
    assert bench.plant.report()["skipped_packets"] == 1
    assert bench.plant.report()["ticks"] == 1


def test_text_is_journalled_and_then_handed_to_who_reads_text(bench: Bench) -> None:
    bench.plant.on_frame(0, b'{"type":"order"}', RecordKind.TEXT)
    assert bench.first.kinds == ["TEXT"]
    assert bench.first.applied[0][1] is None
    assert bench.texts == [b'{"type":"order"}']
    assert bench.plant.report()["texts"] == 1


def test_market_time_is_recorded_once_nothing_has_come_for_a_second(bench: Bench) -> None:
    bench.frame(b"\x00")
    bench.clock.seconds = 0.9
    bench.plant.beat()
    assert bench.first.kinds == ["FRAME"]
    bench.clock.seconds, bench.clock.now_ts = 1.0, bench.clock.now_ts + 60 * SECOND
    bench.plant.beat()
    bench.plant.beat()
    assert bench.first.kinds == ["FRAME", "CLOCK"]
    assert bench.first.applied[1][0].received_ts == bench.clock.now_ts


def test_each_step_back_of_the_clock_is_counted_once_and_the_newest_time_stays(
    bench: Bench,
) -> None:
    newest = bench.clock.now_ts
    for seconds in (0, -0.5, -2, -1.9, -1, 0, -3, -2.5):
        bench.clock.now_ts = newest + int(seconds * SECOND)
        bench.frame(b"\x00")
    report = bench.plant.report()
    assert (report["clock_steps_back"], report["newest_frame_ts"]) == (2, newest)


def test_a_new_day_is_told_what_is_open_and_what_it_wants(bench: Bench) -> None:
    bench.open(0)
    bench.open(1, b'{"1": 1}')
    bench.end_of_day()
    bench.frame(b"\x00", connection=1)
    bench.plant.begin(bench.second)
    assert bench.plant.day is bench.second
    bench.frame(b"\x00", connection=1)
    assert bench.first.kinds == [*["WANTED", "CONNECTED"] * 2, "FRAME"]
    assert bench.told_second() == [
        (1, "WANTED", 0, WISH), (2, "CONNECTED", 0, WISH),
        (3, "WANTED", 1, b'{"1": 1}'), (4, "CONNECTED", 1, b'{"1": 1}'),
        (5, "FRAME", 1, b"\x00"),
    ]  # fmt: skip


def test_a_connection_that_is_down_at_the_end_has_its_wish_in_the_new_day(bench: Bench) -> None:
    bench.open()
    bench.plant.on_state(0, ConnectionState.WAITING, "lost")
    bench.end_of_day(5)
    bench.plant.on_state(0, ConnectionState.OPEN, "open")
    bench.plant.begin(bench.second)
    kinds = [(frame.kind.name, frame.payload) for frame, _ in bench.second.applied]
    assert kinds == [("WANTED", WISH), ("CONNECTED", b"")], "its first snapshot must be awaited"


def test_until_the_new_day_begins_records_are_kept_in_the_old_and_held_for_the_new(
    bench: Bench,
) -> None:
    bench.open()
    bench.end_of_day()
    bench.frame(ticks(2))
    bench.plant.beat()
    bench.frame(b"\x00")
    bench.plant.on_frame(0, b'{"7": 3}', RecordKind.WANTED)
    bench.frame(ticks(1))
    assert (bench.told_due, bench.plant.is_due) == (1, True)
    assert bench.first.kinds[2:] == ["FRAME", "FRAME", "WANTED", "FRAME"]
    bench.plant.begin(bench.second)
    assert bench.told_second() == [
        (1, "WANTED", 0, WISH), (2, "CONNECTED", 0, WISH), (3, "FRAME", 0, ticks(2)),
        (4, "WANTED", 0, b'{"7": 3}'), (5, "FRAME", 0, ticks(1)),
    ]  # fmt: skip
    assert [0 if batch is None else len(batch) for _, batch in bench.second.applied] == [
        0, 0, 2, 0, 1,
    ]  # fmt: skip
    assert [frame.received_ts for frame in bench.first.journal.records[2:]] == [
        bench.first.ends_ts
    ] * 4
    assert (bench.plant.counts.ticks, bench.plant.is_due) == (3, False), "counted once"


def test_what_waits_for_a_new_day_is_told_from_its_first_tick_on(bench: Bench) -> None:
    bench.open()
    bench.end_of_day()
    bench.frame(b"\x00")
    bench.clock.seconds += 60
    assert bench.plant.held() == (0, 0.0), "heartbeats are in no hurry"
    bench.frame(ticks(1))
    bench.clock.seconds += 7
    bench.frame(ticks(1))
    assert bench.plant.held() == (2 * len(ticks(1)), 7.0)
    bench.plant.begin(bench.second)
    assert bench.plant.held() == (0, 0.0)


def test_a_stop_notes_every_open_connection_as_lost(bench: Bench) -> None:
    bench.open(0)
    bench.open(1)
    bench.plant.on_state(1, ConnectionState.WAITING, "lost")
    bench.plant.release()
    bench.plant.release()
    assert bench.first.kinds[-2:] == ["DISCONNECTED", "DISCONNECTED"]
    assert bench.first.applied[-1][0].payload == b"stopped"
    assert bench.first.applied[-1][0].connection == 0
    assert len(bench.first.applied) == 6
