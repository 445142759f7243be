"""Simulations: the default intervals hold the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from ethogram.ratings.comparisons import compare
from ethogram.ratings.models import fit_bradley_terry
from ethogram.ratings.pairs import count_pairs
from ethogram.ratings.rate import rate

LOW, HIGH = 0.93, 0.97


def simulate(rng, strengths, pairs, *, prompt=None, shifts=None, position=0.0):
    """Comparisons of these pairs, each shown in a random order, judged by the true strengths."""
    swap = rng.random(len(pairs)) < 0.5
    first = np.where(swap, pairs[:, 1], pairs[:, 0])
    second = np.where(swap, pairs[:, 0], pairs[:, 1])
    logit = strengths[first] - strengths[second] + position
    if shifts is not None:
        logit += shifts[prompt, first] - shifts[prompt, second]
    won = rng.random(len(pairs)) < 1 / (1 + np.exp(-logit))
    names = [f"trait {i}" for i in range(len(strengths))]
    return compare(names, first, second, won.astype(float), prompt=prompt)


def round_robin(k, times=1):
    """Every pair of k items, `times` over."""
    return np.tile(np.stack(np.triu_indices(k, 1), axis=1), (times, 1))


def coverage(make, *, replications, **options):
    """Whether the default interval holds the truth, and whether the trait won or lost all.

    Both of shape (replications, K).
    """
    held, one_sided = [], []
    for _ in range(replications):
        truth, comparisons = make()
        profile = rate(comparisons, splits=0, **options)
        held.append((profile.low <= truth) & (truth <= profile.high))
        wins = profile.wins_by_trait
        one_sided.append((wins == 0) | (wins == profile.n_by_trait))
    return np.array(held), np.array(one_sided)


def one_prompt_each(rng, k, times=1, sd=1.2, **effects):
    """A maker of (truth, comparisons) with a prompt of its own for every comparison."""
    pairs = round_robin(k, times)

    def make():
        strengths = np.sort(rng.normal(0, sd, k))
        strengths -= strengths.mean()
        prompt = np.arange(len(pairs))
        return strengths, simulate(rng, strengths, pairs, prompt=prompt, **effects)

    return make


@pytest.mark.parametrize("position", [0.0, 0.3])
def test_intervals_of_a_full_study_cover(position):
    """144 traits, 10,296 comparisons: 95% of the intervals hold, position bias or not."""
    make = one_prompt_each(np.random.default_rng(1), 144, position=position)
    held, _ = coverage(make, replications=150)
    assert LOW < held.mean() < HIGH
    assert LOW < held[:, [0, 1, 2, -3, -2, -1]].mean() < HIGH


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2])
def test_intervals_of_a_small_study_cover(times):
    """Ten traits, 45 or 90 comparisons: all; the two extreme ones; those that won or lost all.

    The true strengths are as spread as the reference profiles' (standard deviation 1.2 logits).
    """
    make = one_prompt_each(np.random.default_rng(2), 10, times)
    held, one_sided = coverage(make, replications=1500)
    assert LOW < held.mean() < HIGH
    assert LOW < held[:, [0, -1]].mean() < HIGH
    assert one_sided.sum() > 200
    assert LOW < held[one_sided].mean() < HIGH + 0.01  # of 309 traits: one standard error is 0.012


@pytest.mark.slow
@pytest.mark.parametrize("sd", [0.6, 2.0])
@pytest.mark.parametrize("times", [1, 2])
def test_intervals_of_a_small_study_cover_whatever_its_spread(sd, times):
    """Ten traits that lie half as far apart as the reference profiles', or nearly twice as far."""
    make = one_prompt_each(np.random.default_rng(6), 10, times, sd=sd)
    held, _ = coverage(make, replications=700)
    assert LOW < held.mean() < HIGH
    assert LOW < held[:, [0, -1]].mean() < HIGH


def test_intervals_hold_an_outlier():
    """One trait at 4 logits among 23 of N(0, 0.5): no prior pulls its interval off it."""
    rng, pairs = np.random.default_rng(7), round_robin(24)

    def make():
        strengths = np.append(rng.normal(0, 0.5, 23), 4.0)
        strengths -= strengths.mean()
        return strengths, simulate(rng, strengths, pairs, prompt=np.arange(len(pairs)))

    held, _ = coverage(make, replications=300)
    assert LOW < held.mean() < HIGH
    assert held[:, -1].mean() > LOW


def test_rank_ranges_of_a_small_study_hold():
    """Ten traits, 90 comparisons: every true rank is in its range in at least 95% of studies."""
    make = one_prompt_each(np.random.default_rng(4), 10, 2)
    rank = np.arange(10, 0, -1)
    held = []
    for _ in range(300):
        profile = rate(make()[1], splits=0)
        held.append(((profile.rank_low <= rank) & (rank <= profile.rank_high)).all())
    assert np.mean(held) >= 0.95


def averaged_strengths(strengths, sd):
    """Bradley-Terry strengths of win probabilities averaged over prompts that shift each trait."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    first, second = round_robin(len(strengths)).T
    gap = (strengths[first] - strengths[second])[:, None] + np.sqrt(2) * sd * nodes
    wins = (1 / (1 + np.exp(-gap))) @ (weights / weights.sum())
    return fit_bradley_terry(count_pairs(first, second, wins, len(strengths)), ridge=0).strengths


def shared_prompts(rng, k=12, n_prompts=60, sd=1.0):
    """A maker where every prompt serves all pairs and shifts the traits by N(0, sd)."""
    pairs = round_robin(k, n_prompts)
    prompt = np.repeat(np.arange(n_prompts), k * (k - 1) // 2)

    def make():
        strengths = np.sort(rng.normal(0, 1, k))
        strengths -= strengths.mean()
        shifts = rng.normal(0, sd, (n_prompts, k))
        data = simulate(rng, strengths, pairs, prompt=prompt, shifts=shifts)
        return averaged_strengths(strengths, sd), data

    return make


def test_intervals_of_shared_prompts_cover():
    """12 traits, 60 prompts that each serve all 66 pairs and shift the traits by N(0, 1)."""
    held, _ = coverage(shared_prompts(np.random.default_rng(3)), replications=600)
    assert LOW < held.mean() < HIGH


def test_intervals_that_ignore_shared_prompts_fail():
    """On the same data the Fisher intervals hold the truth far less often than they say."""
    make = shared_prompts(np.random.default_rng(3))
    held, _ = coverage(make, replications=150, interval="fisher")
    assert held.mean() < 0.86


def soft_verdicts(rng, k=10, times=4):
    """A maker whose verdicts are probabilities: the true log odds and noise of N(0, 1)."""
    pairs = round_robin(k, times)
    names = [f"trait {i}" for i in range(k)]

    def make():
        strengths = rng.normal(0, 1, k)
        logit = strengths[pairs[:, 0]] - strengths[pairs[:, 1]] + rng.normal(0, 1, len(pairs))
        verdicts = 1 / (1 + np.exp(-logit))
        prompt = np.arange(len(pairs))
        truth = averaged_strengths(strengths, np.sqrt(0.5))
        return truth, compare(names, *pairs.T, verdicts, prompt=prompt)

    return make


def test_intervals_of_soft_verdicts_cover():
    """Verdicts that are probabilities: clustered by default, where Fisher's are far too wide."""
    held, _ = coverage(soft_verdicts(np.random.default_rng(5)), replications=200)
    assert LOW < held.mean() < HIGH
    wide, _ = coverage(soft_verdicts(np.random.default_rng(5)), replications=50, interval="fisher")
    assert wide.mean() > 0.99
