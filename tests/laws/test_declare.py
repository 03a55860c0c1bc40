"""Whatever was told before, the messages lead a server to the wish, in slices it can take."""

import json

from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.kite_server import apply, frame_of

from firki.kite.declare import Answers, difference, tokens_in
from firki.ports import Mode

wishes = st.dictionaries(st.integers(1, 60), st.sampled_from(Mode), max_size=40)


@given(wishes, wishes, st.integers(1, 7))
def test_messages_lead_to_the_wish(told: dict[int, Mode], wish: dict[int, Mode], size: int) -> None:
    server = dict(told)
    for message in difference(told, wish, size=size):
        apply(server, json.loads(message))
    assert server == wish


@given(wishes, wishes, st.integers(1, 7))
def test_no_message_is_longer_than_a_slice(
    told: dict[int, Mode], wish: dict[int, Mode], size: int
) -> None:
    for raw in difference(told, wish, size=size):
        message = json.loads(raw)
        tokens = message["v"][1] if message["a"] == "mode" else message["v"]
        assert 1 <= len(tokens) <= size


@given(wishes, wishes)
def test_the_server_never_carries_more_than_the_larger_of_both(
    told: dict[int, Mode], wish: dict[int, Mode]
) -> None:
    server = dict(told)
    for message in difference(told, wish):
        apply(server, json.loads(message))
        assert len(server) <= max(len(told), len(wish))


@given(wishes)
def test_a_repeated_wish_says_nothing(wish: dict[int, Mode]) -> None:
    assert list(difference(wish, dict(reversed(wish.items())))) == []


@given(wishes)
def test_the_tokens_of_a_frame_are_found(wish: dict[int, Mode]) -> None:
    assert list(tokens_in(frame_of(wish))) == list(wish)


@given(st.binary(max_size=400))
def test_any_bytes_hold_a_bounded_number_of_tokens(payload: bytes) -> None:
    assert len(list(tokens_in(payload))) <= len(payload) // 2


@given(wishes, wishes)
def test_what_answered_is_not_missing(wish: dict[int, Mode], answered: dict[int, Mode]) -> None:
    answers = Answers(10.0)
    answers.restart(wish, 0.0)
    answers.note(frame_of(answered))
    assert answers.missing(9.9) == []
    assert answers.missing(10.0) == sorted(wish.keys() - answered.keys())
