"""Exemplars in a study: how much is planned, how balanced, and that nothing is asked twice."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from itertools import pairwise

import pytest
from bench.local_judges import print_table
from tests.planted.studies import prepare_text, rows, study_text

from ethogram.api import check_study, name_exemplars, run_study, try_judges
from ethogram.errors import InputError
from ethogram.run.checks import Check, extra_calls, plan_checks
from ethogram.run.exemplars import count_exams, make_exams, read_exemplars
from ethogram.run.prepare import plan_into
from ethogram.stimuli.exemplars import pair_class
from ethogram.store.store import Store
from ethogram.study import parse_study

NOWHERE = "http://127.0.0.1:9/v1"
EXAMS = """SELECT m.name, w.text, p.text, a.name, b.name, c.name, t.wanted, t.id
    FROM trial t JOIN party m ON m.id = t.model JOIN written w ON w.trial = t.id
    JOIN prompt p ON p.id = t.prompt JOIN trait a ON a.id = t.trait_1
    JOIN trait b ON b.id = t.trait_2 JOIN trait c ON c.id = t.planted
    WHERE t.part = 'exemplar' ORDER BY t.id"""
JUDGINGS = """SELECT d.name, j.trial, j.swapped FROM judging j JOIN party d ON d.id = j.judge
    JOIN trial t ON t.id = j.trial WHERE j.part = 'exemplar' AND j.wanted AND t.wanted"""


def with_validity(text, **keys):
    """Return a study file with a [validity] table."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    return "\n".join([text, "[validity]", *lines, ""])


def exams_of(calls, **study):
    """Return the exams of a study with that many calls."""
    prepared = prepare_text(with_validity(study_text(NOWHERE, **study), exemplar_calls=calls))
    return make_exams(prepared, read_exemplars(prepared))


def plan_exemplars(text, path, *, folder=None):
    """Plan a study and its exemplars into a store, with no call."""
    prepared = prepare_text(text, folder=folder)
    with Store.open(path) as store:
        plan_checks(store, prepared, plan_into(store, prepared), (Check.EXEMPLARS,))
    return prepared


def wanted(path):
    """Return the exams of a store that are wanted, by their texts."""
    return {row[:6] for row in rows(path, EXAMS) if row[6]}


@pytest.mark.parametrize(("traits", "size"), [("contested40", 40), ("study144", 144)])
@pytest.mark.parametrize("calls", [300, 600, 1500])
def test_every_trait_is_asked_equally_often(traits, size, calls):
    """Each trait is the target as often as any other, and the calls are about those wanted."""
    exams = exams_of(calls, traits=traits)
    count = Counter(exam.trait for exam in exams)
    assert len(count) == size
    assert len(set(count.values())) == 1
    assert abs(2 * len(exams) - calls) <= size  # one exam per trait more or less is 2 * size calls


@pytest.mark.parametrize("traits", ["contested40", "study144"])
def test_foils_are_used_about_equally_often(traits):
    """Not exactly, as they are near or far in turn: from half of the mean to twice the mean."""
    exams = exams_of(1500, traits=traits)
    count = Counter(exam.foil for exam in exams)
    mean = len(exams) / len({exam.trait for exam in exams})
    assert 0.5 * mean <= min(count.values()) <= max(count.values()) <= 2 * mean


def test_near_and_far_foils_take_turns():
    """Half of a trait's foils are near where it has near traits, and each reply meets both."""
    exams = exams_of(6 * 2 * 144, traits="study144")
    classes = defaultdict(list)
    for exam in exams:
        classes[exam.trait].append((exam.exemplar, pair_class(exam.trait, exam.foil)))
    for asked in classes.values():
        assert [name for _, name in asked[:2]] == ["near", "far"]
        for reply in {one for one, _ in asked}:
            of_reply = [name for one, name in asked if one == reply]
            assert all(
                one != other or "near" not in (one, other) for one, other in pairwise(of_reply)
            )
    share = Counter(name for asked in classes.values() for _, name in asked)
    assert 0.4 <= share["near"] / len(exams) <= 0.5  # some traits have few near ones
    assert share["far"] >= len(exams) / 2


def test_replies_take_turns_and_meet_no_foil_twice():
    """A trait's three replies are asked equally often, each with another foil every time."""
    exams = exams_of(9 * 2 * 40)
    count = Counter(exam.exemplar for exam in exams)
    assert set(count.values()) == {3}
    assert len({(exam.exemplar, exam.foil) for exam in exams}) == len(exams)
    assert not [exam for exam in exams if exam.trait == exam.foil]


@pytest.mark.parametrize(("few", "more"), [(80, 160), (160, 600), (600, 2000)])
def test_a_smaller_budget_is_the_beginning_of_a_larger(few, more):
    """What was asked for less money is a part of what is asked for more."""
    some, many = exams_of(few), exams_of(more)
    assert 0 < len(some) < len(many)
    assert many[: len(some)] == some


def test_no_more_is_asked_than_there_is(word_list, store_path):
    """Three traits, three replies each: 18 exams at most, whatever the calls."""
    text = study_text(NOWHERE, traits=word_list("warm", "blunt", "poetic"))
    prepared = prepare_text(with_validity(text, exemplar_calls=10_000), folder=store_path.parent)
    assert count_exams(prepared) == 2 * 3 * 3 * 2


def test_exams_do_not_depend_on_the_design(word_list, store_path):
    """A longer study has the same exams, so that judges can be tried before it is decided."""
    assert exams_of(600, max_trials=50) == exams_of(600, repeats=2)


def test_each_exam_is_judged_in_both_orders_by_every_judge(store_path):
    """Also by a judge that reads the study's replies in one order."""
    judges = {"judge": {}, "judge-two": {"orders": "both"}}
    plan_exemplars(study_text(NOWHERE, judges=judges), store_path)
    trials = {row[-1] for row in rows(store_path, EXAMS)}
    expected = {(name, trial, turn) for name in judges for trial in trials for turn in (0, 1)}
    assert len(trials) == 320
    assert set(rows(store_path, JUDGINGS)) == expected


def test_the_target_is_planted_and_first_of_the_pair(store_path):
    """The store says which trait the reply was written to show."""
    plan_exemplars(study_text(NOWHERE), store_path)
    found = {
        (one.trait, one.prompt, one.reply)
        for one in read_exemplars(prepare_text(study_text(NOWHERE))).exemplars
    }
    for writer, reply, prompt, first, second, target, *_ in rows(store_path, EXAMS):
        assert writer == "written144"
        assert target == first != second
        assert (target, prompt, reply) in found


def test_planning_twice_adds_nothing(store_path):
    """A second `ethogram exemplars` finds all planned."""
    plan_exemplars(study_text(NOWHERE), store_path)
    before = rows(store_path, EXAMS), rows(store_path, JUDGINGS)
    plan_exemplars(study_text(NOWHERE), store_path)
    assert (rows(store_path, EXAMS), rows(store_path, JUDGINGS)) == before


def test_a_smaller_budget_leaves_out_what_is_beyond_it(store_path):
    """With fewer calls the rest is kept and not wanted; with more again, nothing is new."""
    large, small = (with_validity(study_text(NOWHERE), exemplar_calls=n) for n in (640, 160))
    plan_exemplars(large, store_path)
    whole, known = wanted(store_path), len(rows(store_path, EXAMS))
    plan_exemplars(small, store_path)
    assert len(wanted(store_path)) == 80
    assert wanted(store_path) < whole
    plan_exemplars(large, store_path)
    assert wanted(store_path) == whole
    assert len(rows(store_path, EXAMS)) == known


@pytest.fixture
def own_set(tmp_path):
    """Return a function that writes exemplars for traits of contested40."""

    def write(name="own.jsonl", reply="Written by another hand: {}.", traits=("warm", "blunt")):
        lines = [
            json.dumps({"trait": trait, "prompt": f"Ask {i}.", "reply": reply.format(2 * n + i)})
            for n, trait in enumerate(traits)
            for i in range(2)
        ]
        (tmp_path / name).write_text("\n".join(lines), encoding="utf-8")
        return name

    return write


def first_traits(count=2):
    """Return the first traits of the study that these tests plan."""
    return prepare_text(study_text(NOWHERE)).traits.names[:count]


def test_another_set_takes_the_place_of_the_first_and_back(planted, store_path, own_set):
    """The set named last counts; what judges said of the other is kept and not asked again."""
    server, folder = planted(), store_path.parent
    text = study_text(server.base_url, max_trials=39)
    ours = with_validity(text, exemplar_calls=160)
    theirs = with_validity(text, exemplar_calls=160, exemplars=own_set(traits=first_traits()))
    calls = {}
    for turn, said in enumerate((ours, theirs, ours, theirs)):
        done = run_study(
            parse_study(said, path=folder / "study.toml"),
            store=store_path,
            stages=("judge",),
            checks=("exemplars",),
        )
        calls[turn] = done.run.calls
        writers = {row[0] for row in wanted(store_path)}
        assert writers == ({"own"} if turn % 2 else {"written144"})
    assert calls == {0: 160, 1: 160, 2: 0, 3: 0}


def test_an_edited_file_leaves_no_former_reply_in(store_path, own_set):
    """A reply that was put in better words is asked; what stood there before does not count."""
    folder, traits = store_path.parent, first_traits()
    text = with_validity(study_text(NOWHERE), exemplars=own_set(traits=traits), exemplar_calls=8)
    plan_exemplars(text, store_path, folder=folder)
    own_set(traits=traits, reply="Better words: {}.")
    plan_exemplars(text, store_path, folder=folder)
    assert {row[1] for row in wanted(store_path)} == {f"Better words: {n}." for n in range(4)}
    assert len(rows(store_path, EXAMS)) == 2 * len(wanted(store_path))


def test_names_of_traits_are_compared_without_case(store_path, own_set):
    """A file says Warm, the study warm: one trait."""
    traits = [name.upper() for name in first_traits()]
    text = with_validity(study_text(NOWHERE), exemplars=own_set(traits=traits))
    prepared = plan_exemplars(text, store_path, folder=store_path.parent)
    assert {row[5] for row in wanted(store_path)} == set(prepared.traits.names[:2])


@pytest.mark.parametrize("judges", [{"judge": {}}, {"judge": {}, "judge-two": {"orders": "both"}}])
@pytest.mark.parametrize("calls", [0, 100, 600])
def test_what_is_announced_is_what_the_store_holds(store_path, judges, calls):
    """`ethogram plan` counts the judgings of exemplars, and no reply."""
    text = with_validity(study_text(NOWHERE, judges=judges), exemplar_calls=calls)
    prepared = plan_exemplars(text, store_path)
    announced = extra_calls(prepared, (Check.EXEMPLARS,))
    held = Counter(name for name, *_ in rows(store_path, JUDGINGS))
    assert announced == {("exemplars", "judge", name): held[name] for name in judges}
    assert bool(held) == bool(calls)


def test_traits_without_an_exemplar_stop_no_other_check(planted, store_path, word_list):
    """`ethogram validity` goes on; `ethogram exemplars` says in one line what is missing."""
    words = ("grumbly", "sparkly", "wobbly")
    server = planted(traits=words)
    text = study_text(server.base_url, traits=word_list(*words), repeats=10)
    study = parse_study(text, path=store_path.parent / "study.toml")
    run_study(study, store=store_path)
    found = check_study(study, store=store_path)
    (judge,) = found.judges
    assert judge.sight is None
    assert judge.acting == {}
    assert judge.known is judge.accuracy
    with pytest.raises(InputError) as caught:
        name_exemplars(study, store=store_path)
    assert "written144 show none of the study's 3 traits, but " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_calls_is_no_exam(store_path):
    """exemplar_calls = 0 plans none, and trying a judge is refused with the key's name."""
    text = with_validity(study_text(NOWHERE), exemplar_calls=0)
    plan_exemplars(text, store_path)
    assert rows(store_path, EXAMS) == []
    with pytest.raises(InputError, match="exemplar_calls = 0: expected 1 or more"):
        name_exemplars(parse_study(text), store=store_path)


def test_only_some_traits_have_exemplars(planted, store_path, word_list):
    """The others serve as foils, and the judge's result names them."""
    words = ("warm", "blunt", "wobbly", "grumbly")
    server = planted(traits=words)
    text = study_text(server.base_url, traits=word_list(*words))
    study = parse_study(text, path=store_path.parent / "study.toml")
    (sight,) = try_judges(study, store=store_path)
    assert sight.missing == ("wobbly", "grumbly")
    assert {row[4] for row in wanted(store_path)} == set(words)
    assert {row[5] for row in wanted(store_path)} == {"warm", "blunt"}


def test_the_table_of_local_judges_has_a_row_of_each(planted, store_path, own_set, capsys):
    """`bench.local_judges` prints what exemplars showed: accuracy, each order alone, lean, rate."""
    text = with_validity(
        study_text(planted().base_url), exemplar_calls=80, exemplars=own_set(traits=first_traits())
    )
    study = parse_study(text, path=store_path.parent / "study.toml")
    done = run_study(study, store=store_path, stages=("judge",), checks=[Check.EXEMPLARS])
    assert done.run.calls
    print_table(store_path)
    head, _, row = capsys.readouterr().out.splitlines()
    assert row.count("|") == head.count("|")
    judge, both, *_ = (cell.strip() for cell in row.strip("|").split("|"))
    assert judge in study.judges
    assert re.fullmatch(r"\d+% \(\d+ to \d+\) of \d+", both)
