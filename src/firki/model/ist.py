"""Indian wall-clock time and ns UTC, one into the other; the offset has not changed since 1945."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

_OFFSET: Final = timedelta(hours=5, minutes=30)
_OFFSET_NS: Final = 19_800_000_000_000
_DAY_NS: Final = 86_400_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = _EPOCH.toordinal()

IST: Final = timezone(_OFFSET, "IST")


def ist_midnight(day: date) -> int:
    """When the day begins in India, ns UTC."""
    return (day.toordinal() - _EPOCH_DAY) * _DAY_NS - _OFFSET_NS


def ist_date(ts: int) -> date:
    """The date in India at ``ts``."""
    return date.fromordinal((ts + _OFFSET_NS) // _DAY_NS + _EPOCH_DAY)


def to_ist(ts: int) -> datetime:
    """Aware Indian time, cut to the microsecond."""
    return (_EPOCH + timedelta(microseconds=ts // 1000)).astimezone(IST)


def ist_text(ts: int) -> str:
    """ISO text such as 2026-11-20T09:15:00+05:30, with a fraction only where there is one."""
    return to_ist(ts).isoformat()
