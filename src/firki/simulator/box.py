"""One simulated Kite: its market, clock, accounts and sockets, and who asks for what."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import time
from typing import Final

from firki.simulator.accounts import Account
from firki.simulator.clock import MarketClock, Schedule
from firki.simulator.hub import Hub
from firki.simulator.limits import RequestLimits
from firki.simulator.player import LOOK_HZ, Days, Player
from firki.simulator.session import Sessions
from firki.simulator.socket import MOST_WAITING_BYTES
from firki.simulator.venue import Market
from firki.timing import SECOND, steady, system_now

FRAME_NS: Final = SECOND // 10
MOST_PACKETS: Final = 3000
REAL_TIME: Final = Schedule(((time(), 1.0),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How strict and how quick a simulator is."""

    seed: int = 7
    schedule: Schedule = REAL_TIME
    day_start: time = time(9)
    """When the days after the first begin."""
    running: bool = True
    strict_limits: bool = True
    keep_tokens: bool = False
    """Access tokens outlive 06:00."""
    frame_ns: int = FRAME_NS
    """Market time that goes into one frame."""
    max_packets: int = MOST_PACKETS
    look_hz: float = LOOK_HZ
    most_waiting_bytes: int = MOST_WAITING_BYTES


class Box:
    """The parts of one simulated Kite, joined."""

    def __init__(
        self,
        market: Market,
        days: Days,
        accounts: Sequence[Account],
        rules: Rules,
        *,
        start_ts: int,
        steady: Callable[[], float] = steady,
        system: Callable[[], int] = system_now,
    ) -> None:
        if start_ts >= market.open_ts:
            market.advance(start_ts)
        self.rules = rules
        self.accounts = tuple(accounts)
        self.clock = MarketClock(start_ts, rules.schedule, running=rules.running)
        self.sessions = Sessions(
            accounts, clock=self.clock, steady=steady, system=system, seed=rules.seed,
            keep_tokens=rules.keep_tokens,
        )  # fmt: skip
        self.limits = RequestLimits(steady, strict=rules.strict_limits)
        self.hub = Hub(
            market, steady=steady, max_packets=rules.max_packets, frame_ns=rules.frame_ns
        )
        self.player = Player(
            market, clock=self.clock, hub=self.hub, days=days, day_start=rules.day_start,
            steady=steady, look_hz=rules.look_hz,
        )  # fmt: skip

    @property
    def market(self) -> Market:
        """Today's market."""
        return self.player.market
