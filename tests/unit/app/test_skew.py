"""Whether this machine's clock and the exchange's agree, seen from a feed."""

from collections.abc import Iterator

import numpy as np
import pytest
from tests.fakes.small_day import at

from firki.app.skew import SkewWatch
from firki.errors import ConfigError
from firki.kite import wire
from firki.model.tick import COLUMN_COUNT, SECOND, Column, TickBatch, Ticks

TEN = at("10:00") // SECOND


def ticks(received_ts: int, *exchange_seconds: int) -> Ticks:
    columns = np.zeros((COLUMN_COUNT, len(exchange_seconds)), np.uint32)
    columns[Column.INSTRUMENT_TOKEN] = range(1, len(exchange_seconds) + 1)
    columns[Column.EXCHANGE_TIME] = exchange_seconds
    batch = TickBatch(columns, b"", read_depth=wire.read_depth, received_ts=received_ts)
    return Ticks(batch, np.zeros(len(exchange_seconds), np.bool_))


def feed(off: int, *, seconds: int = 20, step: int = 1, begin: int = TEN) -> Iterator[Ticks]:
    """A market that goes on, seen by a clock that is ``off`` seconds ahead of its snapshots."""
    for second in range(begin, begin + seconds, step):
        yield ticks(second * SECOND, second - off - 3, second - off)


def watched(*batches: Ticks, watch: SkewWatch | None = None) -> SkewWatch:
    watch = watch or SkewWatch(allowed_seconds=2)
    for batch in batches:
        watch.take(batch)
    return watch


def test_cached_snapshots_of_yesterday_say_nothing_about_the_clock() -> None:
    old = TEN - 66_000
    watch = watched(*(ticks((TEN + n) * SECOND, old, old) for n in range(20)))
    assert watch.note is None
    assert watch.lag_seconds == 66_019
    for batch in feed(1, begin=TEN + 30):
        watch.take(batch)
    assert (watch.note, watch.lag_seconds) == (None, 1.0)


def test_a_second_cached_snapshot_that_is_younger_is_not_taken_for_a_fresh_one() -> None:
    """As a connection sends them hours after the close: one for the subscription, one for the
    mode, and instruments in any order."""
    closed = TEN - 3 * 3600
    made = [closed, closed + 4, closed + 900, closed + 1800]
    watch = watched(*(ticks((TEN + n) * SECOND, second) for n, second in enumerate(made)))
    assert watch.note is None


@pytest.mark.parametrize("off", [-3_700, 3_700, 90_000])
@pytest.mark.parametrize("step", [1, 7])
def test_a_clock_an_hour_off_stops_with_the_setting(off: int, step: int) -> None:
    with pytest.raises(ConfigError, match=r"clock\.url.*more than an hour apart"):
        watched(*feed(off, step=step, seconds=60))


def test_packets_without_a_time_do_not_hide_a_clock_that_is_off() -> None:
    watch = watched(*(ticks((TEN + n) * SECOND, 0) for n in range(5)))
    assert watch.lag_seconds is None
    with pytest.raises(ConfigError, match=r"clock\.url"):
        watched(*feed(90_000, begin=TEN + 9), watch=watch)


def test_a_clock_behind_the_exchange_is_told_at_once() -> None:
    assert watched(ticks(TEN * SECOND, TEN - 1)).note is None
    note = watched(ticks(TEN * SECOND, TEN - 1), ticks((TEN + 1) * SECOND, TEN + 4)).note
    assert note is not None
    assert "3.0 s behind" in note


def test_a_clock_that_goes_at_another_pace_than_the_feed_stops_too() -> None:
    """``clock.url`` is not set and the simulator plays a day at sixty times the pace."""
    fast = (ticks((TEN + n) * SECOND, TEN - 90_000 + 60 * n) for n in range(20))
    with pytest.raises(ConfigError, match=r"clock\.url"):
        watched(*fast)


def test_a_clock_ahead_of_the_exchange_is_told_once_the_feed_is_known_to_be_fresh() -> None:
    assert watched(*feed(30, seconds=3)).note is None
    note = watched(*feed(30)).note
    assert note is not None
    assert "30.0 s ahead" in note


def test_delivery_is_not_taken_for_a_clock_that_is_ahead() -> None:
    assert watched(*feed(6)).note is None
    fast = SkewWatch(allowed_seconds=2, speed=60)
    assert watched(*feed(400, seconds=1200, step=60), watch=fast).note is None
