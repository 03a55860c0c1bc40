import pytest
from tests.fakes.gateway import MIDNIGHT_TS, MINUTE_NS, OPEN_TS

from firki.model.candle import Interval
from firki.serve.ask import MOST_CANDLES, Ask, choose_format, parse_ask, window
from firki.serve.problem import Problem

DAY_NS = 1440 * MINUTE_NS


def test_silence_means_minutes_of_today_as_json() -> None:
    ask = parse_ask(b"", b"")
    assert ask == Ask(format="json", interval=Interval.of(1))
    assert window(ask, OPEN_TS) == (MIDNIGHT_TS, MIDNIGHT_TS + DAY_NS - 1)


def test_every_parameter_is_read() -> None:
    query = (
        b"interval=5minute&from=2026-11-19&to=2026-11-20T09:15:00%2B05:30&count=7"
        b"&include_current=false&as_of=2026-11-20&sessions=continuous,pre_open"
    )
    assert parse_ask(query, b"text/csv") == Ask(
        format="csv",
        interval=Interval.of(5),
        from_ts=MIDNIGHT_TS - DAY_NS,
        to_ts=OPEN_TS,
        count=7,
        include_current=False,
        as_of_ts=MIDNIGHT_TS + DAY_NS - 1,
        sessions=(0, 1),
    )


def test_an_end_without_a_beginning_means_that_day() -> None:
    ask = parse_ask(b"to=2026-11-18T12:00:00%2B05:30", b"")
    midnight = MIDNIGHT_TS - 2 * DAY_NS
    assert window(ask, OPEN_TS) == (midnight, midnight + 720 * MINUTE_NS)


@pytest.mark.parametrize("query", [b"as_of=2026-11-18", b"as_of=2026-11-18&to=2026-11-19"])
def test_what_was_known_on_a_day_ends_with_it(query: bytes) -> None:
    midnight = MIDNIGHT_TS - 2 * DAY_NS
    assert window(parse_ask(query, b""), OPEN_TS) == (midnight, midnight + DAY_NS - 1)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (b"intervall=5m", "parameter 'intervall': expected one of interval, from"),
        (b"interval=5x", "parameter interval: interval '5x': expected minutes"),
        (b"interval=0m", "parameter interval"),
        (b"interval=1441m", "at most a day"),
        (b"interval=5m&interval=1m", "parameter interval: expected once"),
        (b"count=0", f"expected 1 to {MOST_CANDLES}"),
        (b"count=-3", "expected a whole number"),
        (b"count=1e3", "expected a whole number"),
        (b"count=50001", f"expected 1 to {MOST_CANDLES}"),
        (b"count=%D9%A3", "expected a whole number"),
        (b"count=", "expected a whole number"),
        (b"from=2026-11-20T09:15:00", "has no offset"),
        (b"include_current=yes", "expected true or false"),
        (b"sessions=evening", "expected some of pre_open, continuous, closing_auction"),
        (b"novalue", "expected name=value pairs"),
        (b"a=" + b"x" * 2000, "at most 2000 characters"),
    ],
)
def test_what_is_wrong_is_named(query: bytes, said: str) -> None:
    with pytest.raises(Problem) as refused:
        parse_ask(query, b"")
    assert refused.value.status == 422
    assert said in refused.value.detail


@pytest.mark.parametrize(
    "query",
    [b"from=2026-11-21&to=2026-11-20", b"from=2026-11-21", b"from=2024-01-01&to=2026-01-01"],
)
def test_a_window_turned_round_or_too_wide_is_refused(query: bytes) -> None:
    with pytest.raises(Problem, match="parameters from, to"):
        window(parse_ask(query, b""), OPEN_TS)


def test_days_may_reach_back_further_than_minutes() -> None:
    window(parse_ask(b"interval=day&from=2016-01-01", b""), OPEN_TS)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (b"", "json"),
        (b"*/*", "json"),
        (b"application/json", "json"),
        (b"text/csv", "csv"),
        (b"TEXT/CSV; header=present", "csv"),
        (b"application/vnd.apache.arrow.stream", "arrow"),
        (b"text/html, application/json;q=0.5, text/csv;q=0.9", "csv"),
        (b"text/html,application/xhtml+xml,*/*;q=0.8", "json"),
        (b"text/csv;q=0, application/json;q=0.1", "json"),
    ],
)
def test_the_format_is_the_one_liked_best(accept: bytes, chosen: str) -> None:
    assert choose_format(accept) == chosen


@pytest.mark.parametrize("accept", [b"image/png", b"text/csv;q=0", b"text/csv;q=nan", b"\xff/\xff"])
def test_a_format_we_cannot_write_is_refused(accept: bytes) -> None:
    with pytest.raises(Problem) as refused:
        choose_format(accept)
    assert refused.value.status == 406
