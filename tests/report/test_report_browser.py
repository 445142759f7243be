"""The report in a real browser: headless Chromium with chromedriver (Debian's packages)."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from tests.planted.simulated_store import HOSTILE, fill_store

from ethogram.report import write_report
from ethogram.stimuli.traits import load_traits
from ethogram.store.store import Store

selenium = pytest.importorskip("selenium", reason="selenium is not installed")

from selenium import webdriver  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.remote.webelement import WebElement  # noqa: E402
from selenium.webdriver.support.ui import Select, WebDriverWait  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER),
    reason="no Chromium here: apt-get install chromium chromium-driver",
)

LONG = " ".join(["An answer that has to be scrolled."] * 40)


class Page:
    """A report in a browser."""

    def __init__(self, driver: webdriver.Chrome, path: Path) -> None:
        self.driver, self.path = driver, path

    def open(self, *, width: int = 1280, dark: bool = False, scripts: bool = True) -> Page:
        """Load the report anew at a width and in a colour scheme."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
        off = {"value": not scripts}
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", off)
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        self.driver.get(self.path.as_uri())
        return self

    def one(self, selector: str) -> WebElement:
        """Return the first element of a CSS selector."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        """Return all elements of a CSS selector."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def run(self, script: str, *arguments: object) -> object:
        """Run JavaScript and return what it returns."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition: Callable[[], object]) -> None:
        """Wait until something holds."""
        WebDriverWait(self.driver, 120).until(lambda _: condition())

    def shown(self, table: str) -> list[str]:
        """Return the visible traits of a table, top to bottom."""
        return [head.text for head in self.all(f"#{table} tbody th") if head.is_displayed()]

    def column(self, table: str, place: int) -> list[float]:
        """Return the sort values of a column's visible cells."""
        rows = [r for r in self.all(f"#{table} tbody tr:not(.gap)") if r.is_displayed()]
        cells = (r.find_elements(By.CSS_SELECTOR, "th, td")[place] for r in rows)
        return [float(str(cell.get_attribute("data-v"))) for cell in cells]

    def see_all(self) -> None:
        """Bring every figure into view, so that it becomes interactive."""
        for figure in self.all(".page-figure"):
            self.run("arguments[0].scrollIntoView({behavior: 'instant'})", figure)
            self.wait(lambda figure=figure: "ready" in str(figure.get_attribute("class")))

    def requests(self) -> list[str]:
        """Return the addresses of all requests since the report was opened."""
        log = [json.loads(e["message"])["message"] for e in self.driver.get_log("performance")]
        sent = [m for m in log if m["method"] == "Network.requestWillBeSent"]
        return [m["params"]["request"]["url"] for m in sent]


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    """A headless Chromium that keeps its console and network logs."""
    with open_browser() as browser:
        yield browser


@contextmanager
def open_browser() -> Iterator[webdriver.Chrome]:
    """Start one, and end it."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in (
        "--headless=new",
        "--no-sandbox",  # CI runs as root
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--force-prefers-reduced-motion",  # no smooth scrolling while a click is under way
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(str(DRIVER))
    browser = webdriver.Chrome(options=options, service=service)
    try:
        yield browser
    finally:
        browser.quit()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three models, 44 traits, some of the replies hostile."""
    folder = tmp_path_factory.mktemp("browser")
    traits = load_traits("study144").names[:44]
    replies = {i: HOSTILE if i % 2 else LONG for i in range(0, 946, 3)}
    fill_store(
        folder / "study.db",
        traits=traits,
        models=["first-1.0", "second-2.0", "third-3.0"],
        replies=replies,
        study=f"Study {HOSTILE[6:50]}",
    )
    with Store.read(folder / "study.db") as store:
        return write_report(store, folder / "study.html")


@pytest.fixture(scope="module")
def judged_twice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three models, 44 traits, two judges."""
    folder = tmp_path_factory.mktemp("judges")
    fill_store(
        folder / "study.db",
        traits=load_traits("study144").names[:44],
        models=["first-1.0", "second-2.0", "third-3.0"],
        judges=["owl", "jay"],
        flips={"jay": 0.3},
    )
    with Store.read(folder / "study.db") as store:
        return write_report(store, folder / "study.html")


@pytest.fixture
def page(driver: webdriver.Chrome, report: Path) -> Page:
    """The report, opened at desktop width."""
    return Page(driver, report).open()


def test_opens_without_error_or_request(page):
    """Scrolled through, all figures drawn: a clean console, and no request but the file itself."""
    page.see_all()
    errors = [e for e in page.driver.get_log("browser") if e["level"] in ("SEVERE", "WARNING")]
    assert errors == []
    assert page.requests() == [page.path.as_uri()]


def test_every_figure_has_marks(page):
    """Each interactive figure draws as many texts as its still picture, about."""
    page.see_all()
    assert len(page.all(".page-figure")) >= 7
    for figure in page.all(".page-figure"):
        count = "return arguments[0].querySelectorAll(arguments[1] + ' text').length"
        still, live = (page.run(count, figure, kind) for kind in (".still", ".live"))
        assert live == still > 5, figure.get_attribute("data-figure")


def test_long_list_opens_folded_and_unfolds(page):
    """Of 44 traits the two ends are shown first, all after the button."""
    assert len(page.shown("ranked-table")) == 24
    page.one("[data-unfold=ranked-table]").click()
    assert len(page.shown("ranked-table")) == 44


def test_table_sorts_by_keyboard(page):
    """Enter on a column's head sorts it, again turns it round; the state is told to readers."""
    head = page.all("#all-table thead th")[3]
    button = head.find_element(By.CSS_SELECTOR, "button")
    button.send_keys(Keys.ENTER)
    first = page.column("all-table", 3)
    assert len(first) == 44
    assert first == sorted(first, reverse=True)
    assert head.get_attribute("aria-sort") == "descending"
    button.send_keys(Keys.ENTER)
    assert page.column("all-table", 3) == sorted(first)
    assert head.get_attribute("aria-sort") == "ascending"
    assert len(page.all("#all-table [aria-sort]")) == 1


def test_table_filters_as_one_types(page):
    """A search leaves the traits that hold it, counts them, and gives all back when cleared."""
    box = page.one("[data-filter=all-table]")
    box.send_keys("co")
    traits = page.shown("all-table")
    assert traits
    assert all("co" in trait for trait in traits)
    assert page.one("[data-count=all-table]").text == f"{len(traits)} of 44"
    box.send_keys(Keys.BACKSPACE, Keys.BACKSPACE)
    assert len(page.shown("all-table")) == 44


def test_ranked_list_changes_with_the_model(page):
    """Another model's list has its own caption, and is in the order of its own ranks."""
    before = page.shown("ranked-table")
    Select(page.one("#ranked-model")).select_by_visible_text("second-2.0")
    assert page.one("#ranked-caption").text.startswith("second-2.0: 44 traits from")
    assert page.shown("ranked-table") != before
    ranks = page.column("ranked-table", 0)
    assert ranks == sorted(ranks)
    assert len(ranks) == 24


def test_comparison_changes_and_turns_round(page):
    """Other models give other shifts; swapping the two negates them."""
    Select(page.one("#compare-before")).select_by_visible_text("first-1.0")
    Select(page.one("#compare-after")).select_by_visible_text("third-3.0")
    page.one("#compare-all").click()
    forward = dict(zip(page.shown("compare-table"), page.column("compare-table", 4), strict=True))
    assert "first-1.0 and third-3.0" in page.one("#compare-summary").text
    Select(page.one("#compare-before")).select_by_visible_text("third-3.0")
    assert "two different" in page.one("#compare-summary").text
    Select(page.one("#compare-after")).select_by_visible_text("first-1.0")
    back = dict(zip(page.shown("compare-table"), page.column("compare-table", 4), strict=True))
    shared = set(forward) & set(back)
    assert len(shared) >= 20
    assert all(back[trait] == -forward[trait] for trait in shared)
    Select(page.one("#compare-scale")).select_by_value("scaled")
    assert "scaled to the same spread" in page.one("#compare-summary").text


def test_another_judge_takes_the_place_of_the_first(driver, judged_twice):
    """All between models is then that judge's: findings, lists, comparison, figures; and back."""
    page = Page(driver, judged_twice).open()
    first = page.one("#findings").text
    names = [option.text for option in Select(page.one("#ranked-model")).options]
    shown = page.shown("ranked-table")
    Select(page.one("#view")).select_by_visible_text("jay")
    assert "Judged by jay." in page.one("#findings").text
    assert page.one("#findings").text != first
    assert [option.text for option in Select(page.one("#ranked-model")).options] == names
    assert page.shown("ranked-table") != shown
    assert len(page.shown("ranked-table")) == 24  # folded as before
    Select(page.one("#ranked-model")).select_by_visible_text("third-3.0")
    assert page.one("#ranked-caption").text.startswith("third-3.0: 44 traits from")
    page.one("#compare-all").click()
    assert "of 44 traits differ" in page.one("#compare-summary").text
    captions = [caption.text for caption in page.all("#within .cap")]
    assert len(captions) == 3
    assert all(caption.endswith("Judged by jay.") for caption in captions)
    page.see_all()
    captions = [caption.text for caption in page.all(".page-figure figcaption")]
    assert len(captions) >= 7
    assert all(caption.endswith("Judged by jay.") for caption in captions)
    Select(page.one("#view")).select_by_visible_text("owl")
    assert page.one("#findings").text == first
    assert page.shown("ranked-table") == shown
    page.see_all()
    assert [e for e in driver.get_log("browser") if e["level"] == "SEVERE"] == []
    assert all(address.startswith(("file:", "data:")) for address in page.requests())


@pytest.mark.parametrize("width", [390, 1440])
def test_the_first_judge_is_shown_without_scripts(driver, judged_twice, width):
    """The page says whose it is; the selector, which would do nothing, is not there."""
    page = Page(driver, judged_twice).open(scripts=False, width=width)
    try:
        assert "Judged by owl." in page.one("#findings").text
        assert not page.one("#view").is_displayed()
        assert "Shown first: owl" in page.one(".view-choice").text
        assert "Do the judges agree?" in page.one("#judge").text
    finally:
        page.open()


def test_permalinks_name_what_is_shown(driver, judged_twice):
    """Every link leads somewhere; one to another judge's figure brings that judge up first."""
    page = Page(driver, judged_twice).open()
    Select(page.one("#view")).select_by_visible_text("jay")
    hashes = page.run(
        "return [...document.querySelectorAll('a[href^=\"#\"]:not(.skip)')].map((a) => a.hash)"
    )
    assert all(h.endswith("@jay") for h in hashes)
    missing = page.run(
        "return arguments[0].filter((h) => !document.getElementById(h.slice(1).split('@')[0]))",
        hashes,
    )
    shown = {h for h in missing if page.all(f"nav li:not([hidden]) a[href='{h}']")}
    assert shown == set()
    driver.get("about:blank")
    driver.get(judged_twice.as_uri() + "#figure-ranks@jay")
    assert "Judged by jay." in page.one("#findings").text
    assert Select(page.one("#view")).first_selected_option.text == "jay"
    top = page.run("return document.getElementById('figure-ranks').getBoundingClientRect().top")
    assert -5 <= float(str(top)) < 400


def test_a_trial_has_its_own_address(driver, report):
    """A link to a trial that is far down opens it, whatever is chosen."""
    page = Page(driver, report).open()
    trial = page.run(
        "return JSON.parse(document.getElementById('trials').textContent).trials[99].id"
    )
    driver.get("about:blank")
    driver.get(report.as_uri() + f"#trial-{trial}")
    item = page.one(f"#trial-{trial}")
    page.wait(lambda: item.find_elements(By.CSS_SELECTOR, ".text"))
    assert item.is_displayed()
    assert (
        item.find_element(By.CSS_SELECTOR, ".foot a")
        .get_attribute("href")
        .endswith(f"#trial-{trial}")
    )


def test_every_figure_can_be_taken_away(driver, report):
    """The links of a figure lead to its picture, and to its numbers with the traits or models."""
    keep = """const make = URL.createObjectURL;
        window.kept = {};
        URL.createObjectURL = (blob) => {
            const address = make(blob);
            window.kept[address] = blob;
            return address;
        };"""
    script = driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": keep})
    try:
        page = Page(driver, report).open()
        taken = driver.execute_async_script(
            """const links = [...document.querySelectorAll("[data-get]")];
            Promise.all(links.map(async (a) => [a.download, await window.kept[a.href].text()]))
                .then(arguments[0])"""
        )
    finally:
        driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)
    assert len(taken) == 2 * len(page.all(".page-figure")) > 14
    for name, text in taken:
        if name.endswith(".svg"):
            assert text.startswith("<svg")
            assert 'xmlns="http://www.w3.org/2000/svg"' in text
        else:
            head, *rows = csv.reader(io.StringIO(text))
            assert len(rows) > 2
            assert {len(row) for row in rows} == {len(head)}
            assert {"trait", "model", "Spearman"} & set(head), name


def test_evidence_is_searched_and_filtered_by_judge(driver, judged_twice):
    """Words find their trials; one judge's verdicts are shown; disagreements show both."""
    page = Page(driver, judged_twice).open()
    assert Select(page.one("#evidence-judge")).first_selected_option.text == "owl"
    item = page.one("#evidence-list details")
    page.run("arguments[0].open = true", item)
    page.wait(lambda: item.find_elements(By.CSS_SELECTOR, ".said"))
    assert len(item.find_elements(By.CSS_SELECTOR, ".said")) == 1
    assert "<answer>" not in item.text
    before = page.one("#evidence-count").text
    page.one("#evidence-disagree").click()
    assert page.one("#evidence-count").text != before
    for words in [b.text for b in page.all("#evidence-list summary b")]:
        one, other = re.fullmatch(r"owl: (.*), jay: (.*)", words).groups()
        assert one != other
    page.one("#evidence-disagree").click()
    page.one("#evidence-search").send_keys("no such words anywhere")
    assert page.one("#evidence-count").text == "0 trials here"
    page.one("#evidence-search").clear()
    page.one("#evidence-search").send_keys("cRiTiCaL")
    assert page.all("#evidence-list details")
    Select(page.one("#view")).select_by_visible_text("jay")
    assert Select(page.one("#evidence-judge")).first_selected_option.text == "jay"


def test_contents_close_on_a_phone_and_follow_the_reader(driver, report):
    """A bar that opens by keyboard, closes by Escape, and stays in view; all sections are in it."""
    page = Page(driver, report).open(width=390)
    contents = page.one("nav.contents details")
    assert contents.get_attribute("open") is None
    page.one("nav.contents summary").send_keys(Keys.ENTER)
    assert page.one("nav.contents a").is_displayed()
    webdriver.ActionChains(driver).send_keys(Keys.ESCAPE).perform()
    assert contents.get_attribute("open") is None
    page.run("document.getElementById('judge').scrollIntoView({behavior: 'instant'})")
    page.wait(
        lambda: (
            page.run("return document.querySelector('nav.contents').getBoundingClientRect().top")
            == 0
        )
    )
    page.wait(
        lambda: page.run("return document.querySelector('nav [aria-current]')?.hash") == "#judge"
    )
    sections = page.run(
        "return [...document.querySelectorAll('main section[id]')].map((n) => '#' + n.id)"
    )
    linked = page.run(
        "return [...document.querySelectorAll('nav li:not([hidden]) a')].map((a) => a.hash)"
    )
    assert set(sections) <= set(linked)


def test_table_heads_stay_in_view(page):
    """In the middle of a long list its head is still on the screen, under what else stays."""
    page.one("[data-unfold=ranked-table]").click()
    row = page.all("#ranked-table tbody tr")[30]
    page.run("arguments[0].scrollIntoView({block: 'start', behavior: 'instant'})", row)
    head = page.one("#ranked-table thead th")
    top = float(str(page.run("return arguments[0].getBoundingClientRect().top", head)))
    assert 0 <= top < 60


def test_letters_keep_their_size_on_a_phone(driver, report):
    """No text of the page is smaller than 12 pixels (figures answer for their own)."""
    page = Page(driver, report).open(width=390)
    small = page.run(
        """return [...document.querySelectorAll("body *")].filter((n) => !n.closest(".drawn")
            && [...n.childNodes].some((c) => c.nodeType === 3 && c.textContent.trim())
            && parseFloat(getComputedStyle(n).fontSize) < 12 && n.getClientRects().length)
            .map((n) => n.outerHTML.slice(0, 80))"""
    )
    assert small == []


def test_evidence_opens_for_a_model_and_a_trait(page):
    """Choosing both lists their trials; one opens by keyboard to prompt, reply and verdict."""
    Select(page.one("#evidence-model")).select_by_visible_text("second-2.0")
    Select(page.one("#evidence-trait")).select_by_visible_text("critical")
    items = page.all("#evidence-list details")
    assert items
    assert all("critical" in item.text for item in items)
    items[0].find_element(By.CSS_SELECTOR, "summary").send_keys(Keys.ENTER)
    page.wait(lambda: items[0].find_elements(By.CSS_SELECTOR, ".text"))
    kinds = [b.get_attribute("class") for b in items[0].find_elements(By.CSS_SELECTOR, ".text")]
    assert kinds == ["text prompt", "text reply", "text said"]
    assert "ethogram show study.db" in items[0].text


def test_verdicts_for_a_trait_can_be_chosen(page):
    """Trials won by a trait all name it as the verdict."""
    Select(page.one("#evidence-trait")).select_by_visible_text("bold")
    Select(page.one("#evidence-outcome")).select_by_value("won")
    winners = [b.text for b in page.all("#evidence-list summary b")]
    assert winners
    assert set(winners) == {"bold"}


def test_a_trait_in_the_list_leads_to_its_trials(page):
    """A click on a ranked trait shows that trait's evidence."""
    link = page.all("#ranked-table a.read")[2]
    trait = link.text
    page.run("arguments[0].click()", link)
    assert Select(page.one("#evidence-trait")).first_selected_option.text == trait


def test_hostile_replies_stay_text(page):
    """Opened, they show their own source; no element was made, no script ran."""
    title = page.driver.title
    while page.one("#evidence-more").is_displayed():
        page.one("#evidence-more").click()
    page.run(
        "document.querySelectorAll('#evidence-list details').forEach((d) => { d.open = true })"
    )
    page.wait(lambda: page.all("#evidence-list details:last-of-type .reply"))
    page.run(
        "const last = new Image(); last.onerror = () => { window.lastFailed = true }; "
        "last.src = 'data:,none'"
    )  # pictures of the replies, were there any, failed before it
    page.wait(lambda: page.run("return window.lastFailed"))
    texts = page.run("return [...document.querySelectorAll('.reply')].map((n) => n.textContent)")
    assert sum(HOSTILE in text for text in texts) >= 5
    assert page.run("return document.querySelectorAll('main img, main script').length") == 0
    assert page.driver.title == title
    assert "owned" not in title.replace(HOSTILE[6:50], "")


def test_phone_width_needs_no_sideways_scrolling(driver, report):
    """At 390 pixels the page is as wide as the screen; what is wider pans inside it."""
    page = Page(driver, report).open(width=390)
    page.see_all()
    assert page.run("return document.documentElement.scrollWidth") == 390
    assert page.one("#ranked-table .narrow").is_displayed()
    scrolling = page.run(
        """return [...document.querySelectorAll("main *")].filter((n) =>
            n.scrollWidth > n.clientWidth + 1
            && ["auto", "scroll"].includes(getComputedStyle(n).overflowX)
            && !n.querySelector(":scope > table")).map((n) => n.className)"""
    )
    assert scrolling == []  # tables alone pan


def test_dark_mode_reaches_page_and_figures(driver, report):
    """Both backgrounds are dark, and a figure drawn light turns dark when the scheme changes."""
    page = Page(driver, report).open(dark=True)
    assert page.run("return getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)"
    page.run("document.querySelector('.page-figure').scrollIntoView({behavior: 'instant'})")
    colour = "return document.querySelector('.page-figure .live svg')?.style.backgroundColor"
    page.wait(lambda: page.run(colour) == "rgb(20, 23, 27)")
    light = [{"name": "prefers-color-scheme", "value": "light"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": light})
    page.wait(lambda: page.run(colour) == "rgb(255, 255, 255)")


def test_without_scripts_everything_is_still_readable(driver, report):
    """Pictures, whole tables and some trials are in the page itself."""
    page = Page(driver, report).open(scripts=False)
    try:
        assert len(page.shown("ranked-table")) == 44
        assert page.one("#radial .still svg").is_displayed()
        assert len(page.all("article.trial")) == 5
        assert not page.one("#compare-controls").is_displayed()
    finally:
        page.open()


def test_prints_with_all_rows_and_pictures(page):
    """On paper the lists are whole, the controls are gone, and the pictures are the light ones."""
    driver = page.driver
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert len(page.shown("ranked-table")) == 44
        assert page.one("#radial .still svg").is_displayed()
        assert not page.one("#compare-controls").is_displayed()
    finally:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_every_control_has_a_name_and_can_be_reached(page):
    """Nothing is out of the keyboard's reach, and each control says what it is."""
    unnamed = page.run(
        """return [...document.querySelectorAll('select, input, button, a')].filter((n) => {
            const label = n.closest('label')?.textContent ?? '';
            return !(n.textContent + label + (n.getAttribute('aria-label') ?? '')).trim();
        }).length"""
    )
    assert unnamed == 0
    assert page.run("return document.querySelectorAll('[tabindex=\"-1\"]').length") == 0
    order = page.run(
        "return [...document.querySelectorAll('h1, h2, h3')].map((h) => Number(h.tagName[1]))"
    )
    assert order[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(order))
