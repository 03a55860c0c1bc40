"""Quotes and ticks of ``firki.open()``, with a firki that runs on the folder and without one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import small_market
from tests.fakes.gateway import INFY, NIFTY, OPEN_TS, Market
from tests.fakes.served import served

import firki
from firki.app.folder import DataFolder
from firki.app.reader import Reader
from firki.errors import Rejected, Unavailable
from firki.ports import Mode
from firki.serve.app import create_app

TICK = {"trading_symbol": "NSE:INFY", "last_price": 812.5, "day_volume": 1200}


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return small_market.capture(tmp_path / "data", small_market.DAY)


@pytest.fixture
def gateway(folder: DataFolder) -> Market:
    """What answers, with two quotes."""
    market = Market(folder.keys)
    market.quotes.put(INFY, 1500.5)
    market.quotes.put(NIFTY, 26_000.0, volume_traded=None)
    return market


@pytest.fixture
def market(folder: DataFolder, gateway: Market) -> Iterator[Reader]:
    with served(create_app(gateway.parts(ingest=gateway.ingest)), folder):
        yield firki.open(folder.root)


def test_the_latest_price_is_that_of_the_newest_tick(market: Reader) -> None:
    quote = market.quotes(["NSE:INFY"])["NSE:INFY"]
    assert (quote["last_price"], quote["volume_traded"]) == (1500.5, 1000)
    assert "depth" not in quote
    assert market.quotes(["NSE:INFY"], depth=True)["NSE:INFY"]["depth"]["sell"] == []


def test_quotes_go_by_the_names_they_were_asked_for(market: Reader) -> None:
    assert set(market.quotes()) == {"NSE:INFY", "NSE:NIFTY 50"}
    assert set(market.quotes(["408065", "NSE:NIFTY 50"])) == {"408065", "NSE:NIFTY 50"}
    assert market.quotes(["NSE:RELIANCE"]) == {}, "nothing was heard of it"
    assert market.quotes([]) == {}


def test_more_keys_than_an_address_holds_are_asked_for_in_turn(
    market: Reader, gateway: Market
) -> None:
    gateway.captured |= dict.fromkeys(range(1, 500), Mode.LTP)
    keys = ["NSE:INFY", *["NSE:RELIANCE"] * 500, "NSE:NIFTY 50"]
    assert set(market.quotes(keys)) == {"NSE:INFY", "NSE:NIFTY 50"}


async def test_quotes_are_given_where_an_event_loop_runs_as_in_a_notebook(market: Reader) -> None:
    assert market.quotes(["NSE:INFY"])["NSE:INFY"]["last_price"] == 1500.5


def test_a_key_that_nothing_goes_by_is_refused_with_what_comes_near(market: Reader) -> None:
    with pytest.raises(Rejected, match="no instrument 'NSE:INFI'; near: NSE:INFY"):
        market.quotes(["NSE:INFY", "NSE:INFI"])


def test_posted_ticks_reach_the_running_firki_in_order(market: Reader, gateway: Market) -> None:
    ticks = ({**TICK, "day_volume": volume} for volume in range(1, 25_001))
    gateway.refusals = {"captured_live": 2}
    assert market.post(ticks) == {"accepted": 24_994, "refused": {"captured_live": 6}}
    assert [tick.day_volume for tick in gateway.posted] == list(range(1, 25_001))
    assert gateway.posted[0].instrument_token == INFY


def test_a_tick_that_is_none_is_counted_and_no_ticks_are_none(market: Reader) -> None:
    assert market.post([{"last_price": 1.0}, {**TICK, "colour": 1}]) == {
        "accepted": 0, "refused": {"no_instrument": 1, "unknown_field": 1}
    }  # fmt: skip
    assert market.post([]) == {"accepted": 0, "refused": {}}


def test_a_time_of_a_tick_is_taken_as_the_interface_takes_it(
    market: Reader, gateway: Market
) -> None:
    market.post([{**TICK, "exchange_timestamp": "2026-11-20T09:15:00+05:30"}])
    assert gateway.posted[0].exchange_ts == OPEN_TS


def test_a_firki_that_takes_no_ticks_says_so(folder: DataFolder, gateway: Market) -> None:
    with (
        served(create_app(gateway.parts()), folder),
        pytest.raises(Rejected, match="takes no posted ticks"),
    ):
        firki.open(folder.root).post([TICK])


def test_without_a_running_firki_it_is_said_how_to_start_one(folder: DataFolder) -> None:
    market = firki.open(folder.root)
    words = f"no firki runs on data folder {folder.root}; start `firki up`, or `firki demo`"
    with pytest.raises(Unavailable, match=words):
        market.quotes(["NSE:INFY"])
    with pytest.raises(Unavailable, match=words):
        market.post([TICK])
