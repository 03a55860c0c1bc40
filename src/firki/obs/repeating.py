"""Events that may repeat without end: told now and then, counted always."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

_MOST_KEYS: Final = 1_024


class Repeating:
    """Logs an event at most once in ``seconds`` of steady time for each key, and counts all.

    The next line that is let through says how many were held back: ``repeated=41``. ``now`` is
    steady time in seconds.
    """

    def __init__(
        self, log: logging.Logger, *, now: Callable[[], float], seconds: float = 60.0
    ) -> None:
        self._log, self._now, self._seconds = log, now, seconds
        self._held: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()
        self.count = 0
        """Events since the start, told or held back."""

    def warning(self, event: str, *args: object, key: Hashable = None) -> None:
        """``key`` tells apart what is limited separately; without it the event's text does."""
        self._tell(logging.WARNING, event, args, key)

    def info(self, event: str, *args: object, key: Hashable = None) -> None:
        self._tell(logging.INFO, event, args, key)

    def _tell(self, level: int, event: str, args: tuple[object, ...], key: Hashable) -> None:
        self.count += 1
        name, now = (event, key), self._now()
        told = self._held.get(name)
        if told is not None and now - told[0] < self._seconds:
            self._held[name] = told[0], told[1] + 1
            return
        self._held[name] = now, 0
        self._held.move_to_end(name)
        if len(self._held) > _MOST_KEYS:
            self._held.popitem(last=False)
        if told is not None and told[1]:
            self._log.log(level, f"{event} repeated=%d", *args, told[1])
        else:
            self._log.log(level, event, *args)
