"""Every longer interval is a fold of the minutes, whoever folds them."""

from collections.abc import Sequence
from datetime import date
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.grid_day import GridDay, midnight, reference_slots, sessions
from tests.laws.candle_streams import CLASSES, Scene, Stream, scenes
from tests.lengths import examples
from tests.reference_candles import Reference, fold_bars

from firki.live.reading import GridCandles
from firki.model.candle import CandleColumns, Interval, SessionKind
from firki.model.reduction import reduce_minutes
from firki.model.tick import SECOND

LENGTHS: Final = (1, 2, 3, 4, 5, 7, 10, 15, 30, 60, 90, 120, 1000)


def groups(day: date, kind: str, minutes: int) -> list[list[int]]:
    """The slots of each candle: whole runs of continuous minutes, cut from their start."""
    found: list[list[int]] = []
    run = 0
    before = None
    for place, slot in enumerate(sessions(day)[kind].slots()):
        joined = before is not None and before.end_ts == slot.start_ts
        alone = slot.session is not SessionKind.CONTINUOUS
        after_other = before is None or before.session is not slot.session
        run = 0 if alone or after_other or not joined else run + 1
        if run % minutes == 0:
            found.append([])
        found[-1].append(place)
        before = slot
    return found


def plain(c: CandleColumns) -> list[tuple[object, ...]]:
    """Whole numbers, prices in paise."""
    prices = [
        [round(100 * rupees) for rupees in column.tolist()]
        for column in (c.open, c.high, c.low, c.close)
    ]
    counts = (c.volume, c.oi, c.tick_count, c.revision, c.last_tick_ts, c.flags)
    whole = [c.start_ts.tolist(), *prices, *(column.tolist() for column in counts)]
    return list(zip(*whole, strict=True))


def by_hand(reference: Reference, day: date, token: int, minutes: int) -> list[tuple[object, ...]]:
    """Without flags, which the reference has as words."""
    state = reference.states[token]
    slots = reference_slots(day)[state.kind]
    longer = fold_bars(state.bars, groups(day, state.kind, minutes))
    return [
        (
            slots[first].stamp * SECOND, bar.open, bar.high, bar.low, bar.close, bar.volume,
            bar.oi, bar.tick_count, bar.revision, bar.last * SECOND,
        )
        for first, bar in sorted(longer.items())
    ]  # fmt: skip


@pytest.mark.slow
@examples(40)
@given(scenes(), st.lists(st.sampled_from(LENGTHS), min_size=1, max_size=4, unique=True))
def test_minutes_fold_into_any_interval_the_same_three_ways(
    scene: Scene, lengths: Sequence[int]
) -> None:
    records = Stream(scene).records
    grid = GridDay(scene.day, CLASSES).run(records)
    slots = reference_slots(scene.day)
    reference = Reference(midnight(scene.day), slots, CLASSES).run(records)
    candles = GridCandles(grid.file)
    for token in reference.states:
        minute = candles.bars(token, Interval.of(1))
        assert minute is not None
        for length in lengths:
            interval = Interval.of(length)
            longer = candles.bars(token, interval)
            assert longer is not None
            session = sessions(scene.day)[CLASSES[token]]
            reduced = reduce_minutes(minute, interval, lambda *_: session)  # noqa: B023, called at once
            assert plain(longer) == plain(reduced)
            assert [row[:-1] for row in plain(longer)] == by_hand(
                reference, scene.day, token, length
            )
