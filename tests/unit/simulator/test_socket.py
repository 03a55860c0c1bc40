import asyncio
import contextlib
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.simulated import INFY, NIFTY, USDINR, FakeMarket, Simulated, access_token, simulator
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from firki.kite.wire import decode
from firki.model.tick import TickBatch
from firki.simulator.box import Rules
from firki.simulator.control import ClockOrder, set_clock
from firki.simulator.socket import frame_head

pytestmark = pytest.mark.slow


async def say(client: ClientConnection, action: str, value: Any) -> None:
    await client.send(json.dumps({"a": action, "v": value}))


async def ticks(client: ClientConnection) -> TickBatch:
    """The next frame that holds ticks."""
    while True:
        frame = await asyncio.wait_for(client.recv(), 5)
        if isinstance(frame, bytes) and len(frame) > 1:
            return decode(frame)


async def words(client: ClientConnection) -> str:
    """The next error text."""
    while True:
        frame = await asyncio.wait_for(client.recv(), 5)
        if isinstance(frame, str):
            message = json.loads(frame)
            assert message["type"] == "error"
            return str(message["data"])


def dial(sim: Simulated, url: str | None = None) -> connect:
    return connect(url or sim.socket_url, proxy=None, max_size=None)


async def test_a_socket_gets_the_newest_snapshot_at_once_and_then_what_is_news() -> None:
    async with simulator() as sim, dial(sim) as client:
        await say(client, "subscribe", [INFY, NIFTY, 99])
        first = await ticks(client)
        assert first.instrument_token.tolist() == [INFY, NIFTY]
        assert first.length.tolist() == [44, 28]
        await say(client, "mode", ["full", [INFY]])
        assert (await ticks(client)).length.tolist() == [184]
        await set_clock(sim.box, ClockOrder(to="09:00:04"))
        got = [await ticks(client) for _ in range(4)]
        assert [frame.length.tolist() for frame in got] == [[184], [184], [184], [184, 28]]
        assert got[-1].last_price.tolist() == [1001, 1001]
        assert got[-1].exchange_ts[0] == sim.box.clock.now()
        assert got[1].depth()[0, 0, 0]["quantity"] == 2


@pytest.mark.parametrize(
    ("mode", "length", "count"), [("ltp", 8, 2), ("quote", 44, 5), ("full", 184, 10)]
)
async def test_each_mode_hears_what_changes_in_it(mode: str, length: int, count: int) -> None:
    async with simulator() as sim, dial(sim) as client:
        await say(client, "mode", [mode, [INFY]])
        await ticks(client)
        await set_clock(sim.box, ClockOrder(to="09:00:10"))
        got = [await ticks(client) for _ in range(count)]
        assert {int(frame.length[0]) for frame in got} == {length}
        await say(client, "unsubscribe", [INFY])
        await say(client, "subscribe", [USDINR])
        assert (await ticks(client)).instrument_token.tolist() == [USDINR]
        await set_clock(sim.box, ClockOrder(to="09:00:12"))
        assert (await ticks(client)).instrument_token.tolist() == [USDINR]


async def test_a_wrong_token_is_refused_with_403_and_another_path_with_404() -> None:
    async with simulator() as sim:
        for url, status in (
            (sim.socket_url + "x", 403),
            (f"{sim.websocket}/", 403),
            (sim.socket_url.replace("/?", "/feed?"), 404),
        ):
            with pytest.raises(InvalidStatus) as refused:
                await dial(sim, url)
            assert refused.value.response.status_code == status
            assert json.loads(refused.value.response.body or b"")["status"] == "error"


async def test_the_fourth_socket_of_an_app_is_refused_until_one_goes() -> None:
    async with simulator(accounts=2) as sim, contextlib.AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(dial(sim)) for _ in range(3)]
        with pytest.raises(InvalidStatus) as refused:
            await dial(sim)
        assert refused.value.response.status_code == 429
        other = sim.box.accounts[1]
        url = f"{sim.websocket}/?api_key={other.api_key}&access_token={access_token(sim.box, 1)}"
        await stack.enter_async_context(dial(sim, url))
        await opened[0].close()
        await stack.enter_async_context(dial(sim))
        assert len(sim.box.hub.clients) == 4


async def test_a_dead_token_keeps_its_socket_but_opens_no_new_one() -> None:
    async with simulator() as sim, dial(sim) as client:
        await say(client, "mode", ["ltp", [INFY]])
        await ticks(client)
        await set_clock(sim.box, ClockOrder(to="2026-11-21T06:00:00"))
        with pytest.raises(InvalidStatus) as refused:
            await dial(sim)
        assert refused.value.response.status_code == 403
        await set_clock(sim.box, ClockOrder(to="2026-11-21T09:00:08"))
        assert sim.box.market.trading_date.day == 21
        await say(client, "unsubscribe", [INFY])
        await say(client, "subscribe", [USDINR])
        while (frame := await ticks(client)).instrument_token.tolist() != [USDINR]:
            pass
        assert frame.last_price.tolist() == [1002]


async def test_the_3001st_instrument_is_refused_in_words_and_the_socket_lives_on() -> None:
    async with simulator(market=FakeMarket(count=3001)) as sim, dial(sim) as client:
        every = sim.box.hub.directory.token.tolist()
        await say(client, "subscribe", every)
        assert len(await ticks(client)) == 3000
        assert "3000" in await words(client)
        await say(client, "unsubscribe", every[:1])
        await say(client, "subscribe", every[3000:])
        assert (await ticks(client)).instrument_token.tolist() == every[3000:]


@pytest.mark.parametrize(
    "message",
    [
        "", "{", "[]", '{"a":"subscribe"}', '{"a":"subscribe","v":"408065"}',
        '{"a":"subscribe","v":[1.5]}', '{"a":"dance","v":[]}', '{"a":"mode","v":["full"]}',
        '{"a":"mode","v":["fast",[408065]]}', '{"a":"mode","v":[["full"],[408065]]}',
        '{"a":"subscribe","v":[true]}', "[" * 5000,
    ],
)  # fmt: skip
async def test_a_message_that_makes_no_sense_is_answered_in_words(message: str) -> None:
    async with simulator() as sim, dial(sim) as client:
        await client.send(message)
        assert await words(client)
        await say(client, "subscribe", [INFY])
        assert (await ticks(client)).instrument_token.tolist() == [INFY]


async def test_numbers_that_are_no_tokens_are_ignored_like_unknown_tokens() -> None:
    async with simulator() as sim, dial(sim) as client:
        await say(client, "subscribe", [-1, 2**70, 0, INFY])
        assert (await ticks(client)).instrument_token.tolist() == [INFY]


async def test_silence_is_filled_with_a_heartbeat_a_second_even_while_the_clock_stands() -> None:
    async with simulator() as sim, dial(sim) as client:
        loop = asyncio.get_running_loop()
        start = loop.time()
        beats = [await asyncio.wait_for(client.recv(), 2) for _ in range(2)]
        assert beats == [b"\x00", b"\x00"]
        assert 1.5 < loop.time() - start < 2.6


async def test_pings_are_answered_and_fragmented_messages_understood() -> None:
    async with simulator() as sim, dial(sim) as client:
        await asyncio.wait_for(await client.ping(), 2)
        await client.send(['{"a":"subscribe",', f'"v":[{INFY}]}}'])
        assert (await ticks(client)).instrument_token.tolist() == [INFY]


async def test_a_client_that_does_not_read_is_cut_off_and_the_others_hear_everything() -> None:
    rules = Rules(running=False, strict_limits=False, most_waiting_bytes=200_000)
    async with simulator(rules, market=FakeMarket(count=1000)) as sim, dial(sim) as reader:
        deaf = await asyncio.to_thread(open_by_hand, sim)
        every = sim.box.hub.directory.token.tolist()
        text = json.dumps({"a": "mode", "v": ["full", every]}).encode()
        deaf.sendall(masked(text))
        await say(reader, "mode", ["full", [INFY]])
        await ticks(reader)
        while len(sim.box.hub.report()[-1]["tokens"]) < 1000:
            await asyncio.sleep(0.005)
        await set_clock(sim.box, ClockOrder(to="09:02:00"))
        got = [await ticks(reader) for _ in range(120)]
        assert got[-1].exchange_ts[0] == sim.box.clock.now()
        await asyncio.sleep(0)
        assert len(sim.box.hub.clients) == 1
        deaf.close()


async def test_frames_are_the_same_however_the_clock_was_run() -> None:
    async def heard(*stops: str) -> list[bytes]:
        async with simulator() as sim, dial(sim) as client:
            await say(client, "mode", ["full", [INFY, NIFTY]])
            await ticks(client)
            for stop in stops:
                await set_clock(sim.box, ClockOrder(to=stop))
            return [(await ticks(client)).payload for _ in range(60)]

    at_once = await heard("09:01:00")
    assert (
        await heard("09:00:00.150", "09:00:07", "09:00:07.999", "09:00:31", "09:01:00") == at_once
    )


async def test_the_sockets_are_closed_when_the_server_ends() -> None:
    async with simulator() as sim:
        client = await dial(sim)
    await asyncio.wait_for(client.wait_closed(), 2)
    assert client.close_code == 1001


@pytest.mark.parametrize("size", [1, 125, 126, 65_535, 65_536])
def test_a_frame_s_head_is_as_long_as_its_size_asks(size: int) -> None:
    head = frame_head(size)
    assert head[0] == 0x82
    length = head[1] if head[1] < 126 else int.from_bytes(head[2:], "big")
    assert length == size
    assert len(head) == (2 if size < 126 else 4 if size < 65_536 else 10)


def open_by_hand(sim: Simulated) -> socket.socket:
    """A websocket of which nothing is read any more."""
    place = urlsplit(sim.url)
    opened = socket.create_connection((place.hostname, place.port))
    opened.sendall(handshake(sim))
    assert opened.recv(12) == b"HTTP/1.1 101"
    return opened


def handshake(sim: Simulated) -> bytes:
    """A websocket handshake by hand."""
    target = sim.socket_url.removeprefix(sim.websocket)
    return (
        f"GET {target} HTTP/1.1\r\nHost: {sim.url.removeprefix('http://')}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()


def masked(text: bytes) -> bytes:
    """A text message of a client, with a mask of zeros."""
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text
