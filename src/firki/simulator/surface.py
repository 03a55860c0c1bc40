"""How a route is called: who may, how often, and with which parameters."""

import gzip
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from firki.kite.vocabulary import ErrorType
from firki.simulator.accounts import Account
from firki.simulator.box import Box
from firki.simulator.envelope import KiteError
from firki.simulator.limits import RequestClass

LARGEST_BODY: Final = 1 << 20
_TOKEN: Final = "token "


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read in full."""

    box: Box
    request: Request
    account: Account | None
    """Who calls; None on open routes."""
    fields: dict[str, list[str]]
    """Query and form fields; the form's come last."""
    body: bytes

    @property
    def caller(self) -> Account:
        """Who calls a route that is not open."""
        assert self.account is not None
        return self.account

    def text(self, name: str, default: str | None = None) -> str:
        """The last value of a field; raises KiteError 400 when it is needed and not there."""
        value = self.fields.get(name, [""])[-1]
        if value:
            return value
        if default is None:
            raise KiteError.missing(name)
        return default

    def flag(self, name: str) -> bool:
        """A yes-or-no field, in any spelling in use: 1, true, True; absent is no."""
        return self.text(name, "0").lower() in {"1", "true"}

    def part(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])


Handler = Callable[[Call], Response]


@dataclass(frozen=True, slots=True)
class Rule:
    """A route: its method and path, what answers it, and which requests it is counted with."""

    method: str
    path: str
    handler: Handler
    kind: RequestClass = RequestClass.OTHER
    is_open: bool = False
    """Answers without an access token."""


def mount(box: Box, rules: Iterable[Rule]) -> list[Route]:
    """The rules as routes of an application."""
    return [Route(rule.path, _endpoint(box, rule), methods=[rule.method]) for rule in rules]


def _endpoint(box: Box, rule: Rule) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        body = await read_body(request)
        fields = _fields(request, body)
        if rule.is_open:
            account = None
            box.limits.take(_app_of(box, fields), rule.kind)
        else:
            account = _authorised(box, request)
            box.limits.take(account.api_key, rule.kind)
        return rule.handler(Call(box, request, account, fields, body))

    return answer


async def read_body(request: Request) -> bytes:
    """The body, as long as it is of a sane size."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise KiteError(413, ErrorType.INPUT, f"The body is larger than {LARGEST_BODY} bytes.")
    return body


def _fields(request: Request, body: bytes) -> dict[str, list[str]]:
    fields = parse_qs(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    kind = request.headers.get("content-type", "")
    if body and not kind.startswith("application/json"):
        try:
            form = parse_qs(body.decode(), keep_blank_values=True)
        except (UnicodeDecodeError, ValueError) as error:
            raise KiteError.bad_input("Invalid request: the form is not readable.") from error
        for name, values in form.items():
            fields[name] = fields.get(name, []) + values
    return fields


def _authorised(box: Box, request: Request) -> Account:
    header = request.headers.get("authorization", "")
    if not header.lower().startswith(_TOKEN):
        raise KiteError.bad_token()
    api_key, _, access_token = header[len(_TOKEN) :].strip().partition(":")
    return box.sessions.check(api_key, access_token)


def _app_of(box: Box, fields: dict[str, list[str]]) -> str:
    """The app an open call is counted for; strangers are counted together."""
    named = fields.get("api_key", [""])[-1]
    return named if any(named == account.api_key for account in box.accounts) else ""


def csv(call: Call, content: bytes) -> Response:
    """A dump, compressed when the client takes that."""
    headers = {"vary": "accept-encoding"}
    if "gzip" in call.request.headers.get("accept-encoding", ""):
        content = gzip.compress(content, 1, mtime=0)
        headers["content-encoding"] = "gzip"
    return Response(content, media_type="text/csv", headers=headers)
