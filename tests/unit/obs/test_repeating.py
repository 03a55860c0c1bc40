"""Events without end, told now and then."""

import logging

import pytest

from firki.obs import Repeating


class Ticking:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def repeating(told: list[str], clock: Ticking) -> Repeating:
    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(f"{record.levelname} {record.getMessage()}")

    log = logging.Logger("test")
    log.addHandler(Keep())
    return Repeating(log, now=clock, seconds=60)


def test_the_first_is_told_and_the_rest_are_counted(
    repeating: Repeating, clock: Ticking, told: list[str]
) -> None:
    for second in range(130):
        clock.seconds = second
        repeating.warning("frame corrupt seq=%d", second)
    assert repeating.count == 130
    assert told == [
        "WARNING frame corrupt seq=0",
        "WARNING frame corrupt seq=60 repeated=59",
        "WARNING frame corrupt seq=120 repeated=59",
    ]


def test_each_key_has_a_limit_of_its_own(repeating: Repeating, told: list[str]) -> None:
    for connection in (1, 2, 1, 2):
        repeating.info("silent connection=%d", connection, key=connection)
    assert told == ["INFO silent connection=1", "INFO silent connection=2"]


def test_an_event_that_is_rare_carries_no_count(
    repeating: Repeating, clock: Ticking, told: list[str]
) -> None:
    repeating.warning("late")
    clock.seconds = 61
    repeating.warning("late")
    assert told == ["WARNING late", "WARNING late"]


def test_keys_from_outside_cannot_fill_the_memory(repeating: Repeating, told: list[str]) -> None:
    for name in range(5_000):
        repeating.warning("unknown", key=name)
    repeating.warning("unknown", key=4_999)
    assert repeating.count == 5_001
    assert len(told) == 5_000
    assert len(repeating._held) <= 1_024
