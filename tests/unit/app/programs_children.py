"""Processes that hold something, for as long as a test needs."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HOLD = """
import sys
from pathlib import Path
from firki.app.folder import DataFolder
with DataFolder(Path(sys.argv[1])).capturing():
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder_of(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that captures into the folder until the block ends."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        assert process.stdin is not None
        process.stdin.close()
