"""Request bodies, up to a size."""

from starlette.requests import ClientDisconnect, Request

from firki.serve.problem import Problem


async def read_body(request: Request, *, most: int) -> bytes:
    """The whole body; raises Problem as soon as it is longer than ``most`` bytes."""
    too_long = Problem(413, "too_large", f"body: expected at most {most} bytes")
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > most:
        raise too_long
    pieces, size = [], 0
    try:
        async for piece in request.stream():
            size += len(piece)
            if size > most:
                raise too_long
            pieces.append(piece)
    except ClientDisconnect as gone:
        raise Problem(400, "cut_short", "body: expected all of it, the client left") from gone
    return b"".join(pieces)
