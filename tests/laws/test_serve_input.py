"""Whatever a client sends is understood, or refused in words; nothing breaks."""

import asyncio
import math
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.types import ASGIApp, Message, Scope
from tests.fakes.gateway import INFY, INSTRUMENTS, OPEN_TS, Market, candles

from firki.serve.app import create_app
from firki.serve.ask import MOST_CANDLES, parse_ask, window
from firki.serve.directory import Directory
from firki.serve.problem import Problem
from firki.serve.ticks import Refused, TickBody, check_tick
from firki.serve.when import DAY_NS, EARLIEST, LATEST, parse_from, parse_to
from firki.serve.wish import Opener, Wish

TOKENS = {one.instrument_token for one in INSTRUMENTS}
QUERY_WORDS = [
    "interval", "from", "to", "count", "include_current", "as_of", "sessions", "keys", "depth",
    "5m", "day", "2026-11-20", "2026-11-20T09:15:00+05:30", "1795146300000000000", "true", "7",
    "NSE:INFY", "continuous", "-1", "1e9", "NaN", "%00", "%FF", "", "٣",
]  # fmt: skip

T = TypeVar("T")


def attempt(action: Callable[[], T], kind: type[Exception]) -> tuple[T | None, Exception | None]:
    """What the action gave, or the error of that kind."""
    try:
        return action(), None
    except kind as error:
        return None, error


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
likely_ticks = st.fixed_dictionaries(
    {},
    optional={
        "instrument_token": st.sampled_from(sorted(TOKENS)) | json_values,
        "trading_symbol": st.sampled_from(["NSE:INFY", "NSE:M&M", "x"]) | json_values,
        "last_price": st.floats() | json_values,
        "day_volume": st.integers(-5, 2**33) | json_values,
        "oi": st.integers(-5, 2**33) | json_values,
        "exchange_timestamp": st.integers() | st.text(max_size=30) | json_values,
        "more": json_values,
    },
)
queries = st.lists(
    st.tuples(st.sampled_from(QUERY_WORDS), st.sampled_from(QUERY_WORDS) | st.text(max_size=12)),
    max_size=4,
).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs))


@pytest.fixture(scope="module")
def market() -> Iterator[Market]:
    with tempfile.TemporaryDirectory() as folder:
        made = Market(Path(folder) / "keys")
        made.candles.put(candles(INFY, [1.0, 2.0, 3.0], forming=True))
        made.quotes.put(INFY, 3.0)
        yield made


@pytest.fixture(scope="module")
def app(market: Market) -> ASGIApp:
    return create_app(market.parts(clock_control=market.lever, ingest=market.ingest))


@given(json_values | likely_ticks)
@example({"instrument_token": INFY, "last_price": math.nan})
@example({"instrument_token": True, "last_price": 1.0})
def test_a_tick_is_taken_as_it_should_be_or_refused_with_a_word(market: Market, item: Any) -> None:
    directory = Directory(lambda: market.table)
    tick, refused = attempt(lambda: check_tick(item, directory), Refused)
    if refused is not None or tick is None:
        assert str(refused).replace("_", "").isalpha()
        return
    assert tick.instrument_token in TOKENS
    assert math.isfinite(tick.last_price)
    assert tick.last_price > 0
    for size in (tick.day_volume, tick.oi):
        assert size is None or 0 <= size < 2**32
    assert tick.exchange_ts is None or EARLIEST <= tick.exchange_ts < LATEST
    assert item.keys() <= set(TickBody.__struct_fields__)
    assert item["last_price"] == tick.last_price


@given(st.text(max_size=40) | st.datetimes().map(str) | st.integers().map(str))
def test_a_moment_is_of_our_time_or_refused(text: str) -> None:
    for parse in (parse_from, parse_to):
        ts, refused = attempt(partial(parse, text), ValueError)
        assert refused or (ts is not None and EARLIEST <= ts < LATEST)


@given(st.datetimes(datetime(1990, 1, 2), datetime(2099, 12, 30), timezones=st.timezones()))  # noqa: DTZ001 (the zones are drawn)
def test_an_aware_time_is_the_instant_it_names(moment: datetime) -> None:
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    assert parse_from(moment.isoformat()) == since // timedelta(microseconds=1) * 1000


@given(
    st.binary(max_size=60) | queries.map(lambda text: text.encode("utf-8", "replace")),
    st.binary(max_size=30),
)
def test_a_question_for_candles_is_clear_or_refused(query: bytes, accept: bytes) -> None:
    ask, problem = attempt(lambda: parse_ask(query, accept), Problem)
    if ask is not None:
        bounds, problem = attempt(lambda: window(ask, OPEN_TS), Problem)
    if problem is not None or ask is None or bounds is None:
        assert isinstance(problem, Problem)
        assert problem.status in (406, 422)
        assert len(problem.detail) < 1000
        return
    assert EARLIEST - DAY_NS < bounds[0] <= bounds[1]
    assert ask.count is None or 1 <= ask.count <= MOST_CANDLES
    assert ask.format in ("json", "csv", "arrow")


async def call(app: ASGIApp, scope: Scope, body: bytes) -> tuple[int, bytes]:
    told: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        told.append(message)

    await app(scope, receive, send)
    return told[0]["status"], b"".join(message.get("body", b"") for message in told[1:])


PATHS = [
    "/api/candles/NSE:INFY", "/api/candles/408065", "/api/quotes", "/api/instruments",
    "/api/instruments/NSE:M&M", "/api/ticks", "/api/clock", "/api/logout", "/login", "/health", "/",
]  # fmt: skip


@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE"]),
    path=st.sampled_from(PATHS) | st.text(max_size=30).map(lambda text: "/" + text),
    query=queries,
    body=st.binary(max_size=40) | st.lists(likely_ticks, max_size=3).map(
        lambda items: repr(items).replace("'", '"').encode("utf-8", "replace")
    ),
    accept=st.sampled_from(["", "text/csv", "application/vnd.apache.arrow.stream", "*/*;q=x"]),
)  # fmt: skip
def test_no_request_breaks_the_server(
    app: ASGIApp, market: Market, method: str, path: str, query: str, body: bytes, accept: str
) -> None:
    scope: Scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path, "raw_path": path.encode("utf-8", "replace"),
        "query_string": query.encode("utf-8", "replace"), "root_path": "", "state": {},
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000),
        "headers": [
            (b"host", b"127.0.0.1:8000"), (b"authorization", f"Bearer {market.key}".encode()),
            (b"accept", accept.encode()), (b"content-length", str(len(body)).encode()),
        ],
    }  # fmt: skip
    status, answer = asyncio.run(call(app, scope, body))
    assert status < 500 or (status, path.strip("/").partition(".")[1]) == (503, "")
    if status >= 400 and path.startswith("/api/") and method != "HEAD":
        document = msgspec.json.decode(answer)
        assert isinstance(document["detail"], str)
        assert isinstance(document["error"], str)


@given(json_values | st.fixed_dictionaries(
    {"op": st.sampled_from(["subscribe", "unsubscribe", "ping"]), "id": st.text(max_size=5)},
    optional={
        "channel": st.sampled_from(["quotes", "ticks", "candles", "health"]) | json_values,
        "keys": st.lists(st.sampled_from(["NSE:INFY", "x", "408065", "NSE:\x00"])) | json_values,
        "interval": st.sampled_from(["5m", "day", "0m", "99999h"]) | json_values,
        "depth": st.booleans() | json_values,
    },
))  # fmt: skip
def test_a_wish_is_granted_or_refused_in_a_sentence(market: Market, message: Any) -> None:
    wish, refused = attempt(lambda: msgspec.convert(message, Wish), msgspec.ValidationError)
    if wish is None:
        return
    opener = Opener(market.parts(), Directory(lambda: market.table))
    opened, refused = attempt(lambda: opener.open(wish), ValueError)
    if opened is None:
        assert str(refused)
        return
    opened.feed.stop()
    assert opened.channel == wish.channel
    assert market.bus.report()["subscribers"] == 0
