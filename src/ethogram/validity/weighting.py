"""Weights of judges' votes, learnt from replies whose trait is known, errors in common included.

Pure numpy. Judges that err together count for less than as many that do not: log-odds of each
judge's own accuracy would count their common errors once for each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ethogram.ratings.comparisons import BoolArray, FloatArray
from ethogram.validity.error_counts import pair_phi

_LEAST_EIGENVALUE = 0.01  # of the correlations: with votes missing they may be no possible ones


@dataclass(frozen=True)
class Weighting:
    """What is known of judges for weighing their votes.

    Attributes
    ----------
    accuracy : float array, shape (m,)
        Share right, half a right and half a wrong verdict added.
    correlation : float array, shape (m, m)
        Of their errors, drawn toward its mean as far as its spread is noise.
    shrinkage : float
        How far: 0 as measured, 1 the same for every pair.
    """

    accuracy: FloatArray
    correlation: FloatArray
    shrinkage: float

    @property
    def weights(self) -> FloatArray:
        """Weights where all judges answer, shape (m,); they sum to 1."""
        return self.of(np.ones(len(self.accuracy), dtype=bool))

    def of(self, present: BoolArray) -> FloatArray:
        """Weights where only some judges answer, shape (m,); 0 for the others.

        The linear discriminant: inverse covariance of being right (1 or -1) times its mean. None
        is negative: a judge is given no weight where its word would count against itself. All are
        alike where no judge present is better than a coin.
        """
        mean = 2 * self.accuracy - 1
        spread = np.sqrt(1 - mean**2)
        covariance = self.correlation * np.outer(spread, spread)
        kept = np.asarray(present, dtype=bool) & (mean > 0)
        weights = np.zeros(len(mean))
        while kept.any():
            solved = np.linalg.solve(covariance[np.ix_(kept, kept)], mean[kept])
            if solved.min() >= 0:
                weights[kept] = solved / solved.sum()
                return weights
            kept[np.flatnonzero(kept)[solved.argmin()]] = False
        weights[np.asarray(present, dtype=bool)] = 1 / max(int(np.sum(present)), 1)
        return weights


def learn_weights(votes: FloatArray) -> Weighting:
    """Learn what weights need from votes on replies whose trait is known.

    Parameters
    ----------
    votes : float array, shape (n, m)
        +1 right, -1 wrong, 0 a tie, NaN no answer.

    References
    ----------
    Shrinkage: Schaefer & Strimmer (2005), Statistical Applications in Genetics and Molecular
    Biology 4, their lambda with a common correlation as the target.
    """
    right, wrong = (votes == 1).sum(axis=0), (votes == -1).sum(axis=0)
    correlation, shrinkage = _shrunken(np.where(np.abs(votes) == 1, votes < 0, np.nan))
    return Weighting((right + 0.5) / (right + wrong + 1), correlation, shrinkage)


def _shrunken(errors: FloatArray) -> tuple[FloatArray, float]:
    """Correlation of errors, drawn toward the mean of all pairs, and how far."""
    m = errors.shape[1]
    i, j = np.triu_indices(m, 1)
    n, phi = _correlations(errors[:, i], errors[:, j])
    known = ~np.isnan(phi)
    mean = float(phi[known].mean()) if known.any() else 0.0
    noise = ((1 - phi[known] ** 2) ** 2 / np.maximum(n[known] - 1, 1)).sum()
    apart = ((phi[known] - mean) ** 2).sum()
    shrinkage = float(min(1.0, noise / apart)) if apart > 0 else 1.0
    drawn = np.where(known, (1 - shrinkage) * phi + shrinkage * mean, mean)
    matrix = np.eye(m)
    matrix[i, j] = matrix[j, i] = drawn
    return _made_possible(matrix), shrinkage


def _correlations(one: FloatArray, other: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Replies of both, and phi, of each column of errors."""
    both = ~(np.isnan(one) | np.isnan(other))
    a, b = np.where(both, one, 0.0), np.where(both, other, 0.0)
    table = np.stack([both, a, b, a * b], axis=2).sum(axis=0)
    return table[:, 0], pair_phi(table)


def _made_possible(matrix: FloatArray) -> FloatArray:
    """Lift eigenvalues that no correlation matrix has, and restore the diagonal."""
    values, vectors = np.linalg.eigh(matrix)
    lifted = (vectors * np.maximum(values, _LEAST_EIGENVALUE)) @ vectors.T
    scale = np.sqrt(np.diag(lifted))
    made: FloatArray = lifted / np.outer(scale, scale)
    return made
