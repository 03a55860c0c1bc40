"""Every seam of firki on one page. A part knows these words and the nouns of ``model``, no more.

To extend firki is to implement one of these and name it in ``app``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Any, Protocol

import msgspec

from firki.model.candle import CandleColumns, Interval
from firki.model.tick import TickBatch


class RecordKind(IntEnum):
    """What a journal record holds."""

    FRAME = 0
    """A binary frame of the feed, heartbeats too."""
    TEXT = 1
    """A text frame of the feed."""
    CONNECTED = 2
    DISCONNECTED = 3
    WANTED = 4
    """The wanted set of a connection changed; payload is JSON {token: mode}."""
    CLOCK = 5
    """Market time went on with no frame, or was set; payload is empty or JSON."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One record of the journal: numbered densely from 1 each trading day, over restarts too."""

    seq: int
    received_ts: int
    connection: int
    payload: bytes
    kind: RecordKind = RecordKind.FRAME


class Mode(IntEnum):
    """How much of an instrument is wanted; a higher mode carries all of a lower one."""

    LTP = 1
    QUOTE = 2
    FULL = 3


class Clock(Protocol):
    """Market time."""

    def now(self) -> int:
        """ns UTC."""

    async def sleep(self, seconds: float) -> None:
        """Until market time has moved on by ``seconds``."""


class ConnectionState(IntEnum):
    """What a connection is doing."""

    CLOSED = 0
    CONNECTING = 1
    OPEN = 2
    WAITING = 3
    """Backing off before the next try."""
    REFUSED = 4
    """The token is not taken; a new login is needed."""


class Listener(Protocol):
    """Whom a connection tells, synchronously and in order of arrival."""

    def on_frame(self, connection: int, payload: bytes, kind: RecordKind) -> None: ...

    def on_state(self, connection: int, state: ConnectionState, reason: str) -> None: ...


class Connection(Protocol):
    """One socket of a feed that keeps itself up."""

    def want(self, tokens: Mapping[int, Mode]) -> None:
        """Declare the full desired set; repeated after any reconnect by the connection itself."""

    def replace(self, reason: str) -> None:
        """Drop the socket and open a new one."""

    async def run(self) -> None:
        """Stay connected until cancelled; raises what the listener raised.

        A refused token is told as REFUSED, and tried again only when there is another one.
        """

    def report(self) -> dict[str, Any]:
        """state, reason, age_seconds, replaced, reconnects, unanswered, unanswered_tokens."""


class Feed(Protocol):
    """A broker's live feed."""

    def connect(self, connection: int, listener: Listener) -> Connection: ...

    def decode(self, frame: Frame) -> TickBatch:
        """The ticks of a binary frame, none for a heartbeat; raises Corrupt, never half a batch."""


class ReferenceData(Protocol):
    """What a broker knows of instruments and of the past."""

    async def instruments(self) -> bytes:
        """The day's instrument master as the broker sends it."""

    async def history(
        self, instrument_token: int, interval: Interval, from_ts: int, to_ts: int
    ) -> CandleColumns: ...


class Candles(Protocol):
    """A source of candles: grid, lake, broker history, or a list of them in layers."""

    async def read(
        self,
        tokens: Sequence[int],
        interval: Interval,
        from_ts: int,
        to_ts: int,
        *,
        as_of_ts: int | None = None,
    ) -> CandleColumns:
        """Candles whose start lies in [from_ts, to_ts]; unknown tokens give no rows."""


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """The newest of one instrument; prices in rupees, None where the feed gave none."""

    instrument_token: int
    last_price: float
    last_quantity: int | None
    average_price: float | None
    volume_traded: int | None
    buy_quantity: int | None
    sell_quantity: int | None
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    change: float | None
    change_percent: float | None
    last_trade_ts: int | None
    exchange_ts: int | None
    received_ts: int
    oi: int | None
    oi_day_high: int | None
    oi_day_low: int | None
    connection: int
    depth: dict[str, list[dict[str, Any]]] | None = None


class Quotes(Protocol):
    """The newest of every instrument."""

    def read(self, tokens: Sequence[int], *, depth: bool = False) -> list[Quote]:
        """Quotes of the tokens that have one, in the order asked."""

    def changes(self, since: int) -> tuple[int, list[int]]:
        """(mark, tokens that changed after the mark ``since``); 0 gives all."""


class Journal(Protocol):
    """The truth of the day."""

    def append(self, received_ts: int, connection: int, payload: bytes, kind: RecordKind) -> Frame:
        """Number the record and hand it to the journal's thread; raises when the disk failed."""

    def read(self, from_seq: int = 1) -> Iterator[Frame]:
        """Records from ``from_seq`` up to the newest flushed one."""

    @property
    def acknowledged(self) -> int:
        """The newest number whose fsync has returned."""

    @property
    def newest(self) -> int:
        """The newest number given out."""


class Reports(Protocol):
    """Ages and counters of one part, for health, status and the page."""

    def report(self) -> dict[str, Any]: ...


Topic = tuple[str, ...]


class Bus(Protocol):
    """Fan-out inside the process or between machines."""

    def publish(self, topic: Topic, message: Any) -> None: ...

    def subscribe(self, topic: Topic, handler: Callable[[Any], None]) -> Callable[[], None]:
        """The answer ends the subscription."""
