"""The viewer in a real browser: keys, links, live counts, the bundle from a folder."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from tests.report.test_report_browser import (  # noqa: F401 - skips without one
    driver,
    open_browser,
    pytestmark,
)
from tests.view.served import TRAITS, fill_studies, serve

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from ethogram.api.view import write_bundle
from ethogram.store.labels import read_draw, read_labels
from ethogram.store.store import Store

AXE = Path(os.environ.get("AXE_CORE", ""))


@pytest.fixture(scope="module")
def viewer(tmp_path_factory):
    """Serve three studies."""
    folder = fill_studies(tmp_path_factory.mktemp("seen"))
    with serve([folder], tmp_path_factory.mktemp("cache")) as served:
        yield served


@pytest.fixture
def browser(driver):  # noqa: F811
    """Return the browser with empty logs, and check at the end that nothing went wrong."""
    size = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    driver.get("about:blank")
    driver.get_log("browser")
    driver.get_log("performance")
    return driver


def _errors(browser):
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def _hosts(browser):
    """Return where requests went."""
    log = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [
        m["params"]["request"]["url"] for m in log if m["method"] == "Network.requestWillBeSent"
    ]
    return {url.split("/")[2] for url in sent if url.startswith("http")}


def _one(browser, selector):
    return browser.find_element(By.CSS_SELECTOR, selector)


def _go(browser, act):
    """Do what leads to another page, and wait until that is there."""
    old = _one(browser, "html")
    act()
    WebDriverWait(browser, 60).until(lambda b: _one(b, "html") != old)


def _press(browser, key):
    """Press a key that leads to the next page."""
    _go(browser, ActionChains(browser).send_keys(key).perform)


def _follow(browser, text, by=By.LINK_TEXT):
    """Follow a link."""
    _go(browser, browser.find_element(by, text).click)


def test_browse_search_and_compare(viewer, browser):
    """From the list to a report, to all replies, to a word in them, to two studies beside."""
    browser.get(viewer.links[0])
    assert browser.current_url == f"{viewer.root}/"
    _follow(browser, "The first study")
    assert len(browser.find_elements(By.CSS_SELECTOR, "#ranked-table tbody tr")) == len(TRAITS)
    _follow(browser, "All replies")
    field = _one(browser, "input[type=search]")
    _go(browser, lambda: field.send_keys("zebra", Keys.ENTER))
    assert len(browser.find_elements(By.CSS_SELECTOR, "article.hit")) == 2
    assert "q=zebra" in browser.current_url
    browser.get(f"{viewer.root}/")
    for key in ("one", "two"):
        _one(browser, f"input[value={key}]").click()
    _go(browser, _one(browser, "form button").click)
    assert "alpha (two)" in _one(browser, "main").text
    assert _errors(browser) == []
    assert _hosts(browser) == {viewer.host}


def test_hostile_replies_do_nothing(viewer, browser):
    """Their scripts and images are text."""
    browser.get(viewer.links[0])
    browser.get(f"{viewer.root}/s/one/replies?q=owned")
    assert browser.title == "Replies"
    assert browser.find_elements(By.CSS_SELECTOR, "main img, main script") == []
    assert "<script>" in _one(browser, ".text.reply").text
    assert _hosts(browser) == {viewer.host}


def test_twenty_labels_by_keyboard_and_an_undo(tmp_path, browser):
    """Every key once at least, no mouse; the last one is taken back and given anew."""
    folder = fill_studies(tmp_path)
    with serve([folder / "one.db"], tmp_path / "cache", labellers=["ann"]) as served:
        browser.get(served.links[0])
        for key in ["1", "2", "b", "n", "u", Keys.ARROW_LEFT, Keys.ARROW_RIGHT, "?", "B", "N"] * 2:
            _press(browser, key)
        assert "20 of " in _one(browser, "[role=status]").text
        _press(browser, "z")
        assert "19 of " in _one(browser, "[role=status]").text
        _press(browser, "1")
        assert _errors(browser) == []
        assert _hosts(browser) == {served.host}
    with Store.read(folder / "one.db") as store:
        kept = [label.answer for label in read_labels(store)]
    assert len(kept) == 20
    assert kept.count("both") == 4
    assert kept.count("neither") == 3  # the fourth was taken back
    assert kept.count("unsure") == 4


def test_the_desk_works_without_scripts(tmp_path, browser):
    """A form is enough."""
    folder = fill_studies(tmp_path)
    with serve([folder / "one.db"], tmp_path / "cache", labellers=["ann"]) as served:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        browser.get(served.links[0])
        _go(browser, _one(browser, "button[value=neither]").click)
        assert "1 of " in _one(browser, "[role=status]").text
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_the_list_follows_a_run(tmp_path, browser):
    """A count changes in the open page when the store does."""
    folder = fill_studies(tmp_path)
    with serve([folder], tmp_path / "cache") as served:
        browser.get(served.links[0])
        cell = _one(browser, "[data-live=two]")
        assert "under way" not in cell.text
        with Store.open(folder / "two.db"):
            WebDriverWait(browser, 20).until(lambda b: "under way" in cell.text)
        WebDriverWait(browser, 20).until(lambda b: "under way" not in cell.text)


def test_a_report_follows_its_run(tmp_path, browser):
    """The open page says what has come since, and shows it when that is asked for."""
    folder = fill_studies(tmp_path)
    with (
        serve([folder], tmp_path / "cache") as served,
        Store.open(folder / "two.db") as store,
    ):
        browser.get(served.links[0])
        browser.get(f"{served.root}/s/two")
        said = _one(browser, "[data-follow=two]")
        WebDriverWait(browser, 20).until(lambda b: "under way" in said.text)
        assert "came since" not in said.text
        store.add_row("DELETE FROM verdict WHERE judging = (SELECT max(judging) FROM verdict)", ())
        browser.refresh()  # drawn less than 30 seconds ago: as it was
        said = _one(browser, "[data-follow=two]")
        shown = int(said.get_attribute("data-shown"))
        browser.execute_script("arguments[0].dataset.shown = arguments[1]", said, shown - 5)
        WebDriverWait(browser, 20).until(
            lambda b: "4 came since this page was drawn. Show them." in said.text
        )
        said.find_element(By.LINK_TEXT, "Show them.").click()
        assert len(browser.find_elements(By.CSS_SELECTOR, "#ranked-table tbody tr")) == len(TRAITS)
        assert _errors(browser) == []
        assert _hosts(browser) == {served.host}
    browser.get("about:blank")


def test_two_people_label_at_once(tmp_path, browser):
    """Each in a window of their own, turn by turn: every label is kept, under their own names."""
    folder = fill_studies(tmp_path)
    with (
        serve([folder / "one.db"], tmp_path / "cache", labellers=["ann", "bea"]) as served,
        open_browser() as second,
    ):
        for window, link in zip((browser, second), served.links, strict=True):
            window.get(link)
        for key in "12bnu" * 2:
            for window in (browser, second):
                _press(window, key)
        for window in (browser, second):
            assert "10 of " in _one(window, "[role=status]").text
            assert _errors(window) == []
    with Store.read(folder / "one.db") as store:
        kept, drawn = read_labels(store), read_draw(store).items
    assert Counter(label.labeller for label in kept) == {"ann": 10, "bea": 10}
    by_one = [{x.trial for x in kept if x.labeller == who} for who in ("ann", "bea")]
    assert by_one[0] & by_one[1] <= {
        item.trial for item in drawn if item.shared
    }  # the others are asked once


def test_a_bundle_opens_from_a_folder(tmp_path, browser):
    """List, report, replies page by page, in its own styles, with no request elsewhere."""
    folder = fill_studies(tmp_path)
    page = write_bundle([folder], tmp_path / "site")
    browser.get(page.as_uri())
    _follow(browser, " and ", By.PARTIAL_LINK_TEXT)
    assert "alpha (two)" in _one(browser, "main").text
    _follow(browser, "All studies")
    width = browser.execute_script(
        "return getComputedStyle(document.querySelector('.page')).maxWidth"
    )
    assert width == "1128px"
    _follow(browser, "The first study")
    assert len(browser.find_elements(By.CSS_SELECTOR, "#ranked-table tbody tr")) == len(TRAITS)
    _follow(browser, "All replies")
    shown = len(browser.find_elements(By.CSS_SELECTOR, "article.hit"))
    _follow(browser, "Next")
    shown += len(browser.find_elements(By.CSS_SELECTOR, "article.hit"))
    assert shown > 50
    _follow(browser, "All studies")
    assert browser.current_url == page.as_uri()
    assert _errors(browser) == []
    assert _hosts(browser) == set()


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not here: AXE_CORE=.../axe.min.js")
@pytest.mark.parametrize("path", ["/", "/s/one/replies", "/s/one/trial/1"])
def test_axe_finds_no_serious_fault_in_the_viewer(viewer, browser, path):
    """Nothing serious or critical by any of axe's rules."""
    browser.get(viewer.links[0])
    browser.get(viewer.root + path)
    assert _faults(browser) == []


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not here: AXE_CORE=.../axe.min.js")
def test_axe_finds_no_serious_fault_at_the_desk(tmp_path, browser):
    """With a reply before the person, and a label that can be undone."""
    folder = fill_studies(tmp_path)
    with serve([folder / "one.db"], tmp_path / "cache", labellers=["ann"]) as served:
        browser.get(served.links[0])
        _press(browser, "1")
        assert _faults(browser) == []


def _faults(browser):
    """Return what axe calls serious or critical."""
    browser.execute_cdp_cmd("Runtime.evaluate", {"expression": AXE.read_text("utf-8")})
    violations = browser.execute_async_script(
        "axe.run(document, {resultTypes: ['violations']}).then((r) => arguments[0](r.violations))"
    )
    serious = [v for v in violations if v["impact"] in ("serious", "critical")]
    return [(v["id"], v["nodes"][0]["html"]) for v in serious]
