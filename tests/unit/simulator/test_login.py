import hashlib
from urllib.parse import parse_qs, urlsplit

import httpx2
import pyotp
import pytest
from tests.simulated import authorization, kite, make_box

from firki import timing
from firki.simulator.box import Box


def param(url: str, name: str) -> str:
    return parse_qs(urlsplit(url).query)[name][0]


async def log_in(client: httpx2.AsyncClient, box: Box) -> None:
    """Both factors, as a program sends them."""
    account = box.accounts[0]
    first = await client.post(
        "/api/login", data={"user_id": account.user_id, "password": account.password}
    )
    assert first.json()["data"]["twofa_type"] == "totp"
    second = await client.post(
        "/api/twofa",
        data={
            "user_id": account.user_id,
            "request_id": first.json()["data"]["request_id"],
            "twofa_value": pyotp.TOTP(account.totp).at(timing.system_now() // timing.SECOND),
            "twofa_type": "totp",
        },
    )
    assert second.status_code == 200
    assert "enctoken" in client.cookies


async def follow(client: httpx2.AsyncClient, url: str) -> list[str]:
    """The addresses a redirect leads to, one after the other, without opening the last one."""
    places = []
    while (answer := await client.get(url)).status_code == 302:
        url = answer.headers["location"]
        places.append(url)
        if "request_token" in url:
            break
    return places


async def test_the_web_login_ends_at_the_registered_address_and_its_token_gives_a_session() -> None:
    box = make_box()
    account = box.accounts[0]
    async with kite(box, headers={}) as client:
        [page] = await follow(client, f"/connect/login?v=3&api_key={account.api_key}")
        assert param(page, "sess_id")
        await log_in(client, box)
        last = (await follow(client, f"{page}&skip_session=true"))[-1]
        assert last.startswith(account.redirect_url)
        assert (param(last, "status"), param(last, "action")) == ("success", "login")
        token = param(last, "request_token")
        text = f"{account.api_key}{token}{account.api_secret}"
        answer = await client.post(
            "/session/token",
            data={
                "api_key": account.api_key,
                "request_token": token,
                "checksum": hashlib.sha256(text.encode()).hexdigest(),
            },
        )
        session = answer.json()["data"]
        assert session["login_time"] == "2026-11-20 09:00:00"
        assert session["refresh_token"] == ""
        profile = await client.get(
            "/user/profile",
            headers={"Authorization": f"token {account.api_key}:{session['access_token']}"},
        )
        assert profile.json()["data"]["user_id"] == account.user_id
        assert "access_token" not in profile.json()["data"]


async def test_the_page_is_shown_until_the_browser_is_logged_in() -> None:
    box = make_box()
    key = box.accounts[0].api_key
    async with kite(box, headers={}) as client:
        [page] = await follow(client, f"/connect/login?v=3&api_key={key}")
        for url in (page, f"{page}&skip_session=true"):
            answer = await client.get(url)
            assert answer.headers["content-type"].startswith("text/html")
            assert '<form id="login">' in answer.text
        client.cookies.set("enctoken", "invented")
        places = await follow(client, f"{page}&skip_session=true")
        assert "skip_session" not in places[-1]


async def test_redirect_params_come_back_and_markup_in_them_stays_text() -> None:
    box = make_box()
    handed = "%26colour%3D%3Cb%3Ered".removeprefix("%26")
    async with kite(box, headers={}) as client:
        url = f"/connect/login?v=3&api_key={box.accounts[0].api_key}&redirect_params={handed}"
        [page] = await follow(client, url)
        await log_in(client, box)
        last = (await follow(client, f"{page}&skip_session=true"))[-1]
        assert param(last, "colour") == "<b>red"
        assert "<" not in last


@pytest.mark.parametrize("url", ["/connect/login?v=3&api_key=nobody", "/connect/login"])
async def test_an_unknown_app_is_refused_in_the_envelope(url: str) -> None:
    async with kite(make_box(), headers={}) as client:
        answer = await client.get(url)
    assert answer.status_code == 400
    assert answer.json()["error_type"] == "InputException"


@pytest.mark.parametrize(
    ("path", "form", "status", "kind"),
    [
        ("/api/login", {"user_id": "FK1001", "password": "no"}, 403, "UserException"),
        ("/api/login", {"user_id": "FK1001"}, 400, "InputException"),
        (
            "/api/twofa",
            {"user_id": "FK1001", "request_id": "x", "twofa_value": "1"},
            400,
            "TwoFAException",
        ),
        ("/session/token", {"api_key": "nobody"}, 400, "InputException"),
        ("/session/refresh_token", {"refresh_token": "x", "checksum": "x"}, 400, "InputException"),
    ],
)
async def test_what_is_wrong_on_the_way_is_said_in_the_envelope(
    path: str, form: dict[str, str], status: int, kind: str
) -> None:
    async with kite(make_box(), headers={}) as client:
        answer = await client.post(path, data=form)
    assert (answer.status_code, answer.json()["error_type"]) == (status, kind)
    assert answer.json()["status"] == "error"


async def test_refresh_tokens_are_not_given_to_this_app() -> None:
    box = make_box()
    form = {"api_key": box.accounts[0].api_key, "refresh_token": "x", "checksum": "x"}
    async with kite(box, headers={}) as client:
        answer = await client.post("/session/refresh_token", data=form)
    assert (answer.status_code, answer.json()["error_type"]) == (403, "TokenException")


async def test_logging_out_ends_the_token() -> None:
    box = make_box()
    header = authorization(box)["Authorization"]
    api_key, _, token = header.removeprefix("token ").partition(":")
    async with kite(box) as client:
        pair = {"api_key": api_key, "access_token": token}
        answer = await client.delete("/session/token", params=pair)
        assert answer.json() == {"status": "success", "data": True}
        assert (await client.get("/user/profile")).status_code == 403
        assert (await client.delete("/session/token", params=pair)).status_code == 403
