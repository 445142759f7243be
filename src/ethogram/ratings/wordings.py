"""How far ratings depend on the wording of the instruction, and what that adds to their intervals.

Each trial was asked in one of several paraphrases. A trait's strength in one of them is its
strength plus a deviation, N(0, tau^2): wordings are a sample of those that could have been used,
and a rating is that of the average wording. What they add to a variance is averaged over tau on a
grid, each value weighted by how likely it makes the answers (Laplace's approximation; a uniform
prior, which is on the safe side).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, hstack
from scipy.special import expit

from ethogram.errors import NotConverged
from ethogram.ratings.comparisons import Comparisons, FloatArray
from ethogram.ratings.models import DEFAULT_RIDGE
from ethogram.ratings.quantiles import normal_quantile

TAUS = np.geomspace(0.03, 2.0, 15)  # logits
MOST_PARAMETERS = 2500  # traits times wordings, above which it takes too long
_STEPS, _PRECISION = 100, 1e-7


@dataclass(frozen=True)
class WordingSpread:
    """How far strengths move between wordings.

    Attributes
    ----------
    wordings : int
    spread, low, high : float
        Standard deviation of a trait's strength over wordings, logits, with a 95% interval.
    added : float array, shape (K,)
        Variance that wordings add to each strength.
    deviations : float array, shape (W, K)
        What each wording adds to each strength, drawn toward zero.
    """

    wordings: int
    spread: float
    low: float
    high: float
    added: FloatArray
    deviations: FloatArray


def wording_spread(comparisons: Comparisons) -> WordingSpread | None:
    """Estimate how far strengths move between wordings; None where there is one wording only.

    Raises
    ------
    NotConverged
        The fit did not, or there are so many traits that it would take too long.
    """
    used = np.unique(comparisons.wording)
    if len(used) < 2:
        return None
    k, w = comparisons.n_traits, len(used)
    if k * w > MOST_PARAMETERS:
        raise NotConverged(f"{k:,} traits in {w} wordings take too long")
    design = _design(comparisons, np.searchsorted(used, comparisons.wording), w)
    fits = [_fit(design, comparisons, k, tau) for tau in (0.0, *TAUS)]
    logs = np.array([fit.evidence for fit in fits[1:]]) + np.log(TAUS)  # uniform in tau
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    variance = sum(p * fit.variances for p, fit in zip(weights, fits[1:], strict=True))
    means = np.stack([fit.strengths for fit in fits[1:]])
    between = weights @ (means - weights @ means) ** 2
    middle, low, high = _likely(np.array([fit.evidence for fit in fits]))
    deviations = sum(p * fit.deviations for p, fit in zip(weights, fits[1:], strict=True))
    added = np.maximum(0, variance + between - fits[0].variances)
    return WordingSpread(w, middle, low, high, added, np.reshape(deviations, (w, k)))


def wording_variance(comparisons: Comparisons) -> FloatArray:
    """Return the variance that wordings add to each strength, shape (K,); 0 where not known."""
    try:
        found = wording_spread(comparisons)
    except NotConverged:
        found = None
    return np.zeros(comparisons.n_traits) if found is None else found.added


def _likely(evidence: FloatArray) -> tuple[float, float, float]:
    """Return the likeliest tau, and the range of those that are not clearly less likely.

    `evidence` is of zero and of `TAUS`; the range is that of the likelihood ratio (95%).
    """
    taus = np.linspace(0, TAUS[-1], 2001)
    curve = np.interp(taus, np.concatenate([[0.0], TAUS]), evidence)
    kept = taus[curve >= curve.max() - normal_quantile() ** 2 / 2]
    return float(taus[np.argmax(curve)]), float(kept[0]), float(kept[-1])


@dataclass(frozen=True)
class _Fit:
    strengths: FloatArray
    variances: FloatArray
    deviations: FloatArray
    evidence: float


def _design(comparisons: Comparisons, wording: np.ndarray, w: int) -> csr_array:
    """One row per comparison: strengths, position, then deviations by wording and trait."""
    n, k = len(comparisons), comparisons.n_traits
    rows, signs = np.tile(np.arange(n), 2), np.repeat([1.0, -1.0], n)
    traits = np.concatenate([comparisons.first, comparisons.second])
    gap = csr_array((signs, (rows, traits)), shape=(n, k))
    places = np.tile(wording, 2) * k + traits
    apart = csr_array((signs, (rows, places)), shape=(n, w * k))
    seen = np.stack([np.ones(n), comparisons.judge_first.astype(float)], axis=1)
    return csr_array(hstack([gap, csr_array(seen), apart]))


def _fit(design: csr_array, comparisons: Comparisons, k: int, tau: float) -> _Fit:
    """Fit strengths and deviations under one tau; 0 leaves the deviations out."""
    x = design if tau else design[:, : k + 2].tocsr()
    prior = np.full(x.shape[1], 1 / tau**2 if tau else 0.0)
    prior[: k + 2] = DEFAULT_RIDGE
    theta, hessian = _newton(x, comparisons.outcome, comparisons.weight, prior)
    inverse = np.linalg.inv(hessian)
    centre = np.eye(k) - 1 / k
    own = centre @ inverse[:k, :k] @ centre
    gaps = x @ theta
    likelihood = comparisons.weight @ (comparisons.outcome * gaps - np.logaddexp(0, gaps))
    penalty = 0.5 * (np.log(prior).sum() - prior @ theta**2)
    evidence = likelihood + penalty - 0.5 * float(np.linalg.slogdet(hessian)[1])
    strengths = theta[:k] - theta[:k].mean()
    return _Fit(strengths, np.diag(own).copy(), theta[k + 2 :], float(evidence))


def _newton(
    x: csr_array, outcome: FloatArray, weight: FloatArray, prior: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the penalised maximum of the likelihood, and its curvature."""
    theta = np.zeros(len(prior))
    for _ in range(_STEPS):
        p = expit(x @ theta)
        slope = x.T @ (weight * (p - outcome)) + prior * theta
        curved = x.multiply((weight * p * (1 - p))[:, None]).tocsr()
        hessian = (x.T @ curved).toarray() + np.diag(prior)
        step = np.linalg.solve(hessian, slope)
        theta = theta - step * min(1.0, 2 / max(np.abs(step).max(), 1e-9))
        if np.abs(step).max() < _PRECISION:
            return theta, hessian
    raise NotConverged("the ratings by wording did not converge")
