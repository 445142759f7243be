"""Whole studies against a server whose preferences are known and whose faults are many."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter

import pytest
from tests.planted.answers import ModelPlan
from tests.planted.faults import Limits
from tests.planted.server import Config
from tests.planted.studies import (
    FAULTS,
    command,
    rank_agreement,
    rows,
    run_text,
    same,
    strengths,
    study_text,
    wait_for_requests,
)

from ethogram.stimuli.traits import load_traits
from ethogram.store.read import count_stages, read_comparisons
from ethogram.store.store import Store

TRAITS = load_traits("contested40").names
TRIALS = 40 * 39  # every pair in both orders
SHOWN_AS = {  # what the server did, and what the store must call it
    "rate_limited": "rate_limited",
    "server_error": "server_error",
    "dropped": "transport",
    "empty_content": "empty",
    "malformed_json": "malformed",
    "refusal": "refused",
}


def counted(path):
    """Return the counts of the two stages of a study with one model and one judge."""
    with Store.read(path) as opened:
        elicited, judged = count_stages(opened)
    return elicited, judged


@pytest.mark.parametrize("seed", range(5))
def test_a_study_under_faults_accounts_for_every_trial_and_finds_the_planted_order(
    planted, store_path, seed
):
    """2% each of eight faults lose no trial silently, ask nothing twice and hide no preference."""
    config = {"seed": seed, "faults": FAULTS, "passes_after": 4, "limits": Limits(slow_s=0.1)}
    server = planted(**config)
    text = study_text(server.base_url, seed=seed, orders="both")
    run = run_text(text, store_path)
    assert (run.stopped, run.interrupted) == (None, False)
    elicited, judged = counted(store_path)
    for count in (elicited, judged):
        assert (count.planned, count.pending) == (TRIALS, 0)
        assert count.done + count.lost == TRIALS
    # With five attempts and faults that pass after four, only what is final is lost.
    assert set(elicited.losses) == {"refused"}
    assert set(judged.losses) == {"no_reply", "refused", "unparsed"}
    assert judged.losses["no_reply"] == elicited.losses["refused"]
    check_ledger(server.stats(), store_path, cut_verdicts=judged.losses["unparsed"])
    truth = Config(traits=TRAITS, seed=seed).world().strengths("alpha")
    assert rank_agreement(strengths(store_path), truth) >= 0.96
    assert run_text(text, store_path).calls == 0


def check_ledger(said, path, *, cut_verdicts):
    """Compare the server's own count of everything with the store's attempts."""
    attempts = rows(path, "SELECT request, status FROM attempt")
    assert said["requests"] == len(attempts)
    assert said["contents"] == len({request for request, _ in attempts})
    by_status = Counter(status for _, status in attempts)
    for kind, status in SHOWN_AS.items():
        assert by_status[status] == said["by_kind"][kind] > 0
    # Asked again after an answer: only judges whose verdict was cut before the word, twice more.
    assert said["again_after"] == {"length": 2 * cut_verdicts}
    assert said["answered_twice"] == cut_verdicts


def test_what_passes_after_four_attempts_loses_nothing(planted, store_path, word_list):
    """Half of all attempts fail, but five attempts are enough where the fault passes after four."""
    faults = {"server_error": 0.2, "dropped": 0.1, "truncated_json": 0.1, "null_content": 0.1}
    server = planted(faults=faults, passes_after=4)
    text = study_text(server.base_url, traits=word_list(*TRAITS[:12]))
    run_text(text, store_path, folder=store_path.parent)
    assert [count.lost for count in counted(store_path)] == [0, 0]
    numbers = Counter(
        n for (n,) in rows(store_path, "SELECT max(number) FROM attempt GROUP BY request")
    )
    assert set(numbers) == {1, 2, 3, 4, 5}  # some needed all five


def test_what_was_lost_is_asked_again_once_more_attempts_are_allowed(
    planted, store_path, word_list
):
    """A study with one attempt loses trials; with five it asks those again and no others."""
    server = planted(faults={"server_error": 0.3}, passes_after=1)
    one = {"concurrency": 1}  # so that failures come one by one, and are no outage
    options = {
        "traits": word_list(*TRAITS[:12]),
        "models": {"alpha": one},
        "judges": {"judge": one},
    }
    folder = store_path.parent
    run_text(study_text(server.base_url, attempts=1, **options), store_path, folder=folder)
    elicited, judged = counted(store_path)
    assert elicited.losses == {"server_error": elicited.lost}
    assert 5 < elicited.lost < 40
    lost = elicited.lost + elicited.pending + judged.losses["server_error"]
    again = run_text(study_text(server.base_url, **options), store_path, folder=folder)
    assert again.meters["elicit", "alpha"].calls == elicited.lost + elicited.pending
    assert [count.lost for count in counted(store_path)] == [0, 0]
    # What was lost, and the judgings that had no reply before (30% of them fail once).
    assert server.stats()["again_after"] == {}
    assert again.calls >= lost


def test_stages_one_after_the_other_give_what_overlapping_stages_give(planted, tmp_path, word_list):
    """`elicit` and then `judge` lead to the same comparisons as both at once."""
    server = planted(faults=FAULTS, passes_after=2, limits=Limits(slow_s=0.1))
    judges = {"judge": {"orders": "both"}, "judge-two": {}}
    text = study_text(
        server.base_url,
        traits=word_list(*TRAITS[:12]),
        models={"alpha": {}, "beta": {}},
        judges=judges,
    )
    together, apart = tmp_path / "together.db", tmp_path / "apart.db"
    run_text(text, together, folder=tmp_path)
    run_text(text, apart, folder=tmp_path, stages=["elicit"])
    with Store.read(apart) as opened:
        assert sum(c.done > 0 for c in count_stages(opened)) == 2  # the two models, no judge
    run_text(text, apart, folder=tmp_path, stages=["judge"])
    with Store.read(together) as one, Store.read(apart) as other:
        found, expected = read_comparisons(one), read_comparisons(other)
    assert len(found) == 4  # two models, two judges
    for a, b in zip(found, expected, strict=True):
        assert (a.model, a.judge, a.lost) == (b.model, b.judge, b.lost)
        assert len(a) > 0
        assert a.outcome.tolist() == b.outcome.tolist()
        assert a.judge_first.tolist() == b.judge_first.tolist()


def test_position_bias_does_not_move_the_ratings_of_a_study_in_both_orders(
    planted, store_path, word_list
):
    """A model that leans to the first word by 1.5 logits still gives the planted order."""
    server = planted(models={"*": ModelPlan(position_bias=1.5)})
    text = study_text(server.base_url, traits=word_list(*TRAITS[:20]), orders="both", repeats=2)
    run_text(text, store_path, folder=store_path.parent)
    with Store.read(store_path) as opened:
        (found,) = read_comparisons(opened)
    assert found.outcome.mean() > 0.6  # the bias is there
    truth = Config(traits=TRAITS).world().strengths("alpha")
    assert rank_agreement(strengths(store_path), truth) >= 0.95


def test_a_judge_is_not_led_by_replies_that_answer_in_its_place(planted, store_path, word_list):
    """Replies that hold the answer tag with the other trait change no verdict."""
    traits = word_list(*TRAITS[:12])
    plain = planted()
    run_text(study_text(plain.base_url, traits=traits), store_path, folder=store_path.parent)
    hostile = planted(models={"*": ModelPlan(injects=1.0)})
    other = store_path.with_name("hostile.db")
    run_text(study_text(hostile.base_url, traits=traits), other, folder=store_path.parent)
    assert same(strengths(store_path), strengths(other))
    named = rows(other, "SELECT sum(named), count(*) FROM reply")
    assert named == [(66, 66)]  # each is counted as naming a trait


def test_interrupting_a_run_keeps_all_that_was_paid_for(planted, tmp_path):
    """Ctrl-C lets calls in flight finish, exits with 130, and the next run asks none of them."""
    server = planted(hold_after=200)
    study, path = tmp_path / "planted.toml", tmp_path / "planted.db"
    study.write_text(study_text(server.base_url))
    words = command("run", study, "--no-report")
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        wait_for_requests(server, 200, process)
        os.kill(process.pid, signal.SIGINT)
        server.release()
        said = process.communicate(timeout=120)[0]
    assert process.returncode == 130
    assert "Interrupted" in said
    asked = server.stats()["requests"]
    assert 200 <= asked < TRIALS
    assert rows(path, "SELECT count(*) FROM attempt") == [(asked,)]
    run_text(study.read_text(), path)
    after = server.stats()
    assert (after["requests"], after["again_after"]) == (TRIALS, {})  # 780 pairs, two stages
