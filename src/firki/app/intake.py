"""What brings the market in: clock, instrument master, day, plant and connections.

It is up before anything that serves or stores is imported, so that a restart misses little.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date, time, timedelta
from math import ceil

from firki.app.aside import aside
from firki.app.books import Books
from firki.app.calendars import read_calendar
from firki.app.clock import SimulatedClock, market_clock
from firki.app.folder import DataFolder
from firki.app.ingest import CONNECTION as POSTED
from firki.app.kernels import warm
from firki.app.market import TICKS, Market, OpenDay
from firki.app.market_day import Book, MarketDay, Tell
from firki.app.skew import SkewWatch
from firki.app.texts import Texts
from firki.app.turn import Turn
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
from firki.model.calendar import Calendar
from firki.model.ist import day_begins_ts, trading_date
from firki.model.tick import SECOND, Column, Ticks
from firki.ports import Clock, ConnectionState
from firki.timing import pause

log = logging.getLogger(__name__)

_BEAT_SECONDS = 1.0
_LONGEST_GRACE = 1800
"""Seconds; a checkpoint has room for so many open minutes of all classes, and for snapshots that
are an hour ahead."""

Fail = Callable[[FirkiError], None]
"""Whom a part tells that firki must stop."""

Wishes = Callable[[Book], Sequence[str | int]]
"""What is to be captured on the day of a book."""


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
    books: Books
    turn: Turn
    settings: Settings
    wishes: Wishes
    wanted: Wanted
    opened: asyncio.Event
    """Set once a connection has opened."""
    refused: str = ""
    """What the connections had no place for, in a sentence."""

    @classmethod
    async def open(
        cls,
        settings: Settings,
        account: Account,
        folder: DataFolder,
        stack: AsyncExitStack,
        fail: Fail,
        wishes: Wishes,
    ) -> "Intake":
        """Recover the day and say what is wanted; connections open in ``run``.

        ``stack`` is given what must be closed after everything else.
        """
        clock = await stack.enter_async_context(market_clock(settings.clock.url))
        files, calendar = read_calendar(settings.calendar)
        token = token_of(account)
        rest = KiteRest(account.api_key.get_secret_value(), token, account.root, now=clock.now)
        stack.push_async_callback(rest.close)
        speed = clock.speed if isinstance(clock, SimulatedClock) else 1.0
        await aside(warm)  # a first start compiles for seconds, and a stop is heard meanwhile
        begins = time.fromisoformat(settings.capture.day_begins)
        books = Books(folder, rest, files, fold_rules(settings, speed))
        today = trading_date(clock.now(), begins)
        book = await books.fetch_or_newest(today)
        bus = MemoryBus()
        feed = _feed(settings, account, token)
        opener = _opener(settings, account, folder, begins, fail)
        market = Market(opener, bus, settings.live.intervals)
        begun = market.begin(today, book)
        for _ in begun.catch_up():
            await pause(0)
        wanted = _wanted(settings, wishes, begun.book)
        texts, opened = Texts(bus), asyncio.Event()
        due = asyncio.Event()
        plant = Plant(
            begun, clock=clock, decode=feed.decode, on_due=due.set,
            on_text=texts.take, on_state=_noting(opened),
        )  # fmt: skip
        turn = Turn(books, plant, due, lambda: trading_date(clock.now(), begins))
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
            pool=pool, skew=skew, texts=texts, books=books, turn=turn, settings=settings,
            wishes=wishes, wanted=wanted, opened=opened,
        )  # fmt: skip
        intake._want()
        return intake

    async def run(self) -> None:
        """Connections up, market time noted and days begun, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.pool.run())
            group.create_task(self._beat())
            group.create_task(self.turn.run(self._begin))

    @property
    def notes(self) -> list[str]:
        """What is not as it should be, in sentences."""
        without = self.market.day.grid.without_column
        full = (
            f"{without} instruments make no candles today: the wishes of one day held more than "
            "the grid has columns for; they do from the next trading day on"
        )
        return [note for note in (self.books.note, self.refused, full if without else "") if note]

    async def close(self) -> None:
        """After ``run`` has ended: the day's last records, journal and grid to the disk."""
        try:
            self.plant.release()
        finally:
            await self.market.close()

    async def _beat(self) -> None:
        """Market time into the journal when nothing else comes, by steady time."""
        while True:
            self.plant.beat()
            await pause(_BEAT_SECONDS)

    def _begin(self, day: date, book: Book) -> None:
        """The next trading day: what is wished may be other instruments now."""
        try:
            self.wanted = _wanted(self.settings, self.wishes, book)
        except ConfigError as error:
            log.warning("the day goes on with what it has reason=%s", error)
        posted = [int(token) for token in self.plant.wanted().get(POSTED, ())]
        known = [token for token in posted if book.table.by_token(token)]
        watched = dict.fromkeys((*self.wanted.tokens, *known))
        self.plant.begin(self.market.turn(day, book, watched))
        self._want()

    def _want(self) -> None:
        unknown = self.wanted.unknown
        if unknown:
            log.warning("wishes unknown today count=%d first=%s", len(unknown), unknown[0])
        self.refused = ""
        try:
            self.pool.want(self.wanted.tokens)
        except Rejected as refused:
            log.warning("%s", refused)
            self.refused = str(refused)


def _wanted(settings: Settings, wishes: Wishes, book: Book) -> Wanted:
    return resolve(book.table, wishes(book), settings.universe.indices, mode=settings.capture.mode)


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
    begins: time,
    fail: Fail,
) -> OpenDay:
    """Opens trading days; one already begun keeps the book it was begun with."""
    journal = JournalSettings(
        segment_bytes=settings.journal.segment_bytes,
        sync_seconds=settings.journal.fsync_milliseconds / 1000,
        backlog_bytes=settings.journal.backlog_bytes,
    )
    loop = asyncio.get_running_loop()

    def on_failure(error: FirkiError) -> None:  # in the journal's thread
        loop.call_soon_threadsafe(fail, error)

    def open_day(day: date, book: Book, tell: Tell) -> MarketDay:
        return MarketDay.open(
            folder, day, book,
            capacity=account.max_connections * account.max_instruments,
            settings=journal, on_failure=on_failure, tell=tell,
            ends_ts=day_begins_ts(day + timedelta(days=1), begins),
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
