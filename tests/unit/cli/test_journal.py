"""``firki journal`` on a captured market."""

import json
from pathlib import Path

import pytest
from tests import small_market
from tests.unit.cli.conftest import Firki

from firki.app.folder import DataFolder
from firki.capture.journal_reader import read_records
from firki.ports import RecordKind

NEWEST = "2026-11-20"


def damage(folder: Path) -> Path:
    """Flip a byte in the middle of the newest day's only segment."""
    path = folder / "journal" / NEWEST / "000001.seg"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    path.write_bytes(raw)
    return path


def test_days_are_listed_with_their_size(firki: Firki, captured: Path) -> None:
    code, out, _ = firki("journal", "days", "--json")
    sizes = [
        sum(path.stat().st_size for path in (captured / "journal" / day).iterdir())
        for day in ("2026-11-19", NEWEST)
    ]
    assert code == 0
    assert json.loads(out) == {
        "days": [
            {"date": "2026-11-19", "stored_bytes": sizes[0]},
            {"date": NEWEST, "stored_bytes": sizes[1]},
        ]
    }
    assert [line.split()[0] for line in firki("journal", "days").out.splitlines()] == [
        "2026-11-19", NEWEST,
    ]  # fmt: skip


def test_info_tells_the_newest_day_from_its_headers(firki: Firki) -> None:
    document = json.loads(firki("journal", "info", "--json").out)
    assert document["header"]["trading_date"] == NEWEST
    assert (document["frames"], document["first"], document["last"]) == (74, 1, 74)
    lines = dict(line.split("  ", 1) for line in firki("journal", "info").out.splitlines())
    assert lines["from"].strip() == "2026-11-20 09:15:00 IST"
    assert lines["to"].strip() == "2026-11-20 09:26:45.500 IST"


def test_verify_counts_every_record_of_the_day_asked_for(firki: Firki, captured: Path) -> None:
    code, out, _ = firki("journal", "verify", "2026-11-19", "--json")
    document = json.loads(out)
    records = list(read_records(captured / "journal" / "2026-11-19"))
    assert code == 0
    assert (document["date"], document["bad"], document["faults"]) == ("2026-11-19", 0, [])
    assert document["frames"] == len(records) == 74
    assert (document["first"], document["last"]) == (records[0].seq, records[-1].seq)
    frames = sum(record.kind is RecordKind.FRAME for record in records)
    assert document["by_kind"] == {"frame": frames, "connected": 1, "wanted": 1}
    assert "all of it is sound" in firki("journal", "verify").out


def test_a_missing_file_is_bad_and_ends_with_5(firki: Firki, folder: Path) -> None:
    (folder / "journal" / NEWEST / "instruments.csv").unlink()
    code, out, _ = firki("journal", "verify", "--json", data=folder)
    document = json.loads(out)
    assert code == 5
    assert (document["bad"], document["frames"]) == (1, 74)
    assert document["faults"][0]["file"] == "instruments.csv"
    code, out, _ = firki("journal", "verify", data=folder)
    assert code == 5
    assert "BAD       instruments.csv: is missing" in out
    assert out.endswith("1 bad\n")


def test_a_flipped_byte_ends_with_5_and_the_other_day_is_sound(firki: Firki, folder: Path) -> None:
    path = damage(folder)
    code, out, _ = firki("journal", "verify", "--json", data=folder)
    document = json.loads(out)
    assert code == 5
    assert document["bad"] >= 1
    assert document["faults"][0]["file"] == path.name
    assert firki("journal", "verify", "2026-11-19", data=folder).code == 0


@pytest.mark.parametrize("command", ["info", "verify"])
def test_a_day_that_is_not_kept_names_those_that_are(firki: Firki, command: str) -> None:
    code, out, err = firki("journal", command, "2026-11-18")
    assert (code, out) == (2, "")
    assert "newest: 2026-11-19, 2026-11-20" in err
    assert firki("journal", command, "lunch").code == 2


def test_a_folder_without_a_journal_ends_with_4(firki: Firki, tmp_path: Path) -> None:
    code, _, err = firki("journal", "info", data=tmp_path)
    assert code == 4
    assert "has no journal" in err
    assert firki("journal", "days", data=tmp_path).out == "no journal is kept\n"


def test_a_day_is_thrown_away_only_when_that_is_confirmed(firki: Firki, folder: Path) -> None:
    day = small_market.EARLIER.isoformat()
    asked = firki("journal", "remove", day, data=folder)
    assert asked.code == 2
    assert "--confirm removes" in asked.err
    assert f"journal/{day}" in asked.err
    assert (folder / "journal" / day).is_dir()
    done = firki("journal", "remove", day, "--confirm", data=folder)
    assert (done.code, done.out.startswith("removed ")) == (0, True)
    assert not (folder / "journal" / day).exists()
    assert not (folder / "grid" / day).exists()
    assert (folder / "journal" / small_market.DAY.isoformat()).is_dir()
    again = firki("journal", "remove", day, "--confirm", data=folder)
    assert (again.code, "nothing is kept of" in again.err) == (2, True)


def test_no_day_is_thrown_away_while_somebody_captures(firki: Firki, folder: Path) -> None:
    with DataFolder(folder).capturing():
        asked = firki("journal", "remove", small_market.DAY.isoformat(), "--confirm", data=folder)
    assert asked.code == 3
    assert (folder / "journal" / small_market.DAY.isoformat()).is_dir()
