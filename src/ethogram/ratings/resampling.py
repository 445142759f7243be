"""Refits on resampled comparisons: the bootstrap of prompts, split halves.

All resamples are fitted at once. Knows nothing of models, judges or files; every random draw comes
from a seed given as an argument.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, diags_array, eye_array

from ethogram.errors import NotConverged
from ethogram.ratings.budget import MOST_NUMBERS
from ethogram.ratings.comparisons import BoolArray, FloatArray, IntArray
from ethogram.ratings.covariance import design_matrix, outer_products
from ethogram.ratings.models import Fit, expect, expected_wins
from ethogram.ratings.pairs import PairCounts, kinds, take
from ethogram.ratings.phases import say_phase
from ethogram.ratings.solving import conjugate_gradients, solve_sparse

_AT_ONCE = 64  # resamples in one block: its arrays stay in the processor's cache
_NUMBERS_AT_ONCE = 4_000_000  # in one array of a block: bounds the memory
_EXACT_BELOW = 32  # parameters up to which an exact Newton step is the cheaper one
_RESCALED = 3  # first steps at which the diagonal is taken anew
_PATIENCE = 30  # approximate steps before the exact ones take over


@dataclass(frozen=True)
class _Pool:
    """What all resamples share: the design, and what each cluster adds to it."""

    pairs: PairCounts
    design: csr_array  # (m, P)
    members: csr_array  # (m, G): comparisons of each kind in each cluster
    won: csr_array  # (P, G): each cluster's wins, gathered into the parameters


def _pool(rows: PairCounts, cluster: IntArray) -> _Pool:
    kind, n_kinds, example = kinds(rows)
    pairs = take(rows, example)
    n_clusters = int(cluster.max()) + 1
    members = csr_array((rows.count, (kind, cluster)), shape=(n_kinds, n_clusters))
    wins = csr_array((rows.wins, (kind, cluster)), shape=(n_kinds, n_clusters))
    design = design_matrix(pairs)
    return _Pool(pairs, design, members, csr_array(design.T @ wins))


def _blocks(n: int, *lengths: int) -> list[int]:
    """Sizes of the blocks in which to do n refits whose arrays have these lengths."""
    size = min(_AT_ONCE, max(1, _NUMBERS_AT_ONCE // max(lengths)))
    return [min(size, n - start) for start in range(0, n, size)]


def bootstrap(
    rows: PairCounts, fit: Fit, cluster: IntArray, *, resamples: int = 1000, seed: int = 0
) -> FloatArray:
    """Parameters refitted on resampled clusters (prompts), drawn with replacement.

    Parameters
    ----------
    rows : PairCounts
        One row per comparison, from `pair_rows`.
    fit : Fit
        The fit to all of them; nu (Davidson) is kept.
    cluster : int array, shape (n,)
        Codes from 0; comparisons of one cluster are drawn together.
    resamples : int

    Returns
    -------
    float array, shape (resamples, K + c)
    """
    pool = _pool(rows, cluster)
    n_clusters = pool.members.shape[1]
    rng = np.random.default_rng(seed)
    refits: list[FloatArray] = []
    for size in _blocks(resamples, *pool.members.shape, rows.n_items):
        say_phase(f"bootstrap, {sum(len(some) for some in refits):,} of {resamples:,}")
        drawn = rng.integers(0, n_clusters, (size, n_clusters))
        drawn += np.arange(size)[:, None] * n_clusters
        times = np.bincount(drawn.ravel(), minlength=size * n_clusters)
        refits.append(_refit(pool, fit, times.reshape(size, n_clusters)))
    return np.concatenate(refits)


def split_half(
    rows: PairCounts, fit: Fit, cluster: IntArray, *, splits: int = 50, seed: int = 0
) -> float | None:
    """Reliability of the strengths: how two halves of the prompts agree, stepped up to the whole.

    The mean Pearson correlation r between halves over `splits` random splits, then 2r / (1 + r).

    Returns
    -------
    float or None
        None where a trait was in fewer than two clusters, so that no half can rate it.

    References
    ----------
    Spearman (1910), Brown (1910), British Journal of Psychology 3.
    """
    n_clusters = int(cluster.max()) + 1
    if _clusters_by_item(rows, cluster, n_clusters).min() < 2 or rows.n_items < 3:
        return None
    rng = np.random.default_rng(seed)
    pool, k = _pool(rows, cluster), rows.n_items
    agreements: list[FloatArray] = []
    for size in _blocks(splits, *pool.members.shape, k):
        done = sum(len(some) for some in agreements)
        say_phase(f"split-half reliability, {done:,} of {splits:,}")
        half = np.tile(np.arange(n_clusters) < n_clusters // 2, (size, 1))
        half = rng.permuted(half, axis=1)
        agreements.append(_correlate(*(_refit(pool, fit, h)[:, :k] for h in (half, ~half))))
    agreement = float(np.concatenate(agreements).mean())
    return max(-1.0, 2 * agreement / max(1 + agreement, 1e-9))


def _correlate(one: FloatArray, other: FloatArray) -> FloatArray:
    """Pearson correlation of each row of one with the same row of the other."""
    one, other = (part - part.mean(axis=1, keepdims=True) for part in (one, other))
    spread = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    return np.asarray((one * other).sum(axis=1) / np.maximum(spread, 1e-300), dtype=np.float64)


def _clusters_by_item(rows: PairCounts, cluster: IntArray, n_clusters: int) -> IntArray:
    """In how many clusters each item was compared."""
    item = np.concatenate([rows.first, rows.second])
    met = np.unique(item * n_clusters + np.tile(cluster, 2))
    return np.bincount(met // n_clusters, minlength=rows.n_items)


def _refit(pool: _Pool, fit: Fit, weights: IntArray | BoolArray) -> FloatArray:
    """Parameters for each row of cluster weights, shape (b, K + c)."""
    times = np.ascontiguousarray(weights.T, dtype=np.float64)
    return _climb(pool.pairs, pool.design, fit, pool.members @ times, pool.won @ times)


def _climb(
    pairs: PairCounts,
    design: csr_array,
    fit: Fit,
    counts: FloatArray,
    won: FloatArray,
    *,
    tol: float = 4e-5,
    max_iter: int = 100,
) -> FloatArray:
    """Refit for many counts (m, b) and gathered wins (P, b) at once, from the full fit.

    The full fit's inverse curvature, rescaled by each resample's own diagonal, stands in for the
    resample's: a step then costs K^2 and not K^3, and steps shrink about fivefold, so the last
    one, of 4e-5 logits, leaves an error of 1e-5.
    """
    p, k = len(fit.parameters), pairs.n_items
    if pairs.many_items:
        return _climb_sparse(pairs, design, fit, counts, won, tol=tol, max_iter=max_iter)
    design_t, squared_t = design.T.tocsr(), design.power(2).T.tocsr()
    products_t = outer_products(design).T.tocsr() if p <= _EXACT_BELOW else None
    scale, full = np.sqrt(np.diag(fit.hessian))[:, None], fit.inverse
    theta = np.repeat(fit.parameters[:, None], won.shape[1], axis=1)
    for iteration in range(max_iter):
        exact = p <= _EXACT_BELOW or iteration >= _PATIENCE
        if exact or iteration < _RESCALED:
            expected, slope, _ = expect(design @ theta, fit.tie)
            slope *= counts
        else:
            expected = expected_wins(design @ theta, fit.tie)
        expected *= counts
        gradient = won - design_t @ expected - fit.ridge * theta
        if exact:
            products_t = outer_products(design).T.tocsr() if products_t is None else products_t
            step = _exact_step(products_t, slope, gradient, fit.ridge, k)
        else:
            if iteration < _RESCALED:
                ratio = scale / np.sqrt(squared_t @ slope + fit.ridge)
            step = ratio * (full @ (ratio * gradient))
        step[:k] -= step[:k].mean(axis=0)  # no comparison fixes the common shift
        step /= np.maximum(1, np.abs(step).max(axis=0))
        theta += step
        if np.abs(step).max() < tol:
            return theta.T
    raise _not_converged(max_iter)


def _not_converged(steps: int) -> NotConverged:
    return NotConverged(
        f"refits to resampled prompts did not converge in {steps} steps; use a larger ridge"
    )


def _climb_sparse(
    pairs: PairCounts,
    design: csr_array,
    fit: Fit,
    counts: FloatArray,
    won: FloatArray,
    *,
    tol: float,
    max_iter: int,
) -> FloatArray:
    """As `_climb`, for many traits: Newton's steps, each solved to a tenth.

    No matrix of traits by traits, of which each resample would need one of its own.

    References
    ----------
    Dembo, Eisenstat & Steihaug (1982), SIAM Journal on Numerical Analysis 19(2).
    """
    k, design_t, squared_t = pairs.n_items, design.T.tocsr(), design.power(2).T.tocsr()
    theta = np.repeat(fit.parameters[:, None], won.shape[1], axis=1)
    for _ in range(max_iter):
        expected, slope, _ = expect(design @ theta, fit.tie)
        slope = slope * counts
        gradient = won - design_t @ (expected * counts) - fit.ridge * theta

        def curve(v: FloatArray, slope: FloatArray = slope) -> FloatArray:
            return np.asarray(design_t @ (slope * (design @ v)) + fit.ridge * v)

        diagonal = squared_t @ slope + fit.ridge
        step, solved = conjugate_gradients(curve, gradient, diagonal, tol=0.1)
        if not solved.all():  # a short step is then no sign of being near
            step[:, ~solved] = _factorised_step(
                design, slope[:, ~solved], gradient[:, ~solved], fit
            )
        step[:k] -= step[:k].mean(axis=0)
        step /= np.maximum(1, np.abs(step).max(axis=0))
        theta += step
        if np.abs(step).max() < tol:
            return theta.T
    raise _not_converged(max_iter)


def _factorised_step(
    design: csr_array, slope: FloatArray, gradient: FloatArray, fit: Fit
) -> FloatArray:
    """Newton's step of each resample, solved by itself; a factorisation is its last resort."""
    step, prior = np.empty_like(gradient), fit.ridge * eye_array(len(gradient))
    for i in range(gradient.shape[1]):
        hessian = csr_array(design.T @ (diags_array(slope[:, i]) @ design) + prior)
        step[:, i] = solve_sparse(hessian, gradient[:, i], tol=1e-6)
    return step


def _exact_step(
    products: csr_array, slope: FloatArray, gradient: FloatArray, ridge: float, k: int
) -> FloatArray:
    """Newton's step of each resample; `products` (P * P, m) times its slopes is its curvature."""
    p, step = len(gradient), np.empty_like(gradient)
    at_once = max(1, MOST_NUMBERS // p**2)
    for start in range(0, gradient.shape[1], at_once):
        some = slice(start, start + at_once)
        hessian = (products @ slope[:, some]).T.reshape(-1, p, p).copy()
        hessian[:, np.arange(p), np.arange(p)] += ridge
        hessian[:, :k, :k] += hessian[:, :1, :1] / k
        step[:, some] = np.linalg.solve(hessian, gradient.T[some, :, None])[:, :, 0].T
    return step


def in_blocks(
    draw: Callable[..., IntArray],
    fit: Callable[..., FloatArray],
    n_orders: int,
    length: int,
    seed: int,
) -> FloatArray:
    """Draw orders of so many rows and fit them, as many at once as fit the memory."""
    rng, fitted = np.random.default_rng(seed), []
    at_once = max(1, 4 * MOST_NUMBERS // max(length, 1))
    for start in range(0, max(n_orders, 1), at_once):
        say_phase(f"other orders, {start:,} of {n_orders:,}")
        fitted.append(fit(orders=draw(min(at_once, n_orders - start), seed=rng)))
    return np.concatenate(fitted)


def resample_rows(
    cluster: IntArray, resamples: int, *, seed: int | np.random.Generator
) -> IntArray:
    """Row numbers of resampled clusters in random order, shape (resamples, longest).

    Resamples differ in length where clusters differ in size; -1 fills the shorter ones up.
    """
    rng = np.random.default_rng(seed)
    n, n_clusters = len(cluster), int(cluster.max()) + 1
    if n_clusters == n:
        return np.argsort(cluster)[rng.integers(0, n, (resamples, n))]
    order = np.argsort(cluster, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(cluster))[:-1])
    drawn = [
        rng.permutation(
            np.concatenate([members[g] for g in rng.integers(0, n_clusters, n_clusters)])
        )
        for _ in range(resamples)
    ]
    longest = max(len(rows) for rows in drawn)
    return np.array([np.pad(rows, (0, longest - len(rows)), constant_values=-1) for rows in drawn])
