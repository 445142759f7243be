"""A whole study with planted truth: who sees, and who acts, is told apart within intervals.

Two judges, one blind for three traits, and two models, one that cannot act and one that acts all
traits but two. Exemplars carry the planted server's mark of the trait that they show.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.planted.answers import JudgePlan, ModelPlan
from tests.planted.server import Config, serve
from tests.planted.studies import study_text

from ethogram.api import run_study
from ethogram.store.store import Store
from ethogram.study import parse_study
from ethogram.validity.measure import judge_sentences, measure_validity

TRAITS = (
    *("warm", "blunt", "poetic", "pedantic", "playful", "patient"),
    *("formal", "skeptical", "curious", "humble", "bold", "calm"),
)
BLIND, UNACTED = TRAITS[:3], TRAITS[7:9]
MODELS = {
    "actor": ModelPlan(acts={"*": 0.9, **dict.fromkeys(UNACTED, 0.0)}),
    "wooden": ModelPlan(acts=0.0),
}
JUDGES = {
    "judge-sees": JudgePlan(accuracy=0.9),
    "judge-blind": JudgePlan(accuracy={"*": 0.9, **dict.fromkeys(BLIND, 0.5)}),
}
CALLS = 12 * 12 * 2 * 2
VALIDITY = f"""
[validity]
exemplars = "own.jsonl"
exemplar_calls = {CALLS}
plants = 1.0
"""


def write_exemplars(path):
    """Write four replies for each trait that show it by the server's mark."""
    lines = [
        {
            "trait": trait,
            "prompt": f"Question {n}?",
            "reply": f"⟦m:written t:{i}⟧ Reply {n} of trait {i}. ⟦m:written t:{i}⟧",
        }
        for i, trait in enumerate(TRAITS)
        for n in range(4)
    ]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")


@pytest.fixture(scope="module")
def results(tmp_path_factory, request):
    """Run the exemplars and the plants of a study of two models and two judges: 4,700 calls."""
    folder = tmp_path_factory.mktemp("acting")
    write_exemplars(folder / "own.jsonl")
    (folder / "traits.txt").write_text("\n".join(TRAITS))
    with serve(Config(traits=TRAITS, seed=3, models=MODELS, judges=JUDGES)) as server:
        models, judges = ({name: {} for name in plans} for plans in (MODELS, JUDGES))
        text = study_text(
            server.base_url, traits="traits.txt", repeats=8, models=models, judges=judges
        )
        study = parse_study(text + VALIDITY, path=folder / "study.toml")
        for check in ("exemplars", "plants"):
            done = run_study(study, store=folder / "study.db", checks=(check,))
            assert done.run.stopped is None
    with Store.read(folder / "study.db") as store:
        found = {one.judge: one for one in measure_validity(store, corrections=False).judges}
        return found, judge_sentences(store)


def share_inside(told, truth):
    """Return the share of the scored traits whose interval holds the truth."""
    known = ~np.isnan(told.score)
    truth = np.array([truth[trait] for trait in told.traits])
    return np.mean((told.low <= truth)[known] & (truth <= told.high)[known])


def test_each_judge_sees_as_planted(results):
    """Accuracy on exemplars: 0.9, and 0.9 for nine traits with 0.5 for three."""
    found, _ = results
    for judge, truth in (("judge-sees", 0.9), ("judge-blind", (9 * 0.9 + 3 * 0.5) / 12)):
        sight = found[judge].sight
        assert sight.accuracy.overall.low <= truth <= sight.accuracy.overall.high
        assert sight.accuracy.n == CALLS
        assert sight.replies == 48
    assert found["judge-sees"].sight.accuracy.blind == ()
    assert found["judge-blind"].sight.accuracy.blind == BLIND


def test_a_model_that_cannot_act_is_not_taken_for_a_judge_that_cannot_see(results):
    """Its planted replies are found by chance, by judges that are known to see."""
    found, sentences = results
    for judge in JUDGES:
        told = found[judge].acting["wooden"]
        assert not told.can_act
        assert told.overall.low == 0
        assert told.overall.high < 0.3
        assert "is not shown to act" in told.sentence
        assert found[judge].known.above_chance
    assert all("is above chance: it found the trait" in said for said in sentences)
    assert all("written replies" in said for said in sentences)


def test_a_judge_that_is_blind_for_three_traits_is_not_taken_for_a_model_that_cannot_act(results):
    """Of these traits nothing is said; of the others it finds what the judge that sees finds."""
    found, _ = results
    blind = found["judge-blind"].acting["actor"]
    assert blind.unseen == BLIND
    assert set(blind.unacted) <= {*UNACTED}
    assert found["judge-sees"].acting["actor"].unseen == ()


@pytest.mark.parametrize("judge", JUDGES)
def test_acting_is_measured_within_its_interval(results, judge):
    """Overall: 0.9 for ten of the traits that the judge sees, 0 for two; and trait by trait."""
    told = results[0][judge].acting["actor"]
    seen = [trait for trait in TRAITS if trait not in told.unseen]
    truth = {trait: 0.0 if trait in UNACTED else 0.9 for trait in TRAITS}
    overall = np.mean([truth[trait] for trait in seen])
    assert told.can_act
    assert told.overall.low <= overall <= told.overall.high
    assert share_inside(told, truth) >= 0.8
    assert told.unacted
    assert set(told.unacted) <= set(UNACTED)
    score = dict(zip(told.traits, told.score, strict=True))
    assert max(score[trait] for trait in UNACTED) < min(score[t] for t in seen if truth[t])


def test_planted_replies_alone_would_mix_them_up(results):
    """The same judge seems above chance on one model's plants and at chance on the other's."""
    told = results[0]["judge-sees"].acting
    assert told["actor"].overall.low > told["wooden"].overall.high


def test_findings_name_what_is_not_seen_and_not_acted(results):
    """One sentence per model, in words."""
    found = results[0]["judge-blind"].findings()
    said = " ".join(found)
    assert "wooden is not shown to act" in said
    assert f"Not shown to act 2 of 12 traits: {', '.join(UNACTED)}." in said
    assert len(set(found)) == len(found)
    assert "which a model that cannot act lowers" in said
    assert "blind" not in said.replace("judge-blind", "")  # what plants show of that is mixed up
