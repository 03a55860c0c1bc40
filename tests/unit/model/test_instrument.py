"""The day's instruments as columns, and looking them up."""

from datetime import date

import numpy as np
import pytest

from firki.model.instrument import Instrument, InstrumentTable
from firki.model.session import SessionClass

DAY = date(2026, 11, 20)


def instrument(
    token: int,
    exchange: str,
    symbol: str,
    name: str = "",
    *,
    expiry: date | None = None,
    strike: float = 0.0,
    price_scale: int = 100,
) -> Instrument:
    return Instrument(
        instrument_token=token,
        exchange_token=token >> 8,
        tradingsymbol=symbol,
        name=name,
        exchange=exchange,
        segment=exchange,
        instrument_type="FUT" if expiry else "EQ",
        tick_size=0.05,
        lot_size=1,
        strike=strike,
        expiry=expiry,
        session_class=SessionClass.DERIVATIVE if expiry else SessionClass.CASH,
        price_scale=price_scale,
    )


INFY = instrument(408065, "NSE", "INFY", "INFOSYS")
INFY_BSE = instrument(128053508, "BSE", "INFY", "INFOSYS LTD.")
INFIBEAM = instrument(4159745, "NSE", "INFIBEAM", "INFIBEAM AVENUES")
NIFTY = instrument(256265, "NSE", "NIFTY 50", "NIFTY 50")
BANK = instrument(260105, "NSE", "NIFTY BANK", "NIFTY BANK")
FUTURE = instrument(11520002, "NFO", "NIFTY26NOVFUT", "NIFTY", expiry=date(2026, 11, 24))
LATER = instrument(11520258, "NFO", "NIFTY26DECFUT", "NIFTY", expiry=date(2026, 12, 29))
DOLLAR = instrument(
    412675, "CDS", "USDINR26NOVFUT", "USDINR", expiry=date(2026, 11, 26), price_scale=10_000_000
)
FINEORG = instrument(962817, "NSE", "FINEORG", "FINE INFRA ORGANICS")
ALL = [LATER, INFY_BSE, INFY, INFIBEAM, NIFTY, BANK, FUTURE, DOLLAR, FINEORG]


@pytest.fixture(scope="module")
def table() -> InstrumentTable:
    return InstrumentTable.of(ALL, day=DAY, digest="d")


def keys(found: list[Instrument]) -> list[str]:
    return [instrument.key for instrument in found]


def test_rows_come_back_as_the_objects_they_were(table: InstrumentTable) -> None:
    assert [table.instrument(row) for row in range(len(table))] == ALL


def test_a_token_gives_its_instrument(table: InstrumentTable) -> None:
    assert [table.by_token(one.instrument_token) for one in ALL] == ALL


@pytest.mark.parametrize("token", [0, 1, 408066, 2**32 - 1, -1, 2**70])
def test_a_token_that_is_not_there_gives_none(table: InstrumentTable, token: int) -> None:
    assert table.by_token(token) is None


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("NSE:INFY", INFY),
        ("BSE:INFY", INFY_BSE),
        ("NSE:NIFTY 50", NIFTY),
        ("nse:nifty bank", BANK),
        (" NSE : INFY ", INFY),
        ("NFO:NIFTY26NOVFUT", FUTURE),
        ("INFY", None),
        ("NSE:", None),
        ("NSE:INF", None),
        ("MCX:INFY", None),
        ("", None),
        ("NSE:\ud800", None),
        ("NSE:" + "X" * 100_000, None),
    ],
)
def test_a_key_gives_its_instrument(
    table: InstrumentTable, key: str, expected: Instrument | None
) -> None:
    assert table.by_key(key) == expected


def test_of_keys_that_differ_in_case_the_one_spelled_so_is_meant() -> None:
    small, large = instrument(257, "NSE", "abc"), instrument(513, "NSE", "ABC")
    table = InstrumentTable.of([small, large], day=DAY)
    assert [table.by_key(key) for key in ("NSE:abc", "NSE:ABC", "NSE:Abc")] == [small, large, small]


def test_many_tokens_are_looked_up_at_once(table: InstrumentTable) -> None:
    assert table.rows([260105, 5, 11520258]).tolist() == [5, -1, 0]
    assert table.rows(np.array([], np.uint32)).tolist() == []


def test_scales_are_zero_for_tokens_that_are_not_there(table: InstrumentTable) -> None:
    assert table.scales([412675, 408065, 5]).tolist() == [10_000_000, 100, 0]


def test_an_empty_table_knows_nothing() -> None:
    table = InstrumentTable.of([], day=DAY)
    assert len(table) == 0
    assert table.by_token(408065) is None
    assert table.by_key("NSE:INFY") is None
    assert table.find("INFY") == []
    assert table.scales([408065]).tolist() == [0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("infy", ["NSE:INFY", "BSE:INFY"]),
        ("inf", ["NSE:INFY", "BSE:INFY", "NSE:INFIBEAM", "NSE:FINEORG"]),
        ("infosys", ["NSE:INFY", "BSE:INFY"]),
        ("BSE:inf", ["BSE:INFY"]),
        ("nifty", ["NSE:NIFTY 50", "NSE:NIFTY BANK", "NFO:NIFTY26NOVFUT", "NFO:NIFTY26DECFUT"]),
        ("nifty 26dec fut", ["NFO:NIFTY26DECFUT"]),
        ("fut nifty", ["NFO:NIFTY26NOVFUT", "NFO:NIFTY26DECFUT"]),
        ("bank nifty", ["NSE:NIFTY BANK"]),
        ("50 nifty", ["NSE:NIFTY 50"]),
        ("408065", ["NSE:INFY"]),
        ("99999999999999999999", []),
        ("organics", ["NSE:FINEORG"]),
        ("nothing of the kind", []),
        ("   ", []),
        (":", []),
        ("", []),
        ("\ud800", []),
    ],
)
def test_words_find_what_was_likeliest_meant(
    table: InstrumentTable, text: str, expected: list[str]
) -> None:
    assert keys(table.find(text)) == expected


def test_no_more_is_found_than_asked_for(table: InstrumentTable) -> None:
    assert keys(table.find("inf", 2)) == ["NSE:INFY", "BSE:INFY"]
    assert table.find("inf", 0) == []
