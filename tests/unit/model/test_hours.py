"""Session classes by exchange, segment and what is listed on a share."""

from datetime import date

import numpy as np
import pytest

from firki.model.hours import CLASSES, commodity_class, session_classes
from firki.model.session import SessionClass

DAY = date(2026, 11, 20)

ROWS = [
    # exchange, segment, tradingsymbol, name, expiry, class
    ("NSE", "NSE", "INFY", "INFOSYS", None, SessionClass.CAS),
    ("BSE", "BSE", "INFY", "INFOSYS LTD.", None, SessionClass.CAS),
    ("NSE", "NSE", "INFY-BE", "INFOSYS", None, SessionClass.CASH),
    ("NFO", "NFO-FUT", "INFY26NOVFUT", "INFY", "2026-11-24", SessionClass.DERIVATIVE),
    ("BFO", "BFO-OPT", "SBIN26NOV800CE", "SBIN", "2026-11-20", SessionClass.DERIVATIVE),
    ("NSE", "NSE", "SBIN", "STATE BANK", None, SessionClass.CAS),
    ("NFO", "NFO-FUT", "GONE26OCTFUT", "GONE", "2026-11-19", SessionClass.DERIVATIVE),
    ("NSE", "NSE", "GONE", "DELISTED FROM F&O", None, SessionClass.CASH),
    ("NSE", "NSE", "QUIET", "QUIET LTD", None, SessionClass.CASH),
    ("NSE", "INDICES", "NIFTY 50", "NIFTY 50", None, SessionClass.INDEX),
    ("BSE", "BSE-INDICES", "SENSEX", "SENSEX", None, SessionClass.INDEX),
    ("MCX", "INDICES", "MCXBULLDEX", "", None, SessionClass.INDEX),
    ("BFO", "BFO-FUT", "SENSEX26NOVFUT", "SENSEX", "2026-11-26", SessionClass.DERIVATIVE),
    ("CDS", "CDS-FUT", "USDINR26NOVFUT", "USDINR", "2026-11-26", SessionClass.CURRENCY),
    ("BCD", "BCD-OPT", "EURINR26NOV90CE", "EURINR", "2026-11-26", SessionClass.CURRENCY),
    ("MCX", "MCX-FUT", "GOLD26DECFUT", "GOLD", "2026-12-04", SessionClass.COMMODITY),
    ("MCX", "MCX-FUT", "COTTONCNDY26DECFUT", "COTTONCNDY", "2026-12-31",
     SessionClass.COMMODITY_AGRI_INTL),
    ("MCX", "MCX-FUT", "MENTHAOIL26NOVFUT", "MENTHAOIL", "2026-11-30",
     SessionClass.COMMODITY_AGRI),
    ("NCO", "NCO-FUT", "CRUDEOIL26DECFUT", "CRUDEOIL", "2026-12-18", SessionClass.COMMODITY),
    ("GIFT", "GIFT", "STRANGE", "", None, SessionClass.CASH),
]  # fmt: skip


@pytest.fixture(scope="module")
def found() -> dict[str, SessionClass]:
    exchange, segment, symbol, name, expiry, _ = zip(*ROWS, strict=True)
    codes = session_classes(
        exchange=np.array(exchange, np.bytes_),
        segment=np.array(segment, np.bytes_),
        tradingsymbol=np.array(symbol, np.bytes_),
        name=np.array(name, np.bytes_),
        expiry=np.array(expiry, "datetime64[D]"),
        day=DAY,
    )
    keys = [f"{row[0]}:{row[2]}" for row in ROWS]
    return {key: CLASSES[code] for key, code in zip(keys, codes, strict=True)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}:{row[2]}")
def test_every_kind_of_instrument_gets_its_class(
    row: tuple[str, str, str, str, str | None, SessionClass], found: dict[str, SessionClass]
) -> None:
    assert found[f"{row[0]}:{row[2]}"] is row[5]


def test_palm_olein_joined_the_longer_hours_on_the_last_day_of_2018() -> None:
    assert commodity_class(b"RBDPMOLEIN", date(2018, 12, 30)) is SessionClass.COMMODITY_AGRI
    assert commodity_class(b"RBDPMOLEIN", date(2018, 12, 31)) is SessionClass.COMMODITY_AGRI_INTL
