"""``firki sim``: a Kite on loopback with a market of its own."""

import asyncio
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Final

import msgspec

from firki.app.market_day import CalendarFiles
from firki.app.tick_files import read_recordings
from firki.errors import ConfigError
from firki.model.calendar import Calendar, SessionClass
from firki.model.ist import ist_date
from firki.simulator.accounts import Account, derive
from firki.simulator.box import Box, Rules
from firki.simulator.clock import Schedule, at
from firki.simulator.market import INSTRUMENTS, SEED, SyntheticDays, SyntheticMarket
from firki.simulator.player import Days
from firki.simulator.recorded import RecordedDays
from firki.simulator.server import BoxServer, address, bind
from firki.simulator.venue import Market
from firki.timing import SECOND, system_now

SPEED: Final = "60@09:00,5@10:00"
"""Through the quiet hour first, then slow enough to watch."""

START: Final = time(9)
MOST_ACCOUNTS: Final = 100
LAST_PORT: Final = 65_535

_FEW: Final = 20
_WEEK: Final = 7 * 86_400 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class SimOptions:
    """What ``firki sim`` can be told."""

    tape: tuple[Path, ...] = ()
    """Recorded ticks; none for a synthetic market."""
    seed: int = SEED
    day: date | None = None
    """A trading day; the newest one before today when not given."""
    start: time = START
    speed: str = SPEED
    paused: bool = False
    instruments: int = INSTRUMENTS
    steady_hz: int | None = None
    """Snapshots a second of every instrument whether or not it trades, for load tests."""
    accounts: int = 1
    port: int = 0
    control_port: int = 0
    limits: bool = True
    keep_token: bool = False
    redirect_url: str | None = None
    end_with_stdin: bool = False
    """Stop when standard input ends: so a child does not outlive who started it."""


class AccountFacts(msgspec.Struct, frozen=True):
    """The credentials of one account."""

    api_key: str
    api_secret: str
    access_token: str
    user_id: str
    password: str
    totp: str


class SimFacts(AccountFacts, frozen=True):
    """What a program needs to use a simulator that is up: its doors and its first account."""

    url: str
    websocket: str
    control: str
    date: str
    accounts: list[AccountFacts]


async def run_sim(options: SimOptions, announce: Callable[[SimFacts], None]) -> None:
    """Serve until a signal, or the end of standard input where that was asked for.

    ``announce`` is called once, when both doors are open. Raises ConfigError for options that
    cannot be followed.
    """
    schedule = Schedule.parse(options.speed)
    if not 1 <= options.accounts <= MOST_ACCOUNTS:
        raise ConfigError(f"accounts: expected 1 to {MOST_ACCOUNTS}, found {options.accounts}")
    _refuse_port("port", options.port)
    _refuse_port("control-port", options.control_port)
    with bind(options.port) as kite, bind(options.control_port) as control:
        url = f"http://{address(kite)}"
        market, days = await asyncio.to_thread(_market, options)
        box = _box(market, days, options, schedule, url)
        started, stop = asyncio.Event(), asyncio.Event()
        _stop_on_signals(stop)
        if options.end_with_stdin:
            _stop_with_stdin(stop)
        async with asyncio.TaskGroup() as group:
            group.create_task(BoxServer(box, kite, control).run(started, stop))
            await started.wait()
            announce(_facts(box, url, f"http://{address(control)}"))


def _refuse_port(option: str, port: int) -> None:
    if not 0 <= port <= LAST_PORT:
        raise ConfigError(f"{option}: expected 0 to {LAST_PORT}, found {port}")


def _box(market: Market, days: Days, options: SimOptions, schedule: Schedule, url: str) -> Box:
    rules = Rules(
        seed=options.seed, schedule=schedule, day_start=START, running=not options.paused,
        strict_limits=options.limits, keep_tokens=options.keep_token,
    )  # fmt: skip
    redirect_url = options.redirect_url or f"{url}/connect/done"
    return Box(
        market, days, derive(options.seed, options.accounts, redirect_url), rules,
        start_ts=at(market.trading_date, options.start),
    )  # fmt: skip


def _market(options: SimOptions) -> tuple[Market, Days]:
    calendar = CalendarFiles.packaged().parse()
    if options.tape:
        market, days = _recorded(calendar, options)
        _warm(calendar, market.trading_date)
        return market, days
    day = options.day or _newest_day(calendar)
    _warm(calendar, day)
    if options.steady_hz is not None:
        market = SyntheticMarket(
            calendar, day, seed=options.seed, instruments=options.instruments,
            steady_hz=options.steady_hz,
        )  # fmt: skip
        return market, _NoDays()
    days = SyntheticDays(calendar, seed=options.seed, instruments=options.instruments)
    return days.market(day), days


def _warm(calendar: Calendar, day: date) -> None:
    """Load or compile the market's kernels on a small one: later, on the event loop, the sockets
    would fall silent for it, and clients would take the feed for dead."""
    small = SyntheticMarket(calendar, day, instruments=_FEW)
    small.advance(small.open_ts + 60 * SECOND)
    small.candles(int(small.listing.token[0]), "minute", small.open_ts - _WEEK, small.open_ts)


def _recorded(calendar: Calendar, options: SimOptions) -> tuple[Market, Days]:
    """The day asked for, else the oldest one of the files; the files' other days follow it."""
    read_recordings(options.tape)  # refuses what ``firki build`` refuses
    days = RecordedDays(calendar, options.tape)
    day = options.day or days.first
    try:
        return days.market(day), days
    except KeyError:
        raise ConfigError(f"date: none of the recorded files is of {day}") from None


def _newest_day(calendar: Calendar) -> date:
    today = ist_date(system_now())
    try:
        return calendar.previous_session(SessionClass.CASH, today).trading_date
    except LookupError as error:
        raise ConfigError(f"date: the calendar has no trading day before {today}") from error


class _NoDays:
    """Of a market that has one day."""

    def after(self, _day: date, /) -> date | None:
        return None

    def market(self, day: date, /) -> Market:
        raise LookupError(f"no market of {day}")


def _facts(box: Box, url: str, control: str) -> SimFacts:
    accounts = [_account_facts(box, account) for account in box.accounts]
    return SimFacts(
        **msgspec.structs.asdict(accounts[0]), url=url, websocket=url.replace("http", "ws", 1),
        control=control, date=box.market.trading_date.isoformat(), accounts=accounts,
    )  # fmt: skip


def _account_facts(box: Box, account: Account) -> AccountFacts:
    return AccountFacts(
        api_key=account.api_key, api_secret=account.api_secret,
        access_token=box.sessions.issue(account).access_token, user_id=account.user_id,
        password=account.password, totp=account.totp,
    )  # fmt: skip


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)


def _stop_with_stdin(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def wait_for_end() -> None:
        while sys.stdin.buffer.read(4096):
            pass
        loop.call_soon_threadsafe(stop.set)

    # A thread, because a file or a terminal cannot be watched by every event loop; a daemon, so
    # that a standard input that stays open does not hold up the end.
    threading.Thread(target=wait_for_end, name="stdin", daemon=True).start()
