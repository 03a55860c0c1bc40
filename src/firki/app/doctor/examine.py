"""All checks, in the order they are told."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Final

from firki.app.calendars import read_calendar
from firki.app.doctor import disk, machine, market
from firki.app.doctor.door import check_port
from firki.app.doctor.finding import Finding, Level, failure
from firki.app.doctor.login import check_login
from firki.app.folder import DataFolder
from firki.app.intake import token_of
from firki.app.kernels import place_cache, warm
from firki.config import Settings
from firki.errors import ConfigError
from firki.kite.rest import KiteRest
from firki.model.ist import ist_date
from firki.timing import system_now

_PATIENCE_SECONDS: Final = 5.0


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
    yield from _accounts(settings)
    yield from _calendar(settings)
    yield machine.check_kernels(place_cache(), warm)
    yield market.check_feed(folder)
    yield machine.check_sockets()
    yield machine.check_environment(environ)


def _accounts(settings: Settings) -> Iterator[Finding]:
    accounts = market.check_accounts(settings)
    yield from accounts
    for account, found in zip(settings.accounts, accounts, strict=False):
        if found.level is Level.OK:
            key, token = account.api_key.get_secret_value(), token_of(account)
            rest = KiteRest(key, token, account.root, timeout_seconds=_PATIENCE_SECONDS)
            yield asyncio.run(check_login(account.name, rest))


def _calendar(settings: Settings) -> Iterator[Finding]:
    try:
        _, calendar = read_calendar(settings.calendar)
    except ConfigError as error:
        yield failure("calendar", str(error), "mend the file that calendar.overrides names")
        return
    today = ist_date(system_now())
    yield from market.check_calendar(calendar, today, settings.calendar.changes)
