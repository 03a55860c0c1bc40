"""The page's own tests and its types, where a clone has Node and the page's packages."""

import shutil
import subprocess
from pathlib import Path

import pytest

WEB = Path(__file__).parents[3] / "web"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("npm") is None, reason="needs Node's npm on the path"),
    pytest.mark.skipif(
        not (WEB / "node_modules/typescript").exists(),
        reason="needs the page's packages: npm ci in web/",
    ),
]


@pytest.mark.parametrize("script", ["check", "test"])
def test_script_of_the_page_passes(script: str) -> None:
    done = subprocess.run(
        ["npm", "run", "--silent", script], cwd=WEB, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
