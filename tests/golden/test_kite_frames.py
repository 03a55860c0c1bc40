"""Frames with answers that are Zerodha's.

Nobody recorded these frames: A and B were composed by hand from the packet layout of the Kite
Connect v3 documentation. They were read once with Zerodha's own kiteconnect 5.2.2 (November 2026),
and the values beside them are what it printed; the price change of an index it leaves out.
"""

import pytest

from firki.kite import wire
from firki.kite.vocabulary import price_divisor
from firki.model.tick import Column

A = bytes.fromhex(
    "0003 0008 000b4501000223cb"
    "0020 0003e9090024d9b10024ed200024a31a0024b28800249f0000003ab16affccc8"
    "002c 00064c0331bdd7480000000a31bd75a00001e84800009c400000947031b5d48031c516c031ae336031b9a510"
)
B = bytes.fromhex(
    "0001 00b8"
    "00afc802 00003039 00000041 00002fb2 001dc130 0004f588 00048d6e 00002e7c 00003200 00002d23"
    "00002f12 6affccc6 0027ac40 00286f90 002625a0 6affccc8"
    "0000028a 00003034 0005 0000  00000514 0000302f 0007 0000  0000079e 0000302a 0009 0000"
    "00000041 00003025 0001 0000  00000082 00003020 0002 0000"
    "00000145 0000303e 0003 0000  0000028a 00003043 0004 0000  000003cf 00003048 0006 0000"
    "00000514 0000304d 0008 0000  00000659 00003052 000a 0000"
)


@pytest.fixture(autouse=True, scope="module")
def _warm() -> None:
    wire.warm()


def test_a_mixed_frame_reads_as_zerodhas_client_read_it() -> None:
    batch = wire.decode(A)
    assert batch.length.tolist() == [8, 32, 44]
    assert batch.instrument_token.tolist() == [738561, 256265, 412675]
    prices = [
        int(price) / price_divisor(int(token))
        for price, token in zip(batch.last_price, batch.instrument_token, strict=True)
    ]
    assert prices == [1402.35, 24150.25, 83.4525]


def test_an_index_keeps_high_low_open_close_apart() -> None:
    batch = wire.decode(A)
    day = (batch.open, batch.high, batch.low, batch.close)
    assert [int(column[1]) / 100 for column in day] == [24050.0, 24200.0, 24010.5, 24000.0]
    assert int(batch.price_change[1]) == 15025
    assert int(batch.exchange_ts[1]) == 1_795_149_000 * 10**9  # 2026-11-20 10:00:00 IST


def test_a_currency_quote_reads_as_zerodhas_client_read_it() -> None:
    batch = wire.decode(A)
    day = (batch.average_traded_price, batch.open, batch.high, batch.low, batch.close)
    assert [int(column[2]) / 1e7 for column in day] == [83.45, 83.40, 83.50, 83.35, 83.425]
    counts = (batch.last_traded_quantity, batch.volume_traded)
    assert [int(column[2]) for column in counts] == [10, 125_000]
    assert [int(batch.total_buy_quantity[2]), int(batch.total_sell_quantity[2])] == [40_000, 38_000]


def test_a_full_packet_reads_as_zerodhas_client_read_it() -> None:
    values = wire.decode(B).columns[:, 0]
    named = {column.name: int(values[column]) for column in Column}
    assert named == {
        "LENGTH": 184,
        "INSTRUMENT_TOKEN": 11520002,
        "LAST_PRICE": 12345,
        "LAST_TRADED_QUANTITY": 65,
        "AVERAGE_TRADED_PRICE": 12210,
        "VOLUME_TRADED": 1_950_000,
        "TOTAL_BUY_QUANTITY": 325_000,
        "TOTAL_SELL_QUANTITY": 298_350,
        "OPEN": 11900,
        "HIGH": 12800,
        "LOW": 11555,
        "CLOSE": 12050,
        "LAST_TRADE_TIME": 1_795_148_998,
        "OI": 2_600_000,
        "OI_DAY_HIGH": 2_650_000,
        "OI_DAY_LOW": 2_500_000,
        "EXCHANGE_TIME": 1_795_149_000,
        "OFFSET": 4,
        "PRICE_CHANGE": 0,
    }


def test_a_book_reads_as_zerodhas_client_read_it() -> None:
    buy, sell = wire.decode(B).depth()[0].tolist()
    assert buy == [
        (650, 12340, 5),
        (1300, 12335, 7),
        (1950, 12330, 9),
        (65, 12325, 1),
        (130, 12320, 2),
    ]
    assert sell == [
        (325, 12350, 3),
        (650, 12355, 4),
        (975, 12360, 6),
        (1300, 12365, 8),
        (1625, 12370, 10),
    ]


@pytest.mark.parametrize("payload", [A, B], ids="AB")
def test_the_frames_are_written_as_they_were_read(payload: bytes) -> None:
    batch = wire.decode(payload)
    assert wire.encode(batch.columns, batch.depth()) == payload
