"""Who may come in: firki's own key, one-time links, browser sessions, and a brake on guessing."""

import hmac
import os
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from firki.errors import ConfigError
from firki.timing import steady

KEY_PREFIX: Final = "firki_"
"""Every key begins with it, so that one in an address or a log is recognised for what it is."""

_SECRET_BYTES: Final = 32
_HASHES: Final = "api.json"
_CLEAR: Final = "cli"
_TICKET_SECONDS: Final = 300.0
_MOST_TICKETS: Final = 32
_MOST_SESSIONS: Final = 64

Steady = Callable[[], float]


def _digest(text: str) -> str:
    # 256 random bits need no slow hash: there is nothing to guess
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class _StoredKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    sha256: str


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keys: list[_StoredKey]


class Keys:
    """The keys of a data folder, known by their hashes only."""

    def __init__(self, digests: list[str], *, clear: Path) -> None:
        self._digests = digests
        self._clear = clear
        self.mark: Final = _digest("".join(digests))[:8]
        """A few letters that tell one data folder's keys from another's, and nothing of them."""

    @classmethod
    def open(cls, folder: Path) -> "Keys":
        """The keys kept in ``folder``; the first call makes one and leaves it in ``folder``/cli.

        Raises ConfigError when what lies there cannot be read or does not fit together.
        """
        hashes, clear = folder / _HASHES, folder / _CLEAR
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not hashes.exists() or not clear.exists():
            # the clear text is what a person can use: a hash that lost it opens nothing
            key = KEY_PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
            stored = _Stored([_StoredKey(_CLEAR, _digest(key))])
            clear.unlink(missing_ok=True)  # first, so that a kill here only means another key
            _write_private(hashes, msgspec.json.encode(stored) + b"\n")
            _write_private(clear, key.encode() + b"\n")
        for path in (hashes, clear):
            path.chmod(0o600)
        keys = cls([one.sha256 for one in _load(hashes).keys], clear=clear)
        if not keys.check(keys.clear_text()):
            raise ConfigError(
                f"{clear}: this key is not among the hashes in {hashes}; "
                "remove both files to have a new key made"
            )
        return keys

    def check(self, text: str) -> bool:
        """Whether ``text`` is one of the keys; takes the same time for every wrong one."""
        offered = _digest(text)
        found = False
        for digest in self._digests:
            found |= hmac.compare_digest(offered, digest)
        return found

    def clear_text(self) -> str:
        """The command line's key, from its file."""
        return read_key(self._clear.parent)


def read_key(folder: Path) -> str:
    """The command line's key in ``folder``; raises ConfigError when there is none."""
    path = folder / _CLEAR
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as wrong:
        raise ConfigError(
            f"{path}: expected firki's own key, made when firki first serves from this data "
            f"folder ({wrong.strerror})"
        ) from wrong
    except UnicodeDecodeError as wrong:
        raise ConfigError(f"{path}: expected a key in plain text, found other bytes") from wrong


def _load(path: Path) -> _Stored:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Stored)
    except (OSError, msgspec.DecodeError) as wrong:
        raise ConfigError(f"{path}: expected the hashes of firki's keys: {wrong}") from wrong


def _write_private(path: Path, content: bytes) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


class _Expiring:
    """Random secrets with an end, kept by hash; the oldest make room for new ones."""

    def __init__(self, seconds: float, *, most: int, now: Steady) -> None:
        self._seconds, self._most, self._now = seconds, most, now
        self._ends: OrderedDict[str, float] = OrderedDict()

    def mint(self) -> str:
        """A new secret."""
        while len(self._ends) >= self._most:
            self._ends.popitem(last=False)
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        self._ends[_digest(secret)] = self._now() + self._seconds
        return secret

    def check(self, secret: str) -> bool:
        """Whether ``secret`` was given out here and has not ended."""
        digest = _digest(secret)
        ends = self._ends.get(digest)
        if ends is None:
            return False
        if self._now() < ends:
            return True
        del self._ends[digest]
        return False

    def take(self, secret: str) -> bool:
        """As ``check``, and ends it."""
        known = self.check(secret)
        self._ends.pop(_digest(secret), None)
        return known


class Tickets:
    """What one-time links carry: each opens one session, within five minutes of steady time."""

    def __init__(self, *, now: Steady = steady) -> None:
        self._open = _Expiring(_TICKET_SECONDS, most=_MOST_TICKETS, now=now)

    def mint(self) -> str:
        """A ticket for one more link."""
        return self._open.mint()

    def redeem(self, ticket: str) -> bool:
        """True once for a ticket in time."""
        return self._open.take(ticket)


class Sessions:
    """Browsers that came through a link. Kept in memory: a restart asks for a new link."""

    def __init__(self, hours: float, *, now: Steady = steady) -> None:
        self.seconds: Final = round(hours * 3600)
        self._open = _Expiring(float(self.seconds), most=_MOST_SESSIONS, now=now)

    def begin(self) -> str:
        """The secret for the browser's cookie."""
        return self._open.mint()

    def check(self, secret: str) -> bool:
        return self._open.check(secret)

    def end(self, secret: str) -> None:
        self._open.take(secret)


class Throttle:
    """Says when too many wrong credentials came in a window of steady time.

    One count for all callers: on loopback they share an address, and whoever brings a good
    credential is not asked.
    """

    def __init__(self, limit: int = 20, seconds: float = 60.0, *, now: Steady = steady) -> None:
        self._failures: deque[float] = deque(maxlen=limit)
        self._limit, self._seconds, self._now = limit, seconds, now

    def fail(self) -> float:
        """Count a failure; the answer is how long to stay away, 0 while under the limit."""
        now, failures = self._now(), self._failures
        full = len(failures) == self._limit
        wait = failures[0] + self._seconds - now if full else 0.0
        if wait <= 0:
            failures.append(now)
        return max(0.0, wait)
