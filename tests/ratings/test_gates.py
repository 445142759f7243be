"""Bounds and verdicts: one rule, the edges of regions, what would settle, contradictions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ethogram.errors import InputError
from ethogram.ratings.gates import (
    MOST_MORE,
    Bound,
    Gate,
    Kind,
    Verdict,
    combine,
    decide,
    find_contradictions,
    growth_to_settle,
    outward,
)

PASS, FAIL, UNDECIDED = Verdict.PASS, Verdict.FAIL, Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("kind", "points", "low", "high", "verdict"),
    [
        (Kind.RISES_AT_MOST, 50, -400, 50, PASS),
        (Kind.RISES_AT_MOST, 50, -400, 51, UNDECIDED),
        (Kind.RISES_AT_MOST, 50, 50, 90, UNDECIDED),
        (Kind.RISES_AT_MOST, 50, 51, 90, FAIL),
        (Kind.FALLS_AT_MOST, 50, -50, 400, PASS),
        (Kind.FALLS_AT_MOST, 50, -90, -50, UNDECIDED),
        (Kind.FALLS_AT_MOST, 50, -90, -51, FAIL),
        (Kind.MOVES_AT_MOST, 100, -100, 100, PASS),
        (Kind.MOVES_AT_MOST, 100, -300, 300, UNDECIDED),
        (Kind.MOVES_AT_MOST, 100, -300, -101, FAIL),
        (Kind.MOVES_AT_MOST, 100, 101, 300, FAIL),
        (Kind.RISES_AT_LEAST, 20, 20, 80, PASS),
        (Kind.RISES_AT_LEAST, 20, -5, 19, FAIL),
        (Kind.FALLS_AT_LEAST, 20, -80, -20, PASS),
        (Kind.FALLS_AT_LEAST, 20, -19, 5, FAIL),
        (Kind.MUST_RISE, 0, 1, 80, PASS),
        (Kind.MUST_RISE, 0, 0, 80, UNDECIDED),
        (Kind.MUST_RISE, 0, -80, 0, FAIL),
        (Kind.MUST_FALL, 0, -80, -1, PASS),
        (Kind.MUST_FALL, 0, -80, 0, UNDECIDED),
        (Kind.MUST_FALL, 0, 0, 80, FAIL),
        (Kind.DISTANCE_AT_MOST, 60, 0, 60, PASS),
        (Kind.DISTANCE_AT_MOST, 60, 61, 90, FAIL),
    ],
)
def test_an_interval_inside_passes_outside_fails_and_across_is_undecided(
    kind, points, low, high, verdict
):
    """Ends of the region are inside it, but zero is neither a rise nor a fall."""
    assert decide(low, high, Bound("warm", kind, points)) is verdict


def test_a_gate_is_as_bad_as_its_worst_bound():
    """Fail before undecided before pass; none asked is none failed."""
    assert combine([PASS, UNDECIDED, FAIL]) is FAIL
    assert combine([PASS, UNDECIDED]) is UNDECIDED
    assert combine([PASS, PASS]) is PASS


def test_what_is_shown_holds_the_interval_and_is_what_is_decided():
    """Ends are rounded outward, so a hidden digit can never tip a verdict against the print."""
    rng = np.random.default_rng(1)
    for middle, half in zip(rng.normal(0, 100, 500), rng.uniform(0.01, 200, 500), strict=True):
        shown = outward(middle, middle - half, middle + half)
        assert shown.low <= middle - half <= middle + half <= shown.high
        assert shown.low <= shown.estimate <= shown.high
        assert shown.high - shown.low <= 2 * half + (2 if half >= 10 else 0.2) + 1e-9
    assert outward(0.3, 0.2, 49.2).words == "0 to +50"  # no bound of 49.5 is passed by this
    assert decide(0, 50, Bound("", Kind.RISES_AT_MOST, 49.5)) is UNDECIDED


def test_what_would_settle_a_bound_is_the_square_of_what_the_interval_must_shrink():
    """Estimate 0, from -100 to 100, bound 50: half as wide is enough, so four times as many."""
    bound = Bound("warm", Kind.MOVES_AT_MOST, 50)
    assert growth_to_settle(0, -100, 100, bound) == pytest.approx(4)
    assert growth_to_settle(75, -25, 175, bound) == pytest.approx(16)  # to fail it: 25 of 100
    assert growth_to_settle(-75, -175, 25, bound) == pytest.approx(16)
    assert growth_to_settle(50, -50, 150, bound) is None
    assert growth_to_settle(49.9, -50, 150, bound) is None


def test_after_so_many_the_bound_is_settled_and_before_it_is_not():
    """Random intervals and bounds: shrunk as said the verdict is there, shrunk less it is not."""
    rng = np.random.default_rng(2)
    settled = 0
    for _ in range(400):
        bound = Bound("t", rng.choice(list(Kind)[:5]), float(rng.uniform(10, 150)))
        estimate, below, above = rng.normal(0, 150), rng.uniform(20, 200), rng.uniform(20, 200)
        if decide(estimate - below, estimate + above, bound) is not UNDECIDED:
            continue
        growth = growth_to_settle(estimate, estimate - below, estimate + above, bound)
        if growth is None:
            continue
        settled += 1
        for factor, is_settled in ((1.0001, True), (0.9999, False)):
            width = 1 / math.sqrt(growth * factor)
            ends = estimate - width * below, estimate + width * above
            assert (decide(*ends, bound) is not UNDECIDED) == is_settled
        assert 1 <= growth <= MOST_MORE
    assert settled > 100


def test_others_are_spelt_out_for_every_trait_without_a_bound():
    """Named traits first, then the rest in the order of the profile, the whole profile last."""
    gate = Gate((Bound("warm", Kind.MUST_RISE), Bound("", Kind.DISTANCE_AT_MOST, 60)), others=150)
    bounds = gate.over(["blunt", "warm", "wry"])
    assert [b.trait for b in bounds] == ["warm", "blunt", "wry", ""]
    assert bounds[1] == Bound("blunt", Kind.MOVES_AT_MOST, 150)


def test_a_bound_on_a_trait_that_is_not_there_is_refused_with_a_guess():
    """All of them at once."""
    gate = Gate((Bound("wrm", Kind.MUST_RISE), Bound("blnt", Kind.MUST_FALL)))
    with pytest.raises(InputError, match=r"'wrm' \(did you mean 'warm'\?\)") as refused:
        gate.over(["blunt", "warm"])
    assert len(refused.value.lines) == 2


@pytest.mark.parametrize(
    ("kinds", "contradicts"),
    [
        ([(Kind.MUST_RISE, 0), (Kind.RISES_AT_MOST, 50)], False),
        ([(Kind.MUST_RISE, 0), (Kind.RISES_AT_MOST, 0)], True),
        ([(Kind.MUST_RISE, 0), (Kind.MUST_FALL, 0)], True),
        ([(Kind.RISES_AT_LEAST, 50), (Kind.RISES_AT_MOST, 50)], False),
        ([(Kind.RISES_AT_LEAST, 51), (Kind.MOVES_AT_MOST, 50)], True),
        ([(Kind.FALLS_AT_LEAST, 60), (Kind.FALLS_AT_MOST, 50)], True),
        ([(Kind.FALLS_AT_LEAST, 60), (Kind.MUST_RISE, 0)], True),
    ],
)
def test_bounds_that_no_shift_keeps_are_named(kinds, contradicts):
    """An exact value is still possible, a rise of nothing is not."""
    found = find_contradictions([Bound("warm", *kind) for kind in kinds])
    assert bool(found) == contradicts
