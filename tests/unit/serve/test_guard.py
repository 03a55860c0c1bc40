"""Who gets in: every route, every credential, every way a browser could be tricked."""

from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from prometheus_client import generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute
from tests.fakes.gateway import Market

from firki.serve.access import ACCESS, Access, Role, admit, names
from firki.serve.app import create_app
from firki.serve.guard import Guard
from firki.serve.parts import ServeSettings

HTTP_ROUTES = sorted(entry for entry in ACCESS if entry[0] != "WEBSOCKET")
BODIES = {"/api/clock": {"speed": 2.0}, "/api/ticks": []}
# what a caller with the key gets; the page is not built in tests, /login wants a ticket
ALLOWED = {"/login": {401}, "/{path:path}": {200, 503}, "/api/logout": {204}}


def path_of(template: str) -> str:
    return template.replace("{key:path}", "NSE:INFY").replace("{path:path}", "")


async def ask(
    client: httpx2.AsyncClient, method: str, template: str, headers: dict[str, str] | None = None
) -> httpx2.Response:
    body = BODIES.get(template, {}) if method == "POST" else None
    return await client.request(method, path_of(template), headers=headers, json=body)


def test_every_route_is_listed_and_every_entry_is_a_route(market: Market) -> None:
    inner = create_app(market.parts()).inner
    assert isinstance(inner, FastAPI)
    served = [name for route in inner.routes for name in names(route)]
    assert sorted(served) == sorted(ACCESS)


async def _nothing(request: Request) -> Response:
    return Response()


def test_a_route_that_is_not_listed_cannot_be_served() -> None:
    with pytest.raises(LookupError, match="POST /api/orders: expected an entry"):
        admit([Route("/api/orders", _nothing, methods=["POST"])])
    with pytest.raises(LookupError, match="expected one with a path and its methods"):
        admit([Mount("/sub", Starlette())])
    with pytest.raises(LookupError, match="WEBSOCKET /api/other"):
        admit([WebSocketRoute("/api/other", _nothing)])


@pytest.mark.parametrize(("method", "template"), HTTP_ROUTES)
async def test_each_route_wants_a_credential_unless_it_is_open(
    anybody: httpx2.AsyncClient, market: Market, method: str, template: str
) -> None:
    is_open = ACCESS[method, template].role is Role.OPEN
    bare = await ask(anybody, method, template)
    wrong = await ask(anybody, method, template, {"authorization": f"Bearer {market.key}x"})
    right = await ask(anybody, method, template, {"authorization": f"Bearer {market.key}"})
    assert bare.status_code == (401 if not is_open or template == "/login" else 200)
    assert wrong.status_code == 401
    assert right.status_code in ALLOWED.get(template, {200})
    if bare.status_code == 401 and template != "/login":
        assert bare.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "template"), HTTP_ROUTES)
async def test_each_answer_carries_the_security_headers(
    client: httpx2.AsyncClient, method: str, template: str
) -> None:
    answers = [await ask(client, method, template), await ask(client, "DELETE", template)]
    client.headers.pop("authorization")
    answers.append(await ask(client, method, template))
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers
        if template.startswith("/api"):
            assert answer.headers["cache-control"] == "no-store"


async def test_unknown_paths_are_not_told_apart_without_a_credential(
    anybody: httpx2.AsyncClient, market: Market
) -> None:
    assert (await anybody.get("/api/secret")).status_code == 401
    key = {"authorization": f"Bearer {market.key}"}
    assert (await anybody.get("/api/secret", headers=key)).status_code == 404


async def test_health_says_one_word_to_a_stranger(
    anybody: httpx2.AsyncClient, market: Market
) -> None:
    market.status = "stale"
    assert (await anybody.get("/health")).json() == {"status": "stale"}
    key = {"authorization": f"Bearer {market.key}"}
    assert (await anybody.get("/health", headers=key)).json()["ticks_processed"] == 7


async def test_a_stranger_costs_no_health_document(market: Market) -> None:
    def document() -> dict[str, object]:
        raise AssertionError("a document for a stranger")

    app = create_app(market.parts(health=document))
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as stranger:
        assert (await stranger.get("/health")).json() == {"status": "ok"}


@pytest.mark.parametrize(
    "query",
    [
        "api_key={key}",
        "x={key}",
        "ACCESS_TOKEN=abc",
        "api%5Fkey=abc",
        "a=1&apikey=z",
        "q=fi%72ki_x",
    ],
)
async def test_a_key_in_an_address_is_refused_whatever_else_is_right(
    client: httpx2.AsyncClient, market: Market, query: str
) -> None:
    answer = await client.get(f"/api/quotes?{query.format(key=market.key)}")
    assert answer.status_code == 400
    assert answer.json()["error"] == "key_in_address"
    assert market.key not in answer.text


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080", "127.0.0.2", "localhost:65535"],
)
async def test_any_name_of_loopback_is_this_machine(client: httpx2.AsyncClient, host: str) -> None:
    assert (await client.get("/health", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1:8000", "",
     "localhost@evil.example", "[::1", "localhost:port", "0.0.0.0", "127.0.0.1:8000, evil.example"],
)  # fmt: skip
async def test_a_foreign_name_for_this_machine_is_refused(
    client: httpx2.AsyncClient, host: str
) -> None:
    for path in ("/health", "/login?ticket=x", "/api/quotes", "/"):
        answer = await client.get(path, headers={"host": host})
        assert (answer.status_code, answer.json()["error"]) == (421, "wrong_host")


@pytest.mark.parametrize(
    "pairs",
    [
        [("host", "127.0.0.1"), ("host", "evil.example")],
        [("host", "127.0.0.1"), ("authorization", "Bearer a"), ("authorization", "Bearer b")],
        [("host", "127.0.0.1"), ("cookie", "a=b"), ("cookie", "c=d")],
    ],
)
async def test_a_header_we_decide_by_comes_once(
    anybody: httpx2.AsyncClient, pairs: list[tuple[str, str]]
) -> None:
    answer = await anybody.get("/health", headers=pairs)
    assert (answer.status_code, answer.json()["error"]) == (400, "repeated_header")
    twice = [("host", "127.0.0.1"), ("accept", "a/b"), ("accept", "c/d")]
    assert (await anybody.get("/health", headers=twice)).status_code == 200


async def test_wrong_keys_are_slowed_down_and_the_right_one_is_not(
    anybody: httpx2.AsyncClient, market: Market
) -> None:
    wrong = {"authorization": "Bearer firki_guess"}
    codes = [(await anybody.get("/api/quotes", headers=wrong)).status_code for _ in range(70)]
    assert codes[:60] == [401] * 60
    assert set(codes[60:]) == {429}
    right = {"authorization": f"Bearer {market.key}"}
    assert (await anybody.get("/api/quotes", headers=right)).status_code == 200


@pytest.mark.parametrize("scheme", ["Basic {key}", "{key}", "Bearer", "Bearer  ", "Token {key}"])
async def test_only_bearer_is_understood(
    anybody: httpx2.AsyncClient, market: Market, scheme: str
) -> None:
    headers = {"authorization": scheme.format(key=market.key)}
    assert (await anybody.get("/api/quotes", headers=headers)).status_code == 401


async def test_one_link_makes_one_session(anybody: httpx2.AsyncClient, market: Market) -> None:
    link = market.credentials.link_path()
    answer = await anybody.get(link)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert all(
        word in cookie for word in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200")
    )
    assert "Secure" not in cookie  # plain http on loopback
    assert "Domain" not in cookie
    assert (await anybody.get("/api/quotes")).status_code == 200
    anybody.cookies.clear()
    assert (await anybody.get(link)).status_code == 401
    assert (await anybody.get("/api/quotes")).status_code == 401


async def test_a_second_login_ends_the_first_session(
    anybody: httpx2.AsyncClient, market: Market
) -> None:
    await anybody.get(market.credentials.link_path())
    first = anybody.cookies[market.credentials.cookie_name]
    await anybody.get(market.credentials.link_path())
    assert anybody.cookies[market.credentials.cookie_name] != first
    anybody.cookies.clear()
    anybody.cookies[market.credentials.cookie_name] = first
    assert (await anybody.get("/api/quotes")).status_code == 401


async def test_asking_for_the_head_of_a_link_does_not_use_it_up(
    anybody: httpx2.AsyncClient, market: Market
) -> None:
    link = market.credentials.link_path()
    assert (await anybody.head(link)).status_code == 401
    assert (await anybody.get(link)).status_code == 303


async def test_wrong_links_are_slowed_down(anybody: httpx2.AsyncClient, market: Market) -> None:
    codes = [(await anybody.get("/login?ticket=guess")).status_code for _ in range(12)]
    assert codes == [401] * 10 + [429] * 2
    assert (await anybody.get(market.credentials.link_path())).status_code == 303


async def test_a_session_ends_by_logout_and_by_time(
    anybody: httpx2.AsyncClient, market: Market
) -> None:
    await anybody.get(market.credentials.link_path())
    secret = anybody.cookies[market.credentials.cookie_name]
    assert (await anybody.post("/api/logout", headers={"x-firki": "1"})).status_code == 204
    assert market.credentials.cookie_name not in anybody.cookies
    anybody.cookies[market.credentials.cookie_name] = secret
    assert (await anybody.get("/api/quotes")).status_code == 401
    anybody.cookies.clear()
    await anybody.get(market.credentials.link_path())
    market.steady += 12 * 3600
    assert (await anybody.get("/api/quotes")).status_code == 401


async def test_an_expired_cookie_is_told_so_however_often_it_comes(
    anybody: httpx2.AsyncClient, market: Market
) -> None:
    anybody.cookies[market.credentials.cookie_name] = "of-another-run"
    codes = {(await anybody.get("/api/quotes")).status_code for _ in range(80)}
    assert codes == {401}  # the page locks on it, so it must not turn into "too many"


@pytest.mark.parametrize("path", sorted(path for method, path in ACCESS if method == "POST"))
async def test_a_browser_writes_only_from_the_page_itself(
    anybody: httpx2.AsyncClient, market: Market, path: str
) -> None:
    await anybody.get(market.credentials.link_path())
    body = BODIES.get(path, {})
    bare = await anybody.post(path, json=body)
    assert (bare.status_code, bare.json()["error"]) == (403, "no_page_header")
    foreign = {"x-firki": "1", "origin": "http://evil.example"}
    assert (await anybody.post(path, json=body, headers=foreign)).status_code == 403
    other_port = {"x-firki": "1", "origin": "http://127.0.0.1:3000"}
    assert (await anybody.post(path, json=body, headers=other_port)).status_code == 403
    own = {"x-firki": "1", "origin": "http://127.0.0.1:8000"}
    assert (await anybody.post(path, json=body, headers=own)).status_code in (200, 204)


async def test_nothing_is_written_by_get(anybody: httpx2.AsyncClient, market: Market) -> None:
    await anybody.get(market.credentials.link_path())
    before = market.credentials.keys.clear_text()
    for method, template in HTTP_ROUTES:
        if method == "GET" and template != "/login":
            await ask(anybody, method, template)
    assert market.posted == []
    assert market.credentials.keys.clear_text() == before
    assert (await anybody.get("/api/quotes")).status_code == 200


async def test_a_preflight_of_another_site_gets_no_permission(
    client: httpx2.AsyncClient,
) -> None:
    headers = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    answer = await client.request("OPTIONS", "/api/ticks", headers=headers)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


async def test_behind_https_the_public_name_is_ours_and_cookies_are_secure(
    tmp_path: Path,
) -> None:
    settings = ServeSettings(public_url="https://desk.example")
    market = Market(tmp_path, settings=settings)
    transport = httpx2.ASGITransport(create_app(market.parts(ingest=market.ingest)))
    async with httpx2.AsyncClient(transport=transport, base_url="https://desk.example") as client:
        answer = await client.get(market.credentials.link_path())
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(f"__Host-firki_session_{market.credentials.keys.mark}=")
        assert "; Secure" in cookie
        assert (await client.get("/api/quotes")).status_code == 200
        own = {"x-firki": "1", "origin": "https://desk.example"}
        assert (await client.post("/api/ticks", json=[], headers=own)).status_code == 200
        plain = {"x-firki": "1", "origin": "http://desk.example"}
        assert (await client.post("/api/ticks", json=[], headers=plain)).status_code == 403
        spoofed = {"host": "evil.example", "x-forwarded-host": "desk.example"}
        assert (await client.get("/health", headers=spoofed)).status_code == 421


async def test_a_caller_over_its_rate_is_told_to_wait_and_others_are_not(
    market: Market,
) -> None:
    async def fine(request: Request) -> Response:
        return Response("fine")

    inner = Starlette(routes=[Route("/health", fine)])
    now = 100.0
    admit(inner.routes, now=lambda: now)
    app = Guard(inner, market.credentials, create_app(market.parts()).meter)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://localhost"
    ) as client:
        limit = ACCESS["GET", "/health"].per_second
        codes = [(await client.get("/health")).status_code for _ in range(limit + 1)]
        assert codes == [200] * limit + [429]
        key = {"authorization": f"Bearer {market.key}"}
        assert (await client.get("/health", headers=key)).status_code == 200
        now += 0.5
        codes = [(await client.get("/health")).status_code for _ in range(limit)]
        assert codes.count(200) == limit // 2


def test_every_route_has_a_rate() -> None:
    assert all(isinstance(access, Access) and access.per_second > 0 for access in ACCESS.values())


async def test_answers_are_counted_by_route_and_not_by_what_a_client_invents(
    client: httpx2.AsyncClient, market: Market
) -> None:
    await client.get("/api/candles/NSE:INFY")
    await client.get("/api/candles/NSE:RELIANCE")
    await client.get("/api/candles/NSE:NOSUCH")
    for word in ("ABC", "DEF"):
        await client.request(word, "/api/candles/NSE:INFY")
    told = generate_latest(market.registry).decode()
    route = 'route="/api/candles/{key:path}"'
    assert f'http_requests_total{{method="GET",{route},status="200"}} 2.0' in told
    assert f'http_requests_total{{method="GET",{route},status="404"}} 1.0' in told
    assert 'method="other"' in told
    assert "ABC" not in told
    assert "NOSUCH" not in told
