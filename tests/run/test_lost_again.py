"""What was lost and may pass is asked again by a run that asks its like, and by no other."""

from __future__ import annotations

import pytest
from tests.planted.answers import JudgePlan
from tests.planted.studies import rows, study_text

from ethogram.api import check_study, run_study
from ethogram.study import parse_study

LOST = """SELECT d.name, count(v.judging), sum(v.status = 'unparsed') FROM judging j
    JOIN party d ON d.id = j.judge LEFT JOIN verdict v ON v.judging = j.id
    WHERE j.part = 'main' GROUP BY 1 ORDER BY 1"""
JUDGES = {"judge": {}, "judge-two": {}}


@pytest.fixture
def lossy(planted, store_path):
    """Return a study whose first judge has lost verdicts that have tries left."""
    neither = JudgePlan(tie=0.3, tie_word="neither")  # which is no answer without ties = true
    url = planted(judges={"judge": neither, "judge-two": JudgePlan()}).base_url
    once = study_text(url, judges=JUDGES, max_trials=60, max_lost=1.0, unparsed_attempts=1)
    run_study(parse_study(once), store=store_path)
    (_, done, lost), two = rows(store_path, LOST)
    assert done == 60
    assert 5 < lost < 40
    assert two == ("judge-two", 60, 0)
    return parse_study(once.replace("unparsed_attempts = 1", "unparsed_attempts = 3"))


def test_a_run_of_another_judge_leaves_losses_as_they_are(lossy, store_path):
    """They are neither asked again nor made pending."""
    before = rows(store_path, LOST)
    run_study(lossy, store=store_path, judges=["judge-two"])
    assert rows(store_path, LOST) == before


def test_so_does_a_check_of_another_part(lossy, store_path):
    before = rows(store_path, LOST)
    check_study(lossy, store=store_path, only=["plants"])
    assert rows(store_path, LOST) == before


def test_a_run_of_the_same_asks_them_again(lossy, store_path):
    """And every one has a verdict or a loss afterwards."""
    before = rows(store_path, "SELECT max(number) FROM attempt")
    run_study(lossy, store=store_path, brake=False)  # none of these answers can be used
    assert before == [(1,)]
    assert rows(store_path, "SELECT max(number) FROM attempt") == [(3,)]
    assert [done for _, done, _ in rows(store_path, LOST)] == [60, 60]


def test_a_run_of_one_model_asks_nothing_again_about_another(planted, store_path):
    """What the judge lost on the other model's replies stays lost."""
    neither = JudgePlan(tie=0.3, tie_word="neither")
    url = planted(judges={"judge": neither}).base_url
    two = {"alpha": {}, "beta": {}}
    once = study_text(url, models=two, max_trials=60, max_lost=1.0, unparsed_attempts=1)
    run_study(parse_study(once), store=store_path, brake=False)
    of = """SELECT m.name, count(v.judging), sum(v.status = 'unparsed'), count(DISTINCT a.id)
        FROM judging j JOIN trial t ON t.id = j.trial JOIN party m ON m.id = t.model
        JOIN verdict v ON v.judging = j.id JOIN attempt b ON b.id = v.attempt
        JOIN attempt a ON a.request = b.request GROUP BY 1 ORDER BY 1"""
    before = rows(store_path, of)
    more = parse_study(once.replace("unparsed_attempts = 1", "unparsed_attempts = 3"))
    run_study(more, store=store_path, brake=False, models=["alpha"])
    after = rows(store_path, of)
    assert after[1] == before[1]
    assert after[0][3] == before[0][3] + 2 * before[0][2] > before[0][3]
