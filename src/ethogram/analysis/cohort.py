"""A cohort: the profiles of several models on the traits that all of them share.

Everything between models starts here. Knows nothing of stores, services or files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata

from ethogram.errors import InputError
from ethogram.ratings.budget import correlations_fit
from ethogram.ratings.comparisons import FloatArray
from ethogram.ratings.quantiles import LEVEL, central_range
from ethogram.ratings.spread import correlate_noise, spread_root

if TYPE_CHECKING:
    from ethogram.ratings.profile import Profile

MINIMUM_TRAITS = 3
SPLIT_HALF = "split halves"
STANDARD_ERRORS = "standard errors"


@dataclass(frozen=True)
class Cohort:
    """Profiles of M models on K shared traits.

    Attributes
    ----------
    models : tuple of str, length M
        Labels, made distinct by condition and judge where a model occurs twice.
    traits : tuple of str, length K
    strengths : float array, shape (M, K)
        Logits, mean 0 in every row.
    covariances : float array, shape (M, K, K), or (M, K)
        Measurement covariance of each row, logits squared; the variances alone where so many
        models and traits take too much memory (`ethogram.ratings.budget`).
    reliability : float array, shape (M,)
        Share of a profile's variance that is not measurement noise.
    reliability_source : tuple of str, length M
        "split halves" where the profile carries that figure, else "standard errors":
        one minus the mean squared standard error over the variance of the strengths.
    n : tuple of int, length M
        Comparisons behind each profile.
    left_out : tuple of str
        Traits that some profile has and another lacks.
    """

    models: tuple[str, ...]
    traits: tuple[str, ...]
    strengths: FloatArray
    covariances: FloatArray
    reliability: FloatArray
    reliability_source: tuple[str, ...]
    n: tuple[int, ...]
    left_out: tuple[str, ...] = ()

    @property
    def correlations_kept(self) -> bool:
        """Whether the covariances are there, and not the variances alone."""
        return self.covariances.ndim > 2

    @property
    def variances(self) -> FloatArray:
        """Squared standard errors of the strengths, shape (M, K)."""
        if not self.correlations_kept:
            return self.covariances
        return np.asarray(np.einsum("mkk->mk", self.covariances))

    @cached_property
    def roots(self) -> FloatArray:
        """Matrices R with R R' the covariances, shape (M, K, K), or standard errors (M, K)."""
        return np.array([spread_root(one) for one in self.covariances])


def form_cohort(profiles: Sequence[Profile]) -> Cohort:
    """Bring profiles onto the traits that all of them share, in the first profile's order.

    Raises
    ------
    InputError
        No profile, or fewer than three shared traits.
    """
    if not profiles:
        raise InputError("no profiles given, expected at least one")
    traits = shared_traits(profiles)
    common = set(traits)
    everything = dict.fromkeys(trait for p in profiles for trait in p.traits)
    kept = [p if p.traits == traits else p.restrict(traits) for p in profiles]
    strengths = np.array([p.strengths for p in kept], dtype=np.float64)
    covariances = _covariances(kept)
    variances = np.array([p.variances for p in kept])
    reliability, source = _reliability(
        strengths, variances, [p.reliability if p.traits == traits else None for p in profiles]
    )
    return Cohort(
        models=label_models(profiles),
        traits=traits,
        strengths=strengths,
        covariances=covariances,
        reliability=reliability,
        reliability_source=source,
        n=tuple(p.n for p in kept),
        left_out=tuple(t for t in everything if t not in common),
    )


def _covariances(profiles: Sequence[Profile]) -> FloatArray:
    """Covariances (M, K, K) where all have them and they fit the memory, else variances (M, K)."""
    joint = all(p.covariance.ndim > 1 for p in profiles)
    if joint and correlations_fit(len(profiles[0].traits), len(profiles)):
        return np.array([p.covariance for p in profiles], dtype=np.float64)
    return np.array([p.variances for p in profiles], dtype=np.float64)


def shared_traits(profiles: Sequence[Profile]) -> tuple[str, ...]:
    """Return the traits that every profile has, in the first profile's order."""
    common = set(profiles[0].traits).intersection(*(p.traits for p in profiles[1:]))
    if len(common) < MINIMUM_TRAITS:
        names = ", ".join(p.model for p in profiles)
        raise InputError(
            f"the profiles of {names} share {len(common)} traits, expected at least "
            f"{MINIMUM_TRAITS}; compare models that were asked the same traits"
        )
    return tuple(t for t in profiles[0].traits if t in common)


def label_models(profiles: Sequence[Profile]) -> tuple[str, ...]:
    """Name each profile by its model; add condition, judge, then a number where they tell apart."""
    labels = [p.model or "model" for p in profiles]
    for more in ([p.condition for p in profiles], [p.judge for p in profiles]):
        kinds: dict[str, set[str]] = {}
        for label, extra in zip(labels, more, strict=True):
            kinds.setdefault(label, set()).add(extra)
        labels = [
            f"{label}, {extra}" if len(kinds[label]) > 1 and extra else label
            for label, extra in zip(labels, more, strict=True)
        ]
    count, seen = Counter(labels), Counter[str]()
    for i, label in enumerate(labels):
        if count[label] > 1:
            seen[label] += 1
            labels[i] = f"{label}, {seen[label]}"
    return tuple(labels)


def draw_strengths(cohort: Cohort, n_draws: int, rng: np.random.Generator) -> FloatArray:
    """Draw profiles as a repeat of the measurement could give them (parametric bootstrap).

    Returns
    -------
    draws : float array, shape (n_draws, M, K)
        Normal around the strengths with each profile's covariance; models independent.
    """
    return cohort.strengths + draw_noise(cohort, n_draws, rng)


def draw_noise(
    cohort: Cohort, n_draws: int, rng: np.random.Generator, *, models: slice = slice(None)
) -> FloatArray:
    """Draw measurement noise alone, shape (n_draws, M, K), logits."""
    m, k = cohort.strengths[models].shape
    noise = rng.normal(size=(m, n_draws, k))
    for i, root in enumerate(cohort.roots[models]):
        noise[i] = correlate_noise(noise[i], root)
    return np.ascontiguousarray(noise.transpose(1, 0, 2))


def rank_strengths(strengths: FloatArray) -> FloatArray:
    """Rank along the last axis, 1 = strongest, ties averaged.

    Equal to nine decimals is a tie: equal win counts leave a solver with other last bits.
    """
    return np.asarray(rankdata(-np.round(strengths, 9), axis=-1), dtype=np.float64)


def measured_interval(
    estimate: FloatArray, draws: FloatArray, *, level: float = LEVEL
) -> tuple[FloatArray, FloatArray]:
    """Quantiles of bootstrap draws (first axis), moved so that their mean is the estimate.

    The estimate already holds one dose of noise and every draw a second one, so draws of a
    correlation lie too low and draws of a spread too high. Only their width is used here.
    """
    moved = draws - draws.mean(axis=0) + estimate
    return central_range(moved, level=level)


def _reliability(
    strengths: FloatArray, variances: FloatArray, split_half: Sequence[float | None]
) -> tuple[FloatArray, tuple[str, ...]]:
    """Take the split-half reliability where there is one, else the one of the standard errors."""
    noise = variances.mean(axis=1)
    variance = strengths.var(axis=1)
    from_errors = 1 - np.divide(noise, variance, out=np.ones_like(noise), where=variance > 0)
    values = [float(e) if s is None else s for s, e in zip(split_half, from_errors, strict=True)]
    source = tuple(STANDARD_ERRORS if s is None else SPLIT_HALF for s in split_half)
    return np.array(values), source
