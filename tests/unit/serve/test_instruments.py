from datetime import date

import httpx2
import pytest
from tests.fakes.gateway import DAY, INFY, INSTRUMENTS, NIFTY, USDINR, Market, share

from firki.model.instrument import InstrumentTable
from firki.ports import Mode
from firki.serve.directory import Directory, decimals


async def keys(client: httpx2.AsyncClient, query: str) -> list[str]:
    answer = await client.get(f"/api/instruments?{query}")
    assert answer.status_code == 200, answer.text
    return [row["key"] for row in answer.json()["instruments"]]


async def test_the_captured_ones_in_the_order_of_capture(client: httpx2.AsyncClient) -> None:
    assert await keys(client, "captured=true") == [
        "NSE:INFY", "NSE:NIFTY 50", "CDS:USDINR26NOVFUT",
    ]  # fmt: skip
    assert await keys(client, "captured=true&limit=2") == ["NSE:INFY", "NSE:NIFTY 50"]


async def test_a_search_goes_through_all_or_through_the_captured_ones(
    client: httpx2.AsyncClient, market: Market
) -> None:
    assert await keys(client, "search=rel") == ["NSE:RELIANCE"]
    assert await keys(client, "captured=true&search=rel") == []
    market.captured[738561] = Mode.FULL
    assert await keys(client, "captured=true&search=rel") == ["NSE:RELIANCE"]


async def test_an_instrument_tells_every_field(client: httpx2.AsyncClient) -> None:
    by_key = (await client.get("/api/instruments/CDS:USDINR26NOVFUT")).json()
    assert by_key == {
        "instrument_token": USDINR, "key": "CDS:USDINR26NOVFUT",
        "tradingsymbol": "USDINR26NOVFUT", "name": "USDINR26NOVFUT LIMITED", "exchange": "CDS",
        "segment": "CDS-FUT", "instrument_type": "FUT", "expiry": "2026-11-26", "strike": None,
        "tick_size": 0.05, "lot_size": 1, "session_class": "currency",
    }  # fmt: skip
    assert (await client.get(f"/api/instruments/{USDINR}")).json() == by_key
    assert (await client.get("/api/instruments/NSE:INFY")).json()["expiry"] is None


async def test_tomorrows_table_takes_the_place_of_todays(
    client: httpx2.AsyncClient, market: Market
) -> None:
    assert (await client.get("/api/instruments/NSE:INFY")).status_code == 200
    assert await keys(client, "captured=true&search=inf") == ["NSE:INFY"]
    market.table = InstrumentTable.of([share(99, "NEWCO"), share(INFY, "INFOSYS")], day=DAY)
    assert (await client.get("/api/instruments/NSE:INFY")).status_code == 404
    assert (await client.get(f"/api/instruments/{INFY}")).json()["key"] == "NSE:INFOSYS"
    assert await keys(client, "captured=true&search=inf") == ["NSE:INFOSYS"]


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=20001", "limit=x", "captur=true"])
async def test_a_bad_question_is_refused(client: httpx2.AsyncClient, query: str) -> None:
    assert (await client.get(f"/api/instruments?{query}")).status_code == 422


async def test_a_search_for_nothing_or_anything_does_no_harm(client: httpx2.AsyncClient) -> None:
    for text in ("", "%00", "%F0%9F%AA%81", "%25_", "'", "NSE:", ":"):
        answer = await client.get(f"/api/instruments?search={text}")
        assert answer.status_code == 200


def test_decimals_follow_the_scale() -> None:
    scales = {INFY: 2, NIFTY: 2, USDINR: 7}
    directory = Directory(lambda: InstrumentTable.of(INSTRUMENTS, day=DAY))
    for token, places in scales.items():
        found = directory.by_token(token)
        assert found is not None
        assert decimals(found) == places


def test_an_empty_table_finds_nothing() -> None:
    table = InstrumentTable.of([], day=date(2026, 11, 20))
    directory = Directory(lambda: table)
    assert directory.lookup("NSE:INFY") is None
    assert directory.lookup("408065") is None
    assert directory.search("INFY", 10) == []
    assert directory.search("INFY", 10, among=[INFY]) == []
