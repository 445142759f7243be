"""When a model or judge that has answers counts as another: its answers' settings, compared."""

from __future__ import annotations

import pytest
from tests.planted.studies import prepare_text, rows, run_text, study_text

from ethogram.errors import StoreError
from ethogram.run.checks import plan_checks
from ethogram.run.prepare import plan_into
from ethogram.store.rows import Role, TrialRow
from ethogram.store.store import Store

WORDS = ("warm", "blunt", "terse")


@pytest.fixture
def replan(planted, tmp_path, word_list):
    """Return a function that runs a study, then plans it again with other keys."""
    server = planted(traits=WORDS)
    names = word_list(*WORDS)

    def text(model="", judge=""):
        study = study_text(server.base_url, traits=names)
        return study.replace('model = "alpha"', f'model = "alpha"\n{model}').replace(
            'model = "judge"', f'model = "judge"\n{judge}'
        )

    def plan(before, after):
        assert run_text(text(**before), tmp_path / "s.db", folder=tmp_path).stopped is None
        with Store.open(tmp_path / "s.db") as store:
            plan_into(store, prepare_text(text(**after), folder=tmp_path))

    return plan


@pytest.mark.parametrize(
    "extra", ["{ cutoff = 2024-01-01 }", "{ a = nan }", "{ a = [1, { b = inf }] }", "{ a = 1.0 }"]
)
def test_what_toml_can_say_and_python_finds_hard_to_compare_is_equal_to_itself(replan, extra):
    """A date is kept as text and what is no number as null, as they are sent."""
    same = {"model": f"extra_body = {extra}"}
    replan(same, same)


@pytest.mark.parametrize(
    ("before", "after"),
    [("1", "true"), ("0", "false"), ("1", "2"), ('"1"', "1"), ("[1]", "[true]")],
)
def test_values_that_are_sent_otherwise_differ(replan, before, after):
    """Although Python holds 1 and true for equal."""
    with pytest.raises(StoreError, match=r"other settings \(params was "):
        replan(
            {"model": f"extra_body = {{ a = {before} }}"},
            {"model": f"extra_body = {{ a = {after} }}"},
        )


def test_a_completion_judge_is_never_shown_the_prompt_by_that_key(replan):
    """It reads another template: the key changes none of its answers."""
    completion = 'verdict = "completion"'
    replan({"judge": f"{completion}\nshow_prompt = false"}, {"judge": completion})


def test_a_template_that_nothing_was_asked_with_may_change(planted, tmp_path, word_list):
    """A check that was planned and not run has no answers to its template."""
    study = study_text(planted(traits=WORDS).base_url, traits=word_list(*WORDS))
    run_text(study, tmp_path / "s.db", folder=tmp_path)
    other = '\n[templates]\nplant = "Be {first} throughout, and never name it."\n'
    with Store.open(tmp_path / "s.db") as store:
        for text in (study, study + other):
            prepared = prepare_text(text, folder=tmp_path)
            plan_checks(store, prepared, plan_into(store, prepared), ["plants"])
        assert "Be {first} throughout" in store.parties(Role.MODEL)["alpha"][1]
    assert rows(tmp_path / "s.db", "SELECT count(*) FROM reply WHERE status = 'ok'") == [(3,)]


def test_protocols_share_no_part_and_condition(planted, tmp_path, word_list):
    """Else their answers would be counted and rated as those of one."""
    study = study_text(planted(traits=WORDS).base_url, traits=word_list(*WORDS))
    with Store.open(tmp_path / "s.db") as store:
        plan = plan_into(store, prepare_text(study, folder=tmp_path))
        row = TrialRow(0, None, None, plan.prompts[0])
        with pytest.raises(StoreError, match=r"trials of 'elicit' are planned for main, feels"):
            store.add_trials(plan.models["alpha"], "main", "feels", [row], protocol="self")


def test_a_trial_without_two_traits_cannot_be_judged_for_them(planted, tmp_path, word_list):
    """It is refused when it is planned, not when its verdicts are read."""
    from ethogram.store.rows import JudgingRow

    study = study_text(planted(traits=WORDS).base_url, traits=word_list(*WORDS))
    with Store.open(tmp_path / "s.db") as store:
        plan = plan_into(store, prepare_text(study, folder=tmp_path))
        row = TrialRow(0, plan.trait_ids["warm"], None, plan.prompts[0])
        (trial,) = store.add_trials(plan.models["alpha"], "main", "self", [row], protocol="self")
        with pytest.raises(StoreError, match=f"trial {trial} has no two traits to be judged for"):
            store.add_judgings(plan.judges["judge"], "main", [JudgingRow(trial, False)])
