"""The candle route: the one that must be fast, so it is plain ASGI over answers kept encoded."""

import asyncio
from math import ceil
from typing import Final

import numpy as np
from starlette.types import Receive, Scope, Send

from firki.model.candle import CandleColumns, Interval, Status
from firki.model.instrument import Instrument
from firki.model.ist import ist_date, ist_midnight, ist_text
from firki.serve import encode
from firki.serve.answers import Answer, Answers, json_body
from firki.serve.ask import MOST_CANDLES, Ask, parse_ask, window
from firki.serve.directory import Directory, decimals
from firki.serve.encode import Stretch
from firki.serve.leaving import while_there
from firki.serve.parts import ServeParts
from firki.serve.problem import Headers, invalid, respond
from firki.serve.when import DAY_NS
from firki.timing import steady

_FRESH_SECONDS: Final = 1.0
"""An unchanged answer is read again after this, so that its ``as_of`` is true to a second."""
_LOOKS_BACK_AT_ONCE: Final = 8
"""Readings of past days, which may wait for the broker; those of today wait for nobody."""
_MOST_ASKS: Final = 4_096
_WIDENINGS: Final = 4
_SHORT_SESSION_MINUTES: Final = 375
"""Cash trades this long before the closing auction; no class has shorter full days."""
_TYPES: Final = {
    "json": b"application/json",
    "csv": b"text/csv; charset=utf-8",
    "arrow": b"application/vnd.apache.arrow.stream",
}
_CALENDAR_DAYS: Final = {"day": 1.5, "week": 7.0, "month": 31.0}

Window = tuple[int, int]


class CandleRoute:
    """GET candles of one instrument as JSON, CSV or Arrow."""

    def __init__(self, parts: ServeParts, directory: Directory) -> None:
        self._parts, self._directory = parts, directory
        self._answers = Answers(parts.settings.answer_cache_mb * 1024 * 1024)
        self._asks: dict[tuple[bytes, bytes], Ask] = {}
        self._looking_back = asyncio.Semaphore(_LOOKS_BACK_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ask = self._ask(scope["query_string"], _accept(scope))
        instrument = self._directory.find(scope["path_params"]["key"])
        answer = await self._answer(ask, instrument, receive)
        await respond(scope, send, 200, answer.text(), _headers(ask, answer))

    def _ask(self, query: bytes, accept: bytes) -> Ask:
        """The parsed request; equal requests are parsed once."""
        ask = self._asks.get((query, accept))
        if ask is None:
            ask = parse_ask(query, accept)
            if len(self._asks) >= _MOST_ASKS:
                self._asks.clear()
            self._asks[query, accept] = ask
        return ask

    async def _answer(self, ask: Ask, instrument: Instrument, receive: Receive) -> Answer:
        parts = self._parts
        bounds = window(ask, parts.clock.now())
        name = (instrument.instrument_token, ask, bounds)
        old = self._answers.get(name)
        # taken before the reading: a change during it makes this answer an old one
        mark = parts.marks(instrument.instrument_token) if parts.marks else None
        unchanged = old is not None and mark is not None and old.mark == mark
        if old is not None and unchanged and steady() - old.read_at < _FRESH_SECONDS:
            return old
        candles, from_ts = await self._read(ask, instrument, bounds, old, receive)
        stretches = self._gaps(instrument, candles, (from_ts, bounds[1]))
        answer = _encoded(ask, instrument, candles, old, stretches, from_ts=from_ts, mark=mark)
        self._answers.put(name, answer)
        return answer

    def _gaps(
        self, instrument: Instrument, candles: CandleColumns, bounds: Window
    ) -> list[Stretch]:
        """When the feed was away: minutes without any candle too, where that is known."""
        gaps = self._parts.gaps
        if gaps is None:
            return encode.gaps(candles)
        until = min(bounds[1], max(candles.as_of_ts, self._parts.clock.now()))
        return [
            Stretch(ist_text(max(begin, bounds[0])), ist_text(min(end, until)))
            for begin, end in gaps(instrument.instrument_token)
            if end > bounds[0] and begin < until
        ]

    async def _read(
        self, ask: Ask, instrument: Instrument, bounds: Window, old: Answer | None, receive: Receive
    ) -> tuple[CandleColumns, int]:
        """The candles, and from where on they had to be read."""
        from_ts, to_ts = bounds
        counted = ask.count is not None and ask.from_ts is None
        if counted and old is not None:
            from_ts = old.from_ts
        widen = counted and old is None
        if from_ts >= _midnight(self._parts.clock.now()):
            candles = await self._read_window(ask, instrument, (from_ts, to_ts))
            if not widen or len(candles) == ask.count:
                return candles, from_ts
        look = self._look_back(ask, instrument, (from_ts, to_ts), widen=widen)
        return await while_there(receive, look)

    async def _look_back(
        self, ask: Ask, instrument: Instrument, bounds: Window, *, widen: bool
    ) -> tuple[CandleColumns, int]:
        """As ``_read``, of past days too: so many that a count is reached, where that is asked."""
        from_ts, to_ts = bounds
        async with self._looking_back:
            if not widen or ask.count is None:
                return await self._read_window(ask, instrument, bounds), from_ts
            days = _days(ask.interval, ask.count)
            found = -1
            for widening in range(_WIDENINGS + 1):
                from_ts = _midnight(to_ts) - days * 2**widening * DAY_NS
                candles = await self._read_window(ask, instrument, (from_ts, to_ts))
                # an instrument that trades seldom has fewer candles a day, a new one has no more
                if len(candles) in (found, ask.count):
                    break
                found = len(candles)
            return candles, from_ts

    async def _read_window(self, ask: Ask, instrument: Instrument, bounds: Window) -> CandleColumns:
        tokens = [instrument.instrument_token]
        candles = await self._parts.candles.read(
            tokens, ask.interval, *bounds, as_of_ts=ask.as_of_ts
        )
        return _chosen(ask, candles)


def _midnight(ts: int) -> int:
    return ist_midnight(ist_date(ts))


def _chosen(ask: Ask, candles: CandleColumns) -> CandleColumns:
    """The rows asked for; raises Problem where they are more than one answer may hold."""
    keep = np.ones(len(candles), np.bool_)
    if ask.sessions:
        keep &= np.isin(candles.session, ask.sessions)
    if not ask.include_current:
        keep &= candles.status != Status.FORMING.value
    if not keep.all():
        candles = candles.take(keep)
    if ask.count is not None:
        return candles.take(slice(-ask.count, None)) if len(candles) > ask.count else candles
    if len(candles) > MOST_CANDLES:
        raise invalid(
            f"expected at most {MOST_CANDLES} candles, found {len(candles)}: ask for less"
        )
    return candles


def _days(interval: Interval, count: int) -> int:
    """Calendar days that hold ``count`` candles of a busy instrument, a few holidays included."""
    if not interval.minutes:
        return ceil(count * _CALENDAR_DAYS[interval.name]) + 7
    a_day = max(1, _SHORT_SESSION_MINUTES // interval.minutes)
    return ceil(ceil(count / a_day) * 1.5) + 3


def _encoded(
    ask: Ask,
    instrument: Instrument,
    candles: CandleColumns,
    old: Answer | None,
    stretches: list[Stretch],
    *,
    from_ts: int,
    mark: int | None,
) -> Answer:
    places = decimals(instrument)
    settled, encoded = 0, b""
    if ask.format == "json":
        document = json_body(instrument.key, candles, stretches, decimals=places, old=old)
        body, settled, encoded = document.body, document.settled, document.encoded
    elif ask.format == "csv":
        body = (encode.csv(candles, decimals=places), b"")
    else:
        body = (encode.arrow(candles, decimals=places), b"")
    return Answer(
        body=body,
        as_of_ts=candles.as_of_ts,
        source=candles.source,
        candles=candles,
        settled=settled,
        encoded=encoded,
        from_ts=from_ts,
        mark=mark,
        read_at=steady(),
    )


def _headers(ask: Ask, answer: Answer) -> Headers:
    headers = [(b"content-type", _TYPES[ask.format])]
    if ask.format != "json":
        headers.append((b"x-firki-as-of", ist_text(answer.as_of_ts).encode()))
        headers.append((b"x-firki-source", answer.source.encode("ascii", "replace")))
    return headers


def _accept(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"accept":
            return bytes(value)
    return b""
