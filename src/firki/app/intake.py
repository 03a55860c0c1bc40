"""What brings the market in: clock, instrument master, day, plant and connections.

It is up before anything that serves or stores is imported, so that a restart misses little.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import date
from math import ceil

from firki.app.calendars import read_calendar
from firki.app.clock import SimulatedClock, market_clock
from firki.app.folder import DataFolder
from firki.app.kernels import warm
from firki.app.market import TICKS, Market, OpenDay
from firki.app.market_day import Book, Decode, MarketDay, Tell
from firki.app.master import sync
from firki.app.skew import SkewWatch
from firki.app.texts import Texts
from firki.app.wishes import Wanted, resolve
from firki.bus.memory import MemoryBus
from firki.capture.journal import JournalSettings
from firki.capture.plant import Plant
from firki.capture.pool import Pool
from firki.config import Account, Settings
from firki.errors import AuthExpired, ConfigError, FirkiError, Rejected
from firki.kite.rest import KiteRest
from firki.kite.stream import KiteFeed
from firki.kite.upkeep import Pace
from firki.live.grid import Rules
from firki.model.calendar import Calendar, ist_date
from firki.model.tick import SECOND, Column, Ticks
from firki.ports import Clock, ConnectionState
from firki.timing import pause

log = logging.getLogger(__name__)

_BEAT_SECONDS = 1.0
_LONGEST_GRACE = 120
"""Seconds; a checkpoint has room for so many open minutes of a few classes."""

Fail = Callable[[FirkiError], None]
"""Whom a part tells that firki must stop."""


def token_of(account: Account) -> Callable[[], str]:
    """Reads the account's access token from its file, anew at every call.

    A file that is not there is a login that has not been made yet.
    """

    def read() -> str:
        try:
            return account.access_token_file.read_text().strip()
        except OSError as error:
            raise AuthExpired(
                f"accounts.{account.name}.access_token_file: cannot read "
                f"{account.access_token_file} ({error.strerror}); put the day's access token there"
            ) from error

    return read


def fold_rules(settings: Settings, speed: float = 1.0) -> Rules:
    """The settings that decide what a candle is.

    Market time waits for frames that are on their way, and their way takes as long however fast the
    market's clock runs: at 60 market seconds a second, 5 of them are 0.08 s.
    """
    return Rules(
        settings.live.final_exchange_seconds,
        max(settings.live.final_market_seconds, min(ceil(speed), _LONGEST_GRACE)),
        settings.capture.strict,
    )


@dataclass(slots=True, kw_only=True)
class Intake:
    """The running intake; ``run`` keeps it going, ``close`` is its orderly end."""

    clock: Clock
    calendar: Calendar
    rest: KiteRest
    bus: MemoryBus
    market: Market
    plant: Plant
    pool: Pool
    skew: SkewWatch
    texts: Texts
    wanted: Wanted
    opened: asyncio.Event
    """Set once a connection has opened."""
    notes: list[str] = field(default_factory=list)

    @classmethod
    async def open(
        cls,
        settings: Settings,
        account: Account,
        folder: DataFolder,
        stack: AsyncExitStack,
        fail: Fail,
    ) -> "Intake":
        """Recover the day and say what is wanted; connections open in ``run``.

        ``stack`` is given what must be closed after everything else.
        """
        clock = await stack.enter_async_context(market_clock(settings.clock.url))
        files, calendar = read_calendar(settings.calendar)
        token = token_of(account)
        rest = KiteRest(account.api_key.get_secret_value(), token, account.root, now=clock.now)
        stack.push_async_callback(rest.close)
        today = ist_date(clock.now())
        notes: list[str] = []
        csv = await sync(folder, rest, today, notes=notes)
        speed = clock.speed if isinstance(clock, SimulatedClock) else 1.0
        warm()
        book = Book.of(csv, files, fold_rules(settings, speed), day=today)
        bus = MemoryBus()
        feed = _feed(settings, account, token)
        opener = _opener(settings, account, folder, book, feed.decode, fail)
        market = Market(opener, bus, settings.live.intervals)
        begun = market.begin(today)
        wanted = resolve(
            begun.book.table, settings.capture.want, settings.universe.indices,
            mode=settings.capture.mode,
        )  # fmt: skip
        texts, opened = Texts(bus), asyncio.Event()
        plant = Plant(
            begun, clock=clock, decode=feed.decode, next_day=market.next_day,
            on_text=texts.take, on_state=_noting(opened),
        )  # fmt: skip
        pool = Pool(
            feed, plant, account=account.name,
            max_connections=account.max_connections, max_instruments=account.max_instruments,
        )  # fmt: skip
        market.watch(wanted.tokens)
        skew = SkewWatch(allowed_seconds=settings.capture.clock_skew_seconds, speed=speed)
        bus.subscribe(TICKS, _watching(skew, fail))
        if isinstance(clock, SimulatedClock):
            bus.subscribe(TICKS, _following(clock))
        intake = cls(
            clock=clock, calendar=calendar, rest=rest, bus=bus, market=market, plant=plant,
            pool=pool, skew=skew, texts=texts, wanted=wanted, opened=opened,
            notes=notes,
        )  # fmt: skip
        intake._want()
        return intake

    async def run(self) -> None:
        """Connections up and market time noted, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.pool.run())
            group.create_task(self._beat())

    async def close(self) -> None:
        """After ``run`` has ended: the day's last records, journal and grid to the disk."""
        self.plant.release()
        await self.market.close()

    async def _beat(self) -> None:
        """Market time into the journal when nothing else comes, by steady time."""
        while True:
            self.plant.beat()
            await pause(_BEAT_SECONDS)

    def _want(self) -> None:
        unknown = self.wanted.unknown
        if unknown:
            log.warning("wishes unknown today count=%d first=%s", len(unknown), unknown[0])
        try:
            self.pool.want(self.wanted.tokens)
        except Rejected as refused:
            log.warning("%s", refused)
            self.notes.append(str(refused))


def _feed(settings: Settings, account: Account, token: Callable[[], str]) -> KiteFeed:
    capture = settings.capture
    pace = Pace(
        silence=capture.silence_seconds,
        connect=capture.connect_timeout_seconds,
        longest_wait=capture.backoff_cap_seconds,
    )
    api_key = account.api_key.get_secret_value()
    return KiteFeed(account.name, api_key, token, account.websocket, pace=pace)


def _opener(
    settings: Settings,
    account: Account,
    folder: DataFolder,
    book: Book,
    decode: Decode,
    fail: Fail,
) -> OpenDay:
    """Opens trading days with today's master; a day already begun keeps its own."""
    journal = JournalSettings(
        segment_bytes=settings.journal.segment_bytes,
        sync_seconds=settings.journal.fsync_milliseconds / 1000,
        backlog_bytes=settings.journal.backlog_bytes,
    )
    loop = asyncio.get_running_loop()

    def on_failure(error: FirkiError) -> None:  # in the journal's thread
        loop.call_soon_threadsafe(fail, error)

    def open_day(day: date, tell: Tell) -> MarketDay:
        return MarketDay.open(
            folder, day, book, decode=decode,
            capacity=account.max_connections * account.max_instruments,
            settings=journal, on_failure=on_failure, tell=tell,
        )  # fmt: skip

    return open_day


def _watching(skew: SkewWatch, fail: Fail) -> Callable[[Ticks], None]:
    def take(ticks: Ticks) -> None:
        try:
            skew.take(ticks)
        except ConfigError as error:
            fail(error)

    return take


def _following(clock: SimulatedClock) -> Callable[[Ticks], None]:
    """However fast it plays, a simulator's time is never behind what it sends."""

    def take(ticks: Ticks) -> None:
        clock.reach(int(ticks.batch.column(Column.EXCHANGE_TIME).max()) * SECOND)

    return take


def _noting(opened: asyncio.Event) -> Callable[[int, ConnectionState, str], None]:
    def note(connection: int, state: ConnectionState, reason: str) -> None:
        log.info("connection %s connection=%d reason=%s", state.name.lower(), connection, reason)
        if state is ConnectionState.OPEN:
            opened.set()

    return note
