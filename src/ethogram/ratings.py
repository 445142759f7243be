"""Strengths from pairwise comparisons: Bradley-Terry, Davidson (ties) and Elo.

Each formula is on one screen. Knows nothing of models, judges or intervals: `ethogram.uncertainty`
says how sure the strengths are, `ethogram.profiles` puts both together.

The model of all three: the log odds that `first` beats `second` are

    d = s[first] - s[second] + covariates @ effects

with s the strengths in logits. Comparisons of the same pair under the same covariates are
interchangeable, so they are counted first (`count_pairs`) and the cost of a fit no longer grows
with their number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from ethogram.comparisons import BoolArray, FloatArray, IntArray
from ethogram.errors import DisconnectedError, InputError

ELO_PER_LOGIT = 400 / math.log(10)
"""Points on the Elo scale in one logit (173.7)."""

DEFAULT_RIDGE = 0.1
"""Weight of the prior N(0, 1/ridge) on every strength: a standard deviation of 3.2 logits."""

# Bach (2010), Electronic Journal of Statistics 4, lemma 1: a Newton step of a logistic likelihood
# that moves no log odds by more than 1.79 goes uphill. Shorter ones do, too, so no line search.
_MAX_MOVE = 1.5

_DENSE = 4  # possible kinds of comparison, for each row, up to which a table of them is kept


@dataclass(frozen=True)
class PairCounts:
    """Comparisons counted by pair and covariates; one row a kind of comparison.

    Attributes
    ----------
    first, second : int array, shape (m,)
    count : float array, shape (m,)
        How many comparisons (or their weight).
    wins : float array, shape (m,)
        How many of them `first` won: a tie is half a win, a soft verdict its probability.
    ties : float array, shape (m,)
        How many of them were ties.
    covariates : float array, shape (m, c)
    n_items : int
    """

    first: IntArray
    second: IntArray
    count: FloatArray
    wins: FloatArray
    ties: FloatArray
    covariates: FloatArray
    n_items: int

    def differences(self, strengths: FloatArray, effects: FloatArray) -> FloatArray:
        """Log odds of each row, shape (m,)."""
        gap = strengths[self.first] - strengths[self.second]
        return gap + self.covariates @ effects if effects.size else gap

    def gather(self, values: FloatArray) -> FloatArray:
        """Sum row values into the parameters, with the sign each enters with: X' values."""
        k = self.n_items
        by_item = tally(self.first, values, k) - tally(self.second, values, k)
        return np.concatenate([by_item, values @ self.covariates])

    def information(self, weights: FloatArray) -> FloatArray:
        """X' diag(weights) X: the curvature of the likelihood, shape (K + c, K + c)."""
        k = self.n_items
        off = tally(self.first * k + self.second, weights, k * k).reshape(k, k)
        items = -(off + off.T)
        items[np.diag_indices(k)] -= items.sum(axis=1)
        if not self.covariates.shape[1]:
            return items
        weighted = weights[:, None] * self.covariates
        across = incidence(self).T @ weighted
        return np.block([[items, across], [across.T, self.covariates.T @ weighted]])


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
    hessian : float array, shape (K + c, K + c)
        Curvature of the penalised likelihood in (strengths, effects); its inverse is the
        covariance if the model holds and comparisons are independent.
    ridge : float
    iterations : int
    converged : bool
    """

    strengths: FloatArray
    effects: FloatArray
    tie: float
    hessian: FloatArray
    ridge: float
    iterations: int
    converged: bool

    @property
    def parameters(self) -> FloatArray:
        """Strengths and effects in one array, shape (K + c,)."""
        return np.concatenate([self.strengths, self.effects])


def count_pairs(
    first: Sequence[int] | IntArray,
    second: Sequence[int] | IntArray,
    outcome: Sequence[float] | FloatArray,
    n_items: int,
    *,
    tie: Sequence[bool] | BoolArray | None = None,
    covariates: FloatArray | None = None,
    weights: FloatArray | None = None,
) -> PairCounts:
    """Count comparisons by ordered pair and covariates.

    Parameters
    ----------
    first, second : int array, shape (n,)
        Item indices.
    outcome : float array, shape (n,)
        1 where `first` won, 0 where `second` did, between for a soft verdict.
    n_items : int
    tie : bool array, shape (n,), optional
        Ties; their outcome is read as one half.
    covariates : float array, shape (n, c), optional
        What moves the log odds that `first` wins, besides the two strengths.
    weights : float array, shape (n,), optional

    Returns
    -------
    PairCounts
    """
    rows = pair_rows(
        first, second, outcome, n_items, tie=tie, covariates=covariates, weights=weights
    )
    return merge(rows)


def pair_rows(
    first: Sequence[int] | IntArray,
    second: Sequence[int] | IntArray,
    outcome: Sequence[float] | FloatArray,
    n_items: int,
    *,
    tie: Sequence[bool] | BoolArray | None = None,
    covariates: FloatArray | None = None,
    weights: FloatArray | None = None,
) -> PairCounts:
    """Like `count_pairs`, but one row a comparison, in the order given."""
    n = len(first)
    tied = np.zeros(n) if tie is None else np.asarray(tie, dtype=np.float64)
    count = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    won = np.where(tied > 0, 0.5, np.asarray(outcome, dtype=np.float64))
    return PairCounts(
        first=np.asarray(first, dtype=np.int64),
        second=np.asarray(second, dtype=np.int64),
        count=count,
        wins=count * won,
        ties=count * tied,
        covariates=np.zeros((n, 0)) if covariates is None else np.asarray(covariates, dtype=float),
        n_items=n_items,
    )


def tally(code: IntArray, values: FloatArray, n: int) -> FloatArray:
    """Sum the values of each code from 0 to n - 1."""
    return np.bincount(code, values, n).astype(np.float64, copy=False)


def merge(rows: PairCounts) -> PairCounts:
    """Count rows of the same pair and covariates together."""
    kind, n_kinds, example = kinds(rows)
    return replace(
        take(rows, example),
        count=tally(kind, rows.count, n_kinds),
        wins=tally(kind, rows.wins, n_kinds),
        ties=tally(kind, rows.ties, n_kinds),
    )


def take(rows: PairCounts, chosen: IntArray) -> PairCounts:
    """Keep the rows of these numbers, in the order given."""
    return PairCounts(
        first=rows.first[chosen],
        second=rows.second[chosen],
        count=rows.count[chosen],
        wins=rows.wins[chosen],
        ties=rows.ties[chosen],
        covariates=rows.covariates[chosen],
        n_items=rows.n_items,
    )


def kinds(rows: PairCounts) -> tuple[IntArray, int, IntArray]:
    """For each row its kind (pair and covariates), how many kinds, and a row of each."""
    key = rows.first * rows.n_items + rows.second
    width = rows.n_items**2
    for column in rows.covariates.T:
        values = _levels(column)
        if len(values) > 1:
            key = key * len(values) + np.searchsorted(values, column)
            width *= len(values)
        if width > _DENSE * len(key):
            key = np.unique(key, return_inverse=True)[1]
            width = len(key)
    if width > max(_DENSE * len(key), 1_000_000):
        _, example, kind = np.unique(key, return_index=True, return_inverse=True)
        return kind, len(example), example
    # Few possible keys: a table of them is much faster than sorting the rows.
    found = np.flatnonzero(np.bincount(key, minlength=width))
    place = np.zeros(width, dtype=np.int64)
    place[found] = np.arange(len(found))
    kind = place[key]
    example = np.zeros(len(found), dtype=np.int64)
    example[kind] = np.arange(len(kind))
    return kind, len(found), example


def _levels(column: FloatArray) -> FloatArray:
    """The different values of a covariate, sorted; most often 1 and -1, so look for few first."""
    few = np.unique(column[:1000])
    rest = np.searchsorted(few, column).clip(max=len(few) - 1)
    return few if len(few) < 10 and np.array_equal(few[rest], column) else np.unique(column)


def incidence(pairs: PairCounts) -> csr_array:
    """+1 for the first item of each row, -1 for the second, shape (m, K)."""
    m = len(pairs.first)
    columns = np.stack([pairs.first, pairs.second], axis=1).ravel()
    signs = np.tile([1.0, -1.0], m)
    return csr_array((signs, columns, np.arange(0, 2 * m + 1, 2)), shape=(m, pairs.n_items))


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
    won = pairs.gather(pairs.wins)
    converged, iteration = False, 0
    while not converged and iteration < max_iter:
        iteration += 1
        p, slope, _ = expect(gap, tie)
        gradient = won - pairs.gather(pairs.count * p) - ridge * theta
        hessian = pairs.information(pairs.count * slope)
        step = _solve(hessian, gradient, ridge, k)
        move = pairs.differences(step[:k], step[k:])
        fraction = min(1.0, _MAX_MOVE / max(np.abs(move).max(), 1e-300))
        theta += fraction * step
        gap += fraction * move
        converged = bool(np.abs(step).max() < tol)
    _, slope, _ = expect(gap, tie)
    hessian = pairs.information(pairs.count * slope)
    hessian[np.diag_indices(n_parameters)] += ridge
    return Fit(
        # Rounded far below any meaning, so that equal records share a rank exactly.
        strengths=np.round(theta[:k] - theta[:k].mean(), 10),
        effects=theta[k:],
        tie=tie,
        hessian=hessian,
        ridge=ridge,
        iterations=iteration,
        converged=converged,
    )


def _solve(information: FloatArray, gradient: FloatArray, ridge: float, k: int) -> FloatArray:
    """Newton's step; the strengths' common shift, which no comparison fixes, is held at zero."""
    hessian = information.copy()
    hessian[np.diag_indices(len(hessian))] += ridge
    hessian[:k, :k] += hessian[0, 0] / k
    step: FloatArray = cho_solve(cho_factor(hessian, check_finite=False), gradient)
    return step


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


def check_connected(pairs: PairCounts, names: Sequence[str] | None = None) -> None:
    """Raise `DisconnectedError` unless a chain of comparisons links every item to every other."""
    seen = pairs.count > 0
    k = pairs.n_items
    if k == 0 or not seen.any():
        raise DisconnectedError(
            "there are no comparisons to rate, expected at least one verdict; run more trials"
        )
    ends = (pairs.first[seen], pairs.second[seen])
    n_parts, part = connected_components(coo_array((np.ones(len(ends[0])), ends), shape=(k, k)))
    if n_parts == 1:
        return
    apart = np.flatnonzero(part != np.bincount(part).argmax())
    shown = ", ".join(str(names[i]) if names else f"item {i}" for i in apart[:5])
    more = f" and {len(apart) - 5} more" if len(apart) > 5 else ""
    raise DisconnectedError(
        f"the comparisons fall into {n_parts} groups with none between them: {shown}{more} never "
        f"meet the others, so there is no common scale; run the missing trials or leave them out"
    )


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


def permute(n: int, n_orders: int, *, seed: int) -> IntArray:
    """Random orders of n rows, shape (n_orders, n)."""
    if n_orders < 1:
        raise InputError(f"permutations is {n_orders}, expected at least 1")
    rng = np.random.default_rng(seed)
    return rng.permuted(np.tile(np.arange(n), (n_orders, 1)), axis=1)


def log_likelihood(pairs: PairCounts, difference: FloatArray, tie: float) -> FloatArray:
    """Log likelihood without the constant in nu; `difference` has shape (..., m)."""
    half = difference / 2
    size = np.abs(half)
    total = size + np.log1p(np.exp(-2 * size) + tie * np.exp(-size))
    result: FloatArray = half @ (2 * pairs.wins - pairs.count) - total @ pairs.count
    return result
