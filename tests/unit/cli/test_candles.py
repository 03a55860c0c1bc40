"""``firki candles`` on a captured market."""

import csv
import json
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Firki


def test_the_newest_day_is_shown_with_indian_grouping_and_times(firki: Firki) -> None:
    code, out, err = firki("candles", "NSE:INFY")
    lines = [line.split() for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert out.startswith("NSE:INFY  5m\n")
    assert lines[2] == [
        "2026-11-20", "09:15", "1,500.05", "1,501.50", "1,500.05", "1,501.50", "30,00,000",
        "30", "final",
    ]  # fmt: skip
    assert "source grid, as of 2026-11-20 09:26:45 IST; the last candle is forming" in out


def test_a_column_that_says_nothing_is_left_out(firki: Firki) -> None:
    assert " oi " not in firki("candles", "NSE:INFY").out
    assert " volume " not in firki("candles", "NSE:NIFTY 50").out
    future = firki("candles", "NFO:NIFTY26NOVFUT").out
    assert " oi " in future
    assert "12,34,500" in future


def test_json_is_the_documented_candle_document(firki: Firki) -> None:
    code, out, _ = firki("candles", "NSE:INFY", "--interval", "1m", "--count", "2", "--json")
    document = json.loads(out)
    assert code == 0
    assert list(document) == ["key", "interval", "as_of", "source", "candles"]
    assert (document["key"], document["interval"], document["source"]) == ("NSE:INFY", "1m", "grid")
    assert document["as_of"] == "2026-11-20T09:26:45+05:30"
    assert document["candles"] == [
        {
            "start_ts": "2026-11-20T09:25:00+05:30", "open": 1503.05, "high": 1503.3,
            "low": 1503.05, "close": 1503.3, "volume": 600000, "oi": None, "tick_count": 6,
            "status": "final", "revision": 0, "session": "continuous", "flags": ["no_oi"],
        },
        {
            "start_ts": "2026-11-20T09:26:00+05:30", "open": 1503.35, "high": 1503.55,
            "low": 1503.35, "close": 1503.55, "volume": 500000, "oi": None, "tick_count": 5,
            "status": "forming", "revision": 0, "session": "continuous", "flags": ["no_oi"],
        },
    ]  # fmt: skip


def test_csv_has_a_line_a_candle(firki: Firki) -> None:
    code, out, _ = firki("candles", "408065", "-i", "1m", "-n", "3", "--csv")
    rows = list(csv.DictReader(out.splitlines()))
    assert code == 0
    assert [row["start_ts"] for row in rows] == [
        f"2026-11-20T09:{minute}:00+05:30" for minute in (24, 25, 26)
    ]
    assert (rows[2]["close"], rows[2]["oi"]) == ("1503.55", "")


def starts(out: str) -> list[str]:
    return [candle["start_ts"][5:16] for candle in json.loads(out)["candles"]]


@pytest.mark.parametrize(
    ("options", "first", "last", "count"),
    [
        ([], "11-20T09:15", "11-20T09:26", 12),
        (["--count", "15"], "11-19T09:24", "11-20T09:26", 15),
        (["--count", "900"], "11-19T09:15", "11-20T09:26", 24),
        (["--no-current"], "11-20T09:15", "11-20T09:25", 11),
        (["--no-current", "--count", "1"], "11-20T09:25", "11-20T09:25", 1),
        (["--from", "09:20", "--to", "09:22"], "11-20T09:20", "11-20T09:22", 3),
        (["--from", "2026-11-19"], "11-19T09:15", "11-20T09:26", 24),
        (["--to", "2026-11-19"], "11-19T09:15", "11-19T09:26", 12),
        (["--to", "2026-11-19", "-n", "2"], "11-19T09:25", "11-19T09:26", 2),
        (["--from", "2026-11-20T03:50:00+00:00"], "11-20T09:20", "11-20T09:26", 7),
        (["--sessions", "continuous"], "11-20T09:15", "11-20T09:26", 12),
    ],
)
def test_ranges_are_days_times_of_the_newest_day_and_counts(
    firki: Firki, options: list[str], first: str, last: str, count: int
) -> None:
    found = starts(firki("candles", "NSE:INFY", "-i", "1m", "--json", *options).out)
    assert (found[0], found[-1], len(found)) == (first, last, count)


def test_a_month_joins_the_days(firki: Firki) -> None:
    document = json.loads(firki("candles", "NSE:INFY", "-i", "month", "--json").out)
    [month] = document["candles"]
    assert month["start_ts"] == "2026-11-01T00:00:00+05:30"
    assert month["volume"] == 2 * 71_00_000


def test_a_range_without_candles_says_what_there_is(firki: Firki) -> None:
    code, out, _ = firki("candles", "NSE:INFY", "--sessions", "closing_auction")
    assert code == 0
    assert (
        out == "NSE:INFY  5m: no candles in that range; the folder holds 2026-11-19 to 2026-11-20\n"
    )
    assert firki("candles", "NSE:SBIN", "--json").out.endswith('"candles":[]}\n')


def test_an_unknown_key_names_what_comes_near(firki: Firki) -> None:
    assert firki("candles", "NSE:INFI") == (
        6, "", "firki: no instrument 'NSE:INFI'; near: NSE:INFY\n"
    )  # fmt: skip
    assert "near: NSE:INFY" in firki("candles", "INFY").err
    assert firki("candles", "99").err == "firki: no instrument '99'\n"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--interval", "7x"], "--interval: interval '7x': expected minutes"),
        (["--from", "yesterday"], "--from: time 'yesterday': expected an ISO time"),
        (["--to", "25:10"], "--to: hour must be in 0..23"),
        (["--from", "2026-11-20T09:20:00"], "has no offset"),
        (["--sessions", "lunch"], "expected some of pre_open, continuous, closing_auction"),
        (["--csv", "--json"], "expected --csv or --json, found both"),
    ],
)
def test_what_cannot_be_asked_is_said_and_ends_with_2(
    firki: Firki, options: list[str], words: str
) -> None:
    code, out, err = firki("candles", "NSE:INFY", *options)
    assert (code, out) == (2, "")
    assert words in err


def test_a_folder_that_is_not_there_ends_with_4(firki: Firki, tmp_path: Path) -> None:
    code, out, err = firki("candles", "NSE:INFY", data=tmp_path / "none")
    assert (code, out) == (4, "")
    assert "does not exist: nothing was captured there yet" in err


def test_an_empty_folder_ends_with_4(firki: Firki, tmp_path: Path) -> None:
    code, _, err = firki("candles", "NSE:INFY", data=tmp_path)
    assert code == 4
    assert "no instrument master" in err


def test_a_damaged_grid_ends_with_5(firki: Firki, folder: Path) -> None:
    with (folder / "grid" / "2026-11-20" / "day.grid").open("r+b") as file:
        file.write(b"notagrid")
    code, _, err = firki("candles", "NSE:INFY", data=folder)
    assert code == 5
    assert "not a grid" in err


def test_demo_reads_the_folder_of_the_demo(firki: Firki, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    folder.rename(tmp_path / "own" / "demo")
    assert firki("candles", "NSE:INFY", "--demo", data=tmp_path / "own").code == 0
    assert firki("candles", "NSE:INFY", data=tmp_path / "own").code == 4


def test_what_was_known_on_an_earlier_day_is_shown_and_within_one_is_refused(firki: Firki) -> None:
    earlier = firki("candles", "NSE:INFY", "--as-of", "2026-11-19", "--json")
    starts = [candle["start_ts"][:10] for candle in json.loads(earlier.out)["candles"]]
    assert set(starts) == {"2026-11-19"}
    within = firki("candles", "NSE:INFY", "--as-of", "09:20")
    assert within.code == 6
    assert "firki replay 2026-11-20 --from 09:20" in within.err
