"""A free choice against the planted server: indifferent models, unwilling traits, every judge."""

import pytest
from tests.planted.answers import JudgePlan, ModelPlan
from tests.planted.studies import rows, study_text

from ethogram.api import ask_study, plan_study, run_study
from ethogram.errors import StudyError
from ethogram.stimuli.traits import load_traits
from ethogram.study import parse_study
from ethogram.validity.free import measure_free
from ethogram.validity.results import StoreResults

NAMES = load_traits("contested40").names


def study(server, tmp_path, more="\n[free]\n", **options):
    """Return a parsed study with a free choice."""
    return parse_study(study_text(server.base_url, **options) + more, path=tmp_path / "s.toml")


def measured(store):
    """Return what was measured, by model."""
    with StoreResults.open(store) as results:
        return {free.model: free for free in measure_free(results)}


@pytest.mark.parametrize("judge", [{"grammar": True}, {"verdict": "letter", "orders": "both"}])
def test_an_indifferent_model_is_called_indifferent(planted, tmp_path, store_path, judge):
    """It takes neither; one that takes what it likes is not, and its forced ratings agree."""
    server = planted(models={"none": ModelPlan(abstains=5.0), "some": ModelPlan(abstains=-0.5)})
    loaded = study(server, tmp_path, models={"none": {}, "some": {}}, judges={"judge": judge})
    run_study(loaded, store=store_path)
    (section,) = ask_study(loaded, store=store_path)
    found = measured(store_path)
    assert found["none"].indifferent
    assert found["none"].neither.low > 0.98
    assert not found["some"].indifferent
    assert found["some"].agreement.corrected.estimate > 0.85
    assert any("none: neither" in c and "It is indifferent" in c for c in section.claims)


def test_what_wins_when_forced_and_is_never_volunteered_is_named(planted, tmp_path, store_path):
    """Poetic wins where it must be chosen between, and is declined where it need not."""
    plan = ModelPlan(strengths={"poetic": 3.0, "blunt": 2.0}, abstains={"poetic": 9.0, "blunt": -1})
    server = planted(models={"*": plan})
    loaded = study(server, tmp_path, max_trials=780, repeats=2, pairs="all")
    run_study(loaded, store=store_path)
    (section,) = ask_study(loaded, store=store_path)
    assert measured(store_path)["alpha"].unwilling == ("poetic",)
    assert "Wins when forced, hardly volunteered: poetic." in section.claims[0]


def test_shares_are_those_that_were_planted(planted, tmp_path, store_path):
    """How often each trait is declined, by the model's formula; nine in ten intervals hold it."""
    import numpy as np
    from tests.planted.answers import World

    plans = {"*": ModelPlan(spread=1.0, abstains=-0.4)}
    server = planted(models=plans, judges={"*": JudgePlan(accuracy=1.0)})
    ask_study(study(server, tmp_path), store=store_path)
    ratings = measured(store_path)["alpha"].ratings
    world = World(NAMES, 0, plans)
    s = np.array([world.strengths("alpha")[t] for t in ratings.traits])
    even = np.exp((s[:, None] + s[None, :]) / 2 - 0.8)
    total = np.exp(s)[:, None] + np.exp(s)[None, :] + even
    off = ~np.eye(len(s), dtype=bool)
    neither = (even / total * off).sum(axis=1) / (len(s) - 1)
    volunteered = (np.exp(s)[:, None] / total * off).sum(axis=1) / (len(s) - 1)
    assert np.mean((ratings.neither_low <= neither) & (neither <= ratings.neither_high)) >= 0.9
    held = (ratings.volunteered_low <= volunteered) & (volunteered <= ratings.volunteered_high)
    assert held.mean() >= 0.85
    assert np.corrcoef(ratings.strengths, s)[0, 1] > 0.9


def test_it_is_planned_priced_and_not_asked_again(planted, tmp_path, store_path):
    """A share of the design; the study's own trials are not touched."""
    loaded = study(planted(), tmp_path, more="\n[free]\nshare = 0.25\n")
    plan = plan_study(loaded, store=store_path)
    assert [r.requests for r in plan.ways["free"]] == [195, 195]
    ask_study(loaded, store=store_path)
    asked = rows(store_path, "SELECT part, condition, count(*) FROM trial GROUP BY 1, 2")
    assert ("free", "free", 195) in asked
    done = plan_study(loaded, store=store_path)
    assert [r.pending for r in done.ways["free"]] == [0, 0]
    assert rows(
        store_path,
        "SELECT count(*) FROM reply r JOIN trial t ON t.id = r.trial WHERE t.part = 'main'",
    ) == [(0,)]


def test_a_judge_that_cannot_name_neither_is_refused(planted, tmp_path, store_path):
    """A completion judge; a template of one's own without the slot."""
    server = planted()
    completion = study(server, tmp_path, judges={"judge": {"verdict": "completion"}})
    with pytest.raises(StudyError, match="cannot name neither"):
        ask_study(completion, store=store_path)
    template = (
        '\n[templates]\njudge = "{prompt} {reply} {first} {second} {fence} <answer>"\n[free]\n'
    )
    with pytest.raises(StudyError, match=r"no slot \{ties\}"):
        ask_study(study(server, tmp_path, more=template), store=store_path)


@pytest.mark.parametrize(
    ("traits", "share", "said"),
    [
        (NAMES[:2], 1.0, "neither trait is shown in 0% (0 to "),
        (NAMES[:6], 0.001, "1 trial with a verdict of judge, too few to tell how often neither"),
    ],
)
def test_what_cannot_be_rated_still_says_how_often_neither_is_taken(
    planted, tmp_path, store_path, traits, share, said
):
    """Two traits have no ratings; one trial is no share."""
    more = f"\n[free]\nshare = {share}\n"
    loaded = study(planted(), tmp_path, more=more, traits=list(traits), repeats=10)
    (section,) = ask_study(loaded, store=store_path)
    assert f"alpha: {said}" in section.claims[0]
    assert "The traits cannot be rated: " in section.claims[0]
    assert not section.tables
