"""`inspect eval ethogram/character`: found by its name, ratings equal to a study's; a bridge."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.planted.studies import run_text, study_text

from ethogram.api import read_profiles
from ethogram.engine.transcripts import read_transcripts

pytest.importorskip("inspect_ai")

TRAITS = ("warm", "blunt", "formal", "bold", "playful")


@pytest.fixture
def trait_file(tmp_path):
    """Return a file of five traits, of which some have written replies."""
    path = tmp_path / "traits.txt"
    path.write_text("\n".join(TRAITS) + "\n", encoding="utf-8")
    return path


def _evaluate(url, folder, *arguments):
    """Run the task as a user does; returns its log."""
    from inspect_ai.log import read_eval_log

    party = "openai-api/planted"
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "inspect"), "eval", "ethogram/character",
            "--model", f"{party}/alpha", "--model-role", f"grader={party}/judge",
            "--log-dir", str(folder / "logs"), "--display", "none", *arguments,
        ],
        capture_output=True, text=True, check=False, timeout=300, cwd=folder,
        env={**os.environ, "PLANTED_BASE_URL": url, "PLANTED_API_KEY": "sk-planted-key"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = (folder / "logs").glob("*.eval")
    log = read_eval_log(str(path))
    assert log.status == "success", log.error
    return log


def _metrics(log):
    (score,) = log.results.scores
    return {name: metric.value for name, metric in score.metrics.items()}


def test_its_ratings_are_those_of_a_study_on_the_same_answers(planted, trait_file, tmp_path):
    """The same design, messages and verdicts: every rating and interval is the study's."""
    url = planted(traits=TRAITS).base_url
    log = _evaluate(
        url, tmp_path, "-T", f"traits={trait_file}", "-T", "repeats=3", "-T", "exemplars=0"
    )
    bare = {"send_max_tokens": False}  # as Inspect: the planted answers depend on all that is sent
    text = study_text(
        url,
        traits=str(trait_file),
        repeats=3,
        models={"alpha": bare},
        judges={"judge": bare},
        seed=0,
    )
    run_text(text, tmp_path / "study.db")
    (profile,) = read_profiles(tmp_path / "study.db")
    found = _metrics(log)
    assert found["comparisons"] == profile.n == 30
    for row in profile.frame().to_dicts():
        for end, key in (("", "rating"), (" (low)", "low"), (" (high)", "high")):
            assert found[f"{row['trait']}{end}"] == pytest.approx(row[key], abs=1e-6)


def test_the_judge_is_tried_on_written_replies(planted, trait_file, tmp_path):
    """Exemplars ask no model; the judge's accuracy has an interval, and no part in the ratings."""
    server = planted(traits=TRAITS)
    log = _evaluate(server.base_url, tmp_path, "-T", f"traits={trait_file}", "-T", "exemplars=20")
    found = _metrics(log)
    n = int(found["judge verdicts"])
    assert n == sum(s.metadata["kind"] == "exemplar" for s in log.samples) > 0
    assert 0 <= found["judge accuracy (low)"] <= found["judge accuracy"]
    assert found["judge accuracy"] <= found["judge accuracy (high)"] <= 1
    values = [s.scores["trait_shown"].value for s in log.samples
              if s.metadata["kind"] == "exemplar"]  # fmt: skip
    assert found["judge accuracy"] == pytest.approx(sum(v == 1 for v in values) / n)
    assert found["comparisons"] == 10
    assert server.stats()["requests"] == 10 + 10 + n


def test_what_cannot_be_read_is_unscored_with_its_status(planted, trait_file, tmp_path):
    """A reply that was refused is no verdict, no tie and no zero."""
    url = planted(traits=TRAITS, faults={"refusal": 0.3}).base_url
    log = _evaluate(
        url, tmp_path, "-T", f"traits={trait_file}", "-T", "repeats=4", "-T", "exemplars=0"
    )
    scores = [s.scores["trait_shown"] for s in log.samples]
    lost = [s for s in scores if math.isnan(s.value)]
    assert lost
    assert {s.reason for s in lost} <= {"refused", "empty", "filtered", "unparsed"}
    assert _metrics(log)["comparisons"] == len(scores) - len(lost)


def test_each_epoch_is_a_verdict(planted, trait_file, tmp_path):
    """Two epochs that differ are two comparisons, and not a tie; so with the judge's accuracy."""
    arguments = ("-T", f"traits={trait_file}", "-T", "exemplars=20", "--epochs", "2")
    log = _evaluate(planted(traits=TRAITS).base_url, tmp_path, *arguments)
    found, scores = _metrics(log), [(s.metadata, s.scores["trait_shown"]) for s in log.samples]
    values = [score.value for about, score in scores if about["kind"] == "trial"]
    read = [score.value for about, score in scores if about["kind"] == "exemplar"]
    assert found["comparisons"] == len(values) == 2 * 10
    assert found["judge verdicts"] == len(read)
    assert found["judge accuracy"] == pytest.approx(sum(v == 1 for v in read) / len(read))
    again = read_transcripts([tmp_path / "logs"])  # written replies are no model's
    assert (len(again.kept), again.named) == (20, 20)
    assert again.left_out == {
        "written for ethogram": sum(a["kind"] == "exemplar" for a, _ in scores)
    }


def test_too_few_verdicts_give_no_rating(planted, trait_file, tmp_path):
    """Where traits never meet there is no scale, and no number stands for one."""
    url = planted(traits=TRAITS).base_url
    log = _evaluate(
        url, tmp_path, "-T", f"traits={trait_file}", "-T", "exemplars=0", "--limit", "2"
    )
    assert _metrics(log) == {"comparisons": 2, "judge verdicts": 0}
