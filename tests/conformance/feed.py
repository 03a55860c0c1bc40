"""What any ``Feed`` and its ``Connection`` must do; a new broker's feed is done when it passes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import pytest
from tests.fakes.listener import KeepingListener

from firki.errors import Corrupt
from firki.ports import Connection, ConnectionState, Feed, Frame, Mode, RecordKind


class Market(Protocol):
    """A feed and the far side of it."""

    @property
    def feed(self) -> Feed: ...

    @property
    def tokens(self) -> Sequence[int]:
        """Three instruments that exist."""

    async def tick(self) -> None:
        """Give every wanted instrument something new to tell."""

    async def cut(self) -> None:
        """Reset every socket there is."""


MarketFactory = Callable[[], AbstractAsyncContextManager[Market]]


class Follower:
    """A running connection and what it told."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.heard = KeepingListener()
        self.connection: Connection = market.feed.connect(1, self.heard)
        self._read = 0

    async def see(self, wish: dict[int, Mode]) -> None:
        """Until each token of the wish has sent a packet that carries its mode."""
        left = dict(wish)
        while left:
            for token, length in await self._next():
                if token in left and mode_of(length) >= left[token]:
                    del left[token]

    async def next_tokens(self) -> set[int]:
        """Tokens of the next frame that holds any, after making the market move."""
        self._read = len(self._frames())
        await self.market.tick()
        while True:
            if found := {token for token, _ in await self._next()}:
                return found

    def _frames(self) -> list[bytes]:
        return [payload for _, payload, kind in self.heard.frames if kind is RecordKind.FRAME]

    async def _next(self) -> list[tuple[int, int]]:
        payload = (await self.heard.receive(self._read + 1))[self._read]
        self._read += 1
        batch = self.market.feed.decode(frame(payload))
        return list(zip(batch.instrument_token.tolist(), batch.length.tolist(), strict=True))


@asynccontextmanager
async def follow(market: Market, wish: dict[int, Mode]) -> AsyncIterator[Follower]:
    follower = Follower(market)
    follower.connection.want(wish)
    running = asyncio.create_task(follower.connection.run())
    try:
        yield follower
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def frame(payload: bytes) -> Frame:
    return Frame(seq=1, received_ts=2, connection=3, payload=payload)


def mode_of(length: int) -> Mode:
    """The mode whose fields a packet of this length carries; see ``TickBatch.length``."""
    return {8: Mode.LTP, 28: Mode.QUOTE, 44: Mode.QUOTE, 32: Mode.FULL, 184: Mode.FULL}[length]


async def what_is_wanted_comes_in_its_mode(market: Market) -> None:
    one, two, three = market.tokens
    wish = {one: Mode.FULL, two: Mode.QUOTE, three: Mode.LTP}
    async with follow(market, wish) as it:
        await it.see(wish)


async def a_new_wish_replaces_the_old_one(market: Market) -> None:
    one, two, three = market.tokens
    async with follow(market, {one: Mode.FULL, two: Mode.FULL}) as it:
        await it.see({one: Mode.FULL, two: Mode.FULL})
        it.connection.want({two: Mode.FULL, three: Mode.FULL})
        await it.see({three: Mode.FULL})
        assert await it.next_tokens() == {two, three}


async def a_mode_can_be_raised(market: Market) -> None:
    one = market.tokens[0]
    async with follow(market, {one: Mode.LTP}) as it:
        await it.see({one: Mode.LTP})
        it.connection.want({one: Mode.FULL})
        await it.see({one: Mode.FULL})


async def a_wish_made_before_the_start_is_kept(market: Market) -> None:
    follower = Follower(market)
    follower.connection.want({market.tokens[0]: Mode.FULL})
    assert follower.heard.frames == []
    running = asyncio.create_task(follower.connection.run())
    await follower.see({market.tokens[0]: Mode.FULL})
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def the_set_comes_back_after_a_loss(market: Market) -> None:
    wish = dict.fromkeys(market.tokens, Mode.FULL)
    async with follow(market, wish) as it:
        await it.see(wish)
        await market.cut()
        await it.heard.reach(ConnectionState.OPEN, connection=1, times=2)
        await it.see(wish)
        assert it.connection.report()["reconnects"] == 1


async def the_set_comes_back_after_a_replacement(market: Market) -> None:
    wish = dict.fromkeys(market.tokens, Mode.QUOTE)
    async with follow(market, wish) as it:
        await it.see(wish)
        it.connection.replace("asked for by a test")
        await it.heard.reach(ConnectionState.OPEN, connection=1, times=2)
        await it.see(wish)
        assert it.connection.report()["replaced"] == 1


async def open_comes_before_the_frames_and_closed_after_them(market: Market) -> None:
    wish = dict.fromkeys(market.tokens, Mode.FULL)
    async with follow(market, wish) as it:
        await it.see(wish)
    log = it.heard.log
    assert {line.split()[0] for line in log} == {"1"}
    assert log.index("1 OPEN") < log.index("1 FRAME")
    assert log[-1] == "1 CLOSED"


async def a_stopped_connection_says_nothing_more(market: Market) -> None:
    async with follow(market, {market.tokens[0]: Mode.FULL}) as it:
        await it.see({market.tokens[0]: Mode.FULL})
    told = list(it.heard.log)
    await market.tick()
    await asyncio.sleep(0)
    assert it.heard.log == told


async def the_report_has_its_words(market: Market) -> None:
    wish = {market.tokens[0]: Mode.FULL}
    async with follow(market, wish) as it:
        await it.see(wish)
        report = it.connection.report()
    assert report["state"] == "open"
    assert report["age_seconds"] >= 0
    counters = ("replaced", "reconnects", "unanswered")
    assert {name: report[name] for name in counters} == dict.fromkeys(counters, 0)
    assert report["unanswered_tokens"] == []


async def bytes_that_are_no_frame_are_corrupt(market: Market) -> None:
    for payload in (b"", b"\xff\xff", b"\0\1\0\xb8"):
        with pytest.raises(Corrupt):
            market.feed.decode(frame(payload))


SUITE = (
    what_is_wanted_comes_in_its_mode,
    a_new_wish_replaces_the_old_one,
    a_mode_can_be_raised,
    a_wish_made_before_the_start_is_kept,
    the_set_comes_back_after_a_loss,
    the_set_comes_back_after_a_replacement,
    open_comes_before_the_frames_and_closed_after_them,
    a_stopped_connection_says_nothing_more,
    the_report_has_its_words,
    bytes_that_are_no_frame_are_corrupt,
)
