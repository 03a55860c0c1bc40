"""A connection to Kite over real sockets on loopback; only its steady time is the test's."""

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.fakes.kite_server import Client, ScriptedServer, frame_of
from tests.fakes.listener import KeepingListener
from tests.fakes.steady import FakeSteady

from firki.errors import AuthExpired, ConfigError, Corrupt
from firki.kite.stream import KiteConnection, KiteFeed
from firki.ports import ConnectionState as State
from firki.ports import Frame, Mode, RecordKind

INFY, RELIANCE, NIFTY = 408065, 738561, 256265
WISH = {INFY: Mode.FULL, RELIANCE: Mode.QUOTE, NIFTY: Mode.FULL}


class Rig:
    """A connection, the server it talks to, and the clock it lives by."""

    def __init__(self, server: ScriptedServer, token: Callable[[], str] = lambda: "token") -> None:
        self.server = server
        self.steady = FakeSteady()
        self.heard = KeepingListener()
        self.feed = KiteFeed("AB1234", "key", token, server.root, steady=self.steady)
        self.connection: KiteConnection = self.feed.connect(0, self.heard)

    async def open(self, number: int = 0) -> Client:
        """The server's side of the ``number``-th socket, once the connection knows it is open."""
        await self.heard.reach(State.OPEN, times=number + 1)
        return await self.server.client(number)

    async def reopen(self, number: int = 1) -> Client:
        """The same after the wait that follows a loss."""
        await self.heard.reach(State.WAITING, times=number)
        await self.try_again(number + 1)
        return await self.open(number)

    async def try_again(self, tries: int) -> None:
        """Let just enough time pass for the connection to have tried ``tries`` times."""
        while sum(state is State.CONNECTING for _, state, _ in self.heard.states) < tries:
            await self.steady.advance(0.25)


@asynccontextmanager
async def rig(
    token: Callable[[], str] = lambda: "token", *, greet: bool = False
) -> AsyncIterator[Rig]:
    async with ScriptedServer(greet=greet).running() as server:
        made = Rig(server, token)
        made.connection.want(WISH)
        running = asyncio.create_task(made.connection.run())
        try:
            yield made
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_the_handshake_is_the_one_kite_expects() -> None:
    async with rig() as it:
        await it.open()
        assert it.server.paths == ["/?api_key=key&access_token=token"]
        headers = {name.lower(): value for name, value in it.server.headers[0].items()}
        assert headers["x-kite-version"] == "3"
        assert "sec-websocket-protocol" not in headers
        assert "sec-websocket-extensions" not in headers


async def test_subscriptions_and_modes_are_sent_exactly() -> None:
    async with rig() as it:
        client = await it.open()
        await client.told_to_be(WISH)
        assert client.messages == [
            {"a": "subscribe", "v": [INFY, NIFTY]},
            {"a": "mode", "v": ["full", [INFY, NIFTY]]},
            {"a": "subscribe", "v": [RELIANCE]},
            {"a": "mode", "v": ["quote", [RELIANCE]]},
        ]


async def test_only_the_difference_of_a_new_wish_is_sent() -> None:
    async with rig() as it:
        client = await it.open()
        await client.told_to_be(WISH)
        said = len(client.messages)
        it.connection.want({INFY: Mode.LTP, NIFTY: Mode.FULL, 779521: Mode.FULL})
        await client.told_to_be({INFY: Mode.LTP, NIFTY: Mode.FULL, 779521: Mode.FULL})
        assert client.messages[said:] == [
            {"a": "unsubscribe", "v": [RELIANCE]},
            {"a": "subscribe", "v": [779521]},
            {"a": "mode", "v": ["full", [779521]]},
            {"a": "mode", "v": ["ltp", [INFY]]},
        ]


async def test_an_equal_wish_sends_nothing() -> None:
    async with rig() as it:
        client = await it.open()
        await client.told_to_be(WISH)
        said = len(client.messages)
        it.connection.want(dict(reversed(WISH.items())))
        it.connection.want({**WISH, 779521: Mode.FULL})
        await client.told_to_be({**WISH, 779521: Mode.FULL})
        assert len(client.messages) == said + 2


async def test_frames_and_texts_arrive_as_they_were_sent() -> None:
    async with rig() as it:
        client = await it.open()
        await client.socket.send(b"\0")
        await client.socket.send(frame_of(WISH))
        await client.socket.send('{"type":"message","data":"hello"}')
        assert await it.heard.receive(2) == [b"\0", frame_of(WISH)]
        assert await it.heard.receive(1, RecordKind.TEXT) == [b'{"type":"message","data":"hello"}']


async def test_fragmented_messages_are_joined() -> None:
    async with rig() as it:
        client = await it.open()
        whole = frame_of(dict.fromkeys(range(1, 400), Mode.FULL))
        await client.socket.send([whole[:1], whole[1:500], b"", whole[500:]])
        await client.socket.send(['{"type":', '"message","data":"₹"}'])
        assert await it.heard.receive(1) == [whole]
        assert (await it.heard.receive(1, RecordKind.TEXT))[0].decode() == (
            '{"type":"message","data":"₹"}'
        )


async def test_pings_are_answered_and_count_as_life() -> None:
    async with rig() as it:
        client = await it.open()
        for _ in range(3):
            await it.steady.advance(4.0)
            await pong(client)
        assert it.connection.report()["age_seconds"] == 0.0
        assert it.connection.report()["replaced"] == 0


async def pong(client: Client) -> None:
    """Until a ping of the server is answered."""
    async with asyncio.timeout(5):
        await (await client.socket.ping())


async def test_nothing_is_said_while_the_wish_stands() -> None:
    async with rig() as it:
        client = await it.open()
        await client.told_to_be(WISH)
        said = len(client.messages)
        for count in range(1, 6):
            await client.socket.send(b"\0")
            await it.heard.receive(count)
            await it.steady.advance(3.0)
        await pong(client)
        assert len(client.messages) == said


async def test_the_whole_set_is_declared_again_after_a_reset() -> None:
    async with rig() as it:
        first = await it.open()
        await first.told_to_be(WISH)
        first.cut()
        second = await it.reopen()
        await second.told_to_be(WISH)
        assert it.connection.report()["reconnects"] == 1


async def test_a_wish_made_while_down_is_kept() -> None:
    async with rig() as it:
        first = await it.open()
        first.cut()
        await it.heard.reach(State.WAITING)
        it.connection.want({INFY: Mode.LTP})
        await (await it.reopen()).told_to_be({INFY: Mode.LTP})


async def test_a_silent_socket_is_replaced_with_the_right_modes_in_fifteen_seconds() -> None:
    async with rig() as it:
        first = await it.open()
        await first.socket.send(b"\0")
        await it.heard.receive(1)
        silent_since = it.steady.now()
        await it.steady.advance(5.0)
        assert await it.heard.reach(State.WAITING) == "silent for 5 s"
        await it.steady.advance(1.0)
        second = await it.open(1)
        await second.told_to_be(WISH)
        assert it.steady.now() - silent_since <= 15.0
        assert it.connection.report()["replaced"] == 1
        await first.gone.wait()


async def test_a_speaking_socket_is_left_alone() -> None:
    async with rig() as it:
        client = await it.open()
        for count in range(1, 6):
            await client.socket.send(b"\0")
            await it.heard.receive(count)
            await it.steady.advance(4.9)
        assert it.connection.report()["state"] == "open"
        assert len(it.server.clients) == 1


async def test_a_refused_token_is_not_tried_again_until_it_changes() -> None:
    token = ["old"]
    async with ScriptedServer().running() as server:
        server.refusals.extend([403] * 5)
        it = Rig(server, lambda: token[0])
        running = asyncio.create_task(it.connection.run())
        assert "403" in await it.heard.reach(State.REFUSED)
        await it.steady.advance(3600.0)
        assert len(server.paths) == 1
        server.refusals.clear()
        token[0] = "new"
        await it.steady.advance(5.0)
        await it.open()
        assert server.paths[1].endswith("access_token=new")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_missing_token_is_no_reason_to_call() -> None:
    def provider() -> str:
        raise AuthExpired("nobody has logged in")

    async with rig(provider) as it:
        assert await it.heard.reach(State.REFUSED) == "there is no access token: log in"
        await it.steady.advance(600.0)
        assert it.server.paths == []


async def test_a_new_token_is_read_at_each_connect() -> None:
    tokens = iter(["monday", "tuesday"])
    async with rig(lambda: next(tokens)) as it:
        (await it.open()).cut()
        await it.reopen()
        assert [path.rpartition("=")[2] for path in it.server.paths] == ["monday", "tuesday"]


async def test_too_many_connections_waits_at_least_a_second() -> None:
    async with ScriptedServer().running() as server:
        server.refusals.extend([429] * 4)
        it = Rig(server)
        running = asyncio.create_task(it.connection.run())
        for tries in range(1, 5):
            await it.heard.reach(State.WAITING, times=tries)
            await it.steady.advance(0.99)
            assert len(server.paths) == tries
            await it.try_again(tries + 1)
        await it.open()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_server_that_closes_at_once_is_not_hammered() -> None:
    async with rig() as it:
        for number in range(9):
            await (await it.open(number)).socket.close(1011)
            reason = await it.heard.reach(State.WAITING, times=number + 1)
            assert reason == "closed by the other side (code 1011)"
            await it.steady.advance(min(30.0, 2.0**number / 2) - 0.01)
            assert len(it.server.paths) == number + 1
            await it.try_again(number + 2)


async def test_a_peer_that_hangs_up_during_the_handshake_is_tried_again() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching")
        writer.close()

    async with tcp_server(hang_up) as (connection, steady, heard):
        assert await heard.reach(State.WAITING) == "closed during the handshake"
        await steady.advance(1.0)
        await heard.reach(State.WAITING, times=2)
        assert connection.report()["reconnects"] == 0


async def test_a_peer_that_takes_the_call_and_says_nothing_is_given_up() -> None:
    called, hung_up = asyncio.Event(), asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        called.set()
        await reader.read()
        hung_up.set()
        writer.close()

    async with tcp_server(say_nothing) as (_, steady, heard):
        async with asyncio.timeout(5):
            await called.wait()
        await steady.advance(9.9)
        assert not hung_up.is_set()
        await steady.advance(0.1)
        assert await heard.reach(State.WAITING) == "no answer to the handshake in 10 s"
        async with asyncio.timeout(5):
            await hung_up.wait()


@asynccontextmanager
async def tcp_server(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]],
) -> AsyncIterator[tuple[KiteConnection, FakeSteady, KeepingListener]]:
    """A connection that dials a bare TCP server."""
    calls: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(asyncio.ensure_future(talk(reader, writer)))
        await calls[-1]
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    steady, heard = FakeSteady(), KeepingListener()
    root = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    connection = KiteFeed("AB1234", "key", lambda: "token", root, steady=steady).connect(0, heard)
    async with server:
        running = asyncio.create_task(connection.run())
        yield connection, steady, heard
        running.cancel()
        await asyncio.gather(running, *calls, return_exceptions=True)


async def test_a_closed_port_is_tried_again_with_growing_waits() -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    steady, heard = FakeSteady(), KeepingListener()
    feed = KiteFeed("AB1234", "key", lambda: "token", f"ws://127.0.0.1:{port}", steady=steady)
    running = asyncio.create_task(feed.connect(0, heard).run())
    for tries in range(1, 4):
        assert "127.0.0.1" in await heard.reach(State.WAITING, times=tries)
        await steady.advance(8.0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\x82\x7f\x00\x00\x00\x00\x10\x00\x00\x00", "a frame is too big"),
        (b"\x83\x00", "a frame breaks the websocket protocol"),
        (b"\x80\x01x", "a continuation came without a beginning"),
        (b"\x02\x01x\x82\x01y", "a new message came inside a fragmented one"),
        (b"\xc2\x01x", "a frame uses an extension that was not agreed on"),
    ],
)
async def test_a_frame_that_breaks_the_rules_costs_the_socket(raw: bytes, reason: str) -> None:
    async with rig() as it:
        client = await it.open()
        client.socket.transport.write(raw)
        assert await it.heard.reach(State.WAITING) == reason
        assert it.heard.frames == []
        await (await it.reopen()).told_to_be(WISH)


async def test_a_fragmented_message_without_end_costs_the_socket() -> None:
    async with rig() as it:
        client = await it.open()
        part = bytes(1 << 20)
        header = b"\x7f" + len(part).to_bytes(8, "big")
        client.socket.transport.write(b"\x02" + header + part)
        for _ in range(4):
            client.socket.transport.write(b"\x00" + header + part)
        assert await it.heard.reach(State.WAITING) == "a message is longer than 4194304 bytes"
        assert it.heard.frames == []


async def test_open_is_told_before_its_first_frame_and_the_end_after_the_last() -> None:
    async with rig(greet=True) as it:
        client = await it.open()
        await it.heard.receive(1)
        client.cut()
        await it.heard.reach(State.WAITING)
        assert it.heard.log[:2] == ["0 CONNECTING", "0 OPEN"]
        assert set(it.heard.log[2:-1]) == {"0 FRAME"}
        assert it.heard.log[-1] == "0 WAITING"


async def test_replacing_opens_a_new_socket_with_the_same_wish() -> None:
    async with rig() as it:
        first = await it.open()
        it.connection.replace("exchange time stands still")
        assert await it.heard.reach(State.WAITING) == "exchange time stands still"
        second = await it.reopen()
        await second.told_to_be(WISH)
        await first.gone.wait()
        assert it.connection.report()["replaced"] == 1


async def test_tokens_that_never_answer_are_reported_after_ten_seconds() -> None:
    async with rig() as it:
        client = await it.open()
        await client.told_to_be(WISH)
        for count in range(1, 4):
            await client.socket.send(frame_of({INFY: Mode.FULL}))
            await it.heard.receive(count)
            await it.steady.advance(4.0)
        report = it.connection.report()
        assert report["unanswered"] == 2
        assert report["unanswered_tokens"] == [NIFTY, RELIANCE]
        await client.socket.send(frame_of({NIFTY: Mode.FULL, RELIANCE: Mode.QUOTE}))
        await it.heard.receive(4)
        assert it.connection.report()["unanswered"] == 0


async def test_a_changed_wish_is_owed_its_new_tokens_only() -> None:
    async with rig() as it:
        client = await it.open()
        await client.socket.send(frame_of({INFY: Mode.FULL}))
        await it.heard.receive(1)
        it.connection.want({INFY: Mode.LTP, NIFTY: Mode.FULL, 779521: Mode.FULL})
        for count in range(2, 5):
            await client.socket.send(b"\0")
            await it.heard.receive(count)
            await it.steady.advance(4.0)
        assert it.connection.report()["unanswered_tokens"] == [NIFTY, 779521]


async def test_answers_are_owed_again_after_a_reconnect() -> None:
    async with rig() as it:
        client = await it.open()
        await client.socket.send(frame_of(WISH))
        await it.heard.receive(1)
        client.cut()
        second = await it.reopen()
        for count in range(1, 4):
            await second.socket.send(b"\0")
            await it.heard.receive(1 + count)
            await it.steady.advance(4.0)
        assert it.connection.report()["unanswered"] == len(WISH)


async def test_what_the_listener_raises_ends_the_run() -> None:
    class Full(KeepingListener):
        def on_frame(self, connection: int, payload: bytes, kind: RecordKind) -> None:
            raise OSError("disk full")

    async with ScriptedServer().running() as server:
        feed = KiteFeed("AB1234", "key", lambda: "token", server.root)
        heard = Full()
        running = asyncio.create_task(feed.connect(0, heard).run())
        client = await server.client(0)
        await client.socket.send(b"\0")
        with pytest.raises(OSError, match="disk full"):
            await running
        await client.gone.wait()
        assert heard.states[-1][1] is State.CLOSED


async def test_a_stopped_connection_closes_its_socket_and_can_run_again() -> None:
    async with ScriptedServer().running() as server:
        it = Rig(server)
        for number in range(2):
            running = asyncio.create_task(it.connection.run())
            client = await it.open(number)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await client.gone.wait()
            assert it.heard.states[-1] == (0, State.CLOSED, "stopped")


async def test_no_secret_reaches_logs_reasons_or_reports(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(1)
    async with ScriptedServer().running() as server:
        server.refusals.extend([302, 500, 429])
        it = Rig(server, lambda: "s3cret-token")
        running = asyncio.create_task(it.connection.run())
        for tries in range(1, 4):
            await it.heard.reach(State.WAITING, times=tries)
            await it.try_again(tries + 1)
        client = await it.open()
        client.socket.transport.write(b"\x83\x00")
        await it.heard.reach(State.WAITING, times=4)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        told = f"{it.heard.states} {it.connection.report()} {running!r}"
    assert "s3cret" not in told
    assert not [record for record in caplog.records if "s3cret" in record.getMessage()]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl")
async def test_a_certificate_nobody_vouches_for_is_not_trusted(tmp_path: Path) -> None:
    words = "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout key -out cert"
    subprocess.run(["openssl", *words.split()], cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.read())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    steady, heard = FakeSteady(), KeepingListener()
    root = f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    feed = KiteFeed("AB1234", "key", lambda: "s3cret", root, steady=steady)
    async with server:
        running = asyncio.create_task(feed.connect(0, heard).run())
        assert (await heard.reach(State.WAITING)).startswith("certificate not trusted: self")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert requests == []


@pytest.mark.parametrize(
    "root",
    [
        "https://ws.kite.trade",
        "ws://ws.kite.trade",
        "ws://",
        "wss://ws.kite.trade/path",
        "wss://ws.kite.trade?x=1",
        "wss://me@ws.kite.trade",
    ],
)
def test_a_root_that_secrets_must_not_go_to_is_refused(root: str) -> None:
    with pytest.raises(ConfigError, match="root"):
        KiteFeed("AB1234", "key", lambda: "token", root)


@pytest.mark.parametrize(
    "root", ["wss://ws.kite.trade/", "ws://localhost:1", "ws://[::1]:1", "ws://sim:1"]
)
def test_local_roots_may_be_plain(root: str) -> None:
    KiteFeed("AB1234", "key", lambda: "token", root)


@pytest.mark.slow
def test_a_frame_decodes_to_its_ticks() -> None:
    feed = KiteFeed("AB1234", "key", lambda: "token")
    batch = feed.decode(Frame(seq=7, received_ts=9, connection=2, payload=frame_of(WISH)))
    assert batch.instrument_token.tolist() == list(WISH)
    assert (batch.seq, batch.received_ts, batch.connection) == (7, 9, 2)
    assert len(feed.decode(Frame(seq=8, received_ts=9, connection=2, payload=b"\0"))) == 0


@pytest.mark.slow
def test_a_cut_frame_is_corrupt() -> None:
    feed = KiteFeed("AB1234", "key", lambda: "token")
    with pytest.raises(Corrupt):
        feed.decode(Frame(seq=1, received_ts=0, connection=0, payload=frame_of(WISH)[:-1]))
