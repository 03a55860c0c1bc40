"""The health document over a known feed: what each figure comes to, and the word for all of it."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from tests.fakes.small_day import DAY, FUTURE, INFY, KEYS, NIFTY, Said, at, book, packet

from firki.app.figures import figures
from firki.app.folder import DataFolder
from firki.app.health import Health
from firki.app.market import Market
from firki.app.market_day import Book, MarketDay, Tell, decode_kite
from firki.app.skew import SkewWatch
from firki.app.texts import Texts
from firki.bus.memory import MemoryBus
from firki.capture.journal import JournalSettings
from firki.capture.plant import Plant
from firki.model.ist import day_begins_ts
from firki.obs.metrics import Figures
from firki.ports import ConnectionState, RecordKind
from firki.timing import SECOND


@dataclass
class Clock:
    """Market time by hand."""

    now_ts: int = at("09:14")

    def now(self) -> int:
        return self.now_ts

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError


@dataclass
class Links:
    """What a pool of connections says of them."""

    connections: list[dict[str, Any]] = field(default_factory=list)

    def report(self) -> dict[str, Any]:
        return {"connections": self.connections}


class Program:
    """A firki without sockets, on a data folder that may hold a day already."""

    def __init__(self, folder: Path, *, time: str = "09:14") -> None:
        self.folder = DataFolder(folder)
        self.clock = Clock(at(time))
        self.links = Links([link(0)])
        self.bus = MemoryBus()
        self.market = Market(self._open, self.bus)
        day = self.market.begin(DAY, book())
        for _ in day.catch_up():
            pass
        self.market.watch(KEYS)
        self.plant = Plant(
            day, clock=self.clock, decode=decode_kite, on_due=_nothing, on_text=_nothing,
            on_state=_nothing,
        )  # fmt: skip
        self.skew = SkewWatch()
        self.notes: list[str] = []
        self.refused_ticks: dict[str, int] = {}
        self.health = Health(
            self.market, self.plant, self.clock, book().calendar, pools=[self.links],
            skew=self.skew, texts=Texts(self.bus), unknown_wishes=list, notes=lambda: self.notes,
            refused_ticks=self.refused_ticks,
        )  # fmt: skip

    def _open(self, day: date, of: Book, tell: Tell) -> MarketDay:
        return MarketDay.open(
            self.folder, day, of, capacity=10, settings=JournalSettings(), on_failure=_fail,
            tell=tell, ends_ts=day_begins_ts(day + timedelta(days=1), time(8, 30)),
        )  # fmt: skip

    def connect(self) -> Self:
        wish = msgspec.json.encode({str(token): 3 for token in KEYS})
        self.plant.on_frame(0, wish, RecordKind.WANTED)
        self.plant.on_state(0, ConnectionState.OPEN, "open")
        return self

    def take(self, said: Iterable[Said]) -> Self:
        """Each in a frame of its own, at its own time."""
        for one in said:
            self.clock.now_ts = at(one.time)
            self.plant.on_frame(0, packet(one), RecordKind.FRAME)
        return self

    def pass_to(self, time: str, day: date = DAY) -> None:
        """Market time goes on with nothing but a heartbeat."""
        self.clock.now_ts = at(time, day)
        self.plant.on_frame(0, b"\x00", RecordKind.FRAME)

    def document(self) -> dict[str, Any]:
        return self.health.document()

    def samples(self) -> dict[str, float]:
        """What a scrape of /metrics shows, by name and label."""
        registry = CollectorRegistry()
        registry.register(Figures(lambda: figures(self.document())))
        return {
            sample.name + "".join(f"{{{value}}}" for value in sample.labels.values()): sample.value
            for family in registry.collect()
            for sample in family.samples
        }


def link(number: int, **changes: Any) -> dict[str, Any]:
    """What an open connection that was just heard says of itself."""
    said = {"connection": number, "state": "open", "age_seconds": 0.4, "replaced": 0}
    return {**said, **changes}


def _nothing(*_told: object) -> None:
    """Nobody needs to know."""


def _fail(error: Exception) -> None:
    raise error


MORNING = (
    *(Said(token, "09:14:30", 1500.0, 0) for token in KEYS),
    Said(INFY, "09:15:02", 1501.0, 100), Said(NIFTY, "09:15:02", 25_900.0, 0),
    Said(INFY, "09:15:40", 1502.0, 150), Said(FUTURE, "09:15:41", 25_950.0, 75, 1000),
    Said(INFY, "09:16:10", 1503.0, 180), Said(INFY, "09:16:11", 1503.5, 180),
)  # fmt: skip
"""Cached snapshots of all four, then trades: three instruments at 09:15, one of them at 09:16."""


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[Program]:
    started = Program(tmp_path)
    yield started
    await started.market.close()


async def test_the_age_of_the_newest_tick_is_in_market_time_and_heartbeats_do_not_count(
    program: Program,
) -> None:
    program.connect().pass_to("09:14:20")
    found = program.document()
    assert (found["tick_age_seconds"], found["last_tick_time"]) == (None, None)
    assert found["has_recent_data"] is False
    program.take(MORNING).pass_to("09:21:11")
    found = program.document()
    assert (found["tick_age_seconds"], found["has_recent_data"]) == (300.0, True)
    assert found["last_tick_time"] == "2026-11-18T09:16:11+05:30"
    program.pass_to("09:21:12")
    found = program.document()
    assert (found["tick_age_seconds"], found["has_recent_data"]) == (301.0, False)
    assert found["data_age_seconds"] == 0.4


async def test_the_age_of_the_newest_tick_survives_a_restart(tmp_path: Path) -> None:
    first = Program(tmp_path).connect().take(MORNING)
    await first.market.close()
    second = Program(tmp_path, time="09:20:11")
    found = second.document()
    await second.market.close()
    assert found["last_tick_time"] == "2026-11-18T09:16:11+05:30"
    assert (found["tick_age_seconds"], found["has_recent_data"]) == (240.0, True)


async def test_every_sample_of_a_scrape_is_the_documents_number(program: Program) -> None:
    program.links.connections = [link(0, replaced=2), link(1, age_seconds=0.1)]
    program.skew.lag_seconds = 0.75
    program.refused_ticks["no_time"] = 2
    program.bus.subscribe(("broken",), _fail)
    program.bus.publish(("broken",), ValueError())
    program.connect().take(MORNING).take([Said(INFY, "09:16:12", 0.0, 190)])
    program.plant.on_frame(0, b"\x00\x05", RecordKind.FRAME)
    program.pass_to("09:16:30")
    samples, d = program.samples(), program.document()
    changing = {"memory_bytes", "uptime_seconds", "journal_acknowledged_record",
                "journal_backlog_bytes", "journal_fsync_seconds"}  # fmt: skip
    assert changing <= samples.keys()
    assert {name: value for name, value in samples.items() if name not in changing} == {
        "frames_received_total": 13, "received_bytes_total": d["feed"]["received_bytes"],
        "ticks_decoded_total": 11, "frames_corrupt_total": 1, "packets_skipped_total": 0,
        "connections_replaced_total{0}": 2, "connections_replaced_total{1}": 0,
        "connection_age_seconds{0}": 0.4, "connection_age_seconds{1}": 0.1,
        "data_age_seconds": 0.1, "tick_age_seconds": 18.0,
        "last_tick_timestamp_seconds": at("09:16:12") / SECOND, "exchange_lag_seconds": 0.75,
        "journal_newest_record": 15, "journal_append_waited_seconds_total": 0,
        "ticks_folded_total": 11, "ticks_refused_total{no_price}": 1, "trades_total": 5,
        "posted_ticks_refused_total{no_time}": 2, "registered_symbols": 4,
        "candles_created_total": 4, "candles_completed_total": 3, "candles_amended_total": 0,
        "instruments": 4, "instruments_with_ticks": 4, "bus_handler_failures_total": 1,
        "start_timestamp_seconds": at("09:14") / SECOND,
    }  # fmt: skip


async def test_a_connection_that_never_heard_a_frame_has_no_age(program: Program) -> None:
    program.links.connections = [link(0, age_seconds=None), link(1)]
    samples = program.samples()
    assert "connection_age_seconds{0}" not in samples
    assert samples["connection_age_seconds{1}"] == 0.4
