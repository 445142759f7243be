"""Profiles: the default choices, the labels, the scale, the reference profiles."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.stats import spearmanr

from ethogram.errors import DisconnectedError, InputError
from ethogram.ratings.comparisons import compare
from ethogram.ratings.models import ELO_PER_LOGIT, fit_elo
from ethogram.ratings.profile import Effect
from ethogram.ratings.rate import rate, rate_counts, rate_elo, reference_profiles
from ethogram.validity.lengths import length_slopes

TRAITS = [f"trait {i}" for i in range(10)]


def study(
    seed=0, times=8, *, model=0.0, judge=0.0, ordered=False, n_prompts=None, ties=0.0, **labels
):
    """Round robins of ten traits with position effects; strengths from -1.5 to 1.5."""
    rng = np.random.default_rng(seed)
    strengths = np.linspace(-1.5, 1.5, 10)
    first, second = np.tile(np.stack(np.triu_indices(10, 1)), times)
    swap = np.zeros(len(first), dtype=bool) if ordered else rng.random(len(first)) < 0.5
    first, second = np.where(swap, second, first), np.where(swap, first, second)
    judge_first = rng.choice([-1, 1], len(first))
    logit = strengths[first] - strengths[second] + model + judge * judge_first
    won = rng.random(len(first)) < 1 / (1 + np.exp(-logit))
    prompt = np.arange(len(first)) % (n_prompts or len(first))
    tie = rng.random(len(first)) < ties
    given = {"prompt": prompt, "judge_first": judge_first, "tie": tie} | labels
    return compare(TRAITS, first, second, won.astype(float), **given)


def test_the_quick_start_has_sane_intervals():
    """Ten traits, 45 comparisons: none collapsed, none endless, each around its estimate."""
    profile = rate(study(times=1))
    width = profile.rating_high - profile.rating_low
    assert width.min() > 200
    assert width.max() < 1500
    assert "profile likelihood for all traits" in profile.interval
    assert np.all(profile.low < profile.strengths)
    assert np.all(profile.strengths < profile.high)


def test_an_unbeaten_trait_has_a_wide_interval():
    """A trait that won all of nine: down as far as Fisher's, up further; shared prompts widen it.

    The jackknife would call it certain: nothing of it varies.
    """
    first, second = np.stack(np.triu_indices(10, 1))
    won = np.where(first == 0, 1.0, np.random.default_rng(0).integers(0, 2, 45))
    alone, shared = (
        rate(compare(TRAITS, first, second, won, prompt=prompt))
        for prompt in (np.arange(45), np.arange(45) // 3)
    )
    assert alone.wins_by_trait[0] == 9
    half = 1.96 * np.sqrt(alone.covariance[0, 0])
    assert alone.strengths[0] - alone.low[0] == pytest.approx(half, rel=1e-3)
    assert alone.high[0] - alone.strengths[0] > 1.1 * half
    assert shared.high[0] - shared.low[0] > alone.high[0] - alone.low[0]
    for profile in (alone, shared):
        assert "profile likelihood for" in profile.interval


def test_a_winless_trait_mirrors_an_unbeaten_one():
    """All outcomes turned round: the interval is turned round, too."""
    first, second = np.stack(np.triu_indices(10, 1))
    won = np.where(first == 0, 1.0, np.random.default_rng(0).integers(0, 2, 45))
    best, worst = (
        rate(compare(TRAITS, first, second, w, prompt=np.arange(45))) for w in (won, 1 - won)
    )
    assert worst.low == pytest.approx(-best.high, abs=1e-4)
    assert worst.high == pytest.approx(-best.low, abs=1e-4)


def test_shared_prompts_are_clustered_by_default():
    """Several comparisons per prompt: a jackknife of prompts; one each: the Fisher information."""
    shared = rate(study(n_prompts=40))
    assert "leaving out each of 40 prompts" in shared.interval
    alone = study()
    assert "Fisher" in rate(alone).interval
    assert np.array_equal(rate(alone).low, rate(alone, interval="fisher").low)


def test_intervals_of_one_prompt_each_agree_however_they_are_made():
    """With one prompt per comparison clustering reduces to the unclustered intervals."""
    data = study(times=40)
    widths = [
        np.mean(profile.high - profile.low)
        for profile in (rate(data, interval=kind) for kind in ("fisher", "clustered", "bootstrap"))
    ]
    assert widths == pytest.approx([widths[0]] * 3, rel=0.05)


def test_position_effects_are_found():
    """0.5 logits for the model, 0.3 for the judge: inside the intervals, and off zero."""
    profile = rate(study(times=40, model=0.5, judge=0.3))
    found = {effect.name: effect for effect in profile.effects}
    for name, truth in (("model_position", 0.5), ("judge_position", 0.3)):
        assert found[name].low < truth < found[name].high
        assert found[name].low > 0


def test_an_effect_in_percent():
    """Ln 3 logits win 75% between equal traits: 25 points more than half."""
    effect = Effect("model_position", np.log(3), 0.0, np.log(3))
    assert effect.percent == pytest.approx(25)
    assert effect.percent_low == pytest.approx(0)
    assert effect.percent_high == pytest.approx(25)


def test_a_fixed_order_leaves_the_position_effect_out():
    """The earlier trait is always choice 1: no effect is fitted, and the profile says why."""
    profile = rate(study(ordered=True, judge_first=None))
    assert profile.effects == ()
    assert any("mostly on one side in the model's prompt" in c for c in profile.caveats)
    assert any("order shown to the judge is unknown" in c for c in profile.caveats)


def test_equal_orders_of_model_and_judge_give_one_effect():
    """The judge always saw the model's order: one effect that holds both."""
    profile = rate(study(judge_first=np.ones(360)))
    assert [effect.name for effect in profile.effects] == ["model_position"]
    assert any("cannot be told apart" in caveat for caveat in profile.caveats)


def test_ties_are_modelled_or_halved():
    """Ties select Davidson's model; half wins keep Bradley-Terry's; the counts are the same."""
    data = study(ties=0.2)
    davidson, halved = rate(data), rate(data, ties="half")
    assert davidson.method == "davidson"
    assert halved.method == "bradley-terry"
    assert davidson.ties == halved.ties == data.tie.sum() > 0
    assert np.array_equal(davidson.wins_by_trait, halved.wins_by_trait)
    assert davidson.wins_by_trait.sum() == pytest.approx(360)
    with pytest.raises(InputError, match="'drop', expected 'davidson' or 'half'"):
        rate(data, ties="drop")


def test_a_profile_carries_its_labels_and_losses():
    """Model, judge, condition, lost and the caveat that states the denominator."""
    profile = rate(study(lost=7))
    assert profile.lost == 7
    assert profile.n == 360
    assert "7 of 367 planned comparisons have no verdict." in profile.caveats
    assert profile.n_by_trait.tolist() == [72] * 10
    named = dataclasses.replace(study(), model="m", judge="j", condition="random")
    labels = rate(named)
    assert (labels.model, labels.judge, labels.condition) == ("m", "j", "random")


def test_strengths_have_mean_zero_and_ratings_1000():
    """And a logit is 400 / ln 10 points."""
    profile = rate(study())
    assert profile.strengths.mean() == pytest.approx(0, abs=1e-9)
    assert profile.ratings == pytest.approx(1000 + 173.7178 * profile.strengths, rel=1e-6)
    assert profile.covariance.sum(axis=0) == pytest.approx(0, abs=1e-9)


def test_the_frame_is_sorted_and_complete():
    """One row per trait, strongest first, each rank inside its range."""
    frame = rate(study()).frame()
    assert frame.columns == [
        "trait", "rating", "low", "high", "rank", "rank_low", "rank_high", "n", "wins", "mark",
    ]  # fmt: skip
    assert frame["rank"].to_list() == sorted(frame["rank"].to_list())
    assert (frame["rank_low"] <= frame["rank"]).all()
    assert (frame["rank"] <= frame["rank_high"]).all()


def test_restricting_recentres():
    """Differences between kept traits, and their variances, stay as they were."""
    profile = rate(study())
    part = profile.restrict(["trait 7", "trait 2", "trait 4"])
    assert part.traits == ("trait 7", "trait 2", "trait 4")
    assert part.strengths.mean() == pytest.approx(0, abs=1e-12)
    gap = profile.strengths[7] - profile.strengths[2]
    assert part.strengths[0] - part.strengths[1] == pytest.approx(gap)
    whole, kept = profile.covariance, part.covariance
    variance = whole[7, 7] + whole[2, 2] - 2 * whole[7, 2]
    assert kept[0, 0] + kept[1, 1] - 2 * kept[0, 1] == pytest.approx(variance)
    assert (part.low < part.strengths).all()
    with pytest.raises(InputError, match="no trait 'blunt'"):
        profile.restrict(["blunt"])


def test_needed_comparisons_quarter_the_width():
    """Half the width wants four times the comparisons."""
    profile = rate(study())
    half = float(np.median(profile.rating_high - profile.rating_low)) / 2
    assert profile.needed(half) in (360, 361)
    assert profile.needed(half / 2) in (1440, 1441)
    with pytest.raises(InputError, match="points is 0"):
        profile.needed(0)


def test_more_data_lessen_the_prior():
    """The prior's reported effect shrinks, and with little data it is a caveat."""
    little, much = rate(study(times=1)), rate(study(times=60))
    assert much.prior_effect < little.prior_effect / 5
    assert any("prior moves a strength" in caveat for caveat in little.caveats)
    assert not any("prior moves a strength" in caveat for caveat in much.caveats)


def test_an_unmet_trait_is_refused_by_name():
    """A trait of the set that was never compared."""
    with pytest.raises(DisconnectedError, match="kind never"):
        rate(compare(["warm", "wise", "kind"], [0, 1], [1, 0], [1, 1]))


def test_a_seed_makes_a_profile_repeatable():
    """Reliability and bootstrap depend on the seed only."""
    data = study()
    one, other = (rate(data, interval="bootstrap", resamples=50, seed=3) for _ in range(2))
    assert np.array_equal(one.low, other.low)
    assert one.reliability == other.reliability


def test_elo_is_the_published_protocol():
    """One pass in the order asked, from 1000, K 32, scale 400."""
    data = study()
    profile = rate_elo(data)
    expected = fit_elo(data.first, data.second, data.outcome, 10)
    assert profile.ratings == pytest.approx(expected)
    assert profile.method == "elo"
    assert profile.order_spread > 5


def test_the_mean_over_orders_is_steadier():
    """Another order of the same rows changes one pass, and the mean over 200 orders little."""
    data = study(times=20)
    turned = data.take(np.random.default_rng(0).permutation(len(data)))
    one = rate_elo(data).ratings - rate_elo(turned).ratings
    options = {"order": "mean", "permutations": 200}
    mean = rate_elo(data, **options).ratings - rate_elo(turned, **options).ratings
    assert mean.std() < one.std() / 4
    with pytest.raises(InputError, match="order is 'best'"):
        rate_elo(data, order="best")


def test_elo_with_another_scale_still_reads_in_logits():
    """Strengths in logits do not depend on the units of the points."""
    data = study()
    doubled = rate_elo(data, start=0, k=64, scale=800)
    assert doubled.strengths == pytest.approx(rate_elo(data).strengths)


def test_counts_of_a_round_robin_suffice():
    """Wins alone give the strengths that the comparisons give."""
    data = study(times=6)
    whole = rate(data, position=False)
    counts = rate_counts(TRAITS, whole.wins_by_trait, total=len(data), model="m")
    assert np.abs(counts.strengths - whole.strengths).max() < 1e-6
    assert np.allclose(counts.covariance, whole.covariance, atol=1e-8)
    assert counts.reliability is None
    assert counts.effects == ()
    with pytest.raises(InputError, match="wins add up to 270, expected the total, 300"):
        rate_counts(TRAITS, whole.wins_by_trait, total=300)


def test_reference_profiles_agree_with_each_other_as_published():
    """Nine models, Spearman's mean .807 and range .650 to .946, tied ranks averaged (to .005)."""
    profiles = reference_profiles()
    assert len(profiles) == 9
    ranks = np.array([profile.ranks for profile in profiles.values()])
    between = spearmanr(ranks.T).statistic[np.triu_indices(9, 1)]
    assert between.mean() == pytest.approx(0.807, abs=0.005)
    assert between.min() == pytest.approx(0.650, abs=0.005)
    assert between.max() == pytest.approx(0.946, abs=0.005)


def test_reference_profiles_say_what_they_cannot():
    """No position effect, no reliability, other prompts: in the caveats of each."""
    for profile in reference_profiles().values():
        said = " ".join(profile.caveats)
        assert "fixed order" in said
        assert "prompts and wording differ" in said
        assert profile.reliability is None
        assert (profile.high > profile.low).all()


@pytest.mark.parametrize("make", [rate, rate_elo])
def test_soft_is_a_matter_of_outcomes_not_of_weights(make):
    """Plain verdicts and ties of any weight are counted; one probability makes wins expected."""
    data = study(ties=0.1)
    weighted = dataclasses.replace(data, weight=np.full(len(data), 0.37))
    assert not make(data).soft
    assert not make(weighted).soft
    one = data.outcome.copy()
    one[0] = 0.83
    assert make(dataclasses.replace(weighted, outcome=one)).soft
    # Two probabilities that add up to a whole win are probabilities still.
    two = data.outcome.copy()
    same = np.flatnonzero((data.first == data.first[0]) & (data.second == data.second[0]))[:2]
    two[same] = 0.25, 0.75
    assert make(dataclasses.replace(data, outcome=two)).soft


def test_length_slopes_are_found():
    """A trait that wins long replies only has a slope; the others have none."""
    data = study(times=40)
    rng = np.random.default_rng(1)
    length = np.exp(rng.normal(6, 0.5, len(data)))
    standard = (np.log(length) - 6) / 0.5
    sign = (data.first == 3).astype(float) - (data.second == 3)
    logit = sign * standard * 1.5
    won = (rng.random(len(data)) < 1 / (1 + np.exp(-logit))).astype(float)
    found = length_slopes(dataclasses.replace(data, outcome=won, length=length))
    assert found.low[3] < 1.5 * 0.9 < found.high[3]  # mean zero over ten traits: 1.5 - 0.15
    assert np.flatnonzero(found.p_adjusted < 0.01).tolist() == [3]
    with pytest.raises(InputError, match="replies of known length: 0; expected several"):
        length_slopes(data)


def test_length_slopes_are_not_taken_from_shared_prompts():
    """Prompts set the length and favour traits at random: at most 10% of studies call a slope.

    With intervals that ignore prompts it was 27.5%.
    """
    rng = np.random.default_rng(4)
    pairs = np.stack(np.triu_indices(12, 1))
    first, second = np.tile(pairs, 30)
    prompt = np.repeat(np.arange(30), 66)
    names = [f"trait {i}" for i in range(12)]
    called, held = [], []
    for _ in range(100):
        strengths = rng.normal(0, 1, 12) + rng.normal(0, 1, (30, 12))
        logit = strengths[prompt, first] - strengths[prompt, second]
        won = (rng.random(len(first)) < 1 / (1 + np.exp(-logit))).astype(float)
        length = np.exp(rng.normal(6, 0.5, 30)[prompt] + rng.normal(0, 0.2, len(first)))
        data = compare(names, first, second, won, prompt=prompt)
        found = length_slopes(dataclasses.replace(data, length=length))
        called.append((found.p_adjusted < 0.05).any())
        held.append((found.low <= 0) & (found.high >= 0))
    assert np.mean(called) < 0.1
    assert 0.93 < np.mean(held) < 0.975
    assert "leaving out each of 30 prompts" in found.interval


def test_length_slopes_say_what_they_are_not():
    """Not causal, the judge's position left out; of few prompts also that they are rough."""
    data = study(times=40)
    length = np.random.default_rng(0).integers(50, 500, len(data))
    found = length_slopes(dataclasses.replace(data, length=length))
    assert "Fisher" in found.interval
    assert "not what a longer reply would do" in found.caveats[0]
    assert "judge's position is not taken out" in found.caveats[1]
    few = length_slopes(dataclasses.replace(study(times=40, n_prompts=6), length=length))
    assert "fewer than 20 are rough" in few.caveats[2]


@pytest.mark.parametrize("kind", ["averaged", "tied"])
@pytest.mark.parametrize("n_prompts", [None, 9])
def test_verdicts_that_do_not_differ_have_no_slope_on_length(kind, n_prompts):
    """Each is one half: nothing is divided by its error of nought, and the reason is said."""
    data = study(n_prompts=n_prompts)
    n = len(data)
    length = np.random.default_rng(0).integers(50, 500, n).astype(float)
    even = dataclasses.replace(data, outcome=np.full(n, 0.5 - 1e-13), length=length)
    even = dataclasses.replace(even, tie=np.full(n, kind == "tied"))
    why = f"no slope on length, as the verdicts do not differ: each of {n} is one half"
    with pytest.raises(InputError, match=why):
        length_slopes(even)
    one = even.outcome.copy()
    one[0] = 0.6  # as soon as one differs there are slopes
    some = dataclasses.replace(even, outcome=one, tie=np.zeros(n, dtype=bool))
    assert np.isfinite(length_slopes(some).slope).all()


@pytest.mark.parametrize("make", [rate, rate_elo])
def test_ratings_of_nothing_but_ties_say_that_they_mean_nothing(make):
    """Every verdict one half: the intervals have no width, which is no certainty."""
    data = study()
    even = dataclasses.replace(data, outcome=np.full(len(data), 0.5))
    said = [c for c in make(even).caveats if "intervals mean nothing, as nothing varies" in c]
    assert len(said) == 1
    assert said[0].startswith("Every verdict is a tie of one half")
    assert not any("mean nothing" in caveat for caveat in make(data).caveats)


def test_elo_points_of_an_interval():
    """Ends of the interval are on the same scale as the rating."""
    profile = rate(study())
    width = (profile.rating_high - profile.rating_low) / ELO_PER_LOGIT
    assert width == pytest.approx(profile.high - profile.low)
