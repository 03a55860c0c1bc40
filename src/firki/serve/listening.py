"""The socket: bound before anything heavy is imported, so that a busy port is told at once."""

import errno
import socket
from typing import Final

from firki.config.tree import is_loopback
from firki.errors import ConfigError

_HIGHEST_PORT: Final = 65_535
_BACKLOG: Final = 256


def listen(
    host: str, port: int, *, public_url: str | None = None, setting: str = "serve.port"
) -> socket.socket:
    """A bound socket; port 0 takes any free one, told by ``getsockname()``.

    Raises ConfigError that names the port and the setting when it cannot be had, and for an
    address others can reach unless ``public_url`` says how https gets there.
    """
    if not is_loopback(host) and not (public_url or "").startswith("https://"):
        raise ConfigError(
            f"serve.host: {host} can be reached from other machines; expected 127.0.0.1, or "
            "serve.public_url set to the https address of the proxy in front of firki"
        )
    if not 0 <= port <= _HIGHEST_PORT:
        raise ConfigError(f"{setting}: expected 0 to {_HIGHEST_PORT}, found {port}")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # no SO_REUSEPORT: two servers on one port would share its requests between them
        sock = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as wrong:
        busy = wrong.errno == errno.EADDRINUSE
        reason = "another program listens there" if busy else str(wrong)
        raise ConfigError(
            f"{setting}: port {port} on {host} cannot be used: {reason}; "
            f"set {setting} to another port, or to 0 for any free one "
            f"(FIRKI_{setting.upper().replace('.', '__')}=0)"
        ) from wrong
    sock.setblocking(False)
    return sock
