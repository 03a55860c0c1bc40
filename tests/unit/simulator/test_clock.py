from datetime import date, time

import pytest

from firki.errors import ConfigError
from firki.model.ist import ist_text
from firki.simulator.clock import MarketClock, Schedule, at, parse_moment, parse_speed
from firki.timing import SECOND

DAY = date(2026, 11, 20)
NINE = at(DAY, time(9))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("09:30", "2026-11-20T09:30:00+05:30"),
        ("15:30:05", "2026-11-20T15:30:05+05:30"),
        ("2026-11-21T06:00:00", "2026-11-21T06:00:00+05:30"),
        ("2026-11-20T04:00:00+00:00", "2026-11-20T09:30:00+05:30"),
        ("2026-11-20T09:30:00.250+05:30", "2026-11-20T09:30:00.250000+05:30"),
        (NINE, "2026-11-20T09:00:00+05:30"),
    ],
)
def test_a_moment_is_read_in_indian_time_unless_it_says_otherwise(said: object, meant: str) -> None:
    assert ist_text(parse_moment(said, DAY)) == meant


@pytest.mark.parametrize("said", ["", "25:00", "tomorrow", True, None, 9.5, "2026-13-01T00:00"])
def test_what_is_no_moment_is_refused_with_the_accepted_forms(said: object) -> None:
    with pytest.raises(ValueError, match="expected HH:MM"):
        parse_moment(said, DAY)


@pytest.mark.parametrize("said", [0, -1, float("nan"), float("inf"), 1e6, "60", True, None])
def test_a_speed_must_be_a_sane_number(said: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_speed(said)


def test_a_schedule_holds_from_each_of_its_times() -> None:
    schedule = Schedule.parse("60@09:00, 5@10:00")
    assert [schedule.speed(at(DAY, time(hour))) for hour in (8, 9, 10, 15)] == [60, 60, 5, 5]
    assert schedule.next_change(NINE) == at(DAY, time(10))
    assert schedule.next_change(at(DAY, time(10))) is None


@pytest.mark.parametrize("said", ["", "fast", "5@ten", "60@09:00,5@09:00", "60,5", "0", "-1@09:00"])
def test_a_wrong_schedule_is_refused_as_a_whole(said: str) -> None:
    with pytest.raises(ConfigError, match="expected"):
        Schedule.parse(said)


def test_a_paused_clock_stands_and_a_running_one_counts_at_its_speed() -> None:
    clock = MarketClock(NINE, Schedule.parse("100000"), running=False)
    assert clock.now() == NINE
    assert not clock.running
    clock.run()
    while clock.now() < NINE + SECOND:  # ten microseconds of real time
        pass
    clock.pause()
    assert clock.now() == clock.now() > NINE


def test_a_jump_takes_the_speed_of_its_time_and_a_speed_by_hand_ends_the_schedule() -> None:
    clock = MarketClock(NINE, Schedule.parse("60@09:00,5@10:00"), running=False)
    clock.jump(at(DAY, time(10, 30)))
    assert clock.speed == 5
    clock.set_speed(7)
    clock.jump(at(DAY, time(9, 30)))
    assert clock.speed == 7
    assert clock.next_change(NINE) is None
