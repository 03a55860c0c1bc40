"""A captured day looked at from outside: its journal, its grid, and what they come to."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from firki.app.folder import DataFolder
from firki.app.market_day import decode_kite, open_grid, read_book, refold
from firki.capture.journal_reader import read_records
from firki.capture.journal_verify import Verification, verify
from firki.live import file as grid_file
from firki.live import layout as at
from firki.live.file import GridFile
from firki.model.candle import Flag
from firki.ports import Frame

_PRICES = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class CapturedDay:
    """One trading day of a data folder that nobody writes to any more."""

    folder: DataFolder
    date: date

    @classmethod
    def only(cls, root: Path) -> Self:
        """The one day of a data folder."""
        folder = DataFolder(root)
        [day] = folder.days()
        return cls(folder, day)

    def verify(self) -> Verification:
        return verify(self.folder.journal(self.date))

    def records(self) -> Iterator[Frame]:
        return read_records(self.folder.journal(self.date), 1)

    def grid(self) -> GridFile:
        """The grid as it lies in the data folder."""
        file = grid_file.open_file(self.folder.grid(self.date), write=False)
        assert file is not None
        return file

    def refolded(self, folder: Path) -> GridFile:
        """A grid made in ``folder`` from the journal, all in one go."""
        journal = self.folder.journal(self.date)
        book = read_book(journal)
        columns = self.grid().header.columns
        grid = open_grid(folder, self.date, book, capacity=columns)
        grid.recover(0)
        refold(grid, journal, 1, decode_kite)
        grid.close()
        return grid.file


@dataclass(frozen=True)
class Bars:
    """The cells of a grid by token and slot: every value has the shape (tokens, slots)."""

    values: npt.NDArray[Any]
    flags: npt.NDArray[np.uint16]

    @classmethod
    def of(cls, file: GridFile, tokens: list[int]) -> Self:
        """The cells of these tokens, which all lie in classes of the same slots or fewer."""
        state = file.state
        places = {int(token): i for i, token in enumerate(state[:, at.S_TOKEN]) if token}
        most = max(layout.slots for layout in file.header.classes)
        cells = np.zeros((len(tokens), most), file.cells.dtype)
        for row, token in enumerate(tokens):
            place = places[token]
            layout = file.header.classes[int(state[place, at.S_CLASS])]
            first = int(state[place, at.S_CELL])
            cells[row, : layout.slots] = file.cells[first :: layout.capacity][: layout.slots]
        values = np.stack([cells[name].astype(np.int64) for name in _PRICES], axis=-1)
        return cls(values, cells["flags"])

    @property
    def traded(self) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = self.values[..., 0] > 0
        return found

    @property
    def gap(self) -> npt.NDArray[np.bool_]:
        """Cells marked as incomplete because the feed was away."""
        return (self.flags & (Flag.GAP | Flag.PARTIAL)) > 0


def tokens_of(file: GridFile) -> list[int]:
    """Every instrument that has a column."""
    return sorted(int(token) for token in file.state[:, at.S_TOKEN] if token)


def same_cells(one: GridFile, other: GridFile) -> None:
    """Assert that both hold the same bytes of candles and of what the fold knows."""
    assert one.header.classes == other.header.classes
    np.testing.assert_array_equal(one.state, other.state)
    np.testing.assert_array_equal(one.cells.view("<u4"), other.cells.view("<u4"))
    assert one.live["seq"] == other.live["seq"]
    np.testing.assert_array_equal(one.live["counters"], other.live["counters"])
