"""Ratings of pairs that were chosen from the answers before them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ethogram.design import make_design
from ethogram.ratings import posterior
from ethogram.ratings.allocation import (
    believe,
    choose_pairs,
    design_of_trials,
    extend_design,
)
from ethogram.ratings.power import simulate
from ethogram.ratings.rate import fit_comparisons, rate
from ethogram.ratings.shift import shift

K = 12


def adaptive_study(seed, spread=1.1):
    """Return an adaptive study of 20 comparisons per trait, and the truth."""
    rng = np.random.default_rng([4, seed])
    truth = rng.normal(0, spread, K)
    truth -= truth.mean()
    fixed = make_design(K, 100, max_trials=3 * K, seed=seed)
    design = fixed
    while True:
        # The stream of answers begins anew, so that what was answered before stays answered so.
        given = simulate(design, truth, np.random.default_rng([5, seed]), position=0.2)
        if len(design) >= 10 * K:
            return replace(given, adaptive=True), truth
        trials = extend_design(design, choose_pairs([believe(given)], K, None))
        design = design_of_trials(fixed, *trials)


@pytest.fixture(scope="module")
def studies():
    """Return 60 studies with their truths."""
    return [adaptive_study(seed) for seed in range(60)]


def test_intervals_cover_where_those_of_a_flat_prior_do_not(studies):
    """Over 60 studies of 12 traits; the standard error of a share is about 1.5%."""
    held = {"posterior": [], "flat": []}
    for given, truth in studies:
        for name, profile in (
            ("posterior", rate(given, splits=0)),
            ("flat", rate(replace(given, adaptive=False), splits=0)),
        ):
            held[name].append(np.mean((profile.low <= truth) & (truth <= profile.high)))
    assert 0.91 <= np.mean(held["posterior"]) <= 0.98
    assert np.mean(held["flat"]) < np.mean(held["posterior"]) - 0.02


def test_ratings_are_nearer_to_the_truth(studies):
    """A flat prior stretches the scale; the posterior's mean does not."""
    errors = {True: [], False: []}
    for given, truth in studies[:20]:
        for adaptive in (True, False):
            profile = rate(replace(given, adaptive=adaptive), splits=0)
            errors[adaptive].append(np.mean((profile.strengths - truth) ** 2))
    assert np.mean(errors[True]) < 0.8 * np.mean(errors[False])


def test_one_prior_alone_gives_the_plain_posterior(studies, monkeypatch):
    """With a single width there is nothing to average."""
    given, _ = studies[0]
    monkeypatch.setattr(posterior, "RIDGES", np.array([0.5]))
    one, plain = rate(given, splits=0), rate(given, splits=0, ridge=0.5, interval="fisher")
    wider = posterior.WIDER
    assert np.allclose(one.strengths, plain.strengths, atol=1e-8)
    assert np.allclose(one.covariance, wider**2 * plain.covariance, atol=1e-8)
    assert np.allclose(one.high - one.strengths, 1.959964 * wider * np.sqrt(plain.variances))


def test_the_weights_follow_the_spread():
    """Strengths that spread widely give their weight to wide priors."""
    means = []
    for spread in (0.3, 2.5):
        given, _ = adaptive_study(3, spread)

        def fit_under(ridge, given=given):
            fitted = fit_comparisons(given, ridge=ridge)
            return fitted.pairs, fitted.fit

        weights = posterior._weights(fit_under)
        assert weights.sum() == pytest.approx(1)
        means.append(weights @ np.log(posterior.RIDGES))
    assert means[1] < means[0] - 1


def test_what_is_asked_for_is_what_is_used(studies):
    """A prior or a kind of interval that is named is not replaced."""
    given, _ = studies[0]
    plain = replace(given, adaptive=False)
    for options in ({"ridge": 0.3}, {"interval": "fisher"}):
        one, other = rate(given, splits=0, **options), rate(plain, splits=0, **options)
        assert np.array_equal(one.strengths, other.strengths)
        assert np.array_equal(one.low, other.low)


def test_a_shift_of_adaptive_studies_is_not_paired(studies):
    """Leaving out a prompt would not undo what its answer led to."""
    moved = shift(studies[0][0], studies[1][0])
    assert moved.paired == ""
    assert any("independent" in caveat for caveat in moved.caveats)
