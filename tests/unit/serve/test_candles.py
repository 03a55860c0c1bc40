import asyncio
import io
from collections.abc import Sequence
from typing import Any

import httpx2
import numpy as np
import polars as pl
import pytest
from prometheus_client import CollectorRegistry
from starlette.types import Message
from tests.fakes.gateway import INFY, MIDNIGHT_TS, MINUTE_NS, OPEN_TS, USDINR, Market, candles

from firki.errors import AuthExpired, RateLimited, Unavailable
from firki.model.candle import CandleColumns, Flag, Interval, SessionKind, Status
from firki.serve.answers import Answer, Answers
from firki.serve.app import create_app

DAY_NS = 1440 * MINUTE_NS
INFY_URL = "/api/candles/NSE:INFY"


async def closes(client: httpx2.AsyncClient, url: str) -> list[float]:
    answer = await client.get(url)
    assert answer.status_code == 200, answer.text
    return [row["close"] for row in answer.json()["candles"]]


async def test_the_document_is_whole(client: httpx2.AsyncClient, market: Market) -> None:
    market.candles.put(candles(INFY, [1500.0, 1501.5], forming=True))
    answer = await client.get(INFY_URL)
    document = answer.json()
    assert list(document) == ["key", "interval", "as_of", "source", "candles"]
    assert document["key"] == "NSE:INFY"
    assert document["interval"] == "1m"
    assert document["as_of"] == "2026-11-20T09:15:00+05:30"
    assert document["source"] == "grid"
    assert [row["status"] for row in document["candles"]] == ["final", "forming"]
    assert market.candles.asked == [((INFY,), "1m", MIDNIGHT_TS, MIDNIGHT_TS + DAY_NS - 1, None)]


async def test_a_token_a_key_and_any_case_name_the_same_instrument(
    client: httpx2.AsyncClient, market: Market
) -> None:
    market.candles.put(candles(INFY, [1500.0]))
    for name in ("NSE:INFY", "nse:infy", str(INFY)):
        answer = await client.get(f"/api/candles/{name}")
        assert answer.json()["key"] == "NSE:INFY"
        assert len(answer.json()["candles"]) == 1


@pytest.mark.parametrize(
    "name", ["NSE:NOSUCH", "INFY", "1", "99999999999999", "NSE:", "%00", "a/b"]
)
async def test_an_unknown_instrument_is_said_so(client: httpx2.AsyncClient, name: str) -> None:
    answer = await client.get(f"/api/candles/{name}")
    assert (answer.status_code, answer.json()["error"]) == (404, "unknown_instrument")


async def test_a_symbol_with_an_ampersand_or_a_space_is_found(client: httpx2.AsyncClient) -> None:
    for name in ("NSE:M%26M", "NSE:NIFTY%2050"):
        assert (await client.get(f"/api/candles/{name}")).status_code == 200


@pytest.mark.parametrize("forming", [True, False])
@pytest.mark.parametrize("count", [1, 2, 5])
async def test_count_is_exact_with_and_without_the_forming_candle(
    client: httpx2.AsyncClient, market: Market, *, count: int, forming: bool
) -> None:
    market.candles.put(candles(INFY, [float(n) for n in range(1, 9)], forming=True))
    word = "true" if forming else "false"
    found = await closes(client, f"{INFY_URL}?count={count}&include_current={word}")
    last = 8 if forming else 7
    assert found == [float(n) for n in range(last - count + 1, last + 1)]


async def test_count_reaches_back_over_days_as_far_as_it_must(
    client: httpx2.AsyncClient, market: Market
) -> None:
    for back in range(0, 40, 4):  # two candles every fourth day
        market.candles.put(candles(INFY, [1.0, 2.0], first_ts=OPEN_TS - back * DAY_NS))
    assert len(await closes(client, f"{INFY_URL}?count=20")) == 20
    reads = len(market.candles.asked)
    assert reads > 1
    assert len(await closes(client, f"{INFY_URL}?count=20")) == 20
    assert len(market.candles.asked) == reads + 1  # how far to go is known by now


async def test_count_of_more_than_there_is_gives_what_there_is(
    client: httpx2.AsyncClient, market: Market
) -> None:
    market.candles.put(candles(INFY, [1.0, 2.0]))
    assert await closes(client, f"{INFY_URL}?count=500") == [1.0, 2.0]
    # today alone, then a look back, and a wider one that found no more
    assert len(market.candles.asked) == 3


async def test_a_count_that_today_holds_looks_no_further(
    client: httpx2.AsyncClient, market: Market
) -> None:
    market.candles.put(candles(INFY, [1.0, 2.0, 3.0]))
    assert await closes(client, f"{INFY_URL}?count=3") == [1.0, 2.0, 3.0]
    assert [asked[2] for asked in market.candles.asked] == [MIDNIGHT_TS]


async def test_count_goes_back_from_the_end_asked_for(
    client: httpx2.AsyncClient, market: Market
) -> None:
    market.candles.put(candles(INFY, [1.0, 2.0, 3.0, 4.0]))
    assert await closes(client, f"{INFY_URL}?count=2&to=2026-11-20T09:17:00%2B05:30") == [2.0, 3.0]


async def test_sessions_choose_parts_of_the_day(client: httpx2.AsyncClient, market: Market) -> None:
    kinds = [SessionKind.PRE_OPEN, SessionKind.CONTINUOUS, SessionKind.CLOSING_AUCTION]
    market.candles.put(candles(INFY, [1.0, 2.0, 3.0], session=kinds))
    assert await closes(client, INFY_URL) == [1.0, 2.0, 3.0]
    assert await closes(client, f"{INFY_URL}?sessions=continuous") == [2.0]
    assert await closes(client, f"{INFY_URL}?sessions=pre_open&sessions=closing_auction") == [1, 3]
    assert await closes(client, f"{INFY_URL}?sessions=continuous&count=1") == [2.0]


async def test_as_of_is_handed_to_the_source(client: httpx2.AsyncClient, market: Market) -> None:
    await client.get(f"{INFY_URL}?as_of=2026-11-20T10:00:00%2B05:30")
    assert market.candles.asked[-1][4] == OPEN_TS + 45 * MINUTE_NS


async def test_gaps_are_told_beside_the_candles(client: httpx2.AsyncClient, market: Market) -> None:
    flags = [Flag.FINAL, Flag.FINAL | Flag.GAP]
    market.candles.put(candles(INFY, [1.0, 2.0], flags=flags))
    document = (await client.get(INFY_URL)).json()
    assert document["gaps"] == [
        {"from": "2026-11-20T09:16:00+05:30", "to": "2026-11-20T09:17:00+05:30"}
    ]


async def test_csv_and_arrow_by_accept(client: httpx2.AsyncClient, market: Market) -> None:
    market.candles.put(candles(USDINR, [83.1234567, 83.2]))
    url = f"/api/candles/{USDINR}"
    text = await client.get(url, headers={"accept": "text/csv"})
    assert text.headers["content-type"] == "text/csv; charset=utf-8"
    assert text.headers["x-firki-source"] == "grid"
    assert text.text.splitlines()[1].startswith("2026-11-20T09:15:00+05:30,83.1234567,")
    arrow = await client.get(url, headers={"accept": "application/vnd.apache.arrow.stream"})
    frame = pl.read_ipc_stream(io.BytesIO(arrow.content))
    assert frame["close"].to_list() == [83.1234567, 83.2]
    assert arrow.headers["x-firki-as-of"] == "2026-11-20T09:15:00+05:30"
    refused = await client.get(url, headers={"accept": "image/png"})
    assert refused.status_code == 406


@pytest.mark.parametrize(
    ("failure", "status", "word"),
    [
        (Unavailable("history did not answer"), 503, "unavailable"),
        (RateLimited("three calls a second"), 503, "rate_limited"),
        (AuthExpired("log in again"), 503, "broker_login_needed"),
    ],
)
async def test_a_source_that_fails_is_told_as_such(
    client: httpx2.AsyncClient, market: Market, failure: Any, status: int, word: str
) -> None:
    market.candles.failure = failure
    answer = await client.get(INFY_URL)
    assert answer.status_code == status
    assert answer.json() == {"error": word, "detail": str(failure)}
    market.candles.failure = None
    assert (await client.get(INFY_URL)).status_code == 200


def another(market: Market, *, marked: bool = True) -> httpx2.AsyncClient:
    """A client of another gateway over the same market."""
    marks = (lambda token: market.changed.get(token, 0)) if marked else None
    app = create_app(market.parts(marks=marks, metrics=CollectorRegistry()))
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app),
        base_url="http://127.0.0.1",
        headers={"authorization": f"Bearer {market.key}"},
    )


async def test_an_unchanged_instrument_is_read_once(market: Market) -> None:
    market.candles.put(candles(INFY, [1.0, 2.0], forming=True))
    async with another(market) as client:
        first = await client.get(INFY_URL)
        second = await client.get(INFY_URL)
        assert len(market.candles.asked) == 1
        assert first.content == second.content
        market.changed[INFY] = 1
        market.candles.put(candles(INFY, [1.0, 2.5], forming=True))
        assert await closes(client, INFY_URL) == [1.0, 2.5]
        assert len(market.candles.asked) == 2


async def test_a_change_during_the_reading_is_not_missed(market: Market) -> None:
    market.candles.put(candles(INFY, [1.0], forming=True))

    def change() -> None:
        market.changed[INFY] = market.changed.get(INFY, 0) + 1
        market.candles.put(candles(INFY, [7.0], forming=True))

    market.candles.meanwhile = change
    async with another(market) as client:
        assert await closes(client, INFY_URL) == [1.0]
        assert await closes(client, INFY_URL) == [7.0]


@pytest.mark.slow
@pytest.mark.parametrize("marked", [True, False])
async def test_every_state_of_a_growing_day_is_answered_as_if_encoded_anew(
    market: Market, *, marked: bool
) -> None:
    """Growing, amended, and settled candles through one route, against a fresh one each time."""
    chance = np.random.default_rng(3)
    values = [100.0]
    status = [Status.FORMING]
    async with another(market, marked=marked) as kept:
        for step in range(30):
            what = chance.integers(4)
            if what == 0:
                status[-1] = Status.FINAL
                values.append(100.0 + step)
                status.append(Status.FORMING)
            elif what == 1:
                values[-1] += 0.05
            elif what == 2:  # an amendment of any candle
                values[int(chance.integers(len(values)))] += 1
            else:
                status = [Status.FINAL] * len(status)
            market.candles.put(candles(INFY, values, status=[int(one) for one in status]))
            market.changed[INFY] = step + 1
            told = (await kept.get(INFY_URL)).json()
            async with another(market, marked=False) as fresh:
                assert told == (await fresh.get(INFY_URL)).json()
            assert [row["close"] for row in told["candles"]] == [round(v, 2) for v in values]
            if step % 10 == 9:
                values, status = values[-1:], status[-1:]
                market.candles.kept.clear()


async def test_too_many_candles_for_one_answer_are_refused(
    client: httpx2.AsyncClient, market: Market
) -> None:
    market.candles.put(candles(INFY, [1.0] * 50_001, first_ts=OPEN_TS - 35 * DAY_NS))
    answer = await client.get(f"{INFY_URL}?from=2026-10-01")
    assert answer.status_code == 422
    assert "found 50001" in answer.json()["detail"]
    assert len(await closes(client, f"{INFY_URL}?from=2026-10-01&count=3")) == 3


async def test_intervals_in_any_spelling_reach_the_source_as_one(
    client: httpx2.AsyncClient, market: Market
) -> None:
    for spelling in ("2h", "120m", "120minute"):
        answer = await client.get(f"{INFY_URL}?interval={spelling}")
        assert answer.json()["interval"] == "120m"
    assert {asked[1] for asked in market.candles.asked} == {"120m"}


def _answer(size: int) -> Answer:
    return Answer(
        body=(b"x" * size, b""), as_of_ts=0, source="", candles=candles(INFY, []), settled=0,
        encoded=b"", from_ts=0, mark=None, read_at=0.0,
    )  # fmt: skip


def test_kept_answers_stay_under_their_bytes_and_the_least_used_goes_first() -> None:
    answers = Answers(10_000)
    for name in "abc":
        answers.put(name, _answer(2_000))
    assert answers.get("a") is not None
    answers.put("d", _answer(2_000))
    assert [answers.get(name) is not None for name in "abcd"] == [True, False, True, True]
    answers.put("huge", _answer(20_000))
    assert answers.get("huge") is None
    for _ in range(50):
        answers.put("a", _answer(2_000))  # taking its own place costs nothing
    answers.put("b", _answer(2_000))
    assert len(answers) == 2


async def test_days_weeks_and_months_look_back_far_enough(
    client: httpx2.AsyncClient, market: Market
) -> None:
    for name, days in (("day", 10), ("week", 70), ("month", 310)):
        await client.get(f"{INFY_URL}?interval={name}&count=10")
        _, back = [asked for asked in market.candles.asked if asked[1] == name][:2]
        assert (MIDNIGHT_TS - back[2]) / DAY_NS >= days
    assert Interval.parse("1mo").name == "month"


async def test_minutes_without_any_candle_are_told_as_a_gap_where_that_is_known(
    market: Market,
) -> None:
    market.candles.put(candles(INFY, [1500.0]))
    market.clock.now_ts = OPEN_TS + 30 * MINUTE_NS
    away = (OPEN_TS + 5 * MINUTE_NS, OPEN_TS + 7 * MINUTE_NS)
    app = create_app(market.parts(gaps=lambda token: [away] if token == INFY else []))
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app),
        base_url="http://127.0.0.1:8000",
        headers={"authorization": f"Bearer {market.key}"},
    ) as client:
        document = (await client.get(INFY_URL)).json()
    assert document["gaps"] == [
        {"from": "2026-11-20T09:20:00+05:30", "to": "2026-11-20T09:22:00+05:30"}
    ]


class Broker:
    """Candles of past days come when the test says so; those of today at once."""

    def __init__(self, market: Market) -> None:
        self.today = market.candles
        self.waiting = 0
        self.answers = asyncio.Event()

    async def read(
        self,
        tokens: Sequence[int],
        interval: Interval,
        from_ts: int,
        to_ts: int,
        *,
        as_of_ts: int | None = None,
    ) -> CandleColumns:
        if from_ts < MIDNIGHT_TS:
            self.waiting += 1
            try:
                await self.answers.wait()
            finally:
                self.waiting -= 1
        return await self.today.read(tokens, interval, from_ts, to_ts, as_of_ts=as_of_ts)


PAST_URL = f"{INFY_URL}?from=2026-11-16"


async def test_todays_candles_wait_for_no_past_ones(market: Market) -> None:
    market.candles.put(candles(INFY, [1.0]))
    broker = Broker(market)
    async with served(market, broker) as client:
        past = [asyncio.ensure_future(client.get(f"{PAST_URL}&count={n}")) for n in range(1, 20)]
        while broker.waiting < 8:
            await asyncio.sleep(0)
        assert await closes(client, INFY_URL) == [1.0]
        broker.answers.set()
        await asyncio.gather(*past)


async def test_a_client_that_goes_away_lets_its_reading_go(market: Market) -> None:
    broker = Broker(market)
    gone = asyncio.Event()
    sent: list[Message] = []

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "path": INFY_URL, "raw_path": INFY_URL.encode(),
        "query_string": b"from=2026-11-16", "root_path": "", "scheme": "http",
        "headers": [(b"host", b"localhost"), (b"authorization", f"Bearer {market.key}".encode())],
    }  # fmt: skip
    app = create_app(market.parts(candles=broker))
    asked = asyncio.ensure_future(app(scope, receive, send))
    while not broker.waiting:
        await asyncio.sleep(0)
    gone.set()
    await asked
    assert broker.waiting == 0
    assert sent[0]["status"] == 499


def served(market: Market, broker: Broker) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(create_app(market.parts(candles=broker))),
        base_url="http://127.0.0.1:8000",
        headers={"authorization": f"Bearer {market.key}"},
    )
