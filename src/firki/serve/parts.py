"""What the gateway is built from: ports, and a few callables the app ties to the middle."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import msgspec
from prometheus_client import CollectorRegistry

from firki.model.instrument import InstrumentTable
from firki.ports import Bus, Candles, Clock, Mode, Quotes
from firki.serve.credentials import Credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings:
    """The [serve] settings that matter to requests."""

    public_url: str | None = None
    """Where browsers reach firki when that is not loopback; https, behind a proxy of the owner."""
    max_streams: int = 64
    max_subscriptions: int = 64
    """For each websocket."""
    max_stream_keys: int = 10_000
    """For each subscription."""
    max_pending: int = 20_000
    """Undroppable rows a slow websocket may be behind before it is closed."""
    answer_cache_mb: int = 64


class Source(StrEnum):
    """Where the prices come from, so that nobody takes made-up or past ones for the market's."""

    LIVE = "live"
    SIMULATED = "simulated"
    TAPE = "tape"
    """Recorded ticks, played by the simulator."""
    REPLAY = "replay"
    """A day that firki captured itself."""


class ClockControl(Protocol):
    """Market time that can be driven: a simulator's, a replay's."""

    @property
    def speed(self) -> float:
        """Market seconds a steady second while it runs."""

    @property
    def running(self) -> bool: ...

    async def change(
        self,
        *,
        speed: float | None = None,
        running: bool | None = None,
        to_ts: int | None = None,
    ) -> None:
        """Change what is given; raises Rejected for what the driver does not do."""


class PostedTick(msgspec.Struct, frozen=True, kw_only=True):
    """A tick a program sent, checked; the price in rupees."""

    instrument_token: int
    last_price: float
    day_volume: int | None
    """The day's running total."""
    oi: int | None
    exchange_ts: int | None


Ingest = Callable[[Sequence[PostedTick]], Mapping[str, int]]
"""Takes posted ticks into the feed's path; the answer counts those refused, by reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeParts:
    """Everything the routes read from; nothing of it is owned here."""

    clock: Clock
    instruments: Callable[[], InstrumentTable]
    """Today's table; another one after the trading day changed."""
    captured: Callable[[], Mapping[int, Mode]]
    candles: Candles
    quotes: Quotes
    bus: Bus
    health: Callable[[], dict[str, Any]]
    health_word: Callable[[], str]
    """The document's ``status`` alone, for strangers: anybody may ask, so it must cost little."""
    credentials: Credentials
    metrics: CollectorRegistry
    source: Source = Source.LIVE
    clock_control: ClockControl | None = None
    ingest: Ingest | None = None
    refused_ticks: Counter[str] = field(default_factory=Counter)
    """Posted ticks that were refused, by reason; the route that takes them counts here."""
    marks: Callable[[int], int] | None = None
    """A number for a token that changes whenever any of its candles does, forming ones too. With
    it an unchanged answer is given again without reading; without it every request reads."""
    gaps: Callable[[int], Sequence[tuple[int, int]]] | None = None
    """Stretches [from, to) of today's session in which the feed of a token was away. Without it
    they are told from the flags of the candles there are."""
    settings: ServeSettings = field(default_factory=ServeSettings)
