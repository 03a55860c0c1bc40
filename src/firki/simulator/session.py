"""Logins and tokens: the web login a person or a program walks through, and what it earns."""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Final

import pyotp

from firki.kite.vocabulary import ErrorType
from firki.model.ist import ist_date
from firki.ports import Clock
from firki.simulator.accounts import Account, digest, letters
from firki.simulator.clock import at
from firki.simulator.envelope import KiteError
from firki.timing import SECOND

TOKENS_END: Final = time(6, 0)
"""Access tokens live until this hour of the next morning, IST (Kite Connect v3, sessions)."""

REQUEST_TOKEN_SECONDS: Final = 300.0
LOGIN_SECONDS: Final = 900.0
_OPEN_LOGINS: Final = 1000
"""Logins begun and not finished; the oldest gives way."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A live session of one app and user."""

    account: Account
    access_token: str
    public_token: str
    enctoken: str
    login_ts: int
    expires_ts: int


@dataclass(frozen=True, slots=True)
class _Pending:
    """Something handed out once, with the steady second at which it dies."""

    account: Account
    until: float


def end_of_session(now_ts: int) -> int:
    """The next 06:00 IST after ``now_ts``."""
    today = ist_date(now_ts)
    end_ts = at(today, TOKENS_END)
    return end_ts if end_ts > now_ts else at(today + timedelta(days=1), TOKENS_END)


class Sessions:
    """Who is logged in. Access tokens live in market time, everything a person waits for in steady
    time; tokens are drawn from the seed, so the same calls give the same tokens."""

    def __init__(
        self,
        accounts: Sequence[Account],
        *,
        clock: Clock,
        steady: Callable[[], float],
        system: Callable[[], int],
        seed: int,
        keep_tokens: bool = False,
    ) -> None:
        self.accounts = tuple(accounts)
        self._by_key = {account.api_key: account for account in accounts}
        self._by_user = {account.user_id: account for account in accounts}
        self._clock, self._steady, self._system = clock, steady, system
        self._seed, self._keep_tokens = seed, keep_tokens
        self._drawn = 0
        self._app_logins: dict[str, _Pending] = {}
        self._passwords: dict[str, _Pending] = {}
        self._cookies: dict[str, _Pending] = {}
        self._requests: dict[str, _Pending] = {}
        self._live: dict[str, AccessToken] = {}

    def begin(self, api_key: str) -> str:
        """A browser came for an app: the ``sess_id`` of its login."""
        return self._hand_out(self._app_logins, self._app(api_key), LOGIN_SECONDS)

    def password(self, user_id: str, password: str) -> str:
        """First factor: the ``request_id`` the second one needs."""
        account = self._by_user.get(user_id.strip().upper())
        if account is None or not _same(account.password, password):
            raise KiteError(403, ErrorType.USER, "Invalid username or password.")
        return self._hand_out(self._passwords, account, LOGIN_SECONDS)

    def second_factor(self, user_id: str, request_id: str, code: str) -> str:
        """Second factor, by the machine's own time as authenticator apps have it: the ``enctoken``
        of the web session."""
        pending = self._passwords.get(request_id)
        if pending is None or pending.account.user_id != user_id.strip().upper():
            raise KiteError(400, ErrorType.TWO_FA, "Invalid `request_id`.")
        now = self._system() // SECOND
        if not pyotp.TOTP(pending.account.totp).verify(code.strip(), for_time=now, valid_window=1):
            raise KiteError(403, ErrorType.TWO_FA, "Invalid TOTP code.")
        account = self._take(self._passwords, request_id)
        return self._hand_out(self._cookies, account, LOGIN_SECONDS)

    def authorise(self, api_key: str, sess_id: str, enctoken: str) -> str | None:
        """The ``request_token`` for the app, or None while the browser is not logged in."""
        app = self._app(api_key)
        begun, browser = self._app_logins.get(sess_id), self._cookies.get(enctoken)
        if begun is None or begun.account != app or begun.until < self._steady():
            raise KiteError.bad_input("Invalid `sess_id`: begin again at /connect/login.")
        if browser is None or browser.until < self._steady():
            return None
        if browser.account != app:
            raise KiteError(403, ErrorType.PERMISSION, "The user is not enabled for the app.")
        self._take(self._app_logins, sess_id)
        return self._hand_out(self._requests, app, REQUEST_TOKEN_SECONDS)

    def exchange(self, api_key: str, request_token: str, checksum: str) -> AccessToken:
        """A request token for an access token, once; it replaces the app's earlier one."""
        app = self._app(api_key)
        expected = hashlib.sha256(f"{api_key}{request_token}{app.api_secret}".encode()).hexdigest()
        if not _same(expected, checksum):
            raise KiteError(403, ErrorType.TOKEN, "Invalid `checksum`.")
        if self._take(self._requests, request_token) != app:
            raise KiteError.dead_token()
        return self.issue(app)

    def issue(self, account: Account) -> AccessToken:
        """A live access token without a login; it replaces the app's earlier one."""
        now = self._clock.now()
        token = AccessToken(
            account, self._draw(), self._draw(), self._draw(), now, end_of_session(now)
        )
        self._live[account.api_key] = token
        return token

    def check(self, api_key: str, access_token: str) -> Account:
        """The account of a live token; raises KiteError 403."""
        live = self._live.get(api_key)
        if live is None or not _same(live.access_token, access_token):
            raise KiteError.bad_token()
        if self._clock.now() >= live.expires_ts and not self._keep_tokens:
            raise KiteError.bad_token()
        return live.account

    def token_of(self, account: Account) -> AccessToken | None:
        """The account's newest token, live or expired."""
        return self._live.get(account.api_key)

    def revoke(self, api_key: str, access_token: str) -> None:
        """Log out; raises KiteError 403 when the pair is not a live session."""
        self.check(api_key, access_token)
        del self._live[api_key]

    def code(self, account: Account) -> str:
        """The code the account's authenticator shows now."""
        return pyotp.TOTP(account.totp).at(self._system() // SECOND)

    def account(self, api_key: str) -> Account:
        """The account of an app; raises KiteError when there is none."""
        return self._app(api_key)

    def _app(self, api_key: str) -> Account:
        if not api_key:
            raise KiteError.missing("api_key")
        if (app := self._by_key.get(api_key)) is None:
            raise KiteError.bad_input("Invalid `api_key`.")
        return app

    def _draw(self) -> str:
        self._drawn += 1
        return letters(digest(self._seed, "token", self._drawn), 32)

    def _hand_out(self, kind: dict[str, _Pending], account: Account, seconds: float) -> str:
        while len(kind) >= _OPEN_LOGINS:
            del kind[next(iter(kind))]
        word = self._draw()
        kind[word] = _Pending(account, self._steady() + seconds)
        return word

    def _take(self, kind: dict[str, _Pending], word: str) -> Account:
        pending = kind.pop(word, None)
        if pending is None or pending.until < self._steady():
            raise KiteError.dead_token()
        return pending.account


def _same(a: str, b: str) -> bool:
    return hmac.compare_digest(a.encode(), b.encode())
