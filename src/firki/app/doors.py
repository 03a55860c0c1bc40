"""The page, the API and the stream, and the lake beside them: all that reads what comes in.

Heavy to import, so ``up`` does that in a thread when the intake already runs.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from socket import socket

from prometheus_client import CollectorRegistry

from firki.app.clock import SimulatedClock
from firki.app.figures import figures
from firki.app.folder import DataFolder
from firki.app.health import Health
from firki.app.ingest import Ingest
from firki.app.intake import Intake
from firki.app.layers import BrokerPast, LayeredCandles
from firki.app.market import Market
from firki.app.settler import Settler
from firki.app.source import source_of
from firki.config import Settings
from firki.model.calendar import Calendar, ist_date
from firki.model.session import Session, SessionClass
from firki.obs.metrics import Figures
from firki.serve.app import create_app
from firki.serve.credentials import Credentials
from firki.serve.host import serve
from firki.serve.parts import ServeParts, ServeSettings
from firki.store.lake import Lake
from firki.timing import pause

_SAMPLE_SECONDS = 1.0


class Doors:
    """The gateway over a running intake."""

    def __init__(self, settings: Settings, folder: DataFolder, intake: Intake) -> None:
        serving = settings.serve
        market = intake.market
        self.credentials = Credentials.open(
            folder.keys,
            session_hours=serving.session_hours,
            public_url=serving.public_url or None,
        )
        self._refused_ticks: Counter[str] = Counter()
        self._health = Health(
            market, intake.plant, intake.clock, intake.calendar, pools=[intake.pool],
            skew=intake.skew, texts=intake.texts,
            unknown_wishes=lambda: intake.wanted.unknown, notes=lambda: intake.notes,
            refused_ticks=self._refused_ticks,
        )  # fmt: skip
        session_of = session_finder(market, intake.calendar)
        lake = Lake(
            folder.lake, session_of, compression_level=settings.store.lake_compression_level
        )
        self._settler = Settler(market, lake, folder, keep_days=settings.store.keep_journal_days)
        candles = LayeredCandles(market, lake, BrokerPast(intake.rest, session_of), intake.calendar)
        self._parts = self._collect(settings, intake, candles)

    def _collect(self, settings: Settings, intake: Intake, candles: LayeredCandles) -> ServeParts:
        market, clock = intake.market, intake.clock
        registry = CollectorRegistry()
        registry.register(Figures(lambda: figures(self._health.document())))
        return ServeParts(
            clock=clock, instruments=lambda: market.day.book.table,
            captured=lambda: intake.wanted.tokens, candles=candles, quotes=market.board,
            bus=intake.bus, health=self._health.document, health_word=self._health.word,
            credentials=self.credentials,
            metrics=registry, marks=market.mark,
            gaps=market.gaps, settings=serve_settings(settings), source=source_of(settings),
            clock_control=clock if isinstance(clock, SimulatedClock) else None,
            ingest=Ingest(
                intake.plant, lambda: market.day.book.table, lambda: intake.wanted.tokens,
                market.watch,
            ).take,
            refused_ticks=self._refused_ticks,
        )  # fmt: skip

    async def run(self, sock: socket) -> None:
        """Answer on ``sock`` and settle days that are over, until cancelled."""
        app = create_app(self._parts)
        async with asyncio.TaskGroup() as group:
            group.create_task(serve(app, sock))
            group.create_task(self._settler.run())
            group.create_task(self._sample())

    async def _sample(self) -> None:
        while True:
            self._health.sample()
            await pause(_SAMPLE_SECONDS)


def session_finder(market: Market, calendar: Calendar) -> Callable[[int, int], Session | None]:
    """The session of an instrument on the day that begins at a midnight; None without one."""

    def session_of(token: int, midnight_ts: int) -> Session | None:
        instrument = market.day.book.table.by_token(token)
        name = SessionClass(instrument.session_class) if instrument else SessionClass.CASH
        return calendar.session(name, ist_date(midnight_ts))

    return session_of


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
