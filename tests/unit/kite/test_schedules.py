"""A connection under random schedules of faults, wishes and time, on lines made of memory."""

import asyncio
import json
import random

import pytest
from tests.fakes.kite_server import apply, frame_of
from tests.fakes.listener import KeepingListener
from tests.fakes.steady import FakeSteady

from firki.kite.dial import Owner
from firki.kite.stream import KiteFeed
from firki.kite.upkeep import Pace
from firki.ports import Mode, RecordKind

PACE = Pace()
EVENTS = 60


class Line:
    """A socket of memory: ``told`` is what a server would have understood."""

    def __init__(self, world: "World", owner: Owner) -> None:
        self.world = world
        self.owner = owner
        self.token = ""
        self.dialling = False
        self.open = False
        self.told: dict[int, Mode] = {}
        self._answered = asyncio.Event()

    async def connect(self, url: str) -> None:
        self.token = url.rpartition("=")[2]
        self.world.on_dial(self)
        self.dialling = True
        await self._answered.wait()

    def send(self, message: bytes) -> None:
        assert self.open, "sent to a socket that is not open"
        apply(self.told, json.loads(message))

    def drop(self) -> None:
        if self.dialling or self.open:
            self.close()
            self.world.must_wait(self.world.backoff())

    def close(self) -> None:
        self.dialling = self.open = False
        self._answered.set()


class World:
    """Decides what happens, and holds every dialling against what is allowed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.steady = FakeSteady()
        self.line: Line | None = None
        self.token = "first"
        self.refused: str | None = None
        self.fruitless = 0
        self.free_at = 0.0
        self.opened = 0
        feed = KiteFeed(
            "AB1234", "key", lambda: self.token, steady=self.steady, dial=self.dial, pace=PACE
        )
        self.connection = feed.connect(0, KeepingListener())
        self.wish: dict[int, Mode] = {}

    def dial(self, owner: Owner) -> Line:
        return Line(self, owner)

    def on_dial(self, line: Line) -> None:
        before = self.line
        assert before is None or not (before.dialling or before.open), "two sockets at once"
        assert self.steady.now() >= self.free_at, "dialled within the backoff"
        assert line.token != self.refused, "a refused token was tried again"
        self.refused = None
        self.line = line

    def backoff(self) -> float:
        """The shortest wait allowed: it doubles up to a minute, jitter takes off half at most."""
        self.fruitless += 1
        return min(PACE.longest_wait, PACE.first_wait * 2.0 ** (self.fruitless - 1)) / 2

    def must_wait(self, seconds: float) -> None:
        self.free_at = self.steady.now() + seconds - 1e-6

    async def happen(self) -> None:
        """One random event that the present state allows, then some time."""
        line = self.line
        if line is not None and line.open:
            self._disturb(line)
        elif line is not None and line.dialling:
            self._answer(line)
        if self.chance.random() < 0.3:
            self.token = self.chance.choice(("first", "second", "third", "fourth", ""))
        if self.chance.random() < 0.3:
            tokens = self.chance.sample(range(1, 30), 6)
            self.wish = {token: self.chance.choice(list(Mode)) for token in tokens}
            self.connection.want(self.wish)
        self.check()
        await self.steady.advance(self.chance.choice((0.0, 0.2, 0.2, 1.0, 1.0, 4.0, 4.0, 20.0)))
        self.check()

    def check(self) -> None:
        if self.line is not None and self.line.open:
            assert self.line.told == self.wish, "an open socket was not told the wish"

    def _disturb(self, line: Line) -> None:
        match self.chance.randrange(5):
            case 0:
                line.close()
                self.must_wait(self.backoff())
                line.owner.lost("reset")
            case 1:
                self.connection.replace("stands still")
            case 2:
                self.fruitless = 0
                line.owner.heard()
            case _:
                self.fruitless = 0
                line.owner.message(frame_of(line.told), RecordKind.FRAME)

    def _answer(self, line: Line) -> None:
        match self.chance.randrange(10):
            case 0:
                line.close()
                self.must_wait(self.backoff())
                line.owner.lost("closed port")
            case 1:
                line.close()
                self.refused = line.token
                self.must_wait(PACE.ask)
                line.owner.answered(403)
            case 2:
                line.close()
                self.must_wait(max(PACE.too_many, self.backoff()))
                line.owner.answered(429)
            case 3:
                pass  # no answer yet, perhaps never
            case _:
                line.dialling, line.open = False, True
                line.owner.opened()
                self.opened += 1


async def _play(seed: int) -> int:
    world = World(seed)
    running = asyncio.create_task(world.connection.run())
    try:
        for _ in range(EVENTS):
            await world.happen()
            assert not running.done(), running.exception()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert world.line is None or not (world.line.open or world.line.dialling)
    return world.opened


@pytest.mark.slow
@pytest.mark.parametrize("block", range(3))
async def test_no_schedule_hammers_doubles_or_forgets_the_wish(block: int) -> None:
    opened = [await _play(seed) for seed in range(100 * block, 100 * block + 100)]
    assert sum(opened) > 300, "the schedules hardly ever opened a socket"
