"""How alike models are: correlations of their profiles, with intervals, and a dendrogram.

Pure numpy and scipy; starts from a `Cohort`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from ethogram.analysis.cohort import Cohort, draw_strengths, measured_interval, rank_strengths
from ethogram.ratings.comparisons import FloatArray
from ethogram.ratings.quantiles import central_range

LARGEST = 1 - 1e-12  # arctanh(1) is infinite


@dataclass(frozen=True)
class Correlations:
    """One kind of correlation between all pairs of M models.

    Attributes
    ----------
    kind : str
        "Spearman" or "Pearson".
    value, low, high : float array, shape (M, M)
        As measured; 95% interval of the measurement (the traits are taken as given).
    disattenuated, disattenuated_low, disattenuated_high : float array, shape (M, M)
        The same divided by the root of both reliabilities: what the correlation would be
        without measurement noise. May exceed 1; NaN where a reliability is not positive.
    mean, mean_low, mean_high : float
        Over all pairs.
    least, most : tuple of int
        The pair of models with the smallest and with the largest value.
    """

    kind: str
    value: FloatArray
    low: FloatArray
    high: FloatArray
    disattenuated: FloatArray
    disattenuated_low: FloatArray
    disattenuated_high: FloatArray
    mean: float
    mean_low: float
    mean_high: float
    least: tuple[int, int]
    most: tuple[int, int]


@dataclass(frozen=True)
class Similarity:
    """Agreement between models.

    Attributes
    ----------
    models : tuple of str, length M
    spearman, pearson : Correlations
    tree : float array, shape (M - 1, 4)
        scipy linkage: average linkage on one minus Spearman, leaves ordered optimally.
    leaves : tuple of int, length M
        The models in the order of the dendrogram.
    n_draws : int
        Bootstrap draws behind the intervals.
    """

    models: tuple[str, ...]
    spearman: Correlations
    pearson: Correlations
    tree: FloatArray
    leaves: tuple[int, ...]
    n_draws: int


def correlate_models(cohort: Cohort, *, n_draws: int = 1000, seed: int = 0) -> Similarity:
    """Correlate every pair of models, with bootstrap intervals.

    The draws are made from each profile's covariance (see `cohort.draw_strengths`).
    """
    draws = draw_strengths(cohort, n_draws, np.random.default_rng(seed))
    known = {
        "reliability": cohort.reliability,
        "drawn_reliability": _drawn_reliability(cohort, draws),
    }
    ranks = rank_strengths(cohort.strengths)
    spearman = _correlations("Spearman", ranks, rank_strengths(draws), **known)
    pearson = _correlations("Pearson", cohort.strengths, draws, **known)
    distance = np.clip(1 - spearman.value, 0, None)
    tree = linkage(squareform(distance, checks=False), "average", optimal_ordering=True)
    leaves = tuple(int(i) for i in leaves_list(tree))
    return Similarity(cohort.models, spearman, pearson, tree, leaves, n_draws)


def _correlations(
    kind: str,
    rows: FloatArray,
    draws: FloatArray,
    *,
    reliability: FloatArray,
    drawn_reliability: FloatArray,
) -> Correlations:
    """Correlate rows (M, K); intervals from draws (n, M, K) on Fisher's z scale."""
    value, drawn = correlation_matrix(rows), correlation_matrix(draws)
    low_z, high_z = measured_interval(_fisher(value), _fisher(drawn))
    low, high = np.tanh(low_z), np.tanh(high_z)
    # On Fisher's scale an interval around 1 is around infinity, and as narrow as can be.
    least, most = central_range(drawn)
    perfect = np.abs(value) >= LARGEST
    low = np.where(perfect, np.minimum(least, value), low)
    high = np.where(perfect, np.maximum(most, value), high)
    for matrix in (low, high):
        np.fill_diagonal(matrix, 1.0)
    first, second = np.triu_indices(len(rows), 1)
    pairs = list(zip(first.tolist(), second.tolist(), strict=True))
    mean = value[first, second].mean()
    mean_low, mean_high = measured_interval(mean, drawn[:, first, second].mean(axis=1))
    corrected = disattenuate(value, reliability)
    corrected_low, corrected_high = measured_interval(
        corrected, disattenuate(drawn, drawn_reliability)
    )
    return Correlations(
        kind=kind,
        value=value,
        low=low,
        high=high,
        disattenuated=corrected,
        disattenuated_low=corrected_low,
        disattenuated_high=corrected_high,
        mean=float(mean),
        mean_low=float(mean_low),
        mean_high=float(mean_high),
        least=pairs[int(value[first, second].argmin())],
        most=pairs[int(value[first, second].argmax())],
    )


def correlation_matrix(rows: FloatArray) -> FloatArray:
    """Pearson correlations of rows, shape (..., M, K) to (..., M, M); 0 for a constant row."""
    centred = rows - rows.mean(axis=-1, keepdims=True)
    norm = np.linalg.norm(centred, axis=-1, keepdims=True)
    unit = np.divide(centred, norm, out=np.zeros_like(centred), where=norm > 0)
    return np.asarray(unit @ np.swapaxes(unit, -1, -2))


def disattenuate(correlation: FloatArray, reliability: FloatArray) -> FloatArray:
    """Divide correlations (..., M, M) by the root of both reliabilities (..., M).

    The result may exceed 1. It is NaN where a reliability is not positive, and stays 1 on
    the diagonal.

    References
    ----------
    Spearman (1904), American Journal of Psychology 15(1).
    """
    root = np.sqrt(np.where(reliability > 0, reliability, np.nan))
    ceiling = root[..., :, None] * root[..., None, :]
    diagonal = np.arange(correlation.shape[-1])
    ceiling[..., diagonal, diagonal] = 1.0
    return np.asarray(correlation / ceiling)


def _drawn_reliability(cohort: Cohort, draws: FloatArray) -> FloatArray:
    """What each profile's reliability would be in each draw, shape (n, M).

    A draw with a wider spread of strengths is a more reliable one, as the share of the same
    noise in it is smaller; scaled to the cohort's own figures, wherever those are from.
    """
    noise = cohort.variances.mean(axis=1)
    spread = draws.var(axis=2)  # none where every rating is the same, and surely so
    unknown = np.full_like(spread, np.nan)
    drawn = 1 - np.divide(noise, spread, out=unknown, where=spread > 0)
    return np.asarray(drawn * (cohort.reliability / drawn.mean(axis=0)))


def _fisher(correlation: FloatArray) -> FloatArray:
    return np.asarray(np.arctanh(np.clip(correlation, -LARGEST, LARGEST)))
