"""What went wrong, said as what to do next.

FirkiError
├── ConfigError       the operator must change something: stop, say which key
├── AuthExpired       a new login is needed: pause this account, log in once
├── Retryable         the same call may work later: back off
│   ├── RateLimited   the other side counts our calls: wait before the next
│   └── Unavailable   no answer, or a passing fault on the other side
├── Rejected          refused, and would be refused again: record, tell the caller
├── Corrupt           bytes break the format: keep the bytes, count, skip or stop
└── Busy              somebody else holds what only one may hold: say who
"""


class FirkiError(Exception):
    """Root of every error firki raises on purpose."""


class ConfigError(FirkiError):
    """A setting is missing or wrong; the message names the key and the allowed values."""


class AuthExpired(FirkiError):
    """The broker no longer takes the access token; a new login is needed."""


class Retryable(FirkiError):
    """The same call may work later."""


class RateLimited(Retryable):
    """Refused because too many calls were made."""


class Unavailable(Retryable):
    """No answer in time, or the other side says it is down."""


class Rejected(FirkiError):
    """Refused for good: the same call would be refused again."""


class Corrupt(FirkiError):
    """Bytes that break their format; ``offset`` is where, when known."""

    def __init__(self, message: str, *, offset: int | None = None) -> None:
        super().__init__(message)
        self.offset = offset


class Busy(FirkiError):
    """Held by another process; the message names the holder."""
