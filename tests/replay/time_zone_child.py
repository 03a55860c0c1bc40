"""A process of its own under some TZ: builds a journal again and prints the hashes of it all."""

import hashlib
import sys
import tempfile
from pathlib import Path

from firki.app.kernels import place_cache


def main(journal: Path) -> None:
    """One line a product: the grid's cells and state, the bars as Parquet and as CSV."""
    place_cache()
    # Only now: the compiled kernels' cache must have its place first.
    from firki.app.build import BuildOptions, build, fold
    from firki.app.market_day import open_grid, read_book
    from firki.capture.journal_reader import read_records
    from firki.config import load

    def nobody(_what: str, _done: int, _total: int) -> None:
        """Nobody looks at the progress."""

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        book = read_book(journal)
        grid = open_grid(folder / "grid", book.table.day, book, capacity=len(book.table))
        fold(grid, read_records(journal), 0, nobody)
        print("cells", hashlib.sha256(grid.file.cells.tobytes()).hexdigest())
        print("state", hashlib.sha256(grid.file.state.tobytes()).hexdigest())
        settings = load(None, {"FIRKI_DATA__FOLDER": name, "HOME": name})
        for ending in ("parquet", "csv"):
            out = folder / f"bars.{ending}"
            build(settings, BuildOptions(sources=[str(journal)], out=out), nobody)
            print(ending, hashlib.sha256(out.read_bytes()).hexdigest())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
