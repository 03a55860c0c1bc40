"""Settings: one frozen tree, read once by ``app``; each part is handed its own section.

Sources in rising order: the defaults, a TOML file, the environment (``FIRKI_SECTION__KEY``).
"""

from firki.config.report import Row, effective, example
from firki.config.sources import Loaded, load, read
from firki.config.tree import (
    Account,
    Calendar,
    Capture,
    Clock,
    Data,
    Journal,
    Live,
    Log,
    Serve,
    Settings,
    Store,
    Universe,
)

__all__ = [
    "Account", "Calendar", "Capture", "Clock", "Data", "Journal", "Live", "Loaded", "Log", "Row",
    "Serve", "Settings", "Store", "Universe", "effective", "example", "load", "read",
]  # fmt: skip
