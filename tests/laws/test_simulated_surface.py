"""Whatever a client sends, the simulated Kite answers as Kite does, and never fails itself."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

import httpx2
from hypothesis import given
from hypothesis import strategies as st
from tests.simulated import INFY, NIFTY, authorization, kite, make_box

from firki.ports import Mode
from firki.simulator.hub import Client
from firki.simulator.messages import RefusedError, obey

PATHS = st.sampled_from(
    [
        "/connect/login", "/connect/finish", "/api/login", "/api/twofa", "/session/token",
        "/session/refresh_token", "/user/profile", "/user/margins/{}", "/orders", "/orders/{}",
        "/orders/{}/{}", "/orders/{}/trades", "/portfolio/positions", "/quote", "/quote/ohlc",
        "/quote/ltp", "/instruments/{}", "/instruments/historical/{}/{}",
        "/instruments/trigger_range/{}", "/gtt/triggers/{}", "/alerts", "/margins/orders", "/{}",
    ]
)  # fmt: skip
WORDS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["NSE", "408065", "minute", "day", "2026-11-20", "2026-11-20 09:15:00", "NSE:INFY",
         "regular", "buy", "NaN", "-1", "1e999", "99999999999999999999", "0001-01-01"]
    ),
)  # fmt: skip
NAMES = st.sampled_from(
    ["i", "from", "to", "oi", "continuous", "api_key", "access_token", "request_token", "checksum",
     "user_id", "password", "request_id", "twofa_value", "skip_session", "sess_id", "quantity"]
)  # fmt: skip
FIELDS = st.dictionaries(NAMES, st.lists(WORDS, max_size=3), max_size=4)
METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"])


@given(METHODS, PATHS, st.tuples(WORDS, WORDS), FIELDS, st.one_of(FIELDS, st.binary(max_size=50)))
def test_any_request_has_an_answer_in_the_envelope(
    method: str,
    path: str,
    parts: tuple[str, str],
    query: dict[str, list[str]],
    body: dict[str, list[str]] | bytes,
) -> None:
    url = path.format(*(quote(part, safe="") for part in parts))

    async def ask() -> httpx2.Response:
        box = make_box()
        async with kite(box, headers=authorization(box)) as client:
            if isinstance(body, bytes):
                form = {"content-type": "application/x-www-form-urlencoded"}
                return await client.request(method, url, params=query, content=body, headers=form)
            return await client.request(method, url, params=query, data=body)

    answer = asyncio.run(ask())
    assert answer.status_code in {200, 302, 400, 403, 404, 405}
    if answer.headers["content-type"] == "application/json" and answer.status_code >= 400:
        assert answer.json().keys() == {"status", "message", "data", "error_type"}


class Ear:
    """A client that counts what it is sent."""

    waiting = 0

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def send(self, frames: list[bytes]) -> None:
        self.frames += frames

    def cut(self) -> None:
        raise AssertionError("nothing here is a reason to cut a client off")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
VALUES = st.one_of(
    JSON,
    st.lists(st.sampled_from([INFY, NIFTY, 99, -1, 2**70]), max_size=5),
    st.tuples(st.sampled_from(["ltp", "quote", "full", "fast"]), st.lists(st.sampled_from([INFY]))),
)
MESSAGES = st.one_of(
    st.binary(max_size=40),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.builds(
        lambda action, value: json.dumps({"a": action, "v": value}).encode(),
        st.sampled_from(["subscribe", "unsubscribe", "mode", "dance"]),
        VALUES,
    ),
)


@given(st.lists(MESSAGES, max_size=6))
def test_any_message_is_followed_or_refused_in_words(messages: list[bytes]) -> None:
    box = make_box()
    ear = Ear()
    client: Client = box.hub.join(box.accounts[0].api_key, ear)
    refusals = []
    for message in messages:
        try:
            obey(box.hub, client, message)
        except RefusedError as refusal:
            refusals.append(str(refusal))
    assert all(refusals)
    modes: dict[int, Any] = client.subscription.modes()
    assert set(modes) <= {INFY, NIFTY}
    assert set(modes.values()) <= set(Mode)
