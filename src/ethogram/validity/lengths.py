"""Does a trait win with long replies? A diagnosis, never part of the headline ratings.

The length of a reply has no sign under swapping the two traits, so it cannot be one covariate as
position is. It enters as a slope of its own for each trait: the trait's strength in a reply of
mean length, plus its slope times how long the reply was. Where prompts are shared by several
comparisons, each prompt is left out in turn: a prompt that asks for long replies and favours a
trait would otherwise pass for a slope.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control
from scipy.stats import t as student

from ethogram.errors import InputError
from ethogram.ratings.budget import slopes_fit
from ethogram.ratings.comparisons import Comparisons, FloatArray
from ethogram.ratings.covariance import centred, jackknife
from ethogram.ratings.intervals import few_prompts, scattered, seldom
from ethogram.ratings.models import DEFAULT_RIDGE, fit_bradley_terry
from ethogram.ratings.pairs import PairCounts, pair_rows
from ethogram.ratings.quantiles import t_quantile
from ethogram.ratings.rate import clusters

LENGTH_CAVEATS: tuple[str, ...] = (
    "The length is an outcome of the reply, as the trait shown is: a slope is an association, not "
    "what a longer reply would do.",
    "The judge's position is not taken out of the slopes.",
)
"""What is said of all slopes."""


@dataclass(frozen=True)
class LengthSlopes:
    """How each trait's strength goes with the length of the reply.

    The length is an outcome of the reply, so a slope is not causal; and the judge's position is
    left out of the fit.

    Attributes
    ----------
    traits : tuple of str, length K
    slope, low, high : float array, shape (K,)
        Logits per standard deviation of the log length, mean 0 over traits; 95% intervals.
    p_adjusted : float array, shape (K,)
        Of no slope, Benjamini-Hochberg over the traits.
    n : int
        Comparisons whose reply has a known length.
    interval : str
        How `low` and `high` were made, in plain words.
    caveats : tuple of str
    """

    traits: tuple[str, ...]
    slope: FloatArray
    low: FloatArray
    high: FloatArray
    p_adjusted: FloatArray
    n: int
    interval: str
    caveats: tuple[str, ...]


def length_slopes(comparisons: Comparisons, *, ridge: float = DEFAULT_RIDGE) -> LengthSlopes:
    """Slope of each trait's strength on the log length of the reply.

    The intervals are from the Fisher information where every comparison has a prompt of its own,
    else from a jackknife of prompts, t quantile on the effective number of prompts. For traits
    with fewer than five wins or losses they are never narrower than the Fisher information's.

    Raises
    ------
    InputError
        Fewer than two different known lengths, verdicts that are all one half, or more traits and
        replies than fit the memory.
    DisconnectedError
        Among the comparisons of known length some traits never meet the others.
    NotConverged
        What leaving out a prompt does was not computed.
    """
    known = comparisons.take(np.flatnonzero(comparisons.length > 0))
    if not slopes_fit(len(known), known.n_traits):
        raise InputError(
            f"slopes of {known.n_traits:,} traits on the lengths of {len(known):,} replies do not "
            "fit in memory; take fewer of either"
        )
    rows, k = _rows(known), known.n_traits
    cluster = clusters(known)
    fit = fit_bradley_terry(rows, ridge=ridge)
    slope = fit.effects[:k] - fit.effects[:k].mean()
    variance = _variance(fit.inverse, k)
    freedom, words, caveats = np.full(k, np.inf), "95%, from the Fisher information", LENGTH_CAVEATS
    caveats += fit.caveats
    if scattered(rows, cluster):
        left_out = jackknife(rows, fit, cluster)
        clustered, effective = _variance(left_out.covariance, k), left_out.effective[k : 2 * k]
        variance = np.where(seldom(rows), np.maximum(variance, clustered), clustered)
        freedom = np.maximum(effective - 1, 1)
        words = f"95%, leaving out each of {cluster.max() + 1} prompts in turn (jackknife)"
        caveats += few_prompts(effective)
    elif cluster.max() + 1 < len(cluster):
        caveats += ("All comparisons share one prompt, which the intervals ignore.",)
    error = np.sqrt(variance)
    half = t_quantile(freedom) * error
    return LengthSlopes(
        traits=known.traits,
        slope=slope,
        low=slope - half,
        high=slope + half,
        p_adjusted=false_discovery_control(2 * student.sf(np.abs(slope) / error, freedom)),
        n=len(known),
        interval=words,
        caveats=caveats,
    )


def _rows(known: Comparisons) -> PairCounts:
    """Comparisons with the reply's length on the side of each trait, and the model's position."""
    length = np.log(known.length)
    n, k = len(known), known.n_traits
    if not n or np.ptp(length) == 0:
        raise InputError(
            f"replies of known length: {n}{', all of the same length' if n > 1 else ''}; "
            "expected several of different length"
        )
    if known.undecided:
        raise InputError(
            f"there is no slope on length, as the verdicts do not differ: each of {n:,} is one half"
        )
    standard = (length - length.mean()) / length.std()
    columns = np.zeros((n, k + 1))
    columns[np.arange(n), known.first] = standard
    columns[np.arange(n), known.second] = -standard
    columns[:, k] = 1  # being choice 1
    return pair_rows(known.first, known.second, known.outcome, k, tie=known.tie, covariates=columns)


def _variance(covariance: FloatArray, k: int) -> FloatArray:
    """Variances of the k slopes, which follow the k strengths, against their mean."""
    variance: FloatArray = np.diag(centred(covariance[k : 2 * k, k : 2 * k], k))
    return variance
