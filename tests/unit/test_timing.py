"""The limiter, the waits between tries, and the clock that is told its time."""

import asyncio
from itertools import accumulate, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firki.timing import SECOND, DrivenClock, SlidingWindow, backoff

NOW = 1_795_113_000 * SECOND
# seconds that floats hold exactly, so that equal means equal
seconds = st.integers(0, 5_000).map(lambda number: number / 1024)


def calls(limit: int, length: float, asked: list[float]) -> list[float]:
    """When each of the calls asked for then is made."""
    window = SlidingWindow(limit, length)
    return [now + window.wait(now) for now in asked]


moments = st.lists(seconds, max_size=60).map(lambda gaps: list(accumulate(gaps)))
crowds = st.lists(seconds.map(lambda gap: gap / 32), max_size=60).map(
    lambda gaps: list(accumulate(gaps))
)


@given(st.integers(1, 6), seconds.filter(bool), moments | crowds)
def test_no_window_of_the_limiter_ever_holds_more_calls_than_allowed(
    limit: int, length: float, asked: list[float]
) -> None:
    made = calls(limit, length, asked)
    assert all(late - early >= length for early, late in zip(made, made[limit:], strict=False))


@given(st.integers(1, 6), seconds.filter(bool), moments | crowds)
def test_a_call_waits_for_the_one_it_would_crowd_and_no_longer(
    limit: int, length: float, asked: list[float]
) -> None:
    made = calls(limit, length, asked)
    assert made == sorted(made)
    for number, (now, at) in enumerate(zip(asked, made, strict=True)):
        assert at >= now
        assert at == now or at - made[number - limit] == length


@given(st.integers(0, 2**32), st.floats(0.01, 10), st.floats(1, 50))
def test_waits_double_up_to_the_cap_and_lose_at_most_half_to_chance(
    seed: int, first: float, times: float
) -> None:
    cap, full = first * times, first
    for wait in islice(backoff(first=first, cap=cap, seed=seed), 12):
        assert full / 2 <= wait <= full
        full = min(cap, full * 2)


def test_clients_that_failed_together_come_back_apart() -> None:
    waits = {next(backoff(seed=seed)) for seed in range(100)}
    assert len(waits) == 100
    assert max(waits) - min(waits) > 0.4


def test_a_driven_clock_stands_where_it_was_set_while_its_speed_is_zero() -> None:
    clock = DrivenClock(NOW, speed=0)
    assert (clock.now(), clock.speed) == (NOW, 0)
    clock.set(NOW + SECOND, speed=0)
    assert clock.now() == clock.now() == NOW + SECOND


def test_a_driven_clock_counts_on_from_where_it_was_set() -> None:
    clock = DrivenClock(NOW, speed=0)
    clock.set(NOW, speed=1e6)
    read = [clock.now() for _ in range(1000)]
    assert clock.speed == 1e6
    assert read == sorted(read)
    assert read[-1] > NOW, "a millionfold speed shows within a thousand readings"


async def turns() -> None:
    """Let every task that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_sleeper_wakes_when_the_clock_is_set_to_its_time_and_not_before() -> None:
    clock = DrivenClock(NOW, speed=0)
    sleeper = asyncio.create_task(clock.sleep(60))
    await turns()
    clock.set(NOW + 60 * SECOND - 1, speed=0)
    await turns()
    assert not sleeper.done()
    clock.set(NOW + 60 * SECOND, speed=0)
    await asyncio.wait_for(sleeper, 5)


async def test_a_sleeper_counts_anew_when_the_speed_changes() -> None:
    clock = DrivenClock(NOW, speed=0.001)
    sleeper = asyncio.create_task(clock.sleep(60))
    await turns()
    assert not sleeper.done(), "a thousand minutes are left"
    clock.set(clock.now(), speed=1e9)
    await asyncio.wait_for(sleeper, 5)
    assert clock.now() >= NOW + 60 * SECOND


async def test_every_sleeper_wakes_in_its_own_time() -> None:
    clock = DrivenClock(NOW, speed=0)
    sleepers = [asyncio.create_task(clock.sleep(wait)) for wait in (1, 2, 3)]
    await turns()
    for done in range(1, 4):
        clock.set(NOW + done * SECOND, speed=0)
        await turns()
        assert [sleeper.done() for sleeper in sleepers] == [n < done for n in range(3)]


@pytest.mark.parametrize("wait", [0, -1])
async def test_no_time_to_sleep_is_no_sleep(wait: float) -> None:
    await asyncio.wait_for(DrivenClock(NOW, speed=0).sleep(wait), 5)


async def test_a_sleeper_can_be_cancelled() -> None:
    clock = DrivenClock(NOW, speed=0)
    sleeper = asyncio.create_task(clock.sleep(60))
    await turns()
    sleeper.cancel()
    await asyncio.wait([sleeper], timeout=5)
    assert sleeper.cancelled()
