"""Zerodha's own client, unchanged, against ``firki sim``."""

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pyotp
import pytest
from kiteconnect import KiteConnect, exceptions
from tests.simulated import FakeMarket, Simulated, access_token, simulator
from tests.simulated_process import SimProcess, sim_process
from websockets.asyncio.client import connect

from firki.kite.wire import decode
from firki.model.tick import Column
from firki.timing import SECOND

pytestmark = pytest.mark.slow

DAY, BEFORE = date(2026, 11, 20), date(2026, 11, 19)
INFY, RELIANCE, NIFTY, SENSEX = 408065, 738561, 256265, 265
_PROGRAM = (
    sys.executable, "-W", "ignore", str(Path(__file__).with_name("official_ticker.py")),
)  # fmt: skip


@pytest.fixture(scope="module")
def sim() -> Iterator[SimProcess]:
    """A market at 09:20 on a Friday whose clock stands still."""
    with sim_process("--paused", "--no-limits", "--date", str(DAY), "--accounts", "2") as process:
        process.clock(to="09:20")
        yield process


@pytest.fixture
def kite(sim: SimProcess) -> Iterator[Any]:
    """The official client, logged in."""
    facts = sim.facts
    client = KiteConnect(facts.api_key, facts.access_token, root=facts.url)
    yield client
    client.reqsession.close()


def test_the_login_chain_gives_the_official_client_a_session(sim: SimProcess) -> None:
    account = sim.facts.accounts[1]
    kite = KiteConnect(account.api_key, root=sim.facts.url)
    with httpx2.Client(base_url=sim.facts.url, trust_env=False) as web:
        first = web.get("/connect/login", params={"v": 3, "api_key": account.api_key})
        page = first.headers["location"]
        form = {"user_id": account.user_id, "password": account.password}
        request_id = web.post("/api/login", data=form).json()["data"]["request_id"]
        code = {"user_id": account.user_id, "request_id": request_id, "twofa_type": "totp"}
        web.post("/api/twofa", data={**code, "twofa_value": pyotp.TOTP(account.totp).now()})
        url = f"{page}&skip_session=true"
        while "request_token" not in url:
            url = web.get(url).headers["location"]
    [request_token] = parse_qs(urlsplit(url).query)["request_token"]
    with pytest.raises(exceptions.TokenException):
        kite.generate_session(request_token, "another secret")
    session = kite.generate_session(request_token, account.api_secret)
    assert session["user_id"] == account.user_id
    assert session["login_time"] == datetime.fromisoformat("2026-11-20 09:20")
    assert kite.profile()["email"] == session["email"]
    with pytest.raises(exceptions.TokenException):
        kite.generate_session(request_token, account.api_secret)
    assert kite.invalidate_access_token(session["access_token"]) is True
    with pytest.raises(exceptions.TokenException) as ended:
        kite.profile()
    assert ended.value.code == 403
    with pytest.raises(exceptions.TokenException):
        kite.renew_access_token("none", account.api_secret)
    kite.reqsession.close()


def test_the_instruments_are_listed_whole_and_by_exchange(kite: Any) -> None:
    every = kite.instruments()
    by_key = {f"{row['exchange']}:{row['tradingsymbol']}": row for row in every}
    assert by_key["NSE:INFY"]["instrument_token"] == INFY
    assert by_key["NSE:NIFTY 50"]["instrument_token"] == NIFTY
    assert by_key["BSE:SENSEX"]["segment"] == "INDICES"
    nfo = kite.instruments("NFO")
    assert {row["exchange"] for row in nfo} == {"NFO"}
    assert len(nfo) + len(kite.instruments("NSE")) + len(kite.instruments("BSE")) == len(every)
    assert all(isinstance(row["expiry"], date) for row in nfo)
    for row in every:
        assert row["instrument_token"] >> 8 == int(row["exchange_token"])


def test_quotes_of_all_three_kinds_agree(kite: Any) -> None:
    keys = ["NSE:INFY", "NSE:NIFTY 50", "NSE:NOBODY"]
    quote, ohlc, ltp = kite.quote(keys), kite.ohlc(keys), kite.ltp(*keys)
    assert set(quote) == set(ohlc) == set(ltp) == set(keys[:2])
    for key in keys[:2]:
        assert quote[key]["last_price"] == ohlc[key]["last_price"] == ltp[key]["last_price"] > 0
        assert quote[key]["ohlc"] == ohlc[key]["ohlc"]
    infy = quote["NSE:INFY"]
    assert infy["ohlc"]["low"] <= infy["last_price"] <= infy["ohlc"]["high"]
    assert infy["volume"] > 0
    assert (
        infy["last_trade_time"] <= infy["timestamp"] <= datetime.fromisoformat("2026-11-20 09:20")
    )
    assert infy["depth"]["buy"][0]["price"] < infy["depth"]["sell"][0]["price"]
    with pytest.raises(exceptions.InputException):
        kite.quote([f"NSE:S{number}" for number in range(501)])


@pytest.mark.parametrize(
    "interval",
    ["minute", "3minute", "5minute", "10minute", "15minute", "30minute", "60minute", "day"],
)
def test_history_in_every_interval_adds_up_to_its_minutes(kite: Any, interval: str) -> None:
    span = (datetime.fromisoformat(f"{BEFORE} 00:00"), datetime.fromisoformat(f"{BEFORE} 23:59:59"))
    minutes = kite.historical_data(INFY, *span, "minute")
    bars = kite.historical_data(INFY, *span, interval, oi=True)
    assert {"date", "open", "high", "low", "close", "volume", "oi"} == bars[0].keys()
    assert sum(bar["volume"] for bar in bars) == sum(bar["volume"] for bar in minutes)
    assert max(bar["high"] for bar in bars) == max(bar["high"] for bar in minutes)
    assert bars[-1]["close"] == minutes[-1]["close"]
    assert all(bar["date"].utcoffset() == timedelta(hours=5, minutes=30) for bar in bars)


def test_history_takes_dates_as_well_as_times_and_knows_today_up_to_now(kite: Any) -> None:
    by_time = kite.historical_data(
        INFY,
        datetime.fromisoformat("2026-11-20 09:15"),
        datetime.fromisoformat("2026-11-20 15:30"),
        "minute",
    )
    by_date = kite.historical_data(INFY, DAY, DAY, "minute")
    assert by_time == by_date
    assert [bar["date"].minute for bar in by_date] == [15, 16, 17, 18, 19]
    with pytest.raises(exceptions.InputException, match="max limit: 60 days"):
        kite.historical_data(INFY, DAY - timedelta(days=61), DAY, "minute")


def test_today_s_day_bar_is_what_the_quote_says(kite: Any) -> None:
    [bar] = kite.historical_data(INFY, DAY, DAY, "day")
    ohlc = kite.ohlc("NSE:INFY")["NSE:INFY"]["ohlc"]
    assert bar["open"] == ohlc["open"]
    assert bar["high"] >= ohlc["high"]
    assert bar["low"] <= ohlc["low"]


def test_the_book_is_empty_and_orders_are_refused(kite: Any) -> None:
    for read in (kite.orders, kite.trades, kite.holdings, kite.get_gtts, kite.mf_orders,
                 kite.mf_sips, kite.mf_holdings, kite.mf_instruments,
                 kite.get_auction_instruments):  # fmt: skip
        assert read() == []
    assert kite.positions() == {"net": [], "day": []}
    assert kite.margins()["equity"] == kite.margins("equity")
    assert kite.trigger_range("buy", "NSE:INFY")["NSE:INFY"]["instrument_token"] == INFY
    with pytest.raises(exceptions.InputException, match="takes no orders"):
        kite.place_order("regular", "NSE", "INFY", "BUY", 1, "CNC", "LIMIT", price=1000)
    with pytest.raises(exceptions.GeneralException) as unknown:
        kite.order_history("1")
    assert unknown.value.code == 404


@contextmanager
def ticker(sim: SimProcess, token: str, wanted: dict[str, list[int]]) -> Iterator[Iterator[Any]]:
    """Lines of the official ticker, parsed."""
    arguments = (sim.facts.api_key, token, sim.facts.websocket, json.dumps(wanted))
    with subprocess.Popen(
        [*_PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield (json.loads(line) for line in process.stdout)
        finally:
            process.kill()


def test_the_official_ticker_reads_every_packet_as_firki_does(sim: SimProcess) -> None:
    wanted = {"full": [INFY, NIFTY], "quote": [RELIANCE, SENSEX], "ltp": [779521, 260105]}
    lengths = set()
    with ticker(sim, sim.facts.access_token, wanted) as lines:
        while next(lines).get("frame") is None:
            pass
        now_ts = sim.clock(to="09:20:30")["now_ts"]
        while True:
            line = next(lines)
            if "frame" not in line:
                continue
            frame = bytes.fromhex(line["frame"])
            batch = decode(frame)
            lengths.update(batch.length.tolist())
            assert len(line["ticks"]) == len(batch)
            for row, tick in enumerate(line["ticks"]):
                check_tick(tick, batch.columns[:, row], batch.depth()[row])
            if batch.exchange_ts.max() > now_ts - 5 * SECOND:
                break
    assert lengths == {8, 28, 32, 44, 184}


def check_tick(tick: dict[str, Any], column: Any, depth: Any) -> None:
    """The official client's words against firki's columns; every price here is in paise."""
    numbers = column.tolist()

    def rupees(field: Column) -> float:
        return int(numbers[field]) / 100

    assert tick["instrument_token"] == numbers[Column.INSTRUMENT_TOKEN]
    assert tick["last_price"] == rupees(Column.LAST_PRICE)
    length = numbers[Column.LENGTH]
    assert tick["mode"] == {8: "ltp", 28: "quote", 44: "quote", 32: "full", 184: "full"}[length]
    if length > 8:
        assert tick["ohlc"] == {
            name: rupees(Column[name.upper()]) for name in ("open", "high", "low", "close")
        }
    if length in (44, 184):
        assert tick["average_traded_price"] == rupees(Column.AVERAGE_TRADED_PRICE)
        for name in ("last_traded_quantity", "volume_traded", "total_buy_quantity",
                     "total_sell_quantity"):  # fmt: skip
            assert tick[name] == numbers[Column[name.upper()]]
    if length in (32, 184):
        assert tick["exchange_timestamp"] == numbers[Column.EXCHANGE_TIME]
    if length == 184:
        assert tick["last_trade_time"] == numbers[Column.LAST_TRADE_TIME]
        for name in ("oi", "oi_day_high", "oi_day_low"):
            assert tick[name] == numbers[Column[name.upper()]]
        for number, side in enumerate(("buy", "sell")):
            assert tick["depth"][side] == [
                {"quantity": int(q), "price": int(p) / 100, "orders": int(n)}
                for q, p, n in depth[number]
            ]


async def test_refusals_reach_the_official_ticker() -> None:
    async with simulator(market=FakeMarket(count=3001)) as sim:
        every = sim.box.hub.directory.token.tolist()
        said = await first_error(sim, access_token(sim.box), every)
        assert "at most 3000 instruments" in said
        assert "403" in await first_error(sim, "unknown", every[:1])
        async with AsyncExitStack() as stack:
            for _ in range(3):
                await stack.enter_async_context(connect(sim.socket_url, proxy=None))
            assert "429" in await first_error(sim, access_token(sim.box), every[:1])


async def first_error(sim: Simulated, token: str, wanted: list[int]) -> str:
    """What the official ticker reports first that went wrong."""
    arguments = (sim.box.accounts[0].api_key, token, sim.websocket, json.dumps({"ltp": wanted}))
    process = await asyncio.create_subprocess_exec(
        *_PROGRAM, *arguments, limit=1 << 24, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            while "error" not in (line := json.loads(await process.stdout.readline())):
                pass
        return str(line["error"])
    finally:
        process.kill()
        await process.communicate()


def test_a_checksum_is_the_sha256_of_key_token_and_secret(sim: SimProcess) -> None:
    facts = sim.facts
    wrong = hashlib.sha256(b"anything").hexdigest()
    form = {"api_key": facts.api_key, "request_token": "x", "checksum": wrong}
    answer = httpx2.post(f"{facts.url}/session/token", data=form, trust_env=False)
    assert (answer.status_code, answer.json()["error_type"]) == (403, "TokenException")
