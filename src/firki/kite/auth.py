"""Whom to talk to, and the exchange of a login for the day's access token."""

import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from firki.errors import ConfigError, Corrupt


@dataclass(frozen=True, slots=True)
class Session:
    """A day's session; the token is kept out of ``repr``."""

    user_id: str
    access_token: str

    def __repr__(self) -> str:
        return f"Session(user_id={self.user_id!r})"


class Caller(Protocol):
    """Sends a form without a session and returns ``data`` of the answer, errors translated."""

    async def post_unsigned(self, route: str, form: Mapping[str, str]) -> Any:
        """``Any``: JSON of whatever shape the route has."""


def checksum(api_key: str, request_token: str, api_secret: str) -> str:
    """Proof of the secret that Kite asks for instead of the secret."""
    return hashlib.sha256(f"{api_key}{request_token}{api_secret}".encode()).hexdigest()


async def exchange_token(
    caller: Caller, api_key: str, request_token: str, api_secret: str
) -> Session:
    """The day's session for a request token, which serves once and for a few minutes only."""
    data = await caller.post_unsigned(
        "/session/token",
        {
            "api_key": api_key,
            "request_token": request_token,
            "checksum": checksum(api_key, request_token, api_secret),
        },
    )
    match data:
        case {"user_id": str(user_id), "access_token": str(token)} if token:
            return Session(user_id, token)
        case _:
            raise Corrupt("POST /session/token: expected user_id and access_token in data")


def check_root(root: str, secure: str, plain: str) -> str:
    """``root`` without a trailing slash; raises ConfigError for anything secrets must not go to.

    The scheme is ``secure``; ``plain`` is taken for hosts of this machine or its network only.
    """
    parts = urlsplit(root)
    found = f"root {root!r}"
    if parts.scheme not in {secure, plain} or not parts.hostname:
        raise ConfigError(
            f"{found}: expected {secure}://host, or {plain}://host:port for a local one"
        )
    if parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username:
        raise ConfigError(f"{found}: expected scheme, host and port only")
    if parts.scheme == plain and not _is_local(parts.hostname):
        raise ConfigError(f"{found}: a host outside the local network needs {secure}://")
    return root.rstrip("/")


def _is_local(host: str) -> bool:
    """Loopback and private addresses, and names without a dot (a container beside this one)."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith(".localhost")
