"""One measurement, and the same of its peer in the same run."""

from collections.abc import Callable

import msgspec

from firki.timing import worked


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A value in ``unit``; ``peer`` is what ``beside`` came to, in the same unit.

    ``less_is_better`` turns the ratio round, so that above 1 firki is always the better.
    """

    what: str
    value: float
    unit: str
    peer: float | None = None
    beside: str = ""
    less_is_better: bool = False

    @property
    def ratio(self) -> float | None:
        """How many times better than the peer."""
        if self.peer is None or not self.value or not self.peer:
            return None
        return self.peer / self.value if self.less_is_better else self.value / self.peer


def seconds(action: Callable[[], object], *, calls: int = 1, rounds: int = 5) -> float:
    """Processor seconds of a call, of the best of a few rounds: load only ever adds to it."""
    best = float("inf")
    for _ in range(rounds):
        began = worked()
        for _ in range(calls):
            action()
        best = min(best, (worked() - began) / calls)
    return best / 1e9
