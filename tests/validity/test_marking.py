"""Marks on traits whose rating says little about preference: which, why, and where they show."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from tests.planted.answers import JudgePlan, ModelPlan
from tests.planted.studies import cli, study_text

from ethogram.api import read_profiles, run_study, write_report
from ethogram.ratings.marks import MEANINGS, NOT_ACTED, NOT_FOUND, NOT_SEEN, SIGNS, explain_marks
from ethogram.study import parse_study
from ethogram.validity.accuracy import collect_plants, judge_accuracy
from ethogram.validity.acting import measure_acting
from ethogram.validity.exemplars import Sight
from ethogram.validity.marking import mark_traits

TRAITS = tuple(f"trait-{i}" for i in range(8))
EACH = 60


def plants(right, *, model="m"):
    """Return plants whose trait is found as often as `right` says, by trait."""
    planted = np.repeat(np.arange(len(TRAITS)), EACH)
    foil = (planted + 1 + np.arange(len(planted)) % 7) % 8
    hit = np.concatenate([np.arange(EACH) < round(EACH * p) for p in right])
    return collect_plants(
        TRAITS, planted, foil, np.where(hit, planted, foil), model=[model] * len(planted)
    )


def sight_of(right):
    """Return what a judge with these accuracies makes of exemplars."""
    found = judge_accuracy(plants(right), source="exemplars")
    return Sight(accuracy=found, single=found, exemplars="made", replies=EACH)


def acting_of(right, sight):
    """Return how far a model acts, found so often."""
    return measure_acting(judge_accuracy(plants(right)), sight.accuracy, model="m")


SEES = [0.5, *[0.95] * 7]
FINDS = [0.5, 0.5, *[0.9] * 6]


def test_what_is_not_seen_is_told_from_what_is_not_acted():
    """The first trait is not seen; the second is seen, and not acted; the others are both."""
    sight = sight_of(SEES)
    acting = {"m": acting_of(FINDS, sight)}
    marks = mark_traits(sight, plants(FINDS), acting, "m")
    assert marks == {"trait-0": NOT_SEEN, "trait-1": NOT_ACTED}


def test_without_exemplars_the_cause_is_not_known():
    """A planted trait that is not found is marked so, and no cause is given."""
    marks = mark_traits(None, plants(FINDS), {}, "m")
    assert marks == {"trait-0": NOT_FOUND, "trait-1": NOT_FOUND}
    assert mark_traits(None, plants(FINDS), {}, "another model") == {}
    assert mark_traits(None, None, {}, "m") == {}


def test_a_blind_judge_marks_every_trait():
    """A judge by chance sees none of them."""
    assert set(mark_traits(sight_of([0.5] * 8), None, {}, "m").values()) == {NOT_SEEN}


def tied_plants():
    """Return plants on which every verdict is one half."""
    one = plants(SEES)
    tied = np.ones(len(one), dtype=bool)
    return replace(one, named=np.full(len(one), -1), tied=tied, judge="by place")


def test_a_judge_of_nothing_but_ties_marks_every_trait():
    """It is tested, and sees none: on exemplars, or on planted replies where there are none."""
    found = judge_accuracy(tied_plants(), source="exemplars")
    sight = Sight(accuracy=found, single=found, exemplars="made", replies=EACH)
    marks = mark_traits(sight, tied_plants(), {}, "m")
    assert marks == dict.fromkeys(TRAITS, NOT_SEEN)
    assert mark_traits(None, tied_plants(), {}, "m") == dict.fromkeys(TRAITS, NOT_FOUND)


def test_acting_through_a_judge_of_nothing_but_ties_is_unknown():
    """It has verdicts, so that the reason is the judge, which is not known to see any trait."""
    found = judge_accuracy(tied_plants(), source="exemplars")
    acting = measure_acting(judge_accuracy(tied_plants()), found, model="m")
    assert acting.sentence.endswith("as by place is not known to see any.")
    assert acting.unseen == TRAITS


def test_marks_are_explained_with_their_traits():
    """Each sign once, with its meaning; none where nothing is marked."""
    said = explain_marks({"calm": NOT_SEEN, "bold": NOT_ACTED, "wry": NOT_SEEN})
    assert f"{SIGNS[NOT_SEEN]} not seen: {MEANINGS[NOT_SEEN]} (calm, wry)." in said
    assert f"{SIGNS[NOT_ACTED]} not acted: {MEANINGS[NOT_ACTED]} (bold)." in said
    assert SIGNS[NOT_FOUND] not in said
    assert explain_marks({}) == ""
    assert "and 3 more" in explain_marks({f"t{i}": NOT_SEEN for i in range(15)})


@pytest.fixture
def marked(planted, tmp_path):
    """A store whose judge takes one trait for others, with exemplars and plants."""
    folder = tmp_path
    names = ("poetic", "formal", "playful", "concise", "sarcastic", "technical")
    server = planted(
        traits=names,
        models={"alpha": ModelPlan()},
        judges={"judge": JudgePlan(accuracy={"poetic": 0.3, "*": 0.98})},
    )
    (folder / "traits.txt").write_text("\n".join(names))
    text = study_text(server.base_url, traits=str(folder / "traits.txt"), repeats=4)
    text += "\n[validity]\nexemplar_calls = 400\nplants = 0.5\n"
    study, path = parse_study(text), folder / "study.db"
    run_study(study, store=path).raise_if_stopped()
    run_study(study, store=path, checks=["exemplars", "plants"]).raise_if_stopped()
    return path


def test_every_form_of_a_profile_bears_them(marked):
    """Library, terminal, CSV, JSON, report page, its Markdown and data."""
    (profile,) = read_profiles(marked)
    assert profile.marks["poetic"] == NOT_SEEN
    assert f"poetic {SIGNS[NOT_SEEN]}" in str(profile) or "poetic" not in str(profile)
    assert profile.restrict(["formal", "poetic"]).marks == {"poetic": NOT_SEEN}
    shown = cli("ratings", marked).stdout
    assert f"poetic {SIGNS[NOT_SEEN]}" in shown
    assert SIGNS[NOT_SEEN] + " not seen:" in " ".join(shown.split())
    table = csv.DictReader(io.StringIO(cli("ratings", marked, "--format", "csv").stdout))
    assert {row["trait"]: row["mark"] for row in table}["poetic"] == NOT_SEEN
    rows = json.loads(cli("ratings", marked, "--json").stdout)["profiles"][0]["ratings"]
    assert {row["trait"]: row["mark"] for row in rows}["poetic"] == NOT_SEEN
    page = write_report(marked, corrections=False)
    assert f'<span class="mark" title="not seen">{SIGNS[NOT_SEEN]}</span>' in page.read_text()
    assert f"poetic {SIGNS[NOT_SEEN]}" in page.with_suffix(".md").read_text()
