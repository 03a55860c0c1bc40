"""All benchmarks in one run, and one table of them at the end.

python -m bench            # all, about five minutes
python -m bench decode grid
"""

import sys
from collections.abc import Callable, Iterator
from typing import Final

from bench import api, capture, decode, grid, instruments, journal, replay, restart
from bench.rows import HEAD, Row, line, show

from firki.app.bench.figure import Figure
from firki.app.kernels import place_cache, warm


def _journal() -> Iterator[Row]:
    """The journal's own module prints more of it."""
    found = journal.run()
    for name, what, unit in (
        ("megabytes_a_second", "journal to disk", "MB/s"),
        ("ratio", "journal, received bytes a byte on disk", "bytes"),
    ):
        yield Row(Figure(
            what=what, value=found[f"journal_{name}"], unit=unit, peer=found[f"plain_{name}"],
            beside="plain bytes, fsync",
        ))  # fmt: skip
    yield Row(Figure(
        what="journal, a core at 9,000 ticks/s", value=found["journal_core_percent"], unit="%",
        peer=found["alone_core_percent"], beside="frames packed alone", less_is_better=True,
    ))  # fmt: skip
    yield Row(Figure(
        what="journal, the loop's part of a frame", unit="us", less_is_better=True,
        value=found["append_full_nanoseconds"] / 1e3,
    ))  # fmt: skip


def _api() -> Iterator[Row]:
    """Requests by the clock, and by the server's processor time."""
    found = api.measure()
    ours, peer = found["ready bytes"], found["response model"]
    beside = "with a response model"
    by_clock = Figure(
        what=f"candle route, {api.CANDLES} candles", value=ours.wall, unit="requests/s",
        peer=peer.wall, beside=beside,
    )  # fmt: skip
    yield Row(by_clock, 5_000.0)
    yield Row(by_clock, 4.0, of_ratio=True)
    yield Row(Figure(
        what="the same in the server's processor time", value=ours.processor, unit="requests/s",
        peer=peer.processor, beside=beside,
    ))  # fmt: skip


SECTIONS: Final[dict[str, Callable[[], Iterator[Row]]]] = {
    "decode": decode.rows,
    "grid": grid.rows,
    "replay": replay.rows,
    "instruments": instruments.rows,
    "journal": _journal,
    "capture": capture.rows,
    "restart": restart.rows,
    "api": _api,
}


def main(names: list[str]) -> int:
    """Run the sections named, or all; 2 for a name there is not."""
    if unknown := [name for name in names if name not in SECTIONS]:
        print(f"bench: expected some of {', '.join(SECTIONS)}, found {unknown[0]!r}")
        return 2
    place_cache()
    warm()
    found: list[Row] = []
    for name in names or SECTIONS:
        found += show(f"\n{name}", SECTIONS[name]())
    print(f"\nall of it\n{HEAD}")
    for row in found:
        print(line(row))
    missed = [row.figure.what for row in found if row.reached is False]
    goals = sum(row.goal is not None for row in found)
    print(
        f"\n{goals - len(missed)} of {goals} goals met"
        + "".join(f"\n  missed: {m}" for m in missed)
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
