"""Status, documents, and the files of the page."""

from pathlib import Path

import httpx2
import pytest
from tests.fakes.gateway import Market

from firki.serve.app import create_app
from firki.serve.web import Page


def client_of(market: Market, folder: Path) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(create_app(market.parts(), page=Page(folder))),
        base_url="http://localhost",
        headers={"authorization": f"Bearer {market.key}"},
    )


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A page as the bundler leaves it."""
    folder = tmp_path / "page"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html>home")
    (folder / "assets/index-B1xY_z90.js").write_text("run()")
    (folder / "assets/index-Dk3.css").write_text("a{}")
    (folder / "icon.svg").write_text("<svg/>")
    (folder / "secret.key").write_text("not of a type that is served")
    (tmp_path / "outside.txt").write_text("for no reader")
    return folder


@pytest.mark.parametrize(
    ("path", "kind", "caching"),
    [
        ("/", "text/html; charset=utf-8", "no-cache"),
        ("/index.html", "text/html; charset=utf-8", "no-cache"),
        ("/assets/index-B1xY_z90.js", "text/javascript; charset=utf-8", "immutable"),
        ("/assets/index-Dk3.css", "text/css; charset=utf-8", "no-cache"),
        ("/icon.svg", "image/svg+xml", "no-cache"),
    ],
)
async def test_files_come_with_their_type_and_lifetime(
    market: Market, built: Path, path: str, kind: str, caching: str
) -> None:
    async with client_of(market, built) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert caching in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    ["/nothing.js", "/secret.key", "/../outside.txt", "/%2e%2e/outside.txt", "/..%2foutside.txt",
     "/assets/", "//etc/passwd", "/assets/../../outside.txt", "/index.html%00.js"],
)  # fmt: skip
async def test_nothing_else_is_reached(market: Market, built: Path, path: str) -> None:
    async with client_of(market, built) as client:
        answer = await client.get(path)
    assert answer.status_code == 404
    assert "for no reader" not in answer.text


async def test_a_page_that_is_not_built_says_how_to_build_it(
    market: Market, tmp_path: Path
) -> None:
    async with client_of(market, tmp_path / "nowhere") as client:
        answer = await client.get("/")
        assert (answer.status_code, "make demo" in answer.text) == (503, True)
        assert (await client.get("/assets/a.js")).status_code == 404


async def test_without_a_session_the_page_says_what_to_open(market: Market, built: Path) -> None:
    async with client_of(market, built) as client:
        del client.headers["authorization"]
        answer = await client.get("/", headers={"accept": "text/html"})
        assert answer.status_code == 401
        assert "one-time link" in answer.text
        assert "<code>firki link</code>" in answer.text
        assert "home" not in answer.text
        assert answer.headers["content-type"] == "text/html; charset=utf-8"


async def test_status_is_the_whole_health_document(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/api/status")).json() == (await client.get("/health")).json()


async def test_what_is_captured_is_listed_with_its_mode(
    client: httpx2.AsyncClient, market: Market
) -> None:
    market.captured[5] = market.captured.pop(408065)
    told = (await client.get("/api/subscriptions")).json()
    assert told["count"] == 3
    assert told["subscriptions"][-1] == {"instrument_token": 5, "key": None, "mode": "full"}
    assert told["subscriptions"][0]["key"] == "NSE:NIFTY 50"


async def test_metrics_are_in_prometheus_form(client: httpx2.AsyncClient) -> None:
    await client.get("/api/clock")
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "# TYPE http_requests_total counter" in answer.text
    assert "# TYPE subscriber_dropped_total counter" in answer.text


async def test_the_description_names_every_route_and_resolves_every_reference(
    client: httpx2.AsyncClient,
) -> None:
    document = (await client.get("/openapi.json")).json()
    assert {"/api/candles/{key}", "/api/quotes", "/api/ticks", "/api/clock"} <= set(
        document["paths"]
    )
    schemas = document["components"]["schemas"]
    text = (await client.get("/openapi.json")).text
    references = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert references <= set(schemas)
    assert "CandleRow" in references
    assert (
        "text/csv" in document["paths"]["/api/candles/{key}"]["get"]["responses"]["200"]["content"]
    )


async def test_the_list_of_routes_loads_nothing_from_elsewhere(
    client: httpx2.AsyncClient,
) -> None:
    page = (await client.get("/docs")).text
    assert "/api/candles/{key}" in page
    assert "http" not in page.replace("/api/", "").replace("httpx", "")
    assert "<script" not in page


async def test_plain_pages_have_the_pages_style_without_a_credential(
    anybody: httpx2.AsyncClient, market: Market
) -> None:
    pages = [await anybody.get("/"), await anybody.get("/login?ticket=used")]
    pages.append(await anybody.get("/docs", headers={"authorization": f"Bearer {market.key}"}))
    for page in pages:
        assert '<link rel="stylesheet" href="/plain.css">' in page.text
        assert "<style" not in page.text, "the policy allows nothing inline"
    style = await anybody.get("/plain.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "prefers-color-scheme: dark" in style.text


async def test_a_further_link_can_be_had_with_the_key(client: httpx2.AsyncClient) -> None:
    path = (await client.post("/api/links")).json()["path"]
    del client.headers["authorization"]
    assert (await client.get(path)).status_code == 303
    assert (await client.get("/api/clock")).status_code == 200


async def test_a_used_link_leads_who_is_in_to_the_page_and_tells_others_what_to_do(
    anybody: httpx2.AsyncClient, market: Market
) -> None:
    path = market.credentials.link_path()
    secrets = []
    for _ in range(2):
        answer = await anybody.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        secrets.append(anybody.cookies[market.credentials.cookie_name])
    assert secrets[0] == secrets[1], "the session goes on"
    anybody.cookies.clear()
    refused = await anybody.get(path)
    assert (refused.status_code, "<code>firki link</code>" in refused.text) == (401, True)


async def test_what_breaks_inside_is_not_told_outside(market: Market) -> None:
    def broken() -> dict[str, object]:
        raise RuntimeError("the secret is 42")

    app = create_app(market.parts(health=broken))
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {market.key}"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/health", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (500, "internal")
    assert "42" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
