"""What is foreseen of studies of any shape: small, large, few prompts, odd wants."""

from __future__ import annotations

import json

import pytest
from tests.planted.studies import prepare_text, study_text

from ethogram.errors import InputError
from ethogram.run import foresight
from ethogram.run.foresight import make_forecast, read_want

PROMPTS = ["How are you?", "What is rain?", "Name a bird."]


def prepared(**study):
    """Prepare a study that is never asked."""
    return prepare_text(study_text("http://127.0.0.1:9", **study))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("traits", [["warm", "cold"], ["warm", "cold", "dry"]])
def test_tiny_studies_have_numbers_in_each_row(traits):
    """Ratings that are all equal order nothing: a correlation of 0, not a missing one."""
    told = make_forecast(prepared(traits=traits))
    assert told.rows
    assert all(0 <= row.rank_correlation <= 1 for row in told.rows)
    assert all(row.half_width > 0 for row in told.rows)


@pytest.mark.parametrize(
    "want", [{"shift": 60}, {"half_width": 40}, {"rank_correlation": 0.9}, {"half_width": 9000}]
)
def test_what_is_wanted_of_two_traits_is_found(want):
    """The search begins at a single trial, and ends at a row that keeps what was asked."""
    (row,) = make_forecast(prepared(traits=["warm", "cold"]), want=want).rows
    ((key, value),) = want.items()
    seen = getattr(row, key)
    assert seen >= value if key == "rank_correlation" else seen <= value


@pytest.mark.parametrize("pairs", [2, 6, "all", "adaptive"])
def test_no_row_has_more_trials_than_pairs_and_prompts_allow(pairs):
    """With three prompts each pair of the study can be asked three times."""
    study = {"prompts": PROMPTS, "pairs": pairs}
    if pairs == "adaptive":
        study["max_trials"] = 10_000
    made = prepared(**study)
    most = 3 * (20 * pairs if isinstance(pairs, int) else 780)
    sizes = [row.comparisons for row in make_forecast(made).rows]
    assert made.most_trials in sizes
    assert max(sizes) <= most
    with pytest.raises(InputError, match=f"{most:,} are all that these pairs and prompts allow"):
        make_forecast(made, want={"half_width": 1})


def test_more_than_is_simulated_follows_from_what_is(monkeypatch):
    """Above a size, errors shrink with the root of the number: near what a simulation says."""
    made = prepared(traits="contested40", repeats=4)
    direct = make_forecast(made).rows[-1]
    monkeypatch.setattr(foresight, "LONGEST", 6000)
    scaled = make_forecast(made).rows[-1]
    assert scaled.comparisons == direct.comparisons == 12_480
    assert scaled != direct
    assert scaled.half_width == pytest.approx(direct.half_width, rel=0.08)
    assert scaled.shift == pytest.approx(direct.shift, rel=0.1)
    assert scaled.rank_correlation == pytest.approx(direct.rank_correlation, abs=0.01)


@pytest.mark.parametrize("text", ["", ",", "half_width", "half_width=50%", "shift=1,shift=1"])
def test_wants_that_say_nothing_or_two_things_are_refused(text):
    """Each in one line that names the text."""
    with pytest.raises(InputError, match="--want") as error:
        read_want(text)
    assert len(error.value.lines) == 1


def test_a_want_may_have_spaces():
    """Around the sign and between keys."""
    assert read_want(" half_width = 50 , shift=1e2 ") == {"half_width": 50, "shift": 100}


def test_prices_of_rows_go_with_their_trials():
    """A row of twice as many trials costs twice as much, also above what is simulated."""
    price = {"prices": {"input": 1.0, "output": 2.0}}
    text = study_text("http://127.0.0.1:9", models={"m": price}, judges={"j": price})
    told = foresight.make_forecast(prepare_text(text))
    assert json.loads(json.dumps(foresight.forecast_json(told)))["rows"]
    one, two = told.costs[1], told.costs[2]
    assert two == pytest.approx(2 * one, rel=0.01)
