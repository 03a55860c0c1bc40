"""A lake of two instruments and three minutes a day, and what can happen to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from tests.fakes.small_day import DAY, INFY, KEYS, RELIANCE, at

from firki.model.candle import DAY as DAY_BAR
from firki.model.candle import MINUTE, CandleColumns, Flag, SessionKind, Status
from firki.model.ist import ist_midnight
from firki.store.lake import Lake
from firki.store.lake_file import Origin

FOREVER: Final = 1 << 61
MINUTE_NS: Final = 60 * 10**9


def origin(seq: int = 100) -> Origin:
    return Origin(journal_seq=seq, as_of_ts=at("15:41"), instruments="11" * 32, calendar="22" * 32)


def minutes_of(tokens: npt.ArrayLike, starts: npt.ArrayLike, price: float) -> CandleColumns:
    """A candle of every token at every start."""
    token, start = (a.ravel() for a in np.meshgrid(tokens, starts, indexing="ij"))
    prices = price + np.arange(len(token)) % 50
    whole = np.arange(len(token))
    return CandleColumns.of(
        MINUTE, as_of_ts=at("15:41"), source="grid", instrument_token=token, start_ts=start,
        open=prices, high=prices + 0.05, low=prices - 0.05, close=prices, volume=whole + 1,
        oi=np.zeros_like(whole), tick_count=whole % 9 + 1, status=np.full(len(token), Status.FINAL),
        revision=whole % 2, session=np.full(len(token), SessionKind.CONTINUOUS),
        flags=np.full(len(token), Flag.NO_OI), last_tick_ts=start + 1,
    )  # fmt: skip


def bars_of(minutes: CandleColumns, midnight: int) -> CandleColumns:
    """One bar a token, of its first minute."""
    _, first = np.unique(minutes.instrument_token, return_index=True)
    arrays = minutes.take(first).arrays()
    arrays["start_ts"] = np.full(len(first), midnight)
    return CandleColumns.of(DAY_BAR, as_of_ts=minutes.as_of_ts, source="grid", **arrays)


def put(lake: Lake, price: float, *, seq: int = 100, day: date = DAY) -> bool:
    """A day of two instruments and three minutes at about this price."""
    midnight = ist_midnight(day)
    starts = [midnight + 33_300 * 10**9 + n * MINUTE_NS for n in range(3)]
    minutes = minutes_of([INFY, RELIANCE], starts, price)

    def parts() -> Iterator[CandleColumns]:
        for start in starts:
            yield minutes.take(minutes.start_ts == start)

    return lake.write(day, parts, bars_of(minutes, midnight), KEYS, origin(seq))


async def prices(lake: Lake) -> tuple[set[float], set[float]]:
    """Whole rupees of the first minute's and the day bars' opens."""
    minutes = await lake.read([INFY], MINUTE, at("09:15"), at("09:15"))
    days = await lake.read([INFY], DAY_BAR, 0, FOREVER)
    return set(minutes.open.tolist()), set(days.open.tolist())


def kept_files(folder: Path) -> list[Path]:
    """All there is but the manifest."""
    return sorted(p for p in folder.rglob("*.*") if p.name != "manifest.json")


class Killed(BaseException):
    """The process is gone."""


def damage(path: Path, how: str) -> None:
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(
        {
            "cut": whole[:middle],
            "emptied": b"",
            "head": b"\xff" * 600 + whole[600:],
            "foot": whole[:middle] + bytes(len(whole) - middle - 8) + whole[-8:],
            "other": b"not a parquet file at all\n" * 40,
        }[how]
    )


def zero_pages(path: Path) -> None:
    """Leave what the file says of itself and take what it holds."""
    whole = bytearray(path.read_bytes())
    whole[30:90] = bytes(60)
    path.write_bytes(whole)


@contextmanager
def unopenable(path: Path) -> Iterator[None]:
    """The file is there and cannot be opened meanwhile, as when too many are open."""
    away = path.with_suffix(".away")
    path.rename(away)
    path.symlink_to(path)
    try:
        yield
    finally:
        path.unlink()
        away.rename(path)
