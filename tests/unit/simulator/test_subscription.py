from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.simulated import INFY, NIFTY, USDINR, FakeSnapshots, listing

from firki.kite.wire import decode
from firki.model.tick import COLUMN_COUNT, DEPTH, Column
from firki.ports import Mode
from firki.simulator.directory import Directory
from firki.simulator.subscription import News, Subscription, cuts


def snapshots(rows: list[int], **fields: list[int]) -> FakeSnapshots:
    columns = np.zeros((COLUMN_COUNT, len(rows)), np.uint32)
    for name, values in fields.items():
        columns[Column[name.upper()]] = values
    depth = np.zeros((len(rows), 2, 5), DEPTH)
    return FakeSnapshots(np.arange(len(rows)), np.array(rows, np.int32), columns, depth)


def subscription(count: int = 3) -> Subscription:
    return Subscription(Directory.of(listing(count)))


def tokens(count: int) -> list[int]:
    return [int(token) for token in listing(count).token]


def test_news_is_what_changed_since_the_row_s_last_snapshot_within_and_across_batches() -> None:
    news = News(np.zeros((COLUMN_COUNT, 2), np.uint32))
    first = snapshots(
        [0, 1, 0, 0, 1], last_price=[100, 200, 100, 101, 200], volume_traded=[5, 5, 6, 6, 5]
    )
    assert news.levels(first).tolist() == [Mode.LTP, Mode.LTP, Mode.QUOTE, Mode.LTP, Mode.FULL]
    second = snapshots([1, 0], last_price=[200, 101], volume_traded=[7, 6], oi=[1, 1])
    assert news.levels(second).tolist() == [Mode.QUOTE, Mode.FULL]
    assert news.levels(snapshots([])).tolist() == []


def test_news_of_many_random_snapshots_equals_a_plain_walk() -> None:
    chance = np.random.default_rng(7)
    news, last = News(np.zeros((COLUMN_COUNT, 5), np.uint32)), dict.fromkeys(range(5), (0, 0))
    for _ in range(50):
        rows = chance.integers(0, 5, chance.integers(0, 20)).tolist()
        prices, volumes = (chance.integers(0, 2, len(rows)).tolist() for _ in range(2))
        walked = []
        for row, now in zip(rows, zip(prices, volumes, strict=True), strict=True):
            walked.append(1 if now[0] != last[row][0] else 2 if now != last[row] else 3)
            last[row] = now
        batch = snapshots(rows, last_price=prices, volume_traded=volumes)
        assert news.levels(batch).tolist() == walked


def test_a_mode_gets_what_is_news_to_it_and_an_unsubscribed_row_nothing() -> None:
    wanted = subscription(4)
    wanted.set_mode(Mode.LTP, [INFY])
    wanted.set_mode(Mode.QUOTE, [NIFTY])
    wanted.set_mode(Mode.FULL, [USDINR])
    rows = [row for row in range(4) for _ in range(3)]
    levels = np.tile(np.array([1, 2, 3], np.uint8), 4)
    chosen = wanted.select(snapshots(rows), levels)
    assert [(rows[at], int(levels[at])) for at in chosen] == [
        (0, 1), (1, 1), (1, 2), (2, 1), (2, 2), (2, 3),
    ]  # fmt: skip


def test_packets_are_as_long_as_their_mode_and_kind_have_them() -> None:
    wanted = subscription()
    lengths = {}
    for mode in Mode:
        rows, _ = wanted.set_mode(mode, [INFY, NIFTY, USDINR])
        columns = np.zeros((COLUMN_COUNT, 3), np.uint32)
        frames = wanted.frames(rows, columns, np.zeros((3, 2, 5), DEPTH), max_packets=2)
        lengths[mode] = [decode(frame).length.tolist() for frame in frames]
    assert lengths == {
        Mode.LTP: [[8, 8], [8]], Mode.QUOTE: [[44, 28], [44]], Mode.FULL: [[184, 32], [184]],
    }  # fmt: skip


def test_subscribing_starts_in_quote_mode_and_leaves_a_mode_that_is_set() -> None:
    wanted = subscription()
    wanted.set_mode(Mode.FULL, [INFY])
    wanted.subscribe([INFY, NIFTY, 99])
    assert wanted.modes() == {INFY: Mode.FULL, NIFTY: Mode.QUOTE}
    wanted.unsubscribe([INFY, 99])
    assert wanted.modes() == {NIFTY: Mode.QUOTE}


@pytest.mark.parametrize("how", ["subscribe", "set_mode"])
def test_tokens_beyond_the_most_are_refused_and_the_others_stay(how: str) -> None:
    wanted, many = subscription(3010), tokens(3010)
    wanted.subscribe(many[:2999])
    asked = [*many[:5], *many[2999:3004]]
    rows, refused = (
        wanted.subscribe(asked) if how == "subscribe" else wanted.set_mode(Mode.FULL, asked)
    )
    assert refused == 4
    assert len(rows) == 6
    assert len(wanted) == 3000
    wanted.unsubscribe(many[:1])
    assert wanted.subscribe(many[3005:3007])[1] == 1


def test_a_new_day_keeps_the_tokens_that_are_still_listed() -> None:
    wanted = subscription(5)
    rows, _ = wanted.set_mode(Mode.FULL, tokens(5))
    wanted.set_mode(Mode.LTP, [NIFTY])
    wanted.relist(Directory.of(listing(4)))
    assert wanted.modes() == dict.fromkeys(tokens(4), Mode.FULL) | {NIFTY: Mode.LTP}
    assert len(rows) == 5


@pytest.mark.parametrize(
    ("times", "expected"),
    [([], [0, 0]), ([3], [0, 1]), ([9, 10, 11, 29, 30], [0, 2, 3, 5]), ([11, 20], [0, 2])],
)
def test_frames_are_cut_at_whole_steps_of_market_time(
    times: list[int], expected: list[int]
) -> None:
    stamps: npt.NDArray[Any] = np.array(times, np.int64)
    assert cuts(stamps, 10) == expected
