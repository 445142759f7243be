"""What models say of themselves, measured: agreement with what they do, refusals, biases."""

from __future__ import annotations

import numpy as np
import pytest
from tests.planted.answers import ModelPlan, World
from tests.planted.server import Config, serve
from tests.planted.studies import study_text

from ethogram.api import ask_study, run_study
from ethogram.design import Part
from ethogram.stimuli.traits import load_traits
from ethogram.store.self_reports import SelfReport
from ethogram.study import parse_study
from ethogram.validity.asked import section_json
from ethogram.validity.results import StoreResults
from ethogram.validity.self_report import (
    _tell,
    compare_choices,
    measure_self_reports,
    rate_choices,
    turned_answers,
)
from ethogram.validity.self_report_section import self_report_section

TRAITS = load_traits("contested40").names
PLANS = {
    "alpha": ModelPlan(stated_correlation=0.8, declines=0.1, acquiescence=0.6),
    "beta": ModelPlan(stated_correlation=0.0, position_bias=1.0),
}


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """Ask two models about themselves: one whose word is partly true, one whose word is not."""
    folder = tmp_path_factory.mktemp("asked")
    with serve(Config(traits=TRAITS, models=PLANS)) as server:
        text = study_text(server.base_url, models={"alpha": {}, "beta": {}}) + "\n[self_report]\n"
        study = parse_study(text, path=folder / "study.toml")
        run_study(study, store=folder / "study.db").raise_if_stopped()
        ask_study(study, store=folder / "study.db")
    return folder / "study.db"


@pytest.fixture(scope="module")
def found(asked):
    """Measure them."""
    with StoreResults.open(asked) as results:
        return measure_self_reports(results)


def of(rows, **wanted):
    """Return the row that has these values."""
    (row,) = [r for r in rows if all(getattr(r, key) == value for key, value in wanted.items())]
    return row


@pytest.mark.parametrize("context", ["fresh", "acted"])
@pytest.mark.parametrize("kind", [Part.STATED, Part.LIKERT])
def test_the_planted_correlation_is_found(found, kind, context):
    """.8 and 0 lie in the intervals net of noise, and the two are told apart."""
    true, none = (
        of(found.against, model=model, kind=kind, context=context).agreement
        for model in ("alpha", "beta")
    )
    assert true.corrected.low < 0.8 < true.corrected.high
    assert none.corrected.low < 0 < none.corrected.high
    assert true.plain.low > none.plain.estimate
    assert true.plain.estimate < true.corrected.estimate
    assert (true.n, none.n) == (40, 40)


def test_word_and_deed_part_where_they_were_planted_apart(found):
    """Of the model whose word is not true many traits part, each on the side where it should."""
    world = World(TRAITS, models=PLANS)
    said, done = world.stated("beta"), world.strengths("beta")
    parted = of(found.against, model="beta", kind=Part.LIKERT, context="fresh").parted
    assert len(parted) > 5
    signs = [
        np.sign(said[p.trait] - done[p.trait]) == np.sign(p.difference.estimate) for p in parted
    ]
    assert np.mean(signs) > 0.9
    few = of(found.against, model="alpha", kind=Part.LIKERT, context="fresh").parted
    assert len(few) < len(parted)


def test_what_a_model_declines_is_counted_and_is_in_no_score(found):
    """A tenth of the questions, within the interval; the others answer."""
    for told in found.told:
        share = 0.1 if told.model == "alpha" else 0.0
        assert told.declined.low <= share <= told.declined.high
        assert (
            told.planned == told.asked == told.answered + round(told.declined.estimate * told.asked)
        )


def test_acquiescence_and_the_pull_of_the_first_word_are_found(found):
    """Planted .6 points and none; a logit toward the first word and none."""
    likert = {m: of(found.told, model=m, kind=Part.LIKERT, context="fresh") for m in PLANS}
    # Cut at 5, .6 points shift the mean of opposite statements by less.
    assert 0.1 < likert["alpha"].bias.low < likert["alpha"].bias.high < 0.7
    assert likert["beta"].bias.low < 0 < likert["beta"].bias.high
    stated = {m: of(found.told, model=m, kind=Part.STATED, context="fresh") for m in PLANS}
    assert stated["beta"].bias.low > 0.5
    assert stated["alpha"].bias.low < 0.5 < stated["alpha"].bias.high
    assert stated["alpha"].same.estimate > stated["beta"].same.estimate


def test_a_model_names_what_its_reply_shows_as_often_as_its_word_is_true(found):
    """By the judge's verdicts on the replies to the same two words."""
    true, none = (
        of(found.against, model=model, kind=Part.STATED, context="acted").shown for model in PLANS
    )
    assert true.low > 0.5
    assert none.low < 0.5 < none.high
    assert true.low > none.estimate


def test_acting_first_changes_nothing_here(found):
    """The planted models answer alike in both contexts, and the intervals hold no change."""
    assert len(found.changes) == 4
    for change in found.changes:
        assert change.stable.plain.low > 0.4
        assert change.more.low < 0 < change.more.high


def test_the_section_says_it_in_sentences_tables_and_numbers(asked, found):
    """Each model, each way of asking; JSON has the numbers unrounded."""
    with StoreResults.open(asked) as results:
        section = self_report_section(results)
    assert section.name == "self_report"
    assert sum("what it does by judge correlate at" in claim for claim in section.claims) == 4
    assert any("declines to describe itself in" in claim for claim in section.claims)
    assert all(len(row) == len(t.head) for t in section.tables for row in t.rows)
    assert "-" not in "".join(cell for t in section.tables[:3] for row in t.rows for cell in row)
    data = section_json(section)["data"]
    assert len(data["against"]) == 8
    assert [row["net_of_noise"]["estimate"] for row in data["against"]] == [
        one.agreement.corrected.estimate for one in found.against
    ]
    assert len(data["told"][0]["scores"]["traits"]) == 40


def test_a_store_without_self_reports_has_no_section(planted, store_path, tmp_path, word_list):
    """Nothing is said where nothing was asked."""
    words = ("warm", "blunt", "terse")
    text = study_text(planted(traits=words).base_url, traits=word_list(*words))
    run_study(parse_study(text, path=tmp_path / "s.toml"), store=store_path)
    with StoreResults.open(store_path) as results:
        assert self_report_section(results) is None


# -- by hand ----------------------------------------------------------------------------------


def say(first, second="", *, item=0, place=0, choice=None, value=None, status="ok"):
    """Return an answer."""
    return SelfReport("m", "fresh", first, second, item, place, choice, value, status, True)


def test_reversed_items_are_turned_and_missing_ones_stay_missing():
    """2 on a reversed item counts as 4; the store's number is as it was given."""
    rows = [
        say("warm", item=0, value=5.0),
        say("warm", item=1, value=2.0),
        say("blunt", item=0, value=1.0),
        say("blunt", item=1, status="refused"),
    ]
    traits, answers = turned_answers(rows)
    assert traits == ("warm", "blunt")
    assert np.array_equal(answers, [[5, 4], [1, np.nan]], equal_nan=True)


def test_the_same_number_throughout_is_no_certainty():
    """A small model says 2 to everything: a point below the middle, within an interval."""
    rows = [say(f"trait{i}", item=j, value=2.0) for i in range(6) for j in range(4)]
    told = _tell("m", Part.LIKERT, "fresh", rows)
    assert told.bias.estimate == -1
    assert told.bias.low < -1 < told.bias.high < 0.5
    assert told.scores.reliability == 0


def test_both_orders_of_a_pair_are_one_cluster():
    """Each choice is a comparison; the two of a pair share their number, and losses are counted."""
    rows = [
        say("warm", "blunt", place=7, choice="warm"),
        say("blunt", "warm", place=7, choice="warm"),
        say("warm", "terse", place=9, status="unparsed"),
    ]
    comparisons = compare_choices(rows)
    assert comparisons.outcome.tolist() == [1.0, 0.0]
    assert comparisons.prompt.tolist() == [7, 7]
    assert (len(comparisons), comparisons.lost) == (2, 1)


def test_choices_that_cannot_be_rated_say_why():
    """No choice at all, or words that never meet."""
    assert rate_choices([say("warm", "blunt", status="refused")]) == (
        None,
        "no answer names one of the two words",
    )
    apart = [
        say("warm", "blunt", place=0, choice="warm"),
        say("terse", "poetic", place=1, choice="terse"),
    ]
    scores, why = rate_choices(apart)
    assert scores is None
    assert "no common scale" in why
