import csv
import gzip
import io
from datetime import date, timedelta
from typing import Any

import httpx2
import pytest
from tests.simulated import FakeMarket, authorization, kite, make_box

from firki.simulator.box import Box, Rules
from firki.simulator.control import ClockOrder, set_clock
from firki.simulator.server import kite_app

HISTORY = "/instruments/historical/408065/minute"
SPAN = {"from": "2026-11-20 09:15:00", "to": "2026-11-20 09:17:00"}


class BrokenMarket(FakeMarket):
    def instruments_csv(self, exchange: str | None = None) -> bytes:
        raise RuntimeError("broken on purpose")


async def data(box: Box, url: str, **params: Any) -> Any:
    async with kite(box) as client:
        answer = await client.get(url, params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["status"] == "success"
    return answer.json()["data"]


async def refused(box: Box, url: str, method: str = "GET", **kwargs: Any) -> httpx2.Response:
    async with kite(box) as client:
        answer = await client.request(method, url, **kwargs)
    body = answer.json()
    assert body["status"] == "error"
    assert body.keys() == {"status", "message", "data", "error_type"}
    return answer


@pytest.mark.parametrize(
    "header",
    [None, "", "token", "token a:b", "Bearer x", "token {key}:", "token {key}:{token}x"],
)
async def test_a_wrong_token_is_a_403_that_ends_the_session(header: str | None) -> None:
    box = make_box()
    right = authorization(box)["Authorization"].removeprefix("token ")
    key, _, token = right.partition(":")
    sent = {} if header is None else {"Authorization": header.format(key=key, token=token)}
    async with kite(box, headers=sent) as client:
        answer = await client.get("/user/profile")
    assert answer.status_code == 403
    assert answer.json()["error_type"] == "TokenException"
    assert answer.json()["message"] == "Incorrect `api_key` or `access_token`."


async def test_the_instruments_come_as_csv_packed_when_the_client_takes_that() -> None:
    box = make_box()
    async with kite(box, headers={}) as client:
        plain = await client.get("/instruments", headers={"accept-encoding": "identity"})
        request = client.build_request(
            "GET", "/instruments/CDS", headers={"accept-encoding": "gzip"}
        )
        packed = await client.send(request, stream=True)
        raw = b"".join([chunk async for chunk in packed.aiter_raw()])
    assert plain.headers["content-type"].startswith("text/csv")
    assert len(list(csv.DictReader(io.StringIO(plain.text)))) == 3
    assert packed.headers["content-encoding"] == "gzip"
    [row] = csv.DictReader(io.StringIO(gzip.decompress(raw).decode()))
    assert row["tradingsymbol"] == "USDINR26NOVFUT"


async def test_an_unknown_exchange_has_no_instruments() -> None:
    assert (await refused(make_box(), "/instruments/LSE")).status_code == 400


async def test_ltp_and_ohlc_are_keyed_as_asked_and_leave_out_what_is_not_there() -> None:
    box = make_box()
    keys = ["NSE:INFY", "CDS:USDINR26NOVFUT", "NSE:NOBODY", "infy"]
    assert await data(box, "/quote/ltp", i=keys) == {
        "NSE:INFY": {"instrument_token": 408065, "last_price": 10.0},
        "CDS:USDINR26NOVFUT": {"instrument_token": 412675, "last_price": 0.0001},
    }
    ohlc = await data(box, "/quote/ohlc", i="NSE:INFY")
    assert ohlc["NSE:INFY"]["ohlc"] == {"open": 9.0, "high": 20.0, "low": 8.0, "close": 10.0}


async def test_a_full_quote_follows_the_clock() -> None:
    box = make_box()
    await set_clock(box, ClockOrder(to="09:00:10"))
    quote = (await data(box, "/quote", i="NSE:INFY"))["NSE:INFY"]
    assert quote["last_price"] == 10.02
    assert quote["net_change"] == pytest.approx(0.02)
    assert quote["volume"] == 5
    assert quote["timestamp"] == quote["last_trade_time"] == "2026-11-20 09:00:10"
    assert (quote["lower_circuit_limit"], quote["upper_circuit_limit"]) == (8.0, 12.0)
    assert quote["depth"]["buy"][0] == {"price": 9.99, "quantity": 10, "orders": 0}
    assert [len(side) for side in quote["depth"].values()] == [5, 5]


async def test_an_index_quote_has_no_depth() -> None:
    quote = (await data(make_box(), "/quote", i="NSE:NIFTY 50"))["NSE:NIFTY 50"]
    assert quote.keys() == {"instrument_token", "last_price", "ohlc", "timestamp", "net_change"}


async def test_nothing_is_quoted_before_the_first_snapshot() -> None:
    market = FakeMarket()
    box = make_box(market=market)
    market._newest = -1
    assert await data(box, "/quote/ltp", i="NSE:INFY") == {}


@pytest.mark.parametrize(("url", "most"), [("", 500), ("/ohlc", 1000), ("/ltp", 1000)])
async def test_a_quote_request_has_a_most(url: str, most: int) -> None:
    keys = [f"NSE:S{number}" for number in range(most)]
    assert await data(make_box(), f"/quote{url}", i=keys) == {}
    answer = await refused(make_box(), f"/quote{url}", params={"i": [*keys, "NSE:INFY"]})
    assert (answer.status_code, answer.json()["error_type"]) == (400, "InputException")


async def test_a_quote_of_nothing_is_refused() -> None:
    assert (await refused(make_box(), "/quote")).status_code == 400


async def test_candles_are_stamped_by_their_start_and_both_ends_are_included() -> None:
    box = make_box()
    await set_clock(box, ClockOrder(to="10:00"))
    candles = (await data(box, HISTORY, **SPAN))["candles"]
    assert candles == [
        ["2026-11-20T09:15:00+0530", 1000.0, 1000.5, 999.5, 1000.05, 10],
        ["2026-11-20T09:16:00+0530", 1000.01, 1000.51, 999.51, 1000.06, 10],
        ["2026-11-20T09:17:00+0530", 1000.02, 1000.52, 999.52, 1000.07, 10],
    ]


async def test_open_interest_comes_when_asked_for() -> None:
    box = make_box()
    await set_clock(box, ClockOrder(to="10:00"))
    candles = (await data(box, HISTORY, **SPAN, oi=1, continuous=1))["candles"]
    assert {len(candle) for candle in candles} == {7}
    assert candles[0][-1] == 7


async def test_a_plain_date_is_the_whole_day_and_the_future_is_not_told() -> None:
    box = make_box()
    await set_clock(box, ClockOrder(to="09:20:30"))
    day = {"from": "2026-11-20", "to": "2026-11-20"}
    candles = (await data(box, HISTORY, **day))["candles"]
    assert [candle[0][11:16] for candle in candles] == [
        "09:15", "09:16", "09:17", "09:18", "09:19", "09:20",
    ]  # fmt: skip
    days = (await data(box, "/instruments/historical/408065/day", **day))["candles"]
    assert [candle[0] for candle in days] == ["2026-11-20T00:00:00+0530"]


@pytest.mark.parametrize(
    ("interval", "days"),
    [
        ("minute", 60), ("3minute", 100), ("5minute", 100), ("10minute", 100),
        ("15minute", 200), ("30minute", 200), ("60minute", 400), ("hour", 400), ("day", 2000),
    ],
)  # fmt: skip
async def test_an_interval_has_a_longest_span(interval: str, days: int) -> None:
    last = date(2026, 11, 20)
    url = f"/instruments/historical/408065/{interval}"
    span = {"from": str(last - timedelta(days=days)), "to": str(last)}
    await data(make_box(), url, **span)
    span["from"] = str(last - timedelta(days=days + 1))
    answer = await refused(make_box(), url, params=span)
    assert answer.json()["message"] == f"interval exceeds max limit: {days} days"
    assert (answer.status_code, answer.json()["error_type"]) == (400, "InputException")


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("408065/second", SPAN),
        ("99/minute", SPAN),
        ("infy/minute", SPAN),
        ("²/minute", SPAN),
        ("408065/minute", {}),
        ("408065/minute", {"from": "2026-11-20"}),
        ("408065/minute", {"from": "yesterday", "to": "2026-11-20"}),
        ("408065/minute", {"from": "2026-11-20T09:15:00", "to": "2026-11-20 10:00:00"}),
        ("408065/minute", {"from": "2026-11-21", "to": "2026-11-20"}),
        ("408065/minute", {"from": "2026-02-30", "to": "2026-11-20"}),
    ],
)
async def test_a_wrong_question_about_the_past_is_refused(
    path: str, params: dict[str, str]
) -> None:
    answer = await refused(make_box(), f"/instruments/historical/{path}", params=params)
    assert (answer.status_code, answer.json()["error_type"]) == (400, "InputException")


@pytest.mark.parametrize(
    "url",
    [
        "/orders", "/trades", "/portfolio/holdings", "/portfolio/holdings/auctions",
        "/portfolio/holdings/compact", "/gtt/triggers", "/alerts", "/mf/orders", "/mf/sips",
        "/mf/holdings",
    ],
)  # fmt: skip
async def test_the_book_is_empty(url: str) -> None:
    assert await data(make_box(), url) == []


async def test_positions_margins_and_profile_have_their_shapes() -> None:
    box = make_box()
    assert await data(box, "/portfolio/positions") == {"net": [], "day": []}
    margins = await data(box, "/user/margins")
    assert margins["equity"] == await data(box, "/user/margins/equity")
    equity = margins["equity"]
    assert equity["net"] == equity["available"]["live_balance"] == equity["available"]["cash"] > 0
    assert margins["commodity"]["enabled"] is True
    full = await data(box, "/user/profile/full")
    profile = await data(box, "/user/profile")
    assert {name: full[name] for name in profile if name != "meta"} | {"meta": {}} == {
        **profile,
        "meta": {},
    }
    assert full.keys() > profile.keys()
    assert (await refused(box, "/user/margins/currency")).status_code == 400


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("POST", "/orders/regular"), ("PUT", "/orders/regular/1"), ("DELETE", "/orders/regular/1"),
        ("PUT", "/portfolio/positions"), ("POST", "/gtt/triggers"), ("DELETE", "/gtt/triggers/1"),
        ("POST", "/alerts"), ("POST", "/margins/orders"), ("POST", "/charges/orders"),
    ],
)  # fmt: skip
async def test_an_order_is_refused_in_words_that_leave_no_doubt(method: str, url: str) -> None:
    answer = await refused(make_box(), url, method, json=[{"quantity": 1}])
    assert (answer.status_code, answer.json()["error_type"]) == (400, "InputException")
    assert "nothing was placed" in answer.json()["message"]


@pytest.mark.parametrize("url", ["/orders/1", "/orders/1/trades", "/gtt/triggers/1", "/alerts/x"])
async def test_what_is_not_in_the_book_is_not_found(url: str) -> None:
    assert (await refused(make_box(), url)).status_code == 404


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/", 404),
        ("GET", "/orders/", 404),
        ("PUT", "/orders", 405),
        ("POST", "/quote", 405),
    ],
)
async def test_unknown_routes_and_methods_are_said_in_the_envelope(
    method: str, url: str, status: int
) -> None:
    assert (await refused(make_box(), url, method)).status_code == status


async def test_a_huge_or_unreadable_body_is_refused() -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    huge = await refused(make_box(), "/api/login", "POST", content=b"a=" + b"x" * (1 << 20))
    assert huge.status_code == 413
    broken = await refused(make_box(), "/api/login", "POST", content=b"a=\xff", headers=form)
    assert broken.status_code == 400


async def test_a_fault_of_the_simulator_is_an_envelope_too() -> None:
    transport = httpx2.ASGITransport(
        kite_app(make_box(market=BrokenMarket())), raise_app_exceptions=False
    )
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.get("/instruments")
    assert (answer.status_code, answer.json()["error_type"]) == (500, "GeneralException")


async def test_each_class_of_requests_has_its_own_limit() -> None:
    seconds = [0.0]
    box = make_box(Rules(running=False), steady=lambda: seconds[0])
    async with kite(box) as client:
        codes = [(await client.get("/quote/ltp?i=NSE:INFY")).status_code for _ in range(2)]
        codes += [(await client.get(HISTORY, params=SPAN)).status_code for _ in range(4)]
        codes += [(await client.get("/orders")).status_code for _ in range(11)]
        assert codes == [200, 429, 200, 200, 200, 429, *[200] * 10, 429]
        late = await client.get("/user/profile")
        assert late.json()["message"] == "Too many requests"
        assert late.json()["error_type"] == "NetworkException"
        seconds[0] = 1.0
        assert (await client.get("/user/profile")).status_code == 200
