"""Who a recorded name is: its token and the hours it keeps."""

from datetime import date
from importlib.resources import files

import pytest

from firki.errors import ConfigError
from firki.kite.vocabulary import NUMBERING
from firki.model.instrument import Instrument
from firki.model.recorded_names import Person, invented, parse_symbols
from firki.model.session import SessionClass

DAY = date(2021, 4, 13)
TABLES = files("firki.model") / "data"
SYMBOLS = parse_symbols(
    shares=(TABLES / "shares.csv").read_bytes(), indices=(TABLES / "indices.csv").read_bytes()
)


def named(*people: Person, session_class: SessionClass | None = None) -> dict[str, Instrument]:
    return invented(people, SYMBOLS, NUMBERING, day=DAY, session_class=session_class)


def alone(name: str, *, token: int | None = None, has_volume: bool = True) -> Instrument:
    return named(Person(name, token, has_volume))[name]


@pytest.mark.parametrize(
    ("name", "key", "token"),
    [
        ("INFY", "NSE:INFY", 408065), ("NSE:INFY", "NSE:INFY", 408065),
        ("NIFTY 50", "NSE:NIFTY 50", 256265), ("SENSEX", "BSE:SENSEX", 265),
        ("BSE:SENSEX", "BSE:SENSEX", 265), ("NIFTY FINSERV", "NSE:NIFTY FINSERV", 257801),
    ],
)  # fmt: skip
def test_a_known_name_is_itself_with_or_without_its_exchange(
    name: str, key: str, token: int
) -> None:
    found = alone(name)
    assert (found.key, found.instrument_token, found.exchange_token) == (key, token, token >> 8)


@pytest.mark.parametrize("name", ["INFY", "BSE:INFY", "NFO:NIFTY21APRFUT", "MCX:GOLD21JUNFUT"])
def test_a_known_share_or_a_contract_is_no_index_because_nobody_traded_it(name: str) -> None:
    assert alone(name, has_volume=False).session_class is not SessionClass.INDEX


def test_an_unknown_name_that_never_had_volume_is_an_index() -> None:
    assert alone("SILENT", has_volume=False).session_class is SessionClass.INDEX
    assert alone("SILENT").session_class is SessionClass.CASH


@pytest.mark.parametrize(
    ("token", "key", "kind", "scale"),
    [
        (408065, "NSE:INFY", SessionClass.CASH, 100),
        (265, "BSE:SENSEX", SessionClass.INDEX, 100),
        (12_000_002, "NFO:GOLD21JUNFUT", SessionClass.DERIVATIVE, 100),
        (412_675, "CDS:GOLD21JUNFUT", SessionClass.CURRENCY, 10_000_000),
        (412_679, "MCX:GOLD21JUNFUT", SessionClass.COMMODITY, 100),
        (412_727, "NSE:GOLD21JUNFUT", SessionClass.CASH, 100),
    ],
)
def test_a_token_says_more_than_the_name(
    token: int, key: str, kind: SessionClass, scale: int
) -> None:
    found = alone("GOLD21JUNFUT", token=token)
    assert (found.instrument_token, found.key) == (token, key)
    assert (found.session_class, found.price_scale) == (kind, scale)


@pytest.mark.parametrize(
    ("name", "underlying"),
    [
        ("NFO:M&M21APRFUT", "M&M"), ("NFO:BAJAJ-AUTO21APR3500CE", "BAJAJ-AUTO"),
        ("MCX:CARDAMOM21APRFUT", "CARDAMOM"), ("NFO:21", "21"), ("UNHEARD21", "UNHEARD21"),
        ("INFY", "INFOSYS"),
    ],
)  # fmt: skip
def test_a_contract_has_the_name_of_what_it_is_on(name: str, underlying: str) -> None:
    assert alone(name).name == underlying


def test_an_invented_token_is_not_one_that_the_files_use() -> None:
    made = alone("UNHEARD OF").instrument_token
    both = named(Person("A", made, has_volume=True), Person("UNHEARD OF", None, has_volume=True))
    assert both["A"].instrument_token == made
    assert both["UNHEARD OF"].instrument_token == made + 256


def test_one_token_under_two_symbols_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"408065 stands for INFY and for X"):
        named(Person("INFY", None, has_volume=True), Person("X", 408065, has_volume=True))
