"""A recording played again: every row, as it was recorded, and only what was recorded."""

from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.simulated_days import calendar, instant

from firki.errors import ConfigError
from firki.model.tick import SECOND, Column
from firki.simulator.recorded import RecordedDays, RecordedMarket
from firki.simulator.recording import read_recording
from firki.simulator.snapshotter import Snapshots
from firki.simulator.trading import TradeKind

DAY = date(2021, 4, 13)
REAL = Path(__file__).parents[4] / "shared" / "data" / "ticks_2021"
SBIN, NIFTY = 779521, 256265

Row = tuple[str, str, float, int]
ROWS: list[Row] = [
    ("SBIN", "2021-04-13 09:07:30", 330.00, 900),
    ("SBIN", "2021-04-13 09:15:01", 331.05, 1000),
    ("SBIN", "2021-04-13 09:15:01", 331.05, 1000),
    ("SBIN", "2021-04-13 09:15:04", 332.00, 1300),
    ("SBIN", "2021-04-13 09:15:02", 330.50, 1200),
    ("SBIN", "1970-01-01 05:30:00", 332.10, 1300),
    ("SBIN", "2021-04-13 09:16:10", 329.95, 1450),
    ("SBIN", "2021-04-13 15:45:00", 331.00, 1500),
    ("SBIN", "2021-04-14 09:08:00", 335.00, 40),
    ("NIFTY 50", "2021-04-13 09:15:02", 14500.35, 0),
    ("NIFTY 50", "2021-04-13 09:15:03", 14501.00, 0),
    ("UNHEARD OF", "2021-04-13 09:15:03", 12.50, 7),
]  # fmt: skip


def frame(rows: list[Row]) -> pl.DataFrame:
    columns = {"symbol": pl.String, "ts": pl.String, "ltp": pl.Float64, "volume": pl.Int64}
    return pl.DataFrame(rows, schema=columns, orient="row")


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """The rows above, in Parquet with naive Indian times."""
    path = tmp_path / "ticks.parquet"
    frame(ROWS).with_columns(pl.col("ts").str.to_datetime(time_unit="ms")).write_parquet(path)
    return path


@pytest.fixture
def market(tape: Path) -> RecordedMarket:
    return RecordedMarket(calendar(), [tape])


def of(market: RecordedMarket, snapshots: Snapshots, token: int) -> Snapshots:
    row = market.listing.rows[token]
    return snapshots.take(np.flatnonzero(snapshots.row == row))


def ts(hour: int, minute: int, second: int = 0) -> int:
    return instant(hour, minute, second, day=DAY)


def test_every_row_is_sent_in_the_order_recorded(market: RecordedMarket) -> None:
    snapshots = market.advance(market.end_ts)
    assert len(snapshots) == len(ROWS)
    sent = of(market, snapshots, SBIN).columns
    own = [row for row in ROWS if row[0] == "SBIN"]
    assert sent[Column.LAST_PRICE].tolist() == [round(row[2] * 100) for row in own]
    assert sent[Column.VOLUME_TRADED].tolist() == [row[3] for row in own]
    assert market.trading_date == DAY
    assert market.open_ts == ts(9, 0)


def test_times_are_passed_on_to_the_second_faults_too(market: RecordedMarket) -> None:
    columns = of(market, market.advance(market.end_ts), SBIN).columns
    expected = [int(datetime.fromisoformat(f"{row[1]}+05:30").timestamp()) for row in ROWS[:9]]
    assert expected[5] == 0
    assert columns[Column.LAST_TRADE_TIME].tolist() == expected
    assert columns[Column.EXCHANGE_TIME].tolist() == expected


def test_day_fields_run_over_the_days_own_prices(market: RecordedMarket) -> None:
    columns = of(market, market.advance(market.end_ts), SBIN).columns
    assert set(columns[Column.OPEN].tolist()) == {33000}
    assert columns[Column.HIGH].tolist() == [33000, 33105, 33105, *[33200] * 6]
    assert columns[Column.LOW].tolist() == [33000] * 6 + [32995] * 3


def test_what_was_not_recorded_is_nought(market: RecordedMarket) -> None:
    snapshots = market.advance(market.end_ts)
    for column in (Column.CLOSE, Column.AVERAGE_TRADED_PRICE, Column.OI, Column.TOTAL_BUY_QUANTITY):
        assert not snapshots.columns[column].any()
    assert not snapshots.depth["price"].any()


def test_rows_arrive_after_their_second_and_never_before_an_earlier_one(
    market: RecordedMarket,
) -> None:
    snapshots = market.advance(market.end_ts)
    assert (np.diff(snapshots.delivery_ts) >= 0).all()
    own = of(market, snapshots, SBIN)
    assert (np.diff(own.delivery_ts) > 0).all()
    late = own.delivery_ts[1] - ts(9, 15, 1)
    assert SECOND // 2 <= late < 1.5 * SECOND
    # the rows without a time, and of the next day, follow the row before them at once
    assert own.delivery_ts[5] - own.delivery_ts[3] < SECOND
    assert own.delivery_ts[8] - ts(15, 45) < 2 * SECOND


def test_cutting_the_day_up_changes_nothing(tape: Path) -> None:
    whole, cut = (RecordedMarket(calendar(), [tape]) for _ in range(2))
    moments = [*range(cut.open_ts, ts(9, 20), 370_000_000), cut.end_ts]
    parts = Snapshots.joined([cut.advance(moment) for moment in moments])
    assert np.array_equal(parts.columns, whole.advance(whole.end_ts).columns)


def test_known_names_have_real_tokens_and_others_invented_ones(market: RecordedMarket) -> None:
    keys = dict(zip(market.listing.keys, market.listing.token.tolist(), strict=True))
    assert keys["NSE:SBIN"] == SBIN
    assert keys["NSE:NIFTY 50"] == NIFTY
    assert keys["NSE:UNHEARD OF"] % 256 == 1
    assert market.listing.segment[market.listing.rows[NIFTY]] == "INDICES"


def test_an_index_is_sent_as_an_index(market: RecordedMarket) -> None:
    columns = of(market, market.advance(market.end_ts), NIFTY).columns
    assert columns[Column.LENGTH].tolist() == [32, 32]
    assert columns[Column.LAST_TRADE_TIME].tolist() == [0, 0]
    assert columns[Column.LAST_PRICE].tolist() == [1450035, 1450100]


def test_nothing_is_shown_before_the_first_row(market: RecordedMarket) -> None:
    rows = np.arange(len(market.listing))
    assert not market.current(rows)[0].any()
    market.advance(ts(9, 10))
    columns, _ = market.current(rows)
    assert columns[Column.LAST_PRICE, market.listing.rows[SBIN]] == 33000
    assert not columns[:, market.listing.rows[NIFTY]].any()


def test_truth_is_what_the_volume_proves(market: RecordedMarket) -> None:
    trades = market.trades([SBIN], 0, 1 << 62)
    assert trades.quantity.tolist() == [100, 300, 150, 50]
    assert trades.price.tolist() == [33105, 33200, 32995, 33100]
    assert trades.session.tolist() == [*[TradeKind.CONTINUOUS] * 3, TradeKind.POST_CLOSE]
    assert len(market.trades([NIFTY], 0, 1 << 62)) == 2


def test_candles_of_the_day_are_folded_from_what_was_delivered(market: RecordedMarket) -> None:
    market.advance(ts(9, 15, 50))
    bars = market.candles(SBIN, "minute", ts(0, 0), ts(23, 0))
    assert bars.start_ts.tolist() == [ts(9, 15)]
    assert (bars.open[0], bars.high[0], bars.low[0], bars.close[0]) == (33105, 33200, 33105, 33200)
    assert bars.volume.tolist() == [400]
    market.advance(market.end_ts)
    starts = market.candles(SBIN, "minute", ts(0, 0), ts(23, 0)).start_ts.tolist()
    assert starts == [ts(9, 15), ts(9, 16)]


def test_the_invented_past_ends_at_the_first_recorded_price(market: RecordedMarket) -> None:
    days = market.candles(SBIN, "day", instant(0, 0, day=date(2021, 3, 1)), ts(0, 0) - 1)
    assert len(days) > 20
    assert days.close[-1] == 33000


@pytest.mark.parametrize("form", ["text", "zone", "integer", "token"])
def test_csv_and_other_forms_say_the_same(tmp_path: Path, tape: Path, form: str) -> None:
    rows = frame(ROWS)
    times = pl.col("ts").str.to_datetime(time_unit="ns").dt.replace_time_zone("Asia/Kolkata")
    if form == "zone":
        rows = rows.with_columns(pl.col("ts") + "+05:30")
    elif form == "integer":
        rows = rows.with_columns(times.cast(pl.Int64))
    elif form == "token":
        numbers = {"SBIN": SBIN, "NIFTY 50": NIFTY, "UNHEARD OF": 256 * 4000 + 1}
        rows = rows.select(
            pl.col("symbol").replace_strict(numbers).alias("instrument_token"),
            "ts",
            "ltp",
            "volume",
        )
    path = tmp_path / "ticks.csv"
    rows.write_csv(path)
    one, other = (RecordedMarket(calendar(), [which]) for which in (tape, path))
    a, b = (of(m, m.advance(m.end_ts), SBIN) for m in (one, other))
    assert np.array_equal(a.columns, b.columns)
    # where in its second an instrument arrives goes by its place in the listing
    assert np.abs(a.delivery_ts - b.delivery_ts).max() < SECOND // 20
    assert "NSE:SBIN" in other.listing.keys


def test_a_recorded_token_tells_segment_and_price_scale(tmp_path: Path) -> None:
    path = tmp_path / "ticks.csv"
    path.write_text(
        "instrument_token,symbol,ts,ltp,volume\n"
        "412675,USDINR21APRFUT,2021-04-13 09:15:01,75.1025,5\n"
        "12000002,NIFTY21APRFUT,2021-04-13 09:15:01,14500.05,75\n"
        "265,SENSEX,2021-04-13 09:15:01,48000.5,0\n"
    )
    market = RecordedMarket(calendar(), [path])
    listing, columns = market.listing, market.advance(market.end_ts).columns
    prices = dict(zip(columns[1].tolist(), columns[Column.LAST_PRICE].tolist(), strict=True))
    assert prices == {412675: 751_025_000, 12000002: 1_450_005, 265: 4_800_050}
    scales = dict(zip(listing.keys, listing.price_scale.tolist(), strict=True))
    assert scales == {
        "BSE:SENSEX": 100, "CDS:USDINR21APRFUT": 10_000_000, "NFO:NIFTY21APRFUT": 100,
    }  # fmt: skip


@pytest.mark.parametrize("missing", ["symbol", "ts", "ltp", "volume"])
def test_a_missing_column_is_named(tmp_path: Path, missing: str) -> None:
    path = tmp_path / "ticks.csv"
    frame(ROWS).drop(missing).write_csv(path)
    with pytest.raises(ConfigError, match=f"ticks.csv: expected a column .*{missing}"):
        RecordedMarket(calendar(), [path])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("ticks.txt", b"", "ending in .parquet or .csv"),
        ("ticks.parquet", b"not parquet", "cannot be read"),
        ("ticks.csv", b"", "cannot be read"),
        ("ticks.csv", b"symbol,ts,ltp,volume\n", "found none"),
        ("ticks.csv", b"symbol,ts,ltp,volume\nA,yesterday,1,1\n", "column ts"),
        ("ticks.csv", b"symbol,ts,ltp,volume\nA,1.5,1,1\n", "column ts"),
    ],
)
def test_a_file_that_is_no_tape_is_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        read_recording([tmp_path / name])


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_recording([tmp_path / "absent.parquet"])


def test_rows_that_no_packet_can_hold_are_counted(tmp_path: Path) -> None:
    bad: list[Row] = [
        ("SBIN", "2021-04-13 09:15:05", -1.0, 5),
        ("SBIN", "2021-04-13 09:15:06", float("nan"), 5),
        ("SBIN", "2021-04-13 09:15:07", 331.0, -5),
        ("SBIN", "2021-04-13 09:15:08", 331.0, 1 << 33),
    ]
    path = tmp_path / "ticks.csv"
    frame([*ROWS, *bad]).write_csv(path)
    market = RecordedMarket(calendar(), [path])
    assert market.unsendable == 4
    assert len(market.advance(market.end_ts)) == len(ROWS)


def test_days_follow_each_other_by_date(tmp_path: Path, tape: Path) -> None:
    later = tmp_path / "later.csv"
    frame([("SBIN", "2021-04-15 09:15:05", 340.0, 5)]).write_csv(later)
    days = RecordedDays(calendar(), [later, tape])
    assert days.first == DAY
    assert days.after(DAY) == date(2021, 4, 15)
    assert days.after(date(2021, 4, 15)) is None
    assert days.market(date(2021, 4, 15)).listing.tradingsymbol == ("SBIN",)


@pytest.mark.slow
@pytest.mark.recorded
@pytest.mark.parametrize(
    ("day", "rows", "zero", "other"),
    [("2021-04-13", 564_355, 0, 0), ("2021-04-16", 687_175, 69_161, 52_952)],
)
def test_a_real_day_is_streamed_whole(day: str, rows: int, zero: int, other: int) -> None:
    path = REAL / f"ticks_{day}.parquet"
    if not path.exists():
        pytest.skip(f"no recorded ticks at {path}")
    market = RecordedMarket(calendar(), [path])
    snapshots = market.advance(market.end_ts)
    assert len(snapshots) == rows
    seconds = snapshots.columns[Column.EXCHANGE_TIME].astype(np.int64)
    midnight = instant(0, 0, day=date.fromisoformat(day)) // SECOND
    assert (seconds == 0).sum() == zero
    assert (seconds >= midnight + 86_400).sum() == other
    source = pl.read_parquet(path).filter(pl.col("symbol") == "SBIN").sort("row")
    sent = of(market, snapshots, SBIN)
    prices = (source["ltp"] * 100).round().cast(pl.Int64).to_list()
    assert sent.columns[Column.LAST_PRICE].tolist() == prices
    assert sent.columns[Column.VOLUME_TRADED].tolist() == source["volume"].to_list()
    assert market.end_ts < instant(21, 0, day=date.fromisoformat(day))
