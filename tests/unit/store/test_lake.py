"""The lake: what was put in comes out, and no moment of a write leaves half of it."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from tests.fakes.small_day import DAY, INFY, KEYS, NEXT_DAY, RELIANCE, at, session_of

from firki.errors import Corrupt, Unavailable
from firki.model.candle import DAY as DAY_BAR
from firki.model.candle import MINUTE, CandleColumns, Flag, Interval, SessionKind, Status
from firki.model.ist import ist_midnight
from firki.store.lake import Lake
from firki.store.lake_file import ROW_GROUP, Note, Origin, read_note
from firki.store.lake_manifest import Manifest, Shelf

FOREVER = 1 << 61
MINUTE_NS = 60 * 10**9


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


def put(lake: Lake, price: float, *, seq: int = 100, day: object = DAY) -> bool:
    """A day of two instruments and three minutes at about this price."""
    chosen = DAY if day is DAY else NEXT_DAY
    midnight = ist_midnight(chosen)
    starts = [midnight + 33_300 * 10**9 + n * MINUTE_NS for n in range(3)]
    minutes = minutes_of([INFY, RELIANCE], starts, price)

    def parts() -> Iterator[CandleColumns]:
        for start in starts:
            yield minutes.take(minutes.start_ts == start)

    return lake.write(chosen, parts, bars_of(minutes, midnight), KEYS, origin(seq))


async def prices(lake: Lake) -> tuple[set[float], set[float]]:
    """Whole rupees of the first minute's and the day bars' opens."""
    minutes = await lake.read([INFY], MINUTE, at("09:15"), at("09:15"))
    days = await lake.read([INFY], DAY_BAR, 0, FOREVER)
    return set(minutes.open.tolist()), set(days.open.tolist())


def test_a_day_comes_out_as_it_was_put_in_and_settled(tmp_path: Path) -> None:
    lake = Lake(tmp_path, session_of)
    assert put(lake, 1500.0)
    frame = pl.read_parquet(next((tmp_path / "minute").iterdir()))
    assert frame["key"].to_list() == ["NSE:INFY"] * 3 + ["NSE:RELIANCE"] * 3
    assert frame["oi"].null_count() == 6
    assert frame["volume"].to_list() == [1, 2, 3, 4, 5, 6]
    assert set(frame["status"]) == {Status.SETTLED}
    assert lake.days() == [DAY]
    assert lake.newest() == DAY
    assert lake.origin(DAY) == origin()
    assert lake.verify(DAY).rows == 6


def test_a_day_lies_in_instrument_order_and_says_what_it_is(tmp_path: Path) -> None:
    put(Lake(tmp_path, session_of), 1500.0)
    (path,) = (tmp_path / "minute").iterdir()
    note = read_note(path)
    assert (note.covers, note.order) == (DAY.isoformat(), "instrument")
    assert note.origins == {DAY.isoformat(): origin()}


def test_the_same_day_again_writes_nothing(tmp_path: Path) -> None:
    lake = Lake(tmp_path, session_of)
    put(lake, 1500.0)
    before = sorted(tmp_path.rglob("*.parquet"))
    assert not put(lake, 1500.0)
    assert not put(lake, 1500.0, seq=200)
    assert sorted(tmp_path.rglob("*.parquet")) == before
    assert lake.origin(DAY) == origin(200)


async def test_an_amended_day_replaces_the_old_one(tmp_path: Path) -> None:
    lake = Lake(tmp_path, session_of)
    put(lake, 1500.0)
    put(lake, 900.0, day=NEXT_DAY)
    assert put(lake, 1700.0, seq=300)
    assert await prices(lake) == ({1700.0}, {1700.0, 900.0})
    assert len(list((tmp_path / "minute").iterdir())) == 2
    assert len(list((tmp_path / "day").iterdir())) == 1
    assert lake.days() == [DAY, NEXT_DAY]


def test_a_day_without_a_candle_is_settled_and_not_listed(tmp_path: Path) -> None:
    lake = Lake(tmp_path, session_of)
    empty = CandleColumns.empty(DAY_BAR, as_of_ts=0, source="grid")
    lake.write(DAY, lambda: iter([]), empty, {}, origin())
    assert lake.days() == []
    assert lake.newest() is None
    assert lake.origin(DAY) == origin()


async def test_weeks_and_months_come_from_day_bars(tmp_path: Path) -> None:
    lake = Lake(tmp_path, session_of)
    put(lake, 1500.0)
    put(lake, 900.0, day=NEXT_DAY)
    week = await lake.read([INFY], Interval.parse("week"), 0, FOREVER)
    assert (week.open.tolist(), week.close.tolist()) == ([1500.0], [900.0])
    month = await lake.read([INFY], Interval.parse("month"), 0, at("09:15"))
    assert (month.high.tolist(), month.low.tolist()) == ([1500.05], [899.95])


async def test_days_after_the_asked_moment_are_left_out(tmp_path: Path) -> None:
    lake = Lake(tmp_path, session_of)
    put(lake, 1500.0)
    put(lake, 900.0, day=NEXT_DAY)
    between = ist_midnight(NEXT_DAY) - 1
    found = await lake.read([INFY], MINUTE, 0, FOREVER, as_of_ts=between)
    assert len(found) == 3
    assert found.as_of_ts <= between
    with pytest.raises(Unavailable, match="replay"):
        await lake.read([INFY], MINUTE, 0, FOREVER, as_of_ts=at("11:00"))
    midday = at("11:00", NEXT_DAY)
    before = await lake.read([INFY], DAY_BAR, 0, at("15:00"), as_of_ts=midday)
    assert before.open.tolist() == [1500.0], "the day asked for was over by then"


# -- kills -----------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process is gone."""


class Mortal(Shelf):
    """A shelf whose process dies at its n-th step: before it, or half-way through a write."""

    def __init__(self, folder: Path, *, steps: int, torn: bool) -> None:
        super().__init__(folder)
        self._left = steps
        self._torn = torn

    def _step(self, path: Path | None = None) -> None:
        self._left -= 1
        if self._left < 0:
            if self._torn and path is not None:
                whole = path.read_bytes()
                path.write_bytes(whole[: len(whole) // 2])
            raise Killed

    def write(self, path: Path, frames: Iterator[pl.DataFrame], note: Note) -> None:
        if not self._torn:
            self._step()
        super().write(path, frames, note)
        if self._torn:
            self._step(path)

    def commit(self, manifest: Manifest) -> None:
        self._step()
        super().commit(manifest)

    def remove(self, path: Path) -> None:
        self._step()
        super().remove(path)


@pytest.mark.parametrize("torn", [False, True], ids=["before a step", "within a write"])
@pytest.mark.parametrize("steps", range(9))
async def test_a_kill_at_any_step_leaves_the_old_day_or_the_new(
    tmp_path: Path, steps: int, torn: bool
) -> None:
    put(Lake(tmp_path, session_of), 1500.0)
    old, new = ({1500.0}, {1500.0}), ({1700.0}, {1700.0})
    mortal = Lake(Mortal(tmp_path, steps=steps, torn=torn), session_of)
    try:
        put(mortal, 1700.0)
        survived = True
    except Killed:
        survived = False
    # minutes, month, commit, two removed, minutes again, commit, one removed
    assert survived == (steps >= 8)
    after = Lake(tmp_path, session_of)
    assert await prices(after) == (new if steps >= 3 else old)
    assert after.verify(DAY).rows == 6
    after.compact()
    put(after, 1700.0)
    assert await prices(after) == new
    assert len(list(tmp_path.rglob("*.parquet"))) == 2
    assert {read_note(p).order for p in tmp_path.rglob("*.parquet")} == {"instrument"}


@pytest.mark.parametrize("steps", range(5))
async def test_a_kill_while_the_first_day_is_written_leaves_nothing_or_all(
    tmp_path: Path, steps: int
) -> None:
    with pytest.raises(Killed):
        put(Lake(Mortal(tmp_path, steps=steps, torn=False), session_of), 1500.0)
    after = Lake(tmp_path, session_of)
    assert await prices(after) == (({1500.0}, {1500.0}) if steps >= 4 else (set(), set()))
    assert after.days() == ([DAY] if steps >= 4 else [])


class Late(Shelf):
    """A reader that still believes in a manifest that has been replaced."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._old: Manifest | None = super().load()

    def load(self) -> Manifest:
        old, self._old = self._old, None
        return old or super().load()


async def test_a_reader_follows_a_file_that_was_replaced_meanwhile(tmp_path: Path) -> None:
    writer = Lake(tmp_path, session_of)
    put(writer, 1500.0)
    reader = Lake(Late(tmp_path), session_of)
    put(writer, 1700.0)
    found = await reader.read([INFY], MINUTE, at("09:15"), at("09:15"))
    assert found.open.tolist() == [1700.0]


class Full(Shelf):
    """A disk without room for the second file."""

    def write(self, path: Path, frames: Iterator[pl.DataFrame], note: Note) -> None:
        if note.interval == "day":
            raise OSError(28, "No space left on device")
        super().write(path, frames, note)


def test_a_full_disk_is_told_and_leaves_what_there_was(tmp_path: Path) -> None:
    put(Lake(tmp_path, session_of), 1500.0)
    with pytest.raises(Unavailable, match="No space left"):
        put(Lake(Full(tmp_path), session_of), 1700.0)
    assert Lake(tmp_path, session_of).verify(DAY).rows == 6


# -- damage ----------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("how", ["cut", "emptied", "head", "foot", "other"])
async def test_a_damaged_file_is_named_and_the_rest_is_read(tmp_path: Path, how: str) -> None:
    lake = Lake(tmp_path, session_of)
    put(lake, 1500.0)
    put(lake, 900.0, day=NEXT_DAY)
    bad = next((tmp_path / "minute").glob(f"{DAY}*"))
    damage(bad, how)
    found = await lake.read([INFY], MINUTE, 0, FOREVER)
    assert found.open.tolist() == [900.0, 901.0, 902.0]
    assert bad.name in lake.damaged[bad.name]
    with pytest.raises(Corrupt, match=bad.name):
        lake.verify(DAY)


async def test_day_bars_that_are_damaged_do_not_hold_up_the_next_day(tmp_path: Path) -> None:
    lake = Lake(tmp_path, session_of)
    put(lake, 1500.0)
    (month,) = (tmp_path / "day").iterdir()
    damage(month, "cut")
    put(lake, 900.0, day=NEXT_DAY)
    assert await prices(lake) == ({1500.0}, {900.0})
    assert lake.origin(DAY) is None, "so that it is settled again"
    assert month.with_suffix(".damaged").exists()
    put(lake, 1500.0)
    assert await prices(lake) == ({1500.0}, {1500.0, 900.0})


def in_time_order(folder: Path, *days: date) -> None:
    """Days that were written and never compacted, as kills leave them."""
    for day in days:
        with pytest.raises(Killed):
            put(Lake(NeverCompacts(folder), session_of), 1500.0, day=day)
    assert orders(folder) == {day.isoformat(): "time" for day in days}


class NeverCompacts(Shelf):
    """A shelf whose process dies when it begins to compact."""

    def write(self, path: Path, frames: Iterator[pl.DataFrame], note: Note) -> None:
        if (note.interval, note.order) == ("minute", "instrument"):
            raise Killed
        super().write(path, frames, note)


def orders(folder: Path) -> dict[str, str]:
    return {day: kept.order for day, kept in Shelf(folder).load().minutes.items()}


def zero_pages(path: Path) -> None:
    """Leave what the file says of itself and take what it holds."""
    whole = bytearray(path.read_bytes())
    whole[30:90] = bytes(60)
    path.write_bytes(whole)


def test_a_damaged_day_does_not_keep_the_others_from_being_compacted(tmp_path: Path) -> None:
    in_time_order(tmp_path, DAY, NEXT_DAY)
    zero_pages(next((tmp_path / "minute").glob(f"{DAY}*")))
    lake = Lake(tmp_path, session_of)
    assert lake.compact() == [NEXT_DAY]
    assert orders(tmp_path) == {DAY.isoformat(): "time", NEXT_DAY.isoformat(): "instrument"}
    assert lake.origin(DAY) is None, "so that it is settled again"
    assert lake.origin(NEXT_DAY) == origin()
    put(lake, 1500.0)
    assert orders(tmp_path)[DAY.isoformat()] == "instrument"
    assert lake.origin(DAY) == origin()


class FullWhenCompacting(Shelf):
    """A disk without room for the first file in instrument order."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._full = True

    def write(self, path: Path, frames: Iterator[pl.DataFrame], note: Note) -> None:
        if self._full and (note.interval, note.order) == ("minute", "instrument"):
            self._full = False
            raise OSError(28, "No space left on device")
        super().write(path, frames, note)


def test_a_full_disk_is_told_once_all_days_were_tried(tmp_path: Path) -> None:
    in_time_order(tmp_path, DAY, NEXT_DAY)
    lake = Lake(FullWhenCompacting(tmp_path), session_of)
    with pytest.raises(Unavailable, match="No space left"):
        lake.compact()
    assert orders(tmp_path) == {DAY.isoformat(): "time", NEXT_DAY.isoformat(): "instrument"}
    assert lake.compact() == [DAY]


def test_a_day_that_could_not_be_compacted_is_when_it_is_put_again(tmp_path: Path) -> None:
    lake = Lake(FullWhenCompacting(tmp_path), session_of)
    with pytest.raises(Unavailable):
        put(lake, 1500.0)
    assert not put(lake, 1500.0), "nothing new"
    assert orders(tmp_path) == {DAY.isoformat(): "instrument"}


class Panicking(Shelf):
    """Polars as it is with some damaged files: not an error but the end of its thread."""

    def write(self, path: Path, frames: Iterator[pl.DataFrame], note: Note) -> None:
        raise pl.exceptions.PanicException("called `Option::unwrap()` on a `None` value")


def test_a_panic_of_polars_is_damage_like_any_other(tmp_path: Path) -> None:
    with pytest.raises(Corrupt, match="unwrap"):
        put(Lake(Panicking(tmp_path), session_of), 1500.0)


@pytest.mark.parametrize("content", [None, b"{half"])
async def test_a_lost_manifest_is_made_anew_from_the_files(
    tmp_path: Path, content: bytes | None
) -> None:
    lake = Lake(tmp_path, session_of)
    put(lake, 1500.0)
    put(lake, 900.0, day=NEXT_DAY)
    manifest = tmp_path / "manifest.json"
    manifest.unlink()
    if content is not None:
        manifest.write_bytes(content)
    again = Lake(tmp_path, session_of)
    assert again.days() == [DAY, NEXT_DAY]
    assert await prices(again) == ({1500.0}, {1500.0, 900.0})
    assert not put(again, 1500.0)
    assert again.origin(DAY) == origin()


@pytest.mark.slow
async def test_one_instrument_is_read_without_the_rest_of_the_file(tmp_path: Path) -> None:
    lake = Lake(tmp_path, session_of)
    tokens = np.arange(300, dtype=np.uint32) * 256 + 1
    starts = at("09:15") + np.arange(375) * MINUTE_NS
    minutes = minutes_of(tokens, starts, 100.0)
    assert len(minutes) > 3 * ROW_GROUP
    lake.write(DAY, lambda: iter([minutes]), bars_of(minutes, ist_midnight(DAY)), {}, origin())
    (path,) = (tmp_path / "minute").iterdir()
    whole = bytearray(path.read_bytes())
    whole[4 : len(whole) // 2] = bytes(len(whole) // 2 - 4)
    path.write_bytes(whole)
    found = await lake.read([int(tokens[-1])], MINUTE, 0, FOREVER)
    assert len(found) == 375
    assert lake.damaged == {}
    first = await lake.read([int(tokens[0])], MINUTE, 0, FOREVER)
    assert len(first) == 0
    assert path.name in lake.damaged
