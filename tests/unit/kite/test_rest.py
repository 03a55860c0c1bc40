"""Kite's REST API over a transport of memory, and over the simulator's own surface."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from typing import Any

import httpx2
import pytest
from tests.fakes.steady import FakeSteady
from tests.simulated import INFY, NIFTY, USDINR, access_token, simulator

from firki.errors import (
    AuthExpired,
    ConfigError,
    Corrupt,
    FirkiError,
    RateLimited,
    Rejected,
    Unavailable,
)
from firki.kite.auth import Session, checksum, exchange_token
from firki.kite.limits import Limits
from firki.kite.rest import KiteRest
from firki.kite.steady import Steady
from firki.kite.vocabulary import Limit
from firki.model.candle import DAY, MINUTE, Flag, Interval, SessionKind, Status
from firki.model.ist import ist_midnight, to_ist
from firki.model.tick import SECOND

FREE = Limits(quote=Limit(1000, 1.0), history=Limit(1000, 1.0), other=Limit(1000, 1.0))
DAY_NS = 86_400 * SECOND
TODAY = ist_midnight(date(2026, 11, 20))
LATER = TODAY + 30 * DAY_NS

Answer = Callable[[httpx2.Request], httpx2.Response]


def rest(
    answer: Answer | httpx2.Response,
    *,
    token: Callable[[], str] = lambda: "s3cret",
    now_ts: int = LATER,
    limits: Limits = FREE,
    steady: Steady | None = None,
) -> KiteRest:
    """A client whose every request gets this answer, or is answered by this function."""

    def send(request: httpx2.Request) -> httpx2.Response:
        made = answer(request) if callable(answer) else answer
        body = made.stream if isinstance(made.stream, Parts | Endless) else Parts(made.content)
        return httpx2.Response(made.status_code, headers=made.headers, stream=body)

    transport = httpx2.MockTransport(send)
    return KiteRest(
        "key", token, transport=transport, now=lambda: now_ts, limits=limits, steady=steady
    )


def never(request: httpx2.Request) -> httpx2.Response:
    raise AssertionError(f"sent {request.url}")


class Parts(httpx2.AsyncByteStream):
    """A body in parts of 100 bytes."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self._body), 100):
            yield self._body[at : at + 100]


class Endless(httpx2.AsyncByteStream):
    """A body that never ends."""

    def __init__(self) -> None:
        self.sent = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.sent += 1
            yield bytes(1 << 20)


def success(data: Any) -> httpx2.Response:
    return httpx2.Response(200, json={"status": "success", "data": data})


def failure(status: int, error_type: str, message: str = "No.") -> httpx2.Response:
    body = {"status": "error", "message": message, "error_type": error_type, "data": None}
    return httpx2.Response(status, json=body)


async def test_requests_are_signed_and_say_their_version() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return success({"user_id": "AB1234"})

    async with rest(answer) as kite:
        await kite.profile()
    assert seen[0].url == "https://api.kite.trade/user/profile"
    assert seen[0].headers["authorization"] == "token key:s3cret"
    assert seen[0].headers["x-kite-version"] == "3"


async def test_the_token_is_asked_for_at_every_call() -> None:
    tokens = iter(["monday", "tuesday"])
    seen: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.headers["authorization"])
        return success({"user_id": "AB1234"})

    async with rest(answer, token=lambda: next(tokens)) as kite:
        await kite.profile()
        await kite.profile()
    assert seen == ["token key:monday", "token key:tuesday"]


async def test_without_a_token_nothing_is_sent() -> None:
    async with rest(never, token=lambda: "") as kite:
        with pytest.raises(AuthExpired, match="log in"):
            await kite.profile()


async def test_the_profile_says_who_is_logged_in() -> None:
    data = {"user_id": "AB1234", "user_name": "A B", "exchanges": ["NSE", "NFO"], "meta": {}}
    async with rest(success(data)) as kite:
        profile = await kite.profile()
    assert (profile.user_id, profile.user_name) == ("AB1234", "A B")
    assert profile.exchanges == ["NSE", "NFO"]


@pytest.mark.parametrize(
    ("status", "error_type", "error"),
    [
        (403, "TokenException", AuthExpired),
        (400, "TokenException", AuthExpired),
        (403, "PermissionException", Rejected),
        (403, "", AuthExpired),
        (403, "SomethingNewException", AuthExpired),
        (400, "InputException", Rejected),
        (400, "UserException", Rejected),
        (500, "OrderException", Rejected),
        (400, "MarginException", Rejected),
        (404, "GeneralException", Rejected),
        (405, "GeneralException", Rejected),
        (410, "", Rejected),
        (428, "", Rejected),
        (429, "NetworkException", RateLimited),
        (429, "", RateLimited),
        (500, "GeneralException", Unavailable),
        (502, "DataException", Unavailable),
        (503, "NetworkException", Unavailable),
        (504, "", Unavailable),
        (200, "GeneralException", Unavailable),
        (200, "TokenException", AuthExpired),
    ],
)
async def test_vendor_errors_become_ours(
    status: int, error_type: str, error: type[FirkiError]
) -> None:
    async with rest(failure(status, error_type, "Not\nnow.")) as kite:
        with pytest.raises(FirkiError, match=r"GET /user/profile: Not now\. ") as raised:
            await kite.profile()
    assert type(raised.value) is error


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (200, Unavailable),
        (302, Unavailable),
        (403, Rejected),
        (404, Rejected),
        (429, RateLimited),
        (502, Unavailable),
    ],
)
async def test_a_page_instead_of_json_is_judged_by_its_status(
    status: int, error: type[FirkiError]
) -> None:
    async with rest(httpx2.Response(status, html="<h1>Hello</h1>")) as kite:
        with pytest.raises(FirkiError, match=r"GET /user/profile: expected JSON") as raised:
            await kite.profile()
    assert type(raised.value) is error


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"status":"success","data":{"user_id":"AB', Unavailable),
        (b"", Unavailable),
        (b"\xff\xfe", Unavailable),
        (b"[1,2]", Corrupt),
        (b'{"status":"success","data":{"user_id":7}}', Corrupt),
        (b'{"status":"success","data":null}', Corrupt),
        (b'{"status":"success"}', Corrupt),
        (b'{"status":5}', Corrupt),
    ],
)
async def test_json_that_is_cut_or_strange(body: bytes, error: type[FirkiError]) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=body, headers={"content-type": "application/json"})

    async with rest(answer) as kite:
        with pytest.raises(FirkiError, match=r"GET /user/profile") as raised:
            await kite.profile()
    assert type(raised.value) is error


@pytest.mark.parametrize(
    "fault",
    [
        httpx2.ConnectError("s3cret"),
        httpx2.ReadTimeout("s3cret"),
        httpx2.RemoteProtocolError("s3cret"),
        httpx2.PoolTimeout("s3cret"),
    ],
)
async def test_no_answer_is_unavailable_and_names_no_secret(fault: Exception) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        raise fault

    async with rest(answer) as kite:
        with pytest.raises(
            Unavailable, match=rf"no answer from api.kite.trade .{type(fault).__name__}"
        ) as raised:
            await kite.profile()
    assert "s3cret" not in str(raised.value)


async def test_an_endless_answer_is_cut_off() -> None:
    endless = Endless()
    async with rest(httpx2.Response(200, stream=endless)) as kite:
        with pytest.raises(Corrupt, match="larger than"):
            await kite.profile()
    assert endless.sent < 100


async def test_instruments_come_unpacked() -> None:
    csv = b"instrument_token,exchange_token\n408065,1594\n" * 100

    def answer(request: httpx2.Request) -> httpx2.Response:
        assert request.url.path == "/instruments"
        assert request.headers["accept-encoding"] == "gzip"
        return packed(gzip.compress(csv))

    async with rest(answer) as kite:
        assert await kite.instruments() == csv


def packed(body: bytes, encoding: str = "gzip") -> httpx2.Response:
    headers = {"content-type": "text/csv", "content-encoding": encoding}
    return httpx2.Response(200, stream=Parts(body), headers=headers)


@pytest.mark.parametrize("kept", [0, 1, 9, 60, 300, -8, -1])
async def test_an_archive_that_ends_too_early_is_unavailable(kept: int) -> None:
    """Half an instrument file must not pass for a whole one."""
    whole = gzip.compress(b"".join(b"%d,row\n" % number for number in range(500)))
    async with rest(packed(whole[:kept])) as kite:
        with pytest.raises(Unavailable, match="GET /instruments: the packed answer ends"):
            await kite.instruments()


async def test_a_broken_archive_is_unavailable() -> None:
    async with rest(packed(b"not an archive at all")) as kite:
        with pytest.raises(Unavailable, match="GET /instruments: the packed answer is broken"):
            await kite.instruments()


async def test_an_encoding_nobody_asked_for_is_corrupt() -> None:
    async with rest(packed(b"x", "br")) as kite:
        with pytest.raises(Corrupt, match="expected gzip or no encoding, found br"):
            await kite.instruments()


@pytest.mark.slow
async def test_an_archive_that_swells_without_end_is_cut_off() -> None:
    bomb = gzip.compress(bytes(80 << 20), 1)
    async with rest(packed(bomb)) as kite:
        with pytest.raises(Corrupt, match="larger than 67108864 bytes"):
            await kite.instruments()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (failure(403, "TokenException"), AuthExpired),
        (success([]), Corrupt),
        (httpx2.Response(503, text="down"), Unavailable),
    ],
)
async def test_what_is_no_instrument_file_is_an_error(
    answer: httpx2.Response, error: type[FirkiError]
) -> None:
    async with rest(answer) as kite:
        with pytest.raises(error, match="GET /instruments"):
            await kite.instruments()


def candle(day: int, minute: int, price: float = 100.0, *more: int) -> list[Any]:
    stamp = to_ist(TODAY + day * DAY_NS + minute * 60 * SECOND).strftime("%Y-%m-%dT%H:%M:%S+0530")
    return [stamp, price, price + 1, price - 1, price + 0.05, 1000, *more]


async def test_candles_come_as_columns() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        assert request.url.path == f"/instruments/historical/{INFY}/minute"
        assert dict(request.url.params) == {
            "from": "2026-11-20 00:00:00",
            "to": "2026-11-20 23:59:59",
            "continuous": "0",
            "oi": "0",
        }
        return success({"candles": [candle(0, 556, 101), candle(0, 555)]})

    async with rest(answer) as kite:
        found = await kite.history(INFY, MINUTE, TODAY, TODAY + DAY_NS - 1)
    assert found.start_ts.tolist() == [TODAY + m * 60 * SECOND for m in (555, 556)]
    assert found.open.tolist() == [100, 101]
    assert found.close.tolist() == [100.05, 101.05]
    assert found.volume.tolist() == [1000, 1000]
    assert (found.source, found.as_of_ts) == ("broker", LATER)
    assert set(found.status.tolist()) == {Status.FINAL}
    assert set(found.session.tolist()) == {SessionKind.CONTINUOUS}
    assert set(found.flags.tolist()) == {Flag.FINAL | Flag.NO_OI}
    assert set(found.instrument_token.tolist()) == {INFY}


async def test_derivatives_come_with_their_open_interest() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        assert request.url.params["oi"] == "1"
        return success({"candles": [candle(0, 555, 83.5, 77)]})

    async with rest(answer) as kite:
        found = await kite.history(USDINR, MINUTE, TODAY, LATER)
    assert found.oi.tolist() == [77]
    assert found.flags.tolist() == [Flag.FINAL]


async def test_an_index_has_no_volume() -> None:
    async with rest(success({"candles": [candle(0, 555)]})) as kite:
        found = await kite.history(NIFTY, MINUTE, TODAY, LATER)
    assert Flag(int(found.flags[0])) == Flag.FINAL | Flag.NO_OI | Flag.NO_VOLUME


async def test_a_candle_is_final_a_minute_after_its_end() -> None:
    now = TODAY + 557 * 60 * SECOND
    rows = [candle(0, minute) for minute in (554, 555, 556)]
    async with rest(success({"candles": rows}), now_ts=now) as kite:
        found = await kite.history(INFY, MINUTE, TODAY, LATER)
    assert found.status.tolist() == [Status.FINAL, Status.FINAL, Status.FORMING]
    assert [bool(flags & Flag.FINAL) for flags in found.flags.tolist()] == [True, True, False]


@pytest.mark.parametrize(
    ("interval", "days", "calls"),
    [
        (MINUTE, 60, 1),
        (MINUTE, 61, 2),
        (MINUTE, 365, 7),
        (Interval.of(5), 365, 4),
        (Interval.of(30), 365, 2),
        (Interval.of(60), 365, 1),
        (DAY, 2001, 2),
    ],
)
async def test_long_spans_are_cut_to_the_caps(interval: Interval, days: int, calls: int) -> None:
    spans: list[tuple[str, str]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        spans.append((request.url.params["from"], request.url.params["to"]))
        return success({"candles": []})

    async with rest(answer) as kite:
        found = await kite.history(INFY, interval, TODAY, TODAY + days * DAY_NS - 1)
    assert len(found) == 0
    assert len(spans) == calls
    ends = [datetime.fromisoformat(moment) for span in spans for moment in span]
    assert ends[0] == datetime(2026, 11, 20)  # noqa: DTZ001 (Kite's times are naive)
    assert ends[-1] == ends[0] + timedelta(days=days, seconds=-1)
    seams = [later - earlier for earlier, later in zip(ends[1::2], ends[2::2], strict=False)]
    assert set(seams) <= {timedelta(seconds=1)}


async def test_candles_of_two_answers_or_outside_the_span_appear_once_or_not() -> None:
    """Whatever a server makes of the ends of a span."""
    rows = [candle(0, 554), candle(0, 555), candle(59, 600), candle(61, 600), candle(90, 600)]
    begin, end = TODAY + 555 * 60 * SECOND, TODAY + 62 * DAY_NS
    async with rest(success({"candles": rows})) as kite:
        found = await kite.history(INFY, MINUTE, begin, end)
    assert found.start_ts.tolist() == [
        begin,
        TODAY + 59 * DAY_NS + 600 * 60 * SECOND,
        TODAY + 61 * DAY_NS + 600 * 60 * SECOND,
    ]


async def test_an_empty_span_asks_nobody() -> None:
    async with rest(never) as kite:
        assert len(await kite.history(INFY, MINUTE, TODAY, TODAY - 1)) == 0


async def test_an_interval_kite_does_not_have_is_rejected() -> None:
    async with rest(never) as kite:
        with pytest.raises(Rejected, match=r"history interval 7m: Kite has 1m, 3m, 5m"):
            await kite.history(INFY, Interval.of(7), TODAY, LATER)


@pytest.mark.parametrize(
    "row",
    [
        ["2026-11-20T09:15:00+0530", 1, 2, 3, 4],
        ["2026-11-20T09:15:00+0530", 1, 2, 3, 4, 5, 6],
        ["2026-11-20T09:15:00+0530", 1, 2, None, 4, 5],
        ["2026-11-20T09:15:00+0530", 1, 2, "3", 4, 5],
        ["2026-11-20T09:15:00+0000", 1, 2, 3, 4, 5],
        ["2026-11-20T09:15:00", 1, 2, 3, 4, 5],
        ["2026-13-20T09:15:00+0530", 1, 2, 3, 4, 5],
        "2026-11-20",
    ],
)
async def test_candles_of_another_shape_are_corrupt(row: Any) -> None:
    async with rest(success({"candles": [row]})) as kite:
        with pytest.raises(Corrupt, match=str(INFY)):
            await kite.history(INFY, MINUTE, TODAY, LATER)


async def test_a_fourth_history_call_waits_for_the_second_to_be_over() -> None:
    steady, times = FakeSteady(0.0), list[float]()

    def answer(request: httpx2.Request) -> httpx2.Response:
        times.append(steady.now())
        return success({"candles": []})

    async with rest(answer, steady=steady, limits=Limits()) as kite:
        calls = [
            asyncio.create_task(kite.history(INFY, MINUTE, TODAY, TODAY + DAY_NS)) for _ in range(7)
        ]
        await steady.advance(3.0)
        await asyncio.gather(*calls)
    assert times == [0, 0, 0, 1, 1, 1, 2]


async def test_a_call_given_up_while_it_waits_takes_no_place() -> None:
    steady, times = FakeSteady(0.0), list[float]()

    def answer(request: httpx2.Request) -> httpx2.Response:
        times.append(steady.now())
        return success({"candles": []})

    async with rest(answer, steady=steady, limits=Limits()) as kite:
        calls = [
            asyncio.create_task(kite.history(INFY, MINUTE, TODAY, TODAY + DAY_NS))
            for _ in range(20)
        ]
        await steady.advance(0.5)
        for call in calls[3:19]:
            call.cancel()
        await steady.advance(0.6)
        await calls[19]
    assert times == [0, 0, 0, 1]


async def test_classes_of_routes_do_not_hold_each_other_up() -> None:
    steady = FakeSteady(0.0)

    def answer(request: httpx2.Request) -> httpx2.Response:
        if "historical" in request.url.path:
            return success({"candles": []})
        return success({"user_id": "AB1234"})

    async with rest(answer, steady=steady, limits=Limits()) as kite:
        for _ in range(3):
            await kite.history(INFY, MINUTE, TODAY, TODAY + DAY_NS)
        for _ in range(10):
            await kite.profile()
    assert steady.now() == 0.0


async def test_after_a_429_nothing_is_sent_for_a_second() -> None:
    steady, times = FakeSteady(0.0), list[float]()

    def answer(request: httpx2.Request) -> httpx2.Response:
        times.append(steady.now())
        if len(times) == 1:
            return failure(429, "NetworkException", "Too many requests")
        return success({"user_id": "AB1234"})

    async with rest(answer, steady=steady, limits=Limits()) as kite:
        with pytest.raises(RateLimited):
            await kite.profile()
        calls = [asyncio.create_task(kite.profile()) for _ in range(3)]
        await steady.advance(2.0)
        await asyncio.gather(*calls)
    assert times == [0, 1, 1, 1]


async def test_calls_that_wait_when_a_429_comes_wait_another_second_and_no_burst_follows() -> None:
    steady, times = FakeSteady(0.0), list[float]()

    def answer(request: httpx2.Request) -> httpx2.Response:
        times.append(steady.now())
        if len(times) == 4:
            return failure(429, "NetworkException", "Too many requests")
        return success({"candles": []})

    async with rest(answer, steady=steady, limits=Limits()) as kite:
        calls = [
            asyncio.create_task(kite.history(INFY, MINUTE, TODAY, TODAY + DAY_NS)) for _ in range(9)
        ]
        await steady.advance(6.0)
        answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(a) for a in answers if isinstance(a, Exception)] == [RateLimited]
    assert times[:4] == [0, 0, 0, 1]
    assert times[4] >= 2
    assert all(sum(at <= t < at + 1 for t in times) <= 3 for at in times)


async def test_a_login_is_exchanged_for_the_days_token() -> None:
    forms: list[dict[str, str]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        assert (request.method, request.url.path) == ("POST", "/session/token")
        assert "authorization" not in request.headers
        forms.append(dict(httpx2.QueryParams(request.content.decode())))
        return success({"user_id": "AB1234", "access_token": "fresh"})

    async with rest(answer, token=lambda: "") as kite:
        session = await exchange_token(kite, "key", "request", "hidden")
    assert session == Session("AB1234", "fresh")
    assert "fresh" not in repr(session)
    # sha256 of "keyrequesthidden", from coreutils' sha256sum
    digest = "77475d2321bd9ea455f119888c3c449956b2b505152795f700c26f7e230b60a6"
    assert forms == [{"api_key": "key", "request_token": "request", "checksum": digest}]
    assert checksum("key", "request", "hidden") == digest


@pytest.mark.parametrize("data", [None, {}, {"user_id": "AB1234", "access_token": ""}, [1]])
async def test_a_session_without_a_token_is_corrupt(data: Any) -> None:
    async with rest(success(data)) as kite:
        with pytest.raises(Corrupt, match="session/token"):
            await exchange_token(kite, "key", "request", "hidden")


@pytest.mark.parametrize("root", ["http://api.kite.trade", "api.kite.trade", "https://x/y"])
def test_roots_that_would_leak_the_token_are_refused(root: str) -> None:
    with pytest.raises(ConfigError, match="root"):
        KiteRest("key", lambda: "token", root)


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


@asynccontextmanager
async def dialling(talk: Talk) -> AsyncIterator[KiteRest]:
    """A client of a bare TCP server, with little patience."""
    over = asyncio.Event()

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await talk(reader, writer)
        await writer.wait_closed()
        over.set()

    server = await asyncio.start_server(once, "127.0.0.1", 0)
    root = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        async with KiteRest("key", lambda: "s3cret", root, timeout_seconds=0.05) as kite:
            yield kite
        await over.wait()


async def test_a_server_that_does_not_answer_is_unavailable() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with dialling(say_nothing) as kite:
        with pytest.raises(Unavailable, match=r"no answer from 127.0.0.1 .ReadTimeout"):
            await kite.profile()


async def test_an_answer_that_is_cut_off_is_unavailable() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/csv\r\ncontent-length: 900\r\n\r\n")
        writer.write(b"instrument_token,exchange_token\n")
        writer.close()

    async with dialling(cut) as kite:
        with pytest.raises(Unavailable, match="GET /instruments: no answer"):
            await kite.instruments()


async def test_a_closed_port_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    async with KiteRest("key", lambda: "s3cret", f"http://127.0.0.1:{port}") as kite:
        with pytest.raises(Unavailable, match=r"no answer from 127.0.0.1 .ConnectError"):
            await kite.profile()


@pytest.mark.slow
async def test_the_simulator_is_read_like_kite() -> None:
    async with simulator() as sim:
        account = sim.box.accounts[0]
        token = [access_token(sim.box)]
        async with KiteRest(
            account.api_key, lambda: token[0], sim.url, limits=FREE, now=sim.box.clock.now
        ) as kite:
            assert (await kite.profile()).user_id == account.user_id
            assert await kite.instruments() == sim.box.market.instruments_csv()
            day = ist_midnight(sim.box.market.trading_date)
            begin, end = day + 570 * 60 * SECOND, day + 579 * 60 * SECOND
            await sim.box.player.play_to(end + 60 * SECOND)
            found = await kite.history(INFY, MINUTE, begin, end)
            assert found.start_ts.tolist() == list(range(begin, end + 1, 60 * SECOND))
            assert found.open.tolist() == [round(1000 + n / 100, 2) for n in range(10)]
            assert found.status.tolist() == [Status.FINAL] * 9 + [Status.FORMING]
            token[0] = "wrong"
            with pytest.raises(AuthExpired, match="GET /user/profile"):
                await kite.profile()
