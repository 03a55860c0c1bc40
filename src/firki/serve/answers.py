"""Encoded candle answers, kept as long as nothing under them changed."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from firki.model.candle import CandleColumns, Status
from firki.model.ist import ist_text
from firki.serve import encode
from firki.serve.encode import Stretch


@dataclass(frozen=True, slots=True)
class Answer:
    """One encoded answer and what it was made from."""

    body: tuple[bytes, bytes]
    """Around the value of ``as_of``; a format without one has it all in the first."""
    as_of_ts: int
    source: str
    candles: CandleColumns
    settled: int
    """So many candles at the front were final when they were encoded ..."""
    encoded: bytes
    """... and these are their bytes."""
    from_ts: int
    """Where the reading began, so that the next one need not look for it."""
    mark: int | None
    read_at: float
    """Steady time of the reading."""

    @property
    def size(self) -> int:
        return sum(map(len, self.body)) + len(self.encoded) + 100 * len(self.candles) + 1000

    def text(self) -> bytes:
        """The whole body."""
        before, after = self.body
        return before + ist_text(self.as_of_ts).encode() + after if after else before


@dataclass(frozen=True, slots=True)
class Encoded:
    """What ``json_body`` made, for an ``Answer``."""

    body: tuple[bytes, bytes]
    settled: int
    encoded: bytes


def json_body(
    key: str,
    candles: CandleColumns,
    stretches: list[Stretch],
    *,
    decimals: int,
    old: Answer | None,
) -> Encoded:
    """The JSON document; of the final candles only those are encoded that ``old`` does not hold."""
    kept = old.settled if old is not None and _same(old.candles, candles, old.settled) else 0
    final = _leading_final(candles)
    pieces = [old.encoded] if old is not None and kept else []
    if final > kept:
        pieces.append(encode.json_rows(candles.take(slice(kept, final)), decimals=decimals))
    encoded = b",".join(pieces)
    listed = [encoded] if encoded else []
    if final < len(candles):
        listed.append(encode.json_rows(candles.take(slice(final, None)), decimals=decimals))
    after = encode.json_source(candles.source) + b",".join(listed) + encode.json_tail(stretches)
    return Encoded((encode.json_head(key, candles.interval.name), after), final, encoded)


def _leading_final(candles: CandleColumns) -> int:
    forming = np.flatnonzero(candles.status == Status.FORMING.value)
    return int(forming[0]) if len(forming) else len(candles)


def _same(old: CandleColumns, new: CandleColumns, count: int) -> bool:
    """Whether the first ``count`` candles are equal in every field."""
    if len(new) < count:
        return False
    after = new.arrays()
    return all(
        np.array_equal(column[:count], after[name][:count]) for name, column in old.arrays().items()
    )


class Answers:
    """The newest answers, up to a number of bytes; the least lately used go first."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._size = most_bytes, 0
        self._kept: OrderedDict[Hashable, Answer] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, name: Hashable) -> Answer | None:
        answer = self._kept.get(name)
        if answer is not None:
            self._kept.move_to_end(name)
        return answer

    def put(self, name: Hashable, answer: Answer) -> None:
        if (old := self._kept.pop(name, None)) is not None:
            self._size -= old.size
        self._kept[name] = answer
        self._size += answer.size
        while self._size > self._most and self._kept:
            _, dropped = self._kept.popitem(last=False)
            self._size -= dropped.size
