import httpx2
import pytest
from pydantic import ValidationError
from tests.fakes.gateway import INFY, NIFTY, OPEN_TS, RELIANCE, Market

from firki.serve.quotes import QuotesQuery

SECOND = 10**9


async def test_without_keys_all_captured_instruments_are_told(
    client: httpx2.AsyncClient, market: Market
) -> None:
    for token in (INFY, NIFTY, RELIANCE):
        market.quotes.put(token, 101.0)
    document = (await client.get("/api/quotes")).json()
    assert list(document) == ["as_of", "quotes"]
    assert sorted(document["quotes"]) == ["NSE:INFY", "NSE:NIFTY 50"]  # RELIANCE is not captured


async def test_a_quote_tells_every_field_and_its_age_in_market_time(
    client: httpx2.AsyncClient, market: Market
) -> None:
    market.clock.now_ts = OPEN_TS + 2_500_000_000
    market.quotes.put(
        INFY, 101.25, change=1.25, change_percent=1.25, last_trade_ts=OPEN_TS + SECOND,
        exchange_ts=OPEN_TS + 2 * SECOND, received_ts=OPEN_TS + 2 * SECOND + 123_456_000,
        oi=7, oi_day_high=9, oi_day_low=6, connection=2,
    )  # fmt: skip
    document = (await client.get("/api/quotes?keys=NSE:INFY")).json()
    assert document["as_of"] == "2026-11-20T09:15:02.500000+05:30"
    assert document["quotes"]["NSE:INFY"] == {
        "instrument_token": INFY, "last_price": 101.25, "last_quantity": 10,
        "average_price": 101.25, "volume_traded": 1000, "buy_quantity": 5, "sell_quantity": 7,
        "open": 100.0, "high": 110.0, "low": 90.0, "close": 100.0, "change": 1.25,
        "change_percent": 1.25, "last_trade_time": "2026-11-20T09:15:01+05:30",
        "exchange_time": "2026-11-20T09:15:02+05:30",
        "received_time": "2026-11-20T09:15:02.123456+05:30", "oi": 7, "oi_day_high": 9,
        "oi_day_low": 6, "age_seconds": 0.377, "connection": 2,
    }  # fmt: skip


async def test_what_the_feed_did_not_give_is_null(
    client: httpx2.AsyncClient, market: Market
) -> None:
    market.quotes.put(NIFTY, 25_910.0, last_trade_ts=None, exchange_ts=None, volume_traded=None)
    quote = (await client.get("/api/quotes?keys=256265")).json()["quotes"]["256265"]
    assert quote["last_trade_time"] is quote["exchange_time"] is quote["volume_traded"] is None


async def test_depth_comes_when_asked_for(client: httpx2.AsyncClient, market: Market) -> None:
    market.quotes.put(INFY, 101.0)
    bare = (await client.get("/api/quotes?keys=NSE:INFY")).json()
    assert "depth" not in bare["quotes"]["NSE:INFY"]
    full = (await client.get("/api/quotes?keys=NSE:INFY&depth=true")).json()
    assert full["quotes"]["NSE:INFY"]["depth"] == {
        "buy": [{"price": 1.0, "quantity": 2, "orders": 3}], "sell": [],
    }  # fmt: skip


async def test_unknown_keys_are_listed_and_the_others_told(
    client: httpx2.AsyncClient, market: Market
) -> None:
    market.quotes.put(INFY, 101.0)
    url = "/api/quotes?keys=NSE:INFY&keys=NSE:NOSUCH&keys=NSE:RELIANCE&keys=5"
    document = (await client.get(url)).json()
    assert list(document["quotes"]) == ["NSE:INFY"]  # RELIANCE is known and has no quote yet
    assert document["unknown"] == ["NSE:NOSUCH", "5"]


async def test_a_quote_of_the_future_is_not_younger_than_new(
    client: httpx2.AsyncClient, market: Market
) -> None:
    market.clock.now_ts = OPEN_TS
    market.quotes.put(INFY, 101.0, received_ts=OPEN_TS + SECOND)
    quote = (await client.get("/api/quotes")).json()["quotes"]["NSE:INFY"]
    assert quote["age_seconds"] == 0


def test_so_many_keys_are_too_many() -> None:
    QuotesQuery(keys=["a"] * 10_000)
    with pytest.raises(ValidationError):
        QuotesQuery(keys=["a"] * 10_001)


@pytest.mark.parametrize("query", ["depth=maybe", "key=NSE:INFY", "keys=" + "x" * 65])
async def test_what_is_no_such_question_is_refused(client: httpx2.AsyncClient, query: str) -> None:
    answer = await client.get(f"/api/quotes?{query}")
    assert answer.status_code == 422
    assert answer.json()["error"] == "invalid"
    assert len(answer.text) < 600
