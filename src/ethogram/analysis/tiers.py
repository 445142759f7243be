"""Where models agree: the spread of each trait over models, tier by tier, beside a null model.

A trait near the top of every list cannot differ much in rank: there is no room. So part of
"models agree at the top" is what ranks give by themselves. The null model here lets all
models differ equally on every trait, measures them with the same noise, and forms the
tiers anew in every draw.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ethogram.analysis.cohort import Cohort, draw_noise, measured_interval, rank_strengths
from ethogram.ratings.comparisons import FloatArray, IntArray
from ethogram.ratings.quantiles import central_range

STUDY_CUTS = (20 / 144, 50 / 144, 100 / 144)  # top 20, 21-50, 51-100, bottom 44 of 144


@dataclass(frozen=True)
class Spread:
    """A spread over models beside what the null model gives.

    Attributes
    ----------
    value, low, high : float
        Standard deviation over models (over n, not n - 1), mean over the tier's traits;
        95% interval of the measurement.
    null, null_low, null_high : float
        Mean and 95% range under the null model.
    p : float
        Two-sided: how often the null model is as far from its middle.
    """

    value: float
    low: float
    high: float
    null: float
    null_low: float
    null_high: float
    p: float


@dataclass(frozen=True)
class Tier:
    """Traits that stand next to each other in the order of mean rank."""

    name: str
    traits: tuple[str, ...]
    ranks: Spread
    logits: Spread


@dataclass(frozen=True)
class Convergence:
    """Spread over models by tier and by trait.

    Attributes
    ----------
    tiers : tuple of Tier
        From the most expressed to the most avoided traits.
    traits : tuple of str, length K
        In order of mean rank.
    mean_rank, rank_spread, logit_spread : float array, shape (K,)
        In the same order.
    null_rank, null_rank_low, null_rank_high : float array, shape (K,)
        Rank spread of the trait at the same place of the order under the null model: its
        mean and 95% range.
    null_sd : float
        True differences between models in the null model, one standard deviation, logits.
    n_models, n_draws : int
    """

    tiers: tuple[Tier, ...]
    traits: tuple[str, ...]
    mean_rank: FloatArray
    rank_spread: FloatArray
    logit_spread: FloatArray
    null_rank: FloatArray
    null_rank_low: FloatArray
    null_rank_high: FloatArray
    null_sd: float
    n_models: int
    n_draws: int

    def least_agreed(self, count: int = 10) -> tuple[str, ...]:
        """Return the traits with the largest rank spread, largest first."""
        return tuple(self.traits[i] for i in np.argsort(-self.rank_spread, kind="stable")[:count])


def spread_by_tier(cohort: Cohort, *, n_draws: int = 1000, seed: int = 0) -> Convergence:
    """Measure each tier's spread over models, and the same under the null model.

    Tiers are cut where the published study cut its 144 traits (after 20, 50 and 100), at
    the same shares of another number of traits.
    """
    rng = np.random.default_rng(seed)
    strengths = cohort.strengths
    ranks = rank_strengths(strengths)
    order = _order(ranks)
    drawn = strengths + draw_noise(cohort, n_draws, rng)
    null, null_sd = draw_null(cohort, n_draws, rng)
    null_rank, null_logit = _null_spreads(null)
    spread = ranks.std(axis=0)[order], strengths.std(axis=0)[order]
    spread_drawn = rank_strengths(drawn).std(axis=1)[:, order], drawn.std(axis=1)[:, order]
    traits = tuple(cohort.traits[i] for i in order)
    tiers = tuple(
        Tier(
            name,
            traits[start:stop],
            *(
                _spread(s[start:stop], d[:, start:stop], n[:, start:stop])
                for s, d, n in zip(spread, spread_drawn, (null_rank, null_logit), strict=True)
            ),
        )
        for name, start, stop in tier_bounds(len(traits))
    )
    low, high = central_range(null_rank)
    return Convergence(
        tiers=tiers,
        traits=traits,
        mean_rank=ranks.mean(axis=0)[order],
        rank_spread=spread[0],
        logit_spread=spread[1],
        null_rank=null_rank.mean(axis=0),
        null_rank_low=low,
        null_rank_high=high,
        null_sd=null_sd,
        n_models=len(cohort.models),
        n_draws=n_draws,
    )


def tier_bounds(n_traits: int) -> list[tuple[str, int, int]]:
    """Name the tiers of so many traits and say where each starts and stops (0-based)."""
    cuts = [0, *(round(share * n_traits) for share in STUDY_CUTS), n_traits]
    bounds = []
    for start, stop in pairwise(cuts):
        if stop <= start:
            continue
        if start == 0:
            name = f"top {stop}"
        elif stop == n_traits:
            name = f"bottom {stop - start}"
        else:
            name = f"{start + 1} to {stop}" if stop > start + 1 else f"{stop}"
        bounds.append((name, start, stop))
    return bounds


def draw_null(cohort: Cohort, n_draws: int, rng: np.random.Generator) -> tuple[FloatArray, float]:
    """Draw models that differ equally on every trait.

    Each draw is the cohort's mean profile, plus normal differences of one size for all
    traits and models, plus each model's measurement noise. The size makes the mean squared
    difference between models what was observed; the mean profile is drawn in, so that its
    variance with the new differences is the observed one too.

    Returns
    -------
    draws : float array, shape (n_draws, M, K)
    sd : float
        The size of the differences, logits; 0 if noise alone explains what was observed.
    """
    strengths = cohort.strengths
    m = len(strengths)
    centre = strengths.mean(axis=0)
    observed = strengths.var(axis=0, ddof=1).mean()
    sd = float(np.sqrt(max(0.0, observed - cohort.variances.mean())))
    signal = max(0.0, 1 - (observed / m) / centre.var()) if centre.var() > 0 else 0.0
    differences = rng.normal(scale=sd, size=(n_draws, *strengths.shape))
    return np.sqrt(signal) * centre + differences + draw_noise(cohort, n_draws, rng), sd


def _null_spreads(null: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rank and logit spreads (n, K), each draw in its own order of mean rank."""
    ranks = rank_strengths(null)
    order = _order(ranks)
    return (
        np.take_along_axis(ranks.std(axis=1), order, axis=1),
        np.take_along_axis(null.std(axis=1), order, axis=1),
    )


def _order(ranks: FloatArray) -> IntArray:
    """Order of the traits by mean rank over models (axis -2), strongest first."""
    return np.argsort(ranks.mean(axis=-2), axis=-1, kind="stable")


def _spread(spread: FloatArray, drawn: FloatArray, null: FloatArray) -> Spread:
    """Average a tier's traits and put the null model's draws beside it."""
    value = spread.mean()
    low, high = measured_interval(value, drawn.mean(axis=1))
    chance = null.mean(axis=1)
    null_low, null_high = central_range(chance)
    below, above = np.sum(chance <= value), np.sum(chance >= value)
    p = min(1.0, 2 * (1 + min(below, above)) / (1 + len(chance)))
    return Spread(
        value=float(value),
        low=max(0.0, float(low)),
        high=float(high),
        null=float(chance.mean()),
        null_low=float(null_low),
        null_high=float(null_high),
        p=float(p),
    )
