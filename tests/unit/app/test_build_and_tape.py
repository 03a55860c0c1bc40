"""A file of recorded ticks is the same market to ``firki build`` and to ``firki demo --tape``."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from tests.simulated_days import calendar

from firki.app.build import BuildOptions, build
from firki.app.tick_files import read_recordings
from firki.app.tick_frames import invented_names, sendable
from firki.config import load
from firki.kite.instruments import parse
from firki.model.instrument import InstrumentTable
from firki.model.ist import ist_midnight
from firki.model.tick import SECOND, U32, Column
from firki.simulator.recorded import RecordedMarket

REAL = Path(__file__).parents[4] / "shared/data/ticks_2021/ticks_2021-04-16.parquet"
DAY_SECONDS = 86_400
LARGEST = 0xFFFFFFFF
TICKS = """\
symbol,ts,ltp,volume,oi
INFY,2026-11-19 09:15:01,1400.05,100,
 INFY ,2026-11-19 09:15:02,1400.10,150,
NSE:INFY,2026-11-19 09:15:03,1400.15,175,
NIFTY 50,2026-11-19 09:15:01,14300.15,,
BSE:SENSEX,2026-11-19 09:15:01,48000.5,0,
NIFTY MADE UP,2026-11-19 09:15:01,900,5,
SILENT,2026-11-19 09:15:01,12.5,0,
RELIANCE,2026-11-19 09:15:01,1931.5,0,
BSE:RELIANCE,2026-11-19 09:15:01,1931.6,7,
UNHEARD OF,2026-11-19 09:15:01,12.5,7,
NFO:NIFTY26NOVFUT,2026-11-19 09:15:00,14350.00,75,
NFO:NIFTY26NOVFUT,2026-11-19 09:15:01,14350.05,75,9750
NFO:NIFTY26NOVFUT,2026-11-19 09:15:02,14350.10,150,
NFO:NIFTY26NOVFUT,2026-11-20 09:07:00,14350.15,75,8000
NFO:NIFTY26NOVFUT,2026-11-19 09:15:03,14350.20,225,
NFO:NIFTY26NOV15000CE,2026-11-19 09:15:01,20.05,0,1500
CDS:USDINR26NOVFUT,2026-11-19 09:15:01,75.1025,5,40
MCX:CARDAMOM26NOVFUT,2026-11-19 10:15:01,1200,5,40
MCX:GOLD26DECFUT,2026-11-19 09:15:01,46500,5,40
,2026-11-19 09:15:04,1,1,
INFY,2026-11-19 09:15:04,1400.1,,
INFY,2026-11-19 09:15:05,1400.1,1.5,
INFY,2026-11-19 09:15:06,1400.1,-1,
INFY,2026-11-19 09:15:07,1400.1,4294967296,
INFY,2026-11-19 09:15:08,0,180,
INFY,2026-11-19 09:15:08,,180,
INFY,2026-11-19 09:15:08,nan,180,
INFY,2026-11-19 09:15:09,-5,180,
INFY,2026-11-19 09:15:09,1e12,180,
INFY,,1400.2,190,
INFY,1970-01-01 05:30:00,1400.2,190,
INFY,2026-11-20 09:07:00,1400.3,3,
"""


@dataclass(frozen=True)
class Seen:
    """What became of a file: its instruments with token and hours, how many rows of it were lost
    for which reason, and the day's packets (time, token, price, volume, open interest)."""

    instruments: dict[str, tuple[int, str]]
    lost: Counter[str]
    packets: list[tuple[int, ...]]


def instruments(table: InstrumentTable) -> dict[str, tuple[int, str]]:
    every = [table.instrument(row) for row in range(len(table))]
    return {each.key: (each.instrument_token, str(each.session_class)) for each in every}


def packets(columns: U32, day: date) -> list[tuple[int, ...]]:
    midnight = ist_midnight(day) // SECOND
    seconds = columns[Column.EXCHANGE_TIME].astype(np.int64) - midnight
    price = columns[Column.LAST_PRICE]
    kept = columns[:, (seconds >= 0) & (seconds < DAY_SECONDS) & (price > 0) & (price < LARGEST)]
    told = (Column.INSTRUMENT_TOKEN, Column.LAST_PRICE, Column.VOLUME_TRADED, Column.OI)
    return sorted(
        zip(*(kept[each].tolist() for each in (Column.EXCHANGE_TIME, *told)), strict=True)
    )


def built(path: Path, folder: Path) -> Seen:
    (recording,) = read_recordings([path])
    names = invented_names(recording)
    settings = load(None, {"FIRKI_DATA__FOLDER": str(folder), "HOME": str(folder)})
    options = BuildOptions(sources=[str(path)], out=folder / "bars.csv", intervals=["day"])
    (report,) = build(settings, options, lambda *_: None).days
    lost = Counter(report.left_out) + Counter(report.refused)
    sent = sendable(recording, names)
    return Seen(instruments(names.table), lost, packets(sent.columns, recording.trading_date))


def played(path: Path) -> Seen:
    market = RecordedMarket(calendar(), [path])
    columns = market.advance(market.end_ts).columns
    seconds = (
        columns[Column.EXCHANGE_TIME].astype(np.int64) - ist_midnight(market.trading_date) // SECOND
    )
    no_time = columns[Column.EXCHANGE_TIME] == 0
    elsewhere = ~no_time & ((seconds < 0) | (seconds >= DAY_SECONDS))
    faults = Counter(no_time=int(no_time.sum()), other_date=int(elsewhere.sum()))
    table = parse(market.instruments_csv(), day=market.trading_date)
    lost = Counter(market.left_out) + faults
    return Seen(instruments(table), lost, packets(columns, market.trading_date))


@pytest.mark.slow
def test_a_file_has_the_same_instruments_hours_and_lost_rows_in_both(tmp_path: Path) -> None:
    path = tmp_path / "ticks.csv"
    path.write_text(TICKS)
    of_build, of_tape = built(path, tmp_path), played(path)
    assert of_build == of_tape
    assert of_tape.lost == {
        "no_symbol": 1, "no_volume": 2, "volume_range": 2, "no_price": 3, "price_range": 2,
        "no_time": 2, "other_date": 2,
    }  # fmt: skip
    kinds = {key: kind for key, (_, kind) in of_tape.instruments.items()}
    assert kinds == {
        "NSE:INFY": "cash", "NSE:RELIANCE": "cash", "BSE:RELIANCE": "cash",
        "NSE:UNHEARD OF": "cash", "NSE:NIFTY 50": "index", "BSE:SENSEX": "index",
        "NSE:NIFTY MADE UP": "index", "NSE:SILENT": "index", "NFO:NIFTY26NOVFUT": "derivative",
        "NFO:NIFTY26NOV15000CE": "derivative", "CDS:USDINR26NOVFUT": "currency",
        "MCX:CARDAMOM26NOVFUT": "commodity_agri", "MCX:GOLD26DECFUT": "commodity",
    }  # fmt: skip
    tokens = {key: token for key, (token, _) in of_tape.instruments.items()}
    assert (tokens["NSE:INFY"], tokens["BSE:SENSEX"], tokens["NSE:NIFTY 50"]) == (
        408065,
        265,
        256265,
    )
    assert max(packet[4] for packet in of_tape.packets) == 9750


@pytest.mark.slow
@pytest.mark.recorded
@pytest.mark.skipif(not REAL.exists(), reason="the recorded days are not beside the checkout")
def test_a_real_day_is_the_same_in_both(tmp_path: Path) -> None:
    of_build, of_tape = built(REAL, tmp_path), played(REAL)
    assert of_build == of_tape
    assert of_tape.lost == {"no_time": 69_161, "other_date": 52_952}
