"""The built page in a real browser, against a made-up market."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from tests.fakes.page_server import PAGE, Backend, PageServer
from tests.unit.web.chromium import CHROMIUM, launch

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"needs a browser: {CHROMIUM} is absent"),
    pytest.mark.skipif(
        not (PAGE / "index.html").exists(), reason="the page is not built into the package"
    ),
]

Open = Callable[..., tuple[Page, PageServer]]
# what the browser itself says of a server that is away or refuses, which some tests bring about
_EXPECTED: Final = re.compile(r"WebSocket connection to|status of 401")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = launch(playwright)
        yield running
        running.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Opens the page on a server of its own; whatever the console complains of fails the test."""
    complaints: list[str] = []
    servers: list[PageServer] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not _EXPECTED.search(message.text):
            complaints.append(message.text)

    def open_page(
        backend: Backend | None = None,
        *,
        zone: str = "Asia/Kolkata",
        scheme: str = "dark",
        fake_clock: bool = False,
        size: tuple[int, int] = (1440, 900),
        path: str = "",
    ) -> tuple[Page, PageServer]:
        server = PageServer(backend or Backend(instruments=120))
        server.__enter__()
        servers.append(server)
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            timezone_id=zone,
            color_scheme="dark" if scheme == "dark" else "light",
        )
        page = context.new_page()
        if fake_clock:
            page.clock.install()
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(server.url + path)
        return page, server

    yield open_page
    for context in browser.contexts:
        context.close()
    for server in servers:
        server.__exit__()
    assert complaints == []


def _ready(page: Page) -> None:
    expect(page.locator(".legend")).to_be_visible()
    expect(page.locator(".rows .row").first).to_contain_text(".")


def test_watch_shows_the_market_and_its_prices_move(opened: Open) -> None:
    page, _ = opened(Backend(instruments=500))
    _ready(page)
    grid = page.get_by_role("grid")
    expect(grid).to_have_attribute("aria-rowcount", "501")
    drawn = page.locator(".rows .row")
    assert 20 < drawn.count() < 80, "only what is in view is drawn"
    last = page.locator('[data-key="BSE:SENSEX"] .last')
    before = last.inner_text()
    assert re.fullmatch(r"\d\d,\d{3}\.\d\d", before)
    expect(last).not_to_have_text(before)
    expect(last).to_have_class(re.compile("flash-"))
    change = page.locator('[data-key="BSE:SENSEX"] [role=gridcell]').nth(2)
    expect(change).to_have_text(re.compile(r"^[+−]\d+\.\d\d%$"))


def test_scrolling_draws_the_rows_that_come_into_view(opened: Open) -> None:
    page, _ = opened(Backend(instruments=500))
    _ready(page)
    page.keyboard.press("End")
    expect(page.locator('[aria-rowindex="501"]')).to_be_in_viewport()
    expect(page.locator('[aria-rowindex="2"]')).to_have_count(0)
    page.keyboard.press("Home")
    expect(page.locator('[aria-rowindex="2"]')).to_be_in_viewport()


def test_keys_move_the_cursor_open_the_chart_and_change_the_interval(opened: Open) -> None:
    page, _ = opened()
    _ready(page)
    cursor = page.locator(".row.cursor")
    expect(cursor).to_contain_text("NIFTY 50")
    for key in ("j", "ArrowDown", "j", "k"):
        page.keyboard.press(key)
    expect(cursor).to_contain_text("SENSEX")
    expect(page.locator("h1")).to_have_text("NIFTY 50")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("SENSEX")
    with page.expect_response(re.compile("BSE%3ASENSEX.interval=15m")):
        page.keyboard.press("7")
    expect(page.get_by_role("button", name="15m", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    expect(page).to_have_url(re.compile(r"#BSE%3ASENSEX/15m$"))
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()


def test_walking_through_instruments_draws_each_and_asks_for_the_past_of_the_last(
    opened: Open,
) -> None:
    page, server = opened(Backend(instruments=120, broker_seconds=3.0))
    expect(page.locator(".legend")).to_be_visible()
    page.wait_for_timeout(400)
    before = len(server.backend.asked)
    for _ in range(15):
        page.keyboard.press("j")
        page.keyboard.press("Enter")
    expect(page.locator(".legend")).to_contain_text("forming", timeout=1_500)
    key = page.locator(".row.open").get_attribute("data-key")
    expect(page.locator(".surface")).to_have_attribute("aria-label", f"Candles of {key}")
    expect(page.locator(".notice.older")).to_be_visible()
    expect(page.locator(".notice.older")).to_have_count(0, timeout=5_000)
    assert [text.rsplit(" ", 2)[0] for text in server.backend.asked[before:]] == [key]


def test_search_finds_by_symbol_and_leaves_with_its_choice(opened: Open) -> None:
    page, _ = opened()
    _ready(page)
    page.keyboard.press("/")
    page.keyboard.type("reliance")
    expect(page.locator(".rows .row")).to_have_count(2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("RELIANCE26NOVFUT")
    expect(page.get_by_role("searchbox")).not_to_be_focused()
    expect(page.get_by_role("searchbox")).to_have_value("")
    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", "121")
    expect(page.locator(".row.cursor")).to_be_in_viewport()
    page.keyboard.press("/")
    page.keyboard.type("no such thing")
    expect(page.locator(".scroller .nothing")).to_contain_text("no such thing")


def test_groups_and_columns_order_the_watch(opened: Open) -> None:
    page, _ = opened()
    _ready(page)
    page.get_by_role("button", name="Options").click()
    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", "61")
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_role("button", name="Sort by change in per cent").click()
    expect(page.locator('[aria-sort="descending"]')).to_contain_text("Chg %")
    texts = page.locator(".rows .row [role=gridcell]:nth-child(3)").all_inner_texts()[:12]
    changes = [float(text.rstrip("%").replace("−", "-")) for text in texts]
    # prices go on moving between the order and the reading
    assert all(a >= b - 0.05 for a, b in pairwise(changes))


def test_chart_grows_while_one_looks(opened: Open) -> None:
    page, _ = opened()
    _ready(page)
    page.keyboard.press("1")
    legend = page.locator(".legend")
    expect(legend).to_contain_text("forming")
    first = legend.get_attribute("data-start")
    close = legend.inner_text()
    expect(legend).not_to_have_text(close)
    page.get_by_role("button", name="Speed 60 times").click()
    expect(legend).not_to_have_attribute("data-start", first or "")


def test_one_instrument_has_one_last_price_on_the_page(opened: Open) -> None:
    page, _ = opened()
    _ready(page)
    page.locator('[data-key="BSE:SENSEX"]').click()
    expect(page.locator(".legend")).to_contain_text("forming")
    expect(page.locator(".headline strong")).to_be_visible()
    read = """() => [".row.open .last", ".title strong", ".headline strong", ".legend .close b"]
        .map(place => document.querySelector(place)?.textContent)"""
    seen = set()
    for _ in range(30):
        prices = page.evaluate(read)
        assert len(set(prices)) == 1, prices
        seen.add(prices[0])
        page.wait_for_timeout(50)
    assert len(seen) > 2


def test_scrolling_left_loads_earlier_days(opened: Open) -> None:
    page, server = opened()
    _ready(page)
    while not server.backend.asked:  # the days before today come a moment later
        page.wait_for_timeout(50)
    asked = len(server.backend.asked)
    canvas = page.locator(".surface")
    box = canvas.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    with page.expect_response(re.compile(r"/api/candles/.*[?&]to=")):
        for _ in range(10):
            page.mouse.move(box["x"] + 60, middle)
            page.mouse.down()
            page.mouse.move(box["x"] + 560, middle, steps=4)
            page.mouse.up()
    expect(page.locator(".notice.older")).to_have_count(0)
    earlier = [text.split(" ")[-1] for text in server.backend.asked[asked:]]
    assert earlier
    assert all(text < "2026-11-17" for text in earlier)
    assert len(set(earlier)) == len(earlier), "no stretch is asked for twice"


def test_another_interval_shows_the_time_that_was_looked_at(opened: Open) -> None:
    page, server = opened()
    _ready(page)
    box = page.locator(".surface").bounding_box()
    assert box is not None
    middle = (box["x"] + (box["width"] - 70) / 2, box["y"] + box["height"] / 2)
    while not server.backend.asked:
        page.wait_for_timeout(50)
    for _ in range(6):
        page.mouse.move(box["x"] + 60, middle[1])
        page.mouse.down()
        page.mouse.move(box["x"] + 560, middle[1], steps=4)
        page.mouse.up()
        page.wait_for_timeout(150)

    def in_the_middle() -> str:
        """When the bar in the middle starts."""
        page.mouse.move(middle[0] + 1, middle[1])
        page.mouse.move(*middle)
        return page.locator(".legend").get_attribute("data-start") or ""

    before = in_the_middle()
    assert before < "2026-11-19"
    for key in ("7", "1"):
        page.keyboard.press(key)
        page.wait_for_timeout(600)
        expect(page.locator(".notice.older")).to_have_count(0, timeout=10_000)
        page.wait_for_timeout(200)
        assert in_the_middle()[:13] == before[:13], "the hour is the same"


@pytest.mark.parametrize("path", ["#%E0%A4%A/5m", "#NSE%3ANOSUCH/5m", "#%/7m", "#nothing"])
def test_an_address_that_names_nothing_known_is_said_so(opened: Open, path: str) -> None:
    page, _ = opened(path=path)
    _ready(page)
    expect(page.locator("h1")).to_have_text("NIFTY 50")
    expect(page.get_by_role("status").filter(has_text="is not among")).to_be_visible()
    page.get_by_role("button", name="Close", exact=True).click()
    expect(page.get_by_text("is not among")).to_have_count(0)


def test_an_address_in_small_letters_is_understood(opened: Open) -> None:
    page, _ = opened(path="#nse:infy/15m")
    _ready(page)
    expect(page.locator("h1")).to_have_text("INFY")
    expect(page).to_have_url(re.compile("#NSE%3AINFY/15m$"))
    expect(page.get_by_text("is not among")).to_have_count(0)


def test_clock_is_driven_from_the_page(opened: Open) -> None:
    page, server = opened()
    _ready(page)
    page.get_by_role("button", name="Speed 5 times").click()
    expect(page.get_by_role("button", name="Speed 5 times")).to_have_attribute(
        "aria-pressed", "true"
    )
    page.get_by_role("button", name="Pause the market clock").click()
    expect(page.get_by_role("button", name="Run the market clock")).to_be_visible()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Pause the market clock")).to_be_visible()
    assert server.backend.orders == [{"speed": 5}, {"pause": True}, {"run": True}]


def test_a_click_leaves_space_and_enter_to_the_page_and_a_key_does_not(opened: Open) -> None:
    page, server = opened()
    _ready(page)
    page.get_by_role("button", name="15m", exact=True).click()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("NIFTY BANK")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Run the market clock")).to_be_visible()
    page.get_by_role("button", name="30m", exact=True).focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="30m", exact=True)).to_be_focused()
    expect(page).to_have_url(re.compile("/30m$"))
    assert server.backend.orders == [{"pause": True}], "the button had the key"


@pytest.mark.parametrize(
    ("source", "badge"), [("simulated", "DEMO"), ("tape", "TAPE"), ("replay", "REPLAY")]
)
def test_prices_that_are_not_the_markets_are_marked(opened: Open, source: str, badge: str) -> None:
    backend = Backend(instruments=120)
    backend.clock.source = source
    page, _ = opened(backend)
    _ready(page)
    expect(page.locator(".top .badge")).to_have_text(badge)
    expect(page).to_have_title(re.compile(rf"^{badge} · NIFTY 50 "))
    expect(page.locator("link[rel=icon]")).to_have_attribute("href", f"./icon-{source}.svg")
    expect(page.locator(".pulse")).to_contain_text("playing")
    expect(page.locator(".pulse")).not_to_contain_text("live")
    page.get_by_role("button", name="Pause the market clock").click()
    expect(page.locator(".pulse")).to_contain_text("paused")


def test_a_live_market_has_no_badge(opened: Open) -> None:
    backend = Backend(instruments=120)
    backend.clock.source = "live"
    page, _ = opened(backend)
    _ready(page)
    expect(page.locator(".pulse")).to_contain_text("live")
    expect(page.locator(".badge")).to_have_count(0)
    expect(page).to_have_title(re.compile(r"^NIFTY 50 "))


def test_lost_connection_is_said_and_the_page_comes_back_by_itself(opened: Open) -> None:
    page, server = opened()
    _ready(page)
    server.backend.refuse_sockets = True
    server.drop_sockets()
    banner = page.get_by_role("alert")
    expect(banner).to_contain_text("Not connected")
    expect(page.locator(".rows .row:not(.stale)")).to_have_count(0)
    stopped = page.locator("time").inner_text()
    page.wait_for_timeout(1_500)
    expect(page.locator("time")).to_have_text(stopped)
    before = len(server.backend.subscribed)
    server.backend.refuse_sockets = False
    expect(banner).to_have_count(0, timeout=10_000)
    expect(page.locator(".rows .row.stale")).to_have_count(0)
    last = page.locator('[data-key="BSE:SENSEX"] .last')
    expect(last).not_to_have_text(last.inner_text())
    channels = [wish["channel"] for wish in server.backend.subscribed[before:]]
    assert sorted(channels) == ["candles", "health", "quotes", "quotes"]


def test_socket_that_says_nothing_is_replaced(opened: Open) -> None:
    page, server = opened(fake_clock=True)
    _ready(page)
    server.backend.silent = True
    sockets = len(server.backend.subscribed)
    for _ in range(5):  # what was on its way when the server fell silent is still heard
        page.clock.fast_forward(6_000)
        page.wait_for_timeout(200)
        if page.get_by_role("alert").count():
            break
    expect(page.get_by_role("alert")).to_contain_text("Not connected")
    server.backend.silent = False
    page.clock.fast_forward(6_000)
    expect(page.get_by_role("alert")).to_have_count(0)
    assert len(server.backend.subscribed) > sockets


def test_old_values_are_grey_and_say_their_age(opened: Open) -> None:
    page, _ = opened(Backend(instruments=120, frozen={"NSE:NIFTY BANK": 12.0}))
    _ready(page)
    old, fresh = (page.locator(f'[data-key="{key}"]') for key in ("NSE:NIFTY BANK", "BSE:SENSEX"))
    expect(old).to_have_class(re.compile("stale"))
    expect(old.locator(".age")).to_have_text(re.compile(r"^1\d s$"))
    expect(fresh).not_to_have_class(re.compile("stale"))
    expect(fresh.locator(".age")).to_have_text("")
    colours = [
        row.locator(".last").evaluate("cell => getComputedStyle(cell).color")
        for row in (old, fresh)
    ]
    assert colours[0] != colours[1]


def test_phase_and_age_are_those_of_the_instruments_own_class(opened: Open) -> None:
    frozen = {"NSE:INFY": 12.0, "NFO:INFY26NOVFUT": 12.0}
    page, _ = opened(Backend(instruments=120, frozen=frozen, phases={"cas": "closing_entry"}))
    _ready(page)
    phase = page.locator(".top .phase")
    expect(phase).to_have_text("continuous")
    page.get_by_role("searchbox").fill("infy")
    share, future = (page.locator(f'[data-key="{key}"]') for key in frozen)
    share.click()
    expect(phase).to_have_text("closing entry")
    expect(share).not_to_have_class(re.compile("stale"))
    expect(future).to_have_class(re.compile("stale"))
    future.click()
    expect(phase).to_have_text("continuous")
    expect(page.locator(".quote.stale")).to_be_visible()


def test_missed_message_makes_the_page_subscribe_anew(opened: Open) -> None:
    page, server = opened()
    _ready(page)
    before = {wish["id"] for wish in server.backend.subscribed}
    with page.expect_request(re.compile("/api/quotes")):
        server.backend.skips = 8
    expect(page.get_by_role("alert")).to_have_count(0)
    page.wait_for_function("() => document.querySelector('.rows .row:not(.stale)') !== null")
    assert {wish["id"] for wish in server.backend.subscribed} > before


def test_ended_session_says_how_to_get_a_new_one(opened: Open) -> None:
    page, server = opened()
    _ready(page)
    server.backend.locked = True
    server.drop_sockets()
    expect(page.locator(".locked")).to_contain_text("firki link --demo")
    expect(page.get_by_role("grid")).to_have_count(0)
    page.wait_for_timeout(500)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.wait_for_timeout(6_000)
    assert asked == [], "it does not go on trying"


def test_times_are_indian_and_numbers_grouped_in_any_zone(opened: Open) -> None:
    page, _ = opened(zone="America/New_York", scheme="light")
    _ready(page)
    expect(page.locator("time")).to_have_text(re.compile(r"^11:2\d:\d\d$"))
    expect(page.locator(".legend .when")).to_have_text("11:20")
    page.locator('[data-key="NSE:INFY"]').click()
    depth = page.get_by_role("table", name="Order book")
    expect(depth.locator("tbody tr")).to_have_count(5)
    volume = page.locator('[data-key="NSE:INFY"] .volume .full')
    expect(volume).to_have_text(re.compile(r"^\d,\d\d,\d{3}$"))
    quote = page.get_by_role("region", name="Quote")
    expect(quote).to_contain_text(re.compile(r"Last trade\s*11:2\d:\d\d"))


@pytest.mark.parametrize("size", [(1440, 900), (1280, 720), (390, 844)])
def test_long_prices_have_room_in_the_order_book(opened: Open, size: tuple[int, int]) -> None:
    page, _ = opened(size=size, path="#NFO%3ABANKNIFTY26NOVFUT/5m")
    depth = page.get_by_role("table", name="Order book")
    expect(depth.locator("tbody")).to_contain_text(re.compile(r"\d\d,\d{3}\.\d\d"))
    cut = depth.evaluate(
        """table => [...table.querySelectorAll("tbody td")]
        .filter(cell => cell.scrollWidth > cell.clientWidth).map(cell => cell.textContent)"""
    )
    assert cut == []
    panel, box = page.locator(".quote").bounding_box(), depth.bounding_box()
    assert panel is not None
    assert box is not None
    assert box["x"] + box["width"] <= panel["x"] + panel["width"]
    assert box["y"] + box["height"] <= panel["y"] + panel["height"]


def test_feed_panel_counts_the_age_of_the_data_in_tenths(opened: Open) -> None:
    page, _ = opened()
    _ready(page)
    feed = page.get_by_role("region", name="Feed")
    expect(feed.locator("[data-age]")).to_have_text(re.compile(r"^\d\.\d s$"))
    for words in ("Acknowledged", "Gaps", "Backlog", "main 1", "Refused: outside session"):
        expect(feed).to_contain_text(words)
    expect(feed).to_contain_text(re.compile("Before the mode change *500"))
    expect(feed).not_to_contain_text("lower mode")
    unexplained = feed.locator(".pairs > div:not([title]), th:not([title]), .label:not([title])")
    expect(unexplained).to_have_count(0)


def test_further_intervals_of_the_server_are_offered_after_the_usual_ones(opened: Open) -> None:
    page, _ = opened(Backend(instruments=120, intervals=["90m", "120m"]))
    _ready(page)
    buttons = page.get_by_role("group", name="Interval").get_by_role("button")
    names = ["1m", "2m", "3m", "4m", "5m", "10m", "15m", "30m", "60m", "D", "90m", "120m"]
    expect(buttons).to_have_text(names)
    buttons.get_by_text("90m").click()
    expect(page).to_have_url(re.compile("/90m$"))
    expect(page.locator(".legend")).to_contain_text("forming")
    page.keyboard.press("9")
    expect(page).to_have_url(re.compile("/60m$"))
    page.keyboard.press("d")
    expect(page).to_have_url(re.compile("/day$"))


def test_bars_of_a_week_do_not_hold_up_the_stream(opened: Open) -> None:
    page, server = opened(Backend(instruments=120, intervals=["week"]))
    _ready(page)
    page.get_by_role("button", name="W", exact=True).click()
    expect(page).to_have_url(re.compile("/week$"))
    expect(page.locator(".legend")).to_be_visible()
    wished = [wish.get("interval") for wish in server.backend.subscribed]
    assert "week" not in wished


def test_light_and_dark_follow_the_system(opened: Open) -> None:
    page, _ = opened(scheme="light")
    _ready(page)
    ground = "getComputedStyle(document.querySelector('.watch')).backgroundColor"
    light = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(ground) != light


def test_on_a_phone_nothing_is_wider_than_the_screen_and_a_tap_leads_to_the_chart(
    opened: Open,
) -> None:
    backend = Backend(instruments=120)
    backend.clock.order({"speed": 59.9437})
    page, _ = opened(backend, size=(390, 844))
    _ready(page)
    expect(page.locator(".drive .own")).to_have_text("59.9×")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    tops = [
        page.locator(f".top {part}").bounding_box() for part in (".badge", "time", ".ask", ".pulse")
    ]
    first, *others = [box["y"] + box["height"] / 2 for box in tops if box]
    assert [abs(y - first) < 8 for y in others] == [True, True, False], "two rows"
    page.locator('[data-key="BSE:SENSEX"]').click()
    expect(page.locator(".surface")).to_be_in_viewport(ratio=0.7)
    expect(page.locator("h1")).to_be_in_viewport()


def test_the_chart_stays_where_it_is_whatever_its_head_says(opened: Open) -> None:
    page, _ = opened(size=(1280, 720))
    _ready(page)
    tops = set()
    for key in ("BSE:SENSEX", "NSE:INFY", "NFO:NIFTY26NOV24500CE"):
        page.get_by_role("searchbox").fill(key.split(":")[1])
        page.locator(f'[data-key="{key}"]').click()
        expect(page.locator(".legend")).to_be_visible()
        box = page.locator(".surface").bounding_box()
        assert box is not None
        tops.add(box["y"])
        legend = page.locator(".legend").bounding_box()
        assert legend is not None
        assert legend["height"] < 24, "one line"
    assert len(tops) == 1
