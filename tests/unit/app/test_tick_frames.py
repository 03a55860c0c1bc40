"""Recorded rows as packets: whose they are, and what cannot become one."""

from datetime import date
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from tests.fakes import small_day

from firki.app.market_day import decode_kite
from firki.app.tick_files import Recording
from firki.app.tick_frames import Names, invented_names, names_in, records, sendable
from firki.errors import ConfigError
from firki.model.ist import ist_midnight
from firki.model.session import SessionClass
from firki.ports import RecordKind

DAY = date(2021, 4, 13)
SECOND = 10**9
OPEN = ist_midnight(DAY) + 33_300 * SECOND


def recording(*rows: tuple[Any, ...]) -> Recording:
    """Rows of (name, seconds after the open, price, volume) and maybe oi and token."""
    whole = [(*row, *[None] * (6 - len(row))) for row in rows]
    columns = dict(
        zip(
            ("name", "second", "ltp", "volume", "oi", "token"),
            zip(*whole, strict=True),
            strict=True,
        )
    )
    ts = [OPEN + second * SECOND for second in columns.pop("second")]
    frame = pl.DataFrame(
        {**columns, "ts": ts, "arrival": ts},
        schema={
            "name": pl.String, "token": pl.Int64, "ts": pl.Int64, "ltp": pl.Float64,
            "volume": pl.Int64, "oi": pl.Int64, "arrival": pl.Int64,
        },
    )  # fmt: skip
    return Recording(DAY, ("t.csv",), frame, {})


def kinds(names: Names) -> dict[str, tuple[int, str]]:
    found = {name: names.table.by_token(token) for name, token in names.tokens.items()}
    return {n: (i.instrument_token, str(i.session_class)) for n, i in found.items() if i}


def test_known_names_have_their_real_tokens() -> None:
    names = invented_names(
        recording(("INFY", 0, 1400.0, 5), ("NSE:RELIANCE", 0, 1.0, 5), ("NIFTY 50", 0, 1.0, 0))
    )
    assert kinds(names) == {
        "INFY": (408065, "cash"), "NSE:RELIANCE": (738561, "cash"), "NIFTY 50": (256265, "index"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "volume", "kind"),
    [
        ("UNHEARDOF", 5, "cash"), ("NIFTYBEES", 5, "cash"), ("BSE", 5, "cash"),
        ("NIFTY MADE UP", 0, "index"), ("INDIA VIX", 5, "index"), ("BSE MIDCAP", 5, "index"),
        ("SILENT", 0, "index"), ("NFO:NIFTY21APRFUT", 5, "derivative"),
        ("CDS:USDINR21APRFUT", 5, "currency"), ("MCX:GOLD21JUNFUT", 5, "commodity"),
        ("MCX:CARDAMOM21APRFUT", 5, "commodity_agri"),
    ],
)  # fmt: skip
def test_a_name_tells_the_hours_it_keeps(name: str, volume: int, kind: str) -> None:
    assert kinds(invented_names(recording((name, 0, 10.0, volume))))[name][1] == kind


def test_the_asked_class_is_that_of_all_but_indices() -> None:
    rows = recording(("NIFTY21APRFUT", 0, 10.0, 5), ("NIFTY 50", 0, 10.0, 0))
    found = kinds(invented_names(rows, SessionClass.DERIVATIVE))
    assert [kind for _, kind in found.values()] == ["index", "derivative"]
    assert found["NIFTY21APRFUT"][0] & 0xFF == 2


def test_an_invented_token_is_the_same_on_every_day_and_nobody_elses() -> None:
    many = [(f"NAME{n}", 0, 10.0, 5) for n in range(3000)]
    first = invented_names(recording(*many)).tokens
    assert len(set(first.values())) == 3000
    alone = invented_names(recording(("NAME7", 0, 10.0, 5))).tokens
    assert alone["NAME7"] == first["NAME7"]


def test_the_files_own_tokens_are_kept() -> None:
    rows = recording(("X", 0, 10.0, 5, None, 779521), ("Y", 0, 10.0, 0, None, 256265))
    assert kinds(invented_names(rows)) == {"X": (779521, "cash"), "Y": (256265, "index")}


def test_a_master_says_who_is_who() -> None:
    rows = recording(
        ("INFY", 0, 10.0, 5), ("NFO:NIFTY26NOVFUT", 0, 10.0, 5), ("NIFTY 50", 0, 1.0, 0),
        ("GONE", 0, 1.0, 1), ("2885", 0, 1.0, 1, None, small_day.RELIANCE),
    )  # fmt: skip
    names = names_in(rows, small_day.book().table)
    assert kinds(names) == {
        "INFY": (small_day.INFY, "cash"),
        "NFO:NIFTY26NOVFUT": (small_day.FUTURE, "derivative"),
        "NIFTY 50": (small_day.NIFTY, "index"), "2885": (small_day.RELIANCE, "cash"),
    }  # fmt: skip
    assert sendable(rows, names).left_out == {"unknown_symbol": 1}


def test_rows_become_packets_in_order() -> None:
    rows = recording(
        ("INFY", 0, 1400.05, 0), ("NIFTY 50", 0, 14_300.15, 0), ("INFY", 1, 1400.1, 25, 7),
        ("INFY", 3, 1400.2, 30),
    )  # fmt: skip
    names = invented_names(rows)
    connected, wanted, *frames = records(sendable(rows, names), names)
    assert (connected.kind, wanted.kind) == (RecordKind.CONNECTED, RecordKind.WANTED)
    assert msgspec.json.decode(wanted.payload) == {"256265": 3, "408065": 3}
    assert [f.seq for f in (connected, wanted, *frames)] == [1, 2, 3, 4, 5]
    assert [f.received_ts for f in frames] == [OPEN, OPEN + SECOND, OPEN + 3 * SECOND]
    first, second, third = (decode_kite(f) for f in frames)
    assert first.length.tolist() == [184, 32]
    assert first.instrument_token.tolist() == [408065, 256265]
    assert first.last_price.tolist() == [140_005, 1_430_015]
    assert (second.volume_traded[0], second.oi[0]) == (25, 7)
    assert second.last_trade_ts[0] == second.exchange_ts[0] == OPEN + SECOND
    assert not first.high.any()
    assert third.volume_traded.tolist() == [30]


def test_many_rows_of_one_second_become_several_frames() -> None:
    rows = recording(*[("INFY", 0, 1.0, n) for n in range(12_000)])
    names = invented_names(rows)
    _, _, *frames = records(sendable(rows, names), names)
    batches = [decode_kite(f).volume_traded for f in frames]
    assert [len(batch) for batch in batches] == [5000, 5000, 2000]
    assert np.concatenate(batches).tolist() == list(range(12_000))


def test_rows_no_packet_can_hold_are_counted() -> None:
    rows = recording(
        ("A", 0, 1.0, None), ("A", 0, 1.0, -1), ("A", 0, 1.0, 1 << 32), ("A", 0, 1.0, 5),
        ("NIFTY 50", 0, 1.0, None),
    )  # fmt: skip
    found = sendable(rows, invented_names(rows))
    assert found.left_out == {"no_volume": 1, "volume_range": 2}
    assert found.columns.shape[1] == 2


def test_a_price_no_packet_can_hold_is_left_to_the_fold_to_refuse() -> None:
    prices = [None, float("nan"), 0.0, -5.0, 1e12, float("inf"), 10.004]
    rows = recording(*[("A", n, price, 5) for n, price in enumerate(prices)])
    found = sendable(rows, invented_names(rows))
    largest = 0xFFFFFFFF
    assert found.columns[2].tolist() == [0, 0, 0, largest, largest, largest, 1000]
    assert found.rounded == 1


def test_one_token_under_two_symbols_is_refused() -> None:
    rows = recording(("X", 0, 10.0, 5, None, 779521), ("Y", 0, 10.0, 5, None, 779521))
    with pytest.raises(ConfigError, match=r"779521.*X.*Y"):
        invented_names(rows)
