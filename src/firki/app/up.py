"""``firki up``: the real thing, on one machine. Parts are built, joined, run and stopped here.

Stopping has one written order and a deadline: intake stops, what came in is drained, journal and
grid are flushed (open candles stay provisional, never final), the doors close, the tally is told.
"""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import date
from math import ceil
from pathlib import Path
from typing import Any, Final

import msgspec
from prometheus_client import CollectorRegistry

from firki.app.calendars import read_calendar
from firki.app.clock import SimulatedClock
from firki.app.folder import DataFolder
from firki.app.health import Health, tie_metrics
from firki.app.ingest import Ingest
from firki.app.kernels import warm
from firki.app.layers import BrokerPast, LayeredCandles
from firki.app.market import TICKS, Market, OpenDay
from firki.app.market_day import Book, Decode, MarketDay, Tell
from firki.app.master import sync
from firki.app.settle import Settler
from firki.app.skew import SkewWatch
from firki.app.texts import Texts
from firki.app.wishes import Wanted, resolve
from firki.bus.memory import MemoryBus
from firki.capture.journal import JournalSettings
from firki.capture.plant import Plant
from firki.capture.pool import Pool
from firki.config import Account, Settings
from firki.errors import ConfigError, FirkiError, Rejected
from firki.kite.rest import KiteRest
from firki.kite.stream import KiteFeed
from firki.kite.upkeep import Pace
from firki.live.grid import Rules
from firki.model.calendar import ist_date
from firki.model.session import Session, SessionClass
from firki.model.tick import Ticks
from firki.obs.metrics import create_metrics
from firki.ports import Clock, ConnectionState
from firki.serve.app import create_app
from firki.serve.credentials import Credentials
from firki.serve.host import listen, serve
from firki.serve.parts import ServeParts, ServeSettings
from firki.store.lake import Lake
from firki.timing import SystemClock, pause

log = logging.getLogger(__name__)

DEADLINE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Ready:
    """What whoever started firki is told once it can be used."""

    url: str
    link: str
    api_key: str
    data_folder: Path


def token_of(account: Account) -> Callable[[], str]:
    """Reads the account's access token from its file, anew at every call."""

    def read() -> str:
        try:
            return account.access_token_file.read_text().strip()
        except OSError as error:
            raise ConfigError(
                f"accounts.{account.name}.access_token_file {account.access_token_file}: cannot be "
                f"read ({error.strerror}); put the day's access token there"
            ) from error

    return read


def fold_rules(settings: Settings, speed: float = 1.0) -> Rules:
    """The settings that decide what a candle is.

    Market time waits for frames that are on their way, and their way takes as long however fast the
    market's clock runs: at 60 market seconds a second, 5 of them are 0.08 s.
    """
    return Rules(
        settings.live.final_exchange_seconds,
        max(settings.live.final_market_seconds, ceil(speed)),
        settings.capture.strict,
    )


class Up:
    """The running firki."""

    def __init__(self, settings: Settings) -> None:
        if not settings.accounts:
            raise ConfigError(
                "accounts: none is set; firki up needs one ([[accounts]] with name, api_key and "
                "access_token_file). `firki demo` needs none"
            )
        self._settings = settings
        self._account = settings.accounts[0]
        if len(settings.accounts) > 1:
            log.warning("only the first account is used name=%s", self._account.name)
        self._folder = DataFolder(settings.data.folder)
        self._stop = asyncio.Event()
        self._failure: FirkiError | None = None

    def stop(self) -> None:
        """Begin the orderly stop."""
        self._stop.set()

    def fail(self, error: FirkiError) -> None:
        """Stop because of an error, which ``run`` raises in the end."""
        if self._failure is None:
            self._failure = error
            log.error("stopping reason=%s", error)
        self._stop.set()

    async def run(self, ready: Callable[[Ready], None]) -> dict[str, Any]:
        """Run until stopped; answers the final statistics."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop)
        with self._folder.capturing():
            async with contextlib.AsyncExitStack() as stack:
                totals = await self._run(stack, ready)
        if self._failure is not None:
            raise self._failure
        return totals

    # -- building ------------------------------------------------------------------------------

    async def _run(
        self, stack: contextlib.AsyncExitStack, ready: Callable[[Ready], None]
    ) -> dict[str, Any]:
        settings = self._settings
        sock = listen(
            settings.serve.host, settings.serve.port, public_url=settings.serve.public_url
        )
        stack.callback(sock.close)
        self._clock = await stack.enter_async_context(market_clock(settings.clock.url))
        files, calendar = read_calendar(settings.calendar)
        token = token_of(self._account)
        rest = KiteRest(
            self._account.api_key.get_secret_value(),
            token,
            self._account.root,
            now=self._clock.now,
        )
        stack.push_async_callback(rest.close)
        today = ist_date(self._clock.now())
        csv = await sync(self._folder, rest, today)
        speed = self._clock.speed if isinstance(self._clock, SimulatedClock) else 1.0
        book = Book.of(csv, files, fold_rules(settings, speed), day=today)
        wanted = resolve(
            book.table, settings.capture.want, settings.universe.indices,
            mode=settings.capture.mode,
        )  # fmt: skip
        warm()
        bus = MemoryBus()
        feed = self._feed(token)
        market = Market(self._opener(book, feed.decode), bus, settings.live.intervals)
        day = market.begin(today)
        texts = Texts(bus)
        plant = Plant(
            day, clock=self._clock, decode=feed.decode, next_day=market.next_day,
            on_text=texts.take, on_state=_log_state,
        )  # fmt: skip
        pool = Pool(
            feed, plant, account=self._account.name,
            max_connections=self._account.max_connections,
            max_instruments=self._account.max_instruments,
        )  # fmt: skip
        market.watch(wanted.tokens)
        skew = SkewWatch(allowed_seconds=settings.capture.clock_skew_seconds, speed=speed)
        bus.subscribe(TICKS, self._watching(skew))
        health = Health(
            market, plant, self._clock, calendar, pools=[pool], skew=skew,
            texts=texts,
            unknown_wishes=wanted.unknown,
        )  # fmt: skip
        registry = CollectorRegistry()
        tie_metrics(create_metrics(registry), health, market, plant)
        lake = self._lake(market, calendar)
        settler = Settler(market, lake, self._folder, keep_days=settings.store.keep_journal_days)
        broker = BrokerPast(rest, self._session_of(market, calendar))
        credentials = self._credentials()
        parts = ServeParts(
            clock=self._clock, instruments=lambda: market.day.book.table,
            captured=lambda: wanted.tokens, candles=LayeredCandles(market, lake, broker, calendar),
            quotes=market.board, bus=bus, health=health.document, credentials=credentials,
            metrics=registry, marks=market.mark, settings=serve_settings(settings),
            clock_control=self._clock if isinstance(self._clock, SimulatedClock) else None,
            ingest=Ingest(plant, lambda: market.day.book.table, lambda: wanted.tokens).take,
        )  # fmt: skip
        app = create_app(parts)
        self._want(pool, wanted, health)
        ready(self._ready(sock.getsockname(), credentials))
        return await self._live(
            [pool.run(), _beat(plant, health)], [serve(app, sock), settler.run()], plant, market
        )

    async def _live(
        self, intake: list[Any], doors: list[Any], plant: Plant, market: Market
    ) -> dict[str, Any]:
        intake_tasks = [asyncio.create_task(part) for part in intake]
        door_tasks = [asyncio.create_task(part) for part in doors]
        for task in (*intake_tasks, *door_tasks):
            task.add_done_callback(self._ended)
        await self._stop.wait()
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                await _cancel(intake_tasks)
                plant.release()
                await market.day.close()
                await _cancel(door_tasks)
        except TimeoutError:
            log.warning(
                "stop cut short seconds=%g the journal is recovered at the next start",
                DEADLINE_SECONDS,
            )
        totals = {**market.totals(), **plant.report()}
        log.info("stopped %s", " ".join(f"{k}={v}" for k, v in totals.items()))
        return totals

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, FirkiError):
            self.fail(error)
        elif error is not None:
            log.error("a part broke down", exc_info=error)
            self.fail(FirkiError(f"a part of firki broke down: {type(error).__name__}: {error}"))

    # -- small parts ---------------------------------------------------------------------------

    def _opener(self, book: Book, decode: Decode) -> OpenDay:
        """Opens trading days with today's master; a day already begun keeps its own."""
        account, on_failure = self._account, self._on_disk_failure()

        def open_day(day: date, tell: Tell) -> MarketDay:
            return MarketDay.open(
                self._folder,
                day,
                book,
                decode=decode,
                capacity=account.max_connections * account.max_instruments,
                settings=self._journal_settings(),
                on_failure=on_failure,
                tell=tell,
            )

        return open_day

    def _feed(self, token: Callable[[], str]) -> KiteFeed:
        capture = self._settings.capture
        return KiteFeed(
            self._account.name,
            self._account.api_key.get_secret_value(),
            token,
            self._account.websocket,
            pace=Pace(
                silence=capture.silence_seconds,
                connect=capture.connect_timeout_seconds,
                longest_wait=capture.backoff_cap_seconds,
            ),
        )

    def _journal_settings(self) -> JournalSettings:
        journal = self._settings.journal
        return JournalSettings(
            segment_bytes=journal.segment_bytes,
            sync_seconds=journal.fsync_milliseconds / 1000,
            backlog_bytes=journal.backlog_bytes,
        )

    def _on_disk_failure(self) -> Callable[[FirkiError], None]:
        loop = asyncio.get_running_loop()

        def told(error: FirkiError) -> None:
            loop.call_soon_threadsafe(self.fail, error)

        return told

    def _watching(self, skew: SkewWatch) -> Callable[[Ticks], None]:
        def take(ticks: Ticks) -> None:
            try:
                skew.take(ticks)
            except ConfigError as error:
                self.fail(error)

        return take

    def _lake(self, market: Market, calendar: Any) -> Lake:
        return Lake(
            self._folder.lake,
            self._session_of(market, calendar),
            compression_level=self._settings.store.lake_compression_level,
        )

    def _session_of(self, market: Market, calendar: Any) -> Callable[[int, int], Session | None]:
        def session_of(token: int, midnight_ts: int) -> Session | None:
            instrument = market.day.book.table.by_token(token)
            name = SessionClass(instrument.session_class) if instrument else SessionClass.CASH
            found: Session | None = calendar.session(name, ist_date(midnight_ts))
            return found

        return session_of

    def _credentials(self) -> Credentials:
        serving = self._settings.serve
        return Credentials.open(
            self._folder.keys,
            session_hours=serving.session_hours,
            public_url=serving.public_url or None,
        )

    def _want(self, pool: Pool, wanted: Wanted, health: Health) -> None:
        if wanted.unknown:
            log.warning(
                "wishes unknown today count=%d first=%s", len(wanted.unknown), wanted.unknown[0]
            )
        try:
            pool.want(wanted.tokens)
        except Rejected as refused:
            log.warning("%s", refused)
            health.notes.append(str(refused))

    def _ready(self, address: Any, credentials: Credentials) -> Ready:
        host, port = address[0], address[1]
        url = self._settings.serve.public_url or f"http://{host}:{port}"
        running = msgspec.json.encode({"url": f"http://{host}:{port}", "pid": os.getpid()})
        self._folder.status.write_bytes(running)
        return Ready(url, credentials.link(url), credentials.keys.clear_text(), self._folder.root)


def serve_settings(settings: Settings) -> ServeSettings:
    serving = settings.serve
    return ServeSettings(
        public_url=serving.public_url or None,
        max_streams=serving.max_streams,
        max_subscriptions=serving.max_subscriptions,
        max_stream_keys=serving.max_stream_keys,
        max_pending=serving.max_pending,
        answer_cache_mb=serving.answer_cache_mb,
    )


@contextlib.asynccontextmanager
async def market_clock(url: str) -> AsyncIterator[Clock]:
    """Market time by ``clock.url``: the machine's clock, or a simulator's, read before use."""
    if not url:
        yield SystemClock()
        return
    clock = SimulatedClock(url)
    await clock.read()
    following = asyncio.create_task(clock.run())
    try:
        yield clock
    finally:
        await _cancel([following])
        await clock.close()


async def _beat(plant: Plant, health: Health) -> None:
    """Once a second of steady time: samples for the rates, and market time into the journal."""
    while True:
        health.sample()
        plant.beat()
        await pause(1.0)


async def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _log_state(connection: int, state: ConnectionState, reason: str) -> None:
    log.info("connection %s connection=%d reason=%s", state.name.lower(), connection, reason)
