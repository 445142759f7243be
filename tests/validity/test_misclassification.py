"""The misclassification model and the draws from its posterior."""

import numpy as np
import pytest
from scipy.special import expit

from ethogram.validity.misclassification import (
    Evidence,
    climb,
    curvature,
    log_density,
    sample,
    split_rhat,
)


def small_evidence():
    """Soft and plain outcomes of six traits, in both places, with a few plants."""
    rng = np.random.default_rng(0)
    first, second = (np.tile(x, 4) for x in np.triu_indices(6, 1))
    n = len(first)
    return Evidence(
        first=first,
        second=second,
        outcome=np.where(rng.random(n) < 0.3, rng.random(n), rng.integers(0, 2, n)),
        place=rng.choice([-1.0, 0.0, 1.0], n),
        weight=0.8,
        planted=rng.integers(0, 6, 40),
        hit=rng.integers(0, 2, 40).astype(float),
        planted_place=rng.choice([-1.0, 1.0], 40),
        k=6,
    )


def test_gradient_matches_finite_differences():
    """The gradient of the log posterior is its slope in every parameter."""
    evidence = small_evidence()
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(0, 1, 6), rng.normal(1, 0.5, 6), [0.3, -0.2, 1.0, -0.4, 0.2]])
    _, gradient = log_density(x, evidence)
    assert len(gradient) == len(x)
    for i, slope in enumerate(gradient):
        step = np.zeros_like(x)
        step[i] = 1e-5
        rise = log_density(x + step, evidence)[0] - log_density(x - step, evidence)[0]
        assert rise / 2e-5 == pytest.approx(slope, rel=1e-5, abs=1e-6)


def test_curvature_is_the_expected_one():
    """At expected outcomes the curvature of strengths and accuracies is minus the second slope."""
    e = small_evidence()
    x = np.concatenate([np.linspace(-1, 1, 6), np.full(6, 1.2), [0.2, 0.1, 1.0, -0.4, 0.2]])
    p = expit(x[e.first] - x[e.second] + 0.2)
    a, b = expit(1.2 + 0.1 * e.place), expit(1.2 - 0.1 * e.place)
    expected = Evidence(
        **{
            **vars(e),
            "outcome": a * p + (1 - b) * (1 - p),
            "hit": e.hit,
        }
    )
    made = curvature(x, expected)
    for i in range(14):
        step = np.zeros_like(x)
        step[i] = 1e-5
        change = (log_density(x + step, expected)[1] - log_density(x - step, expected)[1]) / 2e-5
        assert -change[:15] == pytest.approx(made[i, :15], abs=1e-4)


def test_climbing_ends_where_the_slope_is_flat():
    """At the mode, spreads held, no parameter's slope is left."""
    e = small_evidence()
    start = np.concatenate([np.zeros(6), np.ones(6), [0.0, 0.0, 1.0, -0.5, 0.0]])
    _, slope = log_density(climb(start, e), e)
    assert np.abs(slope[:15]).max() < 0.1


def test_draws_have_the_moments_of_a_known_posterior():
    """With a certain judge and two traits, the draws match the posterior summed over a grid."""
    # 30 comparisons, 20 won by the first; judge never errs in 4,000 plants. The strengths' gap g
    # then has likelihood expit(g)^20 expit(-g)^10 and, with scale s, prior N(0, 2 s^2).
    e = Evidence(
        first=np.zeros(30, dtype=int),
        second=np.ones(30, dtype=int),
        outcome=np.repeat([1.0, 0.0], [20, 10]),
        place=np.zeros(30),
        weight=1.0,
        planted=np.repeat([0, 1], 2000),
        hit=np.ones(4000),
        planted_place=np.tile([1.0, -1.0], 2000),
        k=2,
    )
    start = np.array([0.3, -0.3, 6.0, 6.0, 0.0, 0.0, 4.0, -0.5, -0.3])
    draws = np.concatenate([sample(start, e, draws=1000, seed=s) for s in (0, 1)])
    gap = draws[:, 0] - draws[:, 1]
    # The choice effect c ~ N(0, 1) adds to the gap (the first is always choice 1).
    g, c, log_s = np.meshgrid(
        np.linspace(-5, 5, 121), np.linspace(-4, 4, 81), np.linspace(-4, 1.5, 60), indexing="ij"
    )
    s2 = np.exp(2 * log_s)
    log_p = -20 * np.logaddexp(0, -(g + c)) - 10 * np.logaddexp(0, g + c) - c**2 / 2
    log_p += -(g**2) / (4 * s2) - 0.5 * np.log(s2) - s2 / 2 + log_s
    mass = np.exp(log_p - log_p.max())
    mean = (mass * g).sum() / mass.sum()
    deviation = np.sqrt((mass * (g - mean) ** 2).sum() / mass.sum())
    assert gap.mean() == pytest.approx(mean, abs=0.1)
    assert gap.std() == pytest.approx(deviation, rel=0.15)


def test_rhat_tells_chains_that_disagree():
    """Chains of one distribution have R-hat near 1, chains apart far more."""
    rng = np.random.default_rng(2)
    chains = rng.normal(size=(2, 500, 3))
    assert split_rhat(chains) < 1.02
    chains[1] += 3
    assert split_rhat(chains) > 1.5
