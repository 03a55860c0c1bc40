"""Request limits by class and api_key, as Kite counts them (Kite Connect v3, "Rate limits")."""

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final

from firki.kite.vocabulary import HISTORY_LIMIT, ORDER_LIMIT, OTHER_LIMIT, QUOTE_LIMIT, Limit
from firki.simulator.envelope import KiteError


class RequestClass(Enum):
    """Requests that are counted together."""

    QUOTE = "quote"
    HISTORICAL = "historical"
    ORDER = "order"
    OTHER = "other"


LIMITS: Final[Mapping[RequestClass, Limit]] = {
    RequestClass.QUOTE: QUOTE_LIMIT,
    RequestClass.HISTORICAL: HISTORY_LIMIT,
    RequestClass.ORDER: ORDER_LIMIT,
    RequestClass.OTHER: OTHER_LIMIT,
}

JITTER_SECONDS: Final = 0.02
"""What a window is shorter here: requests arrive less evenly than the client sent them."""


class RequestLimits:
    """At most so many requests a second, in steady time; a refused one is not counted."""

    def __init__(
        self,
        steady: Callable[[], float],
        limits: Mapping[RequestClass, Limit] = LIMITS,
        *,
        strict: bool = True,
    ) -> None:
        self._steady = steady
        self._limits = limits
        self._strict = strict
        self._taken: dict[tuple[str, RequestClass], deque[float]] = defaultdict(deque)

    def take(self, api_key: str, kind: RequestClass) -> None:
        """Count one request; raises KiteError 429 above the limit."""
        if not self._strict:
            return
        now, limit, taken = self._steady(), self._limits[kind], self._taken[api_key, kind]
        while taken and now - taken[0] >= limit.seconds - JITTER_SECONDS:
            taken.popleft()
        if len(taken) >= limit.calls:
            raise KiteError.too_many()
        taken.append(now)
