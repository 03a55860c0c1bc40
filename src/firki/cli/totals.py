"""What a run came to, for people."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from firki.cli.text import grouped, pairs, size

REFUSED: Final = {
    "unknown_token": "of instruments that are not captured",
    "lower_mode": "that carried less than the mode asked for",
    "no_price": "without a price",
    "price_range": "with a price that is too high",
    "future": "with a time more than an hour ahead",
    "no_time": "without a time",
    "other_date": "of another day",
    "inconsistent": "with a price outside their own day's range",
}
"""Why ticks are refused, in words."""
_OTHERS: Final = {
    "outside_session": "trades outside the session",
    "late": "late ticks",
    "depth_only": "ticks that only moved the book",
    "clock_steps_back": "steps back of the clock",
}


def describe(totals: Mapping[str, Any]) -> str:
    """A line a figure, Indian grouping and times; counts of nothing are left out.

    Any: counters by name, and refusals by reason.
    """
    rest = dict(totals)
    rows = [*_known(rest), *refusals(rest.pop("refused")), *_gaps(rest.pop("gaps"))]
    return pairs([*rows, *((_name(name), _value(v)) for name, v in rest.items() if v)])


def refusals(counts: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """A line for each reason, the first one named."""
    for place, (reason, count) in enumerate(counts.items()):
        words = REFUSED.get(reason, reason.replace("_", " "))
        yield "" if place else "refused", f"{grouped(count)} {words}"


def _known(rest: dict[str, Any]) -> list[tuple[str, str]]:
    """The lines that several figures share, which are taken out of ``rest``."""

    def n(name: str) -> str:
        return grouped(rest.pop(name))

    newest = rest.pop("newest_frame_ts")
    until = f", the newest at {_time(newest)}" if newest else ""
    return [
        ("trading date", rest.pop("trading_date")),
        ("journal", f"{n('journal_acknowledged')} of {n('journal_newest')} records on disk"),
        ("frames", f"{n('frames')}, {size(rest.pop('received_bytes'))}{until}"),
        ("ticks", f"{n('ticks')} since the start; of the day {n('ticks_processed')}"),
        ("trades", n("trades")),
        ("instruments", f"{n('instruments_with_ticks')} with ticks of {n('instrument_count')}"),
        ("candles", f"{n('candles_created')} begun, {n('candles_completed')} final"),
        ("amendments", n("amendments")),
    ]


def _gaps(gaps: Mapping[str, int]) -> list[tuple[str, str]]:
    minutes, instruments = grouped(gaps["minutes"]), grouped(gaps["instruments"])
    return [("gaps", f"{minutes} minutes of {instruments} instruments")] if gaps["minutes"] else []


def _name(name: str) -> str:
    return _OTHERS.get(name, name.replace("_", " "))


def _value(value: Any) -> str:
    return grouped(value) if isinstance(value, int) else str(value)


def _time(ts: int) -> str:
    from firki.model.ist import ist_text

    return ist_text(ts)[:19].replace("T", " ") + " IST"
