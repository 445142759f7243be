"""Strengths and intervals where pairs were chosen from the answers: a hierarchical posterior.

Whoever looked far apart by luck is not asked again, so under a flat prior an adaptive design
stretches the scale, and the intervals miss. A posterior does not care how pairs were chosen (the
likelihood principle), as long as its prior is as wide as the strengths spread. How wide that is
comes from the answers, too: priors of several widths are averaged, each by how likely it makes
them (Laplace's approximation; see Gelman et al., Bayesian Data Analysis, 2013, chapters 4 and 5).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array

from ethogram.ratings.comparisons import FloatArray
from ethogram.ratings.covariance import fisher_covariance
from ethogram.ratings.intervals import Intervals
from ethogram.ratings.models import Fit, log_likelihood
from ethogram.ratings.pairs import PairCounts
from ethogram.ratings.quantiles import LEVEL, normal_quantile

SPREAD, VARIES = 1.1, 0.5
"""Logits that strengths are expected to spread, as the published profiles do (0.7 to 1.6), and the
standard deviation of its logarithm: the prior of the prior's width."""

RIDGES = np.geomspace(0.1, 30, 9)
"""The priors that are averaged: spreads of 3.2 to 0.18 logits."""

WIDER = 1.04
"""By how much the posterior's standard errors are stretched. Laplace's approximation stands at the
mode, and is too narrow for traits that have won or lost nearly all: in 24 simulated studies of 40
traits, by 5% at 1,200 trials and by 11% at 472 (docs/how-many.md)."""

_LEAST = 1e-3  # of the weight of a prior that is left out

WORDS = "posterior under priors of several widths (pairs were chosen from the answers)"

FitUnder = Callable[[float], tuple[PairCounts, Fit]]
"""Fits the answers under the prior N(0, 1/ridge)."""


def average_priors(fit_under: FitUnder, *, level: float = LEVEL) -> tuple[Fit, Intervals]:
    """Return the mean of the posterior as a fit, and its intervals.

    Parameters
    ----------
    fit_under : function of a ridge
        Errors are its own.
    level : float
        Of each interval.

    Returns
    -------
    Fit
        Of the likeliest prior, with the posterior's mean in place of its strengths and effects.
    Intervals
        Normal, with the posterior's variance: within the priors and between them, and `WIDER`.
    """
    weights = _weights(fit_under)
    kept = [(w, fit_under(float(r))[1]) for w, r in zip(weights, RIDGES, strict=True) if w]
    mean = sum(w * fit.parameters for w, fit in kept)
    covariance = np.zeros((len(mean), len(mean)))
    for w, fit in kept:
        gap = fit.parameters - mean
        covariance += w * (fisher_covariance(fit) + np.outer(gap, gap))
    covariance *= WIDER**2
    half = normal_quantile(level) * np.sqrt(np.diag(covariance))
    likeliest = max(kept, key=lambda pair: pair[0])[1]
    k = len(likeliest.strengths)
    fit = replace(likeliest, strengths=mean[:k], effects=mean[k:])
    return fit, Intervals(covariance, mean - half, mean + half, WORDS, (), level)


def _weights(fit_under: FitUnder) -> FloatArray:
    """Return the posterior weight of each prior, shape of `RIDGES`; sums to 1."""
    usual = -((np.log(RIDGES) + 2 * np.log(SPREAD)) ** 2) / (8 * VARIES**2)
    logs = usual + [_marginal(*fit_under(float(ridge)), float(ridge)) for ridge in RIDGES]
    weights = np.exp(logs - logs.max())
    weights[weights < _LEAST * weights.sum()] = 0
    return np.asarray(weights / weights.sum())


def _marginal(pairs: PairCounts, fit: Fit, ridge: float) -> float:
    """Return the log marginal likelihood of the answers under a prior, up to a constant."""
    hessian = fit.hessian.toarray() if isinstance(fit.hessian, csr_array) else fit.hessian
    theta = fit.parameters
    prior = 0.5 * len(theta) * np.log(ridge) - 0.5 * ridge * float(theta @ theta)
    gaps = pairs.differences(fit.strengths, fit.effects)
    size = float(np.linalg.slogdet(hessian)[1])
    return float(log_likelihood(pairs, gaps, fit.tie)) + float(prior) - 0.5 * size
