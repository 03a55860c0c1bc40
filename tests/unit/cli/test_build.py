"""``firki build`` as a person or a script calls it."""

import json
from pathlib import Path

import polars as pl
import pytest
from tests.unit.cli.conftest import Firki

TICKS = """\
symbol,ts,ltp,volume
INFY,2021-04-13 09:15:01,1400.0,100
INFY,2021-04-13 09:15:20,1402.0,150
INFY,2021-04-13 15:45:00,1401.0,157
INFY,2021-04-19 09:15:00,1401.0,1
"""


@pytest.fixture
def ticks(tmp_path: Path) -> Path:
    path = tmp_path / "ticks.csv"
    path.write_text(TICKS)
    return path


def test_bars_are_written_and_every_row_is_told_of(
    firki: Firki, ticks: Path, tmp_path: Path
) -> None:
    out = tmp_path / "bars.csv"
    code, said, err = firki("build", str(ticks), "--interval", "1m", "-i", "day", "--out", str(out))
    assert code == 0
    assert err == "", "a progress bar is for terminals"
    assert "other_date 1" in said
    assert "1 of 1 instruments" in said
    assert f"wrote {out}: bars 1 of 1m, 1 of day" in said
    found = pl.read_csv(out)
    assert found["start_ts"][0] == "2021-04-13T09:15:00+05:30"
    assert found["volume"].to_list() == [50, 157]


def test_the_report_can_be_json(firki: Firki, ticks: Path, tmp_path: Path) -> None:
    said = firki("build", str(ticks), "-o", str(tmp_path / "b.parquet"), "--json").out
    report = json.loads(said)
    assert report["bars"]["1m"] == 1
    (day,) = report["days"]
    assert (day["date"], day["rows"], day["left_out"]) == ("2021-04-13", 4, {"other_date": 1})
    (volumes,) = day["volumes"]
    parts = [volumes[name] for name in ("baseline", "bars", "outside", "gap", "last")]
    assert parts == [100, 50, 7, 0, 157]


def test_a_captured_day_is_built_by_its_date(firki: Firki, tmp_path: Path) -> None:
    out = tmp_path / "b.parquet"
    assert firki("build", "2026-11-19", "-o", str(out), "-i", "5m").code == 0
    found = pl.read_parquet(out)
    assert set(found["symbol"]) == {"NSE:INFY", "NSE:NIFTY 50", "NFO:NIFTY26NOVFUT"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere.csv", "-o", "b.csv"), "no such file"),
        (("TICKS", "-o", "b.txt"), "expected a file ending in .parquet or .csv"),
        (("TICKS", "-o", "b.csv", "-i", "5x"), "interval '5x'"),
        (("TICKS", "-o", "b.csv", "--date", "today"), "--date: expected YYYY-MM-DD, found 'today'"),
        (("TICKS", "-o", "b.csv", "--class", "shares"), "--class: expected one of cas, cash"),
        (
            ("TICKS", "-o", "b.csv", "--date", "2021-04-14"),
            "expected rows of 2021-04-14, found none",
        ),
        (("2020-01-01", "-o", "b.csv"), "no journal of that day"),
    ],
)
def test_a_wrong_word_is_one_sentence_and_code_2(
    firki: Firki, ticks: Path, words: tuple[str, ...], said: str
) -> None:
    given = [str(ticks) if word == "TICKS" else word for word in words]
    code, out, err = firki("build", *given)
    assert (code, out) == (2, "")
    assert said in err
    assert err.startswith("firki: ")
    assert err.count("\n") == 1


def test_a_damaged_file_is_code_5(firki: Firki, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1 and then nothing of use PAR1")
    code, _, err = firki("build", str(path), "-o", str(tmp_path / "b.csv"))
    assert code == 5
    assert "t.parquet" in err
