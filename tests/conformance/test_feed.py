"""Every feed there is, held to the suite of the port."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from tests.conformance.feed import SUITE, Market, MarketFactory
from tests.fakes.kite_server import ScriptedServer
from tests.simulated import TOKENS, Simulated, access_token, simulator

from firki.kite.stream import KiteFeed
from firki.kite.upkeep import Pace
from firki.simulator.control import ClockOrder, set_clock
from firki.timing import SECOND

QUICK = Pace(first_wait=0.02)


class Scripted:
    """Kite as a script."""

    def __init__(self, server: ScriptedServer) -> None:
        self.feed = KiteFeed("AB1234", "key", lambda: "token", server.root, pace=QUICK)
        self.tokens = TOKENS
        self._server = server

    async def tick(self) -> None:
        await self._server.tick()

    async def cut(self) -> None:
        for client in self._server.clients:
            client.cut()


class InABox:
    """Kite as firki's simulator plays it."""

    def __init__(self, sim: Simulated) -> None:
        key = sim.box.accounts[0].api_key
        self.feed = KiteFeed(
            "AB1234", key, lambda: access_token(sim.box), sim.websocket, pace=QUICK
        )
        self.tokens = TOKENS
        self._box = sim.box

    async def tick(self) -> None:
        await set_clock(self._box, ClockOrder(to=self._box.clock.now() + 4 * SECOND))

    async def cut(self) -> None:
        for client in list(self._box.hub.clients):
            client.outlet.cut()


@asynccontextmanager
async def scripted() -> AsyncIterator[Market]:
    async with ScriptedServer().running() as server:
        yield Scripted(server)


@asynccontextmanager
async def simulated() -> AsyncIterator[Market]:
    async with simulator() as sim:
        yield InABox(sim)


@pytest.mark.slow
@pytest.mark.parametrize("rule", SUITE, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("factory", [scripted, simulated], ids=lambda made: made.__name__)
async def test_feed(factory: MarketFactory, rule: Callable[[Market], Awaitable[None]]) -> None:
    async with factory() as market:
        await rule(market)
