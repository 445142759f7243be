"""Analysis between profiles: oracles, planted truths and null models."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.special import expit
from scipy.stats import spearmanr
from sklearn.decomposition import PCA

from ethogram.analysis.analyse import analyse
from ethogram.analysis.clusters import cluster_traits, jaccard, ward_branches
from ethogram.analysis.cohort import (
    SPLIT_HALF,
    STANDARD_ERRORS,
    Cohort,
    draw_noise,
    draw_strengths,
    form_cohort,
    rank_strengths,
)
from ethogram.analysis.components import center, explained_shares, find_components, rotate_onto
from ethogram.analysis.deviations import deviate
from ethogram.analysis.similarity import correlate_models, correlation_matrix, disattenuate
from ethogram.analysis.tiers import draw_null, spread_by_tier, tier_bounds
from ethogram.errors import InputError
from ethogram.ratings.models import fit_elo
from ethogram.ratings.profile import Profile
from ethogram.ratings.rate import rate_counts, reference_profiles


@pytest.fixture(scope="module")
def reference():
    return list(reference_profiles().values())


@pytest.fixture(scope="module")
def study(reference):
    return analyse(reference, seed=1)


def make_cohort(strengths, error=0.2, reliability=None):
    """A cohort with independent errors of one size."""
    strengths = strengths - strengths.mean(axis=1, keepdims=True)
    m, k = strengths.shape
    covariances = np.repeat((np.eye(k) * error**2)[None], m, axis=0)
    known = 1 - error**2 / strengths.var(axis=1) if reliability is None else reliability
    return Cohort(
        models=tuple(f"model {i}" for i in range(m)),
        traits=tuple(f"trait {i}" for i in range(k)),
        strengths=strengths,
        covariances=covariances,
        reliability=np.asarray(known, dtype=float),
        reliability_source=(STANDARD_ERRORS,) * m,
        n=(1000,) * m,
    )


def make_profile(strengths, error=0.2, **options):
    """A profile with independent errors of one size."""
    k = len(strengths)
    given = {
        "model": "model",
        "judge": "judge",
        "condition": "feels",
        "method": "bradley-terry",
        "traits": tuple(f"trait {i}" for i in range(k)),
        "strengths": np.asarray(strengths, dtype=float) - np.mean(strengths),
        "covariance": np.eye(k) * error**2,
        "low": np.asarray(strengths) - 2 * error,
        "high": np.asarray(strengths) + 2 * error,
        "n_by_trait": np.full(k, k - 1),
        "wins_by_trait": np.full(k, (k - 1) / 2),
        "n": k * (k - 1) // 2,
        "lost": 0,
        "ties": 0,
        "effects": (),
        "reliability": None,
        "interval_method": "made up",
        "prior_effect": 0.0,
        "caveats": (),
    }
    return Profile(**(given | options))


# --- The published study, from its win counts


def test_components_of_the_study(study):
    """The win counts give the variance shares that were computed from them before."""
    shares = 100 * study.components.explained[:3]
    np.testing.assert_allclose(shares, [41.4, 19.5, 12.6], atol=0.5)
    plain = 100 * study.components_plain.explained[:3]
    np.testing.assert_allclose(plain, [38.1, 30.6, 11.4], atol=0.5)


def test_tiers_of_the_study(study):
    """The win counts give the tier spreads that were computed from them before."""
    spreads = [tier.ranks.value for tier in study.convergence.tiers]
    np.testing.assert_allclose(spreads, [6.8, 14.5, 20.8, 13.6], atol=0.2)
    assert [len(tier.traits) for tier in study.convergence.tiers] == [20, 30, 50, 44]


def test_similarity_of_the_study(study):
    """The nine models' Spearman correlations have the mean and range computed before."""
    found = study.similarity.spearman
    assert found.mean == pytest.approx(0.807, abs=0.005)
    assert found.value[found.least] == pytest.approx(0.650, abs=0.005)
    assert found.value[found.most] == pytest.approx(0.946, abs=0.005)


def test_null_model_alone_gives_the_arch(study):
    """Models that differ equally on every trait already show the study's arch over tiers."""
    null = [tier.ranks.null for tier in study.convergence.tiers]
    assert null[0] < null[1] < null[2] > null[3]
    # An independent simulation of the same null model gave 11.5, 19.5, 23.5, 14.8.
    np.testing.assert_allclose(null, [11.5, 19.5, 23.5, 14.8], atol=1.0)


def test_elo_explains_the_difference_from_the_published_figures(reference):
    """On the same simulated verdicts Elo moves every figure towards the published one."""
    rng = np.random.default_rng(5)
    first, second = np.triu_indices(144, 1)
    elo, fitted = [], []
    for p in reference:
        true = p.strengths * np.sqrt(1 - np.diag(p.covariance).mean() / p.strengths.var())
        won = rng.random(len(first)) < expit(true[first] - true[second])
        order = rng.permutation(len(first))
        outcome = won[order].astype(float)
        elo.append(fit_elo(first[order], second[order], outcome, 144))
        wins = np.bincount(first, won, 144) + np.bincount(second, ~won, 144)
        fitted.append(rate_counts(p.traits, wins, total=wins.sum()).ratings)
    by_elo, by_fit = (make_cohort((np.array(r) - 1000) / 173.7) for r in (elo, fitted))
    means = [correlate_models(c, n_draws=10).spearman.mean for c in (by_elo, by_fit)]
    assert 0.02 < means[1] - means[0] < 0.08  # published 0.763 against 0.807
    tops = [spread_by_tier(c, n_draws=10).tiers[0].ranks.value for c in (by_elo, by_fit)]
    assert tops[0] > tops[1] + 1  # published 9.2 against 6.8
    shares = [find_components(c, n_draws=10).explained[0] for c in (by_elo, by_fit)]
    assert shares[0] < shares[1] - 0.02  # published 0.324 against 0.414
    assert np.min(elo) > np.min(fitted) + 100  # published 393 against 183
    assert np.max(elo) < np.max(fitted)  # published 1521 against 1719


# --- Cohort


def test_gather_keeps_shared_traits_only():
    """Profiles on overlapping traits meet on the shared ones, re-centred, in the first's order."""
    one = make_profile([2.0, 1, 0, -1, -2], traits=("a", "b", "c", "d", "e"), model="x")
    two = make_profile([0.0, 1, 2, 3, 4], traits=("e", "d", "c", "b", "f"), model="y")
    cohort = form_cohort([one, two])
    assert cohort.traits == ("b", "c", "d", "e")
    assert cohort.left_out == ("a", "f")
    # By hand: 1, 0, -1, -2 less their mean -0.5; 3, 2, 1, 0 less 1.5.
    np.testing.assert_allclose(cohort.strengths, [[1.5, 0.5, -0.5, -1.5], [1.5, 0.5, -0.5, -1.5]])
    assert analyse([one, two]).caveats[2].startswith("2 traits that not every profile has")


def test_gather_refuses_strangers():
    """Profiles without enough common traits are refused with the number and the models."""
    one = make_profile([0.0, 1, 2], traits=("a", "b", "c"), model="x")
    two = make_profile([0.0, 1, 2], traits=("a", "b", "d"), model="y")
    with pytest.raises(InputError, match=r"x, y share 2 traits, expected at least 3"):
        form_cohort([one, two])
    with pytest.raises(InputError, match="no profiles"):
        form_cohort([])


def test_models_that_occur_twice_get_distinct_labels():
    """A model under two conditions, and two equal profiles, can be told apart."""
    base = {"strengths": [0.0, 1, 2, 3]}
    labels = form_cohort(
        [
            make_profile(**base, model="a", condition="feels"),
            make_profile(**base, model="a", condition="likes"),
            make_profile(**base, model="b", judge="j"),
            make_profile(**base, model="b", judge="j"),
        ]
    ).models
    assert labels[:2] == ("a, feels", "a, likes")
    assert len(set(labels)) == 4


def test_reliability_says_where_it_is_from():
    """Split halves are used where a profile carries them, standard errors elsewhere."""
    cohort = form_cohort(
        [
            make_profile([0.0, 1, 2, 3], reliability=0.5, model="a"),
            make_profile([0.0, 1, 2, 3], error=0.5, model="b"),
        ]
    )
    assert cohort.reliability_source == (SPLIT_HALF, STANDARD_ERRORS)
    # By hand: variance of 0, 1, 2, 3 is 1.25, noise 0.25.
    np.testing.assert_allclose(cohort.reliability, [0.5, 1 - 0.25 / 1.25])


def test_draws_have_the_profiles_covariance(reference):
    """Bootstrap draws reproduce mean and covariance, and the constraint that they sum to 0."""
    cohort = form_cohort(reference[:2])
    draws = draw_strengths(cohort, 4000, np.random.default_rng(0))
    assert np.abs(draws.sum(axis=2)).max() < 1e-5
    error = np.sqrt(cohort.variances)
    assert np.abs((draws.mean(axis=0) - cohort.strengths) / error).max() < 5 / np.sqrt(4000)
    np.testing.assert_allclose(draws.var(axis=0), cohort.variances, rtol=0.15)


def test_almost_equal_strengths_are_tied():
    """Strengths that differ only in a solver's last bits share a rank."""
    ranks = rank_strengths(np.array([[1.0, 0.5, 0.5 + 1e-14, -2.0]]))
    np.testing.assert_array_equal(ranks, [[1, 2.5, 2.5, 4]])


# --- Similarity


def test_correlations_agree_with_scipy(reference):
    """Spearman and Pearson equal scipy's and numpy's."""
    cohort = form_cohort(reference)
    found = correlate_models(cohort, n_draws=10)
    theirs = spearmanr(np.round(cohort.strengths, 9), axis=1).statistic
    np.testing.assert_allclose(found.spearman.value, theirs, atol=1e-12)
    np.testing.assert_allclose(found.pearson.value, np.corrcoef(cohort.strengths), atol=1e-12)


def test_disattenuation_by_hand():
    """0.6 with reliabilities 0.8 and 0.45 is 0.6 / 0.6 = 1; 0.9 passes 1 and is shown."""
    matrix = np.array([[1, 0.6], [0.6, 1]])
    found = disattenuate(matrix, np.array([0.8, 0.45]))
    np.testing.assert_allclose(found, [[1, 1], [1, 1]])
    assert disattenuate(matrix * 1.5, np.array([0.8, 0.45]))[0, 1] == pytest.approx(1.5)
    assert np.isnan(disattenuate(matrix, np.array([0.8, -0.1]))[0, 1])


@pytest.mark.parametrize(("n_traits", "error"), [(144, 0.21), (144, 0.6), (12, 0.4)])
def test_disattenuated_interval_covers_the_true_correlation(n_traits, error):
    """The interval without noise covers the truth; the one as measured does not claim to."""
    hits, naive, repeats = 0, 0, 400
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        true = rng.normal(size=n_traits) + 0.6 * rng.normal(size=(2, n_traits))
        measured = true + error * rng.normal(size=true.shape)
        found = correlate_models(make_cohort(measured, error), n_draws=100, seed=seed).pearson
        truth = correlation_matrix(true)[0, 1]
        hits += found.disattenuated_low[0, 1] <= truth <= found.disattenuated_high[0, 1]
        naive += found.low[0, 1] <= truth <= found.high[0, 1]
    # Taking the reliabilities as known gave 0.895 in the two noisy cases; 800 repeats with
    # other seeds gave 0.96, 0.96 and 0.94. One standard error of 400 repeats is 0.011.
    assert 0.91 < hits / repeats < 0.99
    assert naive < hits


@pytest.mark.filterwarnings("error")
def test_a_model_whose_ratings_are_all_the_same_raises_no_warning():
    """Surely so, as of a judge of nothing but ties: no reliability, and no correlation."""
    rows = np.random.default_rng(0).normal(0, 1, (3, 24))
    rows[1] = 0
    cohort = make_cohort(rows, reliability=[0.9, 0.0, 0.9])
    covariances = cohort.covariances.copy()
    covariances[1] = 0
    found = correlate_models(replace(cohort, covariances=covariances), n_draws=20).spearman
    assert (found.value[1, 0], found.value[1, 2]) == (0, 0)
    assert np.isnan(found.disattenuated[1, 0])
    assert np.isfinite(found.disattenuated[0, 2])


def test_dendrogram_joins_the_most_alike_first():
    """Two pairs of near copies are joined within before they are joined across."""
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(2, 50))
    rows = np.array([one, two, one, two]) + 0.05 * rng.normal(size=(4, 50))
    found = correlate_models(make_cohort(rows), n_draws=10)
    first = {frozenset(int(i) for i in row[:2]) for row in found.tree[:2]}
    assert first == {frozenset({0, 2}), frozenset({1, 3})}
    assert set(found.leaves[:2]) in ({0, 2}, {1, 3})


# --- Tiers


def test_tier_bounds_are_the_studys():
    """144 traits are cut after 20, 50 and 100; few traits keep the shares and lose no trait."""
    assert [stop for _, _, stop in tier_bounds(144)] == [20, 50, 100, 144]
    for k in range(3, 200):
        bounds = tier_bounds(k)
        assert bounds[0][1] == 0
        assert bounds[-1][2] == k
        assert all(a[2] == b[1] for a, b in pairwise(bounds))


def test_spread_by_hand():
    """Two models that swap the first two of eight traits spread over half a rank there."""
    one = np.array([7.0, 6, 5, 4, 3, 2, 1, 0])
    two = one[[1, 0, 2, 3, 4, 5, 6, 7]]
    found = spread_by_tier(make_cohort(np.array([one, two]), 0.01), n_draws=20)
    # Ranks 1 and 2 have mean 1.5 and standard deviation (over n) 0.5; strengths 7 and 6 too.
    np.testing.assert_allclose(found.rank_spread, [0.5, 0.5, 0, 0, 0, 0, 0, 0])
    np.testing.assert_allclose(found.logit_spread, [0.5, 0.5, 0, 0, 0, 0, 0, 0])
    assert set(found.least_agreed(2)) == {"trait 0", "trait 1"}


def test_null_model_has_the_observed_spreads():
    """The null model keeps the mean squared difference between models and between traits."""
    rng = np.random.default_rng(0)
    cohort = make_cohort(rng.normal(size=100) + 0.5 * rng.normal(size=(6, 100)))
    draws, sd = draw_null(cohort, 300, rng)
    assert sd == pytest.approx(0.5 - 0.04, abs=0.06)  # 0.25 was drawn, of which 0.04 is noise
    observed = cohort.strengths.var(axis=0, ddof=1).mean()
    assert draws.var(axis=1, ddof=1).mean() == pytest.approx(observed, rel=0.02)
    observed = cohort.strengths.mean(axis=0).var()
    assert draws.mean(axis=1).var(axis=1).mean() == pytest.approx(observed, rel=0.05)


def test_tiers_of_equal_models_are_not_called_different():
    """Where all models differ equally, a tier is rarely called different from the null model."""
    called, repeats = 0, 40
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        cohort = make_cohort(rng.normal(size=144) + 0.5 * rng.normal(size=(9, 144)))
        found = spread_by_tier(cohort, n_draws=100, seed=seed)
        called += sum(tier.ranks.p < 0.05 for tier in found.tiers)
    assert called / (4 * repeats) < 0.1


def test_a_tier_that_is_agreed_on_is_found():
    """Models that agree on the top of the list alone fall below the null model there."""
    rng = np.random.default_rng(0)
    common = np.sort(rng.normal(size=144))[::-1]
    size = np.where(np.arange(144) < 20, 0.05, 0.5)
    cohort = make_cohort(common + size * rng.normal(size=(9, 144)), 0.05)
    top = spread_by_tier(cohort, n_draws=200).tiers[0]
    assert top.ranks.value < top.ranks.null_low
    assert top.ranks.p < 0.02
    assert top.logits.value < top.logits.null_low


# --- Deviations


def test_deviation_by_hand():
    """3 against the others' mean of 0 is 3, with the error of one and of a mean of two."""
    found = deviate(make_cohort(np.array([[3.0, -3], [0, 0], [0, 0]]), 0.3, reliability=[1, 1, 1]))
    np.testing.assert_allclose(found.logits, [[3, -3], [-1.5, 1.5], [-1.5, 1.5]])
    half = 1.959964 * 0.3 * np.sqrt(1 + 1 / 2)
    np.testing.assert_allclose(found.high - found.logits, np.full((3, 2), half), rtol=1e-6)
    # Unit: root of the mean of 9, 9 and four times 2.25.
    assert found.unit == pytest.approx(np.sqrt(27 / 6))


def test_two_models_mirror_each_other(reference):
    """With two models one's deviations are the other's with the sign changed."""
    found = deviate(form_cohort(reference[:2]))
    np.testing.assert_allclose(found.logits[0], -found.logits[1])
    np.testing.assert_allclose(found.q[0], found.q[1])


def test_noise_alone_is_rarely_significant_and_a_planted_trait_is():
    """The false discovery rate holds: pure noise gives few studies with any discovery."""
    studies = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        rows = rng.normal(size=60) + 0.2 * rng.normal(size=(5, 60))
        studies += deviate(make_cohort(rows)).significant.any()
        rows[2, 7] += 2
        found = deviate(make_cohort(rows))
        assert found.significant[2, 7]
        assert found.furthest(2, 1)[0] == 7
    assert studies <= 14  # 5 expected, and four standard errors


# --- Components


def test_components_agree_with_scikit_learn(reference):
    """Shares, positions and loadings equal scikit-learn's up to the sign."""
    cohort = form_cohort(reference)
    for standardised in (True, False):
        found = find_components(cohort, standardised=standardised, n_draws=20)
        theirs = PCA().fit(center(cohort.strengths, standardised=standardised))
        np.testing.assert_allclose(found.explained, theirs.explained_variance_ratio_[:8])
        scores = theirs.transform(center(cohort.strengths, standardised=standardised))[:, :8]
        np.testing.assert_allclose(np.abs(found.positions), np.abs(scores), atol=1e-9)
        np.testing.assert_allclose(
            np.abs(found.loadings), np.abs(theirs.components_[:8]), atol=1e-9
        )


def test_rotation_agrees_with_scipy():
    """The batched Procrustes rotation equals scipy's and undoes a rotation."""
    rng = np.random.default_rng(0)
    target = rng.normal(size=(9, 4))
    tables = rng.normal(size=(5, 9, 4))
    for found, table in zip(rotate_onto(tables, target), tables, strict=True):
        rotation, _ = orthogonal_procrustes(table, target)
        np.testing.assert_allclose(found, table @ rotation, atol=1e-12)
    turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    np.testing.assert_allclose(rotate_onto((target @ turn)[None], target)[0], target, atol=1e-12)


def test_planted_components_stand_above_the_null_and_noise_does_not():
    """Two planted directions are counted; unrelated differences are seldom counted at all."""
    counted = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        noise = rng.normal(size=100) + 0.4 * rng.normal(size=(9, 100))
        counted += find_components(make_cohort(noise), n_draws=100, seed=seed).above_null > 0
    assert counted <= 8  # 2 expected at 5%, and four standard errors
    directions = rng.normal(size=(9, 2)) * (2, 1.5) @ rng.normal(size=(2, 100))
    planted = noise + directions
    found = find_components(make_cohort(planted), standardised=False, n_draws=200)
    assert found.above_null == 2


def test_position_spread_follows_the_noise():
    """Twice the measurement error gives about four times the variance of the positions."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(6, 80))
    small, large = (
        find_components(make_cohort(rows, e), standardised=False, n_draws=600).position_covariance
        for e in (0.05, 0.1)
    )
    ratio = np.trace(large, axis1=1, axis2=2) / np.trace(small, axis1=1, axis2=2)
    np.testing.assert_allclose(ratio, 4, rtol=0.25)


def test_components_of_two_models_are_refused(reference):
    """Two models have one direction; the error says how many are needed."""
    with pytest.raises(InputError, match="of 2 models, expected at least 3"):
        find_components(form_cohort(reference[:2]))


# --- Clusters


def planted_groups(seed=0):
    """Nine models, 60 traits in four equally distant groups that move together."""
    rng = np.random.default_rng(seed)
    pattern = 3 * np.linalg.qr(rng.normal(size=(9, 4)))[0][:, np.repeat(range(4), 15)]
    return make_cohort(rng.normal(size=60) + pattern + 0.3 * rng.normal(size=(9, 60)))


def test_planted_groups_hold():
    """Both methods find four planted groups of traits and nothing else."""
    pytest.importorskip("fast_plscan")
    found = cluster_traits(planted_groups(), n_draws=30, n_null=20)
    wanted = {frozenset(f"trait {i}" for i in range(a, a + 15)) for a in range(0, 60, 15)}
    assert {frozenset(c.traits) for c in found.ward.holding} == wanted
    assert {frozenset(c.traits) for c in found.density.holding} == wanted


def test_a_cloud_without_groups_has_none_that_hold():
    """Unrelated differences give candidates, as any cloud does, but none that holds."""
    holding = 0
    for seed in range(5):
        rng = np.random.default_rng(seed)
        cohort = make_cohort(rng.normal(size=60) + 0.5 * rng.normal(size=(9, 60)))
        found = cluster_traits(cohort, n_draws=20, n_null=20, seed=seed)
        assert len(found.ward.found) > 10
        holding += len(found.ward.holding) + len(found.density.holding)
    assert holding == 0


def test_without_plscan_the_reason_is_given(monkeypatch):
    """Where the optional package is absent, Ward still runs and the reason is stated."""
    monkeypatch.setitem(sys.modules, "fast_plscan", None)
    found = cluster_traits(planted_groups(), n_draws=10, n_null=5)
    assert "fast-plscan is not installed" in found.density.not_run
    assert found.density.found == ()
    assert len(found.ward.holding) == 4


def test_ward_branches_by_hand():
    """Points at 0, 1, 10 and 12 join as 0-1, then 10-12, then all."""
    branches = ward_branches(np.array([[0.0], [1], [10], [12]]))
    assert branches.tolist() == [
        [True, True, False, False],
        [False, False, True, True],
        [True, True, True, True],
    ]


def test_jaccard_by_hand():
    """Two of four members shared give 2 / 4."""
    left, right = np.array([[1, 1, 1, 0, 0]], bool), np.array([[0, 1, 1, 1, 0]], bool)
    assert jaccard(left, right) == pytest.approx(0.5)


# --- All together


def test_same_seed_same_numbers(reference):
    """An analysis is reproduced by its seed, and another seed moves the intervals."""
    few = [p.restrict(p.traits[:30]) for p in reference[:3]]
    one, two, other = (
        json.dumps(analyse(few, seed=seed, n_draws=40).to_dict()) for seed in (3, 3, 4)
    )
    assert one == two
    assert one != other


def test_order_of_models_does_not_matter(reference):
    """Reversing the models reverses the results that do not come from draws."""
    few = [p.restrict(p.traits[:30]) for p in reference[:4]]
    one = analyse(few, n_draws=20)
    two = analyse(few[::-1], n_draws=20)
    np.testing.assert_allclose(
        one.similarity.spearman.value, two.similarity.spearman.value[::-1, ::-1]
    )
    np.testing.assert_allclose(one.deviations.q, two.deviations.q[::-1])
    np.testing.assert_allclose(one.components.explained, two.components.explained)
    assert one.convergence.traits == two.convergence.traits


def test_one_model_has_a_distribution_and_reasons(reference):
    """A single profile is described; every part that needs more models says so."""
    found = analyse(reference[:1], n_draws=20)
    assert found.similarity is found.convergence is found.deviations is found.components is None
    assert {part for part, _ in found.not_run} == {
        "similarity",
        "convergence",
        "deviations",
        "clusters",
        "components",
    }
    assert found.distributions[0].highest_trait == "concrete"


def test_distribution_takes_out_the_noise():
    """The spread without noise is nearer the true one than the measured spread is."""
    rng = np.random.default_rng(0)
    true = rng.normal(size=2000) * 0.5
    profile = make_profile(true + 0.3 * rng.normal(size=2000), error=0.3)
    found = analyse([profile], n_draws=20).distributions[0]
    points = 400 / np.log(10) * 0.5
    assert abs(found.sd_without_noise - points) < 0.05 * points
    assert found.sd > 1.1 * points


def test_every_number_survives_json(study):
    """The dictionary is strict JSON: no NaN, and no covariance matrices."""
    text = json.dumps(study.to_dict(), allow_nan=False)
    assert len(text) < 1_000_000
    back = json.loads(text)
    assert back["similarity"]["spearman"]["mean"] == pytest.approx(study.similarity.spearman.mean)
    assert "covariances" not in back["cohort"]


def test_counts_of_two_models_run_through():
    """The quick start's size, two models on twelve traits, gives every part that it can."""
    rng = np.random.default_rng(0)
    traits = [f"t{i}" for i in range(12)]
    wins = [rng.permutation(12).astype(float) for _ in range(2)]
    profiles = [rate_counts(traits, w, total=w.sum(), model=f"m{i}") for i, w in enumerate(wins)]
    found = analyse(profiles, n_draws=50)
    assert found.components is None
    assert found.similarity is not None
    assert dict(found.not_run)["components"] == "2 models; it needs 3"
    noise = draw_noise(found.cohort, 3, np.random.default_rng(0))
    assert noise.shape == (3, 2, 12)


def test_shares_of_many_tables_are_those_of_each():
    """Against singular values of each standardised, centred table; five models, five shares."""
    rng = np.random.default_rng(3)
    tables = rng.normal(size=(3, 5, 40))
    found = explained_shares(tables)
    for table, shares in zip(tables, found, strict=True):
        unit = (table - table.mean(axis=1, keepdims=True)) / table.std(axis=1, keepdims=True)
        squared = np.linalg.svd(unit - unit.mean(axis=0), compute_uv=False) ** 2
        np.testing.assert_allclose(shares, squared / squared.sum(), atol=1e-12)
