"""How uncertain strengths are: a covariance of traits by traits, or variances alone.

A covariance of some thousand traits is hundreds of megabytes (`ethogram.ratings.budget`). Where it
is not kept, a one-dimensional array of variances stands in its place, and errors of two traits are
taken as independent but for the mean that all share.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cholesky

from ethogram.ratings.budget import EIGENVECTORS, correlations_fit
from ethogram.ratings.comparisons import FloatArray, IntArray

_JITTER = 1e-9  # of the mean variance, added to a singular covariance before it is factorised


def variances(spread: FloatArray) -> FloatArray:
    """Variances of the strengths, shape (K,)."""
    return spread if spread.ndim == 1 else np.diag(spread)


def first_parameters(spread: FloatArray, k: int) -> FloatArray:
    """Keep the first k parameters."""
    return spread[:k] if spread.ndim == 1 else spread[:k, :k]


def against_their_mean(spread: FloatArray, keep: IntArray) -> FloatArray:
    """Uncertainty of the kept strengths after they are shifted to mean zero."""
    k = len(keep)
    if spread.ndim == 1:
        variance = spread[keep]
        if k == len(spread):  # their mean is zero already
            return variance
        return np.asarray(variance * (1 - 2 / k) + variance.sum() / k**2)
    to_mean_zero = np.eye(k) - 1 / k
    return np.asarray(to_mean_zero @ spread[np.ix_(keep, keep)] @ to_mean_zero)


def added(one: FloatArray, other: FloatArray) -> FloatArray:
    """Uncertainty of the sum, or the difference, of two independent sets of strengths.

    Variances alone where either side has no more than these.
    """
    if one.ndim != other.ndim:
        one, other = variances(one), variances(other)
    return np.asarray(one + other)


def resampled_spread(refits: FloatArray) -> FloatArray:
    """Covariance over refits (r, K), or their variances alone where it does not fit the memory."""
    if correlations_fit(refits.shape[1]):
        return np.cov(refits.T)
    return np.asarray(refits.var(axis=0, ddof=1))


def stretched(spread: FloatArray, strengths: FloatArray, scale: float, size: float) -> FloatArray:
    """Uncertainty of scale * strengths / size, the size being that of these strengths.

    The derivative is scale * (1 / size - s s' / (K size^3)).
    """
    s, k = strengths, len(strengths)
    if spread.ndim == 1:
        own, pull = scale / size, scale / (k * size**3)
        return np.asarray(
            own**2 * spread - 2 * own * pull * s**2 * spread + pull**2 * s**2 * (s**2 @ spread)
        )
    slope = scale * (np.eye(k) / size - np.outer(s, s) / (k * size**3))
    return np.asarray(slope @ spread @ slope.T)


def covariance_root(covariance: FloatArray) -> FloatArray:
    """R with R R' the covariance, the same on every machine but for rounding.

    Covariances of centred strengths are singular, so by eigenvectors, whose signs each processor
    finds in its own way: the symmetric root does not depend on them. Of more than a thousand
    traits, where these take minutes, by Cholesky, a billionth of the mean variance added.
    """
    if len(covariance) > EIGENVECTORS:
        raised = covariance.copy()
        raised[np.diag_indices(len(raised))] += _JITTER * np.diag(covariance).mean()
        return np.asarray(cholesky(raised, lower=True, overwrite_a=True, check_finite=False))
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.T)


def spread_root(spread: FloatArray) -> FloatArray:
    """What `correlate_noise` takes: a root of the covariance, or standard errors alone."""
    return covariance_root(spread) if spread.ndim > 1 else np.sqrt(spread)


def correlate_noise(normal: FloatArray, root: FloatArray) -> FloatArray:
    """Turn standard normal draws (..., K) into noise whose uncertainty has this `spread_root`."""
    if root.ndim > 1:
        return np.asarray(normal @ root.T)
    noise = normal * root
    noise -= noise.mean(axis=-1, keepdims=True)
    return np.asarray(noise)
