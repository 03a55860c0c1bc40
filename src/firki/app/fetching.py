"""The instrument master on demand: asked of the broker now, whatever lies in the folder."""

from dataclasses import dataclass
from datetime import time
from pathlib import Path

from firki.app.clock import market_clock
from firki.app.folder import DataFolder
from firki.app.intake import token_of
from firki.app.master import fetch
from firki.config import Settings
from firki.errors import ConfigError
from firki.kite import instruments
from firki.kite.rest import KiteRest
from firki.model.instrument import InstrumentTable
from firki.model.ist import trading_date


@dataclass(frozen=True, slots=True)
class Fetched:
    """A master as it came, and where it is kept."""

    table: InstrumentTable
    path: Path


async def fetch_instruments(settings: Settings) -> Fetched:
    """Today's master of the first account's broker; raises what the broker answers instead.

    Nothing that is kept is replaced before the new one was read whole.
    """
    if not settings.accounts:
        raise ConfigError(
            "accounts: none is set; fetching instruments needs one ([[accounts]] with name, "
            "api_key and access_token_file)"
        )
    account = settings.accounts[0]
    folder = DataFolder(settings.data.folder)
    folder.make()
    async with market_clock(settings.clock.url) as clock:
        day = trading_date(clock.now(), time.fromisoformat(settings.capture.day_begins))
    key = account.api_key.get_secret_value()
    async with KiteRest(key, token_of(account), account.root) as rest:
        csv = await fetch(folder, rest, day)
    return Fetched(instruments.parse(csv, day=day), folder.master(day))
