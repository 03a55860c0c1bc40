"""A kill at any moment: the grid comes back as if the journal had been folded in one go."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.grid_day import GridDay
from tests.laws.candle_streams import CLASSES, Scene, Stream, scenes
from tests.laws.test_candles import tell
from tests.lengths import examples
from tests.reference_candles import Record

from firki.live import layout as at
from firki.live.file import GridFile


def killed(grid: GridDay) -> GridFile:
    """The file as a kill leaves it to the next start."""
    file = grid.file
    memory = file.region(at.Region(0, np.dtype("u1"), (file.layout.size,))).copy()
    return GridFile(file.path, file.header, memory)


def restarted(file: GridFile, scene: Scene, records: list[Record]) -> GridDay:
    """A new run on a file some run left, with a journal that holds these records."""
    grid = GridDay(scene.day, CLASSES, file=file)
    begun = grid.grid.recover(len(records))
    return grid.run(records[begun:])


def in_one_go(scene: Scene, records: list[Record]) -> dict[str, bytes]:
    return GridDay(scene.day, CLASSES).run(records).contents()


def checked(records: list[Record], grid: GridDay, scene: Scene) -> None:
    found, wanted = grid.contents(), in_one_go(scene, records)
    assert [name for name in wanted if found[name] != wanted[name]] == []


@pytest.mark.slow
@examples(40)
@given(scenes(), st.data())
def test_a_restart_with_any_part_of_the_journal_is_one_fold_of_it(
    scene: Scene, data: st.DataObject
) -> None:
    records = Stream(scene).records
    tell(records)
    end = data.draw(st.integers(0, len(records)), label="killed after record")
    live = GridDay(scene.day, CLASSES).run(records[:end])
    if data.draw(st.booleans(), label="closed in order"):
        live.grid.close()
    for kept in {end, data.draw(st.integers(0, end), label="records the journal kept")}:
        checked(records[:kept], restarted(killed(live), scene, records[:kept]), scene)


@pytest.mark.slow
@examples(40)
@given(scenes(), scenes(), st.data())
def test_a_second_kill_never_brings_back_what_the_first_one_lost(
    scene: Scene, other: Scene, data: st.DataObject
) -> None:
    """The records after the first kill have the numbers of those that were lost."""
    records = Stream(scene).records
    end = data.draw(st.integers(0, len(records)), label="killed after record")
    kept = data.draw(st.integers(0, end), label="records the journal kept")
    live = GridDay(scene.day, CLASSES).run(records[:end])
    again = Stream(replace(other, day=scene.day)).records[: data.draw(st.integers(0, 60))]
    journal = records[:kept] + [
        record._replace(received=max(record.received, records[kept - 1].received if kept else 0))
        for record in again
    ]
    tell(journal)
    second = restarted(killed(live), scene, records[:kept]).run(journal[kept:])
    cut = data.draw(st.integers(kept, len(journal)), label="records kept after the second kill")
    checked(journal[:cut], restarted(killed(second), scene, journal[:cut]), scene)
