"""Documents as JSON answers."""

from typing import Any, Final

import msgspec
from starlette.responses import Response

_ENCODER: Final = msgspec.json.Encoder()


def answer(document: Any, *, status: int = 200) -> Response:
    """A JSON answer; ``document`` is anything msgspec encodes, where NaN becomes null."""
    return Response(_ENCODER.encode(document), status_code=status, media_type="application/json")
