"""From the inside of traits to their ratings, and how traits lie to each other.

A trait is one row: the mean activation of the replies planted with it. Ratings are predicted for
each trait by a ridge regression that saw neither it nor any trait that is near to it in meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from ethogram.ratings.comparisons import BoolArray, FloatArray
from ethogram.validity.proportions import Estimate

PENALTIES = 10.0 ** np.arange(-3, 4)
LEAST = 8
"""Traits without which nothing is predicted."""
_SHUFFLES = 500


@dataclass(frozen=True)
class Utility:
    """How well ratings are predicted, left out with all that is near.

    Attributes
    ----------
    r : Estimate
        Pearson's correlation of predicted and measured ratings. Its interval is Fisher's, made as
        wide as correlations of shuffled ratings spread: predictions of different traits share
        most of what they were fitted on.
    p : float
        Share of shufflings of the ratings that predict as well or better.
    predicted : float array, shape (T,)
    """

    r: Estimate
    p: float
    predicted: FloatArray


def predict_ratings(
    rows: FloatArray, ratings: FloatArray, near: BoolArray, *, seed: int = 0
) -> Utility:
    """Predict each rating from the rows of traits that are not near to it.

    Parameters
    ----------
    rows : float array, shape (T, d)
    ratings : float array, shape (T,)
    near : bool array, shape (T, T)
        Left out together.

    Notes
    -----
    Rows and ratings are centred on the traits that are fitted, each time: centred on all, a row is
    minus the sum of the others, and so is its rating, so that any exact fit would give it away. The
    mean of the fitted ratings is not added, as it is the lower, the higher the one left out.
    """
    kernel = rows @ rows.T
    out = near | np.eye(len(rows), dtype=bool)
    predicted = _left_out(kernel, ratings, out)
    r = _correlate(predicted, ratings)
    rng = np.random.default_rng([seed, 0x17])
    drawn = [rng.permutation(ratings) for _ in range(_SHUFFLES)]
    chance = [_correlate(_left_out(kernel, y, out), y) for y in drawn]
    p = (1 + sum(c >= r for c in chance)) / (1 + _SHUFFLES)
    return Utility(_interval(r, chance, len(rows)), float(p), predicted)


def _left_out(kernel: FloatArray, y: FloatArray, out: BoolArray) -> FloatArray:
    """Predict each entry by a ridge regression on those that are not left out with it."""
    found = np.zeros(len(y))
    for i in range(len(y)):
        kept = np.flatnonzero(~out[i])
        if len(kept) > 1:
            own, new = _centred(kernel[np.ix_(kept, kept)], kernel[i, kept])
            found[i] = _ridge(own, y[kept] - y[kept].mean(), new)
    return found


def _centred(own: FloatArray, new: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Centre inner products on the fitted rows, and scale them to a mean square norm of 1."""
    means = own.mean(axis=0)
    centred = own - means - means[:, None] + means.mean()
    scale = max(float(np.trace(centred)) / len(centred), 1e-12)
    return centred / scale, (new - new.mean() - means + means.mean()) / scale


def _ridge(kernel: FloatArray, y: FloatArray, new: FloatArray) -> float:
    """Predict by the penalty with the least leave-one-out error (closed form)."""
    values, vectors = np.linalg.eigh(kernel)
    best, prediction = np.inf, 0.0
    for penalty in PENALTIES:
        inverse = (vectors / (np.maximum(values, 0) + penalty)) @ vectors.T
        weights = inverse @ y
        error = float(((weights / np.diag(inverse)) ** 2).sum())
        if error < best:
            best, prediction = error, float(new @ weights)
    return prediction


def _correlate(a: FloatArray, b: FloatArray) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else 0.0


def _interval(r: float, chance: Sequence[float], n: int) -> Estimate:
    z = np.arctanh(np.clip([r, *chance], -0.999999, 0.999999))
    half = 1.96 * float(np.std(z[1:]))
    low, high = np.tanh(z[0] - half), np.tanh(z[0] + half)
    return Estimate(r, min(r, float(low)), max(r, float(high)), n)


@dataclass(frozen=True)
class Nearness:
    """Cosines of trait directions, of pairs that are alike against the others.

    Attributes
    ----------
    alike, others : float
        Mean cosine; NaN where there are none.
    n_alike : int
        Pairs that are alike.
    p : float
        Share of shufflings of the traits with as large a difference, two-sided.
    """

    alike: float
    others: float
    n_alike: int
    p: float


def compare_cosines(cosines: FloatArray, alike: BoolArray, *, seed: int = 0) -> Nearness:
    """Compare the cosines of pairs that are alike with those of the others, by shuffling traits."""
    places = np.triu_indices(len(cosines), 1)
    values, same = cosines[places], alike[places]
    if not same.any() or same.all():
        return Nearness(float("nan"), float("nan"), int(same.sum()), float("nan"))
    gap = values[same].mean() - values[~same].mean()
    rng = np.random.default_rng([seed, 0xC0])
    drawn = []
    for _ in range(_SHUFFLES):
        order = rng.permutation(len(cosines))
        moved = cosines[np.ix_(order, order)][places]
        drawn.append(moved[same].mean() - moved[~same].mean())
    p = (1 + np.count_nonzero(np.abs(drawn) >= abs(gap) - 1e-12)) / (1 + _SHUFFLES)
    return Nearness(
        float(values[same].mean()), float(values[~same].mean()), int(same.sum()), float(p)
    )


def correlate_matrices(one: FloatArray, other: FloatArray, *, seed: int = 0) -> tuple[float, float]:
    """Spearman of the entries above the diagonal, and its p by shuffling traits (two-sided).

    References
    ----------
    Mantel (1967), Cancer Research 27.
    """
    places = np.triu_indices(len(one), 1)
    target = rankdata(other[places])
    rho = _correlate(rankdata(one[places]), target)
    rng = np.random.default_rng([seed, 0x3A])
    orders = [rng.permutation(len(one)) for _ in range(_SHUFFLES)]
    drawn = [_correlate(rankdata(one[np.ix_(o, o)][places]), target) for o in orders]
    p = (1 + np.count_nonzero(np.abs(drawn) >= abs(rho) - 1e-12)) / (1 + _SHUFFLES)
    return rho, float(p)
