"""Bytes to candles: decode and fold with every rule, frame by frame, as the plant does it."""

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from firki.app.bench import peers
from firki.app.bench.feed import OPEN, MadeUpFeed, decode, open_grid
from firki.app.bench.figure import Figure, seconds
from firki.live.grid import DayGrid
from firki.live.reading import GridCandles
from firki.model.candle import Interval
from firki.ports import Frame
from firki.timing import worked

I64 = npt.NDArray[np.int64]

SHAPES: Final = ((2_000, 1_000), (2_000, 100), (9_000, 100))
"""Instruments, and packets in a frame."""
_PEER_TICKS: Final = 20_000
_STEP: Final = 1_000


@dataclass(frozen=True, slots=True)
class Folded:
    """Ticks a processor second, and the slow end of the time 1,000 ticks take."""

    ticks_a_second: float
    p99_milliseconds: float


def fold(tokens: I64, frames: Sequence[Frame], packets: int, *, rounds: int) -> Folded:
    """Fold the frames into an empty day, a few times over; the medians of the rounds."""
    rates, tails = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="firki-bench-") as folder:
            took = _fold_once(open_grid(Path(folder), tokens), frames, max(1, _STEP // packets))
        rates.append(1e9 * packets * len(frames) / float(took.sum()))
        tails.append(float(np.percentile(took, 99)) / 1e6)
    return Folded(statistics.median(rates), statistics.median(tails))


def _fold_once(grid: DayGrid, frames: Sequence[Frame], together: int) -> I64:
    """Nanoseconds of each 1,000 ticks, so many frames."""
    took = np.zeros(-(-len(frames) // together), np.int64)
    for step in range(len(took)):
        # copies, since a frame that was just received lies in the processor's cache
        fresh = [_copy(frame) for frame in frames[step * together : (step + 1) * together]]
        began = worked()
        for frame in fresh:
            grid.apply(frame, decode(frame))
        took[step] = worked() - began
    assert grid.totals()["ticks"] == sum(len(decode(frame)) for frame in frames)
    return took


def _copy(frame: Frame) -> Frame:
    payload = bytes(bytearray(frame.payload))
    return Frame(frame.seq, frame.received_ts, frame.connection, payload, frame.kind)


def measure(*, ticks: int, rounds: int) -> Iterator[Figure]:
    """Frame bytes to grid, beside a dictionary of candles."""
    for instruments, packets in SHAPES:
        feed = MadeUpFeed(instruments)
        frames = feed.frames(max(1, ticks // instruments), packets)
        folded = fold(feed.tokens, frames, packets, rounds=rounds)
        name = f"frame to grid, {instruments} instruments, {packets} packets a frame"
        yield Figure(
            what=name, value=folded.ticks_a_second, unit="ticks/s",
            peer=_dict_rate(frames, packets, rounds), beside="a dict of candles",
        )  # fmt: skip
        yield Figure(
            what=f"{name}, p99 of 1,000 ticks", value=folded.p99_milliseconds, unit="ms",
            less_is_better=True,
        )  # fmt: skip


def _dict_rate(frames: Sequence[Frame], packets: int, rounds: int) -> float:
    part = frames[: max(1, _PEER_TICKS // packets)]

    def run() -> None:
        store = peers.DictStore()
        for frame in part:
            store.apply(peers.decode(frame.payload))

    return packets * len(part) / seconds(run, rounds=rounds)


def measure_reading(*, minutes: int, rounds: int) -> Iterator[Figure]:
    """So many minutes of one instrument as five-minute candles."""
    feed = MadeUpFeed(100, trading=1.0)
    with tempfile.TemporaryDirectory(prefix="firki-bench-") as folder:
        grid, store = open_grid(Path(folder), feed.tokens), peers.DictStore()
        for _ in range(minutes):
            for _ in range(2):
                for frame in feed.second(100):
                    grid.apply(frame, decode(frame))
                    store.apply(peers.decode(frame.payload))
            feed.skip(58)
        token, five = int(feed.tokens[0]), Interval.of(5)
        candles = GridCandles(grid.file)
        bars = candles.bars(token, five)
        expected = store.read(token, 5, OPEN // 60)
        assert bars is not None
        assert len(bars) == len(expected)
        yield Figure(
            what=f"read {minutes} minutes as 5m candles",
            value=1e6 * seconds(lambda: candles.bars(token, five), calls=200, rounds=rounds),
            unit="us",
            peer=1e6 * seconds(lambda: store.read(token, 5, OPEN // 60), calls=5, rounds=rounds),
            beside="a dict of candles", less_is_better=True,
        )  # fmt: skip
