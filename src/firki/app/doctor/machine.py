"""The machine: its clock, its sockets, the compiled kernels, names left over in the environment."""

import ctypes
import resource
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from firki.app.clock import SimulatedClock
from firki.app.doctor.finding import Finding, failure, ok, warning
from firki.errors import FirkiError
from firki.model.ist import ist_text
from firki.timing import steady, system_now

_UNSYNCHRONISED: Final = 5
"""TIME_ERROR, what adjtimex answers while nothing keeps the clock."""
_FILES: Final = 1024
_SLOW_SECONDS: Final = 5.0
_ECHO: Final = b"firki"

OLD_NAMES: Final[Mapping[str, str]] = {
    "KITE_API_KEY": "accounts.api_key",
    "KITE_APIKEY": "accounts.api_key",
    "KITE_ACCESS_TOKEN": "accounts.access_token_file",
    "KITE_API_SECRET": "",
    "KITE_ACCOUNTS": "[[accounts]]",
    "KITE_ACCOUNTS_FILE": "[[accounts]]",
    "KITE_TOKEN_DIR": "accounts.access_token_file",
    "KITE_WS_ROOT": "accounts.websocket",
    "KUSER": "",
    "KPWD": "",
    "KTOTP": "",
    "KTOKEN": "",
    "TBTOKEN": "",
    "BBTOKEN": "",
    "CHAT_ID": "",
    "DB_TICKS": "",
    "PG_CONN_STR": "",
    "CANDLE_TABLE_NAME": "",
    "CANDLE_INTERVALS": "live.intervals",
    "HEARTBEAT_INTERVAL": "",
    "INSTRUMENTS_FILE": "capture.want",
    "INSTRUMENTS_CSV": "capture.want",
    "SYMBOLS_CONFIG_FILE": "capture.want",
    "DYNAMIC_SYMBOLS_ENABLED": "capture.want",
    "SYMBOL_MONITOR_INTERVAL": "",
    "KOTAK_ACCESS_TOKEN": "",
    "APP_TIMEZONE": "",
    "FLASK_HOST": "serve.host",
    "FLASK_SECRET_KEY": "",
    "TRAIL_THRESHOLD": "",
    "WEBAPP_TRAIL_THRESHOLD": "",
    "WEBAPP_BASE_URL": "serve.public_url",
    "MOMENTUM_TRAILING_DEBUG": "log.level",
    "FO_UNDERLYINGS": "",
    "OPTION_EXPIRY_WINDOW": "",
    "OTM_LEVELS": "",
    "TICKER_MODE": "capture.mode",
    "MAX_INSTRUMENTS_PER_WS_CONNECTION": "accounts.max_instruments",
    "MAX_WS_CONNECTIONS_PER_ACCOUNT": "accounts.max_connections",
    "TICK_VALIDATION_STRICT": "capture.strict",
    "TICK_BATCH_ENABLED": "",
    "INSTRUMENT_REFRESH_HOURS": "",
    "MARKET_OPEN_TIME": "calendar.overrides",
    "MARKET_CLOSE_TIME": "calendar.overrides",
    "MARKET_TIMEZONE": "",
    "ENABLE_MOCK_DATA": "",
}
"""Names that other Kite programs read, and firki's own setting where there is one.

Names that any program might use (PORT, LOG_LEVEL, REDIS_URL) are left out: they prove nothing.
"""


def check_clock() -> Finding:
    """Whether something keeps the machine's clock right. Indian time needs no time zone of it."""
    now = ist_text(system_now())[:19].replace("T", " ")
    found = f"{now} IST by this machine"
    kept = _is_kept()
    if kept is None:
        return ok("clock", f"{found}; whether it is kept right is not known here")
    if kept:
        return ok("clock", f"{found}, kept right by the system")
    return warning(
        "clock", f"{found}; the system does not say that anything keeps it right",
        "have the clock set from the network (systemd-timesyncd or chrony); ages and late ticks "
        "are told by it",
    )  # fmt: skip


class _Timex(ctypes.Structure):
    """Linux's struct timex; only the first word is set, and nothing of it is read."""

    _fields_ = (("modes", ctypes.c_uint), ("rest", ctypes.c_char * 508))


def _is_kept() -> bool | None:
    """Whether the kernel's clock is synchronised; None where the kernel cannot be asked."""
    if sys.platform != "linux":
        return None
    state: int = ctypes.CDLL(None).adjtimex(ctypes.byref(_Timex()))
    return None if state < 0 else state != _UNSYNCHRONISED


async def check_clock_door(url: str) -> Finding:
    """Whether the simulator that market time comes from answers."""
    clock = SimulatedClock(url)
    try:
        await clock.read()
    except FirkiError as error:
        return failure(
            "market time", str(error),
            "start the simulator, or leave clock.url empty for the real market",
        )  # fmt: skip
    finally:
        await clock.close()
    found = f"{ist_text(clock.now())[:19].replace('T', ' ')} IST by {url}"
    return ok("market time", f"{found}, {'running' if clock.running else 'standing still'}")


def check_sockets() -> Finding:
    """Whether a connection to this machine itself works, and how many files may be open."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    try:
        with (
            socket.create_server(("127.0.0.1", 0)) as server,
            socket.create_connection(server.getsockname(), timeout=2) as client,
        ):
            client.sendall(_ECHO)
            taken, _ = server.accept()
            with taken:
                taken.settimeout(2)
                heard = taken.recv(len(_ECHO))
    except OSError as error:
        return failure(
            "sockets", f"no connection to 127.0.0.1: {error}",
            "allow loopback connections: the page, the API and the demo need them",
        )  # fmt: skip
    found = f"loopback works, {'any number of' if files < 0 else files} files may be open"
    if heard != _ECHO or 0 <= files < _FILES:
        return warning("sockets", found, f"raise the limit to {_FILES} or more (ulimit -n)")
    return ok("sockets", found)


def check_kernels(cache: Path, warm: Callable[[], None]) -> Finding:
    """Whether the compiled kernels can be kept, and how long they take to be ready."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache):
            pass
    except OSError as error:
        return failure(
            "kernels", f"{cache} cannot be written: {error.strerror}",
            "each start would compile anew: name another folder with NUMBA_CACHE_DIR",
        )  # fmt: skip
    began = steady()
    warm()
    took = steady() - began
    found = f"ready in {took:.1f} s, kept in {cache}"
    return ok("kernels", found + (", compiled just now" if took > _SLOW_SECONDS else ""))


def check_environment(environ: Mapping[str, str]) -> Finding:
    """Which names of other Kite programs are set; their values are never looked at."""
    stray = sorted(name for name in environ if name in OLD_NAMES or _is_account(name))
    if not stray:
        return ok("environment", "no names of other Kite programs are set")
    details = [
        f"{name}: firki's setting is {OLD_NAMES[name]}"
        if OLD_NAMES.get(name)
        else f"{name}: not read by firki"
        for name in stray
    ]
    return warning(
        "environment", f"{len(stray)} names of other Kite programs are set, which firki ignores",
        "put what is still needed into firki's settings (`firki config --example`), and unset them",
        details,
    )  # fmt: skip


def _is_account(name: str) -> bool:
    """KITE_name_API_KEY and the like."""
    words = ("_API_KEY", "_API_SECRET", "_ACCESS_TOKEN", "_USERNAME", "_PASSWORD", "_TOTP_KEY")
    return name.startswith("KITE_") and name.endswith(words)
