"""Directions of traits in activations: difference of means, and L2 logistic regression.

Both score a row for each label on its own (one against the rest). Knows nothing of layers, prompts
or splits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from ethogram.ratings.comparisons import BoolArray, FloatArray

L2 = 0.03
"""Weight of the penalty, for rows scaled to a mean square norm of 1 and a summed loss."""


@dataclass(frozen=True)
class Scorer:
    """One linear score per label, in standard deviations of the scores it was fitted on.

    Attributes
    ----------
    centre : float array, shape (d,)
    weights : float array, shape (d, T)
    spread : float array, shape (T,)
        Standard deviation of the raw scores of the rows that it was fitted on.
    """

    centre: FloatArray
    weights: FloatArray
    spread: FloatArray

    def score(self, rows: FloatArray) -> FloatArray:
        """Return the scores of `rows`, shape (n, T)."""
        scores: FloatArray = (rows - self.centre) @ self.weights / self.spread
        return scores

    @property
    def directions(self) -> FloatArray:
        """The weights as unit vectors, shape (T, d); a label without a direction has zeros."""
        norms = np.linalg.norm(self.weights, axis=0)
        unit: FloatArray = (self.weights / np.where(norms > 0, norms, 1.0)).T
        return unit


Fit = Callable[[FloatArray, BoolArray], Scorer]
"""Fits rows (n, d) to labels (n, T)."""


def fit_mean_difference(rows: FloatArray, labels: BoolArray) -> Scorer:
    """Mean of the rows with a label minus the mean of those without; zero where a side is empty.

    Parameters
    ----------
    rows : float array, shape (n, d)
    labels : bool array, shape (n, T)
    """
    rows = np.asarray(rows, dtype=np.float64)
    n = labels.sum(axis=0)
    sums = labels.T.astype(np.float64) @ rows
    rest = rows.sum(axis=0) - sums
    there = (n > 0) & (n < len(rows))
    weights = sums / np.maximum(n, 1)[:, None] - rest / np.maximum(len(rows) - n, 1)[:, None]
    return _scaled(rows, rows.mean(axis=0), (weights * there[:, None]).T)


def fit_logistic(rows: FloatArray, labels: BoolArray, *, l2: float = L2) -> Scorer:
    """L2 logistic regression of each label on standardised rows, with a free intercept.

    Parameters
    ----------
    rows : float array, shape (n, d)
        Columns that do not vary get no weight.
    labels : bool array, shape (n, T)
    l2 : float

    Notes
    -----
    A penalised solution lies in the span of the rows, so that it is found in at most n coordinates
    (a singular value decomposition), for all labels at once (L-BFGS).
    """
    rows = np.asarray(rows, dtype=np.float64)
    centre, spread = rows.mean(axis=0), rows.std(axis=0)
    scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-9)
    scale /= max(int(np.count_nonzero(scale)), 1) ** 0.5
    left, values, right = np.linalg.svd((rows - centre) * scale, full_matrices=False)
    inner = _logistic_weights(left * values, labels.astype(np.float64), l2)
    return _scaled(rows, centre, scale[:, None] * (right.T @ inner))


def _logistic_weights(x: FloatArray, y: FloatArray, l2: float) -> FloatArray:
    """Weights, shape (r, T), of T penalised regressions; their intercepts are left out."""
    r, labels = x.shape[1], y.shape[1]
    x = np.column_stack([x, np.ones(len(x))])
    penalty = np.append(np.full(r, l2), 1e-6)[:, None]

    def loss(flat: FloatArray) -> tuple[float, FloatArray]:
        w = flat.reshape(r + 1, labels)
        logits = x @ w
        value = np.logaddexp(0, logits).sum() - (y * logits).sum() + 0.5 * (penalty * w * w).sum()
        slope: FloatArray = x.T @ (expit(logits) - y) + penalty * w
        return float(value), slope.ravel()

    start = np.zeros((r + 1) * labels)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300})
    weights: FloatArray = found.x.reshape(r + 1, labels)[:-1]
    return weights


def _scaled(rows: FloatArray, centre: FloatArray, weights: FloatArray) -> Scorer:
    spread = ((rows - centre) @ weights).std(axis=0)
    return Scorer(centre, weights, np.where(spread > 1e-12, spread, 1.0))
