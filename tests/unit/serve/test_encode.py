import csv
import io
import json

import numpy as np
import polars as pl
from tests.fakes.gateway import INFY, MINUTE_NS, OPEN_TS, candles

from firki.model.candle import DAY, CandleColumns, Flag, Interval, SessionKind, Status
from firki.serve import encode

FLAGS = [
    Flag.FINAL,
    Flag.FINAL | Flag.GAP | Flag.NO_VOLUME | Flag.NO_OI,
    Flag.FINAL | Flag.GAP | Flag.AMENDED,
    Flag.PARTIAL,
]


def four() -> CandleColumns:
    return candles(
        INFY, [1500.05, 1500.1, 0.1 + 0.2, 99.0], flags=FLAGS, oi=[5, 6, 7, 8],
        status=[Status.SETTLED, Status.FINAL, Status.FINAL, Status.FORMING],
        session=[SessionKind.PRE_OPEN, *[SessionKind.CONTINUOUS] * 2, SessionKind.CLOSING_AUCTION],
    )  # fmt: skip


def test_json_rows_are_what_each_candle_says_of_itself() -> None:
    columns = four()
    told = json.loads(b"[" + encode.json_rows(columns, decimals=2) + b"]")
    for row, candle in enumerate(map(columns.candle, range(4))):
        assert told[row] == {
            "start_ts": f"2026-11-20T09:{15 + row}:00+05:30",
            "open": round(candle.open, 2), "high": round(candle.high, 2),
            "low": round(candle.low, 2), "close": round(candle.close, 2),
            "volume": candle.volume, "oi": candle.oi, "tick_count": candle.tick_count,
            "status": candle.status, "revision": candle.revision, "session": candle.session,
            "flags": candle.flags,
        }  # fmt: skip
    assert told[1]["volume"] is told[1]["oi"] is None
    assert told[2]["close"] == 0.3  # rounded to paise, no float dust
    assert told[2]["flags"] == ["gap", "amended"]


def test_a_currency_keeps_its_seven_digits() -> None:
    columns = candles(INFY, [83.1234567])
    (told,) = json.loads(b"[" + encode.json_rows(columns, decimals=7) + b"]")
    assert told["close"] == 83.1234567
    assert b",83.1234567," in encode.csv(columns, decimals=7)


def test_what_is_no_number_is_absent_in_every_format() -> None:
    columns = candles(INFY, [np.nan, np.inf, 3.0])
    text = encode.json_rows(columns, decimals=2)
    assert [row["close"] for row in json.loads(b"[" + text + b"]")] == [None, None, 3.0]
    lines = list(csv.DictReader(io.StringIO(encode.csv(columns, decimals=2).decode())))
    assert [line["close"] for line in lines] == ["", "", "3.00"]
    frame = pl.read_ipc_stream(io.BytesIO(encode.arrow(columns, decimals=2)))
    assert frame["close"].to_list()[0] is None


def test_csv_reads_back_as_the_same_candles() -> None:
    columns = four()
    lines = list(csv.DictReader(io.StringIO(encode.csv(columns, decimals=2).decode())))
    assert [line["start_ts"] for line in lines][:2] == [
        "2026-11-20T09:15:00+05:30", "2026-11-20T09:16:00+05:30",
    ]  # fmt: skip
    assert [float(line["close"]) for line in lines] == [1500.05, 1500.1, 0.3, 99.0]
    assert lines[0]["close"] == "1500.05"
    assert lines[1]["close"] == "1500.10"
    assert [line["volume"] for line in lines] == ["1", "", "3", "4"]
    assert lines[1]["flags"] == "gap no_volume no_oi"
    assert [line["session"] for line in lines][-1] == "closing_auction"


def test_arrow_reads_back_as_the_same_candles() -> None:
    columns = four()
    frame = pl.read_ipc_stream(io.BytesIO(encode.arrow(columns, decimals=2)))
    assert frame.columns == list(encode.CandleRow.__struct_fields__)[:-1]  # no close_kind
    assert frame.schema["start_ts"] == pl.Int64
    assert frame["start_ts"].to_list() == [OPEN_TS + n * MINUTE_NS for n in range(4)]
    assert frame["close"].to_list() == [1500.05, 1500.1, 0.3, 99.0]
    assert frame["volume"].to_list() == [1, None, 3, 4]
    assert frame["status"].to_list() == ["settled", "final", "final", "forming"]
    assert frame["flags"].to_list()[1] == ["gap", "no_volume", "no_oi"]


def test_no_candles_are_an_empty_document_in_every_format() -> None:
    none = CandleColumns.empty(Interval.of(1), as_of_ts=OPEN_TS, source="grid")
    assert encode.json_rows(none, decimals=2) == b""
    assert encode.csv(none, decimals=2).count(b"\n") == 1
    frame = pl.read_ipc_stream(io.BytesIO(encode.arrow(none, decimals=2)))
    assert len(frame) == 0
    assert frame.schema["oi"] == frame.schema["start_ts"] == pl.Int64
    assert encode.gaps(none) == []


def test_neighbours_in_a_gap_are_one_stretch() -> None:
    gap = Flag.FINAL | Flag.GAP
    flags = [gap, gap, Flag.FINAL, gap, Flag.FINAL, gap]
    columns = candles(INFY, [1.0] * 6, flags=flags, interval=Interval.of(5))
    told = [(stretch.from_[11:16], stretch.to[11:16]) for stretch in encode.gaps(columns)]
    assert told == [("09:15", "09:25"), ("09:30", "09:35"), ("09:40", "09:45")]


def test_a_candle_cut_short_ends_where_the_next_one_begins() -> None:
    flags = [Flag.GAP, Flag.FINAL]
    columns = candles(INFY, [1.0] * 2, flags=flags, interval=Interval.of(60))
    columns = columns.of(
        columns.interval, as_of_ts=0, source="",
        **(columns.arrays() | {"start_ts": [OPEN_TS, OPEN_TS + 15 * MINUTE_NS]}),
    )  # fmt: skip
    assert encode.gaps(columns)[0].to[11:16] == "09:30"


def test_a_day_bar_says_what_its_close_is() -> None:
    flags = [0, Flag.CLOSE_OF_AUCTION, Flag.CLOSE_AFTER_SESSION | Flag.CLOSE_OF_AUCTION]
    columns = candles(INFY, [1.0, 2.0, 3.0], interval=DAY, flags=np.array(flags))
    rows = encode.rows(columns, decimals=2)
    assert [row.close_kind for row in rows] == ["last_trade", "closing_auction", "after_close"]
    assert all(row.flags == [] for row in rows)
    minutes = candles(INFY, [1.0])
    assert b"close_kind" not in encode.json_rows(minutes, decimals=2)
