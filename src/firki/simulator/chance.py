"""Numbers drawn by counting: the same key and counter give the same number, in any order.

Everything drawn in the simulator comes from ``mixed(key + counter * STEP)``, so no part of a market
depends on what was asked before. Any change here is another market for every seed.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

U64 = npt.NDArray[np.uint64]

STEP: Final = np.uint64(0x9E3779B97F4A7C15)
"""An odd number near 2^64 divided by the golden ratio: multiples of it lie far apart."""

_MASK: Final = (1 << 64) - 1
_SHIFT_1: Final = np.uint64(30)
_SHIFT_2: Final = np.uint64(27)
_SHIFT_3: Final = np.uint64(31)
_TIMES_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_TIMES_2: Final = np.uint64(0x94D049BB133111EB)
_SHORT: Final = np.uint64(0xFFFF)
_SHORT_BITS: Final = np.uint64(16)
_TO_53: Final = np.uint64(11)
_UNIT: Final = 2.0**-53
_FOUR_MEAN: Final = 4 * 65535 / 2
_FOUR_SPREAD: Final = (4 * (65536.0**2 - 1) / 12) ** 0.5


def _mixed(x: Any) -> Any:
    # the finaliser of Steele, Lea and Flood's SplitMix64 (OOPSLA 2014): every bit moves every bit
    x = (x ^ (x >> _SHIFT_1)) * _TIMES_1
    x = (x ^ (x >> _SHIFT_2)) * _TIMES_2
    return x ^ (x >> _SHIFT_3)


def _uniform(drawn: Any) -> Any:
    return (drawn >> _TO_53) * _UNIT


def _normal(drawn: Any) -> Any:
    total = (drawn & _SHORT) + ((drawn >> _SHORT_BITS) & _SHORT)
    drawn = drawn >> _SHORT_BITS >> _SHORT_BITS
    total = total + (drawn & _SHORT) + (drawn >> _SHORT_BITS)
    return (total - _FOUR_MEAN) / _FOUR_SPREAD


mixed = njit(cache=True, nogil=True)(_mixed)
uniform = njit(cache=True, nogil=True)(_uniform)
"""In [0, 1), from a mixed number."""
normal = njit(cache=True, nogil=True)(_normal)
"""Mean 0, deviation 1, never beyond 3.5: the sum of four uniforms, cheap for every second."""


def key_of(*parts: int) -> int:
    """One key from whole numbers; the order of the parts matters."""
    key = 0
    for part in parts:
        key = _mixed_int((key ^ (part & _MASK)) + int(STEP) & _MASK)
    return key


def keys_of(key: int, numbers: npt.NDArray[Any]) -> U64:
    """A key for each of the numbers under a common one."""
    # the cast keeps NumPy from leaving uint64 for float64
    return mixed_all(np.asarray(numbers).astype(np.uint64) * STEP + np.uint64(key))


def mixed_all(values: U64) -> U64:
    """``mixed`` of an array."""
    out: U64 = _mixed(values)
    return out


def draws(keys: U64, number: int) -> U64:
    """The draw of that number under each key."""
    return mixed_all(keys + np.uint64(int(STEP) * number & _MASK))


def uniform_all(drawn: U64) -> npt.NDArray[np.float64]:
    """``uniform`` of an array."""
    out: npt.NDArray[np.float64] = _uniform(drawn)
    return out


def normal_all(drawn: U64) -> npt.NDArray[np.float64]:
    """``normal`` of an array."""
    out: npt.NDArray[np.float64] = _normal(drawn)
    return out


def _mixed_int(x: int) -> int:
    x = (x ^ (x >> 30)) * int(_TIMES_1) & _MASK
    x = (x ^ (x >> 27)) * int(_TIMES_2) & _MASK
    return x ^ (x >> 31)
