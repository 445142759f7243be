"""What a design will tell: against closed forms and against simulated studies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from ethogram.design import make_design
from ethogram.errors import InputError
from ethogram.ratings import power
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.power import POWER, foresee, found_size, reference_spread, simulate
from ethogram.ratings.rate import rate, reference_profiles
from ethogram.ratings.shift import shift


def test_equal_strengths_have_the_closed_form():
    """Of a round robin of equal traits, a centred strength's variance is 4 / (K r)."""
    k, repeats = 12, 20
    design = make_design(k, 240, repeats=repeats, seed=3)
    told = foresee(design, spread=1e-6, studies=8)
    plain = 1.96 * np.sqrt(4 / (k * repeats) * (k - 1) / k) * ELO_PER_LOGIT
    assert told.half_width == pytest.approx(plain, rel=0.06)


def test_a_size_that_is_found_has_its_power_in_closed_form():
    """With many degrees of freedom it is (z of the level + z of the power) standard errors."""
    error = np.full(30, 0.2)
    size = found_size(1.959964 * error, error)
    critical = norm.ppf(1 - 0.05 / 60)
    assert size == pytest.approx((critical + norm.ppf(POWER)) * 0.2 * np.sqrt(2), rel=1e-3)


def test_fewer_clusters_need_larger_moves():
    """A t interval that is wider for the same error finds only larger moves."""
    error = np.full(30, 0.2)
    assert found_size(2.4 * error, error) > 1.2 * found_size(1.96 * error, error)


@pytest.mark.parametrize("trials", [195, 780, 3120])
def test_what_is_foreseen_is_what_is_found(trials):
    """Half-width and rank correlation are those of other simulated studies, 40 traits."""
    design = make_design(40, 292, max_trials=trials, repeats=4, seed=1)
    told = foresee(design, spread=1.1, position=0.3, studies=8)
    rng = np.random.default_rng(5)
    halves, agreed = [], []
    for _ in range(8):
        truth = rng.normal(0, 1.1, 40)
        profile = rate(simulate(design, truth, rng, position=0.3), splits=0)
        halves.append(ELO_PER_LOGIT * (profile.high - profile.low).mean() / 2)
        agreed.append(np.corrcoef(profile.strengths, truth)[0, 1])
    assert told.half_width == pytest.approx(np.mean(halves), rel=0.08)
    assert told.rank_correlation == pytest.approx(np.mean(agreed), abs=0.06)


def test_a_promised_shift_is_found_about_as_often_as_promised():
    """Two studies of 20 traits, three moved by the promised size: four in five are seen."""
    design = make_design(20, 190, repeats=4, seed=2)
    size = foresee(design, spread=1.0, seed=1).shift / ELO_PER_LOGIT
    rng, found = np.random.default_rng(6), []
    signs = np.array([1.0, -1.0, 1.0])
    for _ in range(40):
        truth = rng.normal(0, 1.0, 20)
        who = rng.permutation(20)[:3]
        moved = truth.copy()
        moved[who] += size * signs
        change = shift(simulate(design, truth, rng), simulate(design, moved, rng)).raw
        found += ((change.p < 0.05 / 20) & (change.estimate != 0))[who].tolist()
    assert 0.68 <= np.mean(found) <= 0.92


def test_too_few_comparisons_promise_no_shift():
    """Where many a trait wins always, no size is found in most cases."""
    assert foresee(make_design(10, 90, repeats=2), spread=1.1).shift == np.inf


def test_the_reference_spread_is_below_what_is_seen():
    """Noise is taken out of the published profiles."""
    seen = np.median([profile.strengths.std() for profile in reference_profiles().values()])
    assert 0.9 * seen < reference_spread() < seen


def test_errors_trait_by_trait_are_near_the_exact_ones(monkeypatch):
    """What is used above a thousand traits, on fewer."""
    design = make_design(60, 300, seed=1)
    strengths = np.random.default_rng(3).normal(0, 1, 60)
    exact = power._errors(design, strengths)
    monkeypatch.setattr(power, "_LARGEST", 10)
    assert np.allclose(power._errors(design, strengths), exact, rtol=0.05)


@pytest.mark.parametrize("spread", [0, -1, np.nan, np.inf])
def test_a_spread_that_is_none_is_refused(spread):
    """It has to be a number above 0."""
    with pytest.raises(InputError, match="above 0"):
        foresee(make_design(5, 10), spread=spread)
