"""Does a trait win with long replies? A diagnosis, never part of the headline ratings.

The length of a reply has no sign under swapping the two traits, so it cannot be one covariate as
position is. It enters as a slope of its own for each trait: the trait's strength in a reply of
mean length, plus its slope times how long the reply was.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control, norm

from ethogram.comparisons import Comparisons, FloatArray
from ethogram.errors import InputError
from ethogram.pairs import pair_rows
from ethogram.ratings import DEFAULT_RIDGE, fit_bradley_terry
from ethogram.uncertainty import centred, inverse, normal_quantile


@dataclass(frozen=True)
class LengthSlopes:
    """How each trait's strength changes with the length of the reply.

    Attributes
    ----------
    traits : tuple of str, length K
    slope, low, high : float array, shape (K,)
        Logits per standard deviation of the log length, mean 0 over traits; 95% intervals.
    p_adjusted : float array, shape (K,)
        Of no slope, Benjamini-Hochberg over the traits.
    n : int
        Comparisons whose reply has a known length.
    """

    traits: tuple[str, ...]
    slope: FloatArray
    low: FloatArray
    high: FloatArray
    p_adjusted: FloatArray
    n: int


def length_slopes(comparisons: Comparisons, *, ridge: float = DEFAULT_RIDGE) -> LengthSlopes:
    """Slope of each trait's strength on the log length of the reply, from the Fisher information.

    Raises
    ------
    InputError
        Fewer than two different known lengths.
    DisconnectedError
        Among the comparisons of known length some traits never meet the others.
    """
    known = comparisons.take(np.flatnonzero(comparisons.length > 0))
    length = np.log(known.length)
    if not len(known) or np.ptp(length) == 0:
        raise InputError(
            f"{len(known)} comparisons have a reply of known length, expected several of different "
            f"length; keep the replies' lengths to use this diagnosis"
        )
    n, k = len(known), known.n_traits
    standard = (length - length.mean()) / length.std()
    columns = np.zeros((n, k + 1))
    columns[np.arange(n), known.first] = standard
    columns[np.arange(n), known.second] = -standard
    columns[:, k] = 1  # being choice 1
    rows = pair_rows(known.first, known.second, known.outcome, k, tie=known.tie, covariates=columns)
    fit = fit_bradley_terry(rows, ridge=ridge)
    slope = fit.effects[:k] - fit.effects[:k].mean()
    error = np.sqrt(np.diag(centred(inverse(fit)[k : 2 * k, k : 2 * k], k)))
    p = 2 * norm.sf(np.abs(slope) / error)
    half = normal_quantile() * error
    return LengthSlopes(
        known.traits, slope, slope - half, slope + half, false_discovery_control(p), n
    )
