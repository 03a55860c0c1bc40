"""What a fuzzer does to bytes that are right: a few changes at places of their own."""

from random import Random
from typing import Final

from hypothesis import strategies as st

AT_A_DRAW: Final = 20
"""Changed copies of what an example drew: changing costs less than drawing."""

chances = st.integers(0, 2**32 - 1).map(Random)
_ODD: Final = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)


def changed(whole: bytes, chance: Random) -> bytes:
    """A copy with one to four changes, each of some bytes."""
    data = bytearray(whole)
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(data))
        stretch = slice(at, at + chance.choice((1, 1, 1, 2, 4, 8, 60)))
        match chance.randrange(6):
            case 0 if at < len(data):
                data[at] ^= 1 << chance.randrange(8)
            case 1 if at < len(data):
                data[at] = chance.choice(_ODD)
            case 2:
                del data[stretch]
            case 3:
                data[at:at] = chance.randbytes(len(data[stretch]) or 1)
            case 4:
                data[at:at] = data[stretch]
            case _:
                del data[at:]
    return bytes(data)
