"""A pool shares one account's wish among connections, on a feed made of memory."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.fakes.listener import KeepingListener
from tests.fakes.steady import settle

from firki.capture.pool import Pool
from firki.errors import Rejected
from firki.model.tick import TickBatch
from firki.ports import ConnectionState, Frame, Listener, Mode, RecordKind


class FakeConnection:
    """Remembers its wish; ``running`` counts how often ``run`` is under way."""

    def __init__(self, number: int, listener: Listener) -> None:
        self.number = number
        self.listener = listener
        self.wish: dict[int, Mode] = {}
        self.running = 0
        self.replaced: list[str] = []
        self.failure: Exception | None = None
        self.failing = asyncio.Event()

    def want(self, tokens: Mapping[int, Mode]) -> None:
        self.wish = dict(tokens)
        if isinstance(self.listener, KeepingListener):
            self.listener.log.append(f"{self.number} want")

    def replace(self, reason: str) -> None:
        self.replaced.append(reason)

    async def run(self) -> None:
        self.running += 1
        assert self.running == 1, "run twice at once"
        try:
            self.listener.on_state(self.number, ConnectionState.OPEN, "open")
            await self.failing.wait()
            assert self.failure is not None
            raise self.failure
        finally:
            await settle(2)  # closing takes a moment
            self.running -= 1

    def fail(self, error: Exception) -> None:
        self.failure = error
        self.failing.set()

    def report(self) -> dict[str, Any]:
        return {"state": "open", "age_seconds": 0.5, "replaced": len(self.replaced)}


class FakeFeed:
    def __init__(self) -> None:
        self.connections: list[FakeConnection] = []

    def connect(self, connection: int, listener: Listener) -> FakeConnection:
        self.connections.append(FakeConnection(connection, listener))
        return self.connections[-1]

    def decode(self, frame: Frame) -> TickBatch:
        raise AssertionError("a pool decodes nothing")


class Rig:
    def __init__(self, *, max_connections: int = 3, max_instruments: int = 4) -> None:
        self.feed = FakeFeed()
        self.heard = KeepingListener()
        self.pool = Pool(
            self.feed,
            self.heard,
            account="AB1234",
            max_connections=max_connections,
            max_instruments=max_instruments,
        )

    @property
    def wishes(self) -> list[dict[int, Mode]]:
        return [connection.wish for connection in self.feed.connections]

    @property
    def running(self) -> list[int]:
        return [connection.running for connection in self.feed.connections]

    @asynccontextmanager
    async def run(self) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.pool.run())
        await settle()
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def full(*tokens: int) -> dict[int, Mode]:
    return dict.fromkeys(tokens, Mode.FULL)


async def test_only_the_connections_that_are_needed_run() -> None:
    it = Rig()
    it.pool.want(full(1, 2, 3, 4, 5))
    async with it.run():
        assert it.running == [1, 1, 0]
        it.pool.want(full(*range(1, 10)))
        await settle()
        assert it.running == [1, 1, 1]
    assert it.running == [0, 0, 0]


async def test_an_emptied_connection_stops_and_can_be_filled_again() -> None:
    it = Rig()
    it.pool.want(full(1, 2))
    async with it.run():
        it.pool.want({})
        await settle()
        assert it.running == [0, 0, 0]
        it.pool.want(full(7))
        await settle()
        assert it.running == [1, 0, 0]
        it.pool.want({})
        it.pool.want(full(8))
        it.pool.want({})
        it.pool.want(full(9))
        await settle()
        assert it.running == [1, 0, 0]
        assert it.wishes[0] == full(9)


async def test_the_listener_hears_a_wish_before_its_connection() -> None:
    it = Rig()
    it.pool.want({1: Mode.FULL, 2: Mode.LTP})
    assert it.heard.log == ["0 WANTED", "0 want"]
    connection, payload, kind = it.heard.frames[0]
    assert (connection, kind) == (0, RecordKind.WANTED)
    assert json.loads(payload) == {"1": 3, "2": 1}


async def test_only_connections_whose_share_changed_are_told() -> None:
    it = Rig(max_instruments=2)
    it.pool.want(full(1, 2, 3))
    it.heard.log.clear()
    it.pool.want({**full(2, 3), 1: Mode.FULL})
    assert it.heard.log == []
    it.pool.want({**full(1, 2), 3: Mode.LTP})
    changed = next(i for i, wish in enumerate(it.wishes) if 3 in wish)
    assert it.heard.log == [f"{changed} WANTED", f"{changed} want"]


async def test_too_many_instruments_are_refused_by_number_and_the_rest_is_wanted() -> None:
    it = Rig(max_connections=2, max_instruments=2)
    with pytest.raises(Rejected, match=r"AB1234: 3 of 7 instruments refused, first 5"):
        it.pool.want(full(*range(1, 8)))
    assert sorted(it.wishes[0] | it.wishes[1]) == [1, 2, 3, 4]
    assert it.pool.report()["refused"] == 3
    it.pool.want(full(6, 7))
    assert it.pool.report()["refused"] == 0


@pytest.mark.parametrize("token", [0, -1, 1 << 32])
async def test_a_number_that_is_no_token_changes_nothing(token: int) -> None:
    it = Rig()
    it.pool.want(full(1))
    with pytest.raises(Rejected, match=str(token)):
        it.pool.want(full(1, 2, token))
    assert it.wishes[0] == full(1)


async def test_what_breaks_one_connection_ends_the_pool() -> None:
    it = Rig()
    it.pool.want(full(1, 2, 3, 4, 5))
    async with it.run() as running:
        it.feed.connections[1].fail(OSError("disk full"))
        with pytest.raises(BaseExceptionGroup) as raised:
            await running
        assert raised.group_contains(OSError, match="disk full")
    assert it.running == [0, 0, 0]


async def test_the_report_names_account_load_and_mode_of_each_connection() -> None:
    it = Rig()
    it.pool.want({1: Mode.FULL, 2: Mode.LTP, 3: Mode.FULL, 4: Mode.FULL, 5: Mode.FULL})
    report = it.pool.report()
    assert {key: report[key] for key in ("account", "tokens", "places", "refused")} == {
        "account": "AB1234",
        "tokens": 5,
        "places": 12,
        "refused": 0,
    }
    assert report["connections"] == [
        {"account": "AB1234", "connection": 0, "tokens": 3, "mode": "full"}
        | it.feed.connections[0].report(),
        {"account": "AB1234", "connection": 1, "tokens": 2, "mode": "mixed"}
        | it.feed.connections[1].report(),
    ]


async def test_one_connection_can_be_replaced() -> None:
    it = Rig()
    it.pool.want(full(*range(1, 6)))
    it.pool.replace(1, "exchange time stands still")
    assert it.feed.connections[1].replaced == ["exchange time stands still"]
    assert it.feed.connections[0].replaced == []


async def test_what_a_connection_tells_reaches_the_listener_with_its_number() -> None:
    it = Rig()
    it.pool.want(full(*range(1, 6)))
    async with it.run():
        assert [(i, state) for i, state, _ in it.heard.states] == [
            (0, ConnectionState.OPEN),
            (1, ConnectionState.OPEN),
        ]
