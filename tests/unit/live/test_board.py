"""The quote board: the newest of every instrument, never replaced by something older."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from firki.live.board import QuoteBoard
from firki.model.tick import COLUMN_COUNT, DEPTH, SECOND, Column, TickBatch
from firki.ports import Quote

SHARE: Final = 257
NIFTY: Final = 1033
RUPEE: Final = 10_000_000
"""The scale of a currency future, for one instrument that is not in paise."""
DOLLAR: Final = 412_675


def scale_of(token: int) -> int:
    return RUPEE if token == DOLLAR else 100


def board(*tokens: int) -> QuoteBoard:
    return QuoteBoard(tokens or (SHARE, NIFTY), scale_of)


def packet(token: int = SHARE, length: int = 184, **fields: int) -> dict[Column, int]:
    found = {Column.INSTRUMENT_TOKEN: token, Column.LENGTH: length}
    return found | {Column[name.upper()]: value for name, value in fields.items()}


def batch(*packets: dict[Column, int], received: int = 1, connection: int = 0) -> TickBatch:
    columns = np.zeros((COLUMN_COUNT, len(packets)), np.uint32)
    for place, row in enumerate(packets):
        for column, value in row.items():
            columns[column, place] = value

    def depth(_payload: bytes, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
        books = np.zeros((rows.shape[1], 2, 5), DEPTH)
        books["price"] = rows[Column.LAST_PRICE][:, None, None]
        books["quantity"][:, 0], books["orders"][:, 1] = 7, 3
        return books

    return TickBatch(columns, b"", depth, 0, received * SECOND, connection)


def only(quotes: list[Quote]) -> Quote:
    assert len(quotes) == 1
    return quotes[0]


def test_a_quote_is_in_rupees_and_says_what_the_feed_did_not_give() -> None:
    quotes = board()
    quotes.apply(batch(packet(length=8, last_price=10_005), received=5, connection=2))
    quote = only(quotes.read([SHARE]))
    assert (quote.last_price, quote.received_ts, quote.connection) == (100.05, 5 * SECOND, 2)
    absent = (quote.volume_traded, quote.open, quote.close, quote.change, quote.oi, quote.depth)
    assert absent == (None,) * 6
    assert quote.exchange_ts is None


def test_a_full_quote_has_the_change_since_yesterday() -> None:
    quotes = board()
    quotes.apply(batch(packet(last_price=10_500, close=10_000, volume_traded=9, oi=4,
                              exchange_time=77, last_trade_time=76)))  # fmt: skip
    quote = only(quotes.read([SHARE]))
    assert (quote.change, quote.change_percent, quote.volume_traded, quote.oi) == (5.0, 5.0, 9, 4)
    assert (quote.exchange_ts, quote.last_trade_ts) == (77 * SECOND, 76 * SECOND)


def test_the_scale_is_the_instruments_own() -> None:
    quotes = board(DOLLAR)
    quotes.apply(batch(packet(DOLLAR, last_price=835_025_000)))
    assert only(quotes.read([DOLLAR])).last_price == 83.5025


def test_an_older_snapshot_never_replaces_a_newer_one() -> None:
    quotes = board()
    quotes.apply(batch(packet(last_price=200, exchange_time=20, volume_traded=50)))
    for late in ({"exchange_time": 19, "volume_traded": 60},
                 {"exchange_time": 20, "volume_traded": 49}):  # fmt: skip
        quotes.apply(batch(packet(last_price=100, **late), received=9))
        assert only(quotes.read([SHARE])).last_price == 2.0
    quotes.apply(batch(packet(last_price=300, exchange_time=20, volume_traded=50)))
    assert only(quotes.read([SHARE])).last_price == 3.0


def test_of_one_frame_the_last_row_counts() -> None:
    quotes = board()
    rows = [packet(last_price=100 + n, exchange_time=20, volume_traded=n) for n in range(3)]
    quotes.apply(batch(*rows))
    assert only(quotes.read([SHARE])).last_price == 1.02


def test_a_price_of_nothing_and_unknown_tokens_are_left_out() -> None:
    quotes = board()
    quotes.apply(batch(packet(last_price=0), packet(4097, last_price=5)))
    assert quotes.read([SHARE, 4097]) == []


def test_an_ltp_packet_moves_the_price_and_keeps_the_rest() -> None:
    quotes = board()
    quotes.apply(batch(packet(last_price=100, volume_traded=9, exchange_time=20)))
    quotes.apply(batch(packet(length=8, last_price=105)))
    quote = only(quotes.read([SHARE]))
    assert (quote.last_price, quote.volume_traded) == (1.05, 9)


def test_depth_is_given_when_asked_for_and_there_is_some() -> None:
    quotes = board()
    quotes.apply(batch(packet(last_price=100), packet(NIFTY, 32, last_price=500)))
    share, nifty = quotes.read([SHARE, NIFTY], depth=True)
    assert nifty.depth is None
    assert share.depth is not None
    assert share.depth["buy"][0] == {"price": 1.0, "quantity": 7, "orders": 0}
    assert share.depth["sell"][4] == {"price": 1.0, "quantity": 0, "orders": 3}
    assert only(quotes.read([SHARE])).depth is None


def test_quotes_come_in_the_order_asked() -> None:
    quotes = board()
    quotes.apply(batch(packet(last_price=1), packet(NIFTY, 32, last_price=2)))
    assert [q.instrument_token for q in quotes.read([NIFTY, SHARE])] == [NIFTY, SHARE]


def test_changes_since_a_mark_are_told_once() -> None:
    quotes = board()
    quotes.apply(batch(packet(last_price=1)))
    mark, changed = quotes.changes(0)
    assert changed == [SHARE]
    quotes.apply(batch(packet(NIFTY, 32, last_price=2)))
    newer, changed = quotes.changes(mark)
    assert changed == [NIFTY]
    assert quotes.changes(newer) == (newer, [])
    assert quotes.mark(SHARE) < quotes.mark(NIFTY)
    assert quotes.mark(4097) == 0


def test_a_watcher_is_called_with_each_new_quote_until_it_ends() -> None:
    quotes = board()
    seen: list[float] = []
    end = quotes.watch(SHARE, lambda quote: seen.append(quote.last_price))
    quotes.apply(batch(packet(last_price=100)))
    quotes.apply(batch(packet(NIFTY, 32, last_price=900)))
    quotes.apply(batch(packet(last_price=101), packet(last_price=102)))
    end()
    quotes.apply(batch(packet(last_price=103)))
    assert seen == [1.0, 1.02]


def test_a_new_day_carries_no_quote_over_and_marks_go_on_rising() -> None:
    quotes = board()
    quotes.apply(batch(packet(last_price=100, exchange_time=20, high=120)))
    mark, _ = quotes.changes(0)
    quotes.reset([SHARE])
    assert quotes.read([SHARE]) == []
    assert quotes.tokens.tolist() == [SHARE], "contracts that are gone have no place"
    quotes.apply(batch(packet(last_price=90, exchange_time=3, high=91)))
    assert only(quotes.read([SHARE])).high == 0.91
    assert quotes.mark(SHARE) > mark


def test_added_instruments_keep_the_quotes_of_the_others() -> None:
    quotes = board()
    quotes.apply(batch(packet(last_price=100)))
    many = range(10_001, 10_401)
    quotes.add([*many, SHARE])
    quotes.apply(batch(packet(10_400, last_price=700)))
    assert only(quotes.read([SHARE])).last_price == 1.0
    assert only(quotes.read([10_400])).last_price == 7.0
    assert len(quotes.tokens) == 402


def test_a_snapshot_from_the_future_does_not_hide_the_real_ones() -> None:
    """The fold refuses it, too: more than an hour ahead of its arrival."""
    quotes = board()
    quotes.apply(batch(packet(last_price=99_999, exchange_time=4_000), received=100))
    assert quotes.read([SHARE]) == []
    quotes.apply(batch(packet(last_price=100, exchange_time=99), received=100))
    assert only(quotes.read([SHARE])).last_price == 1.0
