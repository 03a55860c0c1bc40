"""A market that is not the exchange's of now is never called live."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from firki.app.source import TAPE_ACCOUNT, source_of
from firki.config import Account, Clock, Data, Settings
from firki.serve.parts import Source


@pytest.mark.parametrize(
    ("url", "account", "source"),
    [
        ("", "main", Source.LIVE),
        ("", TAPE_ACCOUNT, Source.LIVE),
        ("http://127.0.0.1:8091", "main", Source.SIMULATED),
        ("http://127.0.0.1:8091", TAPE_ACCOUNT, Source.TAPE),
    ],
)
def test_a_driven_clock_means_a_simulator(url: str, account: str, source: Source) -> None:
    one = Account(name=account, api_key=SecretStr("key"), access_token_file=Path("/token"))
    data = Data(folder=Path("/data"))
    settings = Settings(data=data, clock=Clock(url=url), accounts=(one,))
    assert source_of(settings) is source
