"""Kite's instruments dump: what is read, what is refused in which words, what is let pass."""

import hashlib
from datetime import date

import pytest

from firki.errors import Corrupt
from firki.kite.instruments import parse
from firki.model.session import SessionClass

DAY = date(2026, 11, 20)
HEADER = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,"
    "lot_size,instrument_type,segment,exchange\n"
)
INFY = "408065,1594,INFY,INFOSYS,0,,0,0.05,1,EQ,NSE,NSE\n"
NIFTY = "256265,1001,NIFTY 50,NIFTY 50,0,,0,0,0,EQ,INDICES,NSE\n"
OPTION = "11520002,45000,INFY26NOV1500CE,INFY,0,2026-11-24,1500,0.05,400,CE,NFO-OPT,NFO\n"
DUMP = HEADER + INFY + NIFTY + OPTION


def test_rows_are_read_in_their_order() -> None:
    table = parse(DUMP.encode(), day=DAY)
    assert table.tokens.tolist() == [408065, 256265, 11520002]
    assert table.day == DAY
    assert table.digest == hashlib.sha256(DUMP.encode()).hexdigest()
    assert table.oddities == {}


def test_every_column_reaches_the_object() -> None:
    option = parse(DUMP.encode(), day=DAY).by_key("NFO:INFY26NOV1500CE")
    assert option is not None
    assert (option.instrument_token, option.exchange_token) == (11520002, 45000)
    assert (option.name, option.segment, option.instrument_type) == ("INFY", "NFO-OPT", "CE")
    assert (option.strike, option.tick_size, option.lot_size) == (1500.0, 0.05, 400)
    assert option.expiry == date(2026, 11, 24)
    assert (option.session_class, option.price_scale) == (SessionClass.DERIVATIVE, 100)


def test_a_share_is_in_the_closing_auction_while_a_contract_on_it_is_alive() -> None:
    classes = [
        found.session_class
        for day in (date(2026, 11, 24), date(2026, 11, 25))
        if (found := parse(DUMP.encode(), day=day).by_key("NSE:INFY"))
    ]
    assert classes == [SessionClass.CAS, SessionClass.CASH]


@pytest.mark.parametrize(
    ("row", "scale"),
    [
        ("412675,1612,USDINR26NOVFUT,USDINR,0,2026-11-26,0,0.0025,1,FUT,CDS-FUT,CDS\n", 10**7),
        ("412678,1612,USDINR26NOVFUT,USDINR,0,2026-11-26,0,0.0025,1,FUT,BCD-FUT,BCD\n", 10**4),
        ("412684,1612,GOLD26DECFUT,GOLD,0,2026-12-04,0,1,1,FUT,NCO-FUT,NCO\n", 10**4),
    ],
)
def test_prices_are_scaled_as_the_feed_scales_them(row: str, scale: int) -> None:
    table = parse((HEADER + row).encode(), day=DAY)
    assert table.price_scale.tolist() == [scale]
    assert table.oddities == {}


@pytest.mark.parametrize(
    "changed",
    [
        DUMP.replace("\n", "\r\n"),
        "\ufeff" + DUMP,
        DUMP.replace("2026-11-24", "24-11-2026"),
        DUMP.replace(",INFOSYS,", ',"INFOSYS, LTD",'),
        DUMP.replace(",INFOSYS,", ",,"),
        DUMP.replace(",INFOSYS,", ",इन्फोसिस,"),
        DUMP.replace(",0,,0,", ",1402.35,,0,"),
        DUMP.replace(",0,,0,", ",,,0.0,"),
        DUMP.replace("\n", ",more\n"),
    ],
    ids=["crlf", "mark", "day first", "comma", "no name", "hindi", "price", "no price", "extra"],
)
def test_harmless_oddities_change_nothing_else(changed: str) -> None:
    table, plain = parse(changed.encode(), day=DAY), parse(DUMP.encode(), day=DAY)
    assert table.tokens.tolist() == plain.tokens.tolist()
    assert table.expiry.tolist() == plain.expiry.tolist()
    assert table.session_class.tolist() == plain.session_class.tolist()


def test_a_quoted_name_keeps_its_comma() -> None:
    infy = parse(DUMP.replace(",INFOSYS,", ',"INFOSYS, LTD",').encode(), day=DAY).by_token(408065)
    assert infy is not None
    assert infy.name == "INFOSYS, LTD"


def test_columns_may_come_in_another_order() -> None:
    lines = [",".join(reversed(line.split(","))) for line in DUMP.splitlines()]
    table = parse(("\n".join(lines) + "\n").encode(), day=DAY)
    assert table.tokens.tolist() == [408065, 256265, 11520002]


@pytest.mark.parametrize(
    ("dump", "words"),
    [
        ("", "expected a header"),
        ('{"status":"error","message":"Too many requests"}', "Too many requests"),
        (HEADER, "expected rows after the header, found none"),
        (DUMP.replace("lot_size", "lots"), "column 'lot_size' is missing.*found .*lots"),
        (DUMP[:-1], "expected a line end.*NFO-OPT,NFO'; it was cut"),
        (DUMP[:-30], "it was cut"),
        (DUMP[:-20] + "\n", "row 3, column 'exchange': expected a value, found None"),
        (DUMP.replace("408065,", "x408065,"), "row 1, column 'instrument_token'.*'x408065'"),
        (DUMP.replace("408065,", "408065.5,"), "whole number"),
        (DUMP.replace("408065,", "-1,"), "whole number"),
        (DUMP.replace("408065,", "4294967296,"), "whole number"),
        (DUMP.replace(",1594,", ",,"), "column 'exchange_token'"),
        (DUMP.replace(",400,", ",4e2,"), r"row 3, column 'lot_size'.*NFO:INFY26NOV1500CE"),
        (DUMP.replace(",1500,", ",nan,"), "column 'strike': expected an amount"),
        (DUMP.replace(",1500,", ",-5,"), "column 'strike': expected an amount"),
        (DUMP.replace(",0.05,400", ",,400"), "column 'tick_size'"),
        (DUMP.replace("2026-11-24", "2026-11-31"), "column 'expiry': expected a date"),
        (DUMP.replace("2026-11-24", "24/11/2026"), "column 'expiry'"),
        (DUMP.replace(",INFY,", ",,"), "column 'tradingsymbol'"),
        (DUMP.replace(",NSE,NSE", ",,NSE"), "column 'segment'"),
        (DUMP + INFY, "row 4, column 'instrument_token': expected a token that no row before"),
        (DUMP.replace(",INFOSYS,", ',"INFOSYS,'), "instruments csv"),
        (HEADER + INFY.replace("\n", ",1\n") + NIFTY, "not readable as CSV"),
    ],
)
def test_a_broken_dump_is_refused_with_column_row_and_remedy(dump: str, words: str) -> None:
    with pytest.raises(Corrupt, match=words) as caught:
        parse(dump.encode(), day=DAY)
    assert "fetch the dump again" in str(caught.value)


def test_bytes_that_are_not_text_are_refused() -> None:
    with pytest.raises(Corrupt, match="instruments csv"):
        parse(DUMP.encode().replace(b"INFOSYS", b"\xff\xfe"), day=DAY)


def test_a_key_used_twice_is_counted_and_means_its_first_row() -> None:
    twice = INFY.replace("408065,1594", "408321,1595")
    table = parse((DUMP + twice).encode(), day=DAY)
    assert table.oddities == {"key used twice": 1}
    infy = table.by_key("NSE:INFY")
    assert infy is not None
    assert infy.instrument_token == 408065
    assert table.by_token(408321) is not None


@pytest.mark.parametrize(
    ("dump", "reason"),
    [
        (DUMP.replace("408065", "408066"), "token of another segment"),
        (DUMP.replace(",INDICES,", ",NSE,"), "token of another segment"),
        (DUMP.replace(",1594,", ",1593,"), "token without its exchange token"),
        (DUMP.replace(",NSE,NSE", ",NSEIX,NSEIX"), "exchange not known"),
    ],
)
def test_rows_that_contradict_themselves_are_counted(dump: str, reason: str) -> None:
    assert parse(dump.encode(), day=DAY).oddities == {reason: 1}
