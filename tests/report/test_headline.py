"""The headline: written from the numbers, and silent where they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.report.test_report import _Elements, _simulated

from ethogram.ratings.rate import rate
from ethogram.report.content import build_report
from ethogram.report.judge import JudgeAccount, judge_account
from ethogram.report.page import render_page
from ethogram.report.sides import lower_half, shared_sides, upper_half
from ethogram.report.summary import render_markdown
from ethogram.validity.accuracy import collect_plants, judge_accuracy
from ethogram.validity.controls import net_of
from ethogram.validity.measure import JudgeValidity, Validity

SPREAD = np.linspace(-1.5, 1.5, 12)


def _profile(strengths, *, n=3000, seed=0, model="owl-1.0", condition=""):
    data = _simulated(np.asarray(strengths, float), n=n, seed=seed, model=model)
    return rate(replace(data, condition=condition))


def _view(*profiles, judge=None):
    return build_report(profiles, title="t", judge=judge).views[0]


def test_one_model_favours_its_top_over_its_bottom():
    """The traits named are those whose whole rank range is on one side, furthest first."""
    profile = _profile(SPREAD, n=9000)
    assert _view(profile).headline == (
        "owl-1.0 favours trait011, trait010 and trait009 over trait000, trait001 and trait002"
    )
    up, down = upper_half(profile), lower_half(profile)
    assert all(up[[11, 10, 9]])
    assert all(down[[0, 1, 2]])


def test_one_side_alone_is_told_alone():
    """Only one trait stands out: there is nothing that it is preferred to by name."""
    assert _view(_profile([3.0] + [0.0] * 9, n=600)).headline == "owl-1.0 favours trait000"
    shy = _view(_profile([-3.0] + [0.0] * 9, n=600)).headline
    assert shy == "owl-1.0 shies away from trait000"


def test_two_models_that_differ_are_told_by_their_difference():
    """Traits that rise and that fall, from the first model to the second."""
    other = SPREAD.copy()
    other[[3, 8]] = [2.5, -2.5]
    headline = _view(_profile(SPREAD), _profile(other, seed=1, model="jay-2")).headline
    assert headline.startswith("jay-2 leans more toward trait003")
    assert "than owl-1.0 does, and less toward trait008" in headline


def test_two_models_that_do_not_differ_are_told_by_what_they_share():
    profiles = [_profile(SPREAD, seed=s, model=f"m{s}") for s in (1, 2)]
    assert _view(*profiles).headline.startswith("Both models favour trait011")


def test_many_models_are_told_by_what_all_share():
    """Each trait that is named is on that side in every profile."""
    profiles = [_profile(SPREAD, seed=s, model=f"m{s}") for s in range(4)]
    headline = _view(*profiles).headline
    assert headline.startswith("All four models favour trait011")
    sides = shared_sides(profiles)
    for half, traits in ((upper_half, sides.up), (lower_half, sides.down)):
        for trait in traits:
            assert all(half(p)[p.traits.index(trait)] for p in profiles)


def test_models_that_share_nothing_are_told_apart():
    rng = np.random.default_rng(3)
    profiles = [_profile(rng.normal(0, 1, 12), seed=s, model=f"m{s}") for s in range(3)]
    headline = _view(*profiles).headline
    assert headline.startswith("Three models share no clear favourite; m")


@pytest.mark.parametrize(
    ("n", "models", "headline"),
    [
        (24, 1, "Too few comparisons (24) to tell what m0 favours"),
        (60, 1, "60 comparisons do not show what m0 favours"),
        (60, 2, "60 comparisons per model do not show what either model favours"),
        (60, 3, "60 comparisons per model do not show what any model favours"),
    ],
)
def test_too_little_data_is_said(n, models, headline):
    """Equal traits: the comparisons show nothing, whatever stands first by chance."""
    profiles = [_profile(np.zeros(10), n=n, seed=s, model=f"m{s}") for s in range(models)]
    assert _view(*profiles).headline == headline


def test_few_comparisons_of_unequal_models_are_a_range():
    """Not every model has as many as the one with the most."""
    profiles = [_profile(np.zeros(10), n=n, seed=n, model=f"m{n}") for n in (20, 24)]
    headline = "Too few comparisons (20 to 24 per model) to tell what either model favours"
    assert _view(*profiles).headline == headline


def test_nothing_is_said_where_nothing_was_rated():
    assert _view().headline == "Nothing has been judged yet"


def test_a_random_trait_is_nobodys_favourite():
    """Where the trait was picked at random, replies show it: the model favours nothing."""
    profiles = [_profile(SPREAD, seed=s, model=f"m{s}", condition="random") for s in range(3)]
    headline = _view(*profiles).headline
    assert headline.startswith(
        "With traits picked at random, replies of all three models read as trait011"
    )
    assert "favour" not in headline


def test_a_judge_at_chance_takes_the_headline():
    """Ratings by a judge that sees nothing say nothing of the model."""
    account = JudgeAccount(tested=True, sentences=("judge: at chance.",), blind=("judge",))
    assert _view(_profile(SPREAD), judge=account).headline == (
        "judge was not shown to judge better than chance, so its ratings say nothing about owl-1.0"
    )


def test_headline_stands_in_all_three_forms():
    """The page's first heading, the Markdown in bold, the JSON by name."""
    report = build_report([_profile(SPREAD)], title="A study")
    headline = report.views[0].headline
    page = render_page(report)
    assert f'<h1 id="headline">{headline}</h1>' in page
    assert "A study" in _Elements(page).words
    assert f"**{headline}.**" in render_markdown(report, "t.html")


def test_untested_judges_are_the_claim_of_their_section():
    validity = Validity((JudgeValidity("owl"), JudgeValidity("jay")), agreement=None, nets=())
    assert judge_account(validity).claim == "The judges have not been tested"
    assert judge_account(validity).blind == ()


@pytest.mark.parametrize(("remains", "said"), [(1.0, True), (0.2, False)])
def test_an_order_that_a_coin_gives_too_is_said_with_the_judge(remains, said):
    """What is ranked is then no preference: it stands beside whether the judge can be believed."""
    measured = _profile(SPREAD, n=9000, condition="feels")
    control = _profile(remains * SPREAD, n=9000, seed=1, condition="random")
    plants = collect_plants(["a", "b"], [0, 1] * 40, [1, 0] * 40, [0, 1] * 40, judge="owl")
    judge = JudgeValidity("owl", accuracy=judge_accuracy(plants))
    account = judge_account(Validity((judge,), None, nets=(net_of(measured, control),)))
    assert account.tested
    assert ("Told to choose by the toss of a coin, owl-1.0 gave much" in account.headline) == said
    assert account.banner == (2 if said else 1)
