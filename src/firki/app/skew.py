"""Is market time what the exchange says it is? An hour off is a wrong setting, and firki stops."""

from typing import Final

import numpy as np

from firki.errors import ConfigError
from firki.model.ist import ist_text
from firki.model.tick import SECOND, Column, Ticks

HOUR: Final = 3600
_PATIENCE: Final = 100_000
"""Rows looked at before giving up finding a fresh one."""


class SkewWatch:
    """Compares the first fresh snapshot's exchange time with its arrival.

    The first snapshot of each instrument is a cached one; a later one with a newer exchange time is
    fresh. Packets without a time say nothing. ``lag_seconds`` goes on to tell how far arrival is
    behind the newest exchange time, looked at once a second.
    """

    def __init__(self, *, allowed_seconds: float = 2.0, speed: float = 1.0) -> None:
        self._allowed = allowed_seconds * max(1.0, speed)
        self._first: dict[int, int] = {}
        self._decided = False
        self._rows = 0
        self._looked = 0
        self.lag_seconds: float | None = None

    @property
    def note(self) -> str | None:
        """A sentence when market time is behind the exchange's by more than is allowed."""
        if self.lag_seconds is None or self.lag_seconds >= -self._allowed:
            return None
        return (
            f"this machine's clock is {-self.lag_seconds:.1f} s behind the exchange's; set it by "
            "NTP (capture.clock_skew_seconds is the limit)"
        )

    def take(self, ticks: Ticks) -> None:
        """Look at a batch; raises ConfigError when the clocks are more than an hour apart."""
        second = ticks.batch.received_ts // SECOND
        if self._decided and second == self._looked:
            return
        self._looked = second
        made = ticks.batch.column(Column.EXCHANGE_TIME)
        newest = int(made.max()) if len(made) else 0
        if newest:
            self.lag_seconds = round(ticks.batch.received_ts / SECOND - newest, 3)
        if not self._decided:
            self._look(
                ticks.batch.instrument_token.tolist(), made.tolist(), ticks.batch.received_ts
            )

    def _look(self, tokens: list[int], made: list[int], received_ts: int) -> None:
        for token, second in zip(tokens, made, strict=True):
            if second and second > self._first.setdefault(token, second):
                self._decide(second, received_ts)
                return
        self._rows += len(tokens)
        self._decided = self._rows > _PATIENCE

    def _decide(self, second: int, received_ts: int) -> None:
        self._decided = True
        self._first.clear()
        if abs(received_ts / SECOND - second) > HOUR:
            raise ConfigError(
                f"clock.url: market time is {ist_text(received_ts)}, but the feed's exchange time "
                f"is {ist_text(int(np.int64(second)) * SECOND)}: more than an hour apart. "
                "Against a simulator set clock.url to its control address; against the real "
                "market leave it empty and set this machine's clock"
            )
