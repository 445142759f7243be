"""Every other way of asking, end to end on the embedded model: six traits, no key, no network."""

from __future__ import annotations

import pytest
from tests.engine.test_local_model import weights_or_skip

from ethogram.api import plan_study, run_study, write_report
from ethogram.run.ways import WAYS
from ethogram.store.read import count_stages
from ethogram.store.store import Store
from ethogram.study import parse_study
from ethogram.validity.asked import find_sections
from ethogram.validity.results import StoreResults

TEXT = """
[study]
name = "otherwise, small"
traits = ["poetic", "formal", "playful", "concise", "sarcastic", "enthusiastic"]
prompts = ["How do I boil an egg?", "Tell me about the sea.", "I am tired today."]
wordings = 2
[templates]
set = "blunt"
[models.smollm2]
model = "local/smollm2"
system = "You help the guests of a small hotel."
temperature = 0.7
seed = 1
max_tokens = 10
concurrency = 4
[judges.smollm2]
model = "local/smollm2"
verdict = "letter"
orders = "both"
temperature = 0.0
concurrency = 4
[persistence]
turns = [1, 3]
conversations = 3
[free]
share = 0.4
[self_report]
meetings = 1
items = 2
contexts = ["fresh"]
[breadth]
prompts = 3
max_tokens = 12
"""


@pytest.mark.slow
def test_each_way_runs_on_the_local_model_and_stands_in_the_report(tmp_path):
    """All is asked, accounted for, said in a section, and not asked again."""
    weights_or_skip()
    study, path = parse_study(TEXT, path=tmp_path / "s.toml"), tmp_path / "s.db"
    assert set(plan_study(study, store=path).ways) == set(WAYS)
    assert run_study(study, store=path).run.stopped is None
    # So small a model hardly says one of two words of itself: that is counted, not stopped at.
    assert run_study(study, store=path, ways=None, brake=False).run.stopped is None
    with StoreResults.open(path) as results:
        sections = find_sections(results)
    assert {section.name for section in sections} >= {*WAYS, "wordings"}
    with Store.read(path) as store:
        counts = count_stages(store)
    assert not any(count.pending for count in counts)
    assert all(count.done for count in counts if count.part != "stated")
    assert {count.part for count in counts} >= {"main", "persistence", "free", "breadth"}
    page = write_report(path).read_text("utf-8")
    assert all(f'<section id="{name.replace("_", "-")}"' in page for name in WAYS)
    assert all(section.claims for section in sections)
