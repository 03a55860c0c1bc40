"""The lake: what was put in comes out, and no moment of a write leaves half of it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.fakes.small_day import DAY, INFY, NEXT_DAY, at, session_of
from tests.fakes.small_lake import (
    FOREVER,
    MINUTE_NS,
    Killed,
    bars_of,
    damage,
    kept_files,
    minutes_of,
    origin,
    prices,
    put,
)

from firki.errors import Corrupt, Rejected
from firki.model.candle import DAY as DAY_BAR
from firki.model.candle import MINUTE, CandleColumns, Interval, Status
from firki.model.ist import ist_midnight
from firki.store.lake import Lake
from firki.store.lake_file import ROW_GROUP, Note, read_note
from firki.store.lake_manifest import Manifest, Shelf, draft_of


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
    with pytest.raises(Rejected, match="firki replay"):
        await lake.read([INFY], MINUTE, 0, FOREVER, as_of_ts=at("11:00"))
    midday = at("11:00", NEXT_DAY)
    before = await lake.read([INFY], DAY_BAR, 0, at("15:00"), as_of_ts=midday)
    assert before.open.tolist() == [1500.0], "the day asked for was over by then"


# -- kills -----------------------------------------------------------------------------------------


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
            self._step(draft_of(path))

    def keep(self, path: Path) -> None:
        self._step()
        super().keep(path)

    def commit(self, manifest: Manifest) -> None:
        self._step()
        super().commit(manifest)

    def remove(self, path: Path) -> None:
        self._step()
        super().remove(path)


@pytest.mark.parametrize("torn", [False, True], ids=["before a step", "within a write"])
@pytest.mark.parametrize("steps", range(12))
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
    # minutes and month written, then named, commit, two removed; the same of minutes alone
    assert survived == (steps >= 11)
    after = Lake(tmp_path, session_of)
    assert await prices(after) == (new if steps >= 5 else old)
    assert after.verify(DAY).rows == 6
    after.compact()
    put(after, 1700.0)
    assert await prices(after) == new
    assert len(kept_files(tmp_path)) == 2
    assert {read_note(p).order for p in kept_files(tmp_path)} == {"instrument"}


@pytest.mark.parametrize("steps", range(7))
async def test_a_kill_while_the_first_day_is_written_leaves_nothing_or_all(
    tmp_path: Path, steps: int
) -> None:
    with pytest.raises(Killed):
        put(Lake(Mortal(tmp_path, steps=steps, torn=False), session_of), 1500.0)
    after = Lake(tmp_path, session_of)
    assert await prices(after) == (({1500.0}, {1500.0}) if steps >= 6 else (set(), set()))
    assert after.days() == ([DAY] if steps >= 6 else [])


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


# -- damage ----------------------------------------------------------------------------------------


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
