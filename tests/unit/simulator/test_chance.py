"""Drawn numbers: well spread, and the same one by one, in arrays and in plain Python."""

import numpy as np
import pytest

from firki.simulator.chance import (
    STEP,
    draws,
    key_of,
    keys_of,
    mixed,
    mixed_all,
    normal,
    normal_all,
    uniform,
    uniform_all,
)  # fmt: skip

COUNT = 50_000


@pytest.fixture(scope="module")
def drawn() -> "np.typing.NDArray[np.uint64]":
    return mixed_all(np.arange(COUNT).astype(np.uint64) * STEP)


def test_the_published_sequence_comes_out() -> None:
    """The first outputs of SplitMix64 from state 1234567, as its reference program prints them."""
    state = np.array([1234567], np.uint64)
    found = [int(draws(state, number)[0]) for number in range(1, 4)]
    assert found == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_kernels_and_arrays_draw_the_same(drawn: "np.typing.NDArray[np.uint64]") -> None:
    for at in range(0, COUNT, 1000):
        assert mixed(np.uint64(at * int(STEP) % 2**64)) == drawn[at]
        assert uniform(drawn[at]) == uniform_all(drawn)[at]
        assert normal(drawn[at]) == normal_all(drawn)[at]


def test_uniforms_fill_the_unit_evenly(drawn: "np.typing.NDArray[np.uint64]") -> None:
    values = uniform_all(drawn)
    assert 0 <= values.min() < 0.001
    assert 0.999 < values.max() < 1
    assert np.histogram(values, 10)[0] == pytest.approx(COUNT / 10, rel=0.06)


def test_normals_have_mean_nought_and_deviation_one(drawn: "np.typing.NDArray[np.uint64]") -> None:
    values = normal_all(drawn)
    assert values.mean() == pytest.approx(0, abs=0.02)
    assert values.std() == pytest.approx(1, abs=0.02)
    assert abs(values).max() < 3.5


def test_the_order_of_parts_makes_another_key() -> None:
    assert key_of(1, 2) != key_of(2, 1)
    assert key_of(7) == key_of(7)
    assert len(set(keys_of(key_of(7), np.arange(1000)).tolist())) == 1000
