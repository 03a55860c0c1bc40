"""firki: live Indian-market data on your own machine. Importing it does nothing else."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from firki.app.reader import Reader

__version__ = "0.1.0"


def open(folder: "Path | str | None" = None) -> "Reader":  # noqa: A001 - the product's own word
    """Candles and instruments of a data folder, live ones included; no lock is taken.

    >>> market = firki.open()                                          # doctest: +SKIP
    >>> market.candles("NSE:INFY", "5m", count=20)                     # doctest: +SKIP
    """
    import importlib

    # by name, because the parts under app import this package and may not reach app through it
    importlib.import_module("firki.app.kernels").place_cache()
    reader: Reader = importlib.import_module("firki.app.reader").open_folder(folder)
    return reader
