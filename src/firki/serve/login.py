"""One-time links in, logout out."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from firki.serve.answer import answer
from firki.serve.credentials import Credentials
from firki.serve.guard import SESSION, too_many_failures
from firki.serve.plain import plain_page

Endpoint = Callable[..., Awaitable[Response]]

_USED = plain_page(
    "This link opens nothing any more",
    """<p>A link works once and for five minutes. <code>firki link</code> prints a new one
(<code>firki link --demo</code> one of the demo's page).</p>
""",
)


def login(credentials: Credentials) -> Endpoint:
    """GET /login?ticket=...: a session for the ticket, then the page."""

    async def endpoint(request: Request) -> Response:
        ticket = request.query_params.get("ticket", "")
        if request.method != "GET" or not credentials.tickets.redeem(ticket):
            if SESSION in request.scope:  # whoever is in already needs no new link
                return Response(status_code=303, headers={"location": "/"})
            wait = credentials.wrong_tickets.fail()
            if wait:
                raise too_many_failures(wait)
            return HTMLResponse(_USED, status_code=401)
        _end_session(request, credentials)  # a new session for each login, the old one is over
        secret = credentials.sessions.begin()
        response = Response(status_code=303, headers={"location": "/"})
        cookie = credentials.cookie(secret, seconds=credentials.sessions.seconds)
        response.raw_headers.append((b"set-cookie", cookie))
        return response

    return endpoint


def logout(credentials: Credentials) -> Endpoint:
    """POST /api/logout: the asking browser's session is over; a key has none to end."""

    async def endpoint(request: Request) -> Response:
        _end_session(request, credentials)
        response = Response(status_code=204)
        response.raw_headers.append((b"set-cookie", credentials.cookie("", seconds=0)))
        return response

    return endpoint


def links(credentials: Credentials) -> Endpoint:
    """POST /api/links: the path of a new one-time link, for a further browser."""

    async def endpoint() -> Response:
        return answer({"path": credentials.link_path()})

    return endpoint


def _end_session(request: Request, credentials: Credentials) -> None:
    if SESSION in request.scope:
        credentials.sessions.end(request.scope[SESSION])
