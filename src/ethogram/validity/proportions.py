"""Proportions with intervals: alone, in clusters, and many of a kind shrunk toward each other.

Pure numpy. Knows nothing of judges or traits; `validity.accuracy` and `validity.agreement`
say what is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ethogram.errors import InputError
from ethogram.ratings.comparisons import BoolArray, FloatArray, IntArray
from ethogram.ratings.quantiles import normal_quantile, t_quantile, tails

FEWEST = 5
"""Observations with which a share is told: the interval of fewer leaves hardly anything out."""


@dataclass(frozen=True)
class Estimate:
    """A number with its 95% interval.

    Attributes
    ----------
    estimate, low, high : float
        NaN, and the widest interval that is possible, where `n` is 0.
    n : int
        Observations behind it.
    """

    estimate: float
    low: float
    high: float
    n: int

    @property
    def few(self) -> str:
        """Where there are too few observations for a share: that there are, and how many."""
        return f"too few ({self.n}) to tell" if self.n < FEWEST else ""

    @property
    def percent(self) -> str:
        """In plain words, such as '79% (77 to 81)', or that there are too few to tell."""
        if not self.n:
            return "unknown (nothing was observed)"
        return self.few or self.interval

    @property
    def interval(self) -> str:
        """In percent, such as '79% (77 to 81)', however few: for what is no share of `n`."""
        shown = [_percent(x) for x in (self.estimate, self.low, self.high)]
        return f"{shown[0]}% ({shown[1]} to {shown[2]})"


def _percent(share: float) -> str:
    """Return a share as a whole number of percent, with a true minus and no negative zero."""
    shown = f"{100 * share:.0f}"
    return "0" if shown == "-0" else shown.replace("-", "\u2212")


@dataclass(frozen=True)
class Shrunken:
    """Proportions of several groups, each drawn toward what the groups have in common.

    Attributes
    ----------
    estimate, low, high : float array, shape (g,)
        Posterior mean and 95% interval of each group's probability.
    mean, spread : float
        Centre and standard deviation of the groups, in logits (posterior means).
    """

    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    mean: float
    spread: float


def wilson(
    hits: FloatArray | IntArray | float,
    n: FloatArray | IntArray | float,
    *,
    z: FloatArray | float | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Wilson's 95% interval of a proportion; 0 to 1 where `n` is 0.

    References
    ----------
    Wilson (1927), Journal of the American Statistical Association 22, 209-212.
    """
    hits, n = np.asarray(hits, dtype=float), np.asarray(n, dtype=float)
    z = normal_quantile() if z is None else z
    p = np.divide(hits, n, out=np.full(np.broadcast(hits, n).shape, 0.5), where=n > 0)
    some = np.where(n > 0, n, 1.0)
    middle = (p + z**2 / (2 * some)) / (1 + z**2 / some)
    half = z / (1 + z**2 / some) * np.sqrt(p * (1 - p) / some + z**2 / (4 * some**2))
    low, high = np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)
    return np.where(n > 0, low, 0.0), np.where(n > 0, high, 1.0)


def proportion(
    hits: BoolArray | FloatArray, *, clusters: NDArray[np.integer] | None = None
) -> Estimate:
    """Share of `hits`, with Wilson's interval on the number of independent observations.

    Parameters
    ----------
    hits : bool or float array, shape (n,)
        True (or 1) where the thing happened; a soft observation may lie between.
    clusters : int array, shape (n,), optional
        Observations of one cluster (one prompt, say) count as dependent. Negative entries are
        clusters of their own.

    Notes
    -----
    The number of observations is divided by the design effect, the clustered variance over the
    independent one (at least 1), as in Dean & Pagano (2015), Journal of Survey
    Statistics and Methodology 3.
    """
    hits = np.asarray(hits, dtype=float)
    n = len(hits)
    if not n:
        return Estimate(float("nan"), 0.0, 1.0, 0)
    p = float(hits.mean())
    sizes, of = cluster_sizes(clusters, n)
    z = t_quantile(max(len(sizes) - 1, 1))
    effect = 1.0
    if 0 < p < 1 and len(sizes) > 1:
        sums = np.bincount(of, hits - p)
        effect = max(1.0, float((sums**2).sum() / (n * p * (1 - p))))
    low, high = wilson(p * n / effect, n / effect, z=z)
    return Estimate(p, min(p, float(low)), max(p, float(high)), n)  # rounding: high 1 - 2e-16


def contrast(
    values: BoolArray | FloatArray,
    cell: NDArray[np.integer],
    weights: Sequence[float],
    *,
    clusters: NDArray[np.integer] | None = None,
    span: float = 0.0,
) -> Estimate:
    """Weighted sum of cell means, with a cluster-robust t interval.

    Parameters
    ----------
    values : array, shape (n,)
    cell : int array, shape (n,)
        Which cell each value is in, 0 to c - 1.
    weights : sequence of float, length c
        Such as (1, -1) for the difference of two means, (1,) for a plain mean.
    clusters : int array, shape (n,), optional
        As in `proportion`.
    span : float
        Distance between the least and the greatest value that is possible. Given, two clusters half
        of it above and below the mean are added to each cell in the variance (not in the estimate):
        else a few equal values would be taken for certainty.

    Returns
    -------
    Estimate
        NaN where a cell is empty; an infinite interval where there are fewer than two clusters.

    References
    ----------
    Liang & Zeger (1986), Biometrika 73 (the sandwich), with the factor g / (g - 1) for g clusters.
    Observations added for the variance of proportions: Agresti & Caffo (2000), The American
    Statistician 54.
    """
    values, weight = np.asarray(values, dtype=float), np.asarray(weights, dtype=float)
    n, sizes = len(values), np.bincount(cell, minlength=len(weight))
    if not sizes.all():
        return Estimate(float("nan"), -np.inf, np.inf, 0)
    means = np.bincount(cell, values, len(weight)) / sizes
    middle = float(weight @ means)
    groups, of = cluster_sizes(clusters, n)
    g = len(groups)
    if g < 2:
        return Estimate(middle, -np.inf, np.inf, n)
    pulls = np.bincount(of, (weight / sizes)[cell] * (values - means[cell]))
    variance = (pulls**2).sum() + (weight**2 / _clusters_by_cell(of, cell) ** 2).sum() * span**2 / 2
    half = float(t_quantile(g - 1) * np.sqrt(g / (g - 1) * variance))
    return Estimate(middle, middle - half, middle + half, n)


def _clusters_by_cell(of: IntArray, cell: NDArray[np.integer]) -> IntArray:
    """How many clusters have a value in each cell."""
    pairs: IntArray = np.unique(np.stack([np.asarray(cell), of]), axis=1)
    return np.bincount(pairs[0])


def shifted(made: Estimate, by: float) -> Estimate:
    """Add a constant to an estimate and its interval."""
    return Estimate(made.estimate + by, made.low + by, made.high + by, made.n)


def bounded(made: Estimate, least: float, most: float) -> Estimate:
    """Cut the interval to what is possible."""
    return Estimate(made.estimate, max(made.low, least), min(made.high, most), made.n)


def cluster_sizes(clusters: NDArray[np.integer] | None, n: int) -> tuple[IntArray, IntArray]:
    """Sizes of the clusters and the cluster of each row, numbered from 0.

    Raises
    ------
    InputError
        `clusters` has another length than the rows.
    """
    if clusters is None:
        return np.ones(n, dtype=np.int64), np.arange(n)
    labels = np.array(clusters, dtype=np.int64)
    if len(labels) != n:
        raise InputError(f"clusters has {len(labels)} entries, expected {n}, one per observation")
    alone = labels < 0
    labels[alone] = labels.max(initial=0) + 1 + np.arange(alone.sum())
    _, of, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    return sizes, of


def shrink(hits: FloatArray | IntArray, n: FloatArray | IntArray) -> Shrunken:
    """Estimate the probability of each group, drawn toward the groups' common value.

    hits ~ Binomial(n, p), logit p ~ Normal(mean, spread). Mean and spread are not plugged in but
    summed over a grid, so that the intervals carry what few groups leave open.

    Parameters
    ----------
    hits, n : array, shape (g,)
        Successes and trials of each group; a group with `n` = 0 gets the groups' distribution.

    Raises
    ------
    InputError
        No group at all, or more hits than trials.

    Notes
    -----
    Priors: mean flat over the grid, spread half-normal with scale 1 logit.

    References
    ----------
    Gelman et al., Bayesian Data Analysis, 3rd ed., 5.3 (there with a beta population).
    """
    hits, n = np.asarray(hits, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if not len(n) or (hits > n).any() or (hits < 0).any():
        raise InputError(f"hits {hits} of n {n}: expected 0 <= hits <= n for at least one group")
    counts: FloatArray
    counts, group, times = np.unique(
        np.stack([hits, n], axis=1), axis=0, return_inverse=True, return_counts=True
    )
    x = np.linspace(-9, 9, 361)
    means, spreads = (
        a.ravel() for a in np.meshgrid(np.linspace(-4, 5, 61), np.linspace(0.04, 2.6, 40))
    )
    prior = np.exp(-0.5 * ((x - means[:, None]) / spreads[:, None]) ** 2)
    prior /= prior.sum(axis=1, keepdims=True)
    log_likelihood = _log_binomial(counts[:, 0], counts[:, 1], x[:, None])
    peak = log_likelihood.max(axis=0)
    likelihood = np.exp(log_likelihood - peak)
    evidence = np.maximum(prior @ likelihood, 1e-300)
    log_weight = np.log(evidence) @ times - 0.5 * spreads**2
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    posterior = likelihood * (prior.T @ (weight[:, None] / evidence))
    posterior /= posterior.sum(axis=0)
    low, high = (_quantiles(x, posterior, q) for q in tails())
    return Shrunken(
        estimate=(expit(x) @ posterior)[group],
        low=expit(low)[group],
        high=expit(high)[group],
        mean=float(weight @ means),
        spread=float(weight @ spreads),
    )


def effective_counts(
    hits: BoolArray | FloatArray,
    group: NDArray[np.integer],
    clusters: NDArray[np.integer],
    groups: int,
) -> FloatArray:
    """How many independent observations each group's are worth; shape (groups,).

    Parameters
    ----------
    hits : bool or float array, shape (n,)
    group : int array, shape (n,)
        Which of the `groups` each is of.
    clusters : int array, shape (n,)
        Observations of one cluster depend on each other. Negative entries are clusters of their
        own.

    Notes
    -----
    A group of n observations, in clusters of m, is worth n / (1 + (m - 1) r): the design effect of
    Kish (1965, Survey Sampling, 5.4), m averaged over observations. The correlation r within a
    cluster is that of the analysis of variance, of all groups together, each around its own mean.
    Few clusters beyond one per group show little of it: of d more, it is taken to be 1 / (1 + d)
    at least, and where there are none it is 1.
    """
    hits = np.asarray(hits, dtype=float)
    n = np.bincount(group, minlength=groups).astype(float)
    _, labels = cluster_sizes(clusters, len(hits))
    pairs, of = np.unique(np.stack([group, labels]), axis=1, return_inverse=True)
    size, owner = np.bincount(of.ravel()).astype(float), pairs[0]
    squares = np.bincount(owner, size**2, groups)
    mean_size = np.divide(squares, n, out=np.ones(groups), where=n > 0)
    share = np.bincount(of.ravel(), hits) / size
    mean = np.divide(np.bincount(group, hits, groups), n, out=np.zeros(groups), where=n > 0)
    between, within = len(size) - np.count_nonzero(n), len(hits) - len(size)
    if within <= 0:
        return n
    r = 0.0
    if between > 0:
        common = float((n - np.divide(squares, n, out=np.zeros(groups), where=n > 0)).sum())
        ms_between = float((size * (share - mean[owner]) ** 2).sum()) / between
        ms_within = float((size * share * (1 - share)).sum()) / within
        whole = ms_between + (common / between - 1) * ms_within
        r = float(np.clip((ms_between - ms_within) / whole, 0, 1)) if whole > 0 else 0.0
    r = max(r, 1 / (1 + between))
    made: FloatArray = n / (1 + (mean_size - 1) * r)
    return made


def _log_binomial(hits: FloatArray, n: FloatArray, logit: FloatArray) -> FloatArray:
    """Log likelihood of `hits` of `n` at these logits, up to a constant."""
    made: FloatArray = -hits * np.logaddexp(0, -logit) - (n - hits) * np.logaddexp(0, logit)
    return made


def _quantiles(x: FloatArray, mass: FloatArray, q: float) -> FloatArray:
    """The q-quantile of each column of `mass` over the grid `x`."""
    below = np.cumsum(mass, axis=0) - 0.5 * mass
    return np.array([np.interp(q, column, x) for column in below.T])
