"""What holds for every class on every day."""

import hashlib
import os
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.calendar_data import packaged

from firki.model.calendar import (
    MINUTE_NS,
    Calendar,
    PhaseKind,
    Session,
    SessionClass,
    ist_date,
    ist_midnight,
    ist_text,
    to_ist,
)
from firki.model.candle import SessionKind

CAL = packaged()
WITH_CHANGE = packaged("december_2026")
CLASSES = st.sampled_from(list(SessionClass))
DAYS = st.dates(date(2019, 1, 1), date(2028, 12, 31))
MOMENTS = st.integers(0, 4_102_444_800_000_000_000)


@given(CLASSES, DAYS, st.sampled_from([CAL, WITH_CHANGE]))
def test_phases_are_ordered_disjoint_and_on_the_trading_date(
    kind: SessionClass, day: date, calendar: Calendar
) -> None:
    session = calendar.session(kind, day)
    if session is None:
        return
    for phase, after in pairwise(session.phases):
        assert phase.start_ts < phase.end_ts <= after.start_ts
    assert session.phases[-1].start_ts < session.phases[-1].end_ts
    assert {ist_date(session.first_ts), ist_date(session.last_ts - 1)} == {day}
    assert all(p.start_ts % MINUTE_NS == p.end_ts % MINUTE_NS == 0 for p in session.phases)
    assert session.first_ts <= session.open_ts < session.close_ts <= session.last_ts


@given(CLASSES, DAYS)
def test_slots_are_ordered_disjoint_and_inside_the_session(kind: SessionClass, day: date) -> None:
    session = WITH_CHANGE.session(kind, day)
    slots = session.slots() if session else ()
    for slot, after in pairwise(slots):
        assert slot.end_ts <= after.from_ts
        assert slot.start_ts < after.start_ts
    for slot in slots:
        assert session is not None
        assert session.first_ts <= slot.from_ts <= slot.start_ts < slot.end_ts <= session.last_ts


@given(CLASSES, DAYS, st.integers(0, 24 * 60 - 1))
def test_a_minute_has_a_slot_of_its_own_exactly_when_it_is_continuous(
    kind: SessionClass, day: date, minute: int
) -> None:
    ts = ist_midnight(day) + minute * MINUTE_NS
    session = CAL.session(kind, day)
    slots = session.slots() if session else ()
    own = [s for s in slots if s.session is SessionKind.CONTINUOUS and s.start_ts == ts]
    assert bool(own) == (CAL.state(kind, ts) is PhaseKind.CONTINUOUS)
    assert all(slot.end_ts == ts + MINUTE_NS for slot in own)


@given(CLASSES, st.dates(date(2024, 2, 1), date(2028, 12, 31)))
def test_no_session_lies_between_the_previous_and_the_next(kind: SessionClass, day: date) -> None:
    before, after = CAL.previous_session(kind, day), CAL.next_session(kind, day)
    between = CAL.sessions(kind, before.trading_date, after.trading_date)
    here = CAL.session(kind, day)
    assert before.trading_date < day < after.trading_date
    assert list(between) == [before, *([here] if here else []), after]


@given(MOMENTS)
def test_indian_time_and_nanoseconds_convert_both_ways(ts: int) -> None:
    day = ist_date(ts)
    assert ist_midnight(day) <= ts < ist_midnight(day + timedelta(days=1))
    moment = to_ist(ts)
    assert moment.date() == day
    assert moment.utcoffset() == timedelta(hours=5, minutes=30)
    elapsed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    assert elapsed // timedelta(microseconds=1) == ts // 1000
    assert datetime.fromisoformat(ist_text(ts)) == moment


def fingerprint(sessions: Iterator[Session]) -> str:
    text = "".join(
        f"{s.trading_date}{s.phases}{s.slots()[0]}{ist_text(s.open_ts)}" for s in sessions
    )
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def restore_zone() -> Iterator[None]:
    before = os.environ.get("TZ")
    yield
    os.environ.pop("TZ", None)
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.usefixtures("restore_zone")
def test_the_machines_time_zone_changes_nothing() -> None:
    found = set()
    for zone in ("UTC", "Asia/Kolkata", "America/New_York"):
        os.environ["TZ"] = zone
        time.tzset()
        fresh = packaged()
        found.add(
            fingerprint(fresh.sessions(SessionClass.CAS, date(2026, 7, 1), date(2026, 12, 31)))
        )
    assert len(found) == 1
