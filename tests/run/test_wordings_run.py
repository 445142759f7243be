"""A study in several wordings, against a model whose strengths depend on the wording."""

import json

import pytest
from tests.planted.answers import ModelPlan
from tests.planted.studies import rows, study_text

from ethogram.api import read_profiles, run_study
from ethogram.errors import StoreError, StudyError
from ethogram.study import parse_study
from ethogram.validity.results import StoreResults
from ethogram.validity.wordings import measure_wordings, wording_section


def study(server, tmp_path, more="", **options):
    """Return a parsed study."""
    return parse_study(study_text(server.base_url, **options) + more, path=tmp_path / "s.toml")


@pytest.mark.parametrize("worded", [0.0, 0.8])
def test_how_far_ratings_depend_on_the_wording_is_found(planted, tmp_path, store_path, worded):
    """The planted spread lies in the range; and in every profile's caveats and the section."""
    plan = ModelPlan(spread=1.0, worded=worded)
    server = planted(models={"*": plan}, seed=3)
    run_study(study(server, tmp_path, wordings=4, repeats=2), store=store_path)
    with StoreResults.open(store_path) as results:
        (worded_model,) = measure_wordings(results)
        section = wording_section(results)
    found = worded_model.found
    assert found.low <= worded <= found.high
    assert (found.low > 0) == (worded > 0)
    assert ("is shown to depend" in section.claims[0]) == (worded == 0)
    (profile,) = read_profiles(store_path).profiles
    assert any("4 wordings" in caveat for caveat in profile.caveats)


def test_every_wording_is_asked_as_often(planted, tmp_path, store_path):
    """And the store keeps which, and each wording's text with the model."""
    run_study(study(planted(), tmp_path, wordings=3), store=store_path)
    counts = dict(rows(store_path, "SELECT wording, count(*) FROM trial GROUP BY 1"))
    assert sum(counts.values()) == 780
    assert max(counts.values()) - min(counts.values()) <= 12
    ((settings,),) = rows(store_path, "SELECT settings FROM party WHERE role = 'model'")
    assert '"feels 2"' in settings
    assert '"feels 3"' in settings


def test_too_many_wordings_and_templates_of_ones_own(planted, tmp_path):
    """What is missing is said; paraphrases of one's own are used."""
    server = planted()
    with pytest.raises(StudyError, match="wordings = 9, but 'feels' has 5"):
        run_study(study(server, tmp_path, wordings=9))
    own = '\n[templates]\nfeels = "Take {first} or {second}."\n'
    with pytest.raises(StudyError, match="write its paraphrases"):
        run_study(study(server, tmp_path, more=own, wordings=2))
    own += 'wordings = ["{first}, or {second}?"]\n'
    store = tmp_path / "own.db"
    run_study(study(server, tmp_path, more=own, wordings=2), store=store)
    assert (
        rows(store, "SELECT count(*) FROM request WHERE body LIKE '%, or %?\"%system%'")[0][0] > 300
    )


def test_more_wordings_later_are_another_design(planted, tmp_path, store_path):
    """A store in one wording does not go on in three: its ratings would be of another thing."""
    server = planted()
    run_study(study(server, tmp_path), store=store_path)
    with pytest.raises(StoreError, match="holds another design"):
        run_study(study(server, tmp_path, wordings=3), store=store_path)


def test_controls_are_asked_in_as_many_wordings_as_they_have(planted, tmp_path, store_path):
    """No instruction has no wording; six of one's own are more than the five of chance."""
    own = [f"Way {n}: {{first}} or {{second}}?" for n in range(5)]
    more = f"\n[templates]\nwordings = {json.dumps(own)}\n"
    loaded = study(planted(), tmp_path, more, wordings=6, max_trials=60)
    run_study(loaded, store=store_path)
    run_study(loaded, store=store_path, checks=["natural", "random"]).raise_if_stopped()
    counts = dict(
        rows(
            store_path,
            "SELECT condition, count(DISTINCT wording) FROM trial t JOIN reply r ON r.trial = t.id "
            "WHERE r.status = 'ok' AND part IN ('main', 'natural', 'random') GROUP BY 1",
        )
    )
    assert counts == {"feels": 6, "natural": 1, "random": 5}
