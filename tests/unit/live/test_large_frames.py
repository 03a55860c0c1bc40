"""Frames larger than the room for undoing are folded in slices."""

from pathlib import Path

import pytest

from firki.app.bench.feed import MadeUpFeed, decode, open_grid
from firki.live import layout as at
from firki.ports import Frame

_ROWS = 6_000
_SECONDS = 70


@pytest.mark.slow
def test_a_frame_in_slices_gives_the_cells_of_many_small_frames(tmp_path: Path) -> None:
    assert 6 * _ROWS > at.UNDO_ROOM
    cells, finals, trades = [], [], []
    for packets in (_ROWS, 1_000):
        feed = MadeUpFeed(_ROWS)
        grid = open_grid(tmp_path / str(packets), feed.tokens)
        final = traded = 0
        for frame in feed.frames(_SECONDS, packets):
            changes = grid.apply(frame, decode(frame))
            assert changes is not None
            final += sum(len(places) for _, _, places in changes.final)
            traded += int(changes.trades.sum())
        cells.append(grid.file.cells.tobytes())
        finals.append(final)
        trades.append(traded)
    assert cells[0] == cells[1]
    assert finals[0] == finals[1] == _ROWS
    assert trades[0] == trades[1] > 0.5 * _ROWS * _SECONDS


@pytest.mark.slow
def test_late_trades_beyond_the_room_for_undoing_are_all_taken(tmp_path: Path) -> None:
    """Market time runs two minutes ahead, so that every trade falls into a final minute."""
    feed = MadeUpFeed(2_000, trading=1.0)
    grid = open_grid(tmp_path, feed.tokens)
    traded = 0
    for frame in feed.frames(30, 2_000):
        ahead = Frame(frame.seq, frame.received_ts + 120 * 10**9, 0, frame.payload)
        changes = grid.apply(ahead, decode(frame))
        assert changes is not None
        traded += int(changes.trades.sum())
    assert traded > at.UNDO_ROOM
    first = grid.state[: grid.columns, at.S_CELL]
    assert int(grid.file.cells["tick_count"][first].sum()) == traded
