"""Is market time what the exchange says it is? An hour off is a wrong setting, and firki stops."""

from collections import deque
from typing import Final

from firki.errors import ConfigError
from firki.model.ist import ist_text
from firki.model.tick import SECOND, Column, Ticks

HOUR: Final = 3600
_LOOKS: Final = 5
"""Seconds in which exchange time went on: after so many the feed is known to be fresh. The
snapshots sent after a subscription are cached ones and may be of any time, but come at once."""
_DELIVERY_SECONDS: Final = 5.0
"""What a snapshot may be under way for, at the pace of a real market."""


class SkewWatch:
    """Compares the exchange time of a fresh feed with its arrival, once a second of market time.

    Packets without a time say nothing. ``lag_seconds`` is how far arrival was behind the newest
    exchange time at the last look.
    """

    def __init__(self, *, allowed_seconds: float = 2.0, speed: float = 1.0) -> None:
        self._behind = allowed_seconds * max(1.0, speed)
        self._ahead = (allowed_seconds + _DELIVERY_SECONDS) * max(1.0, speed)
        self._looked = 0
        self._newest = 0
        self._lags: deque[float] = deque(maxlen=_LOOKS)
        self._decided = False
        self.lag_seconds: float | None = None

    @property
    def note(self) -> str | None:
        """A sentence when market time and the exchange's differ by more than is allowed."""
        if self.lag_seconds is None:
            return None
        if self.lag_seconds < -self._behind:
            return _sentence(-self.lag_seconds, "behind the exchange's")
        if len(self._lags) == _LOOKS and min(self._lags) > self._ahead:
            return _sentence(min(self._lags), "ahead of the exchange's, or the feed is late")
        return None

    def take(self, ticks: Ticks) -> None:
        """Look at a batch; raises ConfigError when the clocks are more than an hour apart."""
        second = ticks.batch.received_ts // SECOND
        if second == self._looked:
            return
        made = ticks.batch.column(Column.EXCHANGE_TIME)
        newest = int(made.max()) if len(made) else 0
        if not newest:
            return
        self.lag_seconds = round(ticks.batch.received_ts / SECOND - newest, 3)
        if 0 < self._newest < newest:
            self._lags.append(self.lag_seconds)
        self._newest, self._looked = max(self._newest, newest), second
        if len(self._lags) == _LOOKS and not self._decided:
            self._decide(newest, ticks.batch.received_ts)

    def _decide(self, newest: int, received_ts: int) -> None:
        self._decided = True
        if abs(received_ts / SECOND - newest) > HOUR:
            raise ConfigError(
                f"clock.url: market time is {ist_text(received_ts)}, but the feed's exchange time "
                f"is {ist_text(newest * SECOND)}: more than an hour apart. "
                "Against a simulator set clock.url to its control address; against the real "
                "market leave it empty and set this machine's clock"
            )


def _sentence(seconds: float, which: str) -> str:
    return (
        f"this machine's clock is {seconds:.1f} s {which}; set it by NTP "
        "(capture.clock_skew_seconds is the limit)"
    )
