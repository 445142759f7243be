"""Views: models are compared within one judge and condition; judges beside each other."""

from __future__ import annotations

import numpy as np
import pytest
from tests.analysis.test_analysis import make_profile

from ethogram.analysis.analyse import analyse
from ethogram.analysis.judges import compare_judges
from ethogram.analysis.views import caption_views, name_views, pick_view, say_view, split_views
from ethogram.errors import InputError
from ethogram.ratings.models import ELO_PER_LOGIT


def _profiles(*kinds, n=100, lost=0):
    """A profile for each (model, judge, condition)."""
    rng = np.random.default_rng(0)
    return [
        make_profile(rng.normal(size=8), model=m, judge=j, condition=c, n=n, lost=lost)
        for m, j, c in kinds
    ]


BOTH = (("a", "owl", "feels"), ("a", "Jay", "feels"), ("b", "owl", "feels"), ("b", "Jay", "feels"))


def test_profiles_are_split_by_judge_and_condition():
    """Every profile is in one view, and in the order given."""
    kinds = [*BOTH, ("a", "owl", "likes")]
    views = split_views(_profiles(*kinds))
    assert [(v.judge, v.condition, v.places) for v in views] == [
        ("owl", "feels", (0, 2)),
        ("Jay", "feels", (1, 3)),
        ("owl", "likes", (4,)),
    ]
    assert split_views([]) == ()


def test_most_planned_comparisons_stand_first_and_lost_ones_are_planned():
    """A judge that lost some verdicts is not behind one that lost none; one with fewer is."""
    owl = make_profile(np.arange(4.0), judge="owl", n=90, lost=10)
    jay = make_profile(np.arange(4.0), judge="jay", n=100)
    assert [v.judge for v in split_views([owl, jay])] == ["owl", "jay"]
    many = make_profile(np.arange(4.0), judge="jay", n=101)
    assert [v.judge for v in split_views([owl, many])] == ["jay", "owl"]


@pytest.mark.parametrize(
    ("kinds", "names", "captions"),
    [
        (BOTH[::2], ("",), ("",)),
        (BOTH, ("owl", "Jay"), ("Judged by owl.", "Judged by Jay.")),
        (
            (("a", "owl", "feels"), ("a", "owl", "likes")),
            ("feels", "likes"),
            ("Condition feels.", "Condition likes."),
        ),
        (
            (("a", "owl", "feels"), ("a", "Jay", "likes")),
            ("owl, feels", "Jay, likes"),
            ("Judged by owl; condition feels.", "Judged by Jay; condition likes."),
        ),
    ],
)
def test_views_are_named_by_what_they_differ_in(kinds, names, captions):
    views = split_views(_profiles(*kinds))
    assert name_views(views) == names
    assert caption_views(views) == captions


def test_a_view_is_picked_by_judge_and_condition():
    views = split_views(_profiles(*BOTH, ("a", "owl", "likes")))
    assert pick_view(views) is views[0]
    assert pick_view(views, judge="Jay") is views[1]
    assert pick_view(views, condition="likes") is views[2]
    more = make_profile(np.arange(4.0), judge="Jay", condition="likes", n=150)
    views = split_views([*_profiles(*BOTH), more])
    assert pick_view(views, condition="likes").judge == "Jay"
    assert pick_view(views, judge="Jay").condition == "feels"  # two profiles of 100 each
    views = views[:2]
    with pytest.raises(InputError, match="no profile of judge 'Jay' and condition 'likes'"):
        pick_view(views, judge="Jay", condition="likes")


def test_the_default_is_said_with_its_reason():
    """One view needs no word; of several, which and why, and what else there is."""
    views = split_views(_profiles(*BOTH))
    assert say_view(views[:1], views[0]) == ""
    assert say_view(views, views[0]) == (
        "Compared within one judge: owl (the most planned comparisons, the first where equal). "
        "Others: Jay."
    )
    assert say_view(views, views[1], "Jay") == "Compared within one judge: Jay. Others: owl."
    views = split_views(_profiles(*BOTH, ("a", "owl", "likes")))
    said = say_view(views, views[1], judge="Jay")
    assert said.startswith("Compared within one judge and condition: Jay, feels (the most planned")


@pytest.mark.parametrize(
    ("kind", "word"), [(("a", "Jay", "feels"), "judge"), (("a", "owl", "likes"), "condition")]
)
def test_what_is_of_several_judges_or_conditions_is_not_analysed_as_models(kind, word):
    with pytest.raises(InputError, match=f"more than one {word}"):
        analyse(_profiles(("a", "owl", "feels"), kind), n_draws=20)


# -- judges beside each other ---------------------------------------------------------------------


def test_judges_compared_are_two_judges_of_one_model():
    """Not two models, not two conditions."""
    compared = compare_judges(_profiles(*BOTH, ("a", "owl", "likes")))
    assert [(two.model, two.judges) for two in compared] == [
        ("a", ("owl", "Jay")),
        ("b", ("owl", "Jay")),
    ]


def test_agreement_of_judges_is_that_of_their_ratings():
    """Equal, turned round, and stretched profiles, with the noise of independent errors."""
    truth = np.linspace(-1, 1, 9)
    kinds = {"equal": truth, "turned": -truth, "stretched": 2 * truth}
    one = make_profile(truth, error=0.3, judge="owl")
    found = {
        name: compare_judges([one, make_profile(s, error=0.4, judge="jay")])[0]
        for name, s in kinds.items()
    }
    assert [found[name].spearman for name in kinds] == pytest.approx([1, -1, 1])
    apart = ELO_PER_LOGIT * np.abs(truth).mean()
    assert [found[name].points for name in kinds] == pytest.approx([0, 2 * apart, apart])
    noise = np.abs(np.random.default_rng(0).normal(0, 0.5, 200_000)).mean() * ELO_PER_LOGIT
    assert found["equal"].noise == pytest.approx(noise, rel=0.01)


def test_judges_of_other_traits_are_compared_on_the_shared_ones():
    """Fewer than three in common are no comparison."""
    owl = make_profile(np.arange(6.0), judge="owl", traits=tuple("abcdef"))
    jay = make_profile(np.arange(6.0), judge="jay", traits=tuple("cdefgh"))
    (two,) = compare_judges([owl, jay])
    assert two.traits == 4
    assert not compare_judges([owl, make_profile(np.arange(3.0), judge="jay", traits=tuple("efg"))])
