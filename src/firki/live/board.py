"""The quote board: the newest of every instrument, with its depth."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from firki.live.arrays import MOST_AHEAD, enter, find
from firki.model.tick import COLUMN_COUNT, DEPTH, SECOND, Column, TickBatch
from firki.ports import Quote

_LENGTH: Final = int(Column.LENGTH)
_TOKEN: Final = int(Column.INSTRUMENT_TOKEN)
_PRICE: Final = int(Column.LAST_PRICE)
_VOLUME: Final = int(Column.VOLUME_TRADED)
_MADE: Final = int(Column.EXCHANGE_TIME)
_LTP: Final = 8
_INDEX_QUOTE: Final = 28
_QUOTE: Final = 44
_FULL: Final = 184


@njit(cache=True, nogil=True)
def _put(
    columns: Any, books: Any, serial: int, received_ts: int, connection: int,
    hash_tokens: Any, hash_columns: Any, newest: Any, depth: Any, updated: Any, received: Any,
    connections: Any,
) -> None:  # fmt: skip
    """Store each row unless the board already has a younger one of the instrument."""
    for i in range(columns.shape[1]):
        place = find(hash_tokens, hash_columns, columns[_TOKEN, i])
        if place < 0 or columns[_PRICE, i] == 0:
            continue
        length = columns[_LENGTH, i]
        if length >= _INDEX_QUOTE:
            if columns[_MADE, i] > received_ts // SECOND + MOST_AHEAD:
                continue  # every real one would look older than it
            made, had = columns[_MADE, i], newest[place, _MADE]
            older = made > 0 and made < had
            fewer = made == had and columns[_VOLUME, i] < newest[place, _VOLUME]
            if had > 0 and (older or fewer):
                continue
            for field in range(COLUMN_COUNT):
                newest[place, field] = columns[field, i]
        else:
            newest[place, _TOKEN] = columns[_TOKEN, i]
            newest[place, _PRICE] = columns[_PRICE, i]
            newest[place, _LENGTH] = max(newest[place, _LENGTH], length)
        if length == _FULL:
            for word in range(books.shape[1]):
                depth[place, word] = books[i, word]
        updated[place] = serial
        received[place] = received_ts
        connections[place] = connection


class QuoteBoard:
    """The ``Quotes`` port: fed by every batch, read by anyone, never older than the last frame."""

    def __init__(self, tokens: Sequence[int], scale_of: Callable[[int], int]) -> None:
        self._scale_of = scale_of
        self._serial = 0
        self._watchers: dict[int, list[Callable[[Quote], None]]] = {}
        self._tokens = np.zeros(0, np.uint32)
        self._arrays: tuple[npt.NDArray[Any], ...] = ()
        self._make_room(64)
        self.add(tokens)

    def _make_room(self, room: int) -> None:
        had = len(self._tokens)
        old = self._arrays
        self._arrays = (
            np.zeros((room, COLUMN_COUNT), np.uint32),
            np.zeros((room, 30), np.uint32),
            np.zeros(room, np.int64),
            np.zeros(room, np.int64),
            np.zeros(room, np.int32),
        )
        for new, kept in zip(self._arrays, old, strict=False):
            new[:had] = kept[:had]
        self._scale = np.ones(room, np.float64)
        size = 1 << (2 * room - 1).bit_length()
        self._hash_tokens = np.zeros(size, np.uint32)
        self._hash_columns = np.full(size, -1, np.int32)
        for place, token in enumerate(self._tokens):
            enter(self._hash_tokens, self._hash_columns, int(token), place)
            self._scale[place] = self._scale_of(int(token))

    def add(self, tokens: Sequence[int]) -> None:
        """Make room for more instruments; those already here are left alone."""
        new = [t for t in dict.fromkeys(tokens) if self._place(t) < 0]
        count = len(self._tokens) + len(new)
        self._tokens = np.concatenate([self._tokens, np.array(new, np.uint32)])
        if count > len(self._scale):
            self._tokens = self._tokens[: count - len(new)]
            self._make_room(2 * count)
            self._tokens = np.concatenate([self._tokens, np.array(new, np.uint32)])
        for place in range(count - len(new), count):
            enter(self._hash_tokens, self._hash_columns, int(self._tokens[place]), place)
            self._scale[place] = self._scale_of(int(self._tokens[place]))

    def reset(self, tokens: Sequence[int]) -> None:
        """Forget every quote: a new trading day carries nothing over. Marks go on rising.

        The board is that of the ``tokens`` alone from now on.
        """
        self._tokens, self._arrays = np.zeros(0, np.uint32), ()
        self._make_room(max(64, len(tokens)))
        self.add(tokens)
        self._serial += 1

    def _place(self, token: int) -> int:
        return int(find(self._hash_tokens, self._hash_columns, token))

    @property
    def tokens(self) -> npt.NDArray[np.uint32]:
        return self._tokens

    def apply(self, batch: TickBatch) -> None:
        """Take a batch in; callbacks of watched instruments are called once each."""
        self._serial += 1
        books = batch.depth().view("<u4").reshape(len(batch), -1)
        newest, depth, updated, received, connections = self._arrays
        _put(
            batch.columns, books, self._serial, batch.received_ts, batch.connection,
            self._hash_tokens, self._hash_columns, newest, depth, updated, received, connections,
        )  # fmt: skip
        if self._watchers:
            for token in self._watchers.keys() & set(map(int, batch.instrument_token)):
                for quote in self.read([token]):
                    for handler in self._watchers[token]:
                        handler(quote)

    def watch(self, token: int, handler: Callable[[Quote], None]) -> Callable[[], None]:
        """Call ``handler`` with each new quote of the token; the answer ends it."""
        handlers = self._watchers.setdefault(token, [])
        handlers.append(handler)

        def end() -> None:
            handlers.remove(handler)
            if not handlers:
                self._watchers.pop(token, None)

        return end

    def read(self, tokens: Sequence[int], *, depth: bool = False) -> list[Quote]:
        """Quotes of the tokens that have one, in the order asked; prices in rupees."""
        places = [self._place(token) for token in tokens]
        updated = self._arrays[2]
        return [self._quote(p, depth) for p in places if p >= 0 and updated[p]]

    def changes(self, since: int) -> tuple[int, list[int]]:
        """(mark, tokens that changed after the mark ``since``); 0 gives all."""
        updated = self._arrays[2][: len(self._tokens)]
        return self._serial, [int(t) for t in self._tokens[updated > since]]

    def mark(self, token: int) -> int:
        """Changes with every update of the token; 0 before the first."""
        place = self._place(token)
        return int(self._arrays[2][place]) if place >= 0 else 0

    def _quote(self, place: int, with_depth: bool) -> Quote:
        newest, books, _, received, connections = self._arrays
        row = newest[place].tolist()
        length = row[_LENGTH]
        scale = float(self._scale[place])
        price = row[_PRICE] / scale
        close = row[Column.CLOSE] / scale if length >= _INDEX_QUOTE and row[Column.CLOSE] else None
        change = round(price - close, 7) if close else None
        tradable = length in {_QUOTE, _FULL}
        ranged = length >= _INDEX_QUOTE

        def rupees(column: Column, present: bool) -> float | None:
            return row[column] / scale if present and row[column] else None

        def count(column: Column, present: bool) -> int | None:
            return row[column] if present else None

        def moment(column: Column) -> int | None:
            return row[column] * SECOND if row[column] else None

        return Quote(
            instrument_token=row[_TOKEN], last_price=price,
            last_quantity=count(Column.LAST_TRADED_QUANTITY, tradable),
            average_price=rupees(Column.AVERAGE_TRADED_PRICE, tradable),
            volume_traded=count(Column.VOLUME_TRADED, tradable),
            buy_quantity=count(Column.TOTAL_BUY_QUANTITY, tradable),
            sell_quantity=count(Column.TOTAL_SELL_QUANTITY, tradable),
            open=rupees(Column.OPEN, ranged), high=rupees(Column.HIGH, ranged),
            low=rupees(Column.LOW, ranged), close=close, change=change,
            change_percent=round(100 * change / close, 4) if close and change is not None else None,
            last_trade_ts=moment(Column.LAST_TRADE_TIME), exchange_ts=moment(Column.EXCHANGE_TIME),
            received_ts=int(received[place]), oi=count(Column.OI, length == _FULL),
            oi_day_high=count(Column.OI_DAY_HIGH, length == _FULL),
            oi_day_low=count(Column.OI_DAY_LOW, length == _FULL),
            connection=int(connections[place]),
            depth=_book(books[place], scale) if with_depth and length == _FULL else None,
        )  # fmt: skip


def _book(words: npt.NDArray[np.uint32], scale: float) -> dict[str, list[dict[str, Any]]]:
    levels = words.view(DEPTH).reshape(2, 5)
    return {
        side: [
            {
                "price": int(level["price"]) / scale,
                "quantity": int(level["quantity"]),
                "orders": int(level["orders"]),
            }
            for level in half
        ]
        for side, half in zip(("buy", "sell"), levels, strict=True)
    }
