"""All of ``firki bench``, in the order it is told."""

from collections.abc import Iterator
from pathlib import Path

from firki.app.bench import decoding, folding, journalling
from firki.app.bench.figure import Figure
from firki.app.kernels import warm


def measure_all(folder: Path, *, quick: bool) -> Iterator[Figure]:
    """Each figure as soon as it is there; the journal's are of the disk that holds ``folder``.

    ``quick`` is a tenth of the work, for a rough look.
    """
    warm()
    rounds = 1 if quick else 5
    yield from decoding.measure(rounds=rounds)
    yield from folding.measure(ticks=30_000 if quick else 300_000, rounds=rounds)
    yield from folding.measure_reading(minutes=30 if quick else 375, rounds=rounds)
    yield from journalling.measure(folder, market_seconds=1 if quick else 20)
