"""The overall test and the distance net of noise: closed forms, invariance, simulated coverage."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.stats import chi2
from tests.ratings.test_shifts import answers

from ethogram.ratings.distance import Length, Noise, measure_distance
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.rate import reference_profiles
from ethogram.ratings.shift import shift_between
from ethogram.ratings.sides import pair_sides

LOW, HIGH = 0.93, 0.97


def pair(rng, *, k, times=1, n_prompts=10**6, change=0.0, moods=0.0):
    """Two models that answer the same pairs and prompts, and the true shift (mean zero)."""
    strengths, moved = rng.normal(0, 1, k), rng.normal(0, change, k) if change else np.zeros(k)
    moved = moved - moved.mean()
    effects = rng.normal(0, moods, (n_prompts, k)) if moods else None
    sides = [
        answers(rng, s, n_prompts=n_prompts, moods=effects, times=times)
        for s in (strengths, strengths + moved)
    ]
    return sides, moved


def test_two_finished_profiles_are_tested_by_chi_squared():
    """D' S^+ d with S the sum of the two covariances, by another way: the pseudo-inverse."""
    profiles = reference_profiles()
    one, other = profiles["gpt-5.1"], profiles["trinity-mini"]
    found = measure_distance(pair_sides(one, other))
    shifts = other.strengths - one.strengths
    expected = shifts @ np.linalg.pinv(one.covariance + other.covariance, rcond=1e-8) @ shifts
    assert found.statistic == pytest.approx(expected, rel=1e-6)
    assert found.p == pytest.approx(chi2.sf(expected, 143), rel=1e-4)
    assert found.freedom is None


def test_the_distance_is_the_root_mean_square_shift_less_its_noise():
    """As in its definition, in rating points; not below zero."""
    profiles = reference_profiles()
    one, other = profiles["gpt-5.1"], profiles["trinity-mini"]
    found = measure_distance(pair_sides(one, other))
    shifts = other.strengths - one.strengths
    net = (shifts @ shifts - one.variances.sum() - other.variances.sum()) / 144
    assert found.distance == pytest.approx(ELO_PER_LOGIT * np.sqrt(net))
    assert found.low < found.distance < found.high


def test_paired_sides_use_the_joint_jackknife():
    """The diagonal of the covariance is the variance behind each shift's own interval."""
    (one, other), _ = pair(np.random.default_rng(1), k=10, times=12, n_prompts=60, moods=1.0)
    sides = pair_sides(one, other)
    found = measure_distance(sides)
    raw = shift_between(sides).raw
    half = (raw.high - raw.low) / 2
    t = half / np.sqrt(_variances(sides))
    assert ((t > 1.96) & (t < 2.3)).all()  # a t quantile each
    assert found.freedom < 60


def _variances(sides):
    from ethogram.ratings.distance import find_noise

    return np.diag(find_noise(sides).covariance)


def test_the_overall_test_does_not_depend_on_which_trait_comes_first():
    """Neither do distance and interval; swapping the sides changes nothing."""
    (one, other), _ = pair(np.random.default_rng(2), k=10, times=10)
    turned = [
        dataclasses.replace(c, traits=c.traits[::-1], first=9 - c.first, second=9 - c.second)
        for c in (one, other)
    ]
    plain = measure_distance(pair_sides(one, other))
    for sides in (turned, (other, one)):
        again = measure_distance(pair_sides(*sides))
        for name in ("statistic", "freedom", "p", "distance", "low", "high"):
            assert getattr(again, name) == pytest.approx(getattr(plain, name), rel=1e-6), name


def test_too_few_prompts_for_so_many_traits_is_said():
    """Twelve traits and eight prompts: no test, and why; a distance all the same."""
    (one, other), _ = pair(np.random.default_rng(3), k=12, times=8, n_prompts=8, moods=0.5)
    found = measure_distance(pair_sides(one, other))
    assert found.p is None
    assert "8 prompts or pairs are too few" in found.reason
    assert found.high > 0


def test_variances_alone_give_a_distance_and_no_test():
    """Of profiles of thousands of traits no correlations are kept."""
    profiles = reference_profiles()
    one, other = (
        dataclasses.replace(p, covariance=p.variances.copy())
        for p in (profiles["gpt-5.1"], profiles["trinity-mini"])
    )
    found = measure_distance(pair_sides(one, other))
    assert found.p is None
    assert "correlations" in found.reason
    whole = measure_distance(pair_sides(profiles["gpt-5.1"], profiles["trinity-mini"]))
    assert found.distance == pytest.approx(whole.distance)
    assert found.high == pytest.approx(whole.high, rel=0.05)


def test_a_side_has_not_moved_from_itself():
    """No noise, no distance, p = 1."""
    (one, _), _ = pair(np.random.default_rng(4), k=8, times=4)
    found = measure_distance(pair_sides(one, one))
    assert (found.p, found.distance, found.low, found.high) == (1.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("size", [0.5, 1.0, 3.0])
def test_a_distance_interval_covers_under_normal_noise(size):
    """Unequal variances, the shift along any axis: 2,000 draws, each interval from its own draw."""
    rng, k = np.random.default_rng(5), 30
    variances = np.exp(rng.normal(0, 0.7, k))
    covariance = np.diag(variances)
    true = rng.normal(0, size, k)
    held = 0
    for _ in range(2000):
        seen = true + rng.normal(0, np.sqrt(variances))
        _, low, high = Length.of(seen, Noise(covariance, None)).interval(0.95)
        held += low <= ELO_PER_LOGIT * np.sqrt((true**2).mean()) <= high
    assert LOW < held / 2000 < HIGH + 0.005


def test_no_distance_is_inside_the_interval_of_no_change():
    """At zero only the upper tail can miss: 97.5%."""
    rng, covariance = np.random.default_rng(6), np.diag(np.linspace(0.5, 2, 30))
    draws = rng.normal(0, np.sqrt(np.diag(covariance)), (2000, 30))
    lows = [Length.of(seen, Noise(covariance, None)).interval(0.95)[1] for seen in draws]
    assert 0.965 < np.mean(np.array(lows) == 0) < 0.985
