"""All checks, in the order they are told."""

import asyncio
from collections.abc import Iterator, Mapping

from firki.app.calendars import read_calendar
from firki.app.doctor import disk, machine, market
from firki.app.doctor.door import check_port
from firki.app.doctor.finding import Finding, failure
from firki.app.folder import DataFolder
from firki.app.kernels import place_cache, warm
from firki.config import Settings
from firki.errors import ConfigError
from firki.model.ist import ist_date
from firki.timing import system_now


def examine(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Each check's finding as soon as it is there; nothing is changed by looking."""
    folder = DataFolder(settings.data.folder)
    yield disk.check_folder(folder)
    yield disk.check_room(folder)
    yield disk.check_holder(folder)
    yield machine.check_clock()
    if settings.clock.url:
        yield asyncio.run(machine.check_clock_door(settings.clock.url))
    yield check_port(settings.serve, folder)
    yield from market.check_accounts(settings)
    yield from _calendar(settings)
    yield machine.check_kernels(place_cache(), warm)
    yield market.check_feed(folder)
    yield machine.check_sockets()
    yield machine.check_environment(environ)


def _calendar(settings: Settings) -> Iterator[Finding]:
    try:
        _, calendar = read_calendar(settings.calendar)
    except ConfigError as error:
        yield failure("calendar", str(error), "mend the file that calendar.overrides names")
        return
    today = ist_date(system_now())
    yield from market.check_calendar(calendar, today, settings.calendar.changes)
