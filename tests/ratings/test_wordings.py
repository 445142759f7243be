"""Wordings of the instruction as a random effect: planted spreads, coverage, words."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from ethogram.design import assign_wordings, make_design
from ethogram.errors import InputError
from ethogram.ratings.comparisons import compare
from ethogram.ratings.rate import rate
from ethogram.ratings.wordings import wording_spread

K, N, W = 24, 552, 3


def worded(seed, tau, *, k=K, w=W):
    """Comparisons of a planted model whose strengths move by `tau` between wordings; the truth."""
    rng = np.random.default_rng([4, seed])
    s, moved = rng.normal(0, 1.2, k), rng.normal(0, tau, (w, k))
    s -= s.mean()
    d = make_design(k, N, repeats=2, seed=seed)
    wording = assign_wordings(d, w)
    gap = s[d.first] + moved[wording, d.first] - s[d.second] - moved[wording, d.second]
    won = (rng.random(len(d)) < expit(gap)).astype(float)
    names = [f"t{i}" for i in range(k)]
    return compare(names, d.first, d.second, won, prompt=d.prompt, wording=wording), s


def test_intervals_cover_where_they_would_not_without():
    """10 studies with a spread of half a logit: 93 to 98% with wordings, less without."""
    held, without = [], []
    for seed in range(10):
        comparisons, s = worded(seed, 0.6)
        for rows, hits in (
            (comparisons, held),
            (replace(comparisons, wording=np.zeros(0, int)), without),
        ):
            profile = rate(rows, splits=0)
            hits += [*(profile.low <= s) & (s <= profile.high)]
    assert 0.92 <= np.mean(held) <= 0.99
    assert np.mean(without) < np.mean(held) - 0.03


def test_the_spread_is_found_and_bounded():
    """Of 12 studies each, with a spread and with none, the range holds the truth in most."""
    large = [wording_spread(worded(seed, 0.6)[0]) for seed in range(12)]
    none = [wording_spread(worded(seed, 0.0)[0]) for seed in range(12)]
    assert np.mean([f.spread for f in large]) == pytest.approx(0.6, abs=0.12)
    assert sum(f.low <= 0.6 <= f.high for f in large) >= 10
    assert sum(f.low == 0 for f in none) >= 10


def test_the_trait_that_depends_on_the_wording_is_named():
    """One trait wins in the first wording and loses in the others."""
    comparisons, _ = worded(1, 0.0)
    first = comparisons.first == 0
    touched = first | (comparisons.second == 0)
    wins = np.where(first, comparisons.wording == 0, comparisons.wording != 0)
    moved = replace(comparisons, outcome=np.where(touched, wins, comparisons.outcome).astype(float))
    found = wording_spread(moved)
    assert found.low > 0
    assert np.abs(found.deviations).max(axis=0).argmax() == 0


def test_a_profile_says_how_far_wordings_move_it():
    """One caveat, wider intervals; and nothing where there is one wording."""
    comparisons, _ = worded(2, 0.6)
    profile = rate(comparisons, splits=0)
    plain = rate(replace(comparisons, wording=np.zeros(0, int)), splits=0)
    assert "3 wordings of the instruction" in " ".join(profile.caveats)
    assert "wordings as a random effect" in profile.interval_method
    assert np.array_equal(profile.strengths, plain.strengths)
    assert ((profile.high - profile.low) > (plain.high - plain.low)).all()
    assert "wording" not in " ".join(plain.caveats)
    assert wording_spread(replace(comparisons, wording=np.ones(len(comparisons), int))) is None


def test_wordings_are_balanced_in_every_prefix():
    """Each trait is asked about equally often in each wording, within two."""
    design = make_design(40, 780, seed=3)
    wording = assign_wordings(design, 3)
    for n in (100, 400, 780):
        for trait in range(40):
            mine = (design.first[:n] == trait) | (design.second[:n] == trait)
            counts = np.bincount(wording[:n][mine], minlength=3)
            assert np.ptp(counts) <= 3
    assert np.array_equal(assign_wordings(design, 3)[:50], wording[:50])
    assert not assign_wordings(design, 1).any()


def test_a_wrong_length_is_refused():
    """A wording per comparison, or none."""
    with pytest.raises(InputError, match="wording has 1 entries"):
        compare(["a", "b"], [0, 1], [1, 0], [1, 0], wording=[0])
