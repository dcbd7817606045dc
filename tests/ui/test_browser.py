"""The pages in a real browser: what a person does, sees, and can reach with a keyboard.

Screenshots go to tests/ui/screenshots/, which git ignores.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from isoloss.ui.state import PAGES
from tests.ui.server import Server

pytestmark = pytest.mark.browser

ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-quic", "--no-first-run"),
)
SHOTS = Path(__file__).parent / "screenshots"
SIZES = {"wide": (1440, 900), "phone": (375, 812)}
MOST_MS = 300
WAIT_MS = 120_000  # for what takes seconds on a machine of its own
MOVES, FASTEST = 12, 3


def chromium() -> str | None:
    """The browser of the system."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


@dataclass
class Watched:
    """A page, and everything that it should not do."""

    page: Any
    server: Server
    wrong: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.goto(f"{self.server.origin}{path}")
        self.ready()

    def ready(self, times: int = 1) -> None:
        """Wait until everything that was asked for is on the screen."""
        self.until(f"Number(document.body?.dataset.ready ?? 0) >= {times}")

    def until(self, holds: str, seconds: float = 120) -> None:
        """Wait for a condition; the pages forbid the evaluation that Playwright's own way needs."""
        until = time.monotonic() + seconds
        while True:
            try:
                if self.page.evaluate(holds):
                    return
            except Exception as error:  # the page was about to be replaced
                if "context was destroyed" not in str(error):
                    raise
            assert time.monotonic() < until, holds
            self.page.wait_for_timeout(20)

    def get(self, name: str) -> Any:
        return self.page.get_by_test_id(name)

    @property
    def query(self) -> str:
        return urlsplit(self.page.url).query


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    path = chromium()
    if path is None:
        if os.environ.get("ISOLOSS_BROWSER_TESTS") == "require":
            pytest.fail("there is no Chromium, and these tests must run here")
        pytest.skip("there is no Chromium on this machine (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield opened
        opened.close()


@pytest.fixture
def watch(browser, server) -> Iterator[Callable[..., Watched]]:
    """Open pages that may ask no other host and must write no error to the console."""
    opened: list[tuple[Any, Watched]] = []

    def make(size: str = "wide", scheme: str = "light", **options: Any) -> Watched:
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, **options
        )
        context.set_default_timeout(WAIT_MS)
        watched = Watched(context.new_page(), server)

        def judge(request: Any) -> None:
            parts = urlsplit(request.url)
            if parts.scheme not in ("data", "blob") and parts.netloc != f"127.0.0.1:{server.port}":
                watched.wrong.append(f"asked {request.url}")

        watched.page.on("request", judge)
        watched.page.on("pageerror", lambda error: watched.wrong.append(f"error {error}"))
        watched.page.on(
            "console",
            lambda line: line.type in ("error", "warning") and watched.wrong.append(line.text),
        )
        opened.append((context, watched))
        return watched

    yield make
    for context, watched in opened:
        context.close()
        assert watched.wrong == []


@pytest.fixture(scope="session")
def state(browser, server, small_ladder_path) -> str:
    """The query of a state in which every page has something to show."""
    context = browser.new_context()
    context.set_default_timeout(WAIT_MS)
    page = Watched(context.new_page(), server)
    page.open("/")
    page.get("sample").click()
    page.page.wait_for_url("**/runs?data=*")
    page.open(f"/fit?{page.query}")
    page.get("law-coupled").check()
    page.get("start-fit").click()
    page.until("document.querySelectorAll('[data-testid=parameters]').length == 2")
    found = page.query
    page.open(f"/backtest?{found}")
    page.get("start-backtest").click()
    page.get("verdict").wait_for()
    page.open(f"/pilot?{found}")
    page.get("start-pilot").click()
    page.page.get_by_text("What the runs leave open").wait_for()
    context.close()
    return found


def test_from_a_dropped_table_to_a_plan(watch, small_ladder_path) -> None:
    page = watch()
    page.open("/")
    text = small_ladder_path.read_text(encoding="utf-8")
    transfer = page.page.evaluate_handle(
        """text => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([text], "sweep.csv", { type: "text/csv" }));
            return transfer;
        }""",
        text,
    )
    page.page.dispatch_event("main", "drop", {"dataTransfer": transfer})
    page.page.wait_for_url("**/runs?data=*")
    page.ready()
    assert page.get("kpi-runs").inner_text() == "237"
    assert page.get("source").inner_text().startswith("sweep.csv")
    page.get("where").fill("study = 'ladder'")
    page.get("loss-unit").select_option("nats/byte")
    page.get("reread").click()
    page.page.wait_for_url("**where=*")
    page.ready()
    assert page.get("kpi-runs").inner_text() == "126"
    page.get("nav-fit").click()
    page.ready()
    page.get("start-fit").click()
    page.get("status").wait_for()
    assert page.get("status").inner_text() == "ok"
    page.get("to-plan").click()
    page.ready()
    assert page.get("kpi-n").inner_text() == "277k"
    command = page.get("command").inner_text()
    assert command.splitlines()[0].startswith("isoloss fit sweep.csv --where")
    # The address alone shows the same again.
    other = watch()
    other.open(f"/plan?{page.query}")
    assert other.get("kpi-n").inner_text() == "277k"


def test_progress_is_shown_until_a_fit_is_there(watch, state) -> None:
    page = watch()
    page.open(f"/fit?{state}")
    page.get("choose").click()
    page.page.get_by_text("Objective, intervals and seed").click()
    page.get("seed").fill("11")
    page.get("law-farseer").check()
    page.get("start-fit").click()
    page.get("job").first.wait_for()
    assert page.page.get_by_role("progressbar").first.is_visible()
    page.until("document.querySelectorAll('[data-testid=parameters]').length === 3")
    page.until("!document.querySelector('[data-job]')")


def test_the_decision_follows_the_slider(watch, state) -> None:
    page = watch()
    page.open(f"/plan?{state}")
    before = page.get("kpi-n").inner_text()
    times: list[float] = []
    for move in range(MOVES):
        share = share_of_a_core()
        took = page.page.evaluate(_MOVE, 12.2 + 0.2 * move)
        times.append(took * min(share, share_of_a_core()))
        assert page.get("kpi-n").inner_text() != before
        before = page.get("kpi-n").inner_text()
        flop = page.get("flop").input_value()
        assert f"flop={flop}" in page.query
        assert page.get("kpi-flop").inner_text() == flop
    assert f"isoloss plan {flop} --fit fit.json" in page.get("command").inner_text()
    assert f"flop={flop}" in page.get("pdf-iso-loss").get_attribute("href")
    diamond = page.page.evaluate(
        "document.querySelector('[data-testid=figure-iso-loss] .canvas').data"
        ".filter(trace => trace.marker?.symbol === 'diamond').map(trace => trace.x[0])"
    )
    assert diamond[0] == pytest.approx(float(flop), rel=1e-3)
    print(f"slider to repaint, ms: {[round(one) for one in times]}")
    assert sorted(times)[FASTEST - 1] < MOST_MS, times
    address = page.page.url
    assert "place=" not in address
    page.page.reload()
    page.ready()
    assert page.get("kpi-n").inner_text() == before


def share_of_a_core() -> float:
    """How much of a core this process gets: 1 on a machine of its own, less on a busy one.

    The limit holds for a machine of its own; what others take from it is no matter of the pages.
    """
    wall, used = time.perf_counter(), time.process_time()
    while time.process_time() - used < 0.02:
        pass
    return min(1.0, (time.process_time() - used) / (time.perf_counter() - wall))


# From the input event until numbers and figures are drawn and a frame was painted.
_MOVE = """place => new Promise(done => {
    const slider = document.querySelector("input[type=range]");
    const was = document.body.dataset.ready;
    slider.value = place;
    const begun = performance.now();
    new MutationObserver((_, seen) => {
        if (document.body.dataset.ready === was) return;
        seen.disconnect();
        requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - begun)));
    }).observe(document.body, { attributes: true });
    slider.dispatchEvent(new Event("input", { bubbles: true }));
})"""


def test_a_fast_slider_ends_where_it_stopped(watch, state) -> None:
    page = watch()
    page.open(f"/plan?{state}")
    page.page.evaluate(
        """() => {
            const slider = document.querySelector("input[type=range]");
            for (let place = 11; place <= 14; place += 0.1) {
                slider.value = place;
                slider.dispatchEvent(new Event("input", { bubbles: true }));
            }
        }"""
    )
    page.ready(2)
    last = float(page.page.locator("input[type=range]").input_value())
    assert float(page.get("flop").input_value()) == pytest.approx(10**last, rel=5e-3)
    assert page.page.evaluate("document.body.dataset.ready") == "2"


def test_the_slider_moves_by_keyboard(watch, state) -> None:
    page = watch()
    page.open(f"/plan?{state}")
    before = page.get("flop").input_value()
    page.get("slider").focus()
    page.page.keyboard.press("ArrowRight")
    page.ready(2)
    assert float(page.get("flop").input_value()) > float(before)


def test_exports_and_copy(watch, state, tmp_path) -> None:
    page = watch(permissions=["clipboard-read", "clipboard-write"])
    page.open(f"/plan?{state}")
    for name, head in (("pdf-iso-loss", b"%PDF"), ("pdf-isoflop", b"%PDF")):
        with page.page.expect_download() as download:
            page.get(name).click()
        target = tmp_path / download.value.suggested_filename
        download.value.save_as(target)
        assert target.read_bytes().startswith(head)
    with page.page.expect_download() as download:
        page.get("report").click()
    target = tmp_path / download.value.suggested_filename
    download.value.save_as(target)
    report = target.read_text(encoding="utf-8")
    assert target.name == "isoloss-report.html"
    assert page.get("kpi-n").inner_text() in report
    page.get("copy-command").click()
    page.page.get_by_text("Copied").wait_for()
    copied = page.page.evaluate("navigator.clipboard.readText()")
    assert copied == page.get("command").inner_text()


def test_dark_follows_the_reader(watch, state) -> None:
    page = watch()
    page.open(f"/plan?{state}")
    ground = "getComputedStyle(document.body).backgroundColor"
    paper = "document.querySelector('.js-plotly-plot').layout.paper_bgcolor"
    light = page.page.evaluate(f"[{ground}, {paper}]")
    page.page.emulate_media(color_scheme="dark")
    page.ready(2)
    dark = page.page.evaluate(f"[{ground}, {paper}]")
    assert light[1] == "#ffffff"
    assert all(a != b for a, b in zip(light, dark, strict=True))
    card = page.page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor")
    assert card == "rgb(20, 23, 27)"
    assert dark[1] == "#14171b"  # a figure lies on its card without an edge


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_is_accessible_and_fits(watch, state, name, scheme, size) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = watch(size, scheme)
    page.open(f"/{name}?{state}")
    SHOTS.mkdir(exist_ok=True)
    page.page.screenshot(path=SHOTS / f"{name}-{size}-{scheme}.png", full_page=True)
    wider = page.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wider <= 0, f"{wider} px wider than the screen"
    found = Axe().run(page.page, options={"resultTypes": ["violations"]}).response["violations"]
    said = [f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}" for one in found]
    assert said == []
    assert page.page.title().startswith({"pilot": "Pilot"}.get(name, name.capitalize()))


@pytest.mark.parametrize("path", ["/runs", "/fit", "/plan?flop=1e24", "/runs?data=gone"])
def test_empty_pages_are_accessible(watch, path) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = watch()
    page.open(path) if "gone" not in path else page.page.goto(f"{page.server.origin}{path}")
    page.ready()
    SHOTS.mkdir(exist_ok=True)
    shot = path.strip("/").replace("?", "-").replace("=", "-")
    page.page.screenshot(path=SHOTS / f"empty-{shot}.png", full_page=True)
    found = Axe().run(page.page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [one["id"] for one in found] == []
    page.wrong = [line for line in page.wrong if "404 (Not Found)" not in line]


def test_a_keyboard_reaches_everything(watch, state) -> None:
    page = watch()
    page.open(f"/plan?{state}")
    reached: list[str] = []
    for _ in range(60):
        page.page.keyboard.press("Tab")
        found = page.page.evaluate(
            """() => {
                const at = document.activeElement;
                const look = getComputedStyle(at);
                const seen = look.outlineStyle !== "none" && parseFloat(look.outlineWidth) > 0;
                const name = at.dataset.testid ?? at.className ?? at.tagName;
                return [name, seen || at === document.body];
            }"""
        )
        assert found[1], f"no focus is shown on {found[0]}"
        reached.append(found[0])
    wanted = page.page.evaluate(
        """[...document.querySelectorAll("a, button, input:not([type=hidden]), select")]
            .filter(one => one.dataset.testid && one.checkVisibility())
            .map(one => one.dataset.testid)"""
    )
    assert set(wanted) <= set(reached)
    assert reached[0] == "skip"
    page.page.keyboard.press("Home")
    page.page.evaluate("document.activeElement.blur()")


def test_pages_are_whole_without_a_script(watch, state) -> None:
    page = watch(java_script_enabled=False)
    for name in PAGES:
        page.page.goto(f"{page.server.origin}/{name}?{state}")
        assert page.page.locator("h1").is_visible()
        assert page.page.locator("noscript img").count() == page.page.locator("figure").count()
    page.page.goto(f"{page.server.origin}/plan?{state}")
    assert page.get("kpi-n").is_visible()
    assert not page.get("slider").is_visible()
    page.get("flop").fill("5e12")
    page.get("plan").click()
    assert page.get("kpi-flop").inner_text() == "5e12"
    # A fit goes on by itself: the page asks again every two seconds.
    page.page.goto(f"{page.server.origin}/fit?{state}")
    page.page.locator("summary").first.click()
    page.get("law-interaction").check()
    page.get("start-fit").click()
    page.get("card-interaction").get_by_test_id("parameters").wait_for()
