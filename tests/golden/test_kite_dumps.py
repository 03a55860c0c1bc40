"""Instrument dumps as Kite gave them, cut by their recorders; the files name their sources."""

import gzip
import hashlib
from datetime import date
from pathlib import Path

import pytest

from firki.errors import Corrupt
from firki.kite.instruments import parse
from firki.model.hours import CLASSES
from firki.model.instrument import InstrumentTable
from firki.model.session import SessionClass

pytestmark = [pytest.mark.recorded, pytest.mark.slow]
FOLDER = Path(__file__).parents[2] / "../shared/data/reference"
NSE_2017 = "kite_instruments_nse_2017-11.csv.gz"
FNO_2024 = "kite_instruments_fno_2024-04.csv.gz"
SHA256 = {
    NSE_2017: "08a7ded91a384721266c4ffa5a5aaee76beb1d46626882c07db4226e7e9664d7",
    FNO_2024: "c087e82461d38688a036b6836a74d686ec4775926873d78b4051c91a17e5a00d",
}


def recorded(name: str) -> bytes:
    if not (FOLDER / name).exists():
        pytest.skip(f"the recorded market data is not beside the checkout: {name}")
    csv = gzip.decompress((FOLDER / name).read_bytes())
    assert hashlib.sha256(csv).hexdigest() == SHA256[name]
    return csv


@pytest.fixture(scope="module")
def cash() -> InstrumentTable:
    return parse(recorded(NSE_2017), day=date(2017, 11, 15))


@pytest.fixture(scope="module")
def derivatives() -> InstrumentTable:
    return parse(recorded(FNO_2024), day=date(2024, 4, 19))


def test_the_cash_dump_is_read_whole(cash: InstrumentTable) -> None:
    assert len(cash) == 6401
    assert cash.oddities == {}
    assert (cash.price_scale == 100).all()
    assert int((cash.session_class == CLASSES.index(SessionClass.INDEX)).sum()) == 36


@pytest.mark.parametrize(
    ("key", "token"),
    [
        ("NSE:INFY", 408065),
        ("NSE:RELIANCE", 738561),
        ("NSE:SBIN", 779521),
        ("NSE:NIFTY 50", 256265),
        ("NSE:NIFTY BANK", 260105),
    ],
)
def test_reference_tokens_are_found_by_key(cash: InstrumentTable, key: str, token: int) -> None:
    found = cash.by_key(key)
    assert found is not None
    assert found.instrument_token == token
    assert cash.by_token(token) == found


def test_the_derivatives_dump_is_read_whole(derivatives: InstrumentTable) -> None:
    assert len(derivatives) == 31_373
    assert derivatives.oddities == {}
    counted = {
        CLASSES[code].value: int((derivatives.session_class == code).sum())
        for code in set(derivatives.session_class.tolist())
    }
    # Every one of the 182 NSE and 181 BSE rows was chosen by the recorder as an F&O underlying.
    assert counted == {"cas": 363, "derivative": 31_010}


def test_contracts_are_found_by_key_with_their_dates(derivatives: InstrumentTable) -> None:
    future = derivatives.by_key("NFO:AARTIIND24APRFUT")
    assert future is not None
    assert (future.instrument_token, future.expiry) == (13369090, date(2024, 4, 25))
    assert (future.lot_size, future.strike, future.instrument_type) == (1000, 0.0, "FUT")
    option = derivatives.by_key("nfo:zyduslife24jun980pe")
    assert option is not None
    assert (option.strike, option.expiry, option.lot_size) == (980.0, date(2024, 6, 27), 900)


def test_a_dump_cut_at_any_byte_of_its_last_rows_is_refused(derivatives: InstrumentTable) -> None:
    csv = recorded(FNO_2024)
    head, tail = csv[: csv.index(b"\n", 2000) + 1], csv[-200:]
    whole = head + tail[tail.index(b"\n") + 1 :]
    assert len(parse(whole, day=derivatives.day)) > 1
    for size in range(len(head) + 1, len(whole)):
        if whole[size - 1] != ord("\n"):
            with pytest.raises(Corrupt, match="it was cut"):
                parse(whole[:size], day=derivatives.day)
