"""Ratings net of a control."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from ethogram.design import foreign_pairs
from ethogram.errors import InputError
from ethogram.ratings.comparisons import compare
from ethogram.ratings.covariance import UNCORRELATED
from ethogram.ratings.rate import rate
from ethogram.validity.controls import net_of, word_preference

K = 24
NAMES = [f"t{i}" for i in range(K)]


def verdicts(strengths, rng, *, rounds=6, n=None, **labels):
    """Comparisons of all pairs (or of n random ones) by these log odds."""
    first, second = (np.tile(x, rounds) for x in np.triu_indices(len(strengths), 1))
    if n is not None:
        rows = rng.integers(0, len(first), n)
        first, second = first[rows], second[rows]
    swap = rng.random(len(first)) < 0.5
    first, second = np.where(swap, second, first), np.where(swap, first, second)
    wins = rng.random(len(first)) < expit(strengths[first] - strengths[second])
    return compare(NAMES[: len(strengths)], first, second, wins, **labels)


def centred(x):
    """Mean zero."""
    return x - x.mean()


def test_net_ratings_cover_the_planted_difference():
    """Preference planted on top of what is shown without it lies within 92 to 98% of intervals."""
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(24):
        ease, preference = centred(rng.normal(0, 0.7, K)), centred(rng.normal(0, 1, K))
        measured = rate(verdicts(ease + preference, rng), splits=0)
        control = rate(verdicts(ease, rng, condition="random"), splits=0)
        made = net_of(measured, control).profile
        inside.append((made.low <= preference) & (preference <= made.high))
    assert 0.92 <= np.mean(inside) <= 0.98


def test_a_control_without_any_effect_leaves_nothing_of_the_lead():
    """Coins in the random condition: nothing of a lead remains, and the net is the rating."""
    rng = np.random.default_rng(1)
    strengths = centred(rng.normal(0, 1, K))
    measured = rate(verdicts(strengths, rng), splits=0)
    made = net_of(measured, rate(verdicts(np.zeros(K), rng, condition="random"), splits=0))
    assert made.left.low < 0 < made.left.high
    assert made.left.estimate == pytest.approx(0, abs=0.1)
    assert np.corrcoef(made.profile.strengths, strengths)[0, 1] > 0.9
    assert "net of random" in made.profile.condition


def test_a_control_that_shows_the_same_leaves_all_of_the_lead():
    """The same strengths told to choose by chance: all of a lead remains, no trait is clear."""
    rng = np.random.default_rng(2)
    strengths = centred(rng.normal(0, 1, K))
    measured, control = (rate(verdicts(strengths, rng), splits=0) for _ in range(2))
    made = net_of(measured, control)
    assert made.left.low <= 1 <= made.left.high
    assert len(made.clear) <= 4


def test_what_is_left_covers_the_planted_share():
    """Where 40% of every lead remains by plan, the interval holds 40% in at least 9 of 10."""
    rng = np.random.default_rng(3)
    inside = []
    for _ in range(24):
        strengths = centred(rng.normal(0, 1, K))
        measured = rate(verdicts(strengths, rng, rounds=2), splits=0)
        control = rate(verdicts(0.4 * strengths, rng, rounds=2), splits=0)
        left = net_of(measured, control).left
        inside.append(left.low <= 0.4 <= left.high)
    assert np.mean(inside) >= 0.9


def test_a_profile_net_of_itself_is_zero_everywhere():
    """The difference of a profile and itself is nought, with intervals around it."""
    profile = rate(verdicts(np.linspace(-1, 1, K), np.random.default_rng(4)), splits=0)
    made = net_of(profile, profile)
    assert np.abs(made.profile.strengths).max() == 0
    assert made.clear == ()
    assert (made.profile.low < 0).all()


def test_traits_and_judges_that_differ_are_said():
    """Traits without a control are left out, another judge is named, both in the caveats."""
    rng = np.random.default_rng(5)
    measured = rate(verdicts(np.zeros(K), rng, judge="one"), splits=0)
    control = rate(verdicts(np.zeros(10), rng, judge="other"), splits=0)
    made = net_of(measured, control)
    assert len(made.profile.traits) == 10
    assert any("14 traits are not in the control" in text for text in made.caveats)
    assert any("'other', not by 'one'" in text for text in made.caveats)


@pytest.mark.parametrize("thin", ["measured", "control", "both"])
def test_a_control_without_correlations_adds_variances(thin):
    """Where a side keeps variances alone, so does the net; its intervals do not change."""
    rng = np.random.default_rng(11)
    sides = [rate(verdicts(rng.normal(0, 1, K), rng), splits=0) for _ in range(2)]
    whole = net_of(*sides)
    slim = [
        replace(side, covariance=side.variances) if thin in (name, "both") else side
        for name, side in zip(("measured", "control"), sides, strict=True)
    ]
    made = net_of(*slim)
    np.testing.assert_allclose(made.profile.covariance, whole.profile.variances, rtol=1e-12)
    np.testing.assert_allclose(made.profile.low, whole.profile.low, rtol=1e-12)
    assert made.left.estimate == pytest.approx(whole.left.estimate)
    assert made.profile.caveats.count(UNCORRELATED) == 1
    assert UNCORRELATED not in whole.profile.caveats


def test_a_control_of_other_traits_is_refused():
    """Fewer than three traits in common give nothing to subtract."""
    rng = np.random.default_rng(6)
    measured = rate(verdicts(np.zeros(K), rng), splits=0)
    control = measured.restrict(NAMES[:2])
    with pytest.raises(InputError, match="2 traits in common"):
        net_of(measured, control)


def test_natural_ratings_net_of_word_liking_recover_expression():
    """Expression plus liking for words, less liking measured apart: intervals hold 92 to 98%."""
    rng = np.random.default_rng(7)
    inside, errors = [], []
    for _ in range(40):
        liking, expression = centred(rng.normal(0, 0.6, K)), centred(rng.normal(0, 0.8, K))
        natural = rate(verdicts(expression + liking, rng, condition="natural"), splits=0)
        words = word_preference(verdicts(liking, rng, n=150))
        made = net_of(natural, words).profile
        inside.append((made.low <= expression) & (expression <= made.high))
        errors.append([np.std(made.strengths - expression), np.std(natural.strengths - expression)])
    assert 0.92 <= np.mean(inside) <= 0.98
    net, plain = np.mean(errors, axis=0)
    assert net < plain


def test_a_judge_without_liking_for_words_is_drawn_to_zero():
    """Coins give word preferences near zero, so that little noise is subtracted."""
    made = word_preference(verdicts(np.zeros(K), np.random.default_rng(8), n=150))
    raw = rate(verdicts(np.zeros(K), np.random.default_rng(8), n=150), splits=0)
    assert made.condition == "word"
    assert made.strengths.std() < 0.5 * raw.strengths.std()


def test_foreign_pairs_name_no_trait_of_the_trial():
    """Each reply is judged at most once, for two traits that its trial did not name, in balance."""
    first, second = np.triu_indices(20, 1)
    reply, one, other = foreign_pairs(first, second, 20, n_pairs=60, seed=1)
    assert len(set(reply.tolist())) == len(reply) == 60
    for x in (one, other):
        assert (x != first[reply]).all()
        assert (x != second[reply]).all()
    assert (one != other).all()
    assert set(np.bincount(one)) == set(np.bincount(other)) == {3}


def test_foreign_pairs_need_foreign_traits():
    """With four traits or more pairs than replies the plan is refused."""
    first, second = np.triu_indices(4, 1)
    with pytest.raises(InputError, match="at least 5"):
        foreign_pairs(first, second, 4, n_pairs=4)
    with pytest.raises(InputError, match="one pair per reply"):
        foreign_pairs(*np.triu_indices(6, 1), 6, n_pairs=16)
