"""Kite's REST API, as thin as it can be: sign, pace, send, translate what went wrong."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus
from typing import Any, Final

import httpx2
import msgspec

from firki import timing
from firki.errors import AuthExpired, Corrupt, FirkiError, RateLimited, Rejected, Unavailable
from firki.kite import history
from firki.kite.auth import check_root
from firki.kite.body import ENCODING, read_body
from firki.kite.limits import Gates, Limits
from firki.kite.steady import MachineSteady, Steady
from firki.kite.vocabulary import API_VERSION, REST_ROOT, VERSION_HEADER, ErrorType
from firki.model.candle import CandleColumns, Interval

CALL_SECONDS: Final = 60.0
"""The longest a call may take in all, however slowly its answer drips in."""
MOST_WORDS: Final = 300
"""Characters of the vendor's message that are repeated."""

_ANY: Final = None
_REFUSALS: Final = frozenset(
    {
        ErrorType.PERMISSION,
        ErrorType.USER,
        ErrorType.TWO_FA,
        ErrorType.INPUT,
        ErrorType.ORDER,
        ErrorType.MARGIN,
        ErrorType.HOLDING,
    }
)
ERRORS: Final[
    tuple[tuple[Collection[int] | None, Collection[ErrorType | None] | None, type[FirkiError]], ...]
] = (
    ({429}, _ANY, RateLimited),
    (_ANY, {ErrorType.TOKEN}, AuthExpired),
    (_ANY, _REFUSALS, Rejected),
    (_ANY, {ErrorType.NETWORK, ErrorType.DATA}, Unavailable),
    ({401, 403}, {ErrorType.GENERAL}, AuthExpired),
    (range(400, 500), _ANY, Rejected),
    (_ANY, _ANY, Unavailable),
)
"""HTTP status and error type to our error; the first row that fits.

A type we do not know counts as GENERAL, an answer that is not Kite's envelope as None.
"""


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Who is logged in, and where the account may trade."""

    user_id: str
    user_name: str = ""
    broker: str = ""
    exchanges: list[str] = []
    products: list[str] = []


class _Envelope(msgspec.Struct):
    status: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")
    message: str | None = ""
    error_type: str | None = ""


class KiteRest:
    """The read part of Kite's REST API for one api_key; the token is asked for at every call.

    Nothing is tried twice: a Retryable error is the caller's to repeat.
    """

    def __init__(
        self,
        api_key: str,
        access_token: Callable[[], str],
        root: str = REST_ROOT,
        *,
        now: Callable[[], int] = timing.system_now,
        limits: Limits | None = None,
        timeout_seconds: float = 7.0,
        steady: Steady | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """``now`` is market time: it says which candles are over."""
        self._api_key = api_key
        self._access_token = access_token
        self._now = now
        self._gates = Gates(limits or Limits(), steady or MachineSteady())
        base_url = check_root(root, "https", "http")
        self._client = httpx2.AsyncClient(
            base_url=base_url,
            # reading the certificates takes 0.1 s; a plain root has no use for them
            verify=base_url.startswith("https"),
            headers={
                VERSION_HEADER: API_VERSION,
                "User-Agent": "firki",
                "Accept-Encoding": ENCODING,
            },
            timeout=timeout_seconds,
            transport=transport,
            trust_env=False,
        )

    async def __aenter__(self) -> "KiteRest":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._client.aclose()

    async def instruments(self) -> bytes:
        """The day's instrument master as CSV, unpacked."""
        route = "/instruments"
        response, body = await self._send("GET", route)
        if response.status_code != HTTPStatus.OK or "csv" not in _content_type(response):
            _data(f"GET {route}", response, body)
            raise Corrupt(f"GET {route}: expected CSV, found {_content_type(response)}")
        return body

    async def history(
        self, instrument_token: int, interval: Interval, from_ts: int, to_ts: int
    ) -> CandleColumns:
        """Candles that start within the span, both ends included; open interest where there is any.

        Raises Rejected for an interval that Kite does not have.
        """
        word, max_days = history.kite_interval(interval)
        route = f"/instruments/historical/{instrument_token}/{word}"
        oi = str(int(history.has_oi(instrument_token)))
        answers = [
            await self._get(route, {"from": first, "to": last, "continuous": "0", "oi": oi})
            for first, last in history.requests(from_ts, to_ts, max_days)
        ]
        return await asyncio.to_thread(
            history.columns,
            instrument_token,
            interval,
            answers,
            from_ts=from_ts,
            to_ts=to_ts,
            now_ts=self._now(),
        )

    async def profile(self) -> Profile:
        """Whose token it is; the cheapest way to see whether it is still taken."""
        route = "/user/profile"
        data = await self._get(route)
        try:
            return msgspec.json.decode(data, type=Profile)
        except msgspec.ValidationError as error:
            raise Corrupt(f"GET {route}: {error}") from error

    async def post_unsigned(self, route: str, form: Mapping[str, str]) -> Any:
        """``data`` for a form that needs no session yet; ``Any``: each route has its own shape."""
        response, body = await self._send("POST", route, form=form, signed=False)
        return msgspec.json.decode(_data(f"POST {route}", response, body))

    async def _get(self, route: str, query: Mapping[str, str] | None = None) -> msgspec.Raw:
        response, body = await self._send("GET", route, query=query)
        return _data(f"GET {route}", response, body)

    async def _send(
        self,
        method: str,
        route: str,
        *,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        signed: bool = True,
    ) -> tuple[httpx2.Response, bytes]:
        """The answer, whatever its status; raises Unavailable when there is none."""
        gate = self._gates.of(route)
        await gate.enter()
        headers = {"Authorization": self._authorization()} if signed else {}
        call = self._client.stream(method, route, params=query, data=form, headers=headers)
        try:
            async with asyncio.timeout(CALL_SECONDS), call as response:
                body = await read_body(f"{method} {route}", response)
        except (httpx2.HTTPError, TimeoutError) as error:
            # the text of these may hold the URL, the type is enough
            host = self._client.base_url.host
            raise Unavailable(
                f"{method} {route}: no answer from {host} ({type(error).__name__}); is this "
                "machine on the network?"
            ) from None
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            gate.close()
        return response, body

    def _authorization(self) -> str:
        token = self._access_token()
        if not token:
            raise AuthExpired("there is no access token: log in")
        return f"token {self._api_key}:{token}"


def _data(call: str, response: httpx2.Response, body: bytes) -> msgspec.Raw:
    """``data`` of a successful answer; raises what the table says of any other."""
    status = response.status_code
    if "json" not in _content_type(response):
        raise _error(status, None)(
            f"{call}: expected JSON, found {_content_type(response)} (HTTP {status})"
        )
    try:
        envelope = msgspec.json.decode(body, type=_Envelope)
    except msgspec.ValidationError as error:
        raise Corrupt(f"{call}: expected Kite's envelope, {error} (HTTP {status})") from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Unavailable(f"{call}: the JSON is cut or broken (HTTP {status})") from error
    if status == HTTPStatus.OK and envelope.status == "success" and not envelope.error_type:
        return envelope.data
    error_type = _error_type(envelope.error_type)
    words = " ".join((envelope.message or "no message").split())[:MOST_WORDS]
    raise _error(status, error_type)(f"{call}: {words} (HTTP {status}, {error_type})")


def _error(status: int, error_type: ErrorType | None) -> type[FirkiError]:
    return next(
        error
        for statuses, types, error in ERRORS
        if (statuses is None or status in statuses) and (types is None or error_type in types)
    )


def _error_type(word: str | None) -> ErrorType:
    return ErrorType(word) if word in set(ErrorType) else ErrorType.GENERAL


def _content_type(response: httpx2.Response) -> str:
    return str(response.headers.get("content-type", "no content type"))
