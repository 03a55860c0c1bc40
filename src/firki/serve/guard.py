"""The outermost layer: which host was meant, who asks, and what every answer carries.

Pure ASGI on purpose: a function-style middleware halves the rate of the candle route.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firki.config.tree import is_loopback
from firki.serve.access import CALLER, ROUTE
from firki.serve.auth import KEY_PREFIX
from firki.serve.credentials import Credentials
from firki.serve.measure import RequestMeter
from firki.serve.plain import STYLE_PATH, plain_page
from firki.serve.problem import Headers, Problem, refuse, respond
from firki.timing import steady

SESSION: Final = "firki.session"
"""Scope entry: the secret of the browser session that asks; absent for a key."""

_POLICY: Final = (
    b"default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; "
    b"frame-ancestors 'none'"
)
_SECURITY: Final[Headers] = [
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
_HTML: Final = (b"content-type", b"text/html; charset=utf-8")
_NO_STORE: Final = (b"cache-control", b"no-store")
_DECIDING: Final = frozenset({b"host", b"authorization", b"cookie", b"origin", b"x-firki"})
_SAFE: Final = frozenset({"GET", "HEAD"})
_OPEN_PATHS: Final = frozenset({"/health", "/login", STYLE_PATH})
_KEY: Final = re.compile(
    rb"%b|(?:^|&)(?:api_?key|access_token|authorization)=" % KEY_PREFIX.encode(), re.IGNORECASE
)
_DENIED: Final = Problem(
    401,
    "unauthorised",
    "expected Authorization: Bearer KEY with firki's own key (keys/cli in the data folder), "
    "or the session that the printed link opens",
)
_LOCKED: Final = plain_page(
    "This page is locked",
    """<p>Open the one-time link that firki printed where it was started. A link works once and for
five minutes; <code>firki link</code> prints a new one (<code>firki link --demo</code> one of the
demo's page).</p>
""",
).encode()


def too_many_failures(wait: float) -> Problem:
    """Said to whoever brings wrong credentials faster than a person would."""
    return Problem(429, "too_many_failures", f"too many wrong credentials; wait {wait:.0f} s")


class Guard:
    """Lets through who has a credential and came by a name of this machine; refuses the rest."""

    def __init__(
        self,
        app: ASGIApp,
        credentials: Credentials,
        meter: RequestMeter,
        *,
        public_url: str | None = None,
    ) -> None:
        self.inner, self._credentials, self.meter = app, credentials, meter
        self._public = urlsplit(public_url) if public_url else None
        self._host_allowed = lru_cache(maxsize=64)(self._is_ours)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.inner(scope, receive, send)
            return
        began = steady()
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"].endswith("response.start"):
                status = message["status"]
                message["headers"] = _with_security(message["headers"])
            await send(message)

        problem = self._look(scope)
        if problem is None:
            await self.inner(scope, receive, answer)
        else:
            await self._refuse(scope, answer, problem)
        if scope["type"] == "http":
            self.meter.count(scope.get(ROUTE, ""), scope["method"], status, steady() - began)

    def _look(self, scope: Scope) -> Problem | None:
        """Why the request is refused, or None; who asks is then written into the scope."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if len(headers) != len(scope["headers"]) and _repeats(scope):
            return Problem(400, "repeated_header", "expected each header that identifies once")
        if not self._host_allowed(headers.get(b"host", b"")):
            return Problem(
                421, "wrong_host", "the Host header names neither this machine nor serve.public_url"
            )
        if scope["query_string"] and _holds_key(scope["query_string"]):
            return Problem(
                400,
                "key_in_address",
                "a key does not belong in an address, where logs and histories keep it; "
                "send it in the header Authorization: Bearer KEY",
            )
        return self._identify(scope, headers)

    def _identify(self, scope: Scope, headers: dict[bytes, bytes]) -> Problem | None:
        authorization = headers.get(b"authorization", b"")
        if authorization:
            scheme, _, key = authorization.decode("latin-1").partition(" ")
            if scheme.lower() == "bearer" and self._credentials.keys.check(key.strip()):
                scope[CALLER] = "key"
                return self._check_origin(scope, headers)
            wait = self._credentials.wrong_keys.fail()
            return too_many_failures(wait) if wait else _DENIED
        session = _cookie(headers.get(b"cookie", b""), self._credentials.cookie_name)
        if session and self._credentials.sessions.check(session):
            scope[CALLER], scope[SESSION] = session, session
            return self._check_browser(scope, headers)
        scope[CALLER] = ""
        return None if scope["path"] in _OPEN_PATHS else _DENIED

    def _check_browser(self, scope: Scope, headers: dict[bytes, bytes]) -> Problem | None:
        """A cookie comes along by itself, so what it may do must name our own page."""
        if scope["type"] == "websocket":
            if b"origin" not in headers:
                return Problem(403, "no_origin", "expected the header Origin from a browser")
        elif scope["method"] not in _SAFE and headers.get(b"x-firki") != b"1":
            return Problem(403, "no_page_header", "expected the header X-Firki: 1 on a write")
        return self._check_origin(scope, headers)

    def _check_origin(self, scope: Scope, headers: dict[bytes, bytes]) -> Problem | None:
        """Where a browser says whose page asks, it must be a page from here."""
        origin = headers.get(b"origin")
        reading = scope["type"] == "http" and scope["method"] in _SAFE
        if origin is None or reading:
            return None
        if self._public is not None and self._public.netloc.encode() == headers.get(b"host"):
            ours = f"{self._public.scheme}://{self._public.netloc}".encode()
        else:
            ours = b"http://" + headers.get(b"host", b"")
        if origin.lower() == ours.lower():
            return None
        return Problem(403, "foreign_origin", "the Origin header names another site's page")

    async def _refuse(self, scope: Scope, send: Send, problem: Problem) -> None:
        headers: Headers = []
        if problem.status == 401:
            headers = [(b"www-authenticate", b"Bearer")]
            if _wants_page(scope):
                await respond(scope, send, 401, _LOCKED, [_HTML, *headers])
                return
        elif problem.status == 429:
            headers = [(b"retry-after", b"60")]
        await refuse(scope, send, problem, headers)

    def _is_ours(self, host: bytes) -> bool:
        """Loopback by any of its names, or the public address; a foreign name that resolves to
        this machine is how a web page reaches a server on loopback."""
        text = host.decode("latin-1").lower()
        if self._public is not None and text == self._public.netloc.lower():
            return True
        try:
            name = urlsplit(f"//{text}").hostname or ""
            _ = urlsplit(f"//{text}").port  # raises where it is no port
        except ValueError:
            return False
        return is_loopback(name)


def _repeats(scope: Scope) -> bool:
    """Whether a header we decide by comes twice: others might go by the other one."""
    names = [name for name, _ in scope["headers"] if name in _DECIDING]
    return len(names) != len(set(names))


def _holds_key(query: bytes) -> bool:
    plain = unquote_to_bytes(query) if b"%" in query else query
    return _KEY.search(plain) is not None


def _cookie(header: bytes, name: str) -> str:
    wanted = name.encode() + b"="
    for item in header.split(b";"):
        item = item.strip()
        if item.startswith(wanted):
            return item[len(wanted) :].decode("latin-1")
    return ""


def _with_security(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    given = list(headers)
    if not any(name == b"cache-control" for name, _ in given):
        given.append(_NO_STORE)
    given.extend(_SECURITY)
    return given


def _wants_page(scope: Scope) -> bool:
    """Whether a person's browser asks, for a file of the page."""
    return (
        scope["type"] == "http"
        and scope["method"] == "GET"
        and not scope["path"].startswith(("/api/", "/metrics", "/openapi.json"))
    )
