"""The instruments: real names where they belong, unique tokens, a list any client can read."""

import csv
import io
from collections import Counter
from datetime import date, timedelta

import pytest
from tests.simulated_days import DAY, calendar, demo, played

from firki.errors import ConfigError
from firki.model.calendar import SessionClass
from firki.simulator.closes import Closes
from firki.simulator.contracts import month_expiries, week_expiries
from firki.simulator.market import SyntheticMarket
from firki.simulator.universe import Universe, build_universe, read_table

pytestmark = pytest.mark.slow


def universe(count: int, day: date = DAY) -> Universe:
    eve = calendar().previous_session(SessionClass.CASH, day).trading_date
    return build_universe(Closes(7), calendar(), day, eve, count)


def test_the_demo_has_fifteen_indices_thirty_futures_and_120_nifty_options() -> None:
    listing = demo().listing
    assert listing.traded == 500
    assert Counter(listing.segment[:500]) == {
        "INDICES": 15, "NSE": 335, "NFO-FUT": 30, "NFO-OPT": 120,
    }  # fmt: skip
    options = [row for row in range(500) if listing.segment[row] == "NFO-OPT"]
    assert {listing.name[row] for row in options} == {"NIFTY"}
    assert len({listing.expiry[row] for row in options}) == 2
    assert len({float(listing.strike[row]) for row in options}) == 30


def test_known_names_have_their_real_tokens() -> None:
    tokens = dict(zip(demo().listing.keys, demo().listing.token.tolist(), strict=True))
    real = {
        "NSE:NIFTY 50": 256265, "NSE:NIFTY BANK": 260105, "BSE:SENSEX": 265, "NSE:INFY": 408065,
        "NSE:RELIANCE": 738561, "NSE:SBIN": 779521,
    }  # fmt: skip
    assert {key: tokens[key] for key in real} == real


def test_both_nifty_indices_are_there_with_all_their_members() -> None:
    symbols = set(demo().listing.tradingsymbol)
    members = [row for row in read_table("shares.csv") if row["lists"] != "-"]
    assert sum("50" in row["lists"] for row in members) == 50
    assert sum("bank" in row["lists"] for row in members) == 14
    assert {row["symbol"] for row in members} <= symbols


def test_two_hundred_shares_close_in_the_auction_and_the_list_shows_which() -> None:
    listing = demo().listing
    cas = {
        listing.tradingsymbol[row]
        for row in range(len(listing))
        if listing.session_class[row] is SessionClass.CAS
    }
    rows = list(csv.DictReader(io.StringIO(demo().instruments_csv().decode())))
    with_contracts = {row["name"] for row in rows if row["exchange"] == "NFO"}
    shares = {row["tradingsymbol"] for row in rows if row["segment"] == "NSE"}
    assert len(cas) == 200
    assert shares & with_contracts == cas


def test_futures_that_are_only_listed_never_say_anything() -> None:
    market = played().market
    quiet = range(market.listing.traded, len(market.listing))
    tokens = market.listing.token[list(quiet)].tolist()
    assert tokens
    assert not len(market.trades(tokens, 0, market.end_ts))
    assert not set(played().snapshots.row.tolist()) & set(quiet)
    assert not len(market.candles(tokens[0], "day", 0, market.end_ts))


def test_the_csv_reads_as_kites_own_client_reads_it() -> None:
    text = demo().instruments_csv().decode()
    assert text.splitlines()[0] == (
        "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,"
        "lot_size,instrument_type,segment,exchange"
    )
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(demo().listing)
    for row in rows:
        token = int(row["instrument_token"])
        assert token == int(row["exchange_token"]) * 256 + token % 256
        assert token % 256 == {"INDICES": 9, "NSE": 1}.get(row["segment"], 2)
        assert float(row["last_price"]) == 0
        assert float(row["strike"]) >= 0
        assert float(row["tick_size"]) >= 0
        assert int(row["lot_size"]) >= 0
        assert row["instrument_type"] in {"EQ", "FUT", "CE", "PE"}
        if row["expiry"]:
            assert date.fromisoformat(row["expiry"]) >= DAY


def test_the_list_of_one_exchange_holds_only_its_rows() -> None:
    rows = list(csv.DictReader(io.StringIO(demo().instruments_csv("BSE").decode())))
    assert [row["tradingsymbol"] for row in rows] == ["SENSEX"]


def test_symbols_follow_kites_grammar() -> None:
    listing = demo().listing
    weekly = [s for s in listing.tradingsymbol if s.startswith("NIFTY26D01")]
    monthly = [s for s in listing.tradingsymbol if s.startswith("NIFTY26NOV") and s[-2:] == "CE"]
    assert len(weekly) == 60
    assert len(monthly) == 30
    assert "NIFTY26NOVFUT" in listing.tradingsymbol


@pytest.mark.parametrize("count", [1, 2, 10, 333, 9000, 27_000])
def test_any_number_of_instruments_has_as_many_tokens_and_keys(count: int) -> None:
    made = universe(count)
    assert made.traded == count
    assert len({entry.token for entry in made.entries}) == len(made.entries)
    assert len({(e.exchange, e.tradingsymbol) for e in made.entries}) == len(made.entries)
    assert max(entry.token for entry in made.entries) < 2**32
    # a day's volume must fit the packet's 32 bits with room for a busy day
    assert all(e.rate * 22_500 * (1 + e.size) * e.lot < 2**31 for e in made.entries)


@pytest.mark.parametrize("count", [0, -5, 27_001])
def test_a_market_of_no_or_too_many_instruments_is_refused(count: int) -> None:
    with pytest.raises(ConfigError, match="1 to 27000"):
        universe(count)


def test_a_contract_keeps_its_token_from_day_to_day() -> None:
    today = {e.tradingsymbol: e.token for e in universe(500).entries}
    tomorrow = {e.tradingsymbol: e.token for e in universe(500, DAY + timedelta(days=1)).entries}
    common = today.keys() & tomorrow.keys()
    assert len(common) > 600
    assert all(today[symbol] == tomorrow[symbol] for symbol in common)


def test_expiries_are_tuesdays_or_the_trading_day_before() -> None:
    # Tuesday 24 November 2026 is a holiday, so November ends on Monday
    assert month_expiries(calendar(), date(2026, 11, 2), 2) == [
        date(2026, 11, 23),
        date(2026, 12, 29),
    ]
    assert week_expiries(calendar(), DAY, 2) == [date(2026, 11, 23), date(2026, 12, 1)]


def test_expiries_were_thursdays_before_september_2025() -> None:
    assert month_expiries(calendar(), date(2021, 4, 13), 1) == [date(2021, 4, 29)]


def test_a_market_of_one_instrument_plays() -> None:
    market = SyntheticMarket(calendar(), DAY, instruments=1)
    assert len(market.advance(market.open_ts + 40 * 60 * 10**9)) > 100
    assert market.listing.tradingsymbol == ("NIFTY 50",)
