"""The packaged calendar for tests, and Indian wall time as ns UTC."""

from datetime import UTC, datetime, timedelta
from importlib.resources import files

from firki.model.calendar import Calendar

BASE = (files("firki.model") / "data/calendar.toml").read_bytes()
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def packaged(*changes: str, overrides: str | None = None) -> Calendar:
    extra = overrides.encode() if overrides is not None else None
    return Calendar.parse(BASE, overrides=extra, changes=changes)


def at(text: str) -> int:
    """ns UTC of Indian wall time such as "2026-08-03 15:30", by the standard library alone."""
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC) - timedelta(hours=5, minutes=30)
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000
