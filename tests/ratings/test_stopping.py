"""When ratings are sure enough."""

from __future__ import annotations

import numpy as np
import pytest

from ethogram.design import make_design
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.power import simulate
from ethogram.ratings.rate import rate
from ethogram.ratings.stopping import STOP_KEYS, is_met, measure, measure_all


@pytest.fixture(scope="module")
def profiles():
    """Return a profile of few comparisons and one of many."""
    rng, truth = np.random.default_rng(1), np.random.default_rng(2).normal(0, 1, 15)
    designs = (make_design(15, 200, repeats=r, seed=1) for r in (2, 8))
    return [rate(simulate(design, truth, rng), splits=0) for design in designs]


def test_half_width_is_that_of_the_frame(profiles):
    """Half of the mean interval as it is printed."""
    frame = profiles[0].frame()
    half = (frame["high"] - frame["low"]).mean() / 2
    assert measure(profiles[0], "half_width") == pytest.approx(half, rel=1e-6)


@pytest.mark.parametrize("key", STOP_KEYS)
def test_four_times_the_comparisons_are_about_twice_as_sure(profiles, key):
    """Every measure falls; those in points by about half."""
    few, many = (measure(profile, key) for profile in profiles)
    assert many < few
    if key != "rank_range":
        assert 0.35 < many / few < 0.6


def test_a_rank_range_counts_its_ends(profiles):
    """A trait whose rank is certain has a range of one."""
    profile = profiles[0]
    widths = profile.rank_high - profile.rank_low + 1
    assert measure(profile, "rank_range") == pytest.approx(widths.mean())
    assert widths.min() >= 1


def test_the_widest_profile_decides(profiles):
    """A rule is met when all profiles meet it, and at the bound itself."""
    told = measure_all(profiles, ["half_width"])
    assert told["half_width"] == measure(profiles[0], "half_width")
    assert is_met(told, {"half_width": told["half_width"]})
    assert not is_met(told, {"half_width": told["half_width"] - 0.01})
    assert ELO_PER_LOGIT > 100
