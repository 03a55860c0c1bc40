"""What every source of candles must do, shown on the small day of ``tests.fakes.small_day``."""

from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from tests.fakes.small_day import DAY, FUTURE, INFY, KEYS, NIFTY, RELIANCE, at

from firki.errors import Rejected
from firki.model.candle import CandleColumns, Flag, Interval, SessionKind, Status
from firki.model.ist import ist_midnight
from firki.ports import Candles

Check = Callable[[Candles], Awaitable[None]]

FOREVER = 1 << 61
MINUTE, HOUR, DAY_BAR = Interval.parse("1m"), Interval.parse("60m"), Interval.parse("day")


async def rows_are_sorted_by_instrument_and_start(source: Candles) -> None:
    found = await source.read([RELIANCE, INFY, FUTURE, NIFTY], MINUTE, 0, FOREVER)
    order = np.lexsort((found.start_ts, found.instrument_token))
    assert len(found) == 16
    assert order.tolist() == list(range(16))
    assert set(found.instrument_token.tolist()) == set(KEYS)


async def both_ends_of_the_range_are_in_it(source: Candles) -> None:
    found = await source.read([INFY], MINUTE, at("09:15"), at("09:16"))
    assert found.start_ts.tolist() == [at("09:15"), at("09:16")]
    inside = await source.read([INFY], MINUTE, at("09:15") + 1, at("09:16") - 1)
    assert len(inside) == 0


async def numbers_are_rupees_and_what_was_traded(source: Candles) -> None:
    found = await source.read([INFY, FUTURE], MINUTE, at("09:15"), at("09:15"))
    infy, future = found.candle(0), found.candle(1)
    assert (infy.open, infy.high, infy.low, infy.close) == (1500.0, 1500.0, 1499.0, 1499.0)
    assert (infy.volume, infy.oi, infy.tick_count) == (200, None, 2)
    assert infy.last_tick_ts == at("09:15:40")
    assert (future.close, future.volume, future.oi) == (25_949.5, 150, 1001)
    assert infy.session == "continuous"


async def an_index_has_no_volume_and_no_oi(source: Candles) -> None:
    found = await source.read([NIFTY], MINUTE, 0, FOREVER)
    assert (found.flags & Flag.NO_VOLUME).all()
    assert found.candle(0).volume is None
    assert not found.volume.any()


async def unknown_instruments_give_no_rows(source: Candles) -> None:
    assert len(await source.read([4_000_000_000, 1], MINUTE, 0, FOREVER)) == 0
    assert len(await source.read([], MINUTE, 0, FOREVER)) == 0
    found = await source.read([1, INFY], MINUTE, 0, FOREVER)
    assert set(found.instrument_token.tolist()) == {INFY}


async def an_empty_range_gives_no_rows_and_says_of_when(source: Candles) -> None:
    found = await source.read([INFY], MINUTE, at("09:16"), at("09:15"))
    assert len(found) == 0
    assert found.interval == MINUTE


async def hours_are_anchored_at_the_open(source: Candles) -> None:
    found = await source.read([INFY], HOUR, 0, FOREVER)
    assert found.interval == HOUR
    starts = [at("09:15"), at("10:15"), at("14:15")]
    assert found.start_ts.tolist() == starts
    assert found.volume.tolist() == [300, 200, 100]


async def any_whole_number_of_minutes_is_the_sum_of_its_minutes(source: Candles) -> None:
    minutes = await source.read(list(KEYS), MINUTE, 0, FOREVER)
    for size in (2, 3, 7, 90, 375):
        bars = await source.read(list(KEYS), Interval.of(size), 0, FOREVER)
        assert bars.volume.sum() == minutes.volume.sum()
        assert bars.tick_count.sum() == minutes.tick_count.sum()
        for token in KEYS:
            one, many = (c.take(c.instrument_token == token) for c in (minutes, bars))
            assert many.high.max() == one.high.max()
            assert many.low.min() == one.low.min()
            assert (many.open[0], many.close[-1]) == (one.open[0], one.close[-1])


async def every_bar_encloses_its_open_and_close(source: Candles) -> None:
    for interval in (MINUTE, HOUR, DAY_BAR):
        bars = await source.read(list(KEYS), interval, 0, FOREVER)
        assert (bars.high >= np.maximum(bars.open, bars.close)).all()
        assert (bars.low <= np.minimum(bars.open, bars.close)).all()
        assert (bars.volume >= 0).all()


async def a_day_bar_is_stamped_midnight(source: Candles) -> None:
    found = await source.read([INFY, RELIANCE], DAY_BAR, ist_midnight(DAY), FOREVER)
    assert found.start_ts.tolist() == [ist_midnight(DAY)] * 2
    assert found.volume.tolist() == [600, 40]
    assert found.close.tolist() == [1495.0, 2905.05]


async def nothing_is_forming_once_the_day_is_over(source: Candles) -> None:
    for interval in (MINUTE, HOUR, DAY_BAR):
        bars = await source.read(list(KEYS), interval, 0, FOREVER)
        assert (bars.status >= Status.FINAL).all()
        assert (bars.session == SessionKind.CONTINUOUS).all()


async def a_moment_inside_the_day_is_not_made_up(source: Candles) -> None:
    with pytest.raises(Rejected, match="firki replay"):
        await source.read([INFY], MINUTE, 0, FOREVER, as_of_ts=at("11:00"))
    later = await source.read([INFY], MINUTE, 0, FOREVER, as_of_ts=at("15:41"))
    assert len(later) == 5


async def an_answer_is_of_one_source_and_moment(source: Candles) -> None:
    found: CandleColumns = await source.read([INFY], HOUR, 0, FOREVER)
    assert found.source in {"grid", "lake", "broker"}
    assert found.as_of_ts == at("15:41")


SUITE: list[Check] = [
    rows_are_sorted_by_instrument_and_start,
    both_ends_of_the_range_are_in_it,
    numbers_are_rupees_and_what_was_traded,
    an_index_has_no_volume_and_no_oi,
    unknown_instruments_give_no_rows,
    an_empty_range_gives_no_rows_and_says_of_when,
    hours_are_anchored_at_the_open,
    any_whole_number_of_minutes_is_the_sum_of_its_minutes,
    every_bar_encloses_its_open_and_close,
    a_day_bar_is_stamped_midnight,
    nothing_is_forming_once_the_day_is_over,
    a_moment_inside_the_day_is_not_made_up,
    an_answer_is_of_one_source_and_moment,
]
