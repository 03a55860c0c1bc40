"""Every setting there is, with its default, its limits and its meaning."""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

MIB: Final = 1 << 20
_LARGEST_TOKEN: Final = 2**32 - 1
_MINUTES_IN_DAY: Final = 1440
_MORNING: Final = re.compile(r"0[0-8]:[0-5]\d|09:00")
_KEY: Final = re.compile(r"[A-Z][A-Z0-9]*:(\*|[^\s*]([^*]*[^\s*])?)")
_INTERVAL: Final = re.compile(
    r"(?P<count>[1-9]\d{0,3})((?P<hours>h|hour)|m|min|minute)s?"
    r"|minute|hour|1?d|day|1?w|week|1?mo|month"
)


def _key(value: str) -> str:
    if not _KEY.fullmatch(value) or value.endswith(":*"):
        raise ValueError('expected a key such as "NSE:INFY"')
    return value


def _wish(value: str | int) -> str | int:
    """A token, also as digits; a key; all of an exchange."""
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, int) and not 0 < value <= _LARGEST_TOKEN:
        raise ValueError(f"expected a token from 1 to {_LARGEST_TOKEN}")
    if isinstance(value, str) and not _KEY.fullmatch(value):
        raise ValueError('expected a key such as "NSE:INFY", a token such as 408065, or "NSE:*"')
    return value


def _interval(value: str) -> str:
    found = _INTERVAL.fullmatch(value.strip().lower())
    if not found:
        raise ValueError('expected "90m", "2h", "day", "week" or "month"')
    if int(found["count"] or 1) * (60 if found["hours"] else 1) > _MINUTES_IN_DAY:
        raise ValueError(f"expected at most a day's {_MINUTES_IN_DAY} minutes")
    return found[0]


def _morning(value: str) -> str:
    if not _MORNING.fullmatch(value):
        raise ValueError('expected a time from "00:00" to "09:00"')
    return value


def is_loopback(host: str) -> bool:
    """Whether the name or address can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _loopback(value: str) -> str:
    if not is_loopback(value):
        raise ValueError("expected 127.0.0.1, ::1 or localhost: firki serves loopback only")
    return value


def _url(value: str, *, plain: str, sealed: str) -> str:
    """``sealed`` to anywhere, ``plain`` to this machine only: a token travels along."""
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as fault:
        raise ValueError(f"expected a url: {fault}") from None
    if parts.scheme not in (plain, sealed) or not host:
        raise ValueError(f"expected {sealed}://HOST, or {plain}:// to this machine")
    if parts.scheme == plain and not is_loopback(host):
        raise ValueError(f"expected {sealed}:// because {host} is not this machine")
    if parts.username or parts.password:
        raise ValueError("expected a url without a name or password in it")
    return value.rstrip("/")


def _http(value: str) -> str:
    return _url(value, plain="http", sealed="https")


def _maybe_http(value: str) -> str:
    return _http(value) if value else value


def _websocket(value: str) -> str:
    return _url(value, plain="ws", sealed="wss")


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


class Takes(NamedTuple):
    """What a value must be, in words for the page of settings."""

    words: str


Key = Annotated[str, AfterValidator(_key), Takes('keys such as "NSE:INFY"')]
Wish = Annotated[str | int, AfterValidator(_wish), Takes("keys, tokens and whole exchanges")]
IntervalName = Annotated[
    str, AfterValidator(_interval), Takes("intervals of up to 1440 minutes, week and month")
]
Morning = Annotated[str, AfterValidator(_morning), Takes('a time from "00:00" to "09:00"')]
Host = Annotated[str, AfterValidator(_loopback), Takes('"127.0.0.1", "::1" or "localhost"')]
HttpUrl = Annotated[
    str, AfterValidator(_http), Takes("an https:// address, or http:// to this machine")
]
OptionalHttpUrl = Annotated[
    str, AfterValidator(_maybe_http), Takes("nothing, or an address as accounts.root")
]
WebsocketUrl = Annotated[
    str, AfterValidator(_websocket), Takes("a wss:// address, or ws:// to this machine")
]
OptionalPath = Annotated[Path | None, BeforeValidator(_none_if_empty)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Days = Annotated[int, Field(ge=1, le=36_500)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class Section(BaseModel):
    """Frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Data(Section):
    """Where everything is kept."""

    folder: Path = Field(
        description="Folder of journal, grid, lake, instruments, keys and logs. "
        "Empty: $XDG_DATA_HOME/firki, else ~/.local/share/firki"
    )


class Account(Section):
    """A broker account. The table can be repeated, but so far only the first account is used."""

    name: Annotated[str, Field(min_length=1)] = Field(description="What firki calls the account")
    api_key: SecretStr = Field(min_length=1, description="Kite Connect's api_key")
    access_token_file: Path = Field(
        description="File that holds the day's access token; read again at each reconnect. "
        "A relative path begins at this file's folder"
    )
    root: HttpUrl = Field(default="https://api.kite.trade", description="Kite's REST address")
    websocket: WebsocketUrl = Field(
        default="wss://ws.kite.trade", description="Kite's feed address"
    )
    max_connections: int = Field(
        default=3, ge=1, le=200, description="Feed connections of the account"
    )
    max_instruments: Count = Field(default=3000, description="Instruments on one connection")


class Clock(Section):
    """Market time."""

    url: OptionalHttpUrl = Field(
        default="",
        description="Control door of a simulator whose time counts. Empty: the system clock",
    )


class Capture(Section):
    """What is taken in."""

    want: tuple[Wish, ...] = Field(
        default=(), description='Keys ("NSE:INFY"), tokens (408065), whole exchanges ("NSE:*")'
    )
    mode: Literal["ltp", "quote", "full"] = Field(
        default="full", description="How much of each instrument; only full carries times and depth"
    )
    strict: bool = Field(
        default=False,
        description="Also refuse and count a price outside the day range its own packet tells; "
        "all other checks are always on",
    )
    silence_seconds: Seconds = Field(
        default=5.0, description="A socket silent for this long is replaced, seconds"
    )
    backoff_cap_seconds: Seconds = Field(
        default=60.0, description="Longest wait between two tries to connect, seconds"
    )
    connect_timeout_seconds: Seconds = Field(
        default=10.0, description="Longest wait for a connection to open, seconds"
    )
    day_begins: Morning = Field(
        default="08:30",
        description="When a trading day begins, IST; by then the broker has listed its instruments",
    )
    clock_skew_seconds: Seconds = Field(
        default=2.0, description="Warn when market time and the exchange's differ by more, seconds"
    )


class Universe(Section):
    """Instruments captured beside the wanted ones."""

    indices: tuple[Key, ...] = Field(
        default=(),
        description="Further indices to capture; NSE:NIFTY 50 and BSE:SENSEX always are",
    )


class Journal(Section):
    """The record of every frame."""

    fsync_milliseconds: int = Field(
        default=200,
        ge=1,
        le=10_000,
        description="Longest time frames wait for the disk, milliseconds",
    )
    segment_bytes: int = Field(
        default=64 * MIB, ge=MIB, le=1024 * MIB, description="Raw frames in one segment file, bytes"
    )
    backlog_bytes: int = Field(
        default=256 * MIB,
        ge=MIB,
        le=65_536 * MIB,
        description="Frames not yet on disk before intake waits, bytes",
    )


class Live(Section):
    """The day's candles."""

    intervals: tuple[IntervalName, ...] = Field(
        default=(),
        description="Further intervals to offer beside 1m 2m 3m 4m 5m 10m 15m 30m 60m day, "
        'such as "2h", "90m", "week", "month"',
    )
    final_exchange_seconds: int = Field(
        default=3,
        ge=0,
        le=3600,
        description="A minute is final when exchange time has passed its end by this, seconds",
    )
    final_market_seconds: int = Field(
        default=5,
        ge=0,
        le=3600,
        description="A minute is also final when market time has passed its end by this, seconds",
    )


class Calendar(Section):
    """Sessions and holidays."""

    overrides: OptionalPath = Field(
        default=None, description="TOML file with your own holidays, special sessions and hours"
    )
    changes: tuple[str, ...] = Field(
        default=(), description='Announced changes to switch on, such as "december_2026"'
    )


class Store(Section):
    """Past days."""

    keep_journal_days: Days = Field(
        default=30, description="Days a journal is kept once its day is settled into the lake"
    )
    lake_compression_level: int = Field(
        default=3, ge=1, le=22, description="zstd level of the lake"
    )


class Serve(Section):
    """The page and the API."""

    host: Host = Field(default="127.0.0.1", description="Address to listen on; loopback only")
    port: int = Field(
        default=8080, ge=0, le=65_535, description="Port to listen on; 0 takes any free one"
    )
    public_url: OptionalHttpUrl = Field(
        default="",
        description="Where browsers reach firki through a proxy of yours. Empty: directly",
    )
    session_hours: float = Field(
        default=24.0,
        gt=0,
        le=8760,
        allow_inf_nan=False,
        description="How long a browser stays signed in, hours",
    )
    max_streams: Count = Field(default=64, description="Websockets open at once")
    max_subscriptions: Count = Field(default=64, description="Subscriptions of one websocket")
    max_stream_keys: Count = Field(default=10_000, description="Instruments of one subscription")
    max_pending: Count = Field(
        default=20_000,
        description="Rows (candles and trades) a slow websocket may be behind before it is closed",
    )
    answer_cache_mb: int = Field(
        default=64, ge=1, le=65_536, description="Ready candle answers kept, megabytes"
    )


class Log(Section):
    """What is told of the running program."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Messages of this level and above are written"
    )
    folder: OptionalPath = Field(
        default=None, description="Folder of the daily log files. Empty: logs in the data folder"
    )
    keep_days: Days = Field(default=14, description="Daily log files kept")
    stderr: bool = Field(default=True, description="Write to standard error as well")


class Settings(Section):
    """All of firki's settings."""

    data: Data
    accounts: tuple[Account, ...] = ()
    clock: Clock = Clock()
    capture: Capture = Capture()
    universe: Universe = Universe()
    journal: Journal = Journal()
    live: Live = Live()
    calendar: Calendar = Calendar()
    store: Store = Store()
    serve: Serve = Serve()
    log: Log = Log()

    @model_validator(mode="after")
    def _accounts_have_names_of_their_own(self) -> "Settings":
        names = [account.name for account in self.accounts]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"accounts: expected a name of its own for each, found twice: {twice}")
        return self

    @property
    def log_folder(self) -> Path:
        return self.log.folder or self.data.folder / "logs"
