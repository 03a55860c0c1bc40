import pytest

from firki.simulator.envelope import KiteError
from firki.simulator.limits import RequestClass, RequestLimits


class Stopwatch:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_each_class_and_app_has_its_own_second() -> None:
    watch = Stopwatch()
    limits = RequestLimits(watch)
    limits.take("a", RequestClass.QUOTE)
    with pytest.raises(KiteError) as refused:
        limits.take("a", RequestClass.QUOTE)
    assert (refused.value.status, refused.value.message) == (429, "Too many requests")
    limits.take("b", RequestClass.QUOTE)
    for _ in range(3):
        limits.take("a", RequestClass.HISTORICAL)
    with pytest.raises(KiteError):
        limits.take("a", RequestClass.HISTORICAL)


def test_no_window_of_a_second_holds_more_and_a_refused_request_is_not_counted() -> None:
    watch = Stopwatch()
    limits, taken = RequestLimits(watch), []
    for step in range(400):
        watch.seconds = step / 100
        try:
            limits.take("a", RequestClass.OTHER)
        except KiteError:
            continue
        taken.append(watch.seconds)
    assert len(taken) > 40  # four seconds and a bit: ten at once, then ten after each window
    assert all(sum(start <= at < start + 0.97 for at in taken) <= 10 for start in taken)


def test_limits_can_be_switched_off() -> None:
    limits = RequestLimits(Stopwatch(), strict=False)
    for _ in range(100):
        limits.take("a", RequestClass.QUOTE)
