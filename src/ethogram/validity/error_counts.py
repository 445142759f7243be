"""Correlation of errors from counts, and how far it would vary in other samples.

Pure numpy. Counts are by cluster and pair of judges: replies that both read, errors of the one, of
the other, of both. `validity.independence` says what they mean.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ethogram.ratings.comparisons import FloatArray, IntArray

RESAMPLES = 1000
_AT_ONCE = 100  # resamples in one block: bounds the memory
_NOTHING = 1e-9  # a variance below is none


def pair_indices(m: int) -> IntArray:
    """Indices of every two judges, shape (2, pairs)."""
    return np.array(np.triu_indices(m, 1))


def count_errors(errors: FloatArray, of: IntArray, pairs: IntArray) -> FloatArray:
    """Count, by cluster and pair: replies of both, errors of the one, the other, and both.

    Shape (clusters, pairs, 4).
    """
    one, other = errors[:, pairs[0]], errors[:, pairs[1]]
    both = ~(np.isnan(one) | np.isnan(other))
    one, other = np.where(both, one, 0.0), np.where(both, other, 0.0)
    rows = np.stack([both.astype(float), one, other, one * other], axis=2)
    _, group = np.unique(of, return_inverse=True)
    sums = np.zeros((int(group.max(initial=-1)) + 1, *rows.shape[1:]))
    np.add.at(sums, group, rows)
    return sums


def pair_phi(tables: FloatArray) -> FloatArray:
    """Correlation of errors from (replies, errors of one, of the other, of both) in the last axis.

    NaN where one of the two never errs, or always.
    """
    n, one, other, both = np.moveaxis(tables, -1, 0)
    variance = one * (n - one) * other * (n - other)
    is_defined = variance > _NOTHING
    root = np.sqrt(np.where(is_defined, variance, 1.0))
    phi: FloatArray = np.where(is_defined, (n * both - one * other) / root, np.nan)
    return np.clip(phi, -1.0, 1.0)


def mean_phi(phi: FloatArray) -> float:
    """Mean over the pairs that have a correlation; NaN where none has."""
    known = phi[~np.isnan(phi)]
    return float(known.mean()) if known.size else float("nan")


def phi_spreads(tables: FloatArray, m: int, seed: int) -> tuple[FloatArray, FloatArray, float]:
    """Return phi of each pair, its standard error, and that of their mean."""
    count, n_pairs = tables.shape[:2]
    whole = tables.sum(axis=0)
    phi = pair_phi(whole)
    if count < 2:
        return phi, np.full(n_pairs, np.inf), float("inf")
    drawn = np.concatenate(list(_resampled(tables, seed)))
    means = np.array([mean_phi(row) for row in drawn])
    added = pair_phi(whole + _added_clusters(tables, m))
    moved = np.array([mean_phi(row) for row in added]) - mean_phi(phi)
    correct = count / (count - 1)
    spread = np.sqrt(correct * _variance(drawn) + _moved(added - phi))
    mean_spread = np.sqrt(correct * _variance(means[:, None]) + _moved(moved[:, None]))
    return phi, spread, float(mean_spread[0])


def _resampled(tables: FloatArray, seed: int) -> Iterator[FloatArray]:
    """Yield phi of each pair in blocks of resamples of whole clusters."""
    rng = np.random.default_rng(seed)
    count = len(tables)
    for _ in range(RESAMPLES // _AT_ONCE):
        times = rng.multinomial(count, np.full(count, 1 / count), size=_AT_ONCE)
        yield pair_phi(np.tensordot(times.astype(float), tables, axes=1))


def _added_clusters(tables: FloatArray, m: int) -> FloatArray:
    """Clusters to be added one at a time: all judges err, or one alone; shape (m + 1, pairs, 4)."""
    size = tables[..., 0].sum(axis=0) / max(len(tables), 1)
    pairs = pair_indices(m)
    wrong = np.concatenate([np.ones((1, m)), np.eye(m)])
    one, other = wrong[:, pairs[0]], wrong[:, pairs[1]]
    added: FloatArray = np.stack([np.ones_like(one), one, other, one * other], axis=2)
    return np.asarray(added * size[:, None], dtype=np.float64)


def _variance(draws: FloatArray) -> FloatArray:
    """Variance of each column of draws, of those that are known; 0 where hardly any is."""
    known = ~np.isnan(draws)
    n = np.maximum(known.sum(axis=0), 2)
    middle = np.where(known, draws, 0.0).sum(axis=0) / n
    squares: FloatArray = np.where(known, (draws - middle) ** 2, 0.0)
    return np.asarray(squares.sum(axis=0) / (n - 1), dtype=np.float64)


def _moved(by: FloatArray) -> FloatArray:
    """Variance that two more clusters add: one common error, and one of a single judge."""
    squares = np.nan_to_num(by**2)
    concerned = np.maximum((squares[1:] > 0).sum(axis=0), 1)  # the others leave a pair as it is
    return np.asarray(squares[0] + squares[1:].sum(axis=0) / concerned, dtype=np.float64)
