"""Secrets taken out of text: those registered by value, and whatever stands after a telling key.

Kite's feed carries api_key and access_token in its address, brokers answer in JSON, and programs
log dicts: a secret is found behind its key in all of these spellings, escaped and percent-encoded
too.
"""

import json
import logging
import re
import threading
from traceback import format_exception
from typing import Final
from urllib.parse import quote, quote_plus

HIDDEN: Final = "***"
_SHORTEST: Final = 4
"""Shorter values would shred ordinary words; they are still found by their key."""

_KEYS: Final = (
    r"(?:api|secret|private)[_-]?key|(?:access|request|refresh|public|enc|bot|csrf|session)[_-]?token"
    r"|(?:api|client|app)[_-]?secret|pass(?:word|wd|phrase)|totp(?:[_-]\w{1,16})?|twofa_value"
    r"|(?<![A-Za-z])(?:secret|otp|m?pin)"
)
_HEADERS: Final = r"(?:proxy-)?authorization|(?:set-)?cookie"
_QUOTE: Final = r"(?:\\*[\"']|%22|%27|&quot;)"
_BETWEEN: Final = rf"(?:{_QUOTE}\s*,\s*|{_QUOTE}?\s*(?:=>|[:=]|%3[AaDd])\s*)"
_QUOTED: Final = (
    r"[bBrRuU]{0,2}(?:"
    r"(?P<{0}>[\"'])(?:\\.|(?!(?P={0})).)*(?:(?P={0})|\Z)"  # ends where its quote does
    r"|(?P<{0}e>\\+[\"']|%22|%27|&quot;)(?:(?!(?P={0}e)).)*(?:(?P={0}e)|\Z)"  # so escaped ones
    r")"
)
_GROUP: Final = r"\[[^\]]*(?:\]|\Z)|\{[^}]*(?:\}|\Z)|\([^)]*(?:\)|\Z)"
_VALUE: Final = rf"(?:{_QUOTED.replace('{0}', 'v')}|{_GROUP}|[^\s&\"']+)"
_HEADER_VALUE: Final = rf"(?:{_QUOTED.replace('{0}', 'h')}|{_GROUP}|[^\"'\r\n]+)"

_FLAGS: Final = re.IGNORECASE | re.DOTALL
_BY_KEY: Final = re.compile(rf"((?:{_KEYS})(?![\w-]){_BETWEEN}){_VALUE}", _FLAGS)
_BY_HEADER: Final = re.compile(rf"((?:{_HEADERS})(?![\w-]){_BETWEEN}){_HEADER_VALUE}", _FLAGS)
_BY_SCHEME: Final = re.compile(
    r"\b(bearer\s+|enctoken\s+|token\s+(?=\w{4,}:\w))[^\s\"'&,]+", re.IGNORECASE
)
_IN_ADDRESS: Final = re.compile(r"(://[^/\s:@\"']{0,256}:)[^/\s@\"']{1,256}(?=@)")
_BOT: Final = re.compile(r"(/bot\d{5,}:)[\w-]{10,}")
"""Telegram's token is a part of its address."""


class Redactor(logging.Filter):
    """A handler's filter that leaves no secret in a record; ``hide`` registers one by value."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._values: set[str] = set()
        self._by_value: re.Pattern[str] | None = None

    def hide(self, secret: str) -> None:
        """From now on this value is taken out, in its escaped and encoded spellings too."""
        if len(secret) < _SHORTEST:
            return
        spellings = {
            secret, quote(secret, safe=""), quote(secret), quote_plus(secret),
            json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1],
            repr(secret)[1:-1], repr(secret.encode())[2:-1],
        }  # fmt: skip
        with self._lock:
            self._values |= spellings
            longest_first = sorted(self._values, key=len, reverse=True)
            self._by_value = re.compile("|".join(map(re.escape, longest_first)))

    def clean(self, text: str) -> str:
        """The text without secrets."""
        if self._by_value is not None:
            text = self._by_value.sub(HIDDEN, text)
        for pattern in (_BY_HEADER, _BY_KEY, _BY_SCHEME, _IN_ADDRESS, _BOT):
            text = pattern.sub(rf"\g<1>{HIDDEN}", text)
        return text

    def filter(self, record: logging.LogRecord) -> bool:
        """Message, traceback and stack become clean text; the arguments are dropped."""
        record.msg, record.args = self.clean(_message(record)), None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = self.clean("".join(format_exception(*record.exc_info)))
            record.exc_info = None
        elif record.exc_text:
            record.exc_text = self.clean(record.exc_text)
        if record.stack_info:
            record.stack_info = self.clean(record.stack_info)
        return True


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (
        Exception
    ) as fault:  # the arguments' own code may raise anything; a log line ends nothing
        return f"log message cannot be formatted: {record.msg!r}: {type(fault).__name__}"
