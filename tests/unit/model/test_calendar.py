"""Sessions of the packaged calendar against facts written down by hand."""

import csv
from datetime import date
from pathlib import Path

import pytest
from tests.calendar_data import BASE, at, packaged

from firki.model.calendar import Calendar, CalendarError, PhaseKind, SessionClass, ist_text
from firki.model.candle import SessionKind

GOLDEN = Path(__file__).parents[2] / "golden/calendar_states.csv"
CAL = packaged()
CAS, CASH, INDEX = SessionClass.CAS, SessionClass.CASH, SessionClass.INDEX
DERIVATIVE, CURRENCY, COMMODITY = (
    SessionClass.DERIVATIVE, SessionClass.CURRENCY, SessionClass.COMMODITY,
)  # fmt: skip


def continuous_minutes(calendar: Calendar, kind: SessionClass, day: str) -> int:
    session = calendar.session(kind, date.fromisoformat(day))
    return sum(s.session is SessionKind.CONTINUOUS for s in session.slots()) if session else 0


def test_every_state_of_the_golden_table_is_met() -> None:
    wrong = []
    with GOLDEN.open(newline="") as table:
        for row in csv.DictReader(table):
            found = CAL.state(SessionClass(row["class"]), at(f"{row['date']} {row['time']}"))
            if found != row["state"]:
                wrong.append(f"{row['date']} {row['class']} {row['time']}: {found}, not {row}")
    assert wrong == []


def test_a_state_lasts_to_the_last_nanosecond_of_its_minute() -> None:
    end = at("2026-08-03 15:15")
    assert CAL.state(CAS, end - 1) is PhaseKind.CONTINUOUS
    assert CAL.state(CAS, end) is PhaseKind.CLOSING_REFERENCE


@pytest.mark.parametrize(
    ("kind", "day", "minutes"),
    [
        (CAS, "2026-07-31", 375), (CASH, "2026-07-31", 375), (DERIVATIVE, "2026-07-31", 375),
        (CAS, "2026-08-03", 360), (CASH, "2026-08-03", 375), (DERIVATIVE, "2026-08-03", 385),
        (INDEX, "2026-08-03", 375), (CURRENCY, "2026-08-03", 480),
        (COMMODITY, "2026-08-03", 870), (COMMODITY, "2026-11-02", 895),
        (COMMODITY, "2026-03-03", 415), (COMMODITY, "2026-01-01", 480),
        (CASH, "2024-05-18", 105), (CASH, "2024-11-01", 60), (CASH, "2026-02-01", 375),
        (CASH, "2026-01-15", 0), (CASH, "2026-11-21", 0),
    ],
)  # fmt: skip
def test_a_session_has_as_many_minutes_as_it_is_long(
    kind: SessionClass, day: str, minutes: int
) -> None:
    assert continuous_minutes(CAL, kind, day) == minutes


def test_a_cas_day_runs_from_pre_open_to_the_auction() -> None:
    session = CAL.session(CAS, date(2026, 9, 7))
    assert session is not None
    assert (session.first_ts, session.last_ts) == (at("2026-09-07 09:00"), at("2026-09-07 16:00"))
    assert (session.open_ts, session.close_ts) == (at("2026-09-07 09:15"), at("2026-09-07 15:35"))
    assert session.verified
    first, *minutes, auction = session.slots()
    assert (first.session, first.start_ts) == (SessionKind.PRE_OPEN, session.first_ts)
    assert first.end_ts == session.open_ts
    assert len(minutes) == 360
    assert (auction.session, auction.from_ts) == (
        SessionKind.CLOSING_AUCTION, at("2026-09-07 15:20"),
    )  # fmt: skip
    assert (auction.start_ts, auction.end_ts) == (at("2026-09-07 15:30"), session.close_ts)


def test_a_saturday_in_two_parts_has_two_pre_opens() -> None:
    session = CAL.session(CASH, date(2024, 3, 2))
    assert session is not None
    starts = [s.start_ts for s in session.slots() if s.session is SessionKind.PRE_OPEN]
    assert starts == [at("2024-03-02 09:00"), at("2024-03-02 11:15")]
    assert session.open_ts == at("2024-03-02 09:15")
    assert session.close_ts == at("2024-03-02 12:30")


def test_the_late_holiday_joins_its_neighbours() -> None:
    assert CAL.session(CASH, date(2026, 1, 15)) is None
    assert CAL.next_session(CASH, date(2026, 1, 14)).trading_date == date(2026, 1, 16)
    assert CAL.previous_session(CASH, date(2026, 1, 16)).trading_date == date(2026, 1, 14)


def test_the_session_before_a_monday_may_be_a_sunday() -> None:
    assert CAL.previous_session(CASH, date(2026, 2, 2)).trading_date == date(2026, 2, 1)
    assert CAL.previous_session(CURRENCY, date(2026, 2, 2)).trading_date == date(2026, 1, 30)


def test_sessions_include_both_ends() -> None:
    days = [s.trading_date.day for s in CAL.sessions(CASH, date(2026, 11, 6), date(2026, 11, 11))]
    assert days == [6, 8, 9, 11]


def test_a_midnight_tick_belongs_to_its_indian_date() -> None:
    assert CAL.trading_date(at("2026-11-20 00:00")) == date(2026, 11, 20)
    assert CAL.trading_date(at("2026-11-20 00:00") - 1) == date(2026, 11, 19)
    assert CAL.state(CASH, 0) is PhaseKind.CLOSED


def test_a_weekday_of_an_unknown_year_trades_unverified() -> None:
    assert CAL.known_until(CASH) == date(2026, 12, 31)
    session = CAL.session(CASH, date(2027, 1, 4))
    assert session is not None
    assert not session.verified
    assert "2027" in session.note
    assert CAL.next_session(CASH, date(2026, 12, 31)).trading_date == date(2027, 1, 1)


def test_running_out_of_data_names_their_range() -> None:
    assert CAL.session(CASH, date(2010, 10, 15)) is None
    with pytest.raises(LookupError, match="2010-10-18"):
        CAL.previous_session(CASH, date(2010, 10, 18))


def test_a_day_without_a_good_source_says_so() -> None:
    for day, kind in [
        (date(2026, 11, 8), CASH), (date(2024, 5, 18), DERIVATIVE), (date(2026, 11, 20), INDEX),
        (date(2025, 6, 2), COMMODITY),
    ]:  # fmt: skip
        session = CAL.session(kind, day)
        assert session is not None
        assert not session.verified, day
        assert session.note


def test_what_is_unverified_is_listed_once_a_stretch() -> None:
    rows = CAL.unverified(date(2026, 1, 1), date(2026, 12, 31))
    assert [(row.date.isoformat(), row.classes) for row in rows] == [
        ("2026-08-03", (INDEX,)),
        ("2026-11-08", (CAS, CASH, INDEX)),
        ("2026-11-08", (DERIVATIVE, CURRENCY)),
        (
            "2026-11-08",
            (COMMODITY, SessionClass.COMMODITY_AGRI, SessionClass.COMMODITY_AGRI_INTL),
        ),
        ("2026-12-07", (CAS, DERIVATIVE)),
    ]
    assert all(row.what for row in rows)


def test_an_unverified_holiday_is_listed_on_its_day() -> None:
    rows = CAL.unverified(date(2025, 8, 15), date(2025, 8, 15))
    assert {kind for row in rows for kind in row.classes} >= {CURRENCY, COMMODITY}
    assert {row.date for row in rows} == {date(2025, 8, 15)}
    assert CAL.session(CURRENCY, date(2025, 8, 15)) is None


def test_the_december_change_is_off_until_switched_on() -> None:
    on = packaged("december_2026")
    day = date(2026, 12, 7)
    assert continuous_minutes(CAL, CAS, "2026-12-07") == 360
    assert continuous_minutes(on, CAS, "2026-12-07") == 375
    assert continuous_minutes(on, CAS, "2026-12-04") == 360
    assert continuous_minutes(on, DERIVATIVE, "2026-12-07") == 390
    assert on.state(CAS, at("2026-12-07 15:30")) is PhaseKind.CLOSING_REFERENCE
    assert on.state(CAS, at("2026-12-07 15:31")) is PhaseKind.CLOSING_ENTRY
    assert on.state(CAS, at("2026-12-07 15:36")) is PhaseKind.CLOSING_LIMIT
    assert on.state(CAS, at("2026-12-07 15:40")) is PhaseKind.CLOSING_AUCTION
    session = on.session(CAS, day)
    assert session is not None
    assert not session.verified
    assert "is off" not in " ".join(row.what for row in on.unverified(day, day))


def test_an_unknown_change_is_refused_with_the_known_ones() -> None:
    with pytest.raises(CalendarError, match="december_2026"):
        packaged("january_2030")


def test_the_digest_tells_what_was_put_together() -> None:
    extra = '[[reopened]]\nclasses = ["cash"]\ndates = [2026-01-26]\n'
    digests = {
        CAL.digest,
        packaged("december_2026").digest,
        packaged(overrides=extra).digest,
        packaged("december_2026", overrides=extra).digest,
    }
    assert len(digests) == 4
    assert {len(digest) for digest in digests} == {64}
    assert Calendar.parse(BASE).digest == CAL.digest


def test_a_session_is_made_once() -> None:
    assert CAL.session(CASH, date(2026, 11, 20)) is CAL.session(CASH, date(2026, 11, 20))


def test_indian_time_is_written_with_its_offset() -> None:
    assert ist_text(at("2026-11-20 09:15")) == "2026-11-20T09:15:00+05:30"
    assert ist_text(at("2026-11-20 09:15") + 250_000_000) == "2026-11-20T09:15:00.250000+05:30"
