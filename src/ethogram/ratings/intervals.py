"""The interval that a profile carries, chosen by what the data are.

- Every comparison with a prompt of its own: the Fisher information.
- Prompts shared by several comparisons: a jackknife of prompts, t quantile on the effective number
  of prompts. What a prompt does to all its comparisons would otherwise pass for certainty.
- A trait with fewer than five wins or losses: its profile likelihood, widened as much as sharing
  prompts widens the others. The jackknife collapses there: a trait that always wins has nothing
  to vary. What so few verdicts leave open is closed by a heavy-tailed prior, without which the
  extreme traits of small studies are held too often. Of a trait that won or lost all, the end
  nearer the other traits is the Fisher information's: the likelihood puts no weight on a lucky
  streak, and held the truth for such traits in 78% of simulated studies, this in 95%.

Knows nothing of models, judges or files.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from ethogram.errors import InputError, NotConverged
from ethogram.ratings.budget import correlations_fit, inverse_fits
from ethogram.ratings.comparisons import BoolArray, FloatArray, IntArray
from ethogram.ratings.covariance import (
    drawn_variances,
    fisher_covariance,
    fisher_variances,
    jackknife,
    likelihood_intervals,
)
from ethogram.ratings.models import Fit, refit
from ethogram.ratings.pairs import PairCounts, tally
from ethogram.ratings.phases import say_phase
from ethogram.ratings.quantiles import LEVEL, normal_quantile, t_quantile
from ethogram.ratings.resampling import bootstrap
from ethogram.ratings.spread import resampled_spread, variances

KINDS = ("auto", "fisher", "clustered", "bootstrap")
FEW = 5
"""Wins or losses below which a trait gets a profile-likelihood interval."""

CAUCHY = 2.5
"""Logits: scale of the prior of the profile-likelihood intervals.

In simulated studies of ten traits whose spread (SD) is 0.6 to 2 logits, extreme traits are then
held 93 to 97% of the time; see docs/ratings.md.
"""

FEW_CLUSTERS = 20
"""Effective prompts below which the intervals come with a warning."""

# Profile likelihoods of many traits at once cost (traits) x (parameters)^3: some ten seconds here.
_MOST_WORK = 2e9

_DRAWS = 400  # for standard errors, where no matrix of traits by traits fits the memory, and
_FEWER_RESAMPLES = 200  # of prompts, there


@dataclass(frozen=True)
class Intervals:
    """Covariance and intervals of (strengths, effects), with their level and how they were made.

    The covariance is of one dimension, the variances alone, where there are too many traits.
    """

    covariance: FloatArray
    low: FloatArray
    high: FloatArray
    words: str
    caveats: tuple[str, ...]
    level: float


def find_intervals(
    rows: PairCounts,
    pairs: PairCounts,
    fit: Fit,
    cluster: IntArray,
    *,
    kind: str = "auto",
    level: float = LEVEL,
    resamples: int = 1000,
    seed: int = 0,
) -> Intervals:
    """Intervals of all strengths and effects.

    Parameters
    ----------
    rows, pairs : PairCounts
        One row per comparison, and the same comparisons counted by kind.
    fit : Fit
    cluster : int array, shape (n,)
        Which prompt, codes from 0.
    kind : {"auto", "fisher", "clustered", "bootstrap"}
        "auto" is the rule of this module; "bootstrap" draws prompts with replacement.
    resamples, seed : int
        For the bootstrap.

    Raises
    ------
    InputError
        Another `kind`, or one prompt only where prompts are resampled.
    """
    if kind not in KINDS:
        raise InputError(f"interval is {kind!r}, expected one of {', '.join(KINDS)}")
    n_clusters = int(cluster.max()) + 1
    shared = n_clusters < len(cluster)
    if kind == "auto":
        kind = "clustered" if scattered(rows, cluster) else "fisher"
    if kind != "fisher" and n_clusters < 2:
        raise InputError(f"all comparisons share one prompt, so interval={kind!r} has no spread")
    kind, resamples, caveats = _affordable(kind, fit, resamples)
    correlations = correlations_fit(len(fit.parameters))
    say_phase("standard errors")
    model_based = _model_based(pairs, fit, seed)
    quantile = np.full(len(model_based), normal_quantile(level))
    covariance = model_based
    if kind == "fisher":
        words = "from the Fisher information"
        if shared:
            caveats.append(
                "Prompts are shared by several comparisons, which these intervals ignore."
            )
    elif kind == "clustered":
        left_out = jackknife(rows, fit, cluster, correlations=correlations)
        covariance = left_out.covariance
        quantile = t_quantile(np.maximum(left_out.effective - 1, 1), level)
        words = f"leaving out each of {n_clusters} prompts in turn (jackknife, t quantile)"
        caveats += few_prompts(left_out.effective[: len(fit.strengths)])
    else:
        refits = bootstrap(rows, fit, cluster, resamples=resamples, seed=seed)
        covariance = resampled_spread(refits)
        words = f"from {resamples} bootstrap resamples of {n_clusters} prompts"
    return _assemble(
        pairs,
        fit,
        covariance=covariance,
        model_based=model_based,
        quantile=quantile,
        words=words,
        caveats=caveats,
        level=level,
    )


def widened(intervals: Intervals, middle: FloatArray, added: FloatArray) -> Intervals:
    """Add a variance, shape (K,), to strengths; `middle` are all parameters, shape (P,)."""
    variance = variances(intervals.covariance)
    more = np.zeros_like(variance)
    more[: len(added)] = added
    grown = np.sqrt(1 + more / np.maximum(variance, 1e-12))
    spread = intervals.covariance + (more if intervals.covariance.ndim == 1 else np.diag(more))
    return replace(
        intervals,
        covariance=spread,
        low=middle - grown * (middle - intervals.low),
        high=middle + grown * (intervals.high - middle),
        words=f"{intervals.words}; wordings as a random effect",
    )


def _affordable(kind: str, fit: Fit, resamples: int) -> tuple[str, int, list[str]]:
    """Put what fits the memory in place of what does not, and say so."""
    if inverse_fits(len(fit.parameters)):
        return kind, resamples, []
    said = []
    if kind == "clustered":
        kind, resamples = "bootstrap", _FEWER_RESAMPLES
        said.append("Prompts are resampled: leaving out each would take too much memory.")
    said.append(
        f"Model-based standard errors are from {_DRAWS} random draws: 95 of 100 are within "
        f"{normal_quantile(0.95) / math.sqrt(2 * _DRAWS):.0%}, and the worst of thousands is some "
        f"{4 / math.sqrt(2 * _DRAWS):.0%} off."
    )
    return kind, resamples, said


def _model_based(pairs: PairCounts, fit: Fit, seed: int) -> FloatArray:
    """Covariance by the model, or as much of it as fits the memory."""
    if correlations_fit(len(fit.parameters)):
        return fisher_covariance(fit)
    if inverse_fits(len(fit.parameters)):
        return fisher_variances(fit)
    return drawn_variances(pairs, fit, draws=_DRAWS, seed=seed)


def scattered(rows: PairCounts, cluster: IntArray) -> bool:
    """Whether only the scatter between prompts says how sure the fit is, and there is any.

    So where prompts are shared, or verdicts are probabilities, which are no coin tosses.
    """
    n_clusters = int(cluster.max()) + 1
    soft = bool(np.any((rows.ties == 0) & (rows.wins > 0) & (rows.wins < rows.count)))
    return n_clusters > 1 and (soft or n_clusters < len(cluster))


def few_prompts(effective: FloatArray) -> tuple[str, ...]:
    """Caveat where some traits rest on few effective prompts."""
    fewest = effective.min()
    if fewest >= FEW_CLUSTERS:
        return ()
    return (
        f"Some traits rest on only {fewest:.1f} effective prompts; "
        f"intervals from fewer than {FEW_CLUSTERS} are rough.",
    )


def seldom(pairs: PairCounts) -> BoolArray:
    """Items with fewer than `FEW` wins or fewer than `FEW` losses."""
    few: BoolArray = np.minimum(*_record(pairs)) < FEW
    return few


def _record(pairs: PairCounts) -> tuple[FloatArray, FloatArray]:
    """Wins and losses of each item."""
    k, losses = pairs.n_items, pairs.count - pairs.wins
    won = tally(pairs.first, pairs.wins, k) + tally(pairs.second, losses, k)
    lost = tally(pairs.first, losses, k) + tally(pairs.second, pairs.wins, k)
    return won, lost


def _assemble(
    pairs: PairCounts,
    fit: Fit,
    *,
    covariance: FloatArray,
    model_based: FloatArray,
    quantile: FloatArray,
    words: str,
    caveats: list[str],
    level: float,
) -> Intervals:
    """Symmetric intervals, but from the profile likelihood for traits that seldom win or lose."""
    few = np.flatnonzero(seldom(pairs))
    if few.size:
        inflation = _inflation(pairs, covariance, model_based)
        covariance = _not_below(covariance, inflation * variances(model_based), few)
    half = quantile * np.sqrt(variances(covariance))
    low, high = fit.parameters - half, fit.parameters + half
    if few.size * len(low) ** 3 > _MOST_WORK:
        words += f"; from the Fisher information for {few.size} traits with few wins or losses"
    elif few.size:
        root = quantile[few] * np.sqrt(inflation)
        below, above = _under_heavy_tails(pairs, fit, few, root)
        won, lost = (record[few] for record in _record(pairs))
        missing, middle = np.isnan(below), fit.parameters[few]
        low[few] = np.where((lost > 0) & ~missing, np.minimum(below, middle), low[few])
        high[few] = np.where((won > 0) & ~missing, np.maximum(above, middle), high[few])
        who = "all traits" if few.size == pairs.n_items else f"{few.size} of {pairs.n_items} traits"
        words += f"; profile likelihood for {who}, with fewer than {FEW} wins or losses"
        if missing.any():
            words += f" (Fisher information for {missing.sum()} where that was not found)"
    return Intervals(covariance, low, high, words, tuple(caveats), level)


def _under_heavy_tails(
    pairs: PairCounts, fit: Fit, items: IntArray, root: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Profile-likelihood intervals under a prior whose width goes with each item's strength.

    It is the normal prior that EM would put in place of a Cauchy of scale `CAUCHY` at that strength
    (Gelman et al. 2008, Annals of Applied Statistics 2(4)): the further out, the wider. Where the
    likelihood's ends are not found, both are NaN.
    """
    ends = np.full((2, len(items)), np.nan)
    for i, (item, length) in enumerate(zip(items, root, strict=True)):
        ridge = max(fit.ridge, 2 / (CAUCHY**2 + float(fit.strengths[item]) ** 2))
        within = refit(pairs, fit, ridge=ridge)
        with suppress(NotConverged):
            found = likelihood_intervals(pairs, within, np.array([item]), root=np.array([length]))
            ends[:, i] = np.ravel(found) if within.converged else np.nan
    below, above = ends
    return below, above


def _inflation(pairs: PairCounts, covariance: FloatArray, model_based: FloatArray) -> float:
    """How much wider the variances are than the model's, over traits that can tell; at least 1."""
    k = pairs.n_items
    often = ~seldom(pairs)
    ratio = variances(covariance)[:k] / variances(model_based)[:k]
    return float(max(1.0, np.median(ratio[often] if often.any() else ratio)))


def _not_below(covariance: FloatArray, variance: FloatArray, items: IntArray) -> FloatArray:
    """Raise the variances of these items to the given ones, correlations kept."""
    scale = np.ones(len(covariance))
    now = variances(covariance)[items]
    scale[items] = np.sqrt(np.maximum(1, variance[items] / np.maximum(now, 1e-300)))
    if covariance.ndim == 1:
        return covariance * scale**2
    return covariance * scale[:, None] * scale[None, :]
