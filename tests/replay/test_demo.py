"""``firki demo`` as a newcomer meets it: in a real browser, stopped, killed, and gone on with."""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect, sync_playwright
from tests.replay.days import CapturedDay
from tests.replay.program import Program, wait_until
from tests.unit.web.chromium import CHROMIUM, launch

PAGE: Final = Path(__file__).parents[2] / "src/firki/serve/page/index.html"
_FORMING: Final = re.compile("forming")
_TENTHS: Final = re.compile(r"\d+\.\d s")
_PATIENCE_MS: Final = 30_000
_MOST_SECONDS: Final = 60.0
"""To the first moving candle. The promise of ten is for a machine that does nothing else."""

pytestmark = pytest.mark.slow


@contextmanager
def demo(folder: Path, *options: str) -> Iterator[Program]:
    """A started demo, its data under ``folder``."""
    environ = {"FIRKI_DATA__FOLDER": str(folder / "data"), "FIRKI_SERVE__PORT": "0"}
    with Program("demo", *options, folder=folder, environ=environ) as program:
        yield program


def children_of(program: Program) -> list[int]:
    number = program.process.pid
    return [int(n) for n in Path(f"/proc/{number}/task/{number}/children").read_text().split()]


def is_running(number: int) -> bool:
    """Whether the process is there; one that has ended and waits to be noticed is not."""
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"needs a browser: {CHROMIUM} is absent")
@pytest.mark.skipif(not PAGE.exists(), reason="the page is not built into the package")
def test_the_demo_shows_a_moving_market_in_a_browser(tmp_path: Path) -> None:
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        began = time.monotonic()
        with demo(tmp_path) as program:
            page.goto(program.ready().told["link"])
            seconds = _first_moving_candle(page) - began
            print(f"from the start to the first moving candle: {seconds:.1f} s")
            assert seconds < _MOST_SECONDS
            _look_at_market(page)
            picture = page.screenshot(path=tmp_path / "demo.png")
            print(f"a picture of {len(picture)} bytes: {tmp_path / 'demo.png'}")
            browser.close()
            health = program.health()
            assert health["instrument_count"] == health["instruments_with_ticks"] == 500
            assert health["late"] == 0
            assert complaints == []


def _first_moving_candle(page: Page) -> float:
    """When the forming candle had changed."""
    legend = page.locator(".legend")
    expect(legend).to_have_text(_FORMING, timeout=_PATIENCE_MS)
    first = legend.inner_text()
    expect(legend).not_to_have_text(first, timeout=_PATIENCE_MS)
    return time.monotonic()


def _look_at_market(page: Page) -> None:
    rows = page.get_by_role("grid").get_attribute("aria-rowcount")
    assert int(rows or 0) == 501
    last = page.locator('[data-key="NSE:NIFTY 50"] .last')
    price = last.inner_text()
    expect(last).not_to_have_text(price, timeout=_PATIENCE_MS)
    page.keyboard.press("1")
    legend = page.locator(".legend")
    expect(legend).to_have_text(_FORMING, timeout=_PATIENCE_MS)
    start = legend.get_attribute("data-start") or ""
    expect(legend).not_to_have_attribute("data-start", start, timeout=_PATIENCE_MS)
    feed = page.get_by_role("region", name="Feed")
    age = feed.locator(".dial strong").first
    expect(age).to_have_text(_TENTHS)
    shown = age.inner_text()
    expect(age).not_to_have_text(shown, timeout=_PATIENCE_MS)
    for label in ("Ticks/s", "Journal newest", "Gaps"):
        expect(feed).to_contain_text(label)


def test_a_killed_demo_takes_its_simulator_along_and_a_kept_one_goes_on(tmp_path: Path) -> None:
    with demo(tmp_path, "--instruments", "60", "--date", "2026-11-18") as program:
        program.ready()
        [simulator] = children_of(program)
        wait_until(lambda: program.health()["as_of"] > "2026-11-18T09:18")
        wait_until(lambda: program.health()["journal"]["acknowledged"])
        safe = program.health()["journal"]["acknowledged"]
        program.kill()
        wait_until(lambda: not is_running(simulator), seconds=10, what="the simulator to end")
    with demo(tmp_path, "--keep", "--instruments", "61") as program:
        assert program.ended() == 2
        assert "the kept market is of seed 7 with 60 instruments" in program.errors
    with demo(tmp_path, "--keep", "--instruments", "60") as program:
        first = program.ready().health()
        assert first["journal"]["newest"] >= safe
        assert first["market"]["trading_date"] == "2026-11-18"
        assert first["as_of"] > "2026-11-18T09:17", "it went on where the journal ends"
        wait_until(lambda: program.health()["trades"] > first["trades"])
        [simulator] = children_of(program)
        took = program.end(signal.SIGINT)
        assert not is_running(simulator)
    assert took < 10
    assert program.process.returncode == 0
    assert "Traceback" not in program.errors
    found = CapturedDay.only(tmp_path / "data/demo").verify()
    assert (found.bad, found.first) == (0, 1)


def test_a_demo_whose_simulator_dies_says_so(tmp_path: Path) -> None:
    with demo(tmp_path, "--instruments", "60") as program:
        [simulator] = children_of(program.ready())
        os.kill(simulator, signal.SIGKILL)
        assert program.ended() == 4
        assert "simulator ended" in program.errors
