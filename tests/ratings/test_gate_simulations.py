"""Simulations: gates rarely fail without a change, intervals hold at once, edges are undecided.

Models answer the same pairs and prompts, which are shared and shift the traits, with a position
bias; the truth is what Bradley-Terry strengths are on average over prompts.
"""

from __future__ import annotations

import numpy as np
import pytest
from tests.ratings.test_coverage import averaged_strengths, round_robin, simulate

from ethogram.ratings.differences import find_difference
from ethogram.ratings.distance import measure_distance
from ethogram.ratings.gates import Bound, Gate, Kind, Verdict
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.quantiles import simultaneous
from ethogram.ratings.shift import shift_between
from ethogram.ratings.sides import pair_sides

SD = 0.5  # logits that a prompt shifts a trait by


class Releases:
    """A maker of two models on one design, and of the true shift between them."""

    def __init__(self, seed, *, k, times, n_prompts):
        self.rng, self.k, self.n_prompts = np.random.default_rng(seed), k, n_prompts
        self.pairs = round_robin(k, times)
        self.prompt = np.arange(len(self.pairs)) % n_prompts

    def two(self, moved):
        """Both models' comparisons, and the shift in logits, mean zero."""
        strengths = self.rng.normal(0, 1, self.k)
        effects = self.rng.normal(0, SD, (self.n_prompts, self.k))
        order = self.rng.permutation(len(self.pairs))
        both = (strengths, strengths + moved)
        sides = [
            simulate(
                self.rng, s, self.pairs[order], prompt=self.prompt, shifts=effects, position=0.3
            )
            for s in both
        ]
        before, after = (averaged_strengths(s, SD) for s in both)
        return sides, after - before


STRICT = Gate((Bound("", Kind.DISTANCE_AT_MOST, 1.0),), others=1.0)
"""All traits and the distance: fails as soon as any interval is off one point."""


def failures(releases, n):
    """How many of so many pairs without a change fail the strictest gate."""
    found = (find_difference(*releases.two(0.0)[0], gate=STRICT) for _ in range(n))
    return sum(one.verdict is Verdict.FAIL for one in found)


def test_small_gates_without_a_change_rarely_fail():
    """100 pairs of 10 traits: at most 5% and what 100 draws scatter."""
    assert failures(Releases(1, k=10, times=2, n_prompts=40), 100) <= 9


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_gates_without_a_change_fail_in_at_most_5_percent(seed):
    """Five times 200 pairs, 40 traits and 780 comparisons per side: of each 200 at most ten."""
    assert failures(Releases(seed, k=40, times=1, n_prompts=670), 200) <= 10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("k", "times", "n_prompts", "change"),
    [(40, 1, 670, 0.3), (12, 10, 60, 0.3), (10, 2, 60, 0.5)],
)
def test_all_intervals_hold_at_once_and_the_distance_covers(k, times, n_prompts, change):
    """Every trait moves a little. All of a study's intervals hold the truth in 95% at least, the
    interval of the distance in 93 to 97% (give or take what 250 draws scatter: 1.4 points each).
    """
    releases, joint, whole = Releases(7, k=k, times=times, n_prompts=n_prompts), [], []
    for _ in range(250):
        (one, other), true = releases.two(releases.rng.normal(0, change, k))
        sides = pair_sides(one, other, level=simultaneous(k))
        raw, found = shift_between(sides).raw, measure_distance(sides)
        joint.append(((raw.low <= true) & (true <= raw.high)).all())
        distance = ELO_PER_LOGIT * np.sqrt((true**2).mean())
        whole.append(found.low <= distance <= found.high)
    assert np.mean(joint) >= 0.95 - 0.02
    assert 0.93 - 0.02 < np.mean(whole) < 0.97 + 0.02


@pytest.mark.slow
def test_the_overall_test_keeps_its_rate_and_has_power():
    """Without a change p is below 5% in 5% at most; with one of 0.5 logits it mostly is."""
    releases = Releases(3, k=12, times=10, n_prompts=60)
    still, moved = (
        [
            measure_distance(pair_sides(*releases.two(releases.rng.normal(0, size, 12))[0])).p
            for _ in range(150)
        ]
        for size in (0.0, 0.5)
    )
    assert np.mean(np.array(still) < 0.05) <= 0.05 + 0.035
    assert np.mean(np.array(moved) < 0.05) > 0.8


def test_a_hundred_shifts_at_the_edge_are_undecided():
    """Each trait's bound is its true shift: no gate passes, and few of 100 gates fail (5% at most
    are meant to, 2.5% on this side), whatever chance did to the estimates.
    """
    releases = Releases(4, k=10, times=6, n_prompts=90)
    moved = np.linspace(-1, 1, 10)
    verdicts = []
    for _ in range(100):
        sides, true = releases.two(moved)
        bounds = tuple(
            Bound(f"trait {i}", Kind.RISES_AT_MOST, float(ELO_PER_LOGIT * t))
            if t > 0
            else Bound(f"trait {i}", Kind.FALLS_AT_MOST, float(-ELO_PER_LOGIT * t))
            for i, t in enumerate(true)
        )
        verdicts.append(find_difference(*sides, gate=Gate(bounds)).verdict)
    assert verdicts.count(Verdict.PASS) == 0
    assert verdicts.count(Verdict.FAIL) <= 6
    assert verdicts.count(Verdict.UNDECIDED) >= 94
