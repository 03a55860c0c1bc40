"""What a user's calendar file can change, and how its faults are told."""

from datetime import date

import pytest
from tests.calendar_data import BASE, at, packaged

from firki.model.calendar import Calendar, CalendarError, PhaseKind, SessionClass

CASH, CAS, COMMODITY = SessionClass.CASH, SessionClass.CAS, SessionClass.COMMODITY


def refused(overrides: str) -> list[str]:
    with pytest.raises(CalendarError) as caught:
        packaged(overrides=overrides)
    assert isinstance(caught.value, ValueError)
    assert str(caught.value) == "\n".join(caught.value.errors)
    return caught.value.errors


def test_a_late_holiday_can_be_added_for_some_classes() -> None:
    calendar = packaged(overrides='[[holidays]]\nclasses = ["cash"]\ndates = [2026-12-10]\n')
    assert calendar.session(CASH, date(2026, 12, 10)) is None
    assert calendar.session(CAS, date(2026, 12, 10)) is not None


def test_a_holiday_can_be_taken_back() -> None:
    calendar = packaged(overrides='[[reopened]]\nclasses = ["cash"]\ndates = [2026-12-25]\n')
    session = calendar.session(CASH, date(2026, 12, 25))
    assert session is not None
    assert session.verified
    assert calendar.session(CAS, date(2026, 12, 25)) is None


def test_a_special_session_replaces_the_packaged_one() -> None:
    calendar = packaged(
        overrides="""
        [[special]]
        classes = ["cash"]
        dates = [2026-11-08]
        name = "Diwali muhurat by circular"
        phases = ["17:30 pre_open", "17:45 continuous", "18:45 closed"]
        """
    )
    session = calendar.session(CASH, date(2026, 11, 8))
    assert session is not None
    assert session.verified
    assert session.note == "Diwali muhurat by circular"
    assert (session.open_ts, session.close_ts) == (at("2026-11-08 17:45"), at("2026-11-08 18:45"))


def test_a_holiday_closes_a_packaged_special_session() -> None:
    calendar = packaged(overrides='[[holidays]]\nclasses = ["cash"]\ndates = [2026-02-01]\n')
    assert calendar.session(CASH, date(2026, 2, 1)) is None


def test_hours_can_change_from_a_date_on() -> None:
    calendar = packaged(
        overrides="""
        [[hours]]
        classes = ["cash"]
        from = 2026-12-01
        phases = ["09:00 continuous", "17:00 closed"]
        """
    )
    assert calendar.state(CASH, at("2026-11-30 16:30")) is PhaseKind.CLOSED
    assert calendar.state(CASH, at("2026-12-01 16:30")) is PhaseKind.CONTINUOUS


def test_hours_can_change_for_a_while() -> None:
    calendar = packaged(
        overrides="""
        [[hours]]
        classes = ["commodity"]
        from = 2026-12-01
        until = 2026-12-04
        phases = ["09:00 continuous", "17:00 closed"]
        """
    )
    assert calendar.state(COMMODITY, at("2026-12-04 20:00")) is PhaseKind.CLOSED
    assert calendar.state(COMMODITY, at("2026-12-07 20:00")) is PhaseKind.CONTINUOUS


def test_overridden_hours_win_over_packaged_ones_of_the_same_day() -> None:
    calendar = packaged(
        overrides="""
        [[hours]]
        classes = ["cas"]
        from = 2026-09-07
        phases = ["10:00 continuous", "11:00 closed"]
        """
    )
    assert calendar.state(CAS, at("2026-09-07 09:30")) is PhaseKind.CLOSED
    assert calendar.state(CAS, at("2026-09-07 10:30")) is PhaseKind.CONTINUOUS


def test_a_new_year_becomes_known_with_its_list() -> None:
    calendar = packaged(
        overrides="""
        [[coverage]]
        classes = ["cash"]
        years = [2027]
        [[holidays]]
        classes = ["cash"]
        dates = [2027-01-26]
        """
    )
    session = calendar.session(CASH, date(2027, 1, 25))
    assert session is not None
    assert session.verified
    assert calendar.session(CASH, date(2027, 1, 26)) is None
    assert calendar.known_until(CASH) == date(2027, 12, 31)
    assert calendar.known_until(CAS) == date(2026, 12, 31)


def test_half_days_cut_the_usual_hours() -> None:
    calendar = packaged(
        overrides="""
        [[holidays]]
        classes = ["cash"]
        dates = [2026-12-10]
        closed = "evening"
        parted = "12:00"
        [[holidays]]
        classes = ["cash"]
        dates = [2026-12-11]
        closed = "morning"
        parted = "12:00"
        """
    )
    assert calendar.state(CASH, at("2026-12-10 11:59")) is PhaseKind.CONTINUOUS
    assert calendar.state(CASH, at("2026-12-10 12:00")) is PhaseKind.CLOSED
    assert calendar.state(CASH, at("2026-12-11 11:59")) is PhaseKind.CLOSED
    assert calendar.state(CASH, at("2026-12-11 12:00")) is PhaseKind.CONTINUOUS


def test_every_fault_of_both_files_is_told_at_once() -> None:
    errors = refused(
        """
        colour = "red"
        [[holidays]]
        classes = ["cash", "equity"]
        dates = ["2026-12-10", 2026-12-11T09:00:00]
        [[holidays]]
        classes = ["cash"]
        dates = [2026-12-10]
        closed = "noon"
        [[special]]
        classes = []
        dates = [2026-12-12]
        phases = ["09:15:30 continuous", "25:00 closed", "10:00 lunch"]
        verified = "yes"
        [[special]]
        classes = ["cash"]
        dates = [2026-12-12]
        verified = false
        [[hours]]
        classes = ["cash"]
        until = 2026-12-12
        phases = ["09:15 continuous"]
        [[coverage]]
        classes = ["cash"]
        years = [27]
        [changes.mine]
        """
    )
    found = "\n".join(errors)
    for piece in [
        "overrides: colour: unknown key",
        "overrides: changes: unknown key",
        "overrides: holidays 1: classes: expected cas, cash",
        "found 'equity'",
        "overrides: holidays 1: dates: expected a date such as 2026-11-08 without quotes",
        "overrides: holidays 2: closed: expected day, morning, evening, found 'noon'",
        "overrides: holidays 2: parted: missing",
        "overrides: special 1: classes: expected a list that is not empty",
        "whole minutes; found '09:15:30'",
        "found '25:00'",
        "found '10:00 lunch'",
        "overrides: special 1: verified: expected true or false, found 'yes'",
        "overrides: special 2: verified: false needs a name or a note",
        "overrides: hours 1: from: missing",
        "overrides: hours 1: phases: the last must be closed",
        "overrides: coverage 1: years: expected a year such as 2027, found 27",
    ]:
        assert piece in found
    assert len(errors) == len(set(errors))


@pytest.mark.parametrize(
    ("phases", "why"),
    [
        ('"09:00 pre_open", "09:08 closed", "09:15 continuous", "10:00 closed"', "must lead to"),
        ('"09:15 continuous", "15:15 closing_entry", "15:30 closed"', "must lead to"),
        ('"09:15 continuous", "09:10 closed"', "begin after the one before"),
        ('"09:15 continuous", "09:15 closed"', "begin after the one before"),
        ('"09:15 pre_open", "09:20 closed"', "no continuous phase"),
        ('"09:15 continuous", "10:00 closing_auction", "10:05 closing_limit", "11:00 closed"',
         "ends the auction"),
    ],
)  # fmt: skip
def test_phases_that_cannot_follow_each_other_are_refused(phases: str, why: str) -> None:
    [error] = refused(
        f'[[special]]\nclasses = ["cash"]\ndates = [2026-12-12]\nphases = [{phases}]\n'
    )
    assert why in error


def test_a_half_day_parted_inside_an_auction_is_refused() -> None:
    [error] = refused(
        '[[holidays]]\nclasses = ["cas"]\ndates = [2026-12-10]\n'
        'closed = "evening"\nparted = "15:27"\n'
    )
    assert "2026-12-10: parted inside an auction" in error


@pytest.mark.parametrize("junk", [b"\xff\xfe", b"[[holidays", b"holidays = 3", b"holidays = [3]"])
def test_a_file_that_is_not_of_the_form_is_refused(junk: bytes) -> None:
    with pytest.raises(CalendarError, match="overrides"):
        Calendar.parse(BASE, overrides=junk)


def test_an_until_before_its_from_is_refused() -> None:
    [error] = refused(
        '[[hours]]\nclasses = ["cash"]\nfrom = 2026-12-10\nuntil = 2026-12-09\n'
        'phases = ["09:15 continuous", "10:00 closed"]\n'
    )
    assert "until: expected a day not before 2026-12-10" in error


def test_a_base_without_any_hours_has_no_sessions() -> None:
    calendar = Calendar.parse(b"")
    assert calendar.session(CASH, date(2026, 11, 20)) is None
    with pytest.raises(LookupError):
        calendar.next_session(CASH, date(2026, 11, 20))
    with pytest.raises(LookupError):
        calendar.known_until(CASH)


def test_a_name_that_is_no_text_is_refused() -> None:
    assert refused('[[special]]\nclasses = ["cash"]\ndates = [2026-12-12]\nname = 3\n') == [
        "overrides: special 1: name: expected text, found 3"
    ]


def test_changes_have_to_be_tables() -> None:
    for base in (b"changes = 3", b"[changes]\nmine = 3", b"[changes.mine]\ncolour = 1"):
        with pytest.raises(CalendarError, match="calendar: "):
            Calendar.parse(base)


def test_a_change_of_single_days_can_be_switched_on() -> None:
    base = BASE + (
        b'\n[changes.mock]\nnote = "a mock session"\n'
        b'[[changes.mock.special]]\nclasses = ["cash"]\ndates = [2026-12-12]\n'
    )
    day = date(2026, 12, 12)
    off, on = Calendar.parse(base), Calendar.parse(base, changes=["mock"])
    assert off.session(CASH, day) is None
    assert on.session(CASH, day) is not None
    [row] = off.unverified(day, day)
    assert (row.date, row.classes) == (day, (CASH,))
    assert "a mock session" in row.what
    assert on.unverified(day, day) == []
