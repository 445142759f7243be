"""The studies in examples/ can be run as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from ethogram.run.prepare import prepare
from ethogram.run.ways import WAYS, turned_on
from ethogram.study import load_study

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.toml"))


def test_there_are_examples():
    """An empty list below would pass unseen."""
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_a_study(path, tmp_path, monkeypatch):
    """From any folder: traits, prompts, templates and design are there; no key is needed."""
    monkeypatch.chdir(tmp_path)
    study = load_study(path)
    prepared = prepare(study)
    assert len(prepared.design) >= len(prepared.traits) - 1
    assert all(table.is_local for table in [*study.models.values(), *study.judges.values()])


def test_one_example_asks_in_every_way():
    """In place from a file, in several wordings, and in each way that has a table."""
    (path,) = [path for path in EXAMPLES if path.stem == "otherwise"]
    study = load_study(path)
    deployed = (path.parent / "deployed.md").read_text(encoding="utf-8")
    assert [way.name for way in turned_on(study)] == list(WAYS)
    assert study.study.wordings > 1
    assert [table.system for table in study.models.values()] == ["", deployed.rstrip("\n")]
