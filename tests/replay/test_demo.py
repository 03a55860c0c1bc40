"""``firki demo`` as a new user meets it, in a real browser."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from tests.fakes.page_server import PAGE
from tests.replay.program import Program, wait_until
from tests.unit.web.chromium import CHROMIUM, launch

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"needs a browser: {CHROMIUM} is absent"),
    pytest.mark.skipif(
        not (PAGE / "index.html").exists(), reason="the page is not built into the package"
    ),
]
_INFY: Final = '[data-key="NSE:INFY"]'
_WHOLE_SECONDS: Final = 30_000
"""Milliseconds a busy machine is given."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("demo")
    environ = {"FIRKI_DATA__FOLDER": str(folder / "data"), "FIRKI_SERVE__PORT": "0"}
    with Program("demo", folder=folder, environ=environ) as program:
        yield program.ready()


@pytest.fixture
def page(demo: Program) -> Iterator[Page]:
    """The page, signed in by a one-time link; what the console complains of fails the test."""
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(demo.told["link"])
        yield page
        browser.close()
    assert complaints == []


def test_the_market_moves_the_chart_grows_and_ages_count_in_tenths(page: Page) -> None:
    expect(page.locator("[data-key]").first).to_be_visible(timeout=_WHOLE_SECONDS)
    assert page.locator("[data-key]").count() > 20
    page.keyboard.press("/")
    page.keyboard.type("INFY")
    page.keyboard.press("Enter")
    page.keyboard.press("1")
    expect(page.locator(_INFY)).to_be_visible(timeout=_WHOLE_SECONDS)
    prices, candles, ages = set(), set(), set()

    def seen() -> bool:
        prices.add(page.locator(_INFY).inner_text())
        legend = page.locator(".legend")
        candles.add(legend.get_attribute("data-start") if legend.count() else None)
        ages.add(page.locator("[data-age]").first.inner_text())
        return len(prices) > 3 and len(candles - {None}) > 2 and len(ages) > 1

    wait_until(seen, seconds=60, what="prices that move and a chart that grows")
    assert any(re.search(r"\d\.\d\s*s", age) for age in ages), ages


def test_every_instrument_of_the_demo_is_heard_of(demo: Program) -> None:
    health = wait_until(
        lambda: (h := demo.health())["candles_completed"] > 100 and h, seconds=60, what="candles"
    )
    assert health["instrument_count"] == health["instruments_with_ticks"] == 500
    assert health["late"] == 0


def children(process: int) -> list[int]:
    """Processes that one has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == process:
                found.append(int(stat.parent.name))
    return found


def test_it_ends_in_order_and_takes_its_simulator_along(demo: Program) -> None:
    simulator = children(demo.process.pid)
    assert len(simulator) == 1
    assert demo.end() < 15
    assert demo.process.returncode == 0
    wait_until(lambda: not Path(f"/proc/{simulator[0]}").exists(), what="the simulator's end")


def test_killed_it_leaves_no_simulator_behind(tmp_path: Path) -> None:
    environ = {"FIRKI_DATA__FOLDER": str(tmp_path / "data"), "FIRKI_SERVE__PORT": "0"}
    with Program("demo", "--instruments", "60", folder=tmp_path, environ=environ) as program:
        program.ready()
        simulator = children(program.process.pid)
        assert len(simulator) == 1
        program.kill()
        wait_until(lambda: not Path(f"/proc/{simulator[0]}").exists(), what="the simulator's end")
