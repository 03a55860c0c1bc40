"""Sessions, the user and the user's funds."""

from typing import Any, Final

from starlette.responses import Response

from firki.model.ist import to_ist
from firki.simulator.accounts import Account, digest, letters
from firki.simulator.envelope import KiteError, success
from firki.simulator.session import AccessToken
from firki.simulator.surface import Call, Rule

CASH: Final = 1_000_000.0
"""Rupees on the equity side of a new account."""

_NO_USE: Final = {
    "debits": 0.0, "exposure": 0.0, "m2m_realised": 0.0, "m2m_unrealised": 0.0,
    "option_premium": 0.0, "payout": 0.0, "span": 0.0, "holding_sales": 0.0, "turnover": 0.0,
    "liquid_collateral": 0.0, "stock_collateral": 0.0, "delivery": 0.0,
}  # fmt: skip


def stamp(moment_ts: int) -> str:
    """A moment as Kite writes it: naive, IST, to the second."""
    return to_ist(moment_ts).strftime("%Y-%m-%d %H:%M:%S")


def _profile(account: Account) -> dict[str, Any]:
    return {
        "user_id": account.user_id,
        "user_name": account.user_name,
        "user_shortname": account.user_name.split()[0],
        "user_type": "individual",
        "email": account.email,
        "broker": "ZERODHA",
        "exchanges": ["NSE", "BSE", "NFO", "BFO", "CDS", "BCD", "MCX"],
        "products": ["CNC", "NRML", "MIS", "CO", "MTF"],
        "order_types": ["MARKET", "LIMIT", "SL", "SL-M"],
        "avatar_url": None,
        "meta": {"demat_consent": "consent"},
    }


def _session(token: AccessToken) -> dict[str, Any]:
    return _profile(token.account) | {
        "api_key": token.account.api_key,
        "access_token": token.access_token,
        "public_token": token.public_token,
        "enctoken": token.enctoken,
        "refresh_token": "",
        "silo": "",
        "login_time": stamp(token.login_ts),
    }


def _exchange(call: Call) -> Response:
    sessions = call.box.sessions
    token = sessions.exchange(
        call.text("api_key"), call.text("request_token"), call.text("checksum")
    )
    return success(_session(token))


def _log_out(call: Call) -> Response:
    api_key = call.text("api_key")
    if call.text("refresh_token", ""):
        raise KiteError.dead_token()  # no account of this broker has a refresh token
    call.box.sessions.revoke(api_key, call.text("access_token"))
    return success(True)


def _refresh(call: Call) -> Response:
    call.box.sessions.account(call.text("api_key"))
    call.text("refresh_token")
    call.text("checksum")
    raise KiteError.dead_token()  # refresh tokens are for approved platforms


def _who(call: Call) -> Response:
    return success(_profile(call.caller))


def _who_in_full(call: Call) -> Response:
    account = call.caller
    token = call.box.sessions.token_of(account)
    assert token is not None
    number = int.from_bytes(digest(call.box.rules.seed, account.user_id, "demat")[:5], "big")
    return success(
        _profile(account)
        | {
            "twofa_type": "totp",
            "phone": "*0000",
            "bank_accounts": [{"name": "FIRKI BANK", "branch": "LOOPBACK", "account": "*0001"}],
            "dp_ids": [f"{number % 10**16:016d}"],
            "pan": letters(digest(call.box.rules.seed, account.user_id, "pan"), 10).upper(),
            "tags": [],
            "password_timestamp": stamp(token.login_ts),
            "twofa_timestamp": stamp(token.login_ts),
            "meta": {"poa": "physical", "silo": "", "account_blocks": []},
        }
    )


def _segment(cash: float) -> dict[str, Any]:
    return {
        "enabled": True,
        "net": cash,
        "available": {
            "adhoc_margin": 0.0, "cash": cash, "opening_balance": cash, "live_balance": cash,
            "collateral": 0.0, "intraday_payin": 0.0,
        },
        "utilised": dict(_NO_USE),
    }  # fmt: skip


def _margins(_call: Call) -> Response:
    return success({"equity": _segment(CASH), "commodity": _segment(0.0)})


def _segment_margins(call: Call) -> Response:
    cash = {"equity": CASH, "commodity": 0.0}.get(call.part("segment"))
    if cash is None:
        raise KiteError.bad_input("Invalid segment; expected equity or commodity.")
    return success(_segment(cash))


USER_RULES: Final = (
    Rule("POST", "/session/token", _exchange, is_open=True),
    Rule("DELETE", "/session/token", _log_out, is_open=True),
    Rule("POST", "/session/refresh_token", _refresh, is_open=True),
    Rule("GET", "/user/profile", _who),
    Rule("GET", "/user/profile/full", _who_in_full),
    Rule("GET", "/user/margins", _margins),
    Rule("GET", "/user/margins/{segment}", _segment_margins),
)
