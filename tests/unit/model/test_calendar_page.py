"""The page about the calendar says what the code does."""

import re
from datetime import date
from pathlib import Path

from tests.calendar_data import at, packaged

from firki.model.calendar import PhaseKind, SessionClass

PAGE = (Path(__file__).parents[3] / "docs/calendar.md").read_text()


def test_the_example_file_does_what_its_comments_say() -> None:
    [example] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    calendar = packaged(overrides=example)
    cash, commodity = SessionClass.CASH, SessionClass.COMMODITY
    assert calendar.session(cash, date(2027, 1, 26)) is None
    assert calendar.state(commodity, at("2027-03-22 16:59")) is PhaseKind.CLOSED
    assert calendar.state(commodity, at("2027-03-22 17:00")) is PhaseKind.CONTINUOUS
    known = calendar.session(cash, date(2027, 1, 25))
    assert known is not None
    assert known.verified
    assert calendar.session(cash, date(2026, 12, 25)) is not None
    assert calendar.state(cash, at("2027-10-29 18:15")) is PhaseKind.CONTINUOUS
    assert calendar.state(SessionClass.CURRENCY, at("2027-04-01 16:00")) is PhaseKind.CLOSED
    assert calendar.state(SessionClass.CURRENCY, at("2027-03-31 16:00")) is PhaseKind.CONTINUOUS


def test_every_class_phase_and_change_is_named() -> None:
    for name in [*SessionClass, *PhaseKind, "december_2026"]:
        assert f"`{name}`" in PAGE or f"`{name}`:" in PAGE, name
