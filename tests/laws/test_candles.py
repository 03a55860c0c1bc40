"""What holds of candles for any stream of snapshots: they are what the page on candles says."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from tests.fakes.grid_day import GridDay, PlainBar, midnight, reference_bars, reference_slots
from tests.laws.candle_streams import (
    CLASSES,
    IN_FULL,
    YESTERDAYS_VOLUME,
    Scene,
    Stream,
    Trades,
    connection_of,
    scenes,
    trades,
)
from tests.lengths import examples
from tests.reference_candles import LARGEST_PRICE, Record, Reference, Row, Settings

COUNTED: Final = (
    "unknown_token", "lower_mode", "no_price", "price_range", "future", "no_time", "other_date",
    "inconsistent", "outside_session",
)  # fmt: skip


def folded(scene: Scene, records: list[Record], rules: Settings) -> tuple[GridDay, Reference]:
    grid = GridDay(scene.day, CLASSES, rules).run(records)
    slots = reference_slots(scene.day)
    reference = Reference(midnight(scene.day), slots, CLASSES, rules).run(records)
    return grid, reference


def tell(records: list[Record]) -> None:
    for number, record in enumerate(records, 1):
        note(f"{number}: {record}")


@pytest.mark.slow
@examples(60)
@given(scenes())
def test_the_grid_is_what_the_reference_makes_of_any_stream(scene: Scene) -> None:
    records = Stream(scene).records
    tell(records)
    grid, reference = folded(scene, records, Settings())
    assert grid.bars() == reference_bars(reference)
    totals = grid.grid.totals()
    assert {k: totals[k] for k in COUNTED} == {k: reference.counts[k] for k in COUNTED}
    for token, state in reference.states.items():
        assert grid.gaps(token) == state.gaps
        assert grid.grid.volumes(token) == {
            "baseline": state.baseline, "outside": state.outside_volume,
            "gap": state.gap_volume, "newest": state.newest,
        }  # fmt: skip


def prices(bars: dict[int, dict[int, PlainBar]]) -> dict[tuple[int, int], tuple[int, ...]]:
    return {
        (token, slot): (bar.open, bar.high, bar.low, bar.close)
        for token, found in bars.items()
        for slot, bar in found.items()
    }


def newest(grid: GridDay) -> dict[int, int]:
    return {t: grid.grid.volumes(t)["newest"] for t in CLASSES if grid.grid.index_of(t) >= 0}


@pytest.mark.slow
@examples(60)
@given(scenes())
def test_no_candle_and_no_volume_is_impossible(scene: Scene) -> None:
    records = Stream(scene).records
    tell(records)
    grid = GridDay(scene.day, CLASSES).run(records)
    bars = grid.bars()
    for found in bars.values():
        for bar in found.values():
            assert 0 < bar.low <= min(bar.open, bar.close)
            assert max(bar.open, bar.close) <= bar.high <= LARGEST_PRICE
            assert bar.tick_count > 0
    for token in newest(grid):
        parts = grid.grid.volumes(token)
        folded_volume = sum(bar.volume for bar in bars.get(token, {}).values())
        assert parts.pop("newest") == folded_volume + sum(parts.values())


@pytest.mark.slow
@examples(60)
@given(scenes(), st.data())
def test_splitting_frames_anywhere_gives_the_same_bytes(scene: Scene, data: st.DataObject) -> None:
    records = Stream(scene).records
    split: list[Record] = []
    for record in records:
        if len(record.rows) > 1:
            at = data.draw(st.integers(1, len(record.rows) - 1))
            split += [
                record._replace(rows=record.rows[:at]),
                record._replace(rows=record.rows[at:]),
            ]
        else:
            split.append(record)
    whole = GridDay(scene.day, CLASSES).run(records).contents()
    assert GridDay(scene.day, CLASSES).run(split).contents() == whole


def only_trades(tokens: Sequence[int]) -> st.SearchStrategy[Trades]:
    """Snapshots in order and in time; some trades are never shown by one of their own."""
    return trades(tokens).map(lambda step: replace(step, held=0, lag=0, after=max(step.after, 1)))


TIMED: Final = (*IN_FULL, 1033)
"""Instruments whose snapshots tell their time."""
QUOTED: Final = 1282
"""One that is sent in quote packets, which tell none."""


@pytest.mark.slow
@examples(60)
@given(scenes(only_trades, tokens=TIMED), st.data())
def test_snapshots_shuffled_within_the_grace_leave_prices_and_volumes(
    scene: Scene, data: st.DataObject
) -> None:
    stream = Stream(replace(scene, cached=True))
    begin, rest = stream.records[: stream.begun], stream.records[stream.begun :]
    rows = [(r.received, r.connection, row) for r in rest for row in r.rows]
    delays = data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)))
    shuffled = sorted(
        (received + delay, n, connection, row)
        for n, ((received, connection, row), delay) in enumerate(zip(rows, delays, strict=True))
    )
    late = [Record("frame", at, connection, (row,)) for at, _, connection, row in shuffled]
    tell(begin + late)
    in_order = GridDay(scene.day, CLASSES).run(stream.records)
    out_of_order = GridDay(scene.day, CLASSES).run(begin + late)
    assert prices(out_of_order.bars()) == prices(in_order.bars())
    assert newest(out_of_order) == newest(in_order)


@pytest.mark.slow
@examples(60)
@given(scenes(only_trades, tokens=(*TIMED, QUOTED)), st.data())
def test_duplicates_change_nothing_however_late_they_are(scene: Scene, data: st.DataObject) -> None:
    records = Stream(scene).records
    frames = [n for n, record in enumerate(records) if record.rows]
    doubled = list(records)
    for n in frames:
        earlier = [
            row
            for m in frames
            for row in records[m].rows
            if m <= n
            and records[m].connection == records[n].connection
            # A quote packet tells no day: nothing gives yesterday's away after today's.
            and (row["length"], row.get("volume_traded")) != (44, YESTERDAYS_VOLUME)
        ]
        if not earlier:
            continue
        again = data.draw(st.lists(st.sampled_from(earlier), max_size=2))
        doubled[n] = records[n]._replace(rows=(*records[n].rows, *again))
    tell(doubled)
    once, twice = GridDay(scene.day, CLASSES).run(records), GridDay(scene.day, CLASSES).run(doubled)
    assert sure(twice) == sure(once)
    assert newest(twice) == newest(once)


def sure(grid: GridDay) -> dict[tuple[int, int], PlainBar]:
    """The candles; of a quote packet, which tells no time, without the doubt whose an extreme is:
    one that comes again cannot be told from a look at a market that stands still."""
    return {
        (token, slot): bar._replace(flags=tuple(f for f in bar.flags if f != "ambiguous"))
        if token == QUOTED
        else bar
        for (token, slot), bar in by_slot(grid).items()
    }


@pytest.mark.slow
@examples(60)
@given(scenes(only_trades, tokens=(*IN_FULL, QUOTED)), st.data())
def test_snapshots_of_the_book_alone_change_no_candle(scene: Scene, data: st.DataObject) -> None:
    records = Stream(scene).records
    busier: list[Record] = []
    shown: dict[int, Row] = {}
    for record in records:
        busier.append(record)
        shown |= {row["token"]: row for row in record.rows if "volume_traded" in row}
        if shown and record.rows:
            row = shown[data.draw(st.sampled_from(sorted(shown)))]
            made = {"exchange_time": record.received} if "exchange_time" in row else {}
            connection = connection_of(row["token"])
            busier.append(Record("frame", record.received, connection, ({**row, **made},)))
    tell(busier)
    quiet, busy = GridDay(scene.day, CLASSES).run(records), GridDay(scene.day, CLASSES).run(busier)
    assert newest(busy) == newest(quiet)
    assert {key: bar._replace(flags=(), revision=0) for key, bar in by_slot(busy).items()} == {
        key: bar._replace(flags=(), revision=0) for key, bar in by_slot(quiet).items()
    }


def by_slot(grid: GridDay) -> dict[tuple[int, int], PlainBar]:
    return {
        (token, slot): bar for token, found in grid.bars().items() for slot, bar in found.items()
    }
