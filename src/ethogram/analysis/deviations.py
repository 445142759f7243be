"""What sets a model apart: its traits furthest from the other models' mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control, norm

from ethogram.analysis.cohort import Cohort
from ethogram.ratings.comparisons import BoolArray, FloatArray, IntArray
from ethogram.ratings.quantiles import normal_quantile


@dataclass(frozen=True)
class Deviations:
    """Each model's distance from the mean of the others, trait by trait.

    Attributes
    ----------
    models : tuple of str, length M
    traits : tuple of str, length K
    logits, low, high : float array, shape (M, K)
        Strength minus the mean strength of the other models, with the pointwise 95%
        interval of the measurement.
    sds : float array, shape (M, K)
        The same in units of `unit`.
    unit : float
        Standard deviation of such differences over all models and traits, logits. It is
        pooled: with few models a trait's own deviation is too noisy to divide by.
    q : float array, shape (M, K)
        Benjamini-Hochberg p-value over all M x K tests that the difference is only noise.
    level : float
        False discovery rate of `significant`.
    """

    models: tuple[str, ...]
    traits: tuple[str, ...]
    logits: FloatArray
    low: FloatArray
    high: FloatArray
    sds: FloatArray
    unit: float
    q: FloatArray
    level: float = 0.05

    @property
    def significant(self) -> BoolArray:
        """Which differences are more than noise, at a false discovery rate of `level`."""
        return np.asarray(self.q <= self.level)

    def furthest(self, model: int, count: int = 10) -> IntArray:
        """Return the traits of a model furthest from the others, furthest first (indices)."""
        return np.argsort(-np.abs(self.logits[model]), kind="stable")[:count]


def deviate(cohort: Cohort, *, level: float = 0.05) -> Deviations:
    """Compare each model with the mean of the others, trait by trait.

    The p-values ask whether a difference is more than measurement noise (normal, models
    measured independently), not whether the model is unusual among all models there are.
    """
    strengths, variances = cohort.strengths, cohort.variances
    m = len(strengths)
    difference = (strengths - strengths.mean(axis=0)) * m / (m - 1)
    others = variances.sum(axis=0) - variances
    error = np.sqrt(variances + others / (m - 1) ** 2)
    z = np.divide(difference, error, out=np.zeros_like(difference), where=error > 0)
    p = 2 * norm.sf(np.abs(z))
    unit = float(np.sqrt((difference**2).mean()))
    return Deviations(
        models=cohort.models,
        traits=cohort.traits,
        logits=difference,
        low=difference - normal_quantile() * error,
        high=difference + normal_quantile() * error,
        sds=difference / unit if unit > 0 else np.zeros_like(difference),
        unit=unit,
        q=false_discovery_control(p.ravel()).reshape(p.shape),
        level=level,
    )
