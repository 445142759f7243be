"""Three judges with common errors on the planted server: votes, combined verdicts, the section."""

from __future__ import annotations

import shutil
import sqlite3

import numpy as np
import pytest
from tests.planted.answers import JudgePlan, ModelPlan
from tests.planted.server import Config, serve
from tests.planted.studies import cli, study_text

from ethogram.api import read_profiles, run_study
from ethogram.errors import InputError
from ethogram.study import parse_study
from ethogram.validity.combined import combine_judges
from ethogram.validity.independence import effective_votes
from ethogram.validity.independence_section import independence_section
from ethogram.validity.results import StoreResults
from ethogram.validity.votes import known_votes

TRAITS = ("warm", "blunt", "poetic", "pedantic", "playful", "patient", "formal", "calm")
STRENGTHS = {trait: 0.5 * i - 1.75 for i, trait in enumerate(TRAITS)}
JUDGES = {
    name: JudgePlan(accuracy=0.8, shared_error=0.44**0.5)
    for name in ("judge-a", "judge-b", "judge-c")
}


def run_planted(folder, judges, *, checks=((), ("plants",)), asked=None, **study):
    """Run a study of one model against the planted server; returns its store."""
    (folder / "traits.txt").write_text("\n".join(TRAITS), encoding="utf-8")
    store = folder / "study.db"
    models = {"alpha": ModelPlan(strengths=STRENGTHS)}
    with serve(Config(traits=TRAITS, seed=5, models=models, judges=judges)) as server:
        tables = {"models": {"alpha": {}}, "judges": {name: asked or {} for name in judges}}
        text = study_text(server.base_url, traits="traits.txt", **tables, **study)
        parsed = parse_study(f"{text}\n[validity]\nplants = 1.0\n", path=folder / "study.toml")
        for check in checks:
            run_study(parsed, store=store, checks=check).raise_if_stopped()
    return store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Return the store of three judges, 224 replies and as many plants."""
    return run_planted(tmp_path_factory.mktemp("combined"), JUDGES, repeats=8)


def test_the_planted_correlation_and_its_votes_are_found(store):
    """Planted: 0.44, and so 3 / 1.88 = 1.6 votes, of 224 plants."""
    with StoreResults.open(store) as results:
        section = independence_section(results)
    found = section.data["plants"]
    assert found["n"] == 224
    assert found["mean"]["low"] < 0.44 < found["mean"]["high"]
    assert found["effective"]["low"] < effective_votes(3, 0.44) < found["effective"]["high"]
    assert all(0.1 < rate["estimate"] < 0.3 for rate in found["errors"])
    assert found["combinations"]["recommended"] in ("single", "majority", "weighted")


def test_the_section_says_votes_verdict_and_what_a_judge_would_add(store):
    """One sentence each, the votes first; a table of pairs, of judges and of ways to combine."""
    with StoreResults.open(store) as results:
        section = independence_section(results)
    assert section.title == "Do the judges err independently?"
    votes, report, further, *_ = section.claims
    assert votes.startswith("The 3 judges count as 1.")
    assert "224 planted replies" in votes
    assert report.startswith("Report the ")
    assert further.startswith("A further judge like these would add 0.")
    pairs, judges, tried = section.tables
    assert len(pairs.rows) == len(judges.rows) == len(tried.rows) == 3
    assert all(len(row) == len(t.head) for t in section.tables for row in t.rows)
    assert "nan" not in repr(section)


def test_a_majority_is_the_verdict_of_two_of_three(store):
    """Row by row as the three judges' own comparisons say, and none is lost."""
    with StoreResults.open(store) as results:
        combined = combine_judges(results, "alpha")
        single = results.comparisons()
    outcomes = np.array([one.outcome for one in single])
    assert combined.judge == "majority of 3"
    assert (len(combined), combined.lost) == (224, 0)
    np.testing.assert_array_equal(combined.first, single[0].first)
    np.testing.assert_array_equal(combined.prompt, single[0].prompt)
    np.testing.assert_array_equal(combined.judge_first, single[0].judge_first)
    np.testing.assert_array_equal(combined.outcome, outcomes.sum(axis=0) >= 2)
    assert not combined.tie.any()


@pytest.mark.parametrize("how", ["majority", "weighted"])
def test_ratings_of_a_combination_are_made_through_the_library(store, how):
    """They rank the traits as planted, and say how their verdicts came about."""
    (profile,) = read_profiles(store, combine=how)
    rank = np.corrcoef(profile.strengths, [STRENGTHS[t] for t in profile.traits])[0, 1]
    assert rank > 0.7
    assert profile.n == 224
    assert "judge-a, judge-b and judge-c" in " ".join(profile.caveats)
    assert not profile.marks


def test_ratings_of_a_combination_are_made_by_the_command_line(store):
    """`ethogram ratings STORE --combine majority` names the judges that it combines."""
    done = cli("ratings", store, "--combine", "majority")
    assert "judged by majority of 3" in done.stdout


def test_a_reply_that_one_judge_answered_has_no_verdict_and_is_lost(store, tmp_path):
    """One judge silent on 20 replies: two decide, and tie where they differ. Two: it is lost."""
    shutil.copy(store, tmp_path / "gaps.db")
    with sqlite3.connect(tmp_path / "gaps.db") as db:
        for judge, count in (("judge-b", 20), ("judge-c", 5)):
            db.execute(
                "UPDATE verdict SET status = 'unparsed', winner = NULL WHERE judging IN (SELECT "
                "j.id FROM judging j JOIN party p ON p.id = j.judge WHERE p.name = ? AND "
                "j.part = 'main' ORDER BY j.trial LIMIT ?)",
                (judge, count),
            )
    with StoreResults.open(tmp_path / "gaps.db") as results:
        combined = combine_judges(results, "alpha")
    with StoreResults.open(store) as results:
        one, _, other = results.comparisons()
    assert (len(combined), combined.lost) == (219, 5)
    assert "On 15 of 224 replies not all of them answered." in combined.notes[-1]
    differ = one.outcome[5:20] != other.outcome[5:20]
    np.testing.assert_array_equal(combined.tie[:15], differ)
    assert not combined.tie[15:].any()


def test_replies_that_are_judged_in_both_orders_have_one_verdict(tmp_path):
    """Judges that go by place alone in both orders vote for nobody: all verdicts are ties."""
    judges = {name: JudgePlan(first_share=1.0) for name in ("judge-a", "judge-b")}
    store = run_planted(tmp_path, judges, asked={"orders": "both"})
    with StoreResults.open(store) as results:
        combined, (single, _) = combine_judges(results, "alpha"), results.comparisons()
        known = known_votes(results, "plants")
        section = independence_section(results)
    assert len(single) == 2 * len(combined)
    assert combined.tie.all()
    assert (combined.judge_first == 0).all()
    assert (known.votes.votes == 0).all()
    assert "unknown" in section.claims[0]


def test_one_judge_gives_no_section_and_cannot_be_combined(tmp_path):
    """There is nothing to compare, and the text says what was expected."""
    store = run_planted(tmp_path, {"judge-a": JudgePlan()}, checks=((),))
    with StoreResults.open(store) as results:
        assert independence_section(results) is None
        for how in ("majority", "weighted"):  # planted replies would not help
            with pytest.raises(InputError, match=r"1 judge .* expected verdicts of at least 2"):
                combine_judges(results, "alpha", how)
        with pytest.raises(InputError, match="did you mean 'alpha'"):
            combine_judges(results, "alhpa")


def test_weights_need_replies_whose_trait_is_known(tmp_path):
    """Without plants and written replies there are none, but a majority there is."""
    judges = {name: JudgePlan() for name in ("judge-a", "judge-b")}
    store = run_planted(tmp_path, judges, checks=((),))
    with StoreResults.open(store) as results:
        assert independence_section(results) is None
        assert len(combine_judges(results, "alpha")) == 28
        with pytest.raises(InputError, match="combine by majority"):
            combine_judges(results, "alpha", "weighted")


def test_what_cannot_be_combined_is_refused(store):
    """Another word, a correction, a condition that is not there."""
    with StoreResults.open(store) as results:
        with pytest.raises(InputError, match="expected majority or weighted"):
            combine_judges(results, "alpha", "mean")
        with pytest.raises(InputError, match="expected one of feels"):
            combine_judges(results, "alpha", condition="feel")
    with pytest.raises(InputError, match="are not corrected"):
        read_profiles(store, combine="majority", corrected=True)
