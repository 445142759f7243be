"""Covariances, intervals and resampling against refits, other libraries and hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.optimize import minimize

from ethogram.errors import InputError
from ethogram.ratings.covariance import (
    design_matrix,
    fisher_covariance,
    jackknife,
    likelihood_intervals,
    outer_products,
    rank_ranges,
)
from ethogram.ratings.intervals import find_intervals
from ethogram.ratings.models import fit_bradley_terry
from ethogram.ratings.pairs import count_pairs, incidence, merge, pair_rows, take
from ethogram.ratings.resampling import bootstrap, resample_rows, split_half


def make_rows(seed=0, k=8, n=600, position=0.3, n_prompts=40):
    """Rows with a position effect, and their prompts."""
    rng = np.random.default_rng(seed)
    strengths = np.linspace(-1.2, 1.2, k)
    first = rng.integers(0, k, n)
    second = (first + rng.integers(1, k, n)) % k
    logit = strengths[first] - strengths[second] + position
    won = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(float)
    rows = pair_rows(first, second, won, k, covariates=np.ones((n, 1)))
    return rows, np.unique(rng.integers(0, n_prompts, n), return_inverse=True)[1]


def test_fisher_covariance_agrees_with_statsmodels():
    """With one strength fixed at 0 statsmodels gives the same errors of all differences."""
    rows, _ = make_rows()
    fit = fit_bradley_terry(rows, ridge=0)
    design = np.hstack([incidence(rows).toarray()[:, 1:], rows.covariates])
    other = sm.Logit(rows.wins, design).fit(disp=0, tol=1e-12)
    ours = fisher_covariance(fit)
    against_0 = ours[1:8, 1:8] - ours[1:8, :1] - ours[:1, 1:8] + ours[0, 0]
    assert np.allclose(against_0, other.cov_params()[:7, :7], rtol=1e-4)
    assert ours[8, 8] == pytest.approx(other.cov_params()[7, 7], rel=1e-4)
    assert np.abs(fit.strengths[1:] - fit.strengths[0] - other.params[:7]).max() < 1e-6


@pytest.mark.parametrize("n_prompts", [5, 40, 10**6])
def test_jackknife_leaves_out_each_prompt(n_prompts):
    """Its one Newton step comes close to refits without the prompt, whatever the cluster size."""
    rows, cluster = make_rows(n_prompts=n_prompts)
    fit = fit_bradley_terry(rows)
    found = jackknife(rows, fit, cluster, keep_influence=True)
    for prompt in range(0, cluster.max() + 1, 1 + cluster.max() // 5):
        rest = fit_bradley_terry(merge(take(rows, np.flatnonzero(cluster != prompt))))
        moved = rest.parameters - fit.parameters
        assert np.abs(found.influence[prompt] - moved).max() < 0.1 * np.abs(moved).max()


def test_jackknife_of_independent_comparisons_agrees_with_fisher():
    """One prompt per comparison and a true model: the two covariances estimate the same thing."""
    rows, _ = make_rows(n=4000)
    fit = fit_bradley_terry(rows)
    robust = np.diag(jackknife(rows, fit, np.arange(4000)).covariance)
    assert robust / np.diag(fisher_covariance(fit)) == pytest.approx(1, abs=0.1)


def test_effective_clusters_of_a_balanced_design():
    """Thirty prompts that each serve every pair once count in full: 30 effective clusters."""
    first, second = np.tile(np.stack(np.triu_indices(6, 1)), 30)
    won = np.random.default_rng(0).integers(0, 2, len(first)).astype(float)
    rows = pair_rows(first, second, won, 6)
    found = jackknife(rows, fit_bradley_terry(rows), np.repeat(np.arange(30), 15))
    assert found.effective == pytest.approx(30)


def test_doubled_rows_in_a_cluster_count_once():
    """Every comparison twice under one prompt: the clustered covariance is that of the half."""
    rows, _ = make_rows()
    n = len(rows.first)
    double = take(rows, np.tile(np.arange(n), 2))
    once = jackknife(rows, fit_bradley_terry(rows, ridge=0.1), np.arange(n))
    twice = jackknife(double, fit_bradley_terry(double, ridge=0.2), np.tile(np.arange(n), 2))
    assert np.allclose(once.covariance, twice.covariance, rtol=1e-6, atol=1e-9)


def test_likelihood_interval_ends_lose_the_right_likelihood():
    """A constrained optimiser at each end finds a penalised log likelihood 1.92 below the best."""
    first, second = np.stack(np.triu_indices(5, 1))
    pairs = count_pairs(first, second, (first < 2).astype(float), 5)
    fit = fit_bradley_terry(pairs, ridge=0.1)

    def loss(s):
        gap = s[first] - s[second]
        wins = (first < 2).astype(float)
        return np.logaddexp(0, gap).sum() - wins @ gap + 0.05 * (s**2).sum()

    low, high = likelihood_intervals(pairs, fit, np.array([0, 3]), root=np.full(2, 1.96))
    for item, end in ((0, low[0]), (0, high[0]), (3, low[1]), (3, high[1])):
        bound = [
            {"type": "eq", "fun": lambda s, i=item, e=end: s[i] - s.mean() - e},
            {"type": "eq", "fun": lambda s: s.sum()},
        ]
        best = minimize(loss, fit.strengths, constraints=bound, options={"ftol": 1e-12})
        assert best.fun - loss(fit.strengths) == pytest.approx(1.96**2 / 2, abs=1e-4)


def test_ends_of_traits_with_few_losses_are_where_the_penalised_likelihood_says():
    """Under N(0, (2.5^2 + s^2) / 2) the far end of an unbeaten trait loses 1.96^2 / 2, by scipy."""
    first, second = np.stack(np.triu_indices(6, 1))
    wins = np.where(first == 0, 1.0, np.random.default_rng(4).integers(0, 2, len(first)))
    pairs = count_pairs(first, second, wins, 6)
    fit = fit_bradley_terry(pairs)
    rows = pair_rows(first, second, wins, 6)
    found = find_intervals(rows, pairs, fit, np.arange(len(first)))
    for item, end in ((0, found.high[0]), (2, found.low[2]), (2, found.high[2])):
        ridge = 2 / (2.5**2 + fit.strengths[item] ** 2)

        def loss(s, ridge=ridge):
            gap = s[first] - s[second]
            return np.logaddexp(0, gap).sum() - wins @ gap + ridge / 2 * (s**2).sum()

        bound = {"type": "eq", "fun": lambda s, i=item, e=end: s[i] - s.mean() - e}
        best = minimize(loss, fit.strengths, options={"gtol": 1e-8})
        there = minimize(loss, fit.strengths, constraints=[bound], options={"ftol": 1e-12})
        assert there.fun - best.fun == pytest.approx(1.96**2 / 2, abs=1e-3)


def test_likelihood_and_fisher_intervals_agree_with_much_data():
    """The likelihood of 20,000 comparisons is quadratic."""
    rows, _ = make_rows(n=20_000)
    pairs = merge(rows)
    fit = fit_bradley_terry(pairs)
    low, high = likelihood_intervals(pairs, fit, np.arange(8), root=np.full(8, 1.96))
    error = np.sqrt(np.diag(fisher_covariance(fit))[:8])
    assert (high - low) / (2 * 1.96 * error) == pytest.approx(1, abs=0.01)


def test_outer_products_give_every_curvature():
    """Weights @ products is X' diag(weights) X."""
    rows, _ = make_rows(n=50)
    weights = np.random.default_rng(0).random(50)
    curvature = (outer_products(design_matrix(rows)).T @ weights).reshape(9, 9)
    assert np.allclose(curvature, rows.information(weights))


def test_rank_ranges_of_clear_and_of_equal_items():
    """Far apart: each rank is known. Equal: every rank is possible. Two groups: theirs."""
    error = np.eye(4) * 0.01
    low, high = rank_ranges(np.array([6.0, 4.0, 2.0, 0.0]), error)
    assert low.tolist() == high.tolist() == [1, 2, 3, 4]
    low, high = rank_ranges(np.zeros(4), error)
    assert low.tolist() == [1] * 4
    assert high.tolist() == [4] * 4
    low, high = rank_ranges(np.array([0.0, 5.0, 0.0, 5.0]), error)
    assert low.tolist() == [3, 1, 3, 1]
    assert high.tolist() == [4, 2, 4, 2]


def test_rank_ranges_hold_all_at_once():
    """Of 400 draws of 12 noisy strengths at least 93% have every true rank in its range."""
    rng = np.random.default_rng(5)
    truth = np.sort(rng.normal(0, 1, 12))[::-1]
    rank = np.arange(1, 13)
    held = 0
    for _ in range(400):
        low, high = rank_ranges(truth + rng.normal(0, 0.3, 12), np.eye(12) * 0.09)
        held += bool(((low <= rank) & (rank <= high)).all())
    assert held / 400 > 0.93


@pytest.mark.parametrize("k", [8, 40])
def test_bootstrap_refits_agree_with_single_fits(k):
    """A resample is the fit to its rows, in the exact (few items) and the approximate stepping."""
    rows, cluster = make_rows(k=k, n=1500)
    fit = fit_bradley_terry(merge(rows))
    refits = bootstrap(rows, fit, cluster, resamples=3, seed=9)
    n_clusters = cluster.max() + 1
    drawn = np.random.default_rng(9).integers(0, n_clusters, (3, n_clusters))
    for prompts, refit in zip(drawn, refits, strict=True):
        chosen = np.concatenate([np.flatnonzero(cluster == prompt) for prompt in prompts])
        single = fit_bradley_terry(merge(take(rows, chosen)))
        assert np.abs(single.parameters - refit).max() < 1e-4


def test_bootstrap_survives_an_item_that_drops_out():
    """An item with one comparison is missing from a third of the resamples; its prior remains."""
    first = np.array([0, 1, 2] * 40 + [3])
    second = np.array([1, 2, 0] * 40 + [0])
    rows = pair_rows(first, second, np.array([1.0, 0, 1] * 40 + [1]), 4)
    fit = fit_bradley_terry(merge(rows))
    refits = bootstrap(rows, fit, np.arange(121), resamples=200)
    assert np.isfinite(refits).all()
    assert np.abs(refits).max() < 10


def test_bootstrap_agrees_with_fisher():
    """Two roads to the same standard errors, where every comparison has its own prompt."""
    rows, _ = make_rows(n=3000)
    fit = fit_bradley_terry(merge(rows))
    fisher = np.sqrt(np.diag(fisher_covariance(fit)))
    plain = bootstrap(rows, fit, np.arange(3000), resamples=1000).std(axis=0)
    assert plain / fisher == pytest.approx(1, abs=0.1)


def test_refits_to_wins_drawn_from_the_model_agree_with_fisher():
    """A parametric bootstrap of counts, as `rate_counts` has them, has the Fisher errors."""
    rng = np.random.default_rng(6)
    first, second = np.tile(np.stack(np.triu_indices(8, 1)), 50)
    strengths = np.linspace(-1.2, 1.2, 8)
    chance = 1 / (1 + np.exp(strengths[second] - strengths[first]))
    fit = fit_bradley_terry(count_pairs(first, second, chance, 8))
    drawn = [
        fit_bradley_terry(
            count_pairs(first, second, (rng.random(len(first)) < chance).astype(float), 8)
        ).strengths
        for _ in range(1000)
    ]
    fisher = np.sqrt(np.diag(fisher_covariance(fit)))
    assert np.std(drawn, axis=0) / fisher == pytest.approx(1, abs=0.1)


def test_split_half_of_noise_and_of_signal():
    """Coin tosses have a reliability near 0 in the mean of studies, clear strengths near 1."""
    rng = np.random.default_rng(0)
    first, second = np.tile(np.stack(np.triu_indices(20, 1)), 6)
    n = len(first)
    found = []
    for _ in range(40):
        noise = pair_rows(first, second, rng.integers(0, 2, n).astype(float), 20)
        found.append(split_half(noise, fit_bradley_terry(noise), np.arange(n), splits=20))
    assert abs(np.mean(found)) < 0.2
    signal, _ = make_rows(n=3000)
    assert split_half(signal, fit_bradley_terry(signal), np.arange(3000)) > 0.97


def test_split_half_foretells_the_agreement_of_two_studies():
    """Spearman-Brown on halves is close to the correlation of two independent whole studies."""
    stepped, between = [], []
    for seed in range(30):
        one, _ = make_rows(seed=seed, n=150)
        other, _ = make_rows(seed=1000 + seed, n=150)
        fit = fit_bradley_terry(one)
        stepped.append(split_half(one, fit, np.arange(150), splits=20))
        between.append(np.corrcoef(fit.strengths, fit_bradley_terry(other).strengths)[0, 1])
    assert np.mean(stepped) == pytest.approx(np.mean(between), abs=0.04)


def test_split_half_needs_two_prompts_a_trait():
    """A trait under one prompt cannot be in both halves."""
    rows = pair_rows([0, 1, 2], [1, 2, 0], [1, 0, 1], 3)
    assert split_half(rows, fit_bradley_terry(rows), np.array([0, 0, 0])) is None


def test_resampled_rows_keep_clusters_together():
    """Each resample holds whole prompts, and is padded with -1."""
    cluster = np.array([0, 0, 0, 1, 2, 2])
    for rows in resample_rows(cluster, 50, seed=0):
        counts = np.bincount(rows[rows >= 0], minlength=6)
        assert counts[0] == counts[1] == counts[2]
        assert counts[4] == counts[5]
        assert counts[0] + counts[3] + counts[4] == 3


def test_bad_interval_requests_are_refused():
    """An unknown kind, and clusters where there is but one."""
    rows, _ = make_rows()
    fit = fit_bradley_terry(rows)
    with pytest.raises(InputError, match="'magic', expected one of auto"):
        find_intervals(rows, rows, fit, np.arange(600), kind="magic")
    with pytest.raises(InputError, match="share one prompt"):
        find_intervals(rows, rows, fit, np.zeros(600, dtype=int), kind="clustered")
