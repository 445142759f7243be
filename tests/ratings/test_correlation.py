"""Correlation of two profiles with noise taken out: planted correlations, edges."""

from dataclasses import replace

import numpy as np
import pytest

from ethogram.errors import InputError
from ethogram.ratings.comparisons import compare
from ethogram.ratings.correlation import compare_ratings, latent_correlation
from ethogram.ratings.rate import rate, reference_profile


def measured(rho, seed, k=40):
    """Two noisy measurements of strengths that correlate by `rho`, and the noise."""
    rng = np.random.default_rng([9, seed])
    both = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], k)
    noise = rng.uniform(0.2, 0.8, k)
    x = both[:, 0] + rng.normal(0, 0.5, k)
    return x, np.full(k, 0.25), both[:, 1] + rng.normal(size=k) * np.sqrt(noise), noise


@pytest.mark.parametrize("rho", [0.0, 0.8])
def test_a_planted_correlation_is_found_and_held(rho):
    """Of 12 measurements the interval holds it in at least 10; noise alone would shrink it."""
    found = [latent_correlation(*measured(rho, seed)) for seed in range(12)]
    assert sum(low <= rho <= high for _, low, high in found) >= 10
    assert np.mean([middle for middle, _, _ in found]) == pytest.approx(rho, abs=0.12)
    assert all(-1 <= low <= middle <= high <= 1 for middle, low, high in found)


def test_without_noise_it_is_pearson():
    """Against numpy."""
    x, _, y, _ = measured(0.6, 3, k=200)
    tiny = np.full(200, 1e-6)
    middle, low, high = latent_correlation(x, tiny, y, tiny)
    assert middle == pytest.approx(np.corrcoef(x, y)[0, 1], abs=0.01)
    assert high - low < 0.3


def test_noise_that_hides_everything_is_said_to():
    """An interval as wide as can be says nothing, and no figure stands for it."""
    names, ring = [f"t{i}" for i in range(6)], np.arange(6)
    profile = rate(compare(names, ring, (ring + 1) % 6, [1, 0, 1, 1, 0, 1]), splits=0)
    words = compare_ratings(profile, profile).words
    assert "noise leaves anything open" in words


def test_a_profile_agrees_with_itself():
    """Nine tenths at least, and one at most."""
    profile = reference_profile("claude-haiku-4.5")
    found = compare_ratings(profile, profile)
    assert found.spearman == pytest.approx(1)
    assert 0.95 < found.latent <= 1
    assert "144 traits" in found.words


def test_too_few_traits_are_refused():
    """Three say nothing of a correlation."""
    profile = reference_profile("claude-haiku-4.5")
    with pytest.raises(InputError, match="3 traits in common"):
        compare_ratings(profile, profile.restrict(profile.traits[:3]))


def test_equal_ratings_have_no_correlation():
    """A judge that sees nothing rates all alike: that is no Spearman of nan."""
    profile = reference_profile("claude-haiku-4.5")
    flat = replace(profile, strengths=np.zeros(len(profile.traits)))
    for one, two in ((flat, profile), (profile, flat)):
        with pytest.raises(InputError, match="all ratings are equal"):
            compare_ratings(one, two)
