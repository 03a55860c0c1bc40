"""The calendar in force: the packaged one with the user's overrides and switched-on changes."""

from firki.app.market_day import CalendarFiles
from firki.config import Calendar as CalendarSettings
from firki.errors import ConfigError
from firki.model.calendar import Calendar, CalendarError


def read_calendar(settings: CalendarSettings) -> tuple[CalendarFiles, Calendar]:
    """The files and what they come to; raises ConfigError with every fault of the overrides."""
    path = settings.overrides
    try:
        overrides = path.read_bytes() if path else b""
    except OSError as error:
        raise ConfigError(
            f"calendar.overrides {path}: cannot be read ({error.strerror})"
        ) from error
    files = CalendarFiles.packaged(overrides, settings.changes)
    try:
        return files, files.parse()
    except CalendarError as error:
        raise ConfigError(str(error)) from error
