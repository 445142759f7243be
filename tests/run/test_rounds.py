"""Studies that grow in rounds: adaptive pairs, and rules to stop."""

from __future__ import annotations

import signal
import subprocess

import numpy as np
import pytest
from tests.planted.studies import cli, command, rows, study_text, wait_for_requests

import ethogram
from ethogram.errors import EthogramError, StudyError
from ethogram.study import parse_study

TRIALS = (
    "SELECT m.name, t.seq, t.trait_1, t.trait_2, t.prompt FROM trial t "
    "JOIN party m ON m.id = t.model WHERE t.part = 'main' ORDER BY 1, 2"
)
SWAPS = "SELECT trial, swapped FROM judging WHERE wanted ORDER BY 1, 2"
PAID = "SELECT count(*), count(DISTINCT request) FROM attempt"


def run(server, store, **study):
    """Run a study on a planted server in this process."""
    models = study.pop("models", None)
    text = study_text(server.base_url, models=models, **study)
    return ethogram.run_study(parse_study(text), store=store, progress=False)


def test_adaptive_pairs_begin_balanced_and_end_at_the_cap(planted, tmp_path):
    """The first trials are the fixed design's, every trait comes first about as often as second."""
    made = run(planted(), tmp_path / "a.db", pairs="adaptive", max_trials=500)
    asked = np.array([row[2:] for row in rows(made.store, TRIALS)])
    assert len(asked) == 500
    fixed = run(planted(), tmp_path / "b.db", max_trials=120)
    start = np.array([row[2:] for row in rows(fixed.store, TRIALS)])
    assert np.array_equal(asked[:120], start)
    lead = np.bincount(asked[:, 0], minlength=41) - np.bincount(asked[:, 1], minlength=41)
    assert np.abs(lead).max() <= 2
    used = np.bincount(asked[:, 2])
    assert len({(min(a, b), max(a, b), p) for a, b, p in asked.tolist()}) == 500
    assert used[used > 0].max() - used[used > 0].min() <= 1 or used.max() == 1


def test_a_killed_adaptive_run_goes_on_with_the_same_pairs(planted, tmp_path):
    """Killed several times, it asks the same trials in the same orders, and pays for none twice."""
    study = {"pairs": "adaptive", "max_trials": 280, "round_size": 40}
    whole = run(planted(), tmp_path / "whole.db", **study)
    server = planted(latency_ms=5)
    (tmp_path / "study.toml").write_text(study_text(server.base_url, **study))
    words = ("run", "study.toml", "--store", "cut.db", "-q")
    for asked in (150, 250, 400):
        process = subprocess.Popen(command(*words), cwd=tmp_path)
        wait_for_requests(server, asked, process)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert cli(*words, cwd=tmp_path).returncode == 0
    cut = tmp_path / "cut.db"
    assert rows(cut, TRIALS) == rows(whole.store, TRIALS)
    assert rows(cut, SWAPS) == rows(whole.store, SWAPS)
    ((attempts, requests),) = rows(cut, PAID)
    assert attempts == requests == 560


def test_models_share_pairs_unless_each_has_its_own(planted, tmp_path):
    """Shared pairs are equal for all models; own ones differ where the models do."""
    models = {"alpha": {}, "beta": {}}
    study = {"pairs": "adaptive", "max_trials": 300, "models": models}
    shared = rows(run(planted(), tmp_path / "a.db", **study).store, TRIALS)
    own = rows(run(planted(), tmp_path / "b.db", share_pairs=False, **study).store, TRIALS)

    def of(found, name):
        return [row[1:] for row in found if row[0] == name]

    assert of(shared, "alpha") == of(shared, "beta")
    assert of(own, "alpha")[:120] == of(own, "beta")[:120]
    assert of(own, "alpha") != of(own, "beta")
    assert len(shared) == len(own) == 600


@pytest.mark.parametrize("pairs", ["adaptive", "all"])
def test_a_study_stops_when_its_ratings_are_as_sure_as_asked(planted, tmp_path, pairs):
    """It ends before the cap, says so, asks nothing more, and goes on when more is wanted."""
    server = planted()
    study = {"pairs": pairs, "max_trials": 780, "round_size": 60, "traits": "contested40"}
    rule = {"stop_when": {"half_width": 230}}
    made = run(server, tmp_path / "s.db", **study, **rule)
    (line,) = made.run.said
    assert "stopped by stop_when" in line
    n = len(rows(made.store, TRIALS))
    assert 120 < n < 780
    (profile,) = ethogram.read_profiles(made.store)
    half = float((profile.high - profile.low).mean() / 2) * 400 / np.log(10)
    assert 150 < half <= 230
    assert run(server, tmp_path / "s.db", **study, **rule).run.calls == 0
    run(server, tmp_path / "s.db", pairs=pairs, max_trials=780)
    assert len(rows(made.store, TRIALS)) == 780


def test_a_rule_that_is_not_met_is_said(planted, tmp_path):
    """At the cap it is told how far the ratings are from what was asked."""
    made = run(planted(), tmp_path / "s.db", max_trials=200, stop_when={"half_width": 10})
    (line,) = made.run.said
    assert "stop_when is not met at 200 trials" in line
    assert "of 10" in line


def test_a_model_that_is_added_catches_up(planted, tmp_path):
    """A model that joins later is asked all that the others were, before a new round is chosen."""
    server, study = planted(), {"pairs": "adaptive", "max_trials": 240}
    run(server, tmp_path / "s.db", **study)
    before = rows(tmp_path / "s.db", TRIALS)
    run(server, tmp_path / "s.db", models={"alpha": {}, "beta": {}}, **study)
    after = rows(tmp_path / "s.db", TRIALS)
    assert [row for row in after if row[0] == "alpha"] == before
    assert [row[1:] for row in after if row[0] == "beta"] == [row[1:] for row in before]


def test_another_seed_or_other_prompts_are_refused(planted, tmp_path):
    """A store that was begun with other prompts does not go on with these."""
    server = planted()
    run(server, tmp_path / "s.db", pairs="adaptive", max_trials=150)
    (tmp_path / "mine.txt").write_text("How are you?\n\nWhat is rain?\n")
    with pytest.raises(StudyError, match="not in the study"):
        run(server, tmp_path / "s.db", pairs="adaptive", max_trials=160, traits=["warm", "cold"])


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"aim": "ratings"}, 'aim needs pairs = "adaptive"'),
        ({"share_pairs": False}, 'share_pairs needs pairs = "adaptive"'),
        ({"round_size": 10}, "round_size needs"),
        ({"pairs": "adaptive", "repeats": 2}, "leave repeats out"),
        ({"pairs": "adaptive", "aim": "rank"}, 'expected "ranks"'),
        ({"pairs": "adaptive", "aim": "traits:"}, "names of traits"),
        ({"pairs": "adaptive", "aim": "traits:wram"}, "no trait 'wram'"),
        ({"pairs": "adaptiv"}, "did you mean"),
        ({"stop_when": {}}, "expected half_width, rank_range or shift"),
        ({"stop_when": {"halfwidth": 3}}, "half_width"),
        ({"stop_when": {"half_width": 0}}, "half_width = 0"),
        ({"stop_when": 60}, "stop_when"),
    ],
)
def test_keys_that_do_not_fit_are_refused_in_one_line(tmp_path, keys, said):
    """Each is named with what would do."""
    text = study_text("http://127.0.0.1:9", **keys)
    with pytest.raises(EthogramError, match=said) as error:
        ethogram.plan_study(parse_study(text), store=tmp_path / "s.db")
    assert len(error.value.lines) == 1


def told(store):
    """Return how often each (pair, prompt) was asked."""
    return [(min(a, b), max(a, b), p) for _, _, a, b, p in rows(store, TRIALS)]


@pytest.mark.parametrize("aim", ["ranks", "ratings", "traits:warm"])
def test_few_prompts_are_used_up_before_a_study_ends(planted, tmp_path, aim):
    """A pair that has met every prompt is passed over, so that the cap is reached, and no more."""
    study = {"pairs": "adaptive", "aim": aim, "round_size": 10, "max_trials": 500}
    names = ["warm", "cold", "dry", "blunt", "poetic", "calm", "bold", "formal"]
    study |= {"traits": names, "prompts": ["How are you?", "What is rain?", "Name a bird."]}
    made = run(planted(traits=names), tmp_path / "s.db", **study)
    asked = told(made.store)
    assert len(asked) == len(set(asked)) == 28 * 3


@pytest.mark.parametrize("n", [2, 3])
def test_the_fewest_traits_begin_balanced_too(planted, tmp_path, n):
    """Few traits have few pairs, which are then asked several times before any is chosen."""
    names = ["warm", "cold", "dry"][:n]
    server = planted(traits=names)
    study = {"traits": names, "pairs": "adaptive"}
    run(server, tmp_path / "a.db", max_trials=45, **study)
    run(server, tmp_path / "b.db", max_trials=20, repeats=None, **study)
    first = rows(tmp_path / "a.db", TRIALS)
    assert len(first) == 45
    assert first[:20] == rows(tmp_path / "b.db", TRIALS)


def test_a_study_of_repeats_that_turns_adaptive_judges_nothing_again(planted, tmp_path):
    """Replies of the balanced design keep the order in which they were judged."""
    orders = {"orders": "both"}
    names = ["warm", "cold", "dry", "blunt", "poetic", "calm", "bold", "formal"]
    server = planted(traits=names)
    run(server, tmp_path / "s.db", traits=names, repeats=3, **orders)
    before = rows(tmp_path / "s.db", SWAPS)
    study = {"traits": names, "pairs": "adaptive", "max_trials": 200, **orders}
    grown = run(server, tmp_path / "s.db", **study)
    assert len(before) == 168
    assert grown.run.calls == 2 * (200 - 168)
    assert rows(tmp_path / "s.db", SWAPS)[:168] == before


def test_a_model_with_pairs_of_its_own_waits_for_no_other(planted, tmp_path):
    """Asked alone it goes on to the cap; the other's pending answers are told by name."""
    study = {"models": {"alpha": {}, "beta": {}}, "pairs": "adaptive", "max_trials": 200}
    text = study_text(planted().base_url, share_pairs=False, **study)
    made = ethogram.run_study(
        parse_study(text), store=tmp_path / "s.db", progress=False, models=["alpha"]
    )
    count = "SELECT count(*) FROM reply r JOIN trial t ON t.id = r.trial"
    assert rows(made.store, count) == [(200,)]
    (line,) = made.run.said
    assert line.endswith("(beta).")


@pytest.mark.parametrize("rule", [{"pairs": "adaptive"}, {"stop_when": {"half_width": 50}}])
def test_a_model_whose_every_answer_is_lost_gets_no_further_round(planted, tmp_path, rule):
    """The run ends after the start, and says why in one line."""
    lost = {"lost": {"model": "lost+fault:empty_content"}}
    text = study_text(planted().base_url, models=lost, max_trials=400, attempts=1, **rule)
    made = ethogram.run_study(
        parse_study(text), store=tmp_path / "s.db", progress=False, brake=False
    )
    assert made.run.said == ["lost: no further round, as every answer was lost."]
    assert len(rows(made.store, TRIALS)) == 120
