"""What a check found."""

from enum import StrEnum

import msgspec


class Level(StrEnum):
    """How a check ended: a warning is to be looked at, a failure keeps firki from working."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


class Finding(msgspec.Struct, frozen=True):
    """One check's end: what was found, and what to do where it is not well."""

    check: str
    level: Level
    found: str
    advice: str = ""
    details: list[str] = []


def ok(check: str, found: str, details: list[str] | None = None) -> Finding:
    return Finding(check, Level.OK, found, "", details or [])


def warning(check: str, found: str, advice: str, details: list[str] | None = None) -> Finding:
    return Finding(check, Level.WARNING, found, advice, details or [])


def failure(check: str, found: str, advice: str) -> Finding:
    return Finding(check, Level.FAILURE, found, advice)
