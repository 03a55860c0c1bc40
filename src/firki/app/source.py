"""Where the prices of a running firki come from."""

from typing import Final

from firki.config import Settings
from firki.serve.parts import Source

TAPE_ACCOUNT: Final = "tape"
"""What the demo calls its account when the simulator plays recorded ticks."""


def source_of(settings: Settings) -> Source:
    """A clock that is driven means a simulator: a broker's market keeps the machine's time."""
    if not settings.clock.url:
        return Source.LIVE
    played = any(account.name == TAPE_ACCOUNT for account in settings.accounts)
    return Source.TAPE if played else Source.SIMULATED
