"""The web login: the page a person uses, and the calls a program makes in its place."""

import secrets
from html import escape
from string import Template
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.responses import HTMLResponse, RedirectResponse, Response

from firki.simulator.accounts import Account, digest, letters
from firki.simulator.envelope import success
from firki.simulator.surface import Call, Rule

_COOKIE: Final = "enctoken"

_PAGE: Final = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Log in to the simulated Kite</title>
<style nonce="$nonce">
body { font: 16px system-ui, sans-serif; max-width: 24rem; margin: 12vh auto; padding: 0 1rem }
label { display: block; margin: .8rem 0 .2rem } input { width: 100%; padding: .5rem; font: inherit }
button { margin-top: 1.2rem; padding: .6rem 1.2rem; font: inherit } output { color: #b00020 }
aside { margin-top: 2rem; padding: .8rem; background: #f2f2f2; font-size: .85rem }
</style></head><body>
<h1>Simulated Kite</h1>
<form id="login">
<label for="user">User ID</label><input id="user" autocomplete="username" required autofocus>
<label for="password">Password</label><input id="password" type="password" required>
<label for="code">Code</label><input id="code" inputmode="numeric" maxlength="6" required>
<button>Log in</button> <output id="said"></output>
</form>
<aside>A toy market on your own machine: user <b>$user</b>, password <b>$password</b>,
code now <b>$code</b>.</aside>
<script nonce="$nonce">
const field = (id) => document.getElementById(id);
const post = async (path, form) => {
  const reply = await fetch(path, { method: "POST", body: new URLSearchParams(form) });
  const answer = await reply.json();
  if (answer.status !== "success") throw new Error(answer.message);
  return answer.data;
};
field("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const user_id = field("user").value;
    const first = await post("/api/login", { user_id, password: field("password").value });
    await post("/api/twofa", { user_id, request_id: first.request_id,
      twofa_type: first.twofa_type, twofa_value: field("code").value });
    location.href = location.href + "&skip_session=true";
  } catch (problem) { field("said").textContent = problem.message; }
});
</script></body></html>
""")

_DONE: Final = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>Logged in</title></head><body><h1>Logged in</h1>
<p>The request token is in the address of this page; it can be used once, within five minutes.</p>
</body></html>
"""


def _login(call: Call) -> Response:
    api_key, sessions = call.text("api_key", ""), call.box.sessions
    account = sessions.account(api_key)
    sess_id = call.text("sess_id", "")
    if not sess_id:
        return _redirect("/connect/login", _query(call), sess_id=sessions.begin(api_key))
    if call.flag("skip_session") and _COOKIE in call.request.cookies:
        return _redirect("/connect/finish", _query(call))
    return _page(account, sessions.code(account))


def _finish(call: Call) -> Response:
    api_key, sess_id = call.text("api_key"), call.text("sess_id")
    token = call.box.sessions.authorise(api_key, sess_id, call.request.cookies.get(_COOKIE, ""))
    if token is None:
        query = [(name, value) for name, value in _query(call) if name != "skip_session"]
        return _redirect("/connect/login", query)
    url = urlsplit(call.box.sessions.account(api_key).redirect_url)
    handed_back = parse_qsl(call.text("redirect_params", ""), keep_blank_values=True)
    answer = [("action", "login"), ("type", "login"), ("status", "success")]
    query = [*parse_qsl(url.query), *answer, ("request_token", token), *handed_back]
    return RedirectResponse(urlunsplit(url._replace(query=urlencode(query))), 302)


def _password(call: Call) -> Response:
    user_id = call.text("user_id")
    request_id = call.box.sessions.password(user_id, call.text("password"))
    return success(
        {"user_id": user_id.upper(), "request_id": request_id, "twofa_type": "totp",
         "twofa_types": ["totp"], "twofa_status": "active", "profile": {}}
    )  # fmt: skip


def _second_factor(call: Call) -> Response:
    user_id, request_id = call.text("user_id"), call.text("request_id")
    enctoken = call.box.sessions.second_factor(user_id, request_id, call.text("twofa_value"))
    response = success({"profile": {}})
    response.set_cookie(_COOKIE, enctoken, path="/", httponly=True, samesite="lax")
    response.set_cookie("user_id", user_id.upper(), path="/", samesite="lax")
    public_token = letters(digest(call.box.rules.seed, enctoken), 32)
    response.set_cookie("public_token", public_token, path="/", samesite="lax")
    return response


def _done(_call: Call) -> Response:
    return HTMLResponse(_DONE)


def _query(call: Call) -> list[tuple[str, str]]:
    return list(call.request.query_params.multi_items())


def _redirect(path: str, query: list[tuple[str, str]], **more: str) -> Response:
    return RedirectResponse(f"{path}?{urlencode([*query, *more.items()])}", 302)


def _page(account: Account, code: str) -> Response:
    nonce = secrets.token_urlsafe(16)
    page = _PAGE.substitute(
        nonce=nonce, user=escape(account.user_id), password=escape(account.password), code=code
    )
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    return HTMLResponse(page, headers={"content-security-policy": policy})


LOGIN_RULES: Final = (
    Rule("GET", "/connect/login", _login, is_open=True),
    Rule("GET", "/connect/finish", _finish, is_open=True),
    Rule("GET", "/connect/done", _done, is_open=True),
    Rule("POST", "/api/login", _password, is_open=True),
    Rule("POST", "/api/twofa", _second_factor, is_open=True),
)
