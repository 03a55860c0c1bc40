"""Ticks that programs post: they become frames of their own connection and take the feed's path."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

import msgspec
import numpy as np

from firki.kite.wire import encode
from firki.model.instrument import Instrument, InstrumentTable
from firki.model.session import SessionClass
from firki.model.tick import COLUMN_COUNT, SECOND, Column
from firki.ports import ConnectionState, Listener, Mode, RecordKind

CONNECTION: Final = 250
"""The connection number posted ticks arrive on; sockets count from 0."""
_FULL, _QUOTE, _INDEX, _LTP = 184, 44, 32, 8


class Posted(Protocol):
    """What a posted tick holds; the price in rupees."""

    @property
    def instrument_token(self) -> int: ...
    @property
    def last_price(self) -> float: ...
    @property
    def day_volume(self) -> int | None: ...
    @property
    def oi(self) -> int | None: ...
    @property
    def exchange_ts(self) -> int | None: ...


class Ingest:
    """Takes posted ticks; refuses those of instruments the live feed already carries."""

    def __init__(
        self,
        listener: Listener,
        table: Callable[[], InstrumentTable],
        live: Callable[[], Mapping[int, Mode]],
        watch: Callable[[Iterable[int]], None],
    ) -> None:
        """``watch`` gives tokens a place on the quote board."""
        self._watch = watch
        self._listener = listener
        self._table = table
        self._live = live
        self._tokens: dict[int, Mode] = {}

    def take(self, ticks: Sequence[Posted]) -> Mapping[str, int]:
        """Fold the ticks in order; the answer counts those refused, by reason."""
        refused: dict[str, int] = {}
        taken: list[tuple[Posted, Instrument]] = []
        for tick in ticks:
            instrument = self._table().by_token(tick.instrument_token)
            reason = self._refusal(tick, instrument)
            if reason is not None or instrument is None:
                refused[reason or "unknown_token"] = refused.get(reason or "unknown_token", 0) + 1
            else:
                taken.append((tick, instrument))
        if taken:
            self._declare({t.instrument_token: _mode(t, i) for t, i in taken})
            self._listener.on_frame(CONNECTION, _frame(taken), RecordKind.FRAME)
        return refused

    def _refusal(self, tick: Posted, instrument: Instrument | None) -> str | None:
        if instrument is None:
            return "unknown_token"
        if tick.instrument_token in self._live():
            return "captured_live"
        if not 0 < round(tick.last_price * instrument.price_scale) < 1 << 31:
            return "price_range"
        if tick.exchange_ts is not None and not 0 < tick.exchange_ts // SECOND < 1 << 32:
            return "no_time"
        return None

    def _declare(self, tokens: Mapping[int, Mode]) -> None:
        """Say what these programs post: the least an instrument came with, for it may again."""
        known = self._tokens
        modes = {t: min(mode, known.get(t, mode)) for t, mode in tokens.items()}
        if modes.items() <= known.items():
            return
        self._listener.on_state(CONNECTION, ConnectionState.OPEN, "posted ticks")
        known.update(modes)
        self._watch(modes)
        wish = {str(token): int(mode) for token, mode in self._tokens.items()}
        self._listener.on_frame(CONNECTION, msgspec.json.encode(wish), RecordKind.WANTED)


def _frame(ticks: Sequence[tuple[Posted, Instrument]]) -> bytes:
    columns = np.zeros((COLUMN_COUNT, len(ticks)), np.uint32)
    for i, (tick, instrument) in enumerate(ticks):
        second = (tick.exchange_ts or 0) // SECOND
        columns[Column.LENGTH, i] = _length(tick, instrument)
        columns[Column.INSTRUMENT_TOKEN, i] = tick.instrument_token
        columns[Column.LAST_PRICE, i] = round(tick.last_price * instrument.price_scale)
        columns[Column.VOLUME_TRADED, i] = tick.day_volume or 0
        columns[Column.LAST_TRADE_TIME, i] = columns[Column.EXCHANGE_TIME, i] = second
        columns[Column.OI, i] = tick.oi or 0
    return encode(columns)


def _mode(tick: Posted, instrument: Instrument) -> Mode:
    length = _length(tick, instrument)
    if length in {_FULL, _INDEX}:
        return Mode.FULL
    return Mode.QUOTE if length == _QUOTE else Mode.LTP


def _length(tick: Posted, instrument: Instrument) -> int:
    """The packet that carries what the tick says: times need a volume, except for an index."""
    if instrument.session_class == SessionClass.INDEX:
        return _INDEX if tick.exchange_ts else _LTP
    if tick.day_volume is None:
        return _LTP
    return _FULL if tick.exchange_ts else _QUOTE
