"""Indian wall-clock time and ns UTC, one into the other; the offset has not changed since 1945."""

from datetime import UTC, date, datetime, time, timedelta, timezone
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


def day_begins_ts(day: date, begins: time) -> int:
    """When the trading day begins, ns UTC: at the hour its instrument master is written."""
    return ist_midnight(day) + (begins.hour * 60 + begins.minute) * 60 * 10**9


def trading_date(ts: int, begins: time) -> date:
    """The trading day at ``ts``; before the hour it begins, that is the day before.

    >>> trading_date(ist_midnight(date(2026, 11, 20)), time(8, 30))
    datetime.date(2026, 11, 19)
    """
    day = ist_date(ts)
    return day if ts >= day_begins_ts(day, begins) else day - timedelta(days=1)


def to_ist(ts: int) -> datetime:
    """Aware Indian time, cut to the microsecond."""
    return (_EPOCH + timedelta(microseconds=ts // 1000)).astimezone(IST)


def ist_text(ts: int) -> str:
    """ISO text such as 2026-11-20T09:15:00+05:30, with a fraction only where there is one."""
    return to_ist(ts).isoformat()
