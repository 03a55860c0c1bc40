"""``firki replay``: a recorded day served again as it was, at any speed, paused or stepped.

Market time is the ``received_ts`` of the record being read. Records go through the same fold into
a grid of its own in a temporary folder: the recorded day is not touched.
"""

import asyncio
import contextlib
import logging
import signal
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec
from prometheus_client import CollectorRegistry

from firki.app.doors import serve_settings, session_finder
from firki.app.figures import figures
from firki.app.folder import DataFolder
from firki.app.health import Health
from firki.app.kernels import warm
from firki.app.layers import LayeredCandles, NoBroker
from firki.app.market import Market, OpenDay
from firki.app.market_day import Book, MarketDay, Tell, decode_ticks, open_grid, read_book
from firki.app.skew import SkewWatch
from firki.app.texts import Texts
from firki.app.up import Ready
from firki.bus.memory import MemoryBus
from firki.capture.journal_reader import JournalReader
from firki.capture.plant import Counts
from firki.config import Settings
from firki.errors import ConfigError, Rejected
from firki.kite import wire
from firki.model.calendar import ist_text
from firki.model.tick import SECOND, TickBatch
from firki.obs.metrics import Figures
from firki.ports import Frame, Mode, RecordKind
from firki.serve.app import create_app
from firki.serve.credentials import Credentials
from firki.serve.host import serve
from firki.serve.listening import listen
from firki.serve.parts import ServeParts, Source
from firki.store.lake import Lake
from firki.timing import pause, steady

log = logging.getLogger(__name__)

_AT_ONCE: Final = 2_000
"""Records applied before others get a turn."""
_BEHIND_SECONDS: Final = 0.01


class ReplayClock:
    """Market time of a replay, and its levers: speed, pause, and play up to a moment."""

    def __init__(self, *, speed: float, running: bool) -> None:
        self._speed = speed
        self._running = running
        self._now_ts = 0
        self._ended = False
        self._target_ts = 0
        self._anchor = (steady(), 0)
        self.changed = asyncio.Event()
        self._reached = asyncio.Event()

    @property
    def speed(self) -> float:
        return self._speed

    @property
    def running(self) -> bool:
        return self._running

    def now(self) -> int:
        """The newest record's ``received_ts``, or the moment played up to."""
        return self._now_ts

    async def sleep(self, seconds: float) -> None:
        until = self._now_ts + int(seconds * SECOND)
        while self._now_ts < until:
            await pause(_BEHIND_SECONDS)

    def reach(self, ts: int) -> None:
        """A record of that time was applied."""
        self._now_ts = max(self._now_ts, ts)
        if self._anchor[1] == 0:
            self._anchor = (steady(), ts)
        if self._target_ts and self._now_ts >= self._target_ts:
            self._finish_step()

    def wait_for(self, ts: int) -> float | None:
        """Seconds until a record of that time is due; None while it is not to be played."""
        if ts <= self._target_ts or self._anchor[1] == 0:
            return 0.0
        if self._target_ts:  # nothing lies before it any more
            self.reach(self._target_ts)
        if not self._running:
            return None
        began, at_ts = self._anchor
        return max(0.0, began + (ts - at_ts) / SECOND / self._speed - steady())

    async def change(
        self,
        *,
        speed: float | None = None,
        running: bool | None = None,
        to_ts: int | None = None,
    ) -> None:
        """Change speed, pause or run; ``to_ts`` plays up to that moment as fast as it can.

        A pause ends the step that is being played, and so does a newer step or a cancel.
        """
        if to_ts is not None and to_ts < self._now_ts:
            raise Rejected(
                f"replay: {ist_text(to_ts)} is past ({ist_text(self._now_ts)}); start it again "
                "with --from to go back"
            )
        if speed is not None and speed <= 0:
            raise Rejected(f"replay: a speed is above 0, found {speed}; pause stops it")
        self._speed = speed if speed is not None else self._speed
        self._running = running if running is not None else self._running
        self._anchor = (steady(), self._now_ts)
        if to_ts is not None or running is False:
            self._finish_step()
        self._stir()
        if to_ts is not None and not self._ended:
            await self._step(to_ts)

    def end(self) -> None:
        """There are no more records: nobody waits for one."""
        self._ended = True
        self._finish_step()

    async def _step(self, to_ts: int) -> None:
        reached = asyncio.Event()
        self._target_ts, self._reached = to_ts, reached
        self._stir()
        try:
            await reached.wait()
        finally:
            if not reached.is_set():  # nobody waits for it any more
                self._finish_step()

    def _finish_step(self) -> None:
        self._target_ts = 0
        self._anchor = (steady(), self._now_ts)
        self._reached.set()

    def _stir(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


@dataclass(slots=True)
class PastJournal:
    """What a ``MarketDay`` asks of its journal, of a day that is read again: a number that moves on
    with the reading. It takes no records and gives none."""

    newest: int = 0

    @property
    def acknowledged(self) -> int:
        return self.newest

    def report(self) -> dict[str, Any]:
        return {
            "newest": self.newest, "acknowledged": self.newest, "backlog_bytes": 0,
            "fsync_milliseconds": 0.0, "append_waited_seconds": 0.0, "failure": None,
        }  # fmt: skip

    async def close(self) -> None:
        """Nothing is open."""


class Replay:
    """A recorded day with its page, API and stream."""

    def __init__(
        self, settings: Settings, day: date, *, speed: float, paused: bool, from_ts: int | None
    ) -> None:
        self._settings = settings
        self._folder = DataFolder(settings.data.folder)
        self._day = day
        self._path = self._folder.journal(day)
        if not (self._path / "header.json").exists():
            kept = ", ".join(d.isoformat() for d in self._folder.days()[-5:]) or "none"
            raise ConfigError(f"replay: no journal of {day} in {self._folder.root}; newest: {kept}")
        self._clock = ReplayClock(speed=speed, running=not paused)
        self._from_ts = from_ts
        self._stop = asyncio.Event()
        self.counts = Counts()
        self._journal = PastJournal()
        self._wanted: dict[int, Mode] = {}

    def report(self) -> dict[str, Any]:
        """As the plant's."""
        return {**self.counts.report(), "newest_frame_ts": self._clock.now() or None}

    async def run(self, ready: Callable[[Ready], None]) -> None:
        """Serve until stopped; the last record leaves the day standing."""
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        with contextlib.ExitStack() as stack:
            serving = self._settings.serve
            sock = stack.enter_context(listen(serving.host, serving.port))
            warm()
            book = read_book(self._path)
            temporary = stack.enter_context(tempfile.TemporaryDirectory(prefix="firki-replay-"))
            market = Market(
                self._opener(Path(temporary)), MemoryBus(), self._settings.live.intervals
            )
            market.begin(self._day, book)
            health = self._health(market, book)
            credentials = Credentials.open(Path(temporary) / "keys")
            app = create_app(self._parts(market, book, health, credentials))
            host, port = sock.getsockname()[:2]
            url = f"http://{host}:{port}"
            ready(
                Ready(url, credentials.link(url), credentials.keys.clear_text(), self._folder.root)
            )
            tasks = [
                asyncio.create_task(part)
                for part in (self._play(market), serve(app, sock), _sample(health), self._stopped())
            ]
            done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)
            for task in done:
                task.result()

    # -- inside --------------------------------------------------------------------------------

    async def _stopped(self) -> None:
        await self._stop.wait()

    async def _play(self, market: Market) -> None:
        if self._from_ts is not None:
            stepping = asyncio.create_task(self._clock.change(to_ts=self._from_ts))
            stepping.add_done_callback(lambda task: task.cancelled() or task.exception())
        reader = JournalReader(self._path, 1)
        count = 0
        while frames := await asyncio.to_thread(reader.read):
            for frame in frames:
                await self._due(frame)
                self._apply(market, frame)
                count += 1
                if count % _AT_ONCE == 0:
                    await pause(0)
        self._clock.end()
        log.info("replay reached the end records=%d", count)
        await self._stop.wait()

    async def _due(self, frame: Frame) -> None:
        while (wait := self._clock.wait_for(frame.received_ts)) is None or wait > _BEHIND_SECONDS:
            changed = self._clock.changed
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await changed.wait()

    def _apply(self, market: Market, frame: Frame) -> None:
        self._clock.reach(frame.received_ts)
        self._journal.newest = frame.seq
        if frame.kind is RecordKind.WANTED:
            self._want(market, frame)
        batch = decode_ticks(frame, _decode)
        self._count(frame, batch)
        market.day.apply(frame, batch)

    def _count(self, frame: Frame, batch: TickBatch | None) -> None:
        """As the plant counts what comes in."""
        if frame.kind not in {RecordKind.FRAME, RecordKind.TEXT}:
            return
        counts = self.counts
        counts.frames += 1
        counts.bytes += len(frame.payload)
        counts.texts += frame.kind is RecordKind.TEXT
        if batch is not None:
            counts.ticks += len(batch)
            counts.skipped += batch.skipped
        elif frame.kind is RecordKind.FRAME and len(frame.payload) > 1:
            counts.corrupt += 1

    def _want(self, market: Market, frame: Frame) -> None:
        wish: dict[int, Mode] = msgspec.json.decode(frame.payload, type=dict[int, Mode])
        self._wanted |= wish
        market.watch(wish)

    def _opener(self, folder: Path) -> OpenDay:
        def open_day(day: date, book: Book, tell: Tell) -> MarketDay:
            grid = open_grid(folder, day, book, capacity=len(book.table))
            grid.recover(0)
            return MarketDay(day, book, self._journal, grid, tell)

        return open_day

    def _health(self, market: Market, book: Book) -> Health:
        return Health(
            market,
            self,
            self._clock,
            book.calendar,
            pools=[],
            skew=SkewWatch(),
            texts=Texts(market.bus),
            unknown_wishes=list,
            notes=list,
            refused_ticks={},
        )

    def _parts(
        self, market: Market, book: Book, health: Health, credentials: Credentials
    ) -> ServeParts:
        registry = CollectorRegistry()
        registry.register(Figures(lambda: figures(health.document())))
        lake = Lake(self._folder.lake, session_finder(market, book.calendar))
        return ServeParts(
            clock=self._clock, instruments=lambda: book.table, captured=lambda: self._wanted,
            candles=LayeredCandles(market, lake, NoBroker(), book.calendar),
            quotes=market.board, bus=market.bus, health=health.document, health_word=health.word,
            credentials=credentials, metrics=registry, marks=market.mark,
            gaps=market.gaps, clock_control=self._clock, source=Source.REPLAY,
            settings=serve_settings(self._settings),
        )  # fmt: skip


async def _sample(health: Health) -> None:
    while True:
        health.sample()
        await pause(1.0)


def _decode(frame: Frame) -> TickBatch:
    return wire.decode(
        frame.payload, seq=frame.seq, received_ts=frame.received_ts, connection=frame.connection,
        strict=False,
    )  # fmt: skip
