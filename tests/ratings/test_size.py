"""Thousands of traits: the same numbers as the dense way, within a stated memory."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from ethogram.analysis.analyse import DRAWN, analyse
from ethogram.errors import InputError, NotConverged
from ethogram.ratings import (
    budget,
    covariance,
    intervals,
    models,
    pairs,
    resampling,
    shift,
    sides,
    solving,
    spread,
)
from ethogram.ratings.comparisons import compare
from ethogram.ratings.phases import listening
from ethogram.ratings.rate import rate, rate_counts, rate_elo
from ethogram.ratings.results import rate_all
from ethogram.ratings.solving import Solution, conjugate_gradients, invert_in_place, solve_sparse
from ethogram.validity.lengths import length_slopes

MANY = 400
"""Traits in the tests that compare the sparse way with the dense one."""


def design(n_traits, n, *, seed=0, n_prompts=None, model="m", ties=False):
    """Comparisons of random pairs, linked by a ring through all traits."""
    rng = np.random.default_rng(seed)
    strengths = rng.normal(0, 1.2, n_traits)
    first = rng.integers(0, n_traits, n)
    second = (first + rng.integers(1, n_traits, n)) % n_traits
    first[:n_traits] = np.arange(n_traits)
    second[:n_traits] = (np.arange(n_traits) + 1) % n_traits
    won = rng.random(n) < 1 / (1 + np.exp(strengths[second] - strengths[first]))
    return compare(
        [f"t{i}" for i in range(n_traits)],
        first,
        second,
        won.astype(float),
        tie=rng.random(n) < 0.1 if ties else None,
        prompt=rng.integers(0, n_prompts, n) if n_prompts else None,
        judge_first=rng.choice([-1, 1], n),
        model=model,
    )


@pytest.fixture
def dense(monkeypatch):
    """Return what rates the dense way, whatever the number of traits."""

    def rated(data, **options):
        with monkeypatch.context() as patch:
            patch.setattr(pairs, "DENSE", 10**6)
            patch.setattr(models, "DENSE", 10**6)
            return rate(data, **options)

    return rated


@pytest.fixture
def small_memory(monkeypatch):
    """Leave so little memory that the correlations of 60 traits do not fit."""
    monkeypatch.setattr(budget, "MEMORY", 8 * budget.NUMBER * 60**2)


@pytest.mark.parametrize("n_prompts", [None, 300])
def test_sparse_ratings_are_the_dense_ones(dense, n_prompts):
    """Strengths, intervals and covariances agree to 1e-9, the reliability to its refits' 1e-4."""
    data = design(MANY, 3000, n_prompts=n_prompts, ties=True)
    one, other = rate(data, splits=10), dense(data, splits=10)
    for name in ("strengths", "low", "high", "covariance"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=0, atol=1e-9)
    assert one.effects[0].estimate == pytest.approx(other.effects[0].estimate, abs=1e-9)
    assert one.reliability == pytest.approx(other.reliability, abs=1e-4)


def test_the_sparse_way_is_taken_where_few_pairs_met():
    """A thin design of many traits has a sparse curvature; a full one a dense."""
    thin, full = design(MANY, 2000), design(MANY, 60_000)
    for data, sparse in ((thin, True), (full, False)):
        counted = pairs.count_pairs(data.first, data.second, data.outcome, MANY)
        assert counted.many_items is sparse


def test_sparse_information_is_the_dense_one():
    """With position columns, too."""
    rng = np.random.default_rng(1)
    data = design(30, 200)
    columns = rng.normal(size=(200, 2))
    rows = pairs.pair_rows(data.first, data.second, data.outcome, 30, covariates=columns)
    weights = rng.random(200)
    np.testing.assert_allclose(
        rows.sparse_information(weights).toarray(), rows.information(weights), atol=1e-12
    )


def test_conjugate_gradients_solve_every_column():
    """Against numpy, one system per column; a column of zeros stays zero."""
    rng = np.random.default_rng(2)
    roots = rng.normal(size=(3, 8, 8))
    systems = roots @ roots.transpose(0, 2, 1) + np.eye(8)
    wanted = rng.normal(size=(8, 3))
    wanted[:, 1] = 0
    solved, converged = conjugate_gradients(
        lambda v: np.einsum("bij,jb->ib", systems, v), wanted, np.einsum("bii->ib", systems)
    )
    assert converged.all()
    np.testing.assert_allclose(
        solved, np.linalg.solve(systems, wanted.T[:, :, None])[:, :, 0].T, atol=1e-9
    )


@pytest.mark.parametrize("size", [5, 512, 700])
def test_an_inverse_in_place_is_the_inverse(size):
    """Also across the blocks in which it is mirrored; the matrix itself is used up."""
    rng = np.random.default_rng(3)
    root = rng.normal(size=(size, size))
    matrix = root @ root.T / size + np.eye(size)
    expected = np.linalg.inv(matrix)
    found = invert_in_place(matrix)
    np.testing.assert_allclose(found, expected, atol=1e-10)
    assert np.shares_memory(found, matrix)


def test_variances_alone_are_the_diagonal():
    """Of the Fisher covariance exactly, of the jackknife's too, and of draws roughly."""
    data = design(MANY, 3000, n_prompts=300)
    fitted = rate_fit(data)
    whole = np.diag(covariance.fisher_covariance(fitted.fit))
    np.testing.assert_allclose(covariance.fisher_variances(fitted.fit), whole, atol=1e-12)
    drawn = covariance.drawn_variances(fitted.pairs, fitted.fit)
    # Each of 400 draws: a relative error of sqrt(2 / 400) = 7%; five of these at the most.
    np.testing.assert_allclose(drawn[:MANY], whole[:MANY], rtol=0.35)
    assert drawn[:MANY].mean() == pytest.approx(whole[:MANY].mean(), rel=0.02)
    both = [
        covariance.jackknife(fitted.rows, fitted.fit, data.prompt, correlations=kept)
        for kept in (True, False)
    ]
    np.testing.assert_allclose(both[1].covariance, np.diag(both[0].covariance), atol=1e-12)


def rate_fit(data):
    """Fit as `rate` does."""
    from ethogram.ratings.rate import fit_comparisons

    return fit_comparisons(data)


@pytest.mark.parametrize("n_traits", [20, MANY])
def test_a_large_prompt_is_left_out_as_a_small_one(monkeypatch, n_traits):
    """Prompts with more rows than one block: their rows are counted by kind, nothing else."""
    data = design(n_traits, 3000, n_prompts=2)
    fitted = rate_fit(data)
    one = covariance.jackknife(fitted.rows, fitted.fit, data.prompt)
    monkeypatch.setattr(covariance, "_ROWS_AT_ONCE", 500)
    other = covariance.jackknife(fitted.rows, fitted.fit, data.prompt)
    np.testing.assert_allclose(other.covariance, one.covariance, atol=1e-9)
    np.testing.assert_allclose(other.effective, one.effective, atol=1e-9)


def test_prompts_of_many_rows_and_of_few_go_together():
    """Two prompts of 30,000 comparisons each, of unequal size, are rated."""
    profile = rate(design(12, 60_001, n_prompts=2), splits=0)
    assert np.isfinite(profile.low).all()


def test_exact_steps_in_blocks_are_the_same(monkeypatch):
    """The Newton step of each resample does not depend on how many are done at once."""
    data = design(40, 150)
    whole = rate(data).reliability
    monkeypatch.setattr(resampling, "MOST_NUMBERS", 3 * 42**2)
    assert rate(data).reliability == whole


def test_the_memory_of_a_rating_is_bounded():
    """1,500 traits take six squares of traits by traits and a few blocks, not one per split."""
    data = design(1500, 6000)
    tracemalloc.start()
    try:
        profile = rate(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    squares = budget.SQUARES_OF_A_RATING * budget.NUMBER * 1500**2  # 108 MB
    blocks = 12 * 64 * budget.NUMBER * 6000  # refits side by side: 37 MB
    assert peak < squares + blocks
    assert profile.reliability is not None
    assert any("Bonferroni" in caveat for caveat in profile.caveats)


def test_what_does_not_fit_is_left_out_and_said(small_memory):
    """Variances alone, the intervals as before, and a line that says so."""
    data = design(60, 900)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(budget, "MEMORY", 1_500_000_000)
        whole = rate(data)
    thin = rate(data)
    assert thin.covariance.shape == (60,)
    np.testing.assert_allclose(thin.variances, np.diag(whole.covariance), atol=1e-12)
    np.testing.assert_allclose(thin.low, whole.low, atol=1e-12)
    assert thin.caveats[-2:] == covariance.SIZE_CAVEATS
    assert not set(covariance.SIZE_CAVEATS) & set(whole.caveats)
    assert (thin.rank_low <= thin.ranks).all()
    assert (thin.ranks <= thin.rank_high).all()


def test_with_less_memory_still_errors_are_drawn(monkeypatch):
    """Where not even one inverse fits, standard errors come from draws, and that is said."""
    data = design(MANY, 3000, n_prompts=300)
    whole = rate(data, splits=0)
    monkeypatch.setattr(intervals, "correlations_fit", lambda *_: False)
    monkeypatch.setattr(intervals, "inverse_fits", lambda *_: False)
    monkeypatch.setattr(spread, "correlations_fit", lambda *_: False)
    drawn = rate(data, splits=0)
    assert any("random draws" in caveat for caveat in drawn.caveats)
    assert any("resampled" in caveat for caveat in drawn.caveats)
    ratio = (drawn.high - drawn.low).mean() / (whole.high - whole.low).mean()
    assert ratio == pytest.approx(1, abs=0.15)


def test_several_profiles_share_the_memory(monkeypatch):
    """One profile may keep its correlations where ten may not; each then says so."""
    monkeypatch.setattr(budget, "MEMORY", 12 * budget.NUMBER * 60**2)
    several = [design(60, 900, seed=i, model=f"m{i}") for i in range(10)]
    assert rate(several[0]).covariance.ndim == 2
    rated = rate_all(several, splits=0)
    assert all(p.covariance.ndim == 1 for p in rated)
    assert all(p.caveats.count(covariance.UNCORRELATED) == 1 for p in rated)


@pytest.mark.parametrize("make", [rate, rate_elo])
def test_every_method_says_what_is_coarser_for_many_traits(monkeypatch, make):
    """Whether for the traits' number alone, or for want of memory; and no more after restricting.

    Restricted to 30 traits, the simulated rank ranges are back; lost correlations are not.
    """
    data = design(60, 900)
    assert not set(covariance.SIZE_CAVEATS) & set(make(data).caveats)
    monkeypatch.setattr(covariance, "SIMULATED_RANKS", 50)
    many = make(data)
    assert covariance.BOUNDED in many.caveats
    assert covariance.UNCORRELATED not in many.caveats
    assert not set(covariance.SIZE_CAVEATS) & set(many.restrict(many.traits[:30]).caveats)
    monkeypatch.setattr(budget, "MEMORY", 8 * budget.NUMBER * 60**2)
    assert set(covariance.SIZE_CAVEATS) <= set(make(data).caveats)


def test_win_counts_say_what_is_coarser_and_where_they_end(monkeypatch):
    """Counts of 12 traits with as little room as thousands have; then with less still."""
    wins = np.arange(12.0)
    traits = [f"t{i}" for i in range(12)]
    monkeypatch.setattr(covariance, "SIMULATED_RANKS", 11)
    assert covariance.BOUNDED in rate_counts(traits, wins, total=66).caveats
    monkeypatch.setattr(budget, "MEMORY", 2000)
    with pytest.raises(InputError, match=r"the 66 pairs of a round robin do not\s+fit in memory"):
        rate_counts(traits, wins, total=66)


def test_length_slopes_of_too_many_traits_are_refused_with_the_reason(monkeypatch):
    """A slope per trait is a column per trait: the error names both sizes."""
    data = replace(design(20, 300), length=np.arange(1, 301))
    assert len(length_slopes(data).slope) == 20
    monkeypatch.setattr(budget, "MEMORY", 10_000)
    with pytest.raises(InputError, match="slopes of 20 traits on the lengths of 300 replies"):
        length_slopes(data)


def test_sparse_profile_likelihoods_are_the_dense_ones(dense):
    """Lopsided, of traits that seldom win or lose: to 1e-6, where the search for ends stops."""
    data = design(320, 6500)
    one, other = rate(data, splits=0), dense(data, splits=0)
    assert rate_fit(data).pairs.many_items
    assert "; profile likelihood for" in one.interval_method
    assert one.interval_method == other.interval_method
    lopsided = np.abs(one.high + one.low - 2 * one.strengths) > 1e-3
    assert lopsided.any()
    for name in ("low", "high"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=0, atol=1e-6)


# -- what does not converge -----------------------------------------------------------------------


def stop_at_once(multiply, wanted, *_, **__):
    """Conjugate gradients that take no step."""
    return Solution(np.zeros_like(wanted), np.zeros(wanted.shape[1], dtype=bool))


def test_conjugate_gradients_say_which_columns_they_did_not_solve():
    """One step solves a multiple of the identity; three eigenvalues take three."""
    matrix = np.diag([1.0, 2.0, 5.0])
    wanted = np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 1.0]])  # the first is an eigenvector
    solved = conjugate_gradients(lambda v: matrix @ v, wanted, np.ones((3, 1)), max_iter=1)
    assert solved.converged.tolist() == [True, False]


def test_a_direction_without_curvature_is_not_called_solved():
    """The matrix is not positive along (1, -1)."""
    matrix = np.array([[1.0, 1.0], [1.0, 1.0]])
    solved = conjugate_gradients(lambda v: matrix @ v, np.array([[1.0], [-1.0]]), np.ones((2, 1)))
    assert not solved.converged.any()


def test_where_conjugate_gradients_fail_a_factorisation_gives_the_same(monkeypatch):
    """Strengths, intervals and reliability, with gradients that never take a step."""
    data = design(MANY, 2000)
    whole = rate(data, splits=2)
    monkeypatch.setattr(solving, "conjugate_gradients", stop_at_once)
    monkeypatch.setattr(resampling, "conjugate_gradients", stop_at_once)
    other = rate(data, splits=2)
    np.testing.assert_allclose(other.strengths, whole.strengths, rtol=0, atol=1e-9)
    np.testing.assert_allclose(other.low, whole.low, rtol=0, atol=1e-9)
    assert other.reliability == pytest.approx(whole.reliability, abs=1e-4)
    assert other.caveats == whole.caveats


def test_a_fit_that_does_not_converge_says_so(monkeypatch):
    """Without room for a factorisation either: ratings, slopes and shifts carry the caveat."""
    sides = [replace(design(MANY, 2000, model=m), length=np.arange(1, 2001)) for m in ("a", "b")]
    monkeypatch.setattr(solving, "conjugate_gradients", stop_at_once)
    monkeypatch.setattr(solving, "inverse_fits", lambda *_: False)
    profiles = [rate(side, splits=0, position=False) for side in sides]
    assert all(any(c.startswith(models.NOT_CONVERGED) for c in p.caveats) for p in profiles)
    moved = shift.shift(*profiles)
    assert [c.split(":")[0] for c in moved.caveats if models.NOT_CONVERGED in c] == ["a", "b"]
    assert any(models.NOT_CONVERGED in c for c in length_slopes(sides[0]).caveats)


def test_refits_that_do_not_converge_leave_no_reliability(monkeypatch):
    """The rating stands; a line says why there is no split-half reliability."""
    data = design(MANY, 2000)
    monkeypatch.setattr(resampling, "conjugate_gradients", stop_at_once)
    monkeypatch.setattr(resampling, "_factorised_step", lambda *_: 1.0)  # never gets nearer
    profile = rate(data, splits=2)
    assert profile.reliability is None
    assert any("No split-half reliability: refits" in c for c in profile.caveats)
    with pytest.raises(NotConverged, match="use a larger ridge"):
        rate(data, splits=0, interval="bootstrap", resamples=2)


def test_a_profile_likelihood_that_is_not_found_gives_way_to_the_fisher_information(monkeypatch):
    """The interval is then symmetric, and its description counts such traits."""
    data = design(20, 120)
    whole = rate(data, splits=0)
    assert "profile likelihood for" in whole.interval_method

    def lost(*_, **__):
        raise NotConverged("lost")

    monkeypatch.setattr(intervals, "likelihood_intervals", lost)
    plain = rate(data, splits=0)
    assert "Fisher information for" in plain.interval_method.split("profile likelihood")[1]
    np.testing.assert_allclose(plain.high - plain.strengths, plain.strengths - plain.low)


# -- analyses -------------------------------------------------------------------------------------


def test_an_analysis_that_is_too_large_says_what_it_leaves_out(monkeypatch):
    """First fewer draws, then none: what has no intervals is not worked out."""
    profiles = rate_all(
        [design(60, 900, seed=i, model=f"m{i}") for i in range(4)], splits=0
    ).profiles
    whole = analyse(profiles, n_draws=200)
    one_draw = budget.ARRAYS_OF_DRAWS * budget.NUMBER * 4 * 60
    monkeypatch.setattr(budget, "MEMORY", 150 * one_draw)
    fewer = analyse(profiles, n_draws=200)
    assert fewer.n_draws == 150
    assert any("from 150 draws, not 200" in caveat for caveat in fewer.caveats)
    np.testing.assert_array_equal(fewer.similarity.spearman.value, whole.similarity.spearman.value)
    monkeypatch.setattr(budget, "MEMORY", 50 * one_draw)
    none = analyse(profiles, n_draws=200)
    assert (none.similarity, none.convergence, none.components) == (None, None, None)
    assert [name for name, _ in none.not_run] == list(DRAWN)
    assert none.distributions[0].sd == whole.distributions[0].sd
    np.testing.assert_array_equal(none.deviations.logits, whole.deviations.logits)


@pytest.mark.parametrize("room", [True, False])
@pytest.mark.parametrize(
    ("n", "missing"),
    [
        (1, {"similarity": 2, "convergence": 2, "components": 3, "clusters": 2, "deviations": 2}),
        (2, {"components": 3}),
    ],
)
def test_parts_of_few_models_are_listed_once_with_the_reason(monkeypatch, n, missing, room):
    """Too few models is the reason that is given, where memory is lacking, too."""
    profiles = [rate(design(60, 900, seed=i, model=f"m{i}"), splits=0) for i in range(n)]
    if not room:
        monkeypatch.setattr(budget, "MEMORY", 50 * budget.ARRAYS_OF_DRAWS * budget.NUMBER * n * 60)
    found = analyse(profiles, n_draws=200)
    names = [name for name, _ in found.not_run]
    assert len(names) == len(set(names))
    few = {name: reason for name, reason in found.not_run if "it needs" in reason}
    models_of = f"{n} model{'s' if n > 1 else ''}"
    assert few == {name: f"{models_of}; it needs {least}" for name, least in missing.items()}
    others = set(DRAWN) - set(few) if not room else set()
    assert others == {name for name, reason in found.not_run if "do not fit in memory" in reason}
    for part in set(names) & {"similarity", "convergence", "components", "clusters", "deviations"}:
        assert getattr(found, part) is None


def test_groups_of_too_many_traits_are_not_looked_for():
    """601 traits: the reason stands in the clusters and in the caveats."""
    profiles = rate_all(
        [design(601, 2400, seed=i, model=f"m{i}") for i in range(3)], splits=0
    ).profiles
    found = analyse(profiles, n_draws=20)
    assert "at most 600" in found.clusters.ward.not_run
    assert any("Groups of traits were not sought" in caveat for caveat in found.caveats)


def test_rank_ranges_by_the_bound_hold_those_by_simulation(monkeypatch):
    """Bonferroni's quantile is the larger, so its ranges are at least as wide."""
    profile = rate(design(80, 4000))
    simulated = covariance.rank_ranges(profile.strengths, profile.covariance)
    monkeypatch.setattr(covariance, "SIMULATED_RANKS", 10)
    monkeypatch.setattr(covariance, "MOST_NUMBERS", 7 * 80)
    low, high = covariance.rank_ranges(profile.strengths, profile.covariance)
    assert (low <= simulated[0]).all()
    assert (high >= simulated[1]).all()
    assert (high - low).mean() < 1.2 * (simulated[1] - simulated[0]).mean()


def test_elo_orders_in_blocks_are_the_same(monkeypatch):
    """Ratings, their spread over orders and their intervals do not depend on the blocks."""
    data = design(10, 300, n_prompts=40)
    whole = rate_elo(data)
    monkeypatch.setattr(resampling, "MOST_NUMBERS", 300)
    parts = rate_elo(data)
    np.testing.assert_array_equal(parts.strengths, whole.strengths)
    assert parts.order_spread == pytest.approx(whole.order_spread, rel=1e-12)


def test_a_stretch_of_variances_is_that_of_a_diagonal_covariance():
    """The two forms of `stretched` and of `against_their_mean` agree on independent errors."""
    rng = np.random.default_rng(4)
    strengths, variance = rng.normal(size=12), rng.random(12)
    keep = np.array([0, 3, 4, 9])
    one = spread.stretched(np.diag(variance), strengths, 1.3, 0.7)
    np.testing.assert_allclose(spread.stretched(variance, strengths, 1.3, 0.7), np.diag(one))
    two = spread.against_their_mean(np.diag(variance), keep)
    np.testing.assert_allclose(spread.against_their_mean(variance, keep), np.diag(two))
    everything = np.arange(12)[::-1]  # against the mean they are already measured from
    np.testing.assert_array_equal(
        spread.against_their_mean(variance, everything), variance[everything]
    )


def test_a_root_by_cholesky_gives_the_covariance(monkeypatch):
    """Of a singular covariance, as those of centred strengths are."""
    whole = rate(design(40, 900)).covariance
    monkeypatch.setattr(spread, "EIGENVECTORS", 10)
    root = spread.covariance_root(whole)
    np.testing.assert_allclose(root @ root.T, whole, atol=1e-8)


def test_a_shift_that_is_too_large_takes_the_sides_as_independent(monkeypatch):
    """What shared prompts do is left out, and that is said."""
    two = [design(20, 900, seed=i, n_prompts=50, model=f"m{i}") for i in range(2)]
    assert shift.shift(*two).paired == "prompts"
    monkeypatch.setattr(sides, "influences_fit", lambda *_: False)
    moved = shift.shift(*two)
    assert moved.paired == ""
    assert any("too much memory" in caveat for caveat in moved.caveats)


def test_a_long_rating_says_what_it_is_busy_with():
    """Phases are told in order, with the model before them where there are several."""
    said = []
    with listening(said.append):
        rate_all([design(20, 300, model="one"), design(20, 300, model="two")])
    assert said[0] == "one, 1 of 2: strengths"
    assert any(phase.startswith("two, 2 of 2: split-half reliability") for phase in said)
    rate(design(20, 300))
    assert not any(phase.startswith("strengths") for phase in said)


def test_a_sparse_solution_keeps_its_shape():
    """One column given flat comes back flat."""
    from scipy.sparse import csr_array

    matrix = csr_array(np.array([[2.0, -1.0], [-1.0, 3.0]]))
    # 2x - y = 1, 3y - x = 2: x = 1, y = 1.
    np.testing.assert_allclose(solve_sparse(matrix, np.array([1.0, 2.0])), [1.0, 1.0])
