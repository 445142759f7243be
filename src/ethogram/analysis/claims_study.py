"""Profiles of several models with repeats of their measurement, to test claims on them.

All intervals of claims say how far a quantity would move if the same models were asked the same
pairs again: draws from each profile's covariance. Pure: knows nothing of the claims, of files or
of pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ethogram.analysis.cohort import (
    Cohort,
    draw_strengths,
    form_cohort,
    measured_interval,
    rank_strengths,
)
from ethogram.analysis.components import explained_shares
from ethogram.analysis.similarity import correlation_matrix
from ethogram.analysis.tiers import Convergence, spread_by_tier, tier_bounds
from ethogram.errors import InputError
from ethogram.ratings.comparisons import FloatArray, IntArray
from ethogram.ratings.quantiles import LEVEL

if TYPE_CHECKING:
    from ethogram.ratings.profile import Profile


@dataclass(frozen=True)
class Estimate:
    """A quantity with its interval, and a remark such as "tied with indirect"."""

    value: float
    low: float
    high: float
    note: str = ""


@dataclass(frozen=True)
class Study:
    """Profiles of several models, and the same as repeats of the measurement could give them.

    Attributes
    ----------
    cohort : Cohort
    draws : float array, shape (n_draws, M, K)
        Strengths, logits.
    seed : int
    """

    cohort: Cohort
    draws: FloatArray
    seed: int

    @cached_property
    def ranks(self) -> FloatArray:
        """Rank of each trait in each model, 1 = strongest, shape (M, K)."""
        return rank_strengths(self.cohort.strengths)

    @cached_property
    def drawn_ranks(self) -> FloatArray:
        """The same in each draw, shape (n_draws, M, K)."""
        return rank_strengths(self.draws)

    @cached_property
    def order(self) -> IntArray:
        """The traits in order of mean rank, strongest first."""
        return np.argsort(self.ranks.mean(axis=0), kind="stable")

    @cached_property
    def spearman(self) -> FloatArray:
        """Rank correlations of all pairs of models, shape (M, M)."""
        return correlation_matrix(self.ranks)

    @cached_property
    def drawn_spearman(self) -> FloatArray:
        """The same in each draw, shape (n_draws, M, M)."""
        return correlation_matrix(self.drawn_ranks)

    @cached_property
    def explained(self) -> tuple[FloatArray, FloatArray]:
        """Share of variance of each component, shape (M,), and in each draw, (n_draws, M)."""
        return explained_shares(self.cohort.strengths), explained_shares(self.draws)

    @cached_property
    def convergence(self) -> Convergence:
        """Spread over models by tier, beside the null model."""
        return spread_by_tier(self.cohort, n_draws=len(self.draws), seed=self.seed)

    @property
    def pairs(self) -> tuple[IntArray, IntArray]:
        """All pairs of models."""
        first, second = np.triu_indices(len(self.cohort.models), 1)
        return first, second

    def trait(self, name: str) -> int:
        """Return a trait's index; an `InputError` if no model was asked it."""
        return _index(self.cohort.traits, name, "trait")

    def tier(self, name: str) -> tuple[int, int]:
        """Where a tier of the list, such as "top 20", starts and stops in `order`."""
        bounds = {tier: (start, stop) for tier, start, stop in tier_bounds(len(self.order))}
        if name not in bounds:
            raise InputError(f"there is no tier {name!r} in a list of {len(self.order)} traits")
        return bounds[name]

    def model(self, name: str) -> int:
        """Return a model's index; an `InputError` if it has no profile here."""
        return _index(self.cohort.models, name, "model")


def form_study(profiles: Sequence[Profile], *, n_draws: int = 2000, seed: int = 0) -> Study:
    """Bring profiles together and draw repeats of their measurement."""
    cohort = form_cohort(profiles)
    if len(cohort.models) < 2:
        raise InputError("claims on what models share need two profiles or more, got 1")
    return Study(cohort, draw_strengths(cohort, n_draws, np.random.default_rng(seed)), seed)


def _index(names: Sequence[str], name: str, kind: str) -> int:
    if name not in names:
        raise InputError(f"there is no {kind} {name!r} in these data")
    return names.index(name)


def moved(value: FloatArray | float, draws: FloatArray, note: str = "") -> Estimate:
    """Put the interval of its draws around a quantity."""
    low, high = measured_interval(np.asarray(value), draws)
    return Estimate(float(value), float(low), float(high), note)


def standardise(draws: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Standard errors of quantities (K,), and by how many of them each draw is off (n_draws, K)."""
    noise = draws - draws.mean(axis=0)
    error = noise.std(axis=0)
    off = np.divide(np.abs(noise), error, out=np.zeros_like(noise), where=error > 0)
    return error, off


def joint_half(draws: FloatArray, *, level: float = LEVEL) -> FloatArray:
    """Half widths of the intervals of several quantities that hold all at once.

    Each is the quantity's standard error times the quantile of the largest error of any (max-t).

    Parameters
    ----------
    draws : float array, shape (n_draws, K)

    Returns
    -------
    half : float array, shape (K,)
    """
    error, off = standardise(draws)
    return np.asarray(np.quantile(off.max(axis=1), level) * error)


def least_of(values: FloatArray, draws: FloatArray, notes: Sequence[str]) -> Estimate:
    """Put an interval around the least of several quantities, whichever it truly is.

    The least as measured is picked for being low, and another may be the true one. So the ends
    come from intervals of all of them that hold at once: the true least is not below the lowest of
    their lower ends, nor above the lowest of their upper ends.

    Parameters
    ----------
    values : float array, shape (K,)
    draws : float array, shape (n_draws, K)
    notes : sequence of str, length K
        What to remark if that one is the least.
    """
    half = joint_half(draws)
    least = int(values.argmin())
    return Estimate(
        float(values[least]),
        float((values - half).min()),
        float((values + half).min()),
        notes[least],
    )
