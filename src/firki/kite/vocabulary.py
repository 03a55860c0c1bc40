"""Kite's words and numbers: what its bytes and fields are called, and how much it allows.

Facts of the Kite Connect v3 documentation and of Zerodha's own clients (kiteconnect 5.2.2); what
they disagree on is said beside the value.
"""

from enum import IntEnum, StrEnum
from typing import Final, NamedTuple

from firki.model.candle import DAY, Interval
from firki.model.instrument import Numbering
from firki.ports import Mode

API_VERSION: Final = "3"
VERSION_HEADER: Final = "X-Kite-Version"
REST_ROOT: Final = "https://api.kite.trade"
WEBSOCKET_ROOT: Final = "wss://ws.kite.trade"


class Segment(IntEnum):
    """The low byte of an instrument token."""

    NSE = 1
    NFO = 2
    CDS = 3
    BSE = 4
    BFO = 5
    BCD = 6
    MCX = 7
    MCXSX = 8
    """Defunct; still in the official clients."""
    INDICES = 9
    NCO = 12


DEFAULT_DIVISOR: Final = 100
DIVISORS: Final[dict[int, int]] = {
    Segment.CDS: 10_000_000,
    # The documentation says 10,000,000 for all currencies; all three official clients use this.
    Segment.BCD: 10_000,
    # Python client from 5.2.2 of 15 Sep 2026; the others still say 100.
    Segment.NCO: 10_000,
}


def segment_code(instrument_token: int) -> int:
    """The token's segment, which need not be one that is known."""
    return instrument_token & 0xFF


def price_divisor(instrument_token: int) -> int:
    """How many of the exchange's integers make a rupee."""
    return DIVISORS.get(segment_code(instrument_token), DEFAULT_DIVISOR)


NUMBERING: Final = Numbering(codes=Segment.__members__, scale=price_divisor)


MODE_WORDS: Final = {Mode.LTP: "ltp", Mode.QUOTE: "quote", Mode.FULL: "full"}
MODES: Final = {word: mode for mode, word in MODE_WORDS.items()}
DEFAULT_MODE: Final = Mode.QUOTE
"""What a bare subscribe gives; the documentation is silent, the clients assume it."""

PACKET_LENGTHS: Final = {Mode.LTP: 8, Mode.QUOTE: 44, Mode.FULL: 184}
INDEX_PACKET_LENGTHS: Final = {Mode.LTP: 8, Mode.QUOTE: 28, Mode.FULL: 32}


class HistoryInterval(NamedTuple):
    """How Kite spells an interval, and how many days one history request may span."""

    word: str
    max_days: int


HISTORY: Final = {
    Interval.of(1): HistoryInterval("minute", 60),
    Interval.of(3): HistoryInterval("3minute", 100),
    Interval.of(5): HistoryInterval("5minute", 100),
    Interval.of(10): HistoryInterval("10minute", 100),
    Interval.of(15): HistoryInterval("15minute", 200),
    Interval.of(30): HistoryInterval("30minute", 200),
    Interval.of(60): HistoryInterval("60minute", 400),
    DAY: HistoryInterval("day", 2000),
}
"""Spans as the server's error texts of 2024 and 2025 give them; undocumented."""


class Limit(NamedTuple):
    """At most so many calls in so many seconds."""

    calls: int
    seconds: float


QUOTE_LIMIT: Final = Limit(1, 1.0)
HISTORY_LIMIT: Final = Limit(3, 1.0)
OTHER_LIMIT: Final = Limit(10, 1.0)
ORDER_LIMIT: Final = Limit(10, 1.0)

MAX_CONNECTIONS: Final = 3
"""Websockets of one api_key."""
MAX_TOKENS: Final = 3000
"""Instruments on one websocket."""
QUOTE_INSTRUMENTS: Final = 500
OHLC_INSTRUMENTS: Final = 1000
LTP_INSTRUMENTS: Final = 1000


class ErrorType(StrEnum):
    """``error_type`` of an error envelope; the servers know more than the clients do."""

    TOKEN = "TokenException"
    USER = "UserException"
    TWO_FA = "TwoFAException"
    PERMISSION = "PermissionException"
    ORDER = "OrderException"
    INPUT = "InputException"
    MARGIN = "MarginException"
    HOLDING = "HoldingException"
    NETWORK = "NetworkException"
    DATA = "DataException"
    GENERAL = "GeneralException"


INSTRUMENT_COLUMNS: Final = (
    "instrument_token", "exchange_token", "tradingsymbol", "name", "last_price", "expiry",
    "strike", "tick_size", "lot_size", "instrument_type", "segment", "exchange",
)  # fmt: skip
"""Header of the instruments CSV, in Kite's order."""
