"""The journal beside two plainer ways to keep a feed on disk.

Intent: a session of 9,000 instruments in full mode is 38 GB of frames. What does it cost the event
loop to hand one over, the machine to keep them, and the disk to hold them, against appending the
raw bytes and against compressing each frame alone? All three make 0.2 s of market durable at once.

    python -m bench.journal
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import zstandard

from firki.capture.journal import open_journal
from firki.capture.journal_day import DayHeader, create, header_digest
from firki.capture.journal_disk import SystemDisk
from firki.capture.journal_reader import read_records
from firki.capture.journal_recovery import recover
from firki.capture.journal_writer import JournalWriter
from firki.ports import Frame

INSTRUMENTS: Final = 9_000
PACKETS_IN_A_FRAME: Final = 100
FRAMES_IN_A_SECOND: Final = INSTRUMENTS // PACKETS_IN_A_FRAME
FRAMES_IN_A_COMMIT: Final = FRAMES_IN_A_SECOND // 5
SEGMENT_BYTES: Final = 64 << 20
OPEN_TIME: Final = 1_785_728_700

_LEVEL: Final = np.dtype([("quantity", ">u4"), ("price", ">u4"), ("orders", ">u2"), ("pad", ">u2")])
_FIELDS: Final = (
    "token", "price", "last_quantity", "average", "volume", "buy", "sell", "open", "high", "low",
    "close", "trade_time", "oi", "oi_high", "oi_low", "time",
)  # fmt: skip
_PACKET: Final = np.dtype([(name, ">u4") for name in _FIELDS] + [("depth", _LEVEL, 10)])
_FRAMED: Final = np.dtype([("length", ">u2"), ("packet", _PACKET)])


class Market:
    """A walk of 184-byte packets: a few names trade every second, most seldom, books change often.

    Made for its share of repeated bytes, not for its prices.
    """

    def __init__(self, seed: int = 7) -> None:
        self._chance = chance = np.random.default_rng(seed)
        self._price = chance.integers(2_000, 500_000, INSTRUMENTS)
        self._away = np.r_[-np.arange(1, 6), np.arange(1, 6)] * 5
        pace = chance.pareto(1.2, INSTRUMENTS)
        self._activity = np.clip(pace / (1 + pace), 0.02, 0.98)
        self._packets = packets = np.zeros(INSTRUMENTS, _PACKET)
        packets["token"] = np.sort(chance.integers(1_000, 1 << 24, INSTRUMENTS))
        for name in ("price", "open", "high", "low", "close", "average"):
            packets[name] = self._price
        for name in ("volume", "buy", "sell"):
            packets[name] = chance.integers(0, 1_000_000, INSTRUMENTS)
        packets["depth"]["quantity"] = chance.integers(1, 3_000, (INSTRUMENTS, 10))
        packets["depth"]["orders"] = chance.integers(1, 40, (INSTRUMENTS, 10))

    def second(self, number: int) -> list[bytes]:
        """The frames of one second, every instrument in one of them."""
        chance, packets = self._chance, self._packets
        active = np.nonzero(chance.random(INSTRUMENTS) < self._activity)[0]
        traded = active[chance.random(len(active)) < 0.6]
        step = chance.integers(-2, 3, len(traded)) * 5
        self._price[traded] = np.maximum(100, self._price[traded] + step)
        packets["price"][traded] = self._price[traded]
        packets["last_quantity"][traded] = quantity = chance.integers(1, 500, len(traded))
        packets["volume"][traded] += quantity.astype("u4")
        packets["trade_time"][traded] = OPEN_TIME + number
        packets["time"][active] = OPEN_TIME + number
        self._change_books(active)
        framed = np.zeros(INSTRUMENTS, _FRAMED)
        framed["length"], framed["packet"] = _PACKET.itemsize, packets
        head = PACKETS_IN_A_FRAME.to_bytes(2, "big")
        frames = framed.reshape(FRAMES_IN_A_SECOND, PACKETS_IN_A_FRAME)
        return [head + frame.tobytes() for frame in frames]

    def _change_books(self, active: npt.NDArray[np.int64]) -> None:
        chance, packets = self._chance, self._packets
        depth = packets["depth"][active]
        depth["price"] = self._price[active][:, None] + self._away
        changed = chance.random(depth.shape) < 0.35
        depth["quantity"][changed] = chance.integers(1, 3_000, changed.sum())
        depth["orders"][changed] = chance.integers(1, 40, changed.sum())
        packets["depth"][active] = depth
        packets["buy"][active] = depth["quantity"][:, :5].sum(axis=1)
        packets["sell"][active] = depth["quantity"][:, 5:].sum(axis=1)


def records(seconds: int) -> list[Frame]:
    market = Market()
    payloads = [payload for second in range(seconds) for payload in market.second(second)]
    step = 1_000_000_000 // FRAMES_IN_A_SECOND
    return [
        Frame(seq, OPEN_TIME * 1_000_000_000 + seq * step, seq % 3, payload)
        for seq, payload in enumerate(payloads, start=1)
    ]


def begin(folder: Path) -> None:
    nothing = "0" * 64
    header = DayHeader(
        trading_date=date(2026, 8, 3), instruments=nothing, calendar=nothing, settings=nothing
    )
    create(folder, header, {})


def commits(frames: Sequence[Frame]) -> list[Sequence[Frame]]:
    return [
        frames[at : at + FRAMES_IN_A_COMMIT] for at in range(0, len(frames), FRAMES_IN_A_COMMIT)
    ]


def keep_in_journal(folder: Path, frames: Sequence[Frame]) -> int:
    begin(folder)
    disk = SystemDisk()
    writer = JournalWriter(
        disk,
        folder,
        day=header_digest(folder),
        number=1,
        next_seq=1,
        segment_bytes=SEGMENT_BYTES,
    )
    for group in commits(frames):
        writer.commit(group)
    writer.finish()
    return writer.stored_bytes


def keep(folder: Path, frames: Sequence[Frame], change: Callable[[bytes], bytes]) -> int:
    """The plainer ways: length, time and payload of each frame in one growing file."""
    folder.mkdir()
    with (folder / "frames").open("wb", buffering=0) as file:
        for group in commits(frames):
            parts = []
            for frame in group:
                payload = change(frame.payload)
                parts += [
                    len(payload).to_bytes(4, "big"),
                    frame.received_ts.to_bytes(8, "big"),
                    payload,
                ]
            file.write(b"".join(parts))
            os.fdatasync(file.fileno())
        return file.tell()


def timed(action: Callable[[], int]) -> tuple[int, float, float]:
    """(what it gave, wall seconds, processor seconds)."""
    wall, processor = time.perf_counter(), time.process_time()
    result = action()
    return result, time.perf_counter() - wall, time.process_time() - processor


async def append_nanoseconds(folder: Path, payload: bytes, a_second: int, *, count: int) -> float:
    """The median cost of one call, at the pace of a feed."""
    begin(folder)
    costs = []
    async with open_journal(folder) as journal:
        due = time.perf_counter()
        for _ in range(count):
            due += 1 / a_second
            while time.perf_counter() < due:
                await asyncio.sleep(0)
            before = time.perf_counter_ns()
            journal.append(1, 0, payload)
            costs.append(time.perf_counter_ns() - before)
    return statistics.median(costs)


async def append_in_a_burst(folder: Path, payload: bytes, count: int) -> float:
    begin(folder)
    async with open_journal(folder) as journal:
        before = time.perf_counter_ns()
        for _ in range(count):
            journal.append(1, 0, payload)
        return (time.perf_counter_ns() - before) / count


def run(seconds: int = 30) -> dict[str, float]:
    """Measure, print, and give the figures back by name."""
    frames = records(seconds)
    raw = sum(len(frame.payload) for frame in frames)
    alone = zstandard.ZstdCompressor(level=1)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ways: dict[str, Callable[[], int]] = {
            "journal": lambda: keep_in_journal(folder / "journal", frames),
            "plain": lambda: keep(folder / "plain", frames, bytes),
            "alone": lambda: keep(folder / "alone", frames, alone.compress),
        }
        for way, action in ways.items():
            stored, wall, processor = timed(action)
            figures[f"{way}_ratio"] = raw / stored
            figures[f"{way}_megabytes_a_second"] = raw / wall / 1e6
            figures[f"{way}_core_percent"] = processor / seconds * 100
        read, wall, _ = timed(lambda: sum(1 for _ in read_records(folder / "journal")))
        assert read == len(frames)
        figures["read_megabytes_a_second"] = raw / wall / 1e6
        _, wall, _ = timed(lambda: recover(folder / "journal", SystemDisk()).newest)
        figures["recover_milliseconds"] = wall * 1e3
        payload = frames[-1].payload
        figures["append_full_nanoseconds"] = asyncio.run(
            append_nanoseconds(folder / "full", payload, 90, count=180)
        )
        figures["append_small_nanoseconds"] = asyncio.run(
            append_nanoseconds(folder / "small", payload[:186], 1_000, count=2_000)
        )
        figures["append_burst_nanoseconds"] = asyncio.run(
            append_in_a_burst(folder / "burst", payload[:186], 100_000)
        )
    show(figures, raw)
    return figures


def show(figures: dict[str, float], raw: int) -> None:
    print(f"{raw / 1e6:.0f} MB of frames, {INSTRUMENTS} instruments at one packet a second")
    for way, label in (
        ("journal", "journal"),
        ("plain", "plain append and fsync"),
        ("alone", "each frame compressed alone"),
    ):
        print(
            f"  {label:28} stored 1/{figures[f'{way}_ratio']:.2f}  "
            f"{figures[f'{way}_megabytes_a_second']:6.0f} MB/s  "
            f"{figures[f'{way}_core_percent']:5.2f} % of a core at the pace of the market"
        )
    smaller_than_plain = figures["journal_ratio"] / figures["plain_ratio"]
    smaller_than_alone = figures["journal_ratio"] / figures["alone_ratio"]
    print(f"  the journal is {smaller_than_plain:.1f}x smaller than plain bytes")
    print(f"  and {smaller_than_alone:.1f}x smaller than frames compressed alone")
    print(
        f"  append: {figures['append_full_nanoseconds'] / 1e3:.1f} us at 90 frames of 18 kB a "
        f"second, {figures['append_small_nanoseconds'] / 1e3:.1f} us at 1,000 small ones, "
        f"{figures['append_burst_nanoseconds'] / 1e3:.2f} us in a burst"
    )
    print(
        f"  read back {figures['read_megabytes_a_second']:.0f} MB/s, "
        f"found again after a restart in {figures['recover_milliseconds']:.1f} ms"
    )


if __name__ == "__main__":
    run()
