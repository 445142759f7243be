"""A protocol of its own in one file: a model rates itself on one trait, and no judge reads it."""

import re

from tests.planted.studies import prepare_text, study_text

from ethogram.design import Part
from ethogram.engine.requests import USABLE, Status
from ethogram.protocols.protocol import Call, Protocol, Result
from ethogram.run.prepare import plan_into
from ethogram.run.runner import run_stages
from ethogram.run.stages import STAGES, trial_stage
from ethogram.store.read import count_stages
from ethogram.store.rows import TrialRow
from ethogram.store.store import Store


def calls(trial, setting):
    """Ask for a number, after what was said before."""
    system = {"role": "system", "content": f"{trial.system} How {trial.trait_1}, from 1 to 7?"}
    return (Call((system, *trial.turns, {"role": "user", "content": trial.prompt}), read=number),)


def number(reading):
    """Read the number; the planted server's replies hold no digit but the mark's."""
    found = re.search(r"t:(\d)", reading.text)
    return reading if found else reading.as_status(Status.UNPARSED, "no number")


def result(trial, setting, readings):
    """Take the number as the reply's value, and its trait as the choice."""
    if readings[0].status not in USABLE:
        return Result(readings[0])
    value = float(re.search(r"t:(\d)", readings[0].text)[1])
    return Result(readings[0], choice=trial.trait_1, value=value)


def test_a_new_protocol_runs_through_the_real_stages(planted, tmp_path, word_list, monkeypatch):
    """One row in the table of stages; asked, read, written, counted and resumed like the others."""
    monkeypatch.setitem(STAGES, "self", trial_stage("self", Protocol(calls, result)))
    server = planted(traits=("warm", "blunt", "terse"))
    text = study_text(server.base_url, traits=word_list("warm", "blunt", "terse"))
    prepared = prepare_text(text, folder=tmp_path)
    with Store.open(tmp_path / "s.db") as store:
        plan = plan_into(store, prepared)
        with store.planning():
            said = store.add_context("Be honest.", ({"role": "user", "content": "Hello"},))
            asked = [TrialRow(0, plan.trait_ids["warm"], None, plan.prompts[0], context=said)]
            store.add_trials(plan.models["alpha"], Part.MAIN, "self", asked, protocol="self")
        run = run_stages(prepared, store, plan, stages=["self"])
        assert (run.calls, run.stopped) == (1, None)
        assert run_stages(prepared, store, plan, stages=["self"]).calls == 0
        counts = {c.stage: (c.planned, c.done) for c in count_stages(store) if not c.judge}
        assert counts == {"self": (1, 1), "elicit": (3, 0)}
        sent = '"Be honest. How warm, from 1 to 7?","role":"system"},{"content":"Hello"'
        assert sent in store.query("SELECT body FROM request")[1][0][0]
        assert store.query("SELECT choice FROM reply WHERE value IN (0, 1, 2)")[1] == [
            (plan.trait_ids["warm"],)
        ]
