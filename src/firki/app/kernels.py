"""The compiled kernels: where their cache lies, and having them ready before the first tick.

The compiler keeps a kernel's cache by the file it is defined in, while ours call each other over
several files. The cache folder is therefore named after all of them together: a changed release
never meets an old kernel, and a read-only installation still has a place to write.
"""

import hashlib
import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Final

_CONSTANTS: Final = ("live/layout.py", "model/candle.py", "model/tick.py")
"""Sources without kernels whose numbers are compiled into them."""
VARIABLE: Final = "NUMBA_CACHE_DIR"


def place_cache(environ: MutableMapping[str, str] = os.environ) -> Path:
    """Name the cache folder in the environment unless the user has; before numba is imported."""
    if VARIABLE not in environ:
        root = environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        environ[VARIABLE] = str(Path(root) / "firki" / f"kernels-{_digest()[:16]}")
    return Path(environ[VARIABLE])


def are_compiled(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this release was started here before; without that the first start takes longer."""
    folder = Path(environ.get(VARIABLE, ""))
    return folder.is_dir() and any(folder.iterdir())


def _digest() -> str:
    package = Path(__file__).parents[1]
    found = hashlib.sha256()
    for folder in ("kite", "live", "simulator"):
        for source in sorted((package / folder).glob("*.py")):
            text = source.read_bytes()
            if b"njit" in text or b"@inlined" in text:
                found.update(text)
    for name in _CONSTANTS:
        found.update((package / name).read_bytes())
    return found.hexdigest()


def warm() -> None:
    """Load or compile every kernel of the feed's path: about a second from the cache."""
    from firki.kite import wire
    from firki.live.warming import warm as warm_live

    wire.warm()
    warm_live()
