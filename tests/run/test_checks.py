"""What the validity checks plan: how much, how balanced, and that it grows with a study."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from tests.planted.studies import cli, prepare_text, rows, run_text, study_text

from ethogram.api import check_study, run_study
from ethogram.errors import InputError
from ethogram.run.checks import CHECKS, PARTS, STUDIES, check_names, extra_calls, plan_checks
from ethogram.run.cost import make_plan
from ethogram.run.prepare import plan_into
from ethogram.store.store import Store
from ethogram.study import parse_study

NOWHERE = "http://127.0.0.1:9/v1"
TRIALS = """SELECT m.name, t.part, t.seq, t.trait_1, t.trait_2, t.prompt, t.sample
    FROM trial t JOIN party m ON m.id = t.model"""
JUDGINGS = """SELECT d.name, j.part, j.trial, j.swapped, j.sample
    FROM judging j JOIN party d ON d.id = j.judge"""
WIDE = "\n[validity]\nplants = 0.5\norders = 0.3\nrepeats = 0.2\nretest = 0.2\n"

TWO_MODELS = {"alpha": {}, "beta": {}}
STUDIES_OF_ALL_KINDS = {
    "one of each": {},
    "judged in both orders": {"judges": {"judge": {"orders": "both"}}},
    "two models, two judges": {
        "models": TWO_MODELS,
        "judges": {"judge": {}, "judge-two": {"orders": "both"}},
    },
    "pairs asked in both orders": {"orders": "both", "models": TWO_MODELS},
    "a short study": {"max_trials": 50},
}


def plan_all(text, path, checks=CHECKS, *, folder=None):
    """Plan a study and its checks into a store, with no call."""
    prepared = prepare_text(text, folder=folder)
    with Store.open(path) as store:
        plan_checks(store, prepared, plan_into(store, prepared), checks)
    return prepared


@pytest.mark.parametrize("kind", STUDIES_OF_ALL_KINDS)
def test_extra_calls_are_the_rows_that_planning_adds(store_path, kind):
    """What the plan announces for each check, model and judge is what the store then holds."""
    text = study_text(NOWHERE, **STUDIES_OF_ALL_KINDS[kind])
    prepared = plan_all(text, store_path)
    parts = {str(part): str(check) for check, part in PARTS.items()}
    found = Counter()
    for (model, part, *_), stage in [
        *((row, "elicit") for row in rows(store_path, TRIALS)),
        *((row, "judge") for row in rows(store_path, JUDGINGS)),
    ]:
        if part != "main" and (part, stage) != ("exemplar", "elicit"):  # these have replies
            found[parts[part], stage, model] += 1
    announced = extra_calls(prepared, CHECKS)
    assert found == Counter({key: calls for key, calls in announced.items() if calls})


def test_extra_calls_hold_for_the_studies_of_their_own(planted, store_path, word_list):
    """The random and natural conditions, with their word verdicts, cost what is announced."""
    server = planted(traits=("warm", "blunt", "terse", "wry", "calm", "grave"))
    text = study_text(
        server.base_url,
        traits=word_list("warm", "blunt", "terse", "wry", "calm", "grave"),
        judges={"judge": {"orders": "both"}},
    )
    folder = store_path.parent
    run_text(text, store_path, folder=folder)
    prepared = plan_all(text, store_path, STUDIES, folder=folder)
    announced = extra_calls(prepared, STUDIES)
    # 15 pairs; words: 8 per trait are more than there are replies; 2 per trait are not.
    assert announced["random", "elicit", "alpha"] == announced["natural", "elicit", "alpha"] == 15
    assert announced["random", "judge", "judge"] == 30
    assert announced["natural", "judge", "judge"] == 30 + 12
    parts = Counter(part for _, part, *_ in rows(store_path, JUDGINGS))
    assert (parts["random"], parts["natural"], parts["word"]) == (30, 30, 12)
    assert Counter(part for _, part, *_ in rows(store_path, TRIALS))["random"] == 15


def test_the_default_checks_of_the_full_study_add_at_most_35_percent(tmp_path):
    """144 traits and 10,296 trials: 5,455 calls more, and `ethogram plan` says so."""
    file = tmp_path / "full.toml"
    file.write_text(study_text(NOWHERE, traits="study144"))
    # exemplars 2 per trait in both orders; plants 8 per trait, twice; orders 10%, repeats 5%,
    # retest 5% twice
    plants = 2 * 144 * 8
    expected = {
        "exemplars": 2 * 144 * 2,
        "plants": plants,
        "orders": 1030,
        "repeats": 515,
        "retest": 2 * 515,
    }
    made = make_plan(prepare_text(file.read_text()))
    assert made.trials == 10_296
    assert made.checks == expected
    assert made.extra == sum(expected.values()) / 20_592 <= 0.35
    shown = cli("plan", file, cwd=tmp_path)
    assert "adds 5,455 calls, 26% of the study's: exemplars 576, plants 2,304" in " ".join(
        shown.stdout.split()
    )
    told = json.loads(cli("plan", file, "--json", cwd=tmp_path).stdout)
    assert told["validity"]["share_of_the_study"] == made.extra


@pytest.mark.parametrize("judges", [1, 2, 4])
def test_more_judges_do_not_raise_the_share_of_the_checks(judges):
    """Each further judge reads plants and repeats too, but asks no new replies."""
    tables = {f"judge-{i}": {} for i in range(judges)}
    made = make_plan(prepare_text(study_text(NOWHERE, traits="study144", judges=tables)))
    assert made.extra <= 0.35


def test_every_trait_is_planted_and_foil_equally_often(store_path):
    """A judge's accuracy is known of each trait alike, half of the time with it shown first."""
    plan_all(study_text(NOWHERE) + WIDE, store_path)
    planted = rows(store_path, "SELECT trait_1, trait_2, planted FROM trial WHERE part = 'plant'")
    assert len(planted) == 400  # 0.5 of 780 trials are 9.75 per trait: 10 of each of 40
    assert all(row[0] == row[2] for row in planted)
    for column in (0, 1):
        assert set(Counter(row[column] for row in planted).values()) == {10}
    first = rows(
        store_path,
        "SELECT t.planted, sum(j.swapped) FROM judging j JOIN trial t ON t.id = j.trial "
        "WHERE j.part = 'plant' GROUP BY 1",
    )
    assert {swapped for _, swapped in first} == {5}


def test_planning_twice_adds_nothing(store_path):
    """A second `ethogram validity` finds every trial and judging planned."""
    text = study_text(NOWHERE, models=TWO_MODELS, judges={"judge": {}, "judge-two": {}})
    plan_all(text, store_path)
    before = rows(store_path, TRIALS), rows(store_path, JUDGINGS)
    plan_all(text, store_path)
    assert (rows(store_path, TRIALS), rows(store_path, JUDGINGS)) == before


@pytest.mark.parametrize("short", [40, 200, 500])
def test_the_checks_of_a_longer_study_hold_those_of_a_shorter_one(store_path, tmp_path, short):
    """Plans made when a study was shorter stay as they are, and the rest is added."""
    plan_all(study_text(NOWHERE, max_trials=short) + WIDE, store_path)
    before = rows(store_path, TRIALS), rows(store_path, JUDGINGS)
    plan_all(study_text(NOWHERE) + WIDE, store_path)
    after = rows(store_path, TRIALS), rows(store_path, JUDGINGS)
    for some, more in zip(before, after, strict=True):
        assert set(some) < set(more)
    whole = tmp_path / "whole.db"
    plan_all(study_text(NOWHERE) + WIDE, whole)
    for table in (TRIALS, JUDGINGS):
        assert parts_of(rows(store_path, table)) == parts_of(rows(whole, table))


def parts_of(planned):
    """Count rows by model or judge and part."""
    return Counter((row[0], row[1]) for row in planned)


def test_a_judge_that_comes_later_gets_the_plants_that_are_there(store_path):
    """Another judge in the study file reads the same planted replies; none is planned anew."""
    plan_all(study_text(NOWHERE), store_path)
    planned = rows(store_path, TRIALS)
    plan_all(study_text(NOWHERE, judges={"judge": {}, "judge-two": {}}), store_path)
    assert rows(store_path, TRIALS) == planned
    read = {
        name: {row[2:] for row in rows(store_path, JUDGINGS) if row[:2] == (name, "plant")}
        for name in ("judge", "judge-two")
    }
    assert read["judge"] == read["judge-two"]
    assert len(read["judge"]) == 80


def test_only_what_is_named_is_planned(store_path):
    """--only orders plans no plant, no repeat and no retest."""
    plan_all(study_text(NOWHERE), store_path, check_names(["orders"]))
    assert {row[1] for row in rows(store_path, TRIALS)} == {"main"}
    assert {row[1] for row in rows(store_path, JUDGINGS)} == {"main", "order"}


def test_an_unknown_check_is_refused(store_path, tmp_path):
    """The text names it and what there is; nothing is planned."""
    text = study_text(NOWHERE)
    with pytest.raises(
        InputError,
        match=r"no check 'plant' \(did you mean 'plants'\?\); expected exemplars, plants, orders",
    ):
        check_names(["orders", "plant"])
    with pytest.raises(InputError, match="no check 'all'"):
        plan_all(text, store_path, ("all",))
    with pytest.raises(InputError, match="no check 'all'"):
        run_study(parse_study(text), store=tmp_path / "other.db", checks=("all",))
    file = tmp_path / "unknown.toml"
    file.write_text(text)
    said = cli("validity", file, "--only", "all", cwd=tmp_path)
    assert said.returncode == 2
    assert said.stderr.startswith("ethogram: no check 'all'; expected exemplars, plants")
    assert not (tmp_path / "unknown.db").exists()


def test_the_random_condition_leaves_the_study_itself_alone(planted, store_path):
    """`--only random` before the study was run asks the control's trials, and no others."""
    server = planted()
    text = study_text(server.base_url, max_trials=40)
    done = run_study(parse_study(text), store=store_path, checks=("random",))
    counts = {(c.stage, c.part): (c.done, c.pending) for c in done.counts}
    assert counts == {
        ("elicit", "main"): (0, 40),
        ("elicit", "random"): (40, 0),
        ("judge", "main"): (0, 40),
        ("judge", "random"): (40, 0),
    }


def test_a_retest_asks_and_judges_anew(planted, store_path):
    """Also where the model repeats itself word for word, the judge reads the reply once more."""
    server = planted()
    text = study_text(server.base_url, max_trials=60) + "\n[validity]\nretest = 0.5\n"
    run_text(text, store_path)
    done = run_study(parse_study(text), store=store_path, checks=("retest",))
    calls = {key: meter.calls for key, meter in done.run.meters.items()}
    assert calls == {("elicit", "alpha"): 30, ("judge", "judge"): 30}


def test_word_verdicts_do_not_depend_on_when_replies_came(planted, store_path, word_list):
    """Words planned on half of the replies stay when the rest comes, and the missing are added."""
    words = ("warm", "blunt", "terse", "wry", "calm", "grave", "prim", "droll", "stern", "meek")
    server = planted(traits=words)
    folder, traits = store_path.parent, word_list(*words)
    some = study_text(server.base_url, traits=traits, max_trials=15)
    whole = study_text(server.base_url, traits=traits)
    run_text(some, store_path, folder=folder)
    plan_all(whole, store_path, ("natural",), folder=folder)
    before = {row for row in rows(store_path, TRIALS) if row[1] == "word"}
    assert len(before) == 15  # one per reply, as there are fewer than 8 per trait
    run_text(whole, store_path, folder=folder)
    plan_all(whole, store_path, ("natural",), folder=folder)
    after = {row for row in rows(store_path, TRIALS) if row[1] == "word"}
    assert before <= after
    clash = rows(
        store_path,
        "SELECT count(*) FROM trial w JOIN reply x ON x.trial = w.id "
        "JOIN reply y ON y.attempt = x.attempt JOIN trial t ON t.id = y.trial "
        "WHERE w.part = 'word' AND t.part = 'main' "
        "AND (w.trait_1 IN (t.trait_1, t.trait_2) OR w.trait_2 IN (t.trait_1, t.trait_2))",
    )
    assert clash == [(0,)]  # no word was named to the model


def test_a_plan_counts_what_the_store_has_not(planted, store_path):
    """After the checks nothing is left to add; with a larger sample only what is new."""
    text = study_text(planted().base_url, max_trials=60)
    parsed = parse_study(text)
    run_study(parsed, store=store_path)
    before = make_plan(prepare_text(text), store_path)
    run_study(parsed, store=store_path, checks=CHECKS)
    after = make_plan(prepare_text(text), store_path)
    assert sum(before.checks.values()) > 0
    assert after.checks == dict.fromkeys(before.checks, 0)
    more = make_plan(prepare_text(text + "\n[validity]\nrepeats = 0.5\n"), store_path)
    assert more.checks["repeats"] > 0
    assert more.checks["exemplars"] == 0


def test_a_plan_counts_this_studys_models_only(planted, store_path):
    """What the same judge said of another model in the store is no part of what is asked."""
    url = planted().base_url
    run_study(parse_study(study_text(url, max_trials=40)), store=store_path)
    run_study(parse_study(study_text(url, max_trials=40)), store=store_path, checks=CHECKS)
    other = study_text(url, max_trials=40, models={"gamma": {}})
    alone, beside = make_plan(prepare_text(other)), make_plan(prepare_text(other), store_path)
    assert beside.checks == {**alone.checks, "exemplars": 0}  # these are written by no model
    assert [row.pending for row in beside.rows] == [40, 40]


def test_the_checks_of_one_model_are_asked_alone(planted, store_path):
    """Of the others, nothing is asked until it is their turn; nothing is asked twice."""
    study = parse_study(study_text(planted().base_url, max_trials=40, models=TWO_MODELS))
    run_study(study, store=store_path)
    asked = """SELECT m.name, count(DISTINCT r.trial), count(v.judging) FROM trial t
        JOIN party m ON m.id = t.model LEFT JOIN reply r ON r.trial = t.id
        LEFT JOIN judging j ON j.trial = t.id LEFT JOIN verdict v ON v.judging = j.id
        WHERE t.part = 'plant' GROUP BY 1 ORDER BY 1"""
    found = check_study(study, store=store_path, only=["plants"], models=["alpha"])
    (_, replies, verdicts), beta = rows(store_path, asked)
    assert replies == verdicts > 0
    assert beta == ("beta", 0, 0)
    assert found.judges[0].accuracy.n == verdicts
    again = check_study(study, store=store_path, only=["plants"])
    assert rows(store_path, asked) == [("alpha", replies, verdicts), ("beta", replies, verdicts)]
    assert again.judges[0].accuracy.n == 2 * verdicts


def test_the_verb_takes_a_model_and_a_judge(ethogram, tmp_path, monkeypatch, planted):
    """A model that is not in the study is named, and nothing is asked."""
    monkeypatch.chdir(tmp_path)
    server = planted()
    text = study_text(server.base_url, max_trials=40, models=TWO_MODELS)
    (tmp_path / "study.toml").write_text(text)
    code, _, err = ethogram("validity", "study.toml", "--model", "gamma")
    assert code == 2
    assert "gamma" in err
    code, out, _ = ethogram(
        *("validity", "study.toml", "--only", "plants", "--model", "beta", "--judge", "judge")
    )
    assert code == 0
    assert "replies, beta" in out
