"""What firki knows of the market: accounts, the calendar, and whether the feed agrees with it."""

from collections.abc import Collection
from datetime import date, timedelta
from typing import Final

from firki.app.doctor.feed import Agreement, compare
from firki.app.doctor.finding import Finding, Level, failure, ok, warning
from firki.app.folder import DataFolder
from firki.config import Settings
from firki.errors import FirkiError
from firki.model.calendar import Calendar, SessionClass, Unverified

_AHEAD: Final = timedelta(days=30)
_FIRST: Final = date(2019, 1, 1)
"""Where the calendar begins."""
_TOLERATED: Final = 0.001
"""Share of snapshots outside the session that is taken for stragglers."""


def check_accounts(settings: Settings) -> list[Finding]:
    """Whether there is an account, and whether each has a token to read."""
    if not settings.accounts:
        return [
            warning(
                "accounts", "none is set",
                "`firki demo` needs none; for `firki up` add [[accounts]] to the settings",
            )
        ]  # fmt: skip
    findings = []
    for account in settings.accounts:
        check, path = f"account {account.name}", account.access_token_file
        try:
            present = bool(path.read_text().strip())
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not text"
            findings.append(
                failure(check, f"{path} cannot be read: {why}", "put the day's access token there")
            )
            continue
        if present:
            findings.append(ok(check, f"access token in {path}"))
        else:
            findings.append(failure(check, f"{path} is empty", "put the day's access token there"))
    return findings


def check_calendar(calendar: Calendar, today: date, changes: Collection[str]) -> list[Finding]:
    """How far the calendar is known, what of the next 30 days is in doubt, what is on and off."""
    on = [ok(f"change {name}", "is on, by calendar.changes") for name in sorted(set(changes))]
    doubts = [_doubts(calendar, today), _past_doubts(calendar, today)]
    return [_known(calendar, today), *doubts, *on, *_announced(calendar, today)]


def _known(calendar: Calendar, today: date) -> Finding:
    until = {kind: calendar.known_until(kind) for kind in SessionClass}
    soonest = min(until.values())
    details = [f"{kind}: {day}" for kind, day in until.items()]
    found = f"holidays are known until {soonest}"
    if soonest < today + _AHEAD:
        return warning(
            "calendar", found,
            "add the exchange's new list to a file named by calendar.overrides, or upgrade firki; "
            "until then weekdays count as trading days", details,
        )  # fmt: skip
    return ok("calendar", found, details)


def _doubts(calendar: Calendar, today: date) -> Finding:
    until = today + _AHEAD
    doubts = [d for d in calendar.unverified(today, until) if not d.what.startswith("announced ")]
    if not doubts:
        return ok("unverified days", f"none until {until}")
    return warning(
        "unverified days", f"{len(doubts)} in the next 30 days stand without a good source",
        "look at the exchange's circulars, and state what is right in calendar.overrides",
        [_doubt(doubt) for doubt in doubts],
    )  # fmt: skip


def _past_doubts(calendar: Calendar, today: date) -> Finding:
    """Nothing to do about, but to know of candles that were made on such a day."""
    doubts = calendar.unverified(_FIRST, today - timedelta(days=1))
    found = f"{len(doubts)} since {_FIRST.year} stand without a good source (--json lists them)"
    return ok("unverified past days", found, [_doubt(doubt) for doubt in doubts])


def _doubt(doubt: Unverified) -> str:
    return f"{doubt.date}: {doubt.what} ({', '.join(doubt.classes)})"


def _announced(calendar: Calendar, today: date) -> list[Finding]:
    findings = []
    for name, (first, note) in calendar.announced().items():
        check, found = f"change {name}", f"is off; it would begin on {first}: {note}"
        advice = f'when it is confirmed, switch it on: calendar.changes = ["{name}"]'
        due = first - _AHEAD <= today
        findings.append(warning(check, found, advice) if due else ok(check, found))
    return findings


def check_feed(folder: DataFolder) -> Finding:
    """Whether the newest recorded day's snapshots lie inside the hours the calendar gives."""
    check = "calendar and feed"
    days = folder.days()
    if not days:
        return ok(check, "no day is recorded yet")
    try:
        agreement = compare(folder.journal(days[-1]))
    except FirkiError as error:
        return failure(check, str(error), "`firki journal verify` tells what can still be read")
    return _verdict(check, agreement)


def _verdict(check: str, agreement: Agreement) -> Finding:
    total, outside = agreement.snapshots, agreement.outside
    found = f"{agreement.day}: {outside} of {total} snapshots lie outside the session"
    details = [str(stray) for stray in agreement.strays]
    if agreement.partly:
        details.append("looked at the beginning of each segment only")
    wrong = [stray for stray in agreement.strays if stray.outside > _TOLERATED * stray.snapshots]
    if not wrong:
        return ok(check, found, details)
    return Finding(
        check, Level.WARNING, found,
        "the exchange keeps other hours than the calendar: see its circulars, and state the day "
        "in calendar.overrides", details,
    )  # fmt: skip
