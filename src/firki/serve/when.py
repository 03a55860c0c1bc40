"""Moments as a client writes them, into ns UTC."""

import re
from datetime import date, datetime
from typing import Final

from firki.model.ist import IST, ist_midnight

DAY_NS: Final = 86_400_000_000_000
_FORMS: Final = (
    "expected an ISO time with its offset (2026-11-20T09:15:00+05:30), a date (2026-11-20) "
    "or epoch nanoseconds"
)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER: Final = re.compile(r"[0-9]{1,19}")
_BARE_PLUS: Final = re.compile(r"(.+T[0-9:.]+) ([0-9]{2}:?[0-9]{2})")
EARLIEST: Final = ist_midnight(date(1990, 1, 1))
LATEST: Final = ist_midnight(date(2100, 1, 1))


def parse_from(text: str) -> int:
    """The moment, a date being its beginning; raises ValueError that names the accepted forms."""
    return _parse(text, end_of_day=False)


def parse_to(text: str) -> int:
    """The moment, a date being its last nanosecond; raises ValueError as ``parse_from``."""
    return _parse(text, end_of_day=True)


def _parse(text: str, *, end_of_day: bool) -> int:
    text = text.strip()
    if _NUMBER.fullmatch(text):
        ts = int(text)
    elif _DATE.fullmatch(text):
        start = ist_midnight(_date(text))
        ts = start + DAY_NS - 1 if end_of_day else start
    else:
        ts = _from_iso(text)
    if not EARLIEST <= ts < LATEST:
        raise ValueError(f"time {text!r}: expected a moment from 1990 to 2099; {_FORMS}")
    return ts


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as wrong:
        raise ValueError(f"date {text!r}: {wrong}") from wrong


def _from_iso(text: str) -> int:
    # an address turns a bare + into a space; nothing else can be meant by it
    if bare := _BARE_PLUS.fullmatch(text):
        text = f"{bare[1]}+{bare[2]}"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as wrong:
        raise ValueError(f"time {text!r}: {_FORMS}") from wrong
    if moment.tzinfo is None:
        raise ValueError(
            f"time {text!r} has no offset, so it could be any place's; append +05:30 for "
            f"Indian time; {_FORMS}"
        )
    return _nanoseconds(moment)


def _nanoseconds(moment: datetime) -> int:
    try:
        local = moment.astimezone(IST)
    except OverflowError as wrong:
        raise ValueError(f"time {moment.isoformat()}: {_FORMS}") from wrong
    since = local.replace(tzinfo=None) - datetime.combine(local.date(), datetime.min.time())
    return (
        ist_midnight(local.date())
        + (since.days * 86_400 + since.seconds) * 10**9
        + (since.microseconds * 1000)
    )
