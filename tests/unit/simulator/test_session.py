import hashlib
from datetime import date, time, timedelta

import pyotp
import pytest

from firki.simulator.accounts import Account, derive
from firki.simulator.clock import MarketClock, Schedule, at
from firki.simulator.envelope import KiteError
from firki.simulator.session import AccessToken, Sessions, end_of_session
from firki.timing import SECOND

DAY = date(2026, 11, 20)
NOON = at(DAY, time(12))
MACHINE_TIME = 1_900_000_000 * SECOND


class Desk:
    """Sessions with clocks in the test's hand."""

    def __init__(self, *, keep_tokens: bool = False, accounts: int = 2) -> None:
        self.seconds = 0.0
        self.clock = MarketClock(NOON, Schedule.parse("1"), running=False)
        self.sessions = Sessions(
            derive(7, accounts, "http://127.0.0.1/done"), clock=self.clock,
            steady=lambda: self.seconds, system=lambda: MACHINE_TIME, seed=7,
            keep_tokens=keep_tokens,
        )  # fmt: skip
        self.first = self.sessions.accounts[0]

    def log_in(self, account: Account) -> str:
        """The enctoken of a browser that is logged in."""
        request_id = self.sessions.password(account.user_id, account.password)
        code = pyotp.TOTP(account.totp).at(MACHINE_TIME // SECOND)
        return self.sessions.second_factor(account.user_id, request_id, code)

    def request_token(self) -> str:
        key = self.first.api_key
        token = self.sessions.authorise(key, self.sessions.begin(key), self.log_in(self.first))
        assert token is not None
        return token

    def exchange(self, request_token: str) -> AccessToken:
        text = f"{self.first.api_key}{request_token}{self.first.api_secret}"
        checksum = hashlib.sha256(text.encode()).hexdigest()
        return self.sessions.exchange(self.first.api_key, request_token, checksum)


def test_the_login_chain_ends_in_a_live_token() -> None:
    desk = Desk()
    token = desk.exchange(desk.request_token())
    assert desk.sessions.check(desk.first.api_key, token.access_token) == desk.first


def test_a_request_token_is_good_for_one_exchange_within_five_minutes() -> None:
    desk = Desk()
    used, old = desk.request_token(), desk.request_token()
    desk.exchange(used)
    desk.seconds += 301
    for dead in (used, old, "invented"):
        with pytest.raises(KiteError, match=r"Token is invalid or has expired\."):
            desk.exchange(dead)


def test_a_wrong_checksum_is_refused_and_does_not_use_up_the_request_token() -> None:
    desk = Desk()
    request_token = desk.request_token()
    with pytest.raises(KiteError, match="checksum") as refused:
        desk.sessions.exchange(desk.first.api_key, request_token, "0" * 64)
    assert (refused.value.status, refused.value.error_type) == (403, "TokenException")
    desk.exchange(request_token)


def test_a_token_dies_at_six_in_the_morning_of_market_time() -> None:
    desk = Desk()
    token = desk.exchange(desk.request_token())
    desk.clock.jump(at(DAY + timedelta(days=1), time(6)) - 1)
    desk.sessions.check(desk.first.api_key, token.access_token)
    desk.clock.jump(at(DAY + timedelta(days=1), time(6)))
    with pytest.raises(KiteError, match="Incorrect `api_key` or `access_token`"):
        desk.sessions.check(desk.first.api_key, token.access_token)


def test_a_kept_token_lives_on() -> None:
    desk = Desk(keep_tokens=True)
    token = desk.sessions.issue(desk.first)
    desk.clock.jump(at(DAY + timedelta(days=3), time(9)))
    desk.sessions.check(desk.first.api_key, token.access_token)


@pytest.mark.parametrize(("hour", "days"), [(time(5, 59), 0), (time(6), 1), (time(23), 1)])
def test_a_session_ends_at_the_next_six_oclock(hour: time, days: int) -> None:
    assert end_of_session(at(DAY, hour)) == at(DAY + timedelta(days=days), time(6))


def test_a_new_exchange_replaces_the_older_token() -> None:
    desk = Desk()
    older, newer = desk.exchange(desk.request_token()), desk.exchange(desk.request_token())
    desk.sessions.check(desk.first.api_key, newer.access_token)
    with pytest.raises(KiteError):
        desk.sessions.check(desk.first.api_key, older.access_token)


def test_wrong_password_user_code_and_request_id_are_refused() -> None:
    desk = Desk()
    user, password = desk.first.user_id, desk.first.password
    for wrong in ((user, "guess"), ("XX0000", password)):
        with pytest.raises(KiteError, match="Invalid username or password"):
            desk.sessions.password(*wrong)
    request_id = desk.sessions.password(user, password)
    with pytest.raises(KiteError, match="TOTP"):
        desk.sessions.second_factor(user, request_id, "000000")
    with pytest.raises(KiteError, match="request_id"):
        desk.sessions.second_factor(desk.sessions.accounts[1].user_id, request_id, "000000")


def test_an_app_is_authorised_only_by_its_own_logged_in_user() -> None:
    desk = Desk()
    key = desk.first.api_key
    assert desk.sessions.authorise(key, desk.sessions.begin(key), "no cookie") is None
    stranger = desk.log_in(desk.sessions.accounts[1])
    with pytest.raises(KiteError, match="not enabled"):
        desk.sessions.authorise(key, desk.sessions.begin(key), stranger)
    with pytest.raises(KiteError, match="sess_id"):
        desk.sessions.authorise(key, "invented", stranger)


def test_credentials_and_tokens_repeat_with_the_seed_and_differ_between_accounts() -> None:
    assert derive(7, 2, "u") == derive(7, 2, "u")
    assert derive(7, 1, "u") != derive(8, 1, "u")
    first, second = derive(7, 2, "u")
    assert first.api_key != second.api_key
    assert first.user_id != second.user_id
    assert Desk().sessions.issue(first) == Desk().sessions.issue(first)
