"""What a websocket client may say, and the feed that answers a subscription."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec

from firki.model.candle import Interval
from firki.model.instrument import Instrument
from firki.serve import candle_feed
from firki.serve.candle_feed import CandleFeed
from firki.serve.directory import KEY_LENGTH, Directory
from firki.serve.feeds import Feed, HealthFeed, QuoteFeed
from firki.serve.parts import ServeParts
from firki.serve.problem import shorten
from firki.serve.tick_feed import TickFeed

_MOST_MINUTES: Final = 24 * 60

Name = Annotated[str, msgspec.Meta(max_length=100)] | int
"""What the client calls a subscription."""


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One message of a client; without keys a channel tells of all captured instruments."""

    op: Literal["subscribe", "unsubscribe", "ping"]
    id: Name
    channel: Literal["quotes", "ticks", "candles", "health"] | None = None
    keys: list[Annotated[str, msgspec.Meta(max_length=KEY_LENGTH)]] | None = None
    interval: Annotated[str, msgspec.Meta(max_length=20)] | None = None
    depth: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """A feed, and the keys of the wish that nothing goes by."""

    channel: str
    feed: Feed
    unknown: list[str]


class Opener:
    """Turns wishes into feeds."""

    def __init__(self, parts: ServeParts, directory: Directory) -> None:
        self._parts, self._directory = parts, directory

    def open(self, wish: Wish) -> Opened:
        """The feed of a subscription; raises ValueError that says what was expected."""
        parts = self._parts
        if wish.channel is None:
            raise ValueError("channel: expected quotes, ticks, candles or health")
        if wish.channel == "health":
            return Opened("health", HealthFeed(parts.health), [])
        known, unknown = self._instruments(wish)
        if wish.channel == "quotes":
            keys = {token: instrument.key for token, instrument in known.items()}
            return Opened(
                "quotes", QuoteFeed(parts.quotes, parts.clock, keys, depth=wish.depth), unknown
            )
        if wish.channel == "ticks":
            return Opened("ticks", TickFeed(parts.bus, known, depth=wish.depth), unknown)
        return Opened("candles", self._candles(wish, known), unknown)

    def _candles(self, wish: Wish, known: dict[int, Instrument]) -> Feed:
        if len(known) > candle_feed.MOST_KEYS:
            raise ValueError(
                f"keys: expected at most {candle_feed.MOST_KEYS} for candles, found {len(known)}"
            )
        interval = Interval.parse(wish.interval or "1m")
        if interval.minutes > _MOST_MINUTES:
            raise ValueError(f"interval {wish.interval!r}: expected at most a day")
        parts = self._parts
        return CandleFeed(parts.bus, parts.candles, parts.quotes, parts.clock, known, interval)

    def _instruments(self, wish: Wish) -> tuple[dict[int, Instrument], list[str]]:
        if wish.keys is None:
            captured = self._directory.many(self._parts.captured())
            return {one.instrument_token: one for one in captured}, []
        most = self._parts.settings.max_stream_keys
        if len(wish.keys) > most:
            raise ValueError(f"keys: expected at most {most}, found {len(wish.keys)}")
        known: dict[int, Instrument] = {}
        unknown = []
        for key in wish.keys:
            instrument = self._directory.lookup(key)
            if instrument is None:
                unknown.append(key)
            else:
                known[instrument.instrument_token] = instrument
        if unknown and not known:
            raise ValueError(
                f"keys: expected keys such as NSE:INFY, or tokens; none is known, the first is "
                f"{shorten(unknown[0])}"
            )
        return known, unknown
