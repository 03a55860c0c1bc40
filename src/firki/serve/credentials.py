"""All that opens firki's doors, in one place: the key, links for browsers, and their sessions."""

from dataclasses import dataclass, field
from pathlib import Path

from firki.serve.auth import Keys, Sessions, Throttle, Tickets


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the guard checks callers against."""

    keys: Keys
    sessions: Sessions
    secure: bool = False
    """The public address is https: cookies then travel over it only."""
    tickets: Tickets = field(default_factory=Tickets)
    wrong_keys: Throttle = field(default_factory=lambda: Throttle(60))
    wrong_tickets: Throttle = field(default_factory=lambda: Throttle(10))

    @classmethod
    def open(
        cls, folder: Path, *, session_hours: float = 12.0, public_url: str | None = None
    ) -> "Credentials":
        """The credentials of the keys folder; raises ConfigError as ``Keys.open``."""
        secure = public_url is not None and public_url.startswith("https://")
        return cls(keys=Keys.open(folder), sessions=Sessions(session_hours), secure=secure)

    def link(self, url: str) -> str:
        """A one-time link that opens a browser session at ``url``, good for five minutes."""
        return f"{url.rstrip('/')}{self.link_path()}"

    def link_path(self) -> str:
        return f"/login?ticket={self.tickets.mint()}"

    @property
    def cookie_name(self) -> str:
        """The session's cookie: of these keys, because a browser sends the cookies of a host to
        all its ports, and a second firki there must not log the first one's page out."""
        # the prefix makes browsers refuse the cookie from any other host, but needs https
        return f"{'__Host-' if self.secure else ''}firki_session_{self.keys.mark}"

    def cookie(self, secret: str, *, seconds: int) -> bytes:
        """The Set-Cookie value for a session; 0 seconds takes the cookie away."""
        secure = "; Secure" if self.secure else ""
        return (
            f"{self.cookie_name}={secret}; Max-Age={seconds}; Path=/; HttpOnly; "
            f"SameSite=Strict{secure}"
        ).encode()
