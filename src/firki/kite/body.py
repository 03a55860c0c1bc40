"""The bytes of an answer, whole or not at all."""

import zlib
from typing import Final

import httpx2

from firki.errors import Corrupt, Unavailable

MOST_BYTES: Final = 64 << 20
"""The largest answer taken, unpacked; the whole instrument master is about 12 MB."""
ENCODING: Final = "gzip"

_GZIP: Final = zlib.MAX_WBITS | 16


async def read_body(call: str, response: httpx2.Response) -> bytes:
    """The unpacked body; raises Unavailable when it is cut, Corrupt when it is far too large.

    httpx hands out what it could unpack of an archive that ends too early, so it is not asked to.
    """
    packed = response.headers.get("content-encoding", "identity")
    unpack = zlib.decompressobj(_GZIP) if packed == ENCODING else None
    if unpack is None and packed != "identity":
        raise Corrupt(f"{call}: expected {ENCODING} or no encoding, found {packed}")
    parts, room = [], MOST_BYTES
    async for part in response.aiter_raw():
        if unpack is not None:
            part = _unpacked(call, unpack, part, room + 1)
        parts.append(part)
        room -= len(part)
        if room < 0:
            raise Corrupt(f"{call}: the answer is larger than {MOST_BYTES} bytes")
    if unpack is not None and not unpack.eof:
        raise Unavailable(f"{call}: the packed answer ends too early")
    return b"".join(parts)


def _unpacked(call: str, unpack: "zlib._Decompress", part: bytes, room: int) -> bytes:
    try:
        return unpack.decompress(part, room)
    except zlib.error as error:
        raise Unavailable(f"{call}: the packed answer is broken ({error})") from error
