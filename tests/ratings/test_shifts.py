"""Differences of two profiles: size, pairing, scale and false discoveries."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ethogram.errors import InputError
from ethogram.ratings.comparisons import compare
from ethogram.ratings.rate import rate
from ethogram.ratings.shift import shift


def answers(rng, strengths, *, n_prompts, moods=None, times=4, prompts_known=True):
    """One model's comparisons; `moods` is what each prompt does to each trait."""
    k = len(strengths)
    first, second = np.tile(np.stack(np.triu_indices(k, 1)), times)
    prompt = np.arange(len(first)) % n_prompts
    swap = rng.random(len(first)) < 0.5
    first, second = np.where(swap, second, first), np.where(swap, first, second)
    logit = strengths[first] - strengths[second]
    if moods is not None:
        logit = logit + moods[prompt, first] - moods[prompt, second]
    won = rng.random(len(first)) < 1 / (1 + np.exp(-logit))
    names = [f"trait {i}" for i in range(k)]
    return compare(
        names, first, second, won.astype(float), prompt=prompt if prompts_known else None
    )


def test_a_profile_has_not_shifted_from_itself():
    """No difference, p = 1 everywhere, no stretch."""
    data = answers(np.random.default_rng(0), np.linspace(-1, 1, 8), n_prompts=56)
    same = shift(data, data)
    assert np.abs(same.raw.estimate).max() < 1e-9
    assert same.raw.p_adjusted == pytest.approx(1)
    assert same.stretch == pytest.approx(1)


def test_swapping_the_sides_negates_the_shift():
    """Estimate and interval turn round, p-values stay."""
    rng = np.random.default_rng(1)
    one, other = (answers(rng, np.linspace(-1, 1, 8), n_prompts=50, times=10) for _ in range(2))
    there, back = shift(one, other), shift(other, one)
    for a, b in ((there.raw, back.raw), (there.scaled, back.scaled)):
        assert a.estimate == pytest.approx(-b.estimate)
        assert a.low == pytest.approx(-b.high)
        assert a.p == pytest.approx(b.p)


def test_an_interval_without_zero_is_a_p_below_5_percent():
    """Both come from the same error and quantile, paired or not."""
    rng = np.random.default_rng(2)
    strengths = rng.normal(0, 1, 30)
    one = answers(rng, strengths, n_prompts=400)
    other = answers(rng, strengths + rng.normal(0, 0.7, 30), n_prompts=400)
    for found in (shift(one, other), shift(rate(one, splits=0), rate(other, splits=0))):
        for change in (found.raw, found.scaled):
            off_zero = (change.low > 0) | (change.high < 0)
            assert np.array_equal(off_zero, change.p < 0.05)
            assert off_zero.any()
            assert (change.p_adjusted >= change.p).all()


def test_shared_prompts_make_the_shift_surer():
    """Where prompts move both models alike, pairing by prompt narrows the intervals."""
    rng = np.random.default_rng(3)
    moods = rng.normal(0, 1.5, (40, 8))
    one, other = (
        answers(rng, np.linspace(-1, 1, 8), n_prompts=40, moods=moods, times=50) for _ in range(2)
    )
    paired, alone = shift(one, other), shift(rate(one), rate(other))
    assert paired.paired == "prompts"
    assert paired.n_shared == 40
    assert alone.paired == ""
    assert any("independent" in caveat for caveat in alone.caveats)
    width = [np.mean(found.raw.high - found.raw.low) for found in (paired, alone)]
    assert width[0] < 0.8 * width[1]


def test_unknown_prompts_are_paired_by_pair():
    """Without prompt numbers the unordered pair of traits is what the two share."""
    rng = np.random.default_rng(4)
    one, other = (
        answers(rng, np.linspace(-1, 1, 8), n_prompts=9, prompts_known=False) for _ in range(2)
    )
    found = shift(one, other)
    assert found.paired == "pairs"
    assert found.n_shared == 28


def test_pairs_are_matched_by_name():
    """The order of the traits in either set does not matter."""
    rng = np.random.default_rng(5)
    one, other = (
        answers(rng, np.linspace(-1, 1, 6), n_prompts=9, times=9, prompts_known=False)
        for _ in range(2)
    )
    turned = dataclasses.replace(
        other, traits=other.traits[::-1], first=5 - other.first, second=5 - other.second
    )
    plain, found = shift(one, other), shift(one, turned)
    assert found.n_shared == 15
    assert found.raw.estimate == pytest.approx(plain.raw.estimate, abs=1e-8)
    assert found.raw.low == pytest.approx(plain.raw.low, abs=1e-8)


def test_only_shared_traits_are_compared():
    """Traits on one side only are left out and counted in a caveat; none shared is refused."""
    rng = np.random.default_rng(6)
    one, other = (answers(rng, np.linspace(-1, 1, 8), n_prompts=112) for _ in range(2))
    renamed = dataclasses.replace(other, traits=("new", *other.traits[1:]))
    found = shift(one, renamed)
    assert found.traits == one.traits[1:]
    assert "2 traits are on one side only and left out." in found.caveats
    assert found.raw.estimate.mean() == pytest.approx(0, abs=1e-9)
    strange = dataclasses.replace(other, traits=tuple("abcdefgh"))
    with pytest.raises(InputError, match="share 0 traits, expected at least 2"):
        shift(one, strange)


def test_a_more_decided_model_has_not_shifted_on_one_scale():
    """All strengths doubled: the raw shifts are many, on one scale none is left."""
    rng = np.random.default_rng(7)
    strengths = rng.normal(0, 0.8, 40)
    found = shift(
        answers(rng, strengths, n_prompts=3120), answers(rng, 2 * strengths, n_prompts=3120)
    )
    assert found.stretch == pytest.approx(2, abs=0.25)
    assert (found.raw.p_adjusted < 0.05).sum() > 10
    assert (found.scaled.p_adjusted < 0.05).sum() <= 1


def test_shifts_cover_and_false_discoveries_keep_their_rate():
    """60 traits of which 16 move by a logit: 93-97% of intervals hold; of the calls 5% are false.

    A trait's shift is counted against the mean of all, as the estimate is; a trait that did not
    move is one whose planted shift is 0, the moves adding up to 0.
    """
    rng = np.random.default_rng(8)
    held, false_rate, power = [], [], []
    for _ in range(60):
        strengths, moved = rng.normal(0, 1.2, 60), np.zeros(60)
        moved[:16] = np.repeat([1.0, -1.0], 8)
        moods = rng.normal(0, 0.7, (300, 60))
        one, other = (
            answers(rng, s, n_prompts=300, moods=moods, times=2)
            for s in (strengths, strengths + moved)
        )
        found = shift(one, other).raw
        held.append((found.low <= moved) & (moved <= found.high))
        called = found.p_adjusted < 0.05
        false_rate.append((called & (moved == 0)).sum() / max(1, called.sum()))
        power.append(called[:16].mean())
    assert 0.93 < np.mean(held) < 0.97
    assert np.mean(false_rate) < 0.06
    assert np.mean(power) > 0.3


def test_scaled_false_discoveries_keep_their_rate():
    """40 traits, no shift but one of scale: 5% of the scaled p-values and of the studies call."""
    rng = np.random.default_rng(11)
    below, any_called = [], []
    for _ in range(120):
        strengths = rng.normal(0, 0.8, 40)
        one, other = (answers(rng, s, n_prompts=780, times=1) for s in (strengths, 2 * strengths))
        found = shift(one, other).scaled
        below.append(np.mean(found.p < 0.05))
        any_called.append((found.p_adjusted < 0.05).any())
    assert 0.03 < np.mean(below) < 0.06
    assert np.mean(any_called) < 0.09


@pytest.mark.parametrize(
    ("times", "stretch"),
    [
        pytest.param(1, 1.0, marks=pytest.mark.slow),
        pytest.param(2, 1.0, marks=pytest.mark.slow),
        pytest.param(2, 2.0, marks=pytest.mark.slow),
    ],
)
def test_scaled_false_discoveries_of_few_traits_keep_their_rate(times, stretch):
    """Ten traits, 45 or 90 comparisons per side, one or two scales: 5% of studies call at most."""
    rng = np.random.default_rng(20)
    called = []
    for _ in range(300):
        strengths = rng.normal(0, 1, 10)
        sides = (
            answers(rng, s, n_prompts=10**6, times=times) for s in (strengths, stretch * strengths)
        )
        called.append((shift(*sides).scaled.p_adjusted < 0.05).any())
    assert np.mean(called) <= 0.05


def test_notable_noise_makes_scaled_shifts_a_caveat():
    """Traits that are well measured have none; nine comparisons each are noisy."""
    rng = np.random.default_rng(12)

    def caveats(k, times):
        strengths = np.linspace(-2, 2, k)
        sides = (answers(rng, strengths, n_prompts=10**6, times=times) for _ in range(2))
        return " ".join(shift(*sides).caveats)

    assert "scaled" not in caveats(10, 20)
    assert "scaled" not in caveats(40, 4)
    assert "is noise; the scaled shifts are rough" in caveats(10, 1)


def test_a_one_sided_change_moves_the_others_down():
    """20 of 40 traits rise by 2: all are found half as far off, the gap is whole, and it is said.

    Comparisons tell differences only, so nobody could say which half moved.
    """
    rng = np.random.default_rng(13)
    strengths, rise = rng.normal(0, 1, 40), np.repeat([2.0, 0.0], 20)
    one, other = (answers(rng, s, n_prompts=10**6, times=4) for s in (strengths, strengths + rise))
    found = shift(one, other)
    up, down = found.raw.estimate[:20].mean(), found.raw.estimate[20:].mean()
    assert up == pytest.approx(1, abs=0.2)
    assert up - down == pytest.approx(2, abs=0.3)
    assert (found.raw.p_adjusted[20:] < 0.05).mean() > 0.5
    said = "Shifts are relative to the average trait: if many traits rise, the others fall."
    assert found.caveats[0] == said


def test_different_judges_are_pointed_out():
    """A shift between two judges' verdicts may be the judges'."""
    rng = np.random.default_rng(9)
    one, other = (answers(rng, np.linspace(-1, 1, 8), n_prompts=56) for _ in range(2))
    found = shift(dataclasses.replace(one, judge="a"), dataclasses.replace(other, judge="b"))
    assert "The judge differs: 'a' before, 'b' after." in found.caveats


def test_the_frame_lists_the_largest_rise_first():
    """Elo points, raw and scaled, one row per trait."""
    rng = np.random.default_rng(10)
    one, other = (answers(rng, np.linspace(-1, 1, 8), n_prompts=56) for _ in range(2))
    frame = shift(one, other).frame()
    assert frame["shift"].to_list() == sorted(frame["shift"].to_list(), reverse=True)
    assert {"trait", "low", "high", "p_adjusted", "scaled_shift"} <= set(frame.columns)
    assert len(frame) == 8
