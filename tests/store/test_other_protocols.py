"""Trials of another protocol, without two traits: read back by every verb, and no evidence."""

from __future__ import annotations

import json

import pytest
from tests.planted.studies import prepare_text, run_text, study_text

from ethogram.protocols.elicit import ELICIT
from ethogram.protocols.protocol import Protocol, Result
from ethogram.run.prepare import plan_into
from ethogram.run.runner import run_stages
from ethogram.run.stages import STAGES, trial_stage
from ethogram.store.read import sample_trials
from ethogram.store.rows import TrialRow
from ethogram.store.store import Store

WORDS = ("warm", "blunt", "terse")


@pytest.fixture
def path(planted, tmp_path, word_list, monkeypatch):
    """Return a finished study that also holds two trials without traits, each worth 3.5."""
    value = Protocol(ELICIT.calls, lambda trial, setting, readings: Result(readings[0], value=3.5))
    monkeypatch.setitem(STAGES, "plain", trial_stage("plain", value))
    text = study_text(planted(traits=WORDS).base_url, traits=word_list(*WORDS))
    run_text(text, tmp_path / "s.db", folder=tmp_path)
    prepared = prepare_text(text, folder=tmp_path)
    with Store.open(tmp_path / "s.db") as store:
        plan = plan_into(store, prepared)
        with store.planning():
            said = store.add_context("Be brief.", ({"role": "user", "content": "Hello"},))
            plain = [TrialRow(n, None, None, plan.prompts[n], context=said) for n in (0, 1)]
            store.add_trials(plan.models["alpha"], "main", "natural", plain, protocol="plain")
        run_stages(prepared, store, plan, stages=["plain"])
    return tmp_path / "s.db"


def test_they_are_no_evidence(path):
    """The report shows trials that were judged for their two traits."""
    with Store.read(path) as store:
        drawn = sample_trials(store, limit=99)
    assert len(drawn) == 3
    assert all(trial["trait_1"] and trial["trait_2"] for trial in drawn)


def test_every_verb_reads_them(path, ethogram):
    """What was said before, and the value, are shown and exported; ratings and report go on."""
    code, said, _ = ethogram("show", path, "4")
    assert code == 0
    assert "no trait" in said
    assert "value 3.5" in said
    assert "Be brief." in said
    assert "user: Hello" in said
    assert ethogram("export", path, "-o", "x", "--format", "jsonl")[0] == 0
    lines = (path.parent / "x" / "trials.jsonl").read_text("utf-8").splitlines()
    last = json.loads(lines[-1])
    assert (last["protocol"], last["system"], last["trait_1"]) == ("plain", "Be brief.", None)
    replies = (path.parent / "x" / "replies.jsonl").read_text("utf-8").splitlines()
    assert json.loads(replies[-1])["value"] == 3.5
    assert ethogram("status", path)[0] == 0
    assert ethogram("ratings", path)[0] == 0
    assert ethogram("report", path)[0] == 0
    assert "None or None" not in (path.parent / "s.html").read_text("utf-8")
