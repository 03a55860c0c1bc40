"""Debian's own browser, as the tests start it."""

from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Playwright

CHROMIUM: Final = Path("/usr/bin/chromium")


def launch(playwright: Playwright) -> Browser:
    """A browser without a window that talks to nobody but the tests' servers."""
    return playwright.chromium.launch(
        executable_path=CHROMIUM,
        args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
    )
