"""Agreement of verdicts, against statsmodels and by simulation."""

import numpy as np
import pytest
from scipy.special import expit
from statsmodels.stats import inter_rater

from ethogram.errors import InputError
from ethogram.ratings.comparisons import compare
from ethogram.ratings.rate import rate
from ethogram.validity.agreement import (
    by_trait,
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    position_consistency,
    rating_agreement,
    repeat_stability,
    retest,
    trait_disagreement,
)
from ethogram.validity.measure import JudgesAgreement, _rating_agreement
from ethogram.validity.proportions import Estimate

NAMES = [f"t{i}" for i in range(24)]


def two_judges(n, *, seed, agree=0.8):
    """Verdicts of two judges, the second the first's in a share of the replies."""
    rng = np.random.default_rng(seed)
    one = rng.integers(0, 2, n)
    return one, np.where(rng.random(n) < agree, one, rng.integers(0, 2, n))


def test_cohen_kappa_and_its_interval_match_statsmodels():
    """Kappa and its large-sample interval are those of statsmodels."""
    one, other = two_judges(300, seed=0)
    table = np.histogram2d(one, other, bins=2)[0]
    expected = inter_rater.cohens_kappa(table)
    made = cohen_kappa(one, other)
    assert made.estimate == pytest.approx(expected.kappa)
    assert (made.low, made.high) == pytest.approx((expected.kappa_low, expected.kappa_upp))


def test_cohen_kappa_of_three_verdicts_matches_statsmodels():
    """With a third verdict (a tie, say) the formula holds as well."""
    rng = np.random.default_rng(1)
    one = rng.integers(0, 3, 200)
    other = np.where(rng.random(200) < 0.6, one, rng.integers(0, 3, 200))
    expected = inter_rater.cohens_kappa(np.histogram2d(one, other, bins=3)[0])
    made = cohen_kappa(one, other)
    assert (made.estimate, made.low) == pytest.approx((expected.kappa, expected.kappa_low))


def test_missing_verdicts_leave_their_reply_out():
    """A reply without one of the verdicts counts for nothing."""
    made = cohen_kappa(np.array([0, 1, 0, 1, -1]), np.array([0, 1, 0, 0, 1]))
    # Agreement 3/4; chance 1/2 * 3/4 + 1/2 * 1/4 = 1/2; kappa = (3/4 - 1/2) / (1/2) = 1/2.
    assert made.n == 4
    assert made.estimate == pytest.approx(0.5)


def test_kappa_of_a_single_verdict_is_unknown():
    """Where both judges only ever say the same, kappa is 0/0."""
    assert np.isnan(cohen_kappa(np.ones(5, dtype=int), np.ones(5, dtype=int)).estimate)


@pytest.mark.parametrize("n", [5, 20])
def test_few_replies_on_which_all_agree_are_no_certainty(n):
    """The lower end is what Wilson's bound of n of n agreements leaves beyond chance."""
    one = np.arange(n) % 2
    both = np.stack([one, one], axis=1)
    share = np.bincount(one) / n
    least, chance = n / (n + 1.959964**2), (share**2).sum()  # Wilson's lower end where all are hits
    for made in (cohen_kappa(one, one), fleiss_kappa(both), krippendorff_alpha(both)):
        assert (made.estimate, made.high) == (1.0, 1.0)
        assert made.low == pytest.approx((least - chance) / (1 - chance))


def test_agreement_of_all_in_few_prompts_counts_the_prompts():
    """A hundred equal verdicts under five prompts say no more than five."""
    one = np.tile([0, 1], 50)
    made = cohen_kappa(one, one, clusters=np.repeat(np.arange(5), 20))
    assert made.low == pytest.approx((5 / (5 + 1.959964**2) - 0.5) / 0.5)


def test_cohen_kappa_covers_where_judges_differ_by_prompt():
    """Judges agree on whole prompts or not at all: prompts are drawn, and 0.7 is covered."""
    rng, clusters, inside = np.random.default_rng(11), np.repeat(np.arange(100), 9), []
    unaware = []
    for _ in range(60):
        one = rng.integers(0, 2, 900)
        other = np.where((rng.random(100) < 0.7)[clusters], one, rng.integers(0, 2, 900))
        for found, made in (
            (inside, cohen_kappa(one, other, clusters=clusters)),
            (unaware, cohen_kappa(one, other)),
        ):
            found.append(made.low <= 0.7 <= made.high)
    assert np.mean(inside) >= 0.85 > np.mean(unaware)


def test_clusters_of_one_leave_cohens_large_sample_interval():
    """Where no reply shares its prompt, the interval is the one in closed form."""
    one, other = two_judges(200, seed=5)
    assert cohen_kappa(one, other, clusters=np.arange(200)) == cohen_kappa(one, other)


def test_fleiss_kappa_matches_statsmodels_and_covers():
    """Kappa of three judges is statsmodels'; the bootstrap interval surrounds it."""
    one, other = two_judges(200, seed=2)
    verdicts = np.stack([one, other, two_judges(200, seed=2, agree=0.5)[1]], axis=1)
    table, _ = inter_rater.aggregate_raters(verdicts)
    made = fleiss_kappa(verdicts)
    assert made.estimate == pytest.approx(inter_rater.fleiss_kappa(table))
    assert made.low < made.estimate < made.high


def test_bootstrap_of_kappa_is_as_wide_as_theory():
    """For two judges Fleiss' bootstrap interval is close to Cohen's large-sample one."""
    one, other = two_judges(600, seed=3)
    theory, resampled = cohen_kappa(one, other), fleiss_kappa(np.stack([one, other], axis=1))
    assert resampled.high - resampled.low == pytest.approx(theory.high - theory.low, rel=0.15)


def test_copied_replies_in_one_cluster_do_not_sharpen_alpha():
    """Copies of the replies leave a clustered interval as wide as before."""
    verdicts = np.stack(two_judges(150, seed=4), axis=1)
    once = krippendorff_alpha(verdicts)
    copied = krippendorff_alpha(
        np.repeat(verdicts, 3, axis=0), clusters=np.repeat(np.arange(150), 3)
    )
    assert copied.high - copied.low == pytest.approx(once.high - once.low, rel=0.15)


def test_krippendorff_alpha_of_a_published_example():
    """Nominal alpha of the 15 units by 3 coders, with missing values, is 0.691."""
    # Data and result: the worked example of Wikipedia's article "Krippendorff's alpha", values
    # shifted to start at 0.
    coders = [
        [-1, -1, -1, -1, -1, 2, 3, 0, 1, 0, 0, 2, 2, -1, 2],
        [0, -1, 1, 0, 2, 2, 3, 2, -1, -1, -1, -1, -1, -1, -1],
        [-1, -1, 1, 0, 2, 3, 3, -1, 1, 0, 0, 2, 2, -1, 3],
    ]
    assert krippendorff_alpha(np.array(coders).T).estimate == pytest.approx(0.691, abs=5e-4)


def test_consistency_recovers_a_planted_first_choice_bias():
    """Of a judge that goes by place in 20% of verdicts, the lean is 0.2 within its interval."""
    rng = np.random.default_rng(5)
    inside = []
    for _ in range(100):
        truth = rng.random(500) < 0.5
        forward, swapped = (np.where(rng.random(500) < 0.2, 1, t) for t in (truth, ~truth))
        made = position_consistency(forward, swapped)
        inside.append(made.lean.low <= 0.2 <= made.lean.high)
    assert np.mean(inside) >= 0.9
    assert "go to the trait shown first" in made.sentence


@pytest.mark.parametrize(("lean", "n"), [(0.2, 5), (0.05, 20), (0.02, 78), (0.2, 78)])
def test_a_small_lean_is_covered_though_no_verdict_shows_it(lean, n):
    """Where most samples show no lean at all, the interval holds the true one in at least 93%."""
    rng = np.random.default_rng(6)
    inside = []
    for _ in range(300):
        truth = rng.random(n) < 0.5
        forward, swapped = (np.where(rng.random(n) < lean, 1, t) for t in (truth, ~truth))
        made = position_consistency(forward, swapped).lean
        inside.append(made.low <= lean <= made.high)
    assert np.mean(inside) >= 0.93


def test_consistency_of_a_judge_that_reads():
    """A judge that names the same trait in both orders is consistent and has no lean."""
    made = position_consistency(np.array([1, 0, 1, 0, -1]), np.array([0, 1, 0, 1, 0]))
    assert made.consistent.estimate == 1.0
    assert made.lean.estimate == 0.0
    assert made.lean.low < 0 < made.lean.high  # four replies exclude little
    assert (made.n, made.lost) == (4, 1)
    assert made.sentence.endswith("too few (4) to tell.")
    more = position_consistency(np.array([1, 0] * 6), np.array([0, 1] * 6))
    assert "no lean to either position is shown" in more.sentence


def test_repeats_count_the_same_verdicts():
    """Three of four repeated verdicts are the same."""
    made = repeat_stability(np.array([0, 1, 1, 0, 1]), np.array([0, 1, 1, 1, -1]))
    assert made.same.estimate == pytest.approx(0.75)
    assert (made.n, made.lost) == (4, 1)


def test_shares_by_trait_count_a_comparison_for_both_traits():
    """A hit between a and b counts for a and for b, not for c."""
    made = by_trait(np.array([1, 0]), np.array([0, 1]), np.array([1, 2]), ["a", "b", "c"])
    assert made.raw.tolist() == [1.0, 0.5, 0.0]
    assert made.count.tolist() == [1, 2, 1]


def test_disagreement_finds_the_trait_that_divides_the_judges():
    """The trait on which two judges toss coins has the highest disagreement."""
    rng = np.random.default_rng(6)
    first = rng.integers(0, 10, 800)
    second = (first + rng.integers(1, 10, 800)) % 10
    one = rng.integers(0, 2, 800)
    torn = (first == 3) | (second == 3)
    other = np.where(torn, rng.integers(0, 2, 800), one)
    third = np.where(rng.random(800) < 0.1, -1, one)
    made = trait_disagreement(np.stack([one, other, third], axis=1), first, second, NAMES[:10])
    assert made.estimate.argmax() == 3
    assert made.low[3] > np.delete(made.high, 3).max() - 0.1


def study(strengths, rng):
    """One verdict per pair by trait strengths."""
    first, second = np.triu_indices(len(strengths), 1)
    chance = expit(strengths[first] - strengths[second])
    return first, second, (rng.random(len(first)) < chance).astype(int)


def test_implied_reliability_is_the_correlation_of_two_runs():
    """The reliability from 10% of the trials asked again predicts how two whole runs correlate."""
    rng = np.random.default_rng(7)
    implied, seen = [], []
    for _ in range(30):
        strengths = rng.normal(0, 0.6, 24)
        first, second = np.triu_indices(24, 1)
        # Every trial has its own chance: the prompt pushes the choice one way.
        chance = expit(strengths[first] - strengths[second] + rng.normal(0, 2, len(first)))
        runs = [(rng.random(len(first)) < chance).astype(int) for _ in range(2)]
        profiles = [rate(compare(NAMES, first, second, run), splits=0) for run in runs]
        again = rng.choice(len(first), 60, replace=False)
        made = retest(
            1 - runs[0][again],
            1 - (rng.random(60) < chance[again]).astype(int),
            first[again],
            second[again],
            profiles[0],
        )
        implied.append(made.overall.estimate)
        seen.append(np.corrcoef(*(p.wins_by_trait / p.n_by_trait for p in profiles))[0, 1])
    assert np.mean(implied) == pytest.approx(np.mean(seen), abs=0.04)


def test_reliability_falls_with_repeats():
    """Trials that never repeat leave less reliability than trials that always do."""
    rng = np.random.default_rng(8)
    first, second, wins = study(rng.normal(0, 1, 24), rng)
    profile = rate(compare(NAMES, first, second, wins), splits=0)
    steady = retest(wins, wins, first, second, profile)
    fickle = retest(wins, 1 - wins, first, second, profile)
    assert steady.repeats.estimate == 1.0
    assert steady.overall.estimate == pytest.approx(1.0)
    assert steady.overall.low < 1.0
    assert fickle.overall.estimate < 0.9
    assert fickle.overall.low <= fickle.overall.estimate <= fickle.overall.high
    assert (steady.low <= steady.reliability).all()
    assert (steady.reliability <= steady.high).all()


def test_ratings_of_two_judges_agree_as_their_ranks():
    """A judge's ratings correlate fully with themselves, and less with a coin's."""
    rng = np.random.default_rng(9)
    first, second, wins = study(rng.normal(0, 1, 24), rng)
    good = rate(compare(NAMES, first, second, wins), splits=0)
    coin = rate(compare(NAMES, first, second, rng.integers(0, 2, len(wins))), splits=0)
    made = rating_agreement([good, good, coin])
    assert made[0, 1] == pytest.approx(1.0)
    assert abs(made[0, 2]) < 0.6


@pytest.mark.filterwarnings("error")
def test_ratings_that_are_all_the_same_agree_with_nothing():
    """NaN for that profile alone; the others' correlation is what it is without it."""
    rng = np.random.default_rng(9)
    first, second, wins = study(rng.normal(0, 1, 24), rng)
    good = rate(compare(NAMES, first, second, wins), splits=0)
    other = rate(compare(NAMES, first, second, rng.integers(0, 2, len(wins))), splits=0)
    flat = rate(compare(NAMES, first, second, np.full(len(wins), 0.5)), splits=0)
    made = rating_agreement([good, flat, other])
    assert np.isnan(made[1]).all()
    assert np.isnan(made[:, 1]).all()
    assert made[np.ix_([0, 2], [0, 2])] == pytest.approx(rating_agreement([good, other]))
    assert np.isnan(rating_agreement([flat, flat])).all()


@pytest.mark.filterwarnings("error")
def test_ratings_that_are_all_the_same_are_left_out_of_the_mean_over_models():
    """One model's profile by one judge is flat: the mean is of the other model, and it is said."""
    rng = np.random.default_rng(9)
    first, second, wins = study(rng.normal(0, 1, 24), rng)

    def profile(model, judge, outcome):
        data = compare(NAMES, first, second, outcome, model=model, judge=judge)
        return rate(data, splits=0)

    coin, even = rng.integers(0, 2, len(wins)), np.full(len(wins), 0.5)
    made = [
        profile("acts", "one", wins),
        profile("acts", "two", coin),
        profile("plain", "one", wins),
        profile("plain", "two", even),
    ]
    rated = {(p.model, p.judge, "feels"): p for p in made}
    spearman, flat = _rating_agreement(("one", "two"), rated)
    assert spearman == pytest.approx(rating_agreement(made[:2]))
    assert flat == ("plain by two",)
    none = Estimate(0.5, 0.4, 0.6, 100)
    agreement = JudgesAgreement(
        judges=("one", "two"),
        cohen={},
        fleiss=none,
        alpha=none,
        disagreement=trait_disagreement(np.array([[0, 1]]), [0], [1], NAMES),
        spearman=_rating_agreement(("one", "two"), dict(list(rated.items())[2:]))[0],
        n=100,
        flat=flat,
    )
    assert agreement.findings()[-2:] == [
        "Ratings by one and two: Spearman not known.",
        "Ratings that are all the same have no ranks, and are in no Spearman: plain by two.",
    ]


def test_one_profile_has_nothing_to_agree_with():
    """Agreement of ratings needs two profiles."""
    rng = np.random.default_rng(9)
    first, second, wins = study(rng.normal(0, 1, 24), rng)
    profile = rate(compare(NAMES, first, second, wins), splits=0)
    with pytest.raises(InputError, match="at least two"):
        rating_agreement([profile])
