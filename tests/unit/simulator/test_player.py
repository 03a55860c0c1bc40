import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import time, timedelta

import pytest
from tests.simulated import DAY, INFY, OPEN_TS, FakeMarket, FakeSnapshots, make_box

from firki import timing
from firki.kite.wire import decode
from firki.model.tick import Column
from firki.ports import Mode
from firki.simulator.box import Box, Rules
from firki.simulator.clock import Schedule, at
from firki.simulator.hub import Client

SECOND = timing.SECOND
FAST = Rules(schedule=Schedule.parse("100000"), strict_limits=False)


class SlowMarket(FakeMarket):
    """One that takes longer to play than its time lasts."""

    def advance(self, to_ts: int) -> FakeSnapshots:
        until = timing.steady() + (to_ts - self._at) / SECOND / 1000
        while timing.steady() < until:
            pass
        return super().advance(to_ts)


class Ear:
    """A client that keeps what it is sent, or leaves it unread."""

    def __init__(self, *, deaf: bool = False) -> None:
        self.frames: list[bytes] = []
        self.is_cut = False
        self._deaf = deaf

    def send(self, frames: list[bytes]) -> None:
        self.frames += frames

    @property
    def waiting(self) -> int:
        return (5 << 20) if self._deaf and not self.is_cut else 0

    def cut(self) -> None:
        self.is_cut = True

    def seconds(self) -> list[int]:
        """Exchange times heard, in seconds of the day counted from 09:00."""
        return [
            int(decode(frame).columns[Column.EXCHANGE_TIME, 0]) - OPEN_TS // SECOND
            for frame in self.frames
        ]


def listen(box: Box, *, deaf: bool = False) -> tuple[Client, Ear]:
    """A client in full mode of one instrument."""
    ear = Ear(deaf=deaf)
    client = box.hub.join(box.accounts[0].api_key, ear)
    client.subscription.set_mode(Mode.FULL, [INFY])
    return client, ear


async def run_until(box: Box, reached: Callable[[], bool]) -> None:
    """Let the player run, twenty seconds at most."""
    playing = asyncio.create_task(box.player.run())
    try:
        async with asyncio.timeout(20):
            while not reached():
                await asyncio.sleep(0.005)
    finally:
        playing.cancel()


async def test_playing_to_a_moment_sends_all_up_to_it_and_the_clock_stands_there() -> None:
    box = make_box()
    _, ear = listen(box)
    await box.player.play_to(OPEN_TS + 90 * SECOND)
    assert ear.seconds() == list(range(1, 91))
    assert box.clock.now() == OPEN_TS + 90 * SECOND
    await box.player.play_to(OPEN_TS)
    assert box.clock.now() == OPEN_TS + 90 * SECOND
    assert len(ear.frames) == 90


async def test_a_running_clock_plays_every_snapshot_once_and_in_order() -> None:
    box = make_box(replace(FAST, schedule=Schedule.parse("5000")))
    _, ear = listen(box)
    await run_until(box, lambda: len(ear.frames) > 500)
    assert ear.seconds() == list(range(1, len(ear.frames) + 1))


class SlowEar(Ear):
    """A client that reads what it was sent a little at a time."""

    unread = 0

    def send(self, frames: list[bytes]) -> None:
        super().send(frames)
        self.unread += 200_000

    @property
    def waiting(self) -> int:
        self.unread = max(0, self.unread - 10_000)
        return self.unread


@pytest.mark.parametrize(("speed", "waits"), [("1000", True), ("5", False)])
async def test_a_hurried_market_waits_for_those_who_listen(speed: str, waits: bool) -> None:
    box = make_box(replace(FAST, schedule=Schedule.parse(speed)))
    ear = SlowEar()
    client = box.hub.join(box.accounts[0].api_key, ear)
    client.subscription.set_mode(Mode.FULL, [INFY])
    await run_until(box, lambda: len(ear.frames) > 3)
    assert ear.seconds() == list(range(1, len(ear.frames) + 1))
    assert (box.player.held_back > 0) is waits
    assert not ear.is_cut


@pytest.mark.slow
async def test_a_speed_beyond_the_machine_makes_market_time_wait_and_loses_nothing() -> None:
    market = SlowMarket(minutes=600)
    box = make_box(replace(FAST, schedule=Schedule.parse("100000")), market=market)
    _, ear = listen(box)
    await run_until(box, lambda: box.player.held_back > 0)
    assert ear.seconds() == list(range(1, len(ear.frames) + 1))
    assert box.clock.now() - OPEN_TS < 3600 * SECOND


async def test_who_asks_for_the_time_is_not_told_more_than_a_minute_beyond_what_was_played() -> (
    None
):
    box = make_box(FAST)
    await run_until(box, lambda: box.player.told_ts() > OPEN_TS + 100 * SECOND)
    await asyncio.sleep(0.05)  # at 100,000x the clock is an hour further now
    assert box.clock.now() - box.player.told_ts() > 600 * SECOND


async def test_the_schedule_changes_the_speed_when_its_time_comes() -> None:
    box = make_box(replace(FAST, schedule=Schedule.parse("100000@09:00,1@10:00")))
    await run_until(box, lambda: box.clock.speed == 1)
    assert 0 <= box.clock.now() - at(DAY, time(10)) < 60 * SECOND


async def test_after_the_close_the_next_day_begins_and_keeps_the_sockets() -> None:
    rules = replace(FAST, schedule=Schedule.parse("5000"))
    box = make_box(rules, market=FakeMarket(minutes=10))
    _, ear = listen(box)
    tomorrow, times = DAY + timedelta(days=1), [OPEN_TS]

    def far_enough() -> bool:
        times.append(box.clock.now())
        return box.market.trading_date == tomorrow and len(ear.frames) > 700

    await run_until(box, far_enough)
    heard = ear.seconds()
    assert heard[:600] == list(range(1, 601))
    assert heard[600] == (at(tomorrow, time(9)) - OPEN_TS) // SECOND
    assert times == sorted(times)
    assert (box.player.held_back, times[-1] > at(tomorrow, time(9))) == (0, True)


async def test_without_another_day_the_clock_runs_on_over_the_close() -> None:
    market = FakeMarket(DAY + timedelta(days=3), minutes=10)
    box = Box(
        market, make_box().player._days, [], replace(FAST), start_ts=market.open_ts
    )  # fmt: skip
    await run_until(box, lambda: box.clock.now() > market.end_ts + 7200 * SECOND)
    assert box.market is market


async def test_playing_through_the_night_leaves_no_time_out() -> None:
    box = make_box(market=FakeMarket(minutes=10))
    _, ear = listen(box)
    tomorrow = DAY + timedelta(days=1)
    await box.player.play_to(at(tomorrow, time(5, 59)))
    assert (box.market.trading_date, len(ear.frames)) == (DAY, 600)
    await box.player.play_to(at(tomorrow, time(9)) + 5 * SECOND)
    assert box.market.trading_date == tomorrow
    assert [second - 86_400 for second in ear.seconds()[600:]] == [0, 1, 2, 3, 4, 5]


async def test_a_paused_clock_stands_in_the_night_too() -> None:
    box = make_box(market=FakeMarket(minutes=10))
    night_ts = at(DAY + timedelta(days=1), time(5))
    await box.player.play_to(night_ts)
    looks = iter(range(5))
    await run_until(box, lambda: next(looks) == 4)
    assert (box.market.trading_date, box.clock.now()) == (DAY, night_ts)
    box.clock.run()
    await run_until(box, lambda: box.clock.now() >= night_ts + 4 * 3600 * SECOND)
    assert box.market.trading_date == DAY + timedelta(days=1)


async def test_the_next_days_instruments_are_there_from_six_in_the_morning() -> None:
    box = make_box(market=FakeMarket(minutes=10))
    tomorrow = DAY + timedelta(days=1)
    await box.player.play_to(at(tomorrow, time(6)) - 1)
    assert box.market.trading_date == DAY
    await box.player.play_to(at(tomorrow, time(6)))
    assert (box.market.trading_date, box.clock.now()) == (tomorrow, at(tomorrow, time(6)))


async def test_a_client_that_takes_nothing_is_cut_while_others_wait_for_it() -> None:
    seconds = [0.0]

    def steady() -> float:
        seconds[0] += 0.5
        return seconds[0]

    box = make_box(steady=steady)
    _, deaf = listen(box, deaf=True)
    _, ear = listen(box)
    await box.player.play_to(OPEN_TS + 60 * SECOND)
    assert deaf.is_cut
    assert ear.seconds() == list(range(1, 61))


async def test_more_packets_than_a_frame_may_hold_make_more_frames() -> None:
    box = make_box(Rules(running=False, max_packets=2), market=FakeMarket(count=7))
    client, ear = listen(box)
    client.subscription.set_mode(Mode.FULL, box.hub.directory.token.tolist())
    await box.player.play_to(OPEN_TS + SECOND)
    assert [len(decode(frame)) for frame in ear.frames] == [2, 2, 2, 1]


@pytest.mark.parametrize("frame_ns", [SECOND // 10, 5 * SECOND])
async def test_a_frame_holds_what_falls_into_its_stretch_of_market_time(frame_ns: int) -> None:
    box = make_box(Rules(running=False, frame_ns=frame_ns))
    _, ear = listen(box)
    await box.player.play_to(OPEN_TS + 19 * SECOND)
    sizes = [len(decode(frame)) for frame in ear.frames]
    assert sizes == ([1] * 19 if frame_ns < SECOND else [5, 5, 5, 4])
