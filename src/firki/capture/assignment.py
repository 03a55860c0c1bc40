"""Which connection carries which token. No input/output."""

from collections.abc import Iterable, Sequence, Set


class Assignment:
    """A token keeps its connection for as long as it is wanted; no connection passes its limit.

    A connection is opened only when those in use are full; new tokens go to the least loaded.
    """

    def __init__(self, limits: Sequence[int]) -> None:
        self._limits = tuple(limits)
        self._tokens: list[dict[int, None]] = [{} for _ in limits]
        self._place: dict[int, int] = {}

    def want(self, tokens: Iterable[int]) -> list[int]:
        """Take the full desired set; the answer is what found no place, in the order given."""
        wanted = dict.fromkeys(tokens)
        for token in [token for token in self._place if token not in wanted]:
            del self._tokens[self._place.pop(token)][token]
        new = [token for token in wanted if token not in self._place]
        opened = self._opened(len(wanted))
        return [token for token in new if not self._put(token, opened)]

    def tokens(self, connection: int) -> Set[int]:
        """What a connection carries, oldest first."""
        return self._tokens[connection].keys()

    def connection(self, token: int) -> int | None:
        """Where a token is carried; None when it found no place or is not wanted."""
        return self._place.get(token)

    def _opened(self, count: int) -> list[int]:
        """Connections in use, and the first unused ones while ``count`` tokens need more places."""
        opened = [i for i, tokens in enumerate(self._tokens) if tokens]
        places = sum(self._limits[i] for i in opened)
        for i, tokens in enumerate(self._tokens):
            if not tokens and places < count:
                opened.append(i)
                places += self._limits[i]
        return opened

    def _put(self, token: int, opened: Sequence[int]) -> bool:
        free = [i for i in opened if len(self._tokens[i]) < self._limits[i]]
        if not free:
            return False
        least = min(free, key=lambda i: len(self._tokens[i]))
        self._tokens[least][token] = None
        self._place[token] = least
        return True
