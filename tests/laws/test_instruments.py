"""What holds for every instruments dump, and for every string of bytes."""

import contextlib
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.lengths import examples

from firki.errors import Corrupt
from firki.kite.instruments import parse

pytestmark = pytest.mark.slow
DAY = date(2026, 11, 20)
DUMP = (
    b"instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,"
    b"lot_size,instrument_type,segment,exchange\n"
    b"408065,1594,INFY,INFOSYS,0,,0,0.05,1,EQ,NSE,NSE\n"
    b"256265,1001,NIFTY 50,NIFTY 50,0,,0,0,0,EQ,INDICES,NSE\n"
    b'11520002,45000,NIFTY26NOVFUT,"NIFTY, INDEX",0,2026-11-24,0,0.05,75,FUT,NFO-FUT,NFO\n'
)


@examples(200)
@given(st.data())
def test_a_changed_dump_is_a_table_or_corrupt(data: Any) -> None:
    changed = bytearray(DUMP)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(changed)))
        gone = data.draw(st.sampled_from([0, 0, 1, 7, 60]))
        new = data.draw(st.sampled_from([b"", b'"', b"\n", b",", b"\0", b"\xff", b"7", b"\r\n"]))
        changed[place : place + gone] = new
    with contextlib.suppress(Corrupt):
        table = parse(bytes(changed), day=DAY)
        for row in range(len(table)):
            found = table.instrument(row)
            assert found.tradingsymbol
            assert table.by_token(found.instrument_token) == found


@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_or_corrupt(csv: bytes) -> None:
    for dump in (csv, DUMP + csv):
        with contextlib.suppress(Corrupt):
            assert len(parse(dump, day=DAY)) >= 3
