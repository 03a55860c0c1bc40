"""Two checkpoints in turn: the state of the fold and the journal number it is true for.

A start takes the newest one that is not beyond the journal's end, puts every cell back to what it
held then, and folds the rest of the journal. Rows that were not final are kept as copies; final
cells that changed later are kept in the undo list, oldest first, before they change.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from firki.live import layout as at
from firki.live.file import GridFile, boot_id
from firki.model.candle import Flag


class Folded(Protocol):
    """What a checkpoint keeps of a grid."""

    state: npt.NDArray[np.uint32]
    minutes: npt.NDArray[np.uint32]
    links: npt.NDArray[np.uint32]
    counters: npt.NDArray[np.uint64]
    pointers: npt.NDArray[np.uint32]
    columns: int
    market_second: int


class Checkpoints:
    """The two checkpoints of a grid file."""

    def __init__(self, file: GridFile) -> None:
        self._file = file
        self._regions = [
            {name: file.region(getattr(c, name)) for name in at.CheckpointLayout.__slots__}
            for c in file.layout.checkpoints
        ]
        self._current = int(np.argmax([r["meta"]["complete"][0] for r in self._regions]))

    @property
    def undo(self) -> npt.NDArray[np.uint32]:
        """Where cells changed since the newest checkpoint are kept."""
        undo: npt.NDArray[np.uint32] = self._regions[self._current]["undo"]
        return undo

    def forget(self) -> None:
        """No checkpoint holds any more: the next start folds the whole journal."""
        for place in self._regions:
            place["meta"]["complete"] = 0

    def write(self, folded: Folded, seq: int, open_rows: Sequence[int]) -> bool:
        """Make the older checkpoint the newest; False when too many rows are open to be kept."""
        if len(open_rows) > at.CHECKPOINT_ROWS:
            return False
        self._file.reserve_rows(self._file.layout.checkpoints[1 - self._current], len(open_rows))
        serial = int(max(r["meta"]["complete"][0] for r in self._regions)) + 1
        self._current = 1 - self._current
        place = self._regions[self._current]
        meta = place["meta"]
        meta["complete"] = 0
        n = folded.columns
        place["state"][:n] = folded.state[:n]
        place["minutes"][:n] = folded.minutes[:n]
        place["connections"][:] = folded.links
        place["pointers"][:] = folded.pointers
        place["counters"][:] = folded.counters
        for k, row in enumerate(open_rows):
            cells = self._row(row)
            place["row_numbers"][k] = row
            place["rows"][k, : len(cells)] = cells
        meta["seq"], meta["columns"], meta["row_count"] = seq, n, len(open_rows)
        meta["market_second"], meta["boot"] = folded.market_second, boot_id()
        place["undo"][0, 0] = 0
        meta["complete"] = serial
        return True

    def usable(self, journal_end: int) -> int | None:
        """The journal number ``restore`` would go back to, None where it would find no checkpoint;
        nothing is changed."""
        for place in self._newest_first():
            meta = place["meta"][0]
            if not _holds(meta):
                return None
            if int(meta["seq"]) <= journal_end:
                return int(meta["seq"])
        return None

    def restore(self, folded: Folded, journal_end: int) -> int | None:
        """Put grid and state back to the newest usable checkpoint; its journal number, or None."""
        for place in self._newest_first():
            meta = place["meta"][0]
            if not _holds(meta):
                return None
            self._undo(place)
            if int(meta["seq"]) <= journal_end:
                self._current = next(k for k, r in enumerate(self._regions) if r is place)
                self._put_back(folded, place)
                return int(meta["seq"])
            # The journal goes on from before it, so its number will be another record's.
            place["meta"]["complete"] = 0
        return None

    def _newest_first(self) -> list[dict[str, npt.NDArray[Any]]]:
        return sorted(self._regions, key=lambda r: -int(r["meta"]["complete"][0]))

    def _undo(self, place: dict[str, npt.NDArray[Any]]) -> None:
        cells = self._file.cells.view("<u4").reshape(-1, at.CELL_WORDS)
        undo = place["undo"]
        for entry in undo[1 : int(undo[0, 0]) + 1][::-1]:
            if entry[0] == at.NONE:
                self._unmark(entry)
            else:
                cells[entry[0]] = entry[1:]
        undo[0, 0] = 0

    def _unmark(self, entry: npt.NDArray[np.uint32]) -> None:
        """Take back the gap marks a snapshot made."""
        instrument = self._file.state[entry[1]]
        bits = np.unpackbits(entry[at.UNDO_MARKS_AT :].view(np.uint8), bitorder="little")
        slots = int(entry[2]) + np.flatnonzero(bits)
        cells = int(instrument[at.S_CELL]) + slots * int(instrument[at.S_STRIDE])
        self._file.cells["flags"][cells] &= ~np.uint16(Flag.GAP)

    def _put_back(self, folded: Folded, place: dict[str, npt.NDArray[Any]]) -> None:
        meta = place["meta"][0]
        n = int(meta["columns"])
        folded.columns = n
        folded.market_second = int(meta["market_second"])
        folded.state[:n] = place["state"][:n]
        folded.minutes[:n] = place["minutes"][:n]
        folded.links[:] = place["connections"]
        folded.pointers[:] = place["pointers"]
        folded.counters[:] = place["counters"]
        kept = {int(place["row_numbers"][k]): k for k in range(int(meta["row_count"]))}
        for k, layout in enumerate(self._file.header.classes):
            begin = int(folded.pointers[at.CONNECTIONS, k])
            for row in range(layout.first_row + begin, layout.first_row + layout.slots):
                cells = self._row(row)
                cells[:] = place["rows"][kept[row], : len(cells)] if row in kept else 0
        self._file.row_sequence[:] += self._file.row_sequence & 1

    def _row(self, row: int) -> npt.NDArray[Any]:
        for layout in self._file.header.classes:
            if layout.first_row <= row < layout.first_row + layout.slots:
                first = layout.first_cell + (row - layout.first_row) * layout.capacity
                return self._file.cells[first : first + layout.capacity]
        raise AssertionError(f"row {row} is in no class of {self._file.path}")


def _holds(meta: Any) -> bool:
    """Whether a checkpoint is whole, and of this start of the machine: a mapped page outlives a
    kill, but not a loss of power."""
    return bool(meta["complete"]) and bytes(meta["boot"]) == boot_id()
