"""Every route with who may use it and how often; a route that is not listed cannot be served."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from firki.serve.problem import Problem, refuse
from firki.timing import steady

CALLER: Final = "firki.caller"
"""Scope entry: who asks, as the guard found out; "" for nobody."""
ROUTE: Final = "firki.route"
"""Scope entry: the path template of the route that answers."""


class Role(StrEnum):
    """Who may use a route."""

    OPEN = "open"
    """Anybody on this machine; what a caller without a credential sees is the route's own care."""
    READ = "read"
    WRITE = "write"
    """A credential, and from a browser the page's own header too."""


@dataclass(frozen=True, slots=True)
class Access:
    """``per_second`` is each caller's limit in steady time, and what it may use in one burst."""

    role: Role
    per_second: int


_CHEAP: Final = Access(Role.READ, 20_000)
_READ: Final = Access(Role.READ, 1_000)
_OPEN: Final = Access(Role.OPEN, 200)
_WRITE: Final = Access(Role.WRITE, 50)

ACCESS: Final[dict[tuple[str, str], Access]] = {
    ("GET", "/api/candles/{key:path}"): _CHEAP,
    ("GET", "/api/instruments"): _READ,
    ("GET", "/api/instruments/{key:path}"): _READ,
    ("GET", "/api/quotes"): _READ,
    ("GET", "/api/status"): _READ,
    ("GET", "/api/subscriptions"): _READ,
    ("GET", "/api/clock"): _READ,
    ("POST", "/api/clock"): _WRITE,
    ("POST", "/api/ticks"): Access(Role.WRITE, 1_000),
    ("POST", "/api/links"): _WRITE,
    ("POST", "/api/logout"): _WRITE,
    ("WEBSOCKET", "/api/stream"): Access(Role.READ, 50),
    ("GET", "/health"): _OPEN,
    ("GET", "/metrics"): Access(Role.READ, 50),
    ("GET", "/login"): _OPEN,
    ("GET", "/plain.css"): _OPEN,
    ("GET", "/openapi.json"): Access(Role.READ, 50),
    ("GET", "/docs"): Access(Role.READ, 50),
    ("GET", "/{path:path}"): _READ,
}


def names(route: BaseRoute) -> list[tuple[str, str]]:
    """A route's entries in the table; HEAD is GET without the body."""
    if isinstance(route, WebSocketRoute):
        return [("WEBSOCKET", route.path)]
    if isinstance(route, Route) and route.methods:
        return [(method, route.path) for method in sorted(route.methods - {"HEAD"})]
    raise LookupError(f"route {route!r}: expected one with a path and its methods")


def admit(routes: Iterable[BaseRoute], *, now: Callable[[], float] = steady) -> None:
    """Put each route behind its entry; raises LookupError for a route without one."""
    for route in routes:
        entries = [(method, path, ACCESS.get((method, path))) for method, path in names(route)]
        for method, path, access in entries:
            if access is None:
                raise LookupError(f"{method} {path}: expected an entry in serve.access.ACCESS")
            assert isinstance(route, Route | WebSocketRoute)
            route.app = _Admitted(route.app, path, access, now)


class _Bucket:
    """A caller's allowance: refilled all the time, never above one second's worth."""

    __slots__ = ("at", "left")

    def __init__(self, left: float, at: float) -> None:
        self.left, self.at = left, at


class _Admitted:
    """One route behind its access entry."""

    _MOST_CALLERS: Final = 256

    def __init__(self, app: ASGIApp, path: str, access: Access, now: Callable[[], float]) -> None:
        self._app, self._path, self._access, self._now = app, path, access, now
        self._buckets: dict[str, _Bucket] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[ROUTE] = self._path
        caller = scope.get(CALLER, "")
        if not caller and self._access.role is not Role.OPEN:
            # the guard lets nobody through to here; this holds where an app is built without it
            await refuse(scope, send, Problem(401, "unauthorised", "a credential is needed"))
        elif not self._take(caller):
            detail = f"more than {self._access.per_second} requests a second to {self._path}"
            problem = Problem(429, "too_many_requests", detail)
            await refuse(scope, send, problem, [(b"retry-after", b"1")])
        else:
            await self._app(scope, receive, send)

    def _take(self, caller: str) -> bool:
        now, most = self._now(), self._access.per_second
        bucket = self._buckets.get(caller)
        if bucket is None:
            if len(self._buckets) >= self._MOST_CALLERS:
                self._buckets.clear()
            bucket = self._buckets[caller] = _Bucket(float(most), now)
        left = min(float(most), bucket.left + (now - bucket.at) * most)
        bucket.at = now
        if left < 1:
            bucket.left = left
            return False
        bucket.left = left - 1
        return True
