"""Each bridge's page does what it says, on the study in the box."""

from __future__ import annotations

import pytest
from tests.bridges.pages import run_page
from tests.planted.service import good, service

from ethogram.store.demo import unpack_demo


@pytest.fixture
def study(tmp_path):
    """Return a folder with the study in the box as study.db."""
    unpack_demo(tmp_path).rename(tmp_path / "study.db")
    return tmp_path


def test_the_hugging_face_page_runs(study):
    """Export, load and ratings print what docs/hugging-face.md shows."""
    pytest.importorskip("datasets")
    assert run_page("hugging-face.md", study, HF_HOME=str(study / "home")) >= 3


def test_the_every_eval_ever_page_runs(study):
    """Records are written, and the validator finds nothing in them."""
    pytest.importorskip("every_eval_ever")
    assert run_page("every-eval-ever.md", study) >= 2


JUDGE = """
[study]
name = "chats"
traits = "quickstart"
[judges.owl]
model = "owl"
base_url = "{url}"
"""


def test_the_inspect_page_runs(study):
    """Logs are written, read by Inspect, and judged as transcripts."""
    pytest.importorskip("inspect_ai")
    with service(good) as served:
        (study / "judge.toml").write_text(JUDGE.format(url=served.url), encoding="utf-8")
        assert run_page("inspect.md", study) >= 4
