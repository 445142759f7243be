"""The strip chart of the first screen."""

from __future__ import annotations

import numpy as np
from tests.report.test_headline import _profile, _view

from ethogram.report.strip import draw_strip


def _strip(*profiles):
    view = _view(*profiles)
    return draw_strip(view.profiles, view.labels, view.analysis)


def test_one_model_shows_its_ends_with_their_intervals():
    """Six of each end of twenty traits, by rating; each dot lies within its interval."""
    profile = _profile(np.linspace(-1.5, 1.5, 20))
    strip = _strip(profile)
    assert [group.head for group in strip.groups] == ["Highest", "Lowest"]
    order = [profile.traits[i] for i in np.argsort(-profile.strengths)]
    shown = [[row.trait for row in group.rows] for group in strip.groups]
    assert shown == [order[:6], order[-6:]]
    assert strip.intervals
    for group in strip.groups:
        for row in group.rows:
            (dot,) = row.dots
            assert 0 <= dot.low <= dot.at <= dot.high <= 100


def test_many_models_show_where_they_differ_by_more_than_noise():
    """A trait on which one model is far off is disputed, and the model is named at its end."""
    common = np.linspace(-1.5, 1.5, 20)
    odd = common.copy()
    odd[10] = -2.0  # not among the lowest on average
    strengths = (common, common, odd)
    profiles = [_profile(s, n=6000, seed=i, model=f"m{i}") for i, s in enumerate(strengths)]
    strip = _strip(*profiles)
    disputed = next(group for group in strip.groups if group.head == "Most disputed")
    first = disputed.rows[0]
    assert first.trait == "trait010"
    assert first.least == "m2"
    assert not strip.intervals
    assert "interval reaches about" in strip.note


def test_a_disputed_trait_at_an_end_stays_there():
    """The highest on average are the highest, however far models are apart on one of them."""
    common = np.linspace(-1.5, 1.5, 20)
    strengths = [common.copy() for _ in range(3)]
    for own, top in zip(strengths, (0.5, 4.0, 4.0), strict=True):
        own[19] = top  # still the highest mean, and the widest spread
    strengths[2][10] = -1.2
    profiles = [_profile(s, n=6000, seed=i, model=f"m{i}") for i, s in enumerate(strengths)]
    groups = {group.head: [row.trait for row in group.rows] for group in _strip(*profiles).groups}
    mean = np.mean([profile.ratings for profile in profiles], axis=0)
    order = [profiles[0].traits[i] for i in np.argsort(-mean)]
    assert groups["Highest on average"] == order[:4]
    assert groups["Lowest on average"] == order[-4:]
    assert order[0] == "trait019"
    assert groups["Most disputed of the others"][0] == "trait010"


def test_noise_is_not_disputed():
    profiles = [_profile(np.zeros(20), n=2000, seed=s, model=f"m{s}") for s in (5, 6, 7)]
    heads = [group.head for group in _strip(*profiles).groups]
    assert heads == ["Highest on average", "Lowest on average"]


def test_few_traits_are_all_shown():
    strip = _strip(_profile(np.linspace(-1, 1, 5), n=400))
    (group,) = strip.groups
    assert len(group.rows) == 5
    assert group.head == ""


def test_axis_holds_everything_and_1000():
    """Ratings far apart have a handful of ticks, one of them the mean."""
    strip = _strip(_profile(np.linspace(-6, 6, 8), n=4000))
    words = [words for words, _ in strip.ticks]
    assert "1000" in words
    assert 2 <= len(words) <= 7
    assert all(0 <= at <= 100 for _, at in strip.ticks)


def test_nothing_rated_has_no_strip():
    assert draw_strip((), (), None) is None
