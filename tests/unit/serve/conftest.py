from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from tests.fakes.gateway import Market

from firki.serve.app import create_app


@pytest.fixture
def market(tmp_path: Path) -> Market:
    return Market(tmp_path / "keys")


@pytest.fixture
async def anybody(market: Market) -> AsyncIterator[httpx2.AsyncClient]:
    """A client without a credential."""
    app = create_app(market.parts(clock_control=market.lever, ingest=market.ingest))
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.fixture
def client(market: Market, anybody: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """A client with the key."""
    anybody.headers["authorization"] = f"Bearer {market.key}"
    return anybody
