"""The quantiles behind every interval, against printed tables and by counting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ethogram.ratings.comparisons import compare
from ethogram.ratings.quantiles import central_range, normal_quantile, t_quantile, tails
from ethogram.ratings.rate import rate, rate_elo


def test_normal_and_t_quantiles_are_those_of_the_tables():
    """Two-sided 95%: 1.96, and 12.706, 2.228, 2.042 on 1, 10, 30 degrees of freedom."""
    assert normal_quantile() == pytest.approx(1.959963985, abs=1e-9)
    assert normal_quantile(0.99) == pytest.approx(2.575829304, abs=1e-9)
    assert t_quantile(np.array([1.0, 10.0, 30.0])) == pytest.approx(
        [12.706, 2.228, 2.042], abs=5e-4
    )
    assert t_quantile(np.inf) == pytest.approx(normal_quantile())


def test_the_central_range_leaves_equally_many_on_both_sides():
    """Of 0 to 1000, 95% lie from 25 to 975, along whichever axis the draws are."""
    draws = np.random.default_rng(0).permutation(1001).astype(float)
    assert central_range(draws) == pytest.approx((25, 975))
    low, high = central_range(np.stack([draws, -draws], axis=1))
    assert low == pytest.approx([25, -975])
    assert high == pytest.approx([975, -25])
    assert tails(0.9) == pytest.approx((0.05, 0.95))


@pytest.mark.parametrize("method", [rate, rate_elo])
def test_the_level_of_a_profile_is_a_number(method):
    """The words follow from it: nobody has to read the level out of them."""
    comparisons = compare(["a", "b", "c"], [0, 1, 2] * 8, [1, 2, 0] * 8, [1, 0, 1, 0] * 6)
    profile = method(comparisons)
    assert profile.level == 0.95
    assert profile.interval == f"95%, {profile.interval_method}"
    assert replace(profile, level=0.9).interval.startswith("90%, ")
