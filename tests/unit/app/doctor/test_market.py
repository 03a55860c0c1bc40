"""What is said of accounts, calendar and feed."""

from datetime import date
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests import small_market
from tests.calendar_data import packaged

from firki.app.doctor import market
from firki.app.doctor.feed import compare
from firki.app.doctor.finding import Finding, Level
from firki.app.folder import DataFolder
from firki.config import Account, Data, Settings
from firki.model.calendar import Calendar


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    """One captured day."""
    return small_market.capture(tmp_path_factory.mktemp("captured"), small_market.DAY)


def settings(tmp_path: Path, *tokens: Path) -> Settings:
    accounts = tuple(
        Account(name=f"a{n}", api_key=SecretStr("kx7CANARYsecret"), access_token_file=path)
        for n, path in enumerate(tokens)
    )
    return Settings(data=Data(folder=tmp_path), accounts=accounts)


def test_no_account_is_a_warning(tmp_path: Path) -> None:
    [finding] = market.check_accounts(settings(tmp_path))
    assert finding.level is Level.WARNING
    assert "`firki demo` needs none" in finding.advice


def test_each_account_needs_a_token_that_can_be_read(tmp_path: Path) -> None:
    good, empty = tmp_path / "good", tmp_path / "empty"
    good.write_text("kx7CANARYsecret")
    empty.write_text(" \n")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    paths = (good, empty, tmp_path / "none", tmp_path / "bytes")
    findings = market.check_accounts(settings(tmp_path, *paths))
    assert [finding.level for finding in findings] == [Level.OK, *[Level.FAILURE] * 3]
    assert "CANARY" not in str(findings)


def told(calendar: Calendar, today: str, *changes: str) -> dict[str, Finding]:
    found = market.check_calendar(calendar, date.fromisoformat(today), changes)
    return {finding.check: finding for finding in found}


def test_a_calendar_that_ends_soon_is_a_warning() -> None:
    assert told(packaged(), "2026-12-01")["calendar"].level is Level.OK
    late = told(packaged(), "2026-12-02")["calendar"]
    assert late.level is Level.WARNING
    assert late.found == "holidays are known until 2026-12-31"
    assert "calendar.overrides" in late.advice


def test_doubtful_days_are_listed_once() -> None:
    doubts = told(packaged(), "2026-12-10")["unverified days"]
    assert doubts.level is Level.WARNING
    assert len(doubts.details) == len(set(doubts.details))
    assert any(line.startswith("2027-01-01: no holiday list") for line in doubts.details)
    assert told(packaged(), "2019-02-04")["unverified days"].level is Level.OK


def test_past_days_without_a_good_source_are_told_without_alarm() -> None:
    past = told(packaged(), "2026-11-20")["unverified past days"]
    assert past.level is Level.OK
    assert past.found.startswith(f"{len(past.details)} since 2019 stand without a good source")
    assert any(line.startswith("2026-11-08:") for line in past.details), "the muhurat's hours"


def test_the_announced_change_is_told_until_it_is_on() -> None:
    early = told(packaged(), "2026-08-10")["change december_2026"]
    assert early.level is Level.OK
    assert "is off; it would begin on 2026-12-07" in early.found
    assert told(packaged(), "2026-11-20")["change december_2026"].level is Level.WARNING
    on = packaged("december_2026")
    finding = told(on, "2026-11-20", "december_2026")["change december_2026"]
    assert (finding.level, finding.found) == (Level.OK, "is on, by calendar.changes")


def test_snapshots_inside_the_session_agree(captured: DataFolder) -> None:
    agreement = compare(captured.journal(small_market.DAY))
    # the index too: all three instruments have exchange times
    assert (agreement.snapshots, agreement.outside, agreement.partly) == (3 * 72, 0, False)
    assert market.check_feed(captured).level is Level.OK


def test_a_session_the_calendar_ends_too_early_is_a_warning(tmp_path: Path) -> None:
    folder = small_market.capture(tmp_path, small_market.DAY, overrides=SHORT)
    agreement = compare(folder.journal(small_market.DAY))
    told_of = {stray.session_class: stray for stray in agreement.strays}
    # one at 09:15:00, then one in ten seconds from 09:15:05 to 09:26:45
    assert told_of["cash"].outside == 72 - 1 - 30
    assert told_of["index"].outside == 0
    assert str(told_of["cash"]) == "cash: 41 of 72 outside, from 09:20:05 to 09:26:45"
    finding = market.check_feed(folder)
    assert finding.level is Level.WARNING
    assert "calendar.overrides" in finding.advice


SHORT = b"""
[[special]]
classes = ["cash"]
dates = [2026-11-20]
name = "an early close"
phases = ["09:15 continuous", "09:20 closed"]
"""


def test_of_a_large_day_the_beginning_of_each_segment_is_looked_at(captured: DataFolder) -> None:
    agreement = compare(captured.journal(small_market.DAY), most_bytes=1_000)
    assert agreement.partly
    assert 0 < agreement.snapshots <= 3 * 72


def test_nothing_recorded_is_well_and_a_damaged_day_fails(tmp_path: Path) -> None:
    assert market.check_feed(DataFolder(tmp_path)).level is Level.OK
    folder = small_market.capture(tmp_path / "data", small_market.DAY)
    (folder.journal(small_market.DAY) / "header.json").write_text("{}")
    finding = market.check_feed(folder)
    assert finding.level is Level.FAILURE
    assert "firki journal verify" in finding.advice
