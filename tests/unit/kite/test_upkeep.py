"""The state machine of a connection: when to connect, when to wait, when to give up a socket."""

import random
from collections.abc import Iterator
from itertools import repeat

import pytest

from firki.kite.upkeep import Pace, Step, Upkeep
from firki.ports import ConnectionState as State

PACE = Pace()


def waits() -> Iterator[float]:
    yield from (1.0, 2.0, 4.0)
    yield from repeat(60.0)


def started() -> Upkeep:
    upkeep = Upkeep(PACE, waits=waits)
    upkeep.start(0.0)
    assert upkeep.due(0.0) is Step.CONNECT
    return upkeep


def opened(now: float = 0.0) -> Upkeep:
    upkeep = started()
    upkeep.opened(now)
    return upkeep


def test_a_started_connection_connects_at_once() -> None:
    assert started().state is State.CONNECTING


def test_nothing_is_due_before_the_start() -> None:
    assert Upkeep(PACE).due(1e9) is Step.REST


def test_a_handshake_that_takes_too_long_is_given_up() -> None:
    upkeep = started()
    assert upkeep.due(9.9) is Step.REST
    assert upkeep.due(10.0) is Step.DROP
    assert upkeep.state is State.WAITING
    assert upkeep.reason == "no answer to the handshake in 10 s"


def test_five_silent_seconds_replace_the_socket() -> None:
    upkeep = opened()
    upkeep.heard(3.0)
    assert upkeep.due(7.9) is Step.REST
    assert upkeep.due(8.0) is Step.DROP
    assert (upkeep.state, upkeep.replaced, upkeep.reason) == (State.WAITING, 1, "silent for 5 s")


def test_a_socket_that_never_speaks_is_silent_from_its_opening() -> None:
    assert opened(2.0).due(7.0) is Step.DROP


def test_waits_grow_until_a_first_frame_comes() -> None:
    upkeep = started()
    for now, wait in ((0.0, 1.0), (10.0, 2.0), (20.0, 4.0), (100.0, 60.0)):
        upkeep.lost(now, "reset")
        assert upkeep.deadline == now + wait
        assert upkeep.due(now + wait - 0.01) is Step.REST
        assert upkeep.due(now + wait) is Step.CONNECT
    upkeep.opened(200.0)
    upkeep.lost(200.1, "opened, but without a word")
    assert upkeep.deadline == 260.1
    assert upkeep.due(260.1) is Step.CONNECT
    upkeep.opened(261.0)
    upkeep.heard(262.0)
    upkeep.lost(263.0, "reset")
    assert upkeep.deadline == 264.0


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_never_tried_again(status: int) -> None:
    upkeep = started()
    upkeep.answered(1.0, status)
    assert upkeep.state is State.REFUSED
    for round_ in range(1, 100):
        now = 1.0 + round_ * PACE.ask
        assert upkeep.due(now - 0.1) is Step.REST
        assert upkeep.due(now) is Step.ASK
        upkeep.asked(now, changed=False)
        assert upkeep.state is State.REFUSED


def test_a_new_token_ends_the_refusal_at_once() -> None:
    upkeep = started()
    upkeep.answered(1.0, 403)
    assert upkeep.due(6.0) is Step.ASK
    upkeep.asked(6.0, changed=True)
    assert upkeep.due(6.0) is Step.CONNECT


def test_too_many_requests_waits_at_least_a_second_and_grows() -> None:
    upkeep = Upkeep(PACE, waits=lambda: iter((0.5, 0.9, 3.0)))
    upkeep.start(0.0)
    for now, wait in ((0.0, 1.0), (10.0, 1.0), (20.0, 3.0)):
        assert upkeep.due(now) is Step.CONNECT
        upkeep.answered(now, 429)
        assert upkeep.deadline == now + wait


@pytest.mark.parametrize("status", [302, 400, 404, 500, 502, 503])
def test_other_answers_are_tried_again_later(status: int) -> None:
    upkeep = started()
    upkeep.answered(0.0, status)
    assert (upkeep.state, upkeep.deadline) == (State.WAITING, 1.0)
    assert str(status) in upkeep.reason


def test_replacing_needs_an_open_socket() -> None:
    upkeep = started()
    assert not upkeep.replace(0.0, "stands still")
    assert upkeep.replaced == 0
    upkeep.opened(0.0)
    assert upkeep.replace(1.0, "stands still")
    assert (upkeep.state, upkeep.reason, upkeep.replaced) == (State.WAITING, "stands still", 1)


def test_reconnects_are_counted_from_the_second_socket_on() -> None:
    upkeep = opened()
    assert upkeep.reconnects == 0
    upkeep.lost(1.0, "reset")
    upkeep.due(2.0)
    upkeep.opened(2.0)
    assert upkeep.reconnects == 1


def test_the_default_waits_are_jittered_and_capped_at_a_minute() -> None:
    upkeep, now, seen = Upkeep(PACE), 0.0, []
    upkeep.start(now)
    for _ in range(12):
        assert upkeep.due(now) is Step.CONNECT
        upkeep.lost(now, "reset")
        seen.append(upkeep.deadline - now)
        now = upkeep.deadline
    for wait, longest in zip(seen, (1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60), strict=True):
        assert longest / 2 <= wait <= longest
    assert len(set(seen)) == len(seen)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(3))
def test_no_schedule_of_events_hammers_or_gets_stuck(block: int) -> None:
    for seed in range(100 * block, 100 * block + 100):
        _play(random.Random(seed))


def _play(chance: random.Random) -> None:
    upkeep, now, sockets, free_at = Upkeep(PACE), 0.0, 0, 0.0
    upkeep.start(now)
    for _ in range(200):
        step = upkeep.due(now)
        if step is Step.CONNECT:
            assert now >= free_at, "connected within the backoff"
            assert sockets == 0, "a second socket"
            sockets = 1
        elif step is Step.DROP:
            sockets, free_at = 0, upkeep.deadline
        elif step is Step.ASK:
            upkeep.asked(now, changed=chance.random() < 0.3)
        else:
            sockets, free_at = _something(upkeep, chance, now, sockets, free_at)
        assert now < upkeep.deadline < float("inf") or step is not Step.REST
        now += chance.choice((0.0, 0.1, 1.0, 5.0, 70.0))
    assert upkeep.deadline < now + PACE.longest_wait


def _something(
    upkeep: Upkeep, chance: random.Random, now: float, sockets: int, free_at: float
) -> tuple[int, float]:
    """One random event that can happen in this state; sockets alive, end of the backoff."""
    if upkeep.state is State.CONNECTING:
        match chance.randrange(4):
            case 0:
                upkeep.opened(now)
                return 1, free_at
            case 1:
                upkeep.lost(now, "refused")
            case _:
                upkeep.answered(now, chance.choice((403, 429, 503)))
        return 0, upkeep.deadline  # of the backoff, or of the next look for a new token
    if upkeep.state is State.OPEN:
        match chance.randrange(4):
            case 0:
                upkeep.lost(now, "reset")
                return 0, upkeep.deadline
            case 1:
                assert upkeep.replace(now, "stands still")
                return 0, upkeep.deadline
            case _:
                upkeep.heard(now)
    return sockets, free_at
