"""Days and times of the day as they are typed in options; raises ConfigError for other forms."""

import re
from datetime import date, time
from typing import Final

_YEARS: Final = range(1990, 2100)
"""What candles can be asked of."""
_TIME: Final = re.compile(r"\d{2}:\d{2}(:\d{2})?", re.ASCII)


def day_of(option: str, text: str | None) -> date | None:
    """The day that 2026-11-20 names; None where none was given."""
    from firki.errors import ConfigError

    try:
        day = None if text is None else date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{option}: expected YYYY-MM-DD, found {text!r}") from None
    if day is not None and day.year not in _YEARS:
        raise ConfigError(f"{option}: expected a day from 1990 to 2099, found {day}")
    return day


def time_of(option: str, text: str) -> time:
    """The time of the day that 09:30 or 09:30:15 names."""
    from firki.errors import ConfigError

    try:
        return time.fromisoformat(text if _TIME.fullmatch(text) else "")
    except ValueError:
        raise ConfigError(f"{option}: expected HH:MM, found {text!r}") from None
