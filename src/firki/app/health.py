"""How firki is, in one document: what it holds, how old that is, and what went wrong."""

import resource
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from firki.app.market import Market
from firki.app.skew import SkewWatch
from firki.capture.plant import Counts
from firki.model.calendar import Calendar, ist_text
from firki.model.session import PhaseKind, SessionClass
from firki.ports import Clock, Reports
from firki.timing import SECOND, steady

_STALE_SECONDS: Final = 5.0
_RECENT_SECONDS: Final = 300.0
_RATE_SECONDS: Final = 5
_OPEN: Final = frozenset({PhaseKind.CONTINUOUS, PhaseKind.PRE_OPEN, PhaseKind.PRE_OPEN_LIMIT})


class Fed(Protocol):
    """Where records come from: the plant, or the reader of a past day."""

    @property
    def counts(self) -> Counts: ...

    def report(self) -> dict[str, Any]: ...


class Health:
    """Builds the document; ``sample`` is called once a second for the rates."""

    def __init__(
        self,
        market: Market,
        feed: Fed,
        clock: Clock,
        calendar: Calendar,
        *,
        pools: list[Reports],
        skew: SkewWatch,
        texts: Reports,
        unknown_wishes: Callable[[], list[str]],
        notes: Callable[[], list[str]],
        refused_ticks: Mapping[str, int],
        now: Callable[[], float] = steady,
    ) -> None:
        """``refused_ticks`` counts the posted ones, by reason; ``now`` is steady time."""
        self._market = market
        self._feed = feed
        self._clock = clock
        self._calendar = calendar
        self._pools = pools
        self._skew = skew
        self._texts = texts
        self._unknown = unknown_wishes
        self._start_ts = clock.now()
        self._now = now
        self._start_steady = now()
        self._samples: deque[tuple[float, int]] = deque(maxlen=_RATE_SECONDS + 1)
        self._told = notes
        self._refused_ticks = refused_ticks

    def sample(self) -> None:
        self._start_ts = self._start_ts or self._clock.now()  # a replay's clock begins at 0
        self._samples.append((self._now(), self._feed.counts.ticks))

    def word(self) -> str:
        """The document's status without the document."""
        connections = self._connections()
        return self._status(_age(connections), self._phase(self._clock.now()), connections)

    def document(self) -> dict[str, Any]:
        """The whole of ``/health``."""
        now = self._clock.now()
        day = self._market.day
        connections = self._connections()
        age, phase = _age(connections), self._phase(now)
        tick_ts = day.grid.newest_tick_ts
        tick_age = None if tick_ts is None else round(max(0, now - tick_ts) / SECOND, 1)
        return {
            "status": self._status(age, phase, connections),
            "as_of": ist_text(now),
            "market": {"phase": phase.value, "trading_date": day.trading_date.isoformat()},
            "phases": self._phases(now),
            "journal": day.journal.report(),
            "connections": connections,
            "ticks_per_second": self.rate(),
            "data_age_seconds": age,
            "tick_age_seconds": tick_age,
            "has_recent_data": tick_age is not None and tick_age <= _RECENT_SECONDS,
            "exchange_lag_seconds": self._skew.lag_seconds,
            **self._market.totals(),
            "posted_refused": dict(self._refused_ticks),
            "feed": self._feed.report(),
            "unknown_wishes": self._unknown(),
            "notes": self._notes(),
            "broker": self._texts.report(),
            "handler_failures": self._market.bus.report()["handler_failures"],
            **self._market.forming_counts(),
            "last_tick_time": None if tick_ts is None else ist_text(tick_ts),
            "start_time": ist_text(self._start_ts or now),
            "uptime_seconds": round(self._now() - self._start_steady, 1),
            "memory_mb": round(memory_bytes() / 1e6, 1),
        }

    def rate(self) -> float:
        """Ticks a second of steady time, over the last seconds."""
        if len(self._samples) < 2:
            return 0.0
        (before, had), (after, has) = self._samples[0], self._samples[-1]
        return round((has - had) / max(after - before, 1e-9), 1)

    def _connections(self) -> list[dict[str, Any]]:
        return [connection for pool in self._pools for connection in pool.report()["connections"]]

    def _phase(self, now: int) -> PhaseKind:
        return self._calendar.state(SessionClass.CASH, now)

    def _phases(self, now: int) -> dict[str, str]:
        """What the exchange does now, by class of instruments: they do not close together."""
        return {kind.value: self._calendar.state(kind, now).value for kind in SessionClass}

    def _status(
        self, age: float | None, phase: PhaseKind, connections: list[dict[str, Any]]
    ) -> str:
        failed = self._market.day.journal.report()["failure"]
        if failed:
            return "critical"
        stale = age is None or age > _STALE_SECONDS
        if connections and phase in _OPEN and stale:
            return "degraded"
        closed = any(c["state"] != "open" for c in connections)
        return "degraded" if closed or self._notes() else "ok"

    def _notes(self) -> list[str]:
        return [*self._told(), *([self._skew.note] if self._skew.note else [])]


def _age(connections: list[dict[str, Any]]) -> float | None:
    """Since the newest frame of any of them."""
    ages = [c["age_seconds"] for c in connections if c["age_seconds"] is not None]
    return round(min(ages), 1) if ages else None


def memory_bytes() -> int:
    """Resident memory of this process, measured."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()
