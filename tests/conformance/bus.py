"""What any ``Bus`` must do; a new one is done when it passes."""

from typing import Any

from firki.ports import Bus


def messages_reach_every_subscriber_in_order(bus: Bus) -> None:
    first: list[Any] = []
    second: list[Any] = []
    bus.subscribe(("candles", "final"), first.append)
    bus.subscribe(("candles", "final"), second.append)
    for message in (1, 2, 3):
        bus.publish(("candles", "final"), message)
    assert first == second == [1, 2, 3]


def topics_do_not_mix(bus: Bus) -> None:
    seen: list[Any] = []
    bus.subscribe(("candles", "final"), seen.append)
    bus.publish(("candles", "amended"), 1)
    bus.publish(("candles",), 2)
    assert seen == []


def the_answer_ends_the_subscription(bus: Bus) -> None:
    seen: list[Any] = []
    other: list[Any] = []
    end = bus.subscribe(("ticks",), seen.append)
    bus.subscribe(("ticks",), other.append)
    end()
    end()
    bus.publish(("ticks",), 1)
    assert (seen, other) == ([], [1])


SUITE = (
    messages_reach_every_subscriber_in_order,
    topics_do_not_mix,
    the_answer_ends_the_subscription,
)
