"""Groups of traits that rise and fall together over models, and whether they hold.

A trait is the row of its strengths over models, less their mean: what is clustered is how
models differ, not which traits are strong. Any method finds groups in any cloud, so a
group counts only if it comes back in redraws, and better than the best group of a cloud
without groups does. A redraw adds measurement noise and weights the models anew: noise alone
would let every branch of any cloud come back once there are comparisons enough.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.cluster.hierarchy import linkage

from ethogram.analysis.cohort import Cohort, draw_noise
from ethogram.ratings.comparisons import BoolArray, FloatArray
from ethogram.ratings.phases import say_phase
from ethogram.ratings.spread import covariance_root

MINIMUM_SIZE = 3
MINIMUM_TRAITS = 8
MAXIMUM_TRAITS = 600
"""Redraws cost the cube of the traits: 2,000 of them take two minutes at this size."""
HOLDS = 0.75  # mean Jaccard from which a cluster is a valid, stable one (Hennig 2007)

# Traits (K, M) in; groups out, one row of members each, shape (G, K).
Grouping = Callable[[FloatArray], BoolArray]


@dataclass(frozen=True)
class Cluster:
    """A group of traits with the mean Jaccard similarity to its best match over redraws."""

    traits: tuple[str, ...]
    stability: float


@dataclass(frozen=True)
class Clustering:
    """What one method found.

    Attributes
    ----------
    method : str
    found : tuple of Cluster
        Every candidate of 3 traits to half of them, most stable first.
    holding : tuple of Cluster
        Those at or above the threshold, the more stable one of two that share traits.
    threshold : float
        The larger of 0.75 and `chance`.
    chance : float
        95th percentile of the best stability in a normal cloud of traits with the same
        covariance between models and so without groups.
    not_run : str
        Why the method was not run; empty where it was.
    n_draws, n_null : int
        Redraws of the profiles; clouds without groups.
    """

    method: str
    found: tuple[Cluster, ...] = ()
    holding: tuple[Cluster, ...] = ()
    threshold: float = HOLDS
    chance: float = float("nan")
    not_run: str = ""
    n_draws: int = 0
    n_null: int = 0


@dataclass(frozen=True)
class TraitClusters:
    """The Ward tree of the traits and the groups of both methods.

    Attributes
    ----------
    traits : tuple of str, length K
    tree : float array, shape (K - 1, 4), or (0, 4) where it was not made
        scipy linkage of Ward's method.
    ward, density : Clustering
    """

    traits: tuple[str, ...]
    tree: FloatArray
    ward: Clustering
    density: Clustering


def cluster_traits(
    cohort: Cohort, *, n_draws: int = 50, n_null: int = 40, seed: int = 0
) -> TraitClusters:
    """Group the traits by Ward linkage and by density (PLSCAN), with stability.

    References
    ----------
    Ward (1963), JASA 58(301). Hennig (2007), Computational Statistics & Data Analysis 52(1).
    Rubin (1981), Annals of Statistics 9(1), for the weights.
    Bot et al., PLSCAN: the package `fast-plscan` (extra "clusters").
    """
    ward, density = Clustering("Ward linkage"), Clustering("PLSCAN")
    reason = _wrong_size(cohort)
    if reason:
        none = replace(ward, not_run=reason), replace(density, not_run=reason)
        return TraitClusters(cohort.traits, np.empty((0, 4)), *none)
    options = {"n_draws": n_draws, "n_null": n_null, "seed": seed}
    ward = assess_groups(cohort, ward_branches, method=ward.method, **options)
    grouping = _density_grouping(len(cohort.traits))
    if isinstance(grouping, str):
        density = replace(density, not_run=grouping)
    else:
        density = assess_groups(cohort, grouping, method=density.method, **options)
    tree = linkage(patterns(cohort.strengths), "ward", optimal_ordering=True)
    return TraitClusters(cohort.traits, tree, ward, density)


def patterns(strengths: FloatArray) -> FloatArray:
    """Each trait's strengths over models less their mean, shape (K, M)."""
    return np.ascontiguousarray((strengths - strengths.mean(axis=0)).T)


def assess_groups(
    cohort: Cohort, grouping: Grouping, *, method: str, n_draws: int, n_null: int, seed: int
) -> Clustering:
    """Find groups, measure how well each comes back, and compare with clouds without groups."""
    rng = np.random.default_rng(seed)
    groups, stability = group_stability(
        cohort.strengths, draw_noise(cohort, n_draws, rng), grouping, rng
    )
    best = []
    for i in range(n_null):
        say_phase(f"groups of traits ({method}), {i} of {n_null}")
        cloud = draw_cloud(cohort.strengths, rng)
        noise = draw_noise(cohort, n_draws, rng)
        best.append(max(group_stability(cloud, noise, grouping, rng)[1], default=0.0))
    chance = float(np.quantile(best, 0.95))
    threshold = max(HOLDS, chance)
    order = np.lexsort((groups.sum(axis=1), -stability))
    found = tuple(_cluster(cohort.traits, groups[i], stability[i]) for i in order)
    return Clustering(
        method=method,
        found=found,
        holding=_disjoint([c for c in found if c.stability >= threshold]),
        threshold=threshold,
        chance=chance,
        n_draws=n_draws,
        n_null=n_null,
    )


def group_stability(
    strengths: FloatArray, noise: FloatArray, grouping: Grouping, rng: np.random.Generator
) -> tuple[BoolArray, FloatArray]:
    """Group the traits and find the mean Jaccard of each group with its best match.

    Parameters
    ----------
    strengths : float array, shape (M, K)
    noise : float array, shape (n, M, K)
        Added to the strengths, one redraw per row.
    grouping : callable
    rng : Generator
        Of the models' weights, one set per redraw (Bayesian bootstrap: uniform on the simplex).

    Returns
    -------
    groups : bool array, shape (G, K)
        Of 3 to K / 2 members.
    stability : float array, shape (G,)
    """
    groups = grouping(patterns(strengths))
    size = groups.sum(axis=1)
    groups = groups[(size >= MINIMUM_SIZE) & (size <= groups.shape[1] / 2)]
    total = np.zeros(len(groups))
    weights = rng.dirichlet(np.ones(len(strengths)), size=len(noise)) * len(strengths)
    if len(groups):
        for one, weight in zip(noise, weights, strict=True):
            again = grouping(patterns(strengths + one) * np.sqrt(weight))
            if len(again):
                total += jaccard(groups, again).max(axis=1)
    return groups, total / len(noise)


def jaccard(left: BoolArray, right: BoolArray) -> FloatArray:
    """Jaccard similarity of every row of one table of members with every row of another."""
    a, b = left.astype(np.float32), right.astype(np.float32)
    both = a @ b.T
    return np.asarray(both / (a.sum(axis=1)[:, None] + b.sum(axis=1) - both), dtype=np.float64)


def ward_branches(points: FloatArray) -> BoolArray:
    """Every branch of the Ward tree as a row of members, shape (K - 1, K)."""
    k = len(points)
    members = np.zeros((2 * k - 1, k), dtype=bool)
    members[:k] = np.eye(k, dtype=bool)
    for row, (left, right, *_) in enumerate(linkage(points, "ward")):
        members[k + row] = members[int(left)] | members[int(right)]
    return members[k:]


def draw_cloud(strengths: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Draw strengths (M, K) whose patterns are one normal cloud, covariance as observed."""
    deviation = strengths - strengths.mean(axis=0)
    root = covariance_root(deviation @ deviation.T / deviation.shape[1])
    return np.asarray(root @ rng.normal(size=deviation.shape) + strengths.mean(axis=0))


def _density_grouping(n_traits: int) -> Grouping | str:
    """Make PLSCAN's grouping, or say why it cannot be made."""
    try:
        plscan = importlib.import_module("fast_plscan").PLSCAN
    except ImportError:
        return "fast-plscan is not installed; pip install 'ethogram[clusters]'"
    min_samples = min(5, n_traits // 4)

    def grouping(points: FloatArray) -> BoolArray:
        model = plscan(min_samples=min_samples, num_threads=1).fit(points.astype(np.float32))
        labels = np.asarray(model.labels_)
        return np.array([labels == label for label in range(labels.max() + 1)]).reshape(
            -1, len(points)
        )

    return grouping


def _wrong_size(cohort: Cohort) -> str:
    """Say why a cohort cannot be clustered, or nothing."""
    models, traits = len(cohort.models), len(cohort.traits)
    if traits < MINIMUM_TRAITS:
        return f"{traits} traits, and groups need at least {MINIMUM_TRAITS}"
    if traits > MAXIMUM_TRAITS:
        return f"{traits:,} traits, and redraws would take hours: at most {MAXIMUM_TRAITS}"
    if models < 3:
        return f"{models} models, and traits that move together need at least 3"
    return ""


def _disjoint(clusters: list[Cluster]) -> tuple[Cluster, ...]:
    """Keep each group that shares no trait with a more stable one."""
    kept: list[Cluster] = []
    for cluster in clusters:
        if all(set(cluster.traits).isdisjoint(other.traits) for other in kept):
            kept.append(cluster)
    return tuple(kept)


def _cluster(traits: tuple[str, ...], members: BoolArray, stability: float) -> Cluster:
    return Cluster(tuple(traits[i] for i in np.flatnonzero(members)), float(stability))
