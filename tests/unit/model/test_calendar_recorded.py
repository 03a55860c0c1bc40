"""The packaged calendar beside lists and calendars that others have made."""

import csv
import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from tests.calendar_data import packaged

from firki.model.calendar import SessionClass, to_ist
from firki.model.candle import SessionKind

RECORDED = Path(__file__).parents[4] / "shared/data/reference"
CAL = packaged()
CASH, DERIVATIVE, CURRENCY = SessionClass.CASH, SessionClass.DERIVATIVE, SessionClass.CURRENCY
MUHURAT_WEEKDAYS = {
    date(2021, 11, 4), date(2022, 10, 24), date(2024, 11, 1), date(2025, 10, 21),
}  # fmt: skip


def recorded(name: str) -> str:
    path = RECORDED / name
    if not path.exists():
        pytest.skip(f"the recorded market data ({name}) do not lie beside the checkout")
    return path.read_text()


def weekdays(first: int, last: int) -> Iterator[date]:
    day = date(first, 1, 1)
    while day.year <= last:
        if day.weekday() < 5:
            yield day
        day += timedelta(days=1)


def closed(kind: SessionClass, first: int, last: int) -> set[date]:
    """Weekdays with no session, and those that have a muhurat only."""
    return {
        day
        for day in weekdays(first, last)
        if CAL.session(kind, day) is None or day in MUHURAT_WEEKDAYS
    }


def master(rows: list[dict[str, str]]) -> set[date]:
    """The weekdays of an NSE holiday-master answer; its dates look like 26-Jan-2024."""
    days = {datetime.strptime(row["tradingDate"] + " +0000", "%d-%b-%Y %z").date() for row in rows}
    return {day for day in days if day.weekday() < 5}


@pytest.mark.recorded
@pytest.mark.parametrize("kind", ["cas", "cash", "index", "derivative"])
def test_equity_holidays_are_those_of_the_exchange(kind: str) -> None:
    rows = csv.DictReader(recorded("bse_holidays_1997_2026.csv").splitlines())
    days = {date.fromisoformat(row["date"]) for row in rows}
    expected = {day for day in days if day.year >= 2019 and day.weekday() < 5}
    assert closed(SessionClass(kind), 2019, 2026) == expected


@pytest.mark.recorded
def test_2023_differs_from_the_first_list_by_the_moved_bakri_id_only() -> None:
    listed = master(json.loads(recorded("nse_holidays_cm_2023.json")))
    assert closed(CASH, 2023, 2023) ^ listed == {date(2023, 6, 28), date(2023, 6, 29)}


@pytest.mark.recorded
def test_2024_differs_from_the_first_lists_by_later_circulars_only() -> None:
    lists = json.loads(recorded("nse_holidays_by_segment_2024.json"))
    late = {date(2024, 1, 22), date(2024, 5, 20), date(2024, 11, 20)}
    assert closed(CASH, 2024, 2024) ^ master(lists["CM"]) == late
    assert closed(DERIVATIVE, 2024, 2024) ^ master(lists["FO"]) == late
    moved = {date(2024, 9, 16), date(2024, 9, 18)}
    assert closed(CURRENCY, 2024, 2024) ^ master(lists["CD"]) == late | moved
    for kind in ("commodity", "commodity_agri_intl"):
        assert closed(SessionClass(kind), 2024, 2024) == master(lists["COM"])


@pytest.mark.recorded
def test_every_recorded_special_session_trades() -> None:
    rows = list(csv.DictReader(recorded("special_sessions_2019_2026.csv").splitlines()))
    assert len(rows) == 13
    for row in rows:
        session = CAL.session(CASH, date.fromisoformat(row["date"]))
        assert session is not None, row
        minutes = sum(s.session is SessionKind.CONTINUOUS for s in session.slots())
        if row["one_minute_bars_seen"]:
            assert minutes == int(row["one_minute_bars_seen"])
        if "full session" in row["kind"]:
            assert minutes == 375
        if "muhurat" in row["kind"]:
            assert minutes == 60


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the package's own quarrels with pandas
def test_weekday_sessions_agree_with_exchange_calendars() -> None:
    xbom = pytest.importorskip("exchange_calendars").get_calendar(
        "XBOM", start="2019-01-01", end="2026-12-31"
    )
    theirs = {stamp.date() for stamp in xbom.sessions if stamp.weekday() < 5}
    assert set(weekdays(2019, 2026)) - theirs == closed(CASH, 2019, 2026)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the package's own quarrels with pandas
def test_weekday_hours_agree_with_pandas_market_calendars() -> None:
    package = pytest.importorskip("pandas_market_calendars")
    rows = package.get_calendar("NSE").schedule("2019-01-01", "2026-07-31")
    theirs = {
        stamp.date(): (row.market_open.timestamp(), row.market_close.timestamp())
        for stamp, row in rows.iterrows()
    }
    ours = {
        s.trading_date: (s.open_ts / 1e9, s.close_ts / 1e9)
        for s in CAL.sessions(CASH, date(2019, 1, 1), date(2026, 7, 31))
        if s.trading_date.weekday() < 5
    }
    assert ours == theirs


def test_muhurat_weekdays_are_sessions_of_one_hour() -> None:
    for day in MUHURAT_WEEKDAYS:
        session = CAL.session(DERIVATIVE, day)
        assert session is not None
        assert len(session.slots()) == 60
        assert to_ist(session.open_ts).hour >= 13
