"""axe-core on the report, where it is installed: it is no dependency, and CI has no network.

npm install --prefix /tmp/axe axe-core
AXE_CORE=/tmp/axe/node_modules/axe-core/axe.min.js make test
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.report.test_report_browser import Page, driver, judged_twice, report  # noqa: F401

AXE = Path(os.environ.get("AXE_CORE", ""))

pytestmark = pytest.mark.skipif(
    not AXE.is_file(), reason="axe-core is not here: AXE_CORE=.../axe.min.js"
)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("which", ["report", "judged_twice"])
def test_axe_finds_no_serious_fault(driver, request, which, width, dark):  # noqa: F811
    """Figures drawn and a trial opened: nothing serious or critical by any of axe's rules."""
    page = Page(driver, request.getfixturevalue(which)).open(width=width, dark=dark)
    page.see_all()
    page.run("document.querySelector('#evidence-list details').open = true")
    driver.execute_cdp_cmd("Runtime.evaluate", {"expression": AXE.read_text("utf-8")})
    driver.set_script_timeout(300)
    violations = driver.execute_async_script(
        "axe.run(document, {resultTypes: ['violations']}).then((r) => arguments[0](r.violations))"
    )
    serious = [v for v in violations if v["impact"] in ("serious", "critical")]
    assert [(v["id"], v["nodes"][0]["html"]) for v in serious] == []
