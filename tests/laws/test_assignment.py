"""Each token is on exactly one connection, and no connection is over its limit."""

from hypothesis import given
from hypothesis import strategies as st

from firki.capture.assignment import Assignment

limits = st.lists(st.integers(1, 8), min_size=1, max_size=4)
wishes = st.lists(st.integers(1, 40), unique=True, max_size=40)


def where(assignment: Assignment, tokens: list[int]) -> dict[int, int | None]:
    return {token: assignment.connection(token) for token in tokens}


@given(limits, st.lists(wishes, min_size=1, max_size=6))
def test_each_token_is_on_exactly_one_connection(bounds: list[int], steps: list[list[int]]) -> None:
    assignment = Assignment(bounds)
    for tokens in steps:
        refused = assignment.want(tokens)
        carried = [token for i in range(len(bounds)) for token in assignment.tokens(i)]
        assert sorted(carried + refused) == sorted(tokens)
        assert all(
            token in assignment.tokens(assignment.connection(token) or 0) for token in carried
        )
        assert len(refused) == max(0, len(tokens) - sum(bounds))


@given(limits, st.lists(wishes, min_size=1, max_size=6))
def test_no_connection_is_over_its_limit(bounds: list[int], steps: list[list[int]]) -> None:
    assignment = Assignment(bounds)
    for tokens in steps:
        assignment.want(tokens)
        assert all(len(assignment.tokens(i)) <= bound for i, bound in enumerate(bounds))


@given(limits, wishes, st.integers(41, 50))
def test_adding_a_token_moves_no_other(bounds: list[int], tokens: list[int], added: int) -> None:
    assignment = Assignment(bounds)
    assignment.want(tokens)
    before = where(assignment, tokens)
    assignment.want([*tokens, added])
    assert where(assignment, tokens) == before


@given(limits, st.lists(st.integers(1, 40), unique=True, min_size=1, max_size=20), st.data())
def test_removing_a_token_moves_no_other(
    bounds: list[int], tokens: list[int], data: st.DataObject
) -> None:
    assignment = Assignment(bounds)
    refused = assignment.want(tokens)
    gone = data.draw(st.sampled_from(tokens))
    kept = [token for token in tokens if token != gone and token not in refused]
    before = where(assignment, kept)
    assignment.want([token for token in tokens if token != gone])
    assert where(assignment, kept) == before
    assert assignment.connection(gone) is None


@given(st.integers(1, 8), st.integers(1, 4), wishes)
def test_no_more_connections_open_than_needed(limit: int, count: int, tokens: list[int]) -> None:
    assignment = Assignment([limit] * count)
    assignment.want(tokens)
    used = sum(bool(assignment.tokens(i)) for i in range(count))
    assert used == min(count, -(-len(tokens) // limit))


@given(st.integers(2, 4), wishes)
def test_opened_connections_are_loaded_evenly(count: int, tokens: list[int]) -> None:
    assignment = Assignment([-(-len(tokens) // count) or 1] * count)
    assignment.want(tokens)
    loads = [len(assignment.tokens(i)) for i in range(count)]
    used = [load for load in loads if load]
    assert not used or max(used) - min(used) <= 1


@given(limits, wishes, wishes)
def test_the_refused_get_the_places_that_become_free(
    bounds: list[int], first: list[int], second: list[int]
) -> None:
    assignment = Assignment(bounds)
    assignment.want(first)
    assignment.want([])
    assert len(assignment.want(second)) == max(0, len(second) - sum(bounds))
