"""Strengths from pairwise comparisons: Bradley-Terry, Davidson (ties) and Elo.

Each formula is on one screen. Knows nothing of models, judges or intervals: `ratings.covariance`
says how sure the strengths are, `ratings.rate` puts both together.

The model of all three: the log odds that `first` beats `second` are

    d = s[first] - s[second] + covariates @ effects

with s the strengths in logits. `ratings.pairs.count_pairs` makes what the first two are fitted to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array, eye_array

from ethogram.errors import InputError, NotConverged
from ethogram.ratings.budget import DENSE
from ethogram.ratings.comparisons import FloatArray, IntArray
from ethogram.ratings.pairs import PairCounts, check_connected, merge
from ethogram.ratings.solving import invert_in_place, solve_sparse

ELO_PER_LOGIT = 400 / math.log(10)
"""Points on the Elo scale in one logit (173.7)."""

DEFAULT_RIDGE = 0.1
"""Weight of the prior N(0, 1/ridge) on every strength: a standard deviation of 3.2 logits."""

NOT_CONVERGED = "The fit did not converge"
"""How a caveat on it begins."""

# By the bounds of Bach (2010), Electronic Journal of Statistics 4, a Newton step of a logistic
# likelihood that moves no log odds by more than 1.79 goes uphill: there is no line search.
_MAX_MOVE = 1.5


@dataclass(frozen=True)
class Fit:
    """Strengths and what the intervals are made from.

    Attributes
    ----------
    strengths : float array, shape (K,)
        Logits, mean zero.
    effects : float array, shape (c,)
        Logits per unit of each covariate.
    tie : float
        Davidson's nu: how readily a tie is given; 0 for Bradley-Terry.
    hessian : float array or sparse array, shape (K + c, K + c)
        Curvature of the penalised likelihood in (strengths, effects); its inverse is the
        covariance if the model holds and comparisons are independent. Sparse for many traits.
    ridge : float
    iterations : int
    converged : bool
    """

    strengths: FloatArray
    effects: FloatArray
    tie: float
    hessian: FloatArray | csr_array
    ridge: float
    iterations: int
    converged: bool

    @property
    def caveats(self) -> tuple[str, ...]:
        """Whether it did not get there."""
        if self.converged:
            return ()
        return (f"{NOT_CONVERGED}; it stopped at step {self.iterations}.",)

    @property
    def parameters(self) -> FloatArray:
        """Strengths and effects in one array, shape (K + c,)."""
        return np.concatenate([self.strengths, self.effects])

    @cached_property
    def inverse(self) -> FloatArray:
        """Inverse curvature with the strengths' common shift, which nothing fixes, held at zero."""
        k = len(self.strengths)
        curvature = self.hessian
        hessian = curvature.toarray() if isinstance(curvature, csr_array) else curvature.copy()
        hessian[:k, :k] += hessian[0, 0] / k
        if len(hessian) > DENSE:
            return invert_in_place(hessian)
        return np.asarray(np.linalg.inv(hessian), dtype=np.float64)


def expected_wins(difference: FloatArray, tie: float) -> FloatArray:
    """Expected win of `first` (a tie counts half), as `expect` but that alone."""
    if tie:
        return expect(difference, tie)[0]
    p = np.negative(difference)
    np.exp(p, out=p)  # in place: this is the inner loop of the bootstrap
    p += 1
    return np.reciprocal(p, out=p)


def expect(difference: FloatArray, tie: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Expected win (a tie counts half), its slope, and the probability of a tie.

    Davidson's model; with `tie` = 0 it is Bradley-Terry's, p = 1 / (1 + exp(-d)), slope p(1 - p).
    """
    if not tie:
        p = expected_wins(difference, 0)
        return p, p * (1 - p), np.broadcast_to(0.0, p.shape)
    up, down = np.exp(difference / 2), np.exp(-difference / 2)
    total = up + down + tie
    balance = (up - down) / total
    p_tie = tie / total
    return (1 + balance) / 2, (1 - p_tie - balance**2) / 4, p_tie


def fit_bradley_terry(
    pairs: PairCounts, *, ridge: float = DEFAULT_RIDGE, tol: float = 1e-9, max_iter: int = 100
) -> Fit:
    """Maximum-likelihood Bradley-Terry strengths, by Newton's method.

    Parameters
    ----------
    pairs : PairCounts
        Ties in it count as half a win for each side.
    ridge : float
        Weight of a N(0, 1/ridge) prior (logits) on strengths and effects; keeps an unbeaten item
        finite. 0 is plain maximum likelihood.
    tol : float
        Stop when no parameter moves by more (logits).

    Returns
    -------
    Fit
        With `converged` false where `max_iter` steps did not suffice.

    Raises
    ------
    DisconnectedError
        Some items never meet the others, so their strengths have no common scale.

    References
    ----------
    Bradley & Terry (1952), Biometrika 39; Hunter (2004), Annals of Statistics 32(1).
    """
    check_connected(pairs)
    return _newton(pairs, ridge=ridge, tie=0.0, tol=tol, max_iter=max_iter)


def refit(pairs: PairCounts, fit: Fit, *, ridge: float) -> Fit:
    """Fit the same comparisons under another prior, from where `fit` is; its `tie` is kept."""
    return _newton(pairs, ridge=ridge, tie=fit.tie, tol=1e-9, max_iter=100, start=fit.parameters)


def _newton(
    pairs: PairCounts,
    *,
    ridge: float,
    tie: float,
    tol: float,
    max_iter: int,
    start: FloatArray | None = None,
) -> Fit:
    """Climb to the strengths and effects of highest penalised likelihood, `tie` held fixed."""
    k, n_parameters = pairs.n_items, pairs.n_items + pairs.covariates.shape[1]
    theta = np.zeros(n_parameters) if start is None else start.copy()
    gap = pairs.differences(theta[:k], theta[k:])
    won = pairs.sum_by_parameter(pairs.wins)
    converged, iteration = False, 0
    while not converged and iteration < max_iter:
        iteration += 1
        p, slope, _ = expect(gap, tie)
        gradient = won - pairs.sum_by_parameter(pairs.count * p) - ridge * theta
        try:
            step = _solve(_curvature(pairs, pairs.count * slope, ridge), gradient, k)
        except NotConverged:
            break
        move = pairs.differences(step[:k], step[k:])
        fraction = min(1.0, _MAX_MOVE / max(np.abs(move).max(), 1e-300))
        theta += fraction * step
        gap += fraction * move
        converged = bool(np.abs(step).max() < tol)
    _, slope, _ = expect(gap, tie)
    return Fit(
        # Rounded far below any meaning, so that equal records share a rank exactly.
        strengths=np.round(theta[:k] - theta[:k].mean(), 10),
        effects=theta[k:],
        tie=tie,
        hessian=_curvature(pairs, pairs.count * slope, ridge),
        ridge=ridge,
        iterations=iteration,
        converged=converged,
    )


def _curvature(pairs: PairCounts, weights: FloatArray, ridge: float) -> FloatArray | csr_array:
    """Curvature of the penalised likelihood; sparse where there are many items."""
    if pairs.many_items:
        information = pairs.sparse_information(weights)
        return csr_array(information + ridge * eye_array(information.shape[0]))
    hessian = pairs.information(weights)
    hessian[np.diag_indices(len(hessian))] += ridge
    return hessian


def _solve(hessian: FloatArray | csr_array, gradient: FloatArray, k: int) -> FloatArray:
    """Newton's step; the strengths' common shift, which no comparison fixes, is held at zero."""
    if isinstance(hessian, csr_array):
        step = solve_sparse(hessian, gradient)
        step[:k] -= step[:k].mean()
        return step
    hessian[:k, :k] += hessian[0, 0] / k
    return np.asarray(cho_solve(cho_factor(hessian, check_finite=False), gradient))


def fit_davidson(
    pairs: PairCounts, *, ridge: float = DEFAULT_RIDGE, tol: float = 1e-9, max_iter: int = 100
) -> Fit:
    """Maximum-likelihood strengths where a comparison may be a tie (Davidson's model).

    P(win), P(tie), P(loss) are as exp(d/2), nu, exp(-d/2). Given nu this is Bradley-Terry with
    another expected win; nu in turn has one equation, expected ties = ties. The two are solved
    in turn, which converges fast because nu and the strengths are nearly independent.

    Parameters, Returns, Raises
    ---------------------------
    As `fit_bradley_terry`; `Fit.tie` is nu.

    References
    ----------
    Davidson (1970), Journal of the American Statistical Association 65(329).
    """
    check_connected(pairs)
    if not pairs.ties.sum():
        return fit_bradley_terry(pairs, ridge=ridge, tol=tol, max_iter=max_iter)
    fit = _newton(pairs, ridge=ridge, tie=1.0, tol=tol, max_iter=max_iter)
    for _ in range(max_iter):
        tie = _tie_rate(pairs, pairs.differences(fit.strengths, fit.effects), fit.tie)
        moved = abs(math.log(tie / fit.tie))
        fit = _newton(pairs, ridge=ridge, tie=tie, tol=tol, max_iter=max_iter, start=fit.parameters)
        if moved < tol:
            return fit
    return replace(fit, converged=False)


def _tie_rate(pairs: PairCounts, difference: FloatArray, tie: float) -> float:
    """Davidson's nu at which the expected ties are those seen, by Newton's method on its log."""
    log_tie = math.log(tie)
    for _ in range(100):
        _, _, p = expect(difference, math.exp(log_tie))
        missing = pairs.ties.sum() - pairs.count @ p
        step = missing / max(pairs.count @ (p * (1 - p)), 1e-300)
        log_tie += min(max(step, -1.0), 1.0)
        if abs(step) < 1e-12:
            break
    return math.exp(log_tie)


def fit_elo(
    first: Sequence[int] | IntArray,
    second: Sequence[int] | IntArray,
    outcome: Sequence[float] | FloatArray,
    n_items: int,
    *,
    start: float = 1000,
    k: float = 32,
    scale: float = 400,
) -> FloatArray:
    """Elo ratings after one pass through the comparisons, in the order given.

    Parameters
    ----------
    first, second, outcome : arrays, shape (n,)
        As in `count_pairs`; a tie has outcome 0.5.
    n_items : int
    start : float
        Rating of every item before its first comparison.
    k : float
        Largest gain from one comparison, in points.
    scale : float
        A lead of so many points means odds of 10 to 1.

    Returns
    -------
    ratings : float array, shape (n_items,)
        Points, mean `start`.

    References
    ----------
    Elo (1978), The Rating of Chessplayers, 1.4.
    """
    ratings = [float(start)] * n_items
    for i, j, won in zip(*(np.asarray(a).tolist() for a in (first, second, outcome)), strict=True):
        expected = 1 / (1 + 10 ** ((ratings[j] - ratings[i]) / scale))
        gain = k * (won - expected)
        ratings[i] += gain
        ratings[j] -= gain
    return np.array(ratings)


def fit_elo_orders(
    first: IntArray,
    second: IntArray,
    outcome: FloatArray,
    n_items: int,
    *,
    orders: IntArray,
    start: float = 1000,
    k: float = 32,
    scale: float = 400,
) -> FloatArray:
    """Elo ratings for many orders of the same comparisons at once.

    Parameters
    ----------
    orders : int array, shape (r, n)
        Row numbers in the order to pass through; repeats are allowed (a bootstrap), -1 is a pause.

    Returns
    -------
    ratings : float array, shape (r, n_items)
    """
    n_orders = len(orders)
    ratings = np.full(n_orders * n_items, float(start))
    offset = np.arange(n_orders) * n_items
    for rows in orders.T:
        i, j = offset + first[rows], offset + second[rows]
        lead = ratings[i] - ratings[j]
        gain = k * (outcome[rows] - 1 / (1 + np.exp(lead * (-math.log(10) / scale))))
        gain *= rows >= 0
        ratings[i] += gain
        ratings[j] -= gain
    return ratings.reshape(n_orders, n_items)


def permute(n: int, n_orders: int, *, seed: int | np.random.Generator) -> IntArray:
    """Random orders of n rows, shape (n_orders, n)."""
    if n_orders < 1:
        raise InputError(f"permutations is {n_orders}, expected at least 1")
    rng = np.random.default_rng(seed)
    orders = np.tile(np.arange(n), (n_orders, 1))
    return rng.permuted(orders, axis=1, out=orders)


def log_likelihood(pairs: PairCounts, difference: FloatArray, tie: float) -> FloatArray:
    """Log likelihood without the constant in nu; `difference` has shape (..., m)."""
    half = difference / 2
    size = np.abs(half)
    total = size + np.log1p(np.exp(-2 * size) + tie * np.exp(-size))
    result: FloatArray = half @ (2 * pairs.wins - pairs.count) - total @ pairs.count
    return result


MOST_EXPLAINED = 0.5
"""Share of a position column that the other columns may explain before it is left out."""


def position_covariates(
    rows: PairCounts, judge_first: IntArray
) -> tuple[tuple[str, ...], FloatArray, list[str]]:
    """Position columns to fit, and what to say of those that cannot be.

    Parameters
    ----------
    rows : PairCounts
        One row per comparison, `first` being choice 1 in the model's prompt; no covariates.
    judge_first : int array, shape (n,)
        +1 where the judge was shown `first` first, -1 where second, 0 where unknown.

    Returns
    -------
    names : tuple of str
    columns : float array, shape (n, len(names))
    caveats : list of str
    """
    n = len(judge_first)
    chosen = {"model_position": np.ones(n), "judge_position": judge_first.astype(np.float64)}
    caveats = []
    if abs(judge_first.sum()) == n:
        del chosen["judge_position"]
        same = "the same" if judge_first[0] > 0 else "the opposite"
        caveats.append(
            f"The judge saw the traits in {same} order as the model throughout, so the position "
            f"effects of the two cannot be told apart."
        )
    elif not judge_first.any():
        del chosen["judge_position"]
        caveats.append(
            "The order shown to the judge is unknown, or both were asked and averaged; no effect "
            "of it is taken out."
        )
    for name in list(chosen):
        others = [column for other, column in chosen.items() if other != name]
        explained = _explained(rows, chosen[name], others)
        if explained is None or explained > MOST_EXPLAINED:
            del chosen[name]
            who = name.removesuffix("_position")
            caveats.append(_left_out(who, known=explained is not None))
    columns = np.stack(list(chosen.values()), axis=1) if chosen else np.zeros((n, 0))
    return tuple(chosen), columns, caveats


def _left_out(who: str, *, known: bool) -> str:
    """Why a position effect is not taken out; whether it can be told may itself be unknown."""
    if not known:
        return (
            f"Whether the effect of the position in the {who}'s prompt can be told from the "
            "strengths could not be computed; it is not taken out."
        )
    return (
        f"Traits stood mostly on one side in the {who}'s prompt, so the effect of that "
        f"position cannot be told from the strengths and is not taken out."
    )


def _explained(rows: PairCounts, column: FloatArray, others: list[FloatArray]) -> float | None:
    """Share of a column's sum of squares that items and other columns explain; None if unknown."""
    width = rows.n_items + len(others)
    if len(column) <= width:
        return 1.0
    covariates = np.stack([*others, column], axis=1)
    pairs = merge(replace(rows, covariates=covariates))
    if pairs.many_items:
        sparse = pairs.sparse_information(pairs.count) + 1e-9 * len(column) * eye_array(width + 1)
        inside, across = csr_array(sparse[:-1, :-1]), sparse[:-1, [-1]].toarray()[:, 0]
        try:
            return float(across @ solve_sparse(inside, across, tol=1e-9) / sparse[-1, -1])
        except NotConverged:
            return None
    gram = pairs.information(pairs.count)
    gram[np.diag_indices(len(gram))] += 1e-9 * len(column)
    inside, across = gram[:-1, :-1], gram[:-1, -1]
    return float(across @ np.linalg.solve(inside, across) / gram[-1, -1])
