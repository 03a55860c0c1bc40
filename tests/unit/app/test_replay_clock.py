"""The levers of a replay: what they let be played, and that nobody waits for ever."""

import asyncio

import pytest
from tests.fakes.small_day import at

from firki.app.replay import ReplayClock
from firki.errors import Rejected


def paused() -> ReplayClock:
    """Standing at a first record of 09:15."""
    clock = ReplayClock(speed=1.0, running=False)
    clock.reach(at("09:15"))
    return clock


async def test_a_step_ends_when_the_next_record_lies_behind_it() -> None:
    clock = paused()
    step = asyncio.create_task(clock.change(to_ts=at("09:20")))
    await asyncio.sleep(0)
    assert clock.wait_for(at("09:19:59")) == 0.0
    clock.reach(at("09:19:59"))
    assert clock.wait_for(at("09:20:01")) is None
    await asyncio.wait_for(step, 5)
    assert clock.now() == at("09:20")


async def test_a_step_ends_with_the_record_at_its_very_moment() -> None:
    clock = paused()
    step = asyncio.create_task(clock.change(to_ts=at("09:20")))
    await asyncio.sleep(0)
    clock.reach(at("09:20"))
    await asyncio.wait_for(step, 5)


async def test_a_step_beyond_the_end_of_the_day_ends_there() -> None:
    clock = paused()
    step = asyncio.create_task(clock.change(to_ts=at("23:00")))
    await asyncio.sleep(0)
    clock.end()
    await asyncio.wait_for(step, 5)
    await asyncio.wait_for(clock.change(to_ts=at("23:30")), 5)


async def test_a_pause_ends_a_step_where_it_is() -> None:
    clock = paused()
    step = asyncio.create_task(clock.change(to_ts=at("09:20")))
    await asyncio.sleep(0)
    clock.reach(at("09:17"))
    await clock.change(running=False)
    await asyncio.wait_for(step, 5)
    assert clock.now() == at("09:17")
    assert clock.wait_for(at("09:18")) is None


async def test_a_step_that_nobody_waits_for_any_more_is_not_played_on() -> None:
    clock = paused()
    step = asyncio.create_task(clock.change(to_ts=at("09:20")))
    await asyncio.sleep(0)
    step.cancel()
    await asyncio.wait([step], timeout=5)
    assert step.cancelled()
    assert clock.wait_for(at("09:16")) is None


async def test_a_newer_step_takes_the_place_of_an_older_one() -> None:
    clock = paused()
    older = asyncio.create_task(clock.change(to_ts=at("09:30")))
    await asyncio.sleep(0)
    newer = asyncio.create_task(clock.change(to_ts=at("09:20")))
    await asyncio.wait_for(older, 5)
    clock.reach(at("09:20"))
    await asyncio.wait_for(newer, 5)
    assert clock.wait_for(at("09:25")) is None


async def test_what_is_due_depends_on_speed_and_pause() -> None:
    clock = paused()
    assert clock.wait_for(at("09:16")) is None
    await clock.change(speed=60.0, running=True)
    wait = clock.wait_for(at("09:16"))
    assert wait is not None
    assert 0.5 < wait <= 1.0


async def test_time_does_not_go_back_and_a_speed_is_above_zero() -> None:
    clock = paused()
    with pytest.raises(Rejected, match="is past"):
        await clock.change(to_ts=at("09:14"))
    with pytest.raises(Rejected, match="above 0"):
        await clock.change(speed=0.0)
