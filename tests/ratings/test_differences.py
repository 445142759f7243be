"""Deciding what changed: simultaneous intervals, gates on real shifts, edges, what would settle."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.ratings.test_shifts import answers

from ethogram.errors import InputError
from ethogram.ratings.differences import find_difference
from ethogram.ratings.drifts import Drift, spend
from ethogram.ratings.gates import FALLEN, RISEN, UNMOVED, Bound, Gate, Kind, Verdict
from ethogram.ratings.quantiles import simultaneous
from ethogram.ratings.rate import rate, reference_profiles
from ethogram.ratings.shift import shift


def two(seed=1, k=12, times=10, moved=None, moods=0.0):
    """Two models on the same prompts; `moved` is how far each trait moved (logits)."""
    rng = np.random.default_rng(seed)
    strengths = rng.normal(0, 0.7, k)
    change = np.zeros(k) if moved is None else np.asarray(moved, dtype=float)
    effects = rng.normal(0, moods, (300, k)) if moods else None
    return [
        answers(rng, s, n_prompts=300, moods=effects, times=times)
        for s in (strengths, strengths + change)
    ]


def test_the_intervals_are_the_shifts_own_at_bonferronis_level():
    """Of all 12 traits 1 - 0.05 / 12 each; of two that are asked 1 - 0.05 / 2."""
    one, other = two()
    everything, some = (
        find_difference(one, other),
        find_difference(one, other, traits=["trait 3", "trait 5"]),
    )
    assert everything.level == pytest.approx(1 - 0.05 / 12)
    assert some.level == pytest.approx(0.975)
    same = shift(one, other, level=some.level).raw
    assert np.array_equal(some.shift.raw.low, same.low)
    assert (everything.shift.raw.low < some.shift.raw.low).all()
    assert (shift(one, other).raw.low > some.shift.raw.low).all()


def test_a_shift_at_another_level_is_as_wide_as_its_quantile():
    """Of finished profiles with Fisher's intervals: 2.576 / 1.960 for 99%; paired, t's own."""
    profiles = reference_profiles()
    pair = profiles["gpt-5.1"], profiles["trinity-mini"]
    usual, wide = shift(*pair).raw, shift(*pair, level=0.99).raw
    ratio = (wide.high - wide.estimate) / (usual.high - usual.estimate)
    assert ratio == pytest.approx(2.5758 / 1.9600, rel=1e-4)
    one, other = two(times=20)
    usual, wide = shift(one, other).raw, shift(one, other, level=0.99).raw
    ratio = (wide.high - wide.estimate) / (usual.high - usual.estimate)
    assert (ratio > 2.5758 / 1.9600).all()
    assert (ratio < 1.36).all()
    assert wide.p == pytest.approx(usual.p)


def test_a_profile_rated_at_another_level_says_so():
    """And its 95% shift is the one of a profile rated at 95%, as far as intervals are symmetric."""
    one, other = two(times=30)
    strict = [rate(c, splits=0, level=0.999, interval="fisher") for c in (one, other)]
    plain = [rate(c, splits=0, interval="fisher") for c in (one, other)]
    assert "99.9%" in strict[0].interval or "100%" in strict[0].interval
    assert shift(*strict).raw.low == pytest.approx(shift(*plain).raw.low, abs=1e-9)
    with pytest.raises(InputError, match="level is 95"):
        rate(one, level=95)


def test_what_rose_and_fell_is_found_and_the_rest_is_not_called_unchanged():
    """Three logits up and down among twelve; rows stand in the order of the shift."""
    moved = np.zeros(12)
    moved[2], moved[7] = 2.0, -2.0
    found = find_difference(*two(moved=moved))
    by_trait = {row.trait: row.movement for row in found.rows}
    assert by_trait.pop("trait 2") == RISEN
    assert by_trait.pop("trait 7") == FALLEN
    assert UNMOVED in by_trait.values()
    estimates = [row.interval.estimate for row in found.rows]
    assert estimates == sorted(estimates, reverse=True)
    assert found.verdict is None
    assert found.overall.p < 0.001
    assert found.overall.low > 0


def test_a_gate_decides_each_bound_and_the_whole():
    """A trait that rose 350 points: may rise at most 50 fails, must rise passes."""
    moved = np.zeros(12)
    moved[0] = 2.2
    sides = two(moved=moved, times=20)
    for kind, points, verdict in (
        (Kind.RISES_AT_MOST, 50, Verdict.FAIL),
        (Kind.MUST_RISE, 0, Verdict.PASS),
        (Kind.MUST_FALL, 0, Verdict.FAIL),
        (Kind.MOVES_AT_MOST, 345, Verdict.UNDECIDED),
        (Kind.MOVES_AT_MOST, 2000, Verdict.PASS),
    ):
        gate = Gate((Bound("trait 0", kind, points),))
        found = find_difference(*sides, gate=gate)
        assert found.verdict is verdict, kind
        assert found.rows[0].verdict is verdict
        assert found.intervals == 1
        assert found.level == pytest.approx(0.95)


def test_two_bounds_on_one_trait_rest_on_one_interval():
    """They are not two looks; `others` counts every other trait, and the distance one more."""
    gate = Gate(
        (
            Bound("trait 0", Kind.RISES_AT_MOST, 50),
            Bound("trait 0", Kind.FALLS_AT_MOST, 50),
            Bound("", Kind.DISTANCE_AT_MOST, 100),
        ),
        others=150,
    )
    found = find_difference(*two(), gate=gate)
    assert found.intervals == 13
    assert found.level == found.overall.level == simultaneous(13)
    assert len(found.rows) == 14


def test_swapping_the_sides_turns_rises_into_falls():
    """Intervals are negated, and so are the bounds that pass."""
    moved = np.zeros(12)
    moved[0] = 1.5
    one, other = two(moved=moved)
    up = find_difference(one, other, gate=Gate((Bound("trait 0", Kind.RISES_AT_MOST, 60),)))
    down = find_difference(other, one, gate=Gate((Bound("trait 0", Kind.FALLS_AT_MOST, 60),)))
    assert up.rows[0].interval.low == -down.rows[0].interval.high
    assert up.verdict is down.verdict
    assert up.overall.p == pytest.approx(down.overall.p)
    assert up.overall.distance == pytest.approx(down.overall.distance)


def test_the_order_of_rows_and_traits_does_not_matter():
    """The same answers in another order are the same difference."""
    one, other = two()
    shuffled = other.take(np.random.default_rng(3).permutation(len(other)))
    assert find_difference(one, shuffled).rows == find_difference(one, other).rows


def test_as_many_more_as_it_says_do_settle_a_bound():
    """A bound a third outside: with so many times the data, of the same shift, it is decided."""
    gate = Gate((Bound("trait 0", Kind.MOVES_AT_MOST, 120),))
    for seed in range(3):
        one, other = two(seed=seed, times=6)
        (row,) = find_difference(one, other, gate=gate).rows
        if row.verdict is not Verdict.UNDECIDED or not row.further:
            continue
        repeats = 1 + row.further / len(one)
        times = int(np.ceil(repeats))
        grown = [
            dataclasses.replace(
                c.take(np.tile(np.arange(len(c)), times)),
                prompt=np.concatenate([c.prompt + 10**6 * i for i in range(times)]),
            )
            for c in (one, other)
        ]
        assert find_difference(*grown, gate=gate).verdict is not Verdict.UNDECIDED


def test_a_published_side_cannot_grow():
    """Its share of the noise stays, so more is needed of the other; where it is too much, none."""
    profiles = reference_profiles()
    one, other = profiles["gpt-5.1"], profiles["trinity-mini"]
    gate = Gate((), others=200.0)
    both, single = (
        find_difference(one, other, gate=gate, fixed=fixed)
        for fixed in ((False, False), (True, False))
    )
    undecided = [
        (a, b)
        for a, b in zip(both.rows, single.rows, strict=True)
        if a.verdict is Verdict.UNDECIDED
    ]
    assert undecided
    assert all(b.further is None or (a.further and b.further >= a.further) for a, b in undecided)
    assert any(b.further is None for _, b in undecided)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"traits": ["trait 99"]}, "no trait 'trait 99'"),
        ({"traits": ["trait 1", "trait 1"]}, "expected each once"),
        ({"traits": ["trait 1"], "gate": Gate((), others=3.0)}, "the gate names its traits"),
        ({"gate": Gate((Bound("trat 1", Kind.MUST_RISE),))}, "did you mean 'trait 1'"),
    ],
)
def test_what_is_not_there_is_refused(options, words):
    """By name."""
    with pytest.raises(InputError, match=words):
        find_difference(*two(), **options)


def test_the_spending_rule_adds_up_however_many_releases_come():
    """6 / pi^2 times 1 + 1/4 + 1/9 + ... is 1."""
    assert sum(spend(0.05, n) for n in range(1, 100_000)) == pytest.approx(0.05, rel=1e-4)
    assert spend(0.05, 1) == pytest.approx(0.0304, abs=1e-4)


def test_a_drift_charts_what_was_named_or_what_moved_furthest():
    """And has one interval per release and trait."""
    moved = np.zeros(12)
    moved[4] = 3.0
    one, other = two(moved=moved)
    found = tuple(
        find_difference(one, c, joint=1 - spend(0.05, n)) for n, c in ((1, one), (2, other))
    )
    drift = Drift("m", found, (), 0.95)
    assert drift.charted[0] == "trait 4"
    same, later = drift.path("trait 4")
    assert same.estimate == 0
    assert later.low > 0
    assert drift.path("none") == (None, None)
    assert found[1].level > found[0].level
