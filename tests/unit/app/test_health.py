"""The health document over a known feed: what each figure comes to, and the word for all of it."""

import errno
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any, Final, Self

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from tests.fakes.disk import FaultyDisk
from tests.fakes.small_day import (
    DAY,
    FUTURE,
    INFY,
    KEYS,
    NEXT_DAY,
    NIFTY,
    Said,
    at,
    book,
    packet,
)

from firki.app.figures import figures
from firki.app.folder import DataFolder
from firki.app.health import Health
from firki.app.market import Market
from firki.app.market_day import Book, MarketDay, Tell, decode_kite, open_grid
from firki.app.skew import SkewWatch
from firki.app.texts import Texts
from firki.bus.memory import MemoryBus
from firki.capture.journal import JournalSettings, open_journal
from firki.capture.journal_day import create
from firki.capture.journal_disk import DiskError
from firki.capture.plant import Plant
from firki.capture.pool import Pool
from firki.cli.status import describe
from firki.kite.stream import KiteFeed
from firki.model.ist import day_begins_ts
from firki.model.session import SessionClass
from firki.obs.metrics import Figures
from firki.ports import ConnectionState, Mode, RecordKind, Reports
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

    def __init__(
        self, folder: Path, *, time: str = "09:14", disk: FaultyDisk | None = None
    ) -> None:
        self.folder = DataFolder(folder)
        self.disk = disk
        self.clock = Clock(at(time))
        self.seconds = 0.0
        """Steady time."""
        self.links = Links([link(0)])
        self.pools: list[Reports] = [self.links]
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
        self.health = self.new_health()

    def new_health(self) -> Health:
        return Health(
            self.market, self.plant, self.clock, book().calendar, pools=self.pools,
            skew=self.skew, texts=Texts(self.bus), unknown_wishes=list, notes=lambda: self.notes,
            refused_ticks=self.refused_ticks, now=lambda: self.seconds,
        )  # fmt: skip

    def _open(self, day: date, of: Book, tell: Tell) -> MarketDay:
        if self.disk is not None:
            path = self.folder.journal(day)
            create(path, of.header(day), of.attachments(), disk=FaultyDisk())
            grid = open_grid(self.folder.grid(day), day, of, capacity=10)
            journal = open_journal(path, disk=self.disk)
            return MarketDay(day, of, journal, grid, tell, writing=journal)
        return MarketDay.open(
            self.folder, day, of, capacity=10, settings=JournalSettings(), on_failure=_fail,
            tell=tell, ends_ts=day_begins_ts(day + timedelta(days=1), time(8, 30)),
        )  # fmt: skip

    def connect(self) -> Self:
        wish = msgspec.json.encode({str(token): 3 for token in KEYS})
        self.plant.on_frame(0, wish, RecordKind.WANTED)
        self.plant.on_state(0, ConnectionState.OPEN, "open")
        return self

    def take(self, said: Iterable[Said], day: date = DAY) -> Self:
        """Each in a frame of its own, at its own time."""
        for one in said:
            self.clock.now_ts = at(one.time, day)
            self.plant.on_frame(0, packet(one, day), RecordKind.FRAME)
        return self

    def pass_to(self, time: str, day: date = DAY) -> Self:
        """Market time goes on with nothing but a heartbeat."""
        self.clock.now_ts = at(time, day)
        self.plant.on_frame(0, b"\x00", RecordKind.FRAME)
        return self

    def reconnect(self) -> Self:
        self.plant.on_state(0, ConnectionState.WAITING, "lost")
        self.plant.on_state(0, ConnectionState.OPEN, "open")
        return self

    def turn(self) -> Self:
        """The next trading day, due by now, begins."""
        self.plant.begin(self.market.turn(NEXT_DAY, book(), KEYS))
        return self

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


THE_PRE_OPEN: Final = {"minutes": 1, "instruments": 1}
"""What a start at 09:14 missed: the index was shown a value, so it had one before."""


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


async def test_every_figure_of_a_known_morning_has_its_value(program: Program) -> None:
    program.connect().take(MORNING)
    program.take([Said(INFY, "09:16:12", 0.0, 190), Said(INFY, "09:15:50", 1500.5, 160)])
    program.refused_ticks["no_time"] = 2
    program.skew.lag_seconds = 0.75
    program.seconds = 12.34
    program.pass_to("09:16:30")
    found = program.document()
    journal, feed = found.pop("journal"), found.pop("feed")
    assert journal["newest"] == 15
    assert (feed["frames"], feed["ticks"], feed["clock_steps_back"]) == (13, 12, 1)
    assert feed["received_bytes"] == 11 * 188 + 36 + 36 + 1 - 188
    assert found.pop("memory_mb") > 10
    assert found == {
        "status": "ok", "as_of": "2026-11-18T09:16:30+05:30",
        "market": {"phase": "continuous", "trading_date": "2026-11-18"},
        "phases": dict.fromkeys(map(str, SessionClass), "continuous"),
        "connections": [link(0)], "ticks_per_second": 0.0, "data_age_seconds": 0.4,
        "tick_age_seconds": 18.0, "has_recent_data": True, "exchange_lag_seconds": 0.75,
        "registered_symbols": 4, "instrument_count": 4, "instruments_with_ticks": 4,
        "ticks_processed": 12, "trades": 5, "candles_created": 4, "candles_completed": 3,
        "amendments": 1, "refused": {"no_price": 1}, "outside_session": 0, "late": 1,
        "depth_only": 1, "gaps": THE_PRE_OPEN,
        "posted_refused": {"no_time": 2}, "unknown_wishes": [], "notes": [],
        "broker": {"messages": [], "corrupt_texts": 0}, "handler_failures": 0,
        "intervals": ["1m", "2m", "3m", "4m", "5m", "10m", "15m", "30m", "60m", "day"],
        "active_candles_count": {
            "1m": 1, "2m": 3, "3m": 3, "4m": 3, "5m": 3, "10m": 3, "15m": 3, "30m": 3, "60m": 3,
        },
        "last_tick_time": "2026-11-18T09:16:12+05:30", "start_time": "2026-11-18T09:14:00+05:30",
        "uptime_seconds": 12.3,
    }  # fmt: skip


async def test_ticks_a_second_are_those_of_the_last_five_seconds(program: Program) -> None:
    assert program.document()["ticks_per_second"] == 0
    program.connect()
    for second in range(8):
        program.seconds = float(second)
        if second >= 6:
            program.take([Said(INFY, "09:20", 1500.0 + n, 0) for n in range(10)])
        program.health.sample()
    assert program.document()["ticks_per_second"] == 4.0


async def test_forming_bars_are_counted_as_their_intervals_end(program: Program) -> None:
    program.connect().take(MORNING).pass_to("09:17:05")
    counts = program.document()["active_candles_count"]
    assert (counts["1m"], counts["2m"], counts["3m"], counts["60m"]) == (0, 0, 3, 3)
    program.pass_to("09:18:04")
    assert program.document()["active_candles_count"]["3m"] == 3
    program.pass_to("09:18:05")
    counts = program.document()["active_candles_count"]
    assert (counts["3m"], counts["4m"], counts["5m"]) == (0, 3, 3)


async def test_what_a_reconnect_missed_is_told_as_gaps(program: Program) -> None:
    program.connect().take(MORNING).reconnect()
    program.take([Said(INFY, "09:18:10", 1510.0, 500), Said(FUTURE, "09:18:10", 25_960.0, 75)])
    assert program.document()["gaps"] == {"minutes": 1 + 3, "instruments": 2}
    program.reconnect().take([Said(FUTURE, "09:19:00", 25_961.0, 150)])
    assert program.document()["gaps"] == {"minutes": 1 + 3 + 5, "instruments": 3}


OF_THE_PROCESS: Final = {
    "as_of", "journal", "feed", "uptime_seconds", "memory_mb", "start_time", "tick_age_seconds",
    "posted_refused",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("killed", [True, False])
async def test_todays_figures_are_the_same_after_a_restart(tmp_path: Path, killed: bool) -> None:
    first = Program(tmp_path).connect().take(MORNING).reconnect()
    first.take([Said(INFY, "09:18:10", 1510.0, 500), Said(INFY, "09:18:11", 1511.0, 510)])
    first.pass_to("09:18:20")
    before = first.document()
    await (first.market.day.journal.close() if killed else first.market.close())
    second = Program(tmp_path, time="09:20:11")
    after = second.document()
    assert (before["candles_created"], before["candles_completed"]) == (5, 4)
    assert {k: after[k] for k in after.keys() - OF_THE_PROCESS} == {
        k: before[k] for k in before.keys() - OF_THE_PROCESS
    }
    assert (after["tick_age_seconds"], after["has_recent_data"]) == (120.0, True)
    assert after["feed"]["ticks"] == 0
    second.connect().take([Said(INFY, "09:20:12", 1512.0, 520)]).pass_to("09:21:05")
    assert second.document()["candles_completed"] == 5
    await second.market.close()


async def test_a_new_trading_day_counts_from_nothing(program: Program) -> None:
    program.connect().take(MORNING).reconnect()
    program.take([Said(INFY, "09:18:10", 1510.0, 500)]).pass_to("15:41")
    old = program.document()
    assert (old["candles_created"], old["candles_completed"]) == (4, 4)
    program.pass_to("08:30", NEXT_DAY).turn()
    found = program.document()
    assert found["market"] == {"phase": "closed", "trading_date": "2026-11-19"}
    nothing = {
        "ticks_processed": 0, "trades": 0, "candles_created": 0, "candles_completed": 0,
        "amendments": 0, "refused": {}, "outside_session": 0, "late": 0, "depth_only": 0,
        "gaps": {"minutes": 0, "instruments": 0}, "instruments_with_ticks": 0,
        "tick_age_seconds": None, "last_tick_time": None, "has_recent_data": False,
    }  # fmt: skip
    assert {name: found[name] for name in nothing} == nothing
    assert set(found["active_candles_count"].values()) == {0}
    assert found["feed"]["ticks"] == old["feed"]["ticks"], "the process goes on"
    program.take([Said(INFY, "09:15:05", 1490.0, 10)], NEXT_DAY).pass_to("09:16:05", NEXT_DAY)
    found = program.document()
    assert (found["candles_created"], found["candles_completed"]) == (1, 1)


# -- the word --------------------------------------------------------------------------------------


def words(program: Program) -> set[str]:
    """The status as the document says it and as a stranger is told; one, then."""
    return {program.document()["status"], program.health.word()}


@pytest.mark.parametrize(
    ("time", "age", "word"),
    [
        ("10:00", 5.0, "ok"), ("10:00", 5.1, "degraded"), ("10:00", None, "degraded"),
        ("09:05", 5.1, "degraded"), ("15:45", 5.1, "ok"), ("08:00", None, "ok"),
    ],
)  # fmt: skip
async def test_data_older_than_five_seconds_degrades_while_there_is_trading(
    program: Program, time: str, age: float | None, word: str
) -> None:
    program.clock.now_ts = at(time)
    program.links.connections = [link(0, age_seconds=age)]
    assert words(program) == {word}


async def test_one_connection_that_hears_is_enough_but_all_must_be_open(program: Program) -> None:
    program.clock.now_ts = at("10:00")
    program.links.connections = [link(0, age_seconds=90.0), link(1)]
    assert words(program) == {"ok"}
    for state in ("connecting", "waiting", "refused", "closed"):
        program.links.connections = [link(0), link(1, state=state)]
        assert words(program) == {"degraded"}


async def test_a_note_degrades_and_a_program_without_connections_does_not(
    program: Program,
) -> None:
    program.clock.now_ts = at("10:00")
    program.links.connections = []
    assert words(program) == {"ok"}
    program.notes.append("look at this")
    assert words(program) == {"degraded"}
    program.notes.clear()
    program.skew.lag_seconds = -3.0
    assert words(program) == {"degraded"}


async def test_a_replay_began_when_its_recorded_day_did(program: Program) -> None:
    """Its clock stands at 0 until the first record."""
    program.clock.now_ts = 0
    health = program.new_health()
    program.clock.now_ts = at("09:14")
    health.sample()
    program.clock.now_ts = at("09:20")
    assert health.document()["start_time"] == "2026-11-18T09:14:00+05:30"


async def test_a_journal_that_cannot_be_written_is_critical(tmp_path: Path) -> None:
    program = Program(tmp_path, disk=FaultyDisk({("sync", 2): errno.ENOSPC})).connect()
    journal = program.market.day.journal
    with pytest.raises(DiskError):
        await journal.close()
    program.links.connections = []
    assert words(program) == {"critical"}
    assert program.document()["journal"]["failure"]
    assert "journal failure" in describe(program.document())


# -- the page --------------------------------------------------------------------------------------

PAGE: Final = (Path(__file__).parents[3] / "docs/health.md").read_text()
OPEN_NAMES: Final = {"phases", "refused", "posted_refused", "active_candles_count"}
"""Fields whose own names are reasons or intervals."""


def names(document: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """Every field with the fields it lies in."""
    for name, value in document.items():
        full = before + name
        if isinstance(value, dict) and full not in OPEN_NAMES:
            yield from names(value, f"{full}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield from names(value[0], f"{full}[].")
        else:
            yield full


def never_run(program: Program) -> Pool:
    """A pool as the program has it, of one connection that was never opened."""
    pool = Pool(KiteFeed("main", "key", lambda: "token"), program.plant, account="main")
    pool.want({INFY: Mode.FULL})
    return pool


async def test_the_page_names_every_field_and_no_other(program: Program) -> None:
    program.pools[:] = [never_run(program)]
    assert words(program) == {"degraded"}, "its connection is closed"
    rows = re.findall(r"^\| `([a-z_.\[\]]+)` \|", PAGE, re.MULTILINE)
    said = ["ok", "degraded", "critical"]
    assert [row for row in rows if row in said] == said
    assert sorted(row for row in rows if row not in said) == sorted(names(program.document()))


async def test_firki_status_uses_the_words_of_the_page(program: Program) -> None:
    program.pools[:] = [never_run(program)]
    program.refused_ticks["no_time"] = 1
    program.notes.append("look at this")
    program.connect().take([Said(INFY, "09:16:12", 0.0, 190)])
    labels = [line.split("  ")[0] for line in describe(program.document()).splitlines()]
    assert {"uptime", "tick age", "posted refused", "refused", "connection 0"} <= set(labels)
    for label in labels:
        word = label.removesuffix(" 0").replace(" ", "_").replace("journal_", "journal.")
        assert re.search(rf"^\| `{re.escape(word)}", PAGE, re.MULTILINE), label


# -- the figures -----------------------------------------------------------------------------------


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
