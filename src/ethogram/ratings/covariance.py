"""How sure the strengths are: covariances, intervals, rank ranges.

Works on `ethogram.ratings.models` alone; knows nothing of models, judges or files. Every random
draw comes from a seed given as an argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array, hstack

from ethogram.errors import NotConverged
from ethogram.ratings.budget import MOST_NUMBERS, SIMULATED_RANKS
from ethogram.ratings.comparisons import FloatArray, IntArray
from ethogram.ratings.models import Fit, expect, log_likelihood
from ethogram.ratings.pairs import PairCounts, incidence, kinds, take, tally
from ethogram.ratings.phases import say_phase
from ethogram.ratings.quantiles import LEVEL, normal_quantile
from ethogram.ratings.solving import solve_sparse
from ethogram.ratings.spread import covariance_root, variances

UNCORRELATED = (
    "Correlations between the errors of traits take too much memory and are not kept: where "
    "several traits are taken together, their errors count as independent."
)
BOUNDED = (
    "Joint rank ranges use Bonferroni's bound, slightly wider than the simulated ones of profiles "
    "with fewer traits."
)
SIZE_CAVEATS = (UNCORRELATED, BOUNDED)
"""What is said of a profile of many traits; `size_caveats` says which."""

_ROWS_AT_ONCE = 20_000  # of a jackknife, and
_NUMBERS_AT_ONCE = 2_000_000  # of curvatures in one block: bounds the memory
_PRECISION = 1e-6  # of an interval's end, in logits


def centred(covariance: FloatArray, k: int) -> FloatArray:
    """Covariance after the first k parameters (the strengths) are shifted to mean zero."""
    moved = covariance.copy()
    moved[:k] -= moved[:k].mean(axis=0)
    moved[:, :k] -= moved[:, :k].mean(axis=1, keepdims=True)
    return moved


def fisher_covariance(fit: Fit) -> FloatArray:
    """Covariance if the model holds and comparisons are independent, shape (K + c, K + c)."""
    return centred(fit.inverse, len(fit.strengths))


def fisher_variances(fit: Fit) -> FloatArray:
    """Diagonal of `fisher_covariance`, without a second matrix of that size."""
    k, bread = len(fit.strengths), fit.inverse
    variance = np.diag(bread).copy()
    mean = np.mean(bread[:k, :k], axis=0)
    variance[:k] += mean.mean() - 2 * mean
    return variance


def drawn_variances(pairs: PairCounts, fit: Fit, *, draws: int = 400, seed: int = 0) -> FloatArray:
    """As `fisher_variances`, from random draws, where not even one such matrix fits.

    Draws H^-1 (X' sqrt(W) e + sqrt(ridge) f), with e and f standard normal, have the inverse of
    H = X'WX + ridge as their covariance. A standard error from n draws has itself a relative
    standard error of 1 / sqrt(2 n): of 400, 3.5%. So 95 of 100 are within 7%, and the worst of
    thousands is some 14% off.
    """
    _, slope, _ = expect(pairs.differences(fit.strengths, fit.effects), fit.tie)
    k, p, m = len(fit.strengths), len(fit.parameters), len(pairs.first)
    rng, turned = np.random.default_rng(seed), design_matrix(pairs).T.tocsr()
    weight, total = np.sqrt(pairs.count * slope)[:, None], np.zeros(p)
    block = max(1, min(draws, MOST_NUMBERS // max(m, p)))
    for start in range(0, draws, block):
        size = min(block, draws - start)
        score = turned @ (weight * rng.standard_normal((m, size)))
        score += np.sqrt(fit.ridge) * rng.standard_normal((p, size))
        moved = solve_sparse(fit.hessian, score, tol=1e-6)
        moved[:k] -= moved[:k].mean(axis=0)
        total += (moved**2).sum(axis=1)
    return np.asarray(total / draws)


def gap_deviations(covariance: FloatArray) -> FloatArray:
    """Standard error of every difference of two strengths, shape (K, K)."""
    variance = np.diag(covariance)
    squared = variance[:, None] + variance[None, :] - 2 * covariance
    return np.sqrt(np.maximum(squared, 0))


def rank_ranges(
    strengths: FloatArray,
    covariance: FloatArray,
    *,
    level: float = LEVEL,
    draws: int = 1000,
    seed: int = 0,
) -> tuple[IntArray, IntArray]:
    """Ranks that all traits hold at once with probability `level`.

    A trait's best rank is one more than the number of traits that are surely above it. "Surely"
    means that the two differ by more than c standard errors, where c is the `level` quantile of
    the largest of all studentised differences (Tukey's, for correlated strengths, by simulation).
    Of more than `SIMULATED_RANKS` traits, and of variances alone, c is Bonferroni's bound, which
    is a little larger.

    Parameters
    ----------
    strengths : float array, shape (K,)
    covariance : float array, shape (K, K), or (K,)
        Variances alone are taken as those of independent strengths.

    Returns
    -------
    low, high : int array, shape (K,)
        1 is the strongest trait.

    References
    ----------
    Al Mohamad, Goeman & van Zwet (2022), Biometrics 78(1); Mogstad et al. (2024), Review of
    Economic Studies 91(1).
    """
    k = len(strengths)
    if _too_many_to_simulate(covariance):
        return _bounded_ranks(strengths, covariance, normal_quantile(1 - (1 - level) / pairs_of(k)))
    deviation = gap_deviations(covariance)
    margin = _largest_gap(covariance, deviation, level=level, draws=draws, seed=seed) * deviation
    above = strengths[None, :] - strengths[:, None] > margin
    np.fill_diagonal(above, val=False)
    return 1 + above.sum(axis=1), k - above.sum(axis=0)


def _too_many_to_simulate(covariance: FloatArray) -> bool:
    return covariance.ndim == 1 or len(covariance) > SIMULATED_RANKS


def size_caveats(covariance: FloatArray) -> tuple[str, ...]:
    """What is coarser than usual in a profile with this covariance, for its many traits."""
    true = (covariance.ndim == 1, _too_many_to_simulate(covariance))
    return tuple(compress(SIZE_CAVEATS, true))


def pairs_of(k: int) -> int:
    """How many pairs k traits have; at least 1."""
    return max(1, k * (k - 1) // 2)


def _bounded_ranks(
    strengths: FloatArray, covariance: FloatArray, quantile: float
) -> tuple[IntArray, IntArray]:
    """Rank ranges with this quantile for every difference, a block of traits at a time."""
    k, variance = len(strengths), variances(covariance)
    low, high = np.ones(k, dtype=np.int64), np.full(k, k)
    rows = max(1, MOST_NUMBERS // (2 * k))
    for start in range(0, k, rows):
        some = slice(start, start + rows)
        squared = variance[some, None] + variance
        if covariance.ndim > 1:
            squared -= 2 * covariance[some]
        margin = quantile * np.sqrt(np.maximum(squared, 0))
        gap = strengths - strengths[some, None]
        low[some] += (gap > margin).sum(axis=1)
        high[some] -= (-gap > margin).sum(axis=1)
    return low, high


def _largest_gap(
    covariance: FloatArray, deviation: FloatArray, *, level: float, draws: int, seed: int
) -> float:
    """Quantile of the largest studentised difference of strengths with this covariance."""
    spread = covariance_root(covariance).astype(np.float32)
    rng = np.random.default_rng(seed)
    shape = (len(covariance), draws)
    noise = spread @ rng.standard_normal(shape, dtype=np.float32)
    weight = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    largest = np.zeros(draws, dtype=np.float32)
    for i in range(1, len(covariance)):
        studentised = np.abs(noise[:i] - noise[i]) * weight[i, :i, None].astype(np.float32)
        np.maximum(largest, studentised.max(axis=0), out=largest)
    return float(np.quantile(largest, level))


@dataclass(frozen=True)
class Jackknife:
    """What leaving out each cluster (prompt) once tells.

    Attributes
    ----------
    covariance : float array, shape (K + c, K + c), or (K + c,)
    effective : float array, shape (K + c,)
        Effective number of clusters behind each parameter; a t quantile wants it less one.
    influence : float array, shape (G, K + c), or None
        How each parameter moves when the cluster is left out.
    """

    covariance: FloatArray
    effective: FloatArray
    influence: FloatArray | None


def jackknife(
    rows: PairCounts,
    fit: Fit,
    cluster: IntArray,
    *,
    keep_influence: bool = False,
    correlations: bool = True,
) -> Jackknife:
    """Robust covariance clustered by prompt: leave out each cluster, take one Newton step.

    With r = wins - count * p, W = diag(count * slope) and H the curvature, leaving out the rows
    X of a cluster moves the parameters by

        -(H - X'WX)^-1 X'r = -H^-1 X' (I - W X H^-1 X')^-1 r.

    Clusters of the same size are done together. The effective number of clusters is
    (sum v)^2 / sum v^2, with v the cluster's share of the parameter's variance under the model.

    Parameters
    ----------
    rows : PairCounts
        One row per comparison, from `pair_rows`.
    fit : Fit
    cluster : int array, shape (n,)
        Codes from 0.
    keep_influence : bool
        Return `influence`, too (G times K + c numbers).
    correlations : bool
        Else the variances alone.

    References
    ----------
    Bell & McCaffrey (2002), Survey Methodology 28(2) (CR3); Carter, Schnepel & Steigerwald (2017),
    Review of Economics and Statistics 99(4) (effective clusters).
    """
    p, slope, _ = expect(rows.differences(fit.strengths, fit.effects), fit.tie)
    residual, weight = rows.wins - rows.count * p, rows.count * slope
    design, bread = design_matrix(rows), fit.inverse
    width, n_clusters = len(bread), int(cluster.max()) + 1
    order = np.argsort(cluster, kind="stable")
    sizes = np.bincount(cluster, minlength=n_clusters)
    starts = np.cumsum(sizes) - sizes
    covariance = np.zeros((width, width) if correlations else width)
    shares, squares = np.zeros(width), np.zeros(width)
    influence = np.zeros((n_clusters, width)) if keep_influence else None
    at_once, done = min(_ROWS_AT_ONCE, MOST_NUMBERS // width), 0
    for size in np.unique(sizes[sizes > 0]):
        same = np.flatnonzero(sizes == size)
        n_blocks = 1 + len(same) * int(size) // at_once
        for block in np.array_split(same, min(n_blocks, len(same))):
            say_phase(f"leaving out each prompt, {done:,} of {n_clusters:,}")
            chosen = order[starts[block][:, None] + np.arange(size)]
            if size > at_once:
                moved, share = _leave_out_one(rows, fit, residual, weight, chosen[0])
            else:
                moved, share = _leave_out(design, bread, residual, weight, chosen)
            covariance += moved.T @ moved if correlations else (moved**2).sum(axis=0)
            shares += share.sum(axis=0)
            squares += (share**2).sum(axis=0)
            if influence is not None:
                influence[block] = moved
            done += len(block)
    covariance *= (n_clusters - 1) / n_clusters
    return Jackknife(covariance, shares**2 / np.maximum(squares, 1e-300), influence)


def _leave_out(
    design: csr_array, bread: FloatArray, residual: FloatArray, weight: FloatArray, rows: IntArray
) -> tuple[FloatArray, FloatArray]:
    """How leaving out each cluster moves the parameters, and its share of their variance.

    `rows` holds the row numbers of clusters of one size, shape (g, size).
    """
    g, size = rows.shape
    x = design[rows.ravel()]
    reach = (x @ bread).reshape(g, size, -1)
    w, r = weight[rows], residual[rows]
    share = (w[:, :, None] * reach**2).sum(axis=1)
    if size == 1:
        leverage = w[:, 0] * np.asarray(x.multiply(reach[:, 0]).sum(axis=1)) if g else w[:, 0]
        return -reach[:, 0] * (r[:, 0] / (1 - leverage))[:, None], share
    if size <= len(bread):
        x = x.toarray().reshape(g, size, -1)
        kept = np.eye(size) - w[:, :, None] * (reach @ x.transpose(0, 2, 1))
        return -(np.linalg.solve(kept, r[:, :, None]) * reach).sum(axis=1), share
    x = x.toarray().reshape(g, size, -1)
    hessian = np.linalg.inv(bread) - x.transpose(0, 2, 1) @ (w[:, :, None] * x)
    score = (r[:, :, None] * x).sum(axis=1)
    return -np.linalg.solve(hessian, score[:, :, None])[:, :, 0], share


def _leave_out_one(
    rows: PairCounts, fit: Fit, residual: FloatArray, weight: FloatArray, chosen: IntArray
) -> tuple[FloatArray, FloatArray]:
    """As `_leave_out` for one cluster so large that its rows are counted by kind first."""
    kind, n_kinds, example = kinds(take(rows, chosen))
    left = take(rows, chosen[example])
    w = tally(kind, weight[chosen], n_kinds)
    score = left.sum_by_parameter(tally(kind, residual[chosen], n_kinds))
    bread, design = fit.inverse, design_matrix(left)
    share = np.zeros(len(bread))
    for some in np.array_split(np.arange(n_kinds), 1 + n_kinds * len(bread) // MOST_NUMBERS):
        share += w[some] @ (design[some] @ bread) ** 2
    k = rows.n_items
    if isinstance(fit.hessian, csr_array):
        moved = solve_sparse(csr_array(fit.hessian - left.sparse_information(w)), score)
    else:
        hessian = fit.hessian - left.information(w)
        hessian[:k, :k] += fit.hessian[0, 0] / k
        moved = np.linalg.solve(hessian, score)
    return -moved[None], share[None]


def outer_products(design: csr_array) -> csr_array:
    """For each row x of the design its x x' in one row, shape (m, P * P).

    weights @ outer_products gives all the curvatures X' diag(weights) X at once.
    """
    m, width = design.shape
    entries = np.diff(design.indptr)
    row = np.repeat(np.arange(m), entries**2)
    start = np.repeat(design.indptr[:-1], entries**2)
    inside = np.arange(len(row)) - np.repeat(np.cumsum(entries**2) - entries**2, entries**2)
    size = entries[row]
    a, b = start + inside // size, start + inside % size
    column = design.indices[a].astype(np.int64) * width + design.indices[b]
    return csr_array((design.data[a] * design.data[b], (row, column)), shape=(m, width * width))


def likelihood_intervals(
    pairs: PairCounts, fit: Fit, items: IntArray, *, root: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Profile-likelihood intervals of some strengths.

    An end is the furthest strength at which, with all else refitted, twice the loss of penalised
    log likelihood is root**2. Along the way to it the gradient is a multiple of the item's
    direction, c, so (parameters, multiple) solve by Newton's method

        gradient + multiple * c = 0,    sqrt(2 * loss) = root.

    Parameters
    ----------
    pairs : PairCounts
    fit : Fit
    items : int array, shape (r,)
    root : float array, shape (r,)
        The quantile, e.g. 1.96.

    Returns
    -------
    low, high : float array, shape (r,)

    Raises
    ------
    NotConverged
        An end is not found.

    References
    ----------
    Venzon & Moolgavkar (1988), Applied Statistics 37(1).
    """
    k = pairs.n_items
    direction = np.zeros((2 * len(items), len(fit.parameters)))
    direction[:, :k] = -1 / k
    direction[np.arange(2 * len(items)), np.tile(items, 2)] += 1
    direction[: len(items)] *= -1
    ends = _walk(pairs, fit, direction, np.tile(root, 2))[:, :k]
    value = np.take_along_axis(ends, np.tile(items, 2)[:, None], axis=1)[:, 0] - ends.mean(axis=1)
    return value[: len(items)], value[len(items) :]


def _walk(
    pairs: PairCounts, fit: Fit, direction: FloatArray, root: FloatArray, max_iter: int = 60
) -> FloatArray:
    """Parameters at which the likelihood has fallen by root**2 / 2 in each direction."""
    design = design_matrix(pairs)
    products = outer_products(design).T
    toward = direction @ fit.inverse
    multiple = root / np.sqrt((toward * direction).sum(axis=1))
    theta = fit.parameters + np.minimum(1, 2 / root)[:, None] * multiple[:, None] * toward
    block = max(1, _NUMBERS_AT_ONCE // len(fit.parameters) ** 2)
    for start in range(0, len(theta), block):
        active = np.arange(start, min(start + block, len(theta)))
        for _ in range(max_iter):
            now = _Point(theta[active], multiple[active], direction[active], root[active])
            step, turn = _joint_step(pairs, fit, (design, products), now)
            move = np.abs(design @ step.T).max(axis=0)
            fraction = np.minimum(1, 1 / np.maximum(move, 1e-300))
            theta[active] += fraction[:, None] * step
            multiple[active] += fraction * turn
            active = active[np.abs(step).max(axis=1) > _PRECISION]
            if not active.size:
                break
        else:
            raise NotConverged(f"a profile likelihood was not found in {max_iter} steps")
    return np.asarray(theta, dtype=np.float64)


class _Point(NamedTuple):
    """Where some walks are, (b, P) and (b,), and where they go."""

    theta: FloatArray
    multiple: FloatArray
    direction: FloatArray
    root: FloatArray


def _joint_step(
    pairs: PairCounts, fit: Fit, shape: tuple[csr_array, csr_array], now: _Point
) -> tuple[FloatArray, FloatArray]:
    """Newton's step of (parameters, multiple) for each walk."""
    design, products = shape
    theta, multiple, direction, root = now
    p, k = theta.shape[1], pairs.n_items
    expected, slope, _ = expect((design @ theta.T).T, fit.tie)
    gradient = (design.T @ (pairs.wins - pairs.count * expected).T).T - fit.ridge * theta
    hessian = (products @ (pairs.count * slope).T).T.reshape(-1, p, p)
    hessian[:, np.arange(p), np.arange(p)] += fit.ridge
    hessian[:, :k, :k] += hessian[:, :1, :1] / k  # the common shift, which nothing fixes
    off = gradient + multiple[:, None] * direction
    solved = np.linalg.solve(hessian, np.stack([off, direction], axis=2))
    back, along = solved[:, :, 0], solved[:, :, 1]
    best = penalised(pairs, design, fit, fit.parameters[None])
    fallen = 2 * (best - penalised(pairs, design, fit, theta))
    loss = np.sqrt(np.maximum(fallen, 1e-12))
    # d(2 loss) = -2 gradient'step has to be the change of loss**2 that takes loss to root.
    missing = -loss * (root - loss) - (gradient * back).sum(axis=1)
    turn = missing / np.minimum((gradient * along).sum(axis=1), -1e-12)
    return back + turn[:, None] * along, turn


def penalised(pairs: PairCounts, design: csr_array, fit: Fit, parameters: FloatArray) -> FloatArray:
    """Penalised log likelihood of each row of parameters."""
    prior = fit.ridge / 2 * (parameters**2).sum(axis=1)
    likelihood = log_likelihood(pairs, (design @ parameters.T).T, fit.tie)
    return np.asarray(likelihood - prior, dtype=np.float64)


def design_matrix(pairs: PairCounts) -> csr_array:
    """X: one row per kind of comparison; +1, -1 and the covariates, shape (m, K + c)."""
    return csr_array(hstack([incidence(pairs), csr_array(pairs.covariates)], format="csr"))
