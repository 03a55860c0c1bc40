"""Historical candles."""

from datetime import date, datetime, time
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from starlette.responses import Response

from firki.kite.vocabulary import HISTORY
from firki.simulator.clock import at
from firki.simulator.envelope import KiteError, success
from firki.simulator.limits import RequestClass
from firki.simulator.surface import Call, Rule
from firki.simulator.venue import Bars

MOST_DAYS: Final = {
    **{history.word: history.max_days for history in HISTORY.values()},
    # Undocumented, but the server knows them (Zerodha's staff, developer forum, 2024).
    "2minute": 60, "4minute": 100, "hour": 400, "2hour": 400, "3hour": 400, "4hour": 400,
    "week": 2000,
}  # fmt: skip
"""Days one request may span, by interval."""

_IST_NS: Final = 19_800_000_000_000
_LENGTH_OF_DATE: Final = 10


def _history(call: Call) -> Response:
    interval = call.part("interval")
    if interval not in MOST_DAYS:
        raise KiteError.bad_input("invalid interval")
    first, last = _moment(call, "from", time()), _moment(call, "to", time(23, 59, 59))
    if last < first:
        raise KiteError.bad_input("invalid date range: `from` lies after `to`")
    if (last.date() - first.date()).days > MOST_DAYS[interval]:
        raise KiteError.bad_input(f"interval exceeds max limit: {MOST_DAYS[interval]} days")
    token, scale = _instrument(call)
    to_ts = min(_instant(last), call.box.clock.now())
    bars = call.box.market.candles(token, interval, _instant(first), to_ts)
    return success({"candles": rows(bars, scale, with_oi=call.flag("oi"))})


def _moment(call: Call, name: str, of_day: time) -> datetime:
    """A time as Kite takes it, naive and Indian; a plain date stands for ``of_day`` of it."""
    text = call.text(name)
    try:
        if len(text) == _LENGTH_OF_DATE:
            return datetime.combine(date.fromisoformat(text), of_day)
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 (Kite's times are naive)
    except ValueError as error:
        raise KiteError.bad_input(
            f"invalid `{name}` date: expected YYYY-MM-DD HH:MM:SS or YYYY-MM-DD"
        ) from error


def _instant(moment: datetime) -> int:
    return at(moment.date(), moment.time())


def _instrument(call: Call) -> tuple[int, int]:
    """The token asked for and its price scale."""
    directory, text = call.box.hub.directory, call.part("token")
    row = directory.row_of_token(int(text)) if text.isascii() and text.isdigit() else None
    if row is None:
        raise KiteError.bad_input("invalid token")
    return int(text), int(directory.price_scale[row])


def rows(bars: Bars, scale: int, *, with_oi: bool) -> list[tuple[Any, ...]]:
    """Candles as Kite lists them: stamp, open, high, low, close, volume and, if asked, oi."""
    prices = [(price / scale).tolist() for price in (bars.open, bars.high, bars.low, bars.close)]
    levels = [bars.oi.tolist()] if with_oi else []
    return list(zip(_stamps(bars.start_ts), *prices, bars.volume.tolist(), *levels, strict=True))


def _stamps(start_ts: npt.NDArray[np.int64]) -> list[str]:
    """Indian wall-clock time with an offset that has no colon, as Kite writes it."""
    local = np.datetime_as_string((start_ts + _IST_NS).astype("datetime64[ns]"), unit="s")
    return [f"{stamp}+0530" for stamp in local.tolist()]


HISTORY_RULES: Final = (
    Rule("GET", "/instruments/historical/{token}/{interval}", _history, RequestClass.HISTORICAL),
)
