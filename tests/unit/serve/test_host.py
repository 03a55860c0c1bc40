import asyncio
import socket

import httpx2
import pytest
from tests.fakes.gateway import Market

from firki.errors import ConfigError
from firki.serve.app import create_app
from firki.serve.host import serve
from firki.serve.listening import listen


def test_port_zero_takes_a_free_one_and_only_on_loopback() -> None:
    with listen("127.0.0.1", 0) as sock:
        address, port = sock.getsockname()
    assert address == "127.0.0.1"
    assert port > 0


def test_a_busy_port_is_named_with_its_setting() -> None:
    with listen("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"serve\.port: port {port} .* another program"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70_000), ("127.0.0.1", -1)])
def test_what_is_no_port_is_said_so(host: str, port: int) -> None:
    with pytest.raises(ConfigError, match=r"serve\.port"):
        listen(host, port)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com"])
def test_an_address_others_reach_needs_https_in_front(host: str) -> None:
    for public_url in (None, "", "http://desk.example"):
        with pytest.raises(ConfigError, match=r"serve\.host: .* other machines"):
            listen(host, 0, public_url=public_url)


def test_an_address_others_reach_is_taken_behind_https() -> None:
    with listen("0.0.0.0", 0, public_url="https://desk.example") as sock:
        assert sock.getsockname()[0] == "0.0.0.0"


async def test_the_server_answers_until_cancelled_and_leaves_its_port_free(
    market: Market,
) -> None:
    sock = listen("127.0.0.1", 0)
    port = sock.getsockname()[1]
    task = asyncio.create_task(serve(create_app(market.parts()), sock))
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        answer = await client.get("/health")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert "server" not in answer.headers
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with socket.create_server(("127.0.0.1", port)):
        pass
