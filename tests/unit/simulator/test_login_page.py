"""The login page in a real browser."""

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import async_playwright
from tests.simulated import simulator
from tests.unit.web.chromium import CHROMIUM

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's Chromium is not installed"),
]


async def test_a_person_logs_in_and_is_sent_back_with_a_request_token() -> None:
    async with simulator() as sim, async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = await browser.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        account = sim.box.accounts[0]
        await page.goto(f"{sim.url}/connect/login?v=3&api_key={account.api_key}")
        await page.fill("#user", account.user_id)
        await page.fill("#password", "wrong")
        await page.fill("#code", sim.box.sessions.code(account))
        await page.click("button")
        await page.get_by_text("Invalid username or password").wait_for()
        await page.fill("#password", account.password)
        await page.click("button")
        await page.wait_for_url("**/connect/done**")
        query = parse_qs(urlsplit(page.url).query)
        await browser.close()
    assert query["status"] == ["success"]
    assert len(query["request_token"]) == 1
    assert not [words for words in complaints if "Content Security Policy" in words]
