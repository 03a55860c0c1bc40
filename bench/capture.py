"""Socket to grid with the journal, beside the official client and a dictionary of candles.

Intent: 9,000 instruments in full mode at a tick a second are 90 frames of 100 packets a second,
evenly spread over three sockets. What does it take of one core to receive, journal, decode and fold
them? firki's intake runs as in `firki up`, without the gateway; the peer is KiteTicker, which gives
each tick as a dictionary, on one socket, without a journal. Each in a process of its own, processor
time of all its threads.

    python -m bench.capture
"""

import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final  # kiteconnect is untyped

import uvloop
from bench.rows import Row, show
from kiteconnect import KiteTicker
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from firki.app.bench.feed import DAY, OPEN, MadeUpFeed
from firki.app.bench.figure import Figure
from firki.app.folder import DataFolder
from firki.app.kernels import place_cache, warm
from firki.app.market import Market
from firki.app.market_day import Book, CalendarFiles, MarketDay, Tell
from firki.bus.memory import MemoryBus
from firki.capture.journal import JournalSettings
from firki.capture.plant import Plant
from firki.capture.pool import Pool
from firki.errors import FirkiError
from firki.kite.stream import KiteFeed
from firki.live.grid import Rules
from firki.model.tick import SECOND
from firki.ports import Mode
from firki.timing import DrivenClock

INSTRUMENTS: Final = 9_000
_PACKETS: Final = 100
_SOCKETS: Final = 3
_GOAL_PERCENT: Final = 5.0
_PEER: Final = "peer"
"""The api_key whose one socket is sent everything."""
_HEAD: Final = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,"
    "lot_size,instrument_type,segment,exchange\n"
)


def rows(*, seconds: int = 15) -> Iterator[Row]:
    """Percent of a core at the market's pace."""
    spawn = multiprocessing.get_context("spawn")
    found = []
    for client in (_firki, _kiteconnect):
        server_side, ours = spawn.Pipe()
        server = spawn.Process(target=_serve, args=(server_side, seconds + 10), daemon=True)
        server.start()
        try:
            (port,) = _receive(ours)
            answer, theirs = spawn.Pipe()
            process = spawn.Process(target=client, args=(theirs, port, seconds), daemon=True)
            process.start()
            found.append(_receive(answer))
            process.join(10)
        finally:
            server.terminate()
            server.join(10)
    (busy, ticks), (peer, peer_ticks) = found
    expected = INSTRUMENTS * seconds
    assert ticks > 0.9 * expected, f"{ticks} ticks of {expected}"
    assert peer_ticks > 0.9 * expected, f"{peer_ticks} ticks of {expected} at the peer"
    yield Row(
        Figure(
            what=f"socket to grid and journal, {INSTRUMENTS} ticks/s", value=100 * busy / seconds,
            unit="% of core", peer=100 * peer / seconds, beside="KiteTicker, dicts",
            less_is_better=True,
        ),
        _GOAL_PERCENT,
    )  # fmt: skip


def _receive(pipe: Connection) -> Any:
    if not pipe.poll(120):
        raise TimeoutError("a child process did not answer within two minutes")
    return pipe.recv()


# -- the server --------------------------------------------------------------------------------


def _serve(ready: Connection, seconds: int) -> None:
    feed = MadeUpFeed(INSTRUMENTS)
    frames = [frame.payload for frame in feed.frames(seconds, _PACKETS)]
    uvloop.run(_run_server(ready, frames))


async def _run_server(ready: Connection, frames: Sequence[bytes]) -> None:
    taken = iter(range(1_000))

    async def send(socket: ServerConnection) -> None:
        assert socket.request is not None
        every = f"api_key={_PEER}" in socket.request.path
        share = 1 if every else _SOCKETS
        first = 0 if every else next(taken) % _SOCKETS
        a_second = INSTRUMENTS // _PACKETS
        begin = asyncio.get_running_loop().time() + 1.0
        with suppress(ConnectionClosed):
            for number in range(first, len(frames), share):
                wait = begin + number / a_second - asyncio.get_running_loop().time()
                await asyncio.sleep(max(0.0, wait))
                await socket.send(frames[number])
        await socket.wait_closed()

    async with serve(send, "127.0.0.1", 0, compression=None, max_queue=None) as server:
        ready.send((next(iter(server.sockets)).getsockname()[1],))
        await asyncio.Event().wait()


# -- firki's intake ----------------------------------------------------------------------------


def _firki(answer: Connection, port: int, seconds: int) -> None:
    place_cache()
    warm()
    with tempfile.TemporaryDirectory(prefix="firki-bench-") as folder:
        answer.send(uvloop.run(_take_in(Path(folder), port, seconds)))


async def _take_in(folder: Path, port: int, seconds: int) -> tuple[float, int]:
    """Processor seconds and ticks of so many seconds."""
    tokens = MadeUpFeed(INSTRUMENTS).tokens.tolist()
    csv = _HEAD + "".join(
        f"{token},{token >> 8},S{token >> 8},,0,,0,0.05,1,EQ,NSE,NSE\n" for token in tokens
    )
    book = Book.of(csv.encode(), CalendarFiles.packaged(), Rules(), day=DAY)
    feed = KiteFeed("bench", "key", lambda: "token", f"ws://127.0.0.1:{port}")

    def open_day(_day: object, book: Book, tell: Tell) -> MarketDay:
        return MarketDay.open(
            DataFolder(folder), DAY, book,
            capacity=INSTRUMENTS, settings=JournalSettings(),
            on_failure=_fail, tell=tell,
        )  # fmt: skip

    market = Market(open_day, MemoryBus())
    plant = Plant(
        market.begin(DAY, book), clock=DrivenClock(OPEN * SECOND), decode=feed.decode,
        on_due=lambda: None, on_text=lambda _frame: None, on_state=lambda *_: None,
    )  # fmt: skip
    market.watch(tokens)
    pool = Pool(feed, plant, account="bench", max_connections=_SOCKETS, max_instruments=3_000)
    pool.want(dict.fromkeys(tokens, Mode.FULL))
    running = asyncio.create_task(pool.run())
    while plant.counts.ticks < 2 * INSTRUMENTS:
        await asyncio.sleep(0.05)
    busy, ticks = time.process_time(), plant.counts.ticks
    await asyncio.sleep(seconds)
    found = time.process_time() - busy, plant.counts.ticks - ticks
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    plant.release()
    await market.day.close()
    return found


def _fail(error: FirkiError) -> None:
    raise error


# -- the official client -----------------------------------------------------------------------


def _kiteconnect(answer: Connection, port: int, seconds: int) -> None:
    store = _Store()
    ticker: Any = KiteTicker(_PEER, "token", root=f"ws://127.0.0.1:{port}")
    ticker.on_ticks = store.apply
    ticker.connect(threaded=True)
    while store.ticks < 2 * INSTRUMENTS:
        time.sleep(0.05)
    busy, ticks = time.process_time(), store.ticks
    time.sleep(seconds)
    answer.send((time.process_time() - busy, store.ticks - ticks))


class _Store:
    """A dictionary a minute, as a first program around KiteTicker keeps it."""

    def __init__(self) -> None:
        self.ticks = 0
        self._volume: dict[int, int] = {}
        self.minutes: dict[tuple[int, Any], dict[str, Any]] = {}

    def apply(self, _socket: Any, ticks: list[dict[str, Any]]) -> None:
        self.ticks += len(ticks)
        for tick in ticks:
            token, price = tick["instrument_token"], tick["last_price"]
            traded = tick["volume_traded"] - self._volume.get(token, tick["volume_traded"])
            self._volume[token] = tick["volume_traded"]
            if not traded:
                continue
            minute = tick["last_trade_time"].replace(second=0)
            candle = self.minutes.get((token, minute))
            if candle is None:
                self.minutes[token, minute] = {
                    "open": price, "high": price, "low": price, "close": price, "volume": traded,
                }  # fmt: skip
                continue
            candle["high"] = max(candle["high"], price)
            candle["low"] = min(candle["low"], price)
            candle["close"] = price
            candle["volume"] += traded


if __name__ == "__main__":
    show(__doc__.partition("\n")[0], rows())
