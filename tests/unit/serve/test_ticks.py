from typing import Any

import httpx2
import pytest
from tests.fakes.gateway import INFY, NIFTY, OPEN_TS, Market

from firki.serve.app import create_app
from firki.serve.parts import PostedTick
from firki.serve.ticks import MOST_BYTES, MOST_TICKS

GOOD: dict[str, Any] = {"instrument_token": INFY, "last_price": 1500.05}


async def post(client: httpx2.AsyncClient, ticks: Any) -> Any:
    answer = await client.post("/api/ticks", json=ticks)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_full_tick_is_handed_on_in_our_nouns(
    client: httpx2.AsyncClient, market: Market
) -> None:
    tick = {
        "instrument_token": INFY, "trading_symbol": "NSE:INFY", "last_price": 1500.05,
        "day_volume": 12, "oi": 0, "exchange_timestamp": "2026-11-20T09:15:00+05:30",
    }  # fmt: skip
    assert await post(client, [tick]) == {"accepted": 1, "refused": {}}
    assert market.posted == [
        PostedTick(
            instrument_token=INFY, last_price=1500.05, day_volume=12, oi=0, exchange_ts=OPEN_TS
        )
    ]


async def test_a_symbol_alone_names_the_instrument(
    client: httpx2.AsyncClient, market: Market
) -> None:
    await post(client, [{"trading_symbol": "NSE:NIFTY 50", "last_price": 1}])
    assert market.posted[0].instrument_token == NIFTY
    assert (
        market.posted[0].day_volume is market.posted[0].oi is market.posted[0].exchange_ts is None
    )


@pytest.mark.parametrize(
    "stamp",
    [
        OPEN_TS, OPEN_TS // 1000, OPEN_TS // 10**6, OPEN_TS // 10**9, OPEN_TS / 1e9,
        "2026-11-20T09:15:00+05:30", "2026-11-20T03:45:00Z", "2026-11-20 03:45:00+00:00",
    ],
)  # fmt: skip
async def test_an_epoch_in_any_unit_or_a_text_with_its_offset_is_a_time(
    client: httpx2.AsyncClient, market: Market, stamp: Any
) -> None:
    assert (await post(client, [GOOD | {"exchange_timestamp": stamp}]))["accepted"] == 1
    assert market.posted[0].exchange_ts == OPEN_TS


async def test_nanoseconds_are_not_rounded(client: httpx2.AsyncClient, market: Market) -> None:
    await post(client, [GOOD | {"exchange_timestamp": OPEN_TS + 1}])
    assert market.posted[0].exchange_ts == OPEN_TS + 1


@pytest.mark.parametrize(
    ("tick", "reason"),
    [
        (7, "not_an_object"),
        ([], "not_an_object"),
        ({"instrument_token": INFY}, "no_last_price"),
        ({"last_price": 1.0}, "no_instrument"),
        ({"trading_symbol": "", "last_price": 1.0}, "no_instrument"),
        (GOOD | {"colour": "red"}, "unknown_field"),
        (GOOD | {"last_price": "1500.05"}, "wrong_type"),
        (GOOD | {"last_price": True}, "wrong_type"),
        (GOOD | {"last_price": None}, "wrong_type"),
        (GOOD | {"instrument_token": str(INFY)}, "wrong_type"),
        (GOOD | {"instrument_token": 1.5}, "wrong_type"),
        (GOOD | {"day_volume": 1.5}, "wrong_type"),
        (GOOD | {"instrument_token": 1}, "unknown_instrument"),
        (GOOD | {"instrument_token": -INFY}, "unknown_instrument"),
        (GOOD | {"instrument_token": 2**40}, "unknown_instrument"),
        ({"trading_symbol": "NSE:NOSUCH", "last_price": 1.0}, "unknown_instrument"),
        ({"trading_symbol": "x" * 5000, "last_price": 1.0}, "unknown_instrument"),
        (GOOD | {"trading_symbol": "NSE:RELIANCE"}, "token_and_symbol_differ"),
        (GOOD | {"last_price": 0}, "price_not_positive"),
        (GOOD | {"last_price": -1.5}, "price_not_positive"),
        (GOOD | {"last_price": 1e12}, "price_too_high"),
        (GOOD | {"day_volume": -1}, "day_volume_negative"),
        (GOOD | {"day_volume": 2**32}, "day_volume_too_large"),
        (GOOD | {"oi": -1}, "oi_negative"),
        (GOOD | {"exchange_timestamp": "2026-11-20T09:15:00"}, "naive_time"),
        (GOOD | {"exchange_timestamp": "yesterday"}, "time_not_understood"),
        (GOOD | {"exchange_timestamp": 0}, "time_out_of_range"),
        (GOOD | {"exchange_timestamp": -5}, "time_out_of_range"),
        (GOOD | {"exchange_timestamp": 10**30}, "time_out_of_range"),
        (GOOD | {"exchange_timestamp": True}, "wrong_type"),
    ],
)
async def test_what_is_wrong_is_counted_by_its_reason_and_the_rest_is_taken(
    client: httpx2.AsyncClient, market: Market, tick: Any, reason: str
) -> None:
    told = await post(client, [GOOD, tick, GOOD])
    assert told == {"accepted": 2, "refused": {reason: 1}}
    assert len(market.posted) == 2


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999", "nan"])
async def test_no_spelling_of_no_number_gets_in(
    client: httpx2.AsyncClient, market: Market, literal: str
) -> None:
    body = f'[{{"instrument_token": {INFY}, "last_price": {literal}}}]'
    answer = await client.post("/api/ticks", content=body)
    assert answer.status_code == 422 or answer.json()["accepted"] == 0
    assert market.posted == []


async def test_what_the_feeds_path_refuses_is_counted_with_the_rest(
    client: httpx2.AsyncClient, market: Market
) -> None:
    market.refusals = {"captured_live": 1, "unknown_field": 1}
    told = await post(client, [GOOD, GOOD, GOOD, GOOD | {"x": 1}])
    assert told == {"accepted": 1, "refused": {"unknown_field": 2, "captured_live": 1}}
    await post(client, [7])
    assert market.refused_ticks == {"unknown_field": 2, "captured_live": 1, "not_an_object": 1}


@pytest.mark.parametrize("body", ["", "{", "{}", "7", "null", '"text"', "[1,", "\udcff"])
async def test_a_body_that_is_no_list_is_refused_whole(
    client: httpx2.AsyncClient, body: str
) -> None:
    content = body.encode("utf-8", "surrogateescape")
    answer = await client.post("/api/ticks", content=content)
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid")


async def test_more_than_fits_is_refused_before_it_is_read(
    client: httpx2.AsyncClient, market: Market
) -> None:
    answer = await client.post("/api/ticks", content=b"[" + b" " * MOST_BYTES + b"]")
    assert answer.status_code == 413

    async def endless() -> Any:
        while True:
            yield b" " * 1_000_000

    answer = await client.post("/api/ticks", content=endless())
    assert answer.status_code == 413
    many = b"[" + b",".join([b"1"] * (MOST_TICKS + 1)) + b"]"
    assert (await client.post("/api/ticks", content=many)).status_code == 422
    assert market.posted == []


async def test_without_a_capture_posted_ticks_are_refused_with_the_reason(
    market: Market,
) -> None:
    app = create_app(market.parts())
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://localhost"
    ) as client:
        headers = {"authorization": f"Bearer {market.key}"}
        answer = await client.post("/api/ticks", json=[GOOD], headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (409, "no_tick_input")
