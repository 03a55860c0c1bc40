from datetime import UTC, datetime

import pytest

from firki.serve.when import parse_from, parse_to

NINE_FIFTEEN = 1_795_146_300_000_000_000
"""20 November 2026, 09:15 in India."""
MIDNIGHT = NINE_FIFTEEN - (9 * 60 + 15) * 60 * 10**9


def test_the_constant_is_what_it_says() -> None:
    assert (
        datetime.fromtimestamp(NINE_FIFTEEN / 1e9, UTC).isoformat() == "2026-11-20T03:45:00+00:00"
    )


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T09:15:00+05:30", "2026-11-20T09:15+0530", "2026-11-20T03:45:00Z",
        "2026-11-19T22:45:00-05:00", "1795146300000000000", " 2026-11-20T09:15:00.000+05:30 ",
        "2026-11-20T09:15:00 05:30", "2026-11-20 09:15:00+05:30",
    ],
)  # fmt: skip
def test_one_moment_in_all_its_spellings(text: str) -> None:
    assert parse_from(text) == parse_to(text) == NINE_FIFTEEN


def test_a_date_is_the_whole_indian_day() -> None:
    assert parse_from("2026-11-20") == MIDNIGHT
    assert parse_to("2026-11-20") == MIDNIGHT + 86_400 * 10**9 - 1


def test_a_fraction_is_kept_to_the_microsecond() -> None:
    assert parse_from("2026-11-20T09:15:00.123456+05:30") == NINE_FIFTEEN + 123_456_000


@pytest.mark.parametrize("text", ["2026-11-20T09:15:00", "2026-11-20T09:15", "20261120T091500"])
def test_a_naive_time_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(ValueError, match=r"has no offset.*\+05:30"):
        parse_from(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "1795146300", "1795146300000", "-1", "2026-13-01", "2026-02-30", "1e18",
        "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-11-20T25:00:00+05:30",
        "١٧٩٥١٤٦٣٠٠٠٠٠٠٠٠٠٠٠", "99999999999999999999",
    ],
)  # fmt: skip
def test_what_is_no_moment_of_our_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"(time|date) "):
        parse_from(text)
