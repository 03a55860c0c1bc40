"""Kite's numbers against its own client where that has them."""

from datetime import timedelta

import pytest
from kiteconnect import KiteConnect, KiteTicker

from firki.kite import vocabulary
from firki.kite.vocabulary import Segment
from firki.model.candle import Interval
from firki.ports import Mode


def test_segments_are_the_official_clients() -> None:
    official = {name.upper(): code for name, code in KiteTicker.EXCHANGE_MAP.items()}
    del official["BSECDS"]  # an old word for BCD
    assert {segment.name: int(segment) for segment in Segment} == official


@pytest.mark.parametrize(
    ("token", "divisor"),
    [(408065, 100), (412675, 10_000_000), (262, 10_000), (268, 10_000), (256265, 100), (511, 100)],
)
def test_prices_are_divided_by_segment(token: int, divisor: int) -> None:
    assert vocabulary.price_divisor(token) == divisor


def test_modes_are_the_official_clients() -> None:
    official = (KiteTicker.MODE_LTP, KiteTicker.MODE_QUOTE, KiteTicker.MODE_FULL)
    assert tuple(vocabulary.MODE_WORDS[mode] for mode in Mode) == official
    assert all(vocabulary.MODES[word].name.lower() == word for word in official)


def test_an_index_has_packets_of_its_own() -> None:
    assert [vocabulary.INDEX_PACKET_LENGTHS[mode] for mode in Mode] == [8, 28, 32]
    assert [vocabulary.PACKET_LENGTHS[mode] for mode in Mode] == [8, 44, 184]


def test_every_spelling_of_an_interval_means_it() -> None:
    assert all(Interval.parse(known.word) == it for it, known in vocabulary.HISTORY.items())


def test_a_longer_interval_never_allows_a_shorter_span() -> None:
    spans = [timedelta(days=history.max_days) for history in vocabulary.HISTORY.values()]
    assert spans == sorted(spans)
    assert [span.days for span in spans] == [60, 100, 100, 100, 200, 200, 400, 2000]


def test_the_doors_are_the_official_clients() -> None:
    assert KiteConnect._default_root_uri == vocabulary.REST_ROOT
    assert vocabulary.WEBSOCKET_ROOT == KiteTicker.ROOT_URI
