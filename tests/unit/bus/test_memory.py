import logging
from collections.abc import Callable
from typing import Any

import pytest
from tests.conformance.bus import SUITE

from firki.bus.memory import MemoryBus
from firki.ports import Bus


@pytest.mark.parametrize("demand", SUITE, ids=lambda demand: demand.__name__)
def test_memory_bus_conforms(demand: Callable[[Bus], None]) -> None:
    demand(MemoryBus())


def _raise(message: Any) -> None:
    raise RuntimeError(message)


def test_a_raising_handler_keeps_nobody_from_the_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bus = MemoryBus()
    before: list[int] = []
    after: list[int] = []
    bus.subscribe(("ticks",), before.append)
    bus.subscribe(("ticks",), _raise)
    bus.subscribe(("ticks",), after.append)
    with caplog.at_level(logging.ERROR):
        for message in (1, 2, 3):
            bus.publish(("ticks",), message)
    assert before == after == [1, 2, 3]
    assert bus.report() == {"published": 3, "subscribers": 3, "handler_failures": 3}
    assert len(caplog.records) == 1  # one line, however often it fails


def test_subscribing_and_ending_inside_a_handler_holds_from_the_next_message() -> None:
    bus = MemoryBus()
    late: list[int] = []
    ends: list[Callable[[], None]] = []

    def once(message: int) -> None:
        bus.subscribe(("ticks",), late.append)
        ends[0]()

    ends.append(bus.subscribe(("ticks",), once))
    bus.publish(("ticks",), 1)
    assert late == []
    bus.publish(("ticks",), 2)
    assert late == [2]


def test_publishing_to_nobody_costs_nothing_and_is_counted() -> None:
    bus = MemoryBus()
    bus.publish(("ticks",), object())
    assert bus.report() == {"published": 1, "subscribers": 0, "handler_failures": 0}


def test_system_exit_is_not_swallowed() -> None:
    bus = MemoryBus()

    def leave(message: Any) -> None:
        raise SystemExit

    bus.subscribe(("ticks",), leave)
    with pytest.raises(SystemExit):
        bus.publish(("ticks",), 1)
