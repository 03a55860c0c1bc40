"""What is said of an account's login."""

import httpx2
import msgspec
import pytest

from firki.app.doctor.finding import Level
from firki.app.doctor.login import check_login
from firki.kite.rest import KiteRest

_TOKEN = "kx7CANARYsecret"


def broker(status: int, body: dict[str, object] | None) -> KiteRest:
    """One that answers every call so; without a body it does not answer."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        assert request.url.path == "/user/profile"
        if body is None:
            raise httpx2.ConnectError("nobody there")
        stream = httpx2.ByteStream(msgspec.json.encode(body))
        return httpx2.Response(status, headers={"content-type": "application/json"}, stream=stream)

    return KiteRest("key", lambda: _TOKEN, transport=httpx2.MockTransport(answer))


def refusal(error_type: str) -> dict[str, object]:
    return {"status": "error", "message": "Incorrect token", "error_type": error_type, "data": None}


async def test_a_token_the_broker_takes_is_told_with_whose_it_is() -> None:
    data = {"user_id": "AB1234", "user_name": "A B", "exchanges": ["NSE"]}
    found = await check_login("main", broker(200, {"status": "success", "data": data}))
    assert (found.level, found.check) == (Level.OK, "login of main")
    assert "AB1234" in found.found


@pytest.mark.parametrize(
    ("status", "body", "level"),
    [
        (403, refusal("TokenException"), Level.FAILURE),
        (403, refusal("PermissionException"), Level.WARNING),
        (503, refusal("GeneralException"), Level.WARNING),
        (200, None, Level.WARNING),
    ],
)
async def test_a_token_that_is_not_taken_fails_and_a_broker_that_is_away_is_a_warning(
    status: int, body: dict[str, object] | None, level: Level
) -> None:
    found = await check_login("main", broker(status, body))
    assert found.level is level
    assert found.advice
    assert "CANARY" not in str(found)
