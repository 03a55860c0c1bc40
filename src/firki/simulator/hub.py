"""Who is connected: the sockets of each app, what they get, and that they are never silent."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from firki.kite.vocabulary import MAX_CONNECTIONS, MODE_WORDS
from firki.simulator.directory import Directory
from firki.simulator.subscription import News, Subscription, cuts
from firki.simulator.venue import Market, Snapshots
from firki.timing import pause

IDLE_SECONDS: Final = 1.0
HEARTBEAT: Final = b"\x00"
_LOOK_SECONDS: Final = 0.1


class Outlet(Protocol):
    """The sending side of one client."""

    def send(self, frames: list[bytes]) -> None:
        """Never waits; a client that does not read is cut off."""

    @property
    def waiting(self) -> int:
        """Bytes that the client has not taken yet."""

    def cut(self) -> None:
        """End the connection without a word."""


class Client:
    """One open socket."""

    def __init__(self, api_key: str, outlet: Outlet, directory: Directory, now: float) -> None:
        self.api_key = api_key
        self.outlet = outlet
        self.subscription = Subscription(directory)
        self.sent_at = now
        self.frames = 0
        self.packets = 0

    def send(self, frames: list[bytes], now: float, packets: int = 0) -> None:
        self.outlet.send(frames)
        self.sent_at = now
        self.frames += len(frames)
        self.packets += packets


class Hub:
    """All open sockets and the market they hear."""

    def __init__(
        self, market: Market, *, steady: Callable[[], float], max_packets: int, frame_ns: int
    ) -> None:
        self._steady = steady
        self._max_packets, self.frame_ns = max_packets, frame_ns
        self.clients: list[Client] = []
        self.open_day(market)

    def open_day(self, market: Market) -> None:
        """Go on with this market; the sockets keep the tokens that it still lists."""
        self._market = market
        self.directory = Directory.of(market.listing)
        every = np.arange(len(self.directory))
        self._news = News(market.current(every)[0])
        for client in self.clients:
            client.subscription.relist(self.directory)

    def has_room(self, api_key: str) -> bool:
        """Whether the app may open one more socket."""
        return sum(client.api_key == api_key for client in self.clients) < MAX_CONNECTIONS

    def join(self, api_key: str, outlet: Outlet) -> Client:
        client = Client(api_key, outlet, self.directory, self._steady())
        self.clients.append(client)
        return client

    def leave(self, client: Client) -> None:
        self.clients.remove(client)

    def publish(self, snapshots: Snapshots) -> None:
        """Each client gets what is news to it, one frame per step of market time."""
        levels, now = self._news.levels(snapshots), self._steady()
        for client in self.clients:
            chosen = client.subscription.select(snapshots, levels)
            if len(chosen):
                frames = self._frames(client, snapshots, chosen)
                client.send(frames, now, len(chosen))

    def greet(self, client: Client, rows: npt.NDArray[np.int64]) -> None:
        """The newest snapshot of each of the rows that has one."""
        columns, depth = self._market.current(rows)
        there = np.flatnonzero(columns[0])
        frames = client.subscription.frames(
            rows[there], columns[:, there], depth[there], max_packets=self._max_packets
        )
        if frames:
            client.send(frames, self._steady(), len(there))

    def beat(self) -> None:
        """A heartbeat to each client that has heard nothing for a second."""
        now = self._steady()
        for client in list(self.clients):
            if now - client.sent_at >= IDLE_SECONDS:
                client.send([HEARTBEAT], now)

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            await pause(_LOOK_SECONDS)
            self.beat()

    def report(self) -> list[dict[str, Any]]:
        """Who is connected, with which tokens and modes."""
        return [
            {
                "api_key": client.api_key,
                "frames": client.frames,
                "packets": client.packets,
                "waiting_bytes": client.outlet.waiting,
                "tokens": {
                    str(token): MODE_WORDS[mode]
                    for token, mode in client.subscription.modes().items()
                },
            }
            for client in self.clients
        ]

    def _frames(
        self, client: Client, snapshots: Snapshots, chosen: npt.NDArray[np.int64]
    ) -> list[bytes]:
        columns, depth = snapshots.columns[:, chosen], snapshots.depth[chosen]
        rows, at = snapshots.row[chosen], cuts(snapshots.delivery_ts[chosen], self.frame_ns)
        frames = []
        for start, end in pairwise(at):
            frames += client.subscription.frames(
                rows[start:end], columns[:, start:end], depth[start:end],
                max_packets=self._max_packets,
            )  # fmt: skip
        return frames
