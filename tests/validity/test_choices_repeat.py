"""Trials that are asked again: what is implied does not depend on how sure a judge says it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from tests.planted.answers import JudgePlan
from tests.planted.studies import study_text

from ethogram.api import run_study
from ethogram.store.store import Store
from ethogram.study import parse_study
from ethogram.validity.measure import measure_validity

WORDS = ("warm", "blunt", "formal", "playful", "cautious", "bold", "calm", "wise", "cool", "humble")


def retest_of(path):
    with Store.read(path) as store:
        (judge,) = measure_validity(store, corrections=False).judges
    (found,) = judge.retests.values()
    return found


@pytest.fixture
def asked_again(planted, store_path, word_list):
    """Run a study of ten traits, each pair six times, and its retest."""
    server = planted(traits=WORDS, resample=True, judges={"judge": JudgePlan(accuracy=0.9)})
    text = study_text(server.base_url, traits=word_list(*WORDS), repeats=6)
    text += "\n[validity]\nretest = 0.5\n"
    study = parse_study(text, path=store_path.parent / "study.toml")
    for checks in ((), ("retest",)):
        assert run_study(study, store=store_path, checks=checks).run.stopped is None
    return store_path


@pytest.mark.parametrize("lean", [0.01, 0.4])
def test_reliability_is_that_of_the_choices(asked_again, lean):
    """With probabilities near one half the rated win rates hardly differ; the choices do."""
    words = retest_of(asked_again)
    assert 0.2 < words.overall.low < words.overall.estimate < words.overall.high < 1
    with closing(sqlite3.connect(asked_again)) as db:
        db.execute(
            """UPDATE verdict SET p_first = 0.5 + :lean * CASE WHEN winner = (
                SELECT CASE WHEN j.swapped THEN t.trait_2 ELSE t.trait_1 END
                FROM judging j JOIN trial t ON t.id = j.trial WHERE j.id = verdict.judging)
            THEN 1 ELSE -1 END WHERE winner IS NOT NULL""",
            {"lean": lean},
        )
        db.commit()
    by_p = retest_of(asked_again)
    assert by_p.repeats == words.repeats
    assert by_p.overall == words.overall
