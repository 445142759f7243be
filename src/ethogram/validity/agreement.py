"""Agreement of verdicts: between judges, between orders, between repeats.

Verdicts are coded by place, not by word: 0 for the trait that the tested model was shown as choice
1, 1 for choice 2, -1 for none. Every pair has other words, so with one category a word chance
agreement would be near 0 where a coin reaches one half. Pure numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import krippendorff
import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from ethogram.errors import InputError
from ethogram.ratings.comparisons import FloatArray, IntArray
from ethogram.ratings.profile import Profile
from ethogram.ratings.quantiles import central_range, normal_quantile
from ethogram.validity.proportions import (
    Estimate,
    bounded,
    cluster_sizes,
    contrast,
    proportion,
    shrink,
    wilson,
)

RESAMPLES = 400


# ---- chance-corrected agreement ------------------------------------------------------------


def cohen_kappa(
    a: IntArray, b: IntArray, *, clusters: NDArray[np.integer] | None = None, seed: int = 0
) -> Estimate:
    """Agreement of two judges beyond chance, each with its own rates.

    Parameters
    ----------
    a, b : int array, shape (n,)
        Verdicts on the same replies; rows where either is -1 are left out.
    clusters : int array, shape (n,), optional
        Replies to one prompt; where some share one, the interval is a bootstrap over prompts.
    seed : int
        For the bootstrap.

    Returns
    -------
    Estimate
        -1 to 1; NaN where both judges only ever gave one and the same verdict (kappa is 0/0).
        Where they always agree, the lower end is from Wilson's bound of their agreement.

    References
    ----------
    Cohen (1960), Educational and Psychological Measurement 20; large-sample variance: Fleiss,
    Cohen & Everitt (1969), Psychological Bulletin 72.
    """
    both = (np.asarray(a) >= 0) & (np.asarray(b) >= 0)
    n = int(both.sum())
    if not n:
        return Estimate(float("nan"), -1.0, 1.0, 0)
    verdicts = np.stack([np.asarray(a)[both], np.asarray(b)[both]], axis=1)
    p = _joint_shares(verdicts)
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    kappa, chance = _cohen(verdicts), float(rows @ columns)
    if np.isnan(kappa):
        return Estimate(kappa, -1.0, 1.0, n)
    groups = None if clusters is None else np.asarray(clusters)[both]
    if kappa == 1 or len(cluster_sizes(groups, n)[0]) < n:
        return _resampled(_cohen, verdicts, groups, seed, shares=rows)
    half = normal_quantile() * np.sqrt(_kappa_variance(p, rows, columns, kappa, chance) / n)
    return bounded(Estimate(kappa, kappa - half, kappa + half, n), -1.0, 1.0)


def _joint_shares(verdicts: IntArray) -> FloatArray:
    """Share of each pair of verdicts, shape (k, k), from those of two judges, shape (n, 2)."""
    k = int(verdicts.max()) + 1
    made: FloatArray = np.bincount(verdicts @ (k, 1), minlength=k * k).reshape(k, k) / len(verdicts)
    return made


def _cohen(verdicts: IntArray) -> float:
    """Cohen's kappa of two judges' verdicts, shape (n, 2)."""
    p = _joint_shares(verdicts)
    chance = float(p.sum(axis=1) @ p.sum(axis=0))
    return (float(np.trace(p)) - chance) / (1 - chance) if chance < 1 else float("nan")


def _kappa_variance(
    p: FloatArray, rows: FloatArray, columns: FloatArray, kappa: float, chance: float
) -> float:
    """Large-sample variance of kappa, times n."""
    same = np.diag(p) @ (1 - (rows + columns) * (1 - kappa)) ** 2
    off = p * (columns[:, None] + rows[None, :]) ** 2
    other = (1 - kappa) ** 2 * (off.sum() - np.trace(off))
    whole = same + other - (kappa - chance * (1 - kappa)) ** 2
    return float(max(whole, 0.0) / (1 - chance) ** 2)


def fleiss_kappa(
    verdicts: IntArray, *, clusters: NDArray[np.integer] | None = None, seed: int = 0
) -> Estimate:
    """Agreement of several judges beyond chance, with common rates.

    Parameters
    ----------
    verdicts : int array, shape (n, m)
        A row per reply, a column per judge; rows with a -1 are left out.
    clusters : int array, shape (n,), optional
        Replies to one prompt are resampled together.
    seed : int

    Returns
    -------
    Estimate
        With a bootstrap interval; NaN where only one verdict was ever given. Where the judges
        always agree, the lower end is from Wilson's bound of their agreement.

    References
    ----------
    Fleiss (1971), Psychological Bulletin 76.
    """
    verdicts = np.asarray(verdicts)
    full = (verdicts >= 0).all(axis=1)
    counts = _count_verdicts(verdicts[full])
    groups = None if clusters is None else np.asarray(clusters)[full]
    return _resampled(_fleiss, counts, groups, seed, shares=_verdict_shares(counts))


def _fleiss(counts: FloatArray) -> float:
    """Kappa from how many judges gave each verdict, shape (n, k)."""
    m = counts[0].sum()
    agreed = ((counts**2).sum(axis=1) - m).mean() / (m * (m - 1))
    chance = ((counts.mean(axis=0) / m) ** 2).sum()
    return float((agreed - chance) / (1 - chance)) if chance < 1 else float("nan")


def krippendorff_alpha(
    verdicts: IntArray, *, clusters: NDArray[np.integer] | None = None, seed: int = 0
) -> Estimate:
    """Krippendorff's alpha for nominal verdicts; any of them may be missing (-1).

    Parameters, Returns
    -------------------
    As `fleiss_kappa`; replies with fewer than two verdicts say nothing and are left out.

    References
    ----------
    Krippendorff (2019), Content Analysis, 4th ed., ch. 12; computed by the package `krippendorff`.
    """
    verdicts = np.asarray(verdicts)
    paired = (verdicts >= 0).sum(axis=1) >= 2
    counts = _count_verdicts(verdicts[paired])
    groups = None if clusters is None else np.asarray(clusters)[paired]
    return _resampled(_alpha, counts, groups, seed, shares=_verdict_shares(counts))


def _alpha(counts: FloatArray) -> float:
    """Alpha from how many judges gave each verdict, shape (n, k)."""
    if (counts.sum(axis=0) > 0).sum() < 2:
        return float("nan")
    return float(krippendorff.alpha(value_counts=counts, level_of_measurement="nominal"))


def _count_verdicts(verdicts: IntArray) -> FloatArray:
    """How many judges gave each verdict, shape (n, k)."""
    k = max(int(verdicts.max(initial=0)) + 1, 2)
    return np.stack([(verdicts == value).sum(axis=1) for value in range(k)], axis=1).astype(float)


def _verdict_shares(counts: FloatArray) -> FloatArray:
    """Share of each verdict among all, shape (k,)."""
    made: FloatArray = counts.sum(axis=0) / max(float(counts.sum()), 1.0)
    return made


def _resampled(
    statistic: Callable[[NDArray[Any]], float],
    rows: NDArray[Any],
    clusters: NDArray[np.integer] | None,
    seed: int,
    *,
    shares: FloatArray,
) -> Estimate:
    """A statistic of rows with a percentile bootstrap interval, clusters drawn whole."""
    n = len(rows)
    if not n:
        return Estimate(float("nan"), -1.0, 1.0, 0)
    sizes, of = cluster_sizes(clusters, n)
    whole = statistic(rows)
    if whole > 1 - 1e-9:
        return Estimate(1.0, _least_agreement(len(sizes), shares), 1.0, n)
    members = np.split(np.argsort(of, kind="stable"), np.cumsum(sizes)[:-1])
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(RESAMPLES):
        drawn = rng.integers(0, len(sizes), len(sizes))
        made.append(statistic(rows[np.concatenate([members[i] for i in drawn])]))
    seen = np.array(made)[~np.isnan(made)]
    low, high = central_range(seen) if seen.size else (-1.0, 1.0)
    return Estimate(whole, float(low), float(high), n)


def _least_agreement(n: int, shares: FloatArray) -> float:
    """Lower end beyond chance where n of n agree: a bootstrap would draw agreement only."""
    chance = float((shares**2).sum())
    return float((wilson(n, n)[0] - chance) / (1 - chance))


# ---- by trait ------------------------------------------------------------------------------


@dataclass(frozen=True)
class ByTrait:
    """A share for each trait, from the comparisons that it is in.

    Attributes
    ----------
    traits : tuple of str, length K
    count : int array, shape (K,)
        Observations of each trait.
    raw : float array, shape (K,)
        Share of each trait alone; NaN where nothing was observed.
    estimate, low, high : float array, shape (K,)
        Drawn toward the traits' common value, with a 95% interval.
    """

    traits: tuple[str, ...]
    count: IntArray
    raw: FloatArray
    estimate: FloatArray
    low: FloatArray
    high: FloatArray


def by_trait(
    hits: FloatArray | NDArray[np.bool_],
    first: IntArray,
    second: IntArray,
    traits: Sequence[str],
) -> ByTrait:
    """Share of `hits` among the comparisons that each trait is in.

    Parameters
    ----------
    hits : array, shape (n,)
        0 to 1.
    first, second : int array, shape (n,)
        The two traits of each comparison; it counts for both.
    traits : sequence of str, length K
    """
    k, hits = len(traits), np.asarray(hits, dtype=float)
    both = np.concatenate([first, second])
    count = np.bincount(both, minlength=k)
    total = np.bincount(both, np.tile(hits, 2), k)
    made = shrink(np.minimum(total, count), count)
    raw = np.divide(total, count, out=np.full(k, np.nan), where=count > 0)
    return ByTrait(tuple(traits), count, raw, made.estimate, made.low, made.high)


def trait_disagreement(
    verdicts: IntArray, first: IntArray, second: IntArray, traits: Sequence[str]
) -> ByTrait:
    """For each trait, how often two judges differ on a reply of a trial that it is in.

    Parameters
    ----------
    verdicts : int array, shape (n, m)
        As in `fleiss_kappa`; a reply counts where at least two judges gave a verdict, with the
        share of its pairs of judges that differ.
    """
    counts = _count_verdicts(np.asarray(verdicts))
    given = counts.sum(axis=1)
    paired = given >= 2
    pairs = given * (given - 1)
    same = (counts * (counts - 1)).sum(axis=1)
    differ = 1 - same[paired] / pairs[paired]
    return by_trait(differ, np.asarray(first)[paired], np.asarray(second)[paired], traits)


# ---- orders and repeats --------------------------------------------------------------------


@dataclass(frozen=True)
class Consistency:
    """The same replies judged in both orders.

    Attributes
    ----------
    consistent : Estimate
        Share judged the same in both orders.
    lean : Estimate
        Verdicts that go to the first place in both orders less those that go to the second, as a
        share of all: 0 for none, 1 for a judge that always names the first.
    n, lost : int
        Replies with a verdict in both orders, and without.
    """

    consistent: Estimate
    lean: Estimate
    n: int
    lost: int

    @property
    def sentence(self) -> str:
        """The finding in plain words."""
        if not self.n:
            return "No reply has a verdict in both orders."
        if self.consistent.few:
            return f"Replies that were judged in both orders: {self.consistent.few}."
        start = (
            f"Judged in both orders, {self.consistent.percent} of {self.n:,} replies get the same "
            "verdict"
        )
        if self.lean.low > 0 or self.lean.high < 0:
            place = "first" if self.lean.estimate > 0 else "second"
            size = f"{100 * abs(self.lean.estimate):.0f}%"
            return f"{start}; {size} of verdicts go to the trait shown {place}, whatever the reply."
        return f"{start}; no lean to either position is shown."


def position_consistency(
    forward: IntArray, swapped: IntArray, *, prompt: NDArray[np.integer] | None = None
) -> Consistency:
    """Compare verdicts on the same replies in both orders.

    Parameters
    ----------
    forward, swapped : int array, shape (n,)
        1 where the judge named the trait that it was shown first in that order, 0 where the second,
        -1 where none.
    prompt : int array, shape (n,), optional
        Clusters.

    Notes
    -----
    Position consistency and preference as in Shi et al. (2024), arXiv 2406.07791.
    """
    forward, swapped = np.asarray(forward), np.asarray(swapped)
    both = (forward >= 0) & (swapped >= 0)
    clusters = None if prompt is None else np.asarray(prompt)[both]
    one, other = forward[both], swapped[both]
    net = (one + other - 1).astype(np.float64)
    lean = contrast(net, np.zeros(len(net), dtype=np.int64), (1,), clusters=clusters, span=2.0)
    return Consistency(
        consistent=proportion(one != other, clusters=clusters),
        lean=bounded(lean, -1.0, 1.0),
        n=int(both.sum()),
        lost=int((~both).sum()),
    )


@dataclass(frozen=True)
class Stability:
    """The same replies judged twice in the same order.

    Attributes
    ----------
    same : Estimate
        Share with the same verdict.
    kappa : Estimate
        The same, beyond chance.
    n, lost : int
    """

    same: Estimate
    kappa: Estimate
    n: int
    lost: int


def repeat_stability(
    once: IntArray, again: IntArray, *, prompt: NDArray[np.integer] | None = None
) -> Stability:
    """Compare verdicts on the same replies, same order, asked twice (0, 1, or -1 for none)."""
    once, again = np.asarray(once), np.asarray(again)
    both = (once >= 0) & (again >= 0)
    clusters = None if prompt is None else np.asarray(prompt)[both]
    return Stability(
        same=proportion(once[both] == again[both], clusters=clusters),
        kappa=cohen_kappa(once[both], again[both], clusters=clusters),
        n=int(both.sum()),
        lost=int((~both).sum()),
    )


@dataclass(frozen=True)
class Retest:
    """Trials asked and judged again.

    Attributes
    ----------
    repeats : Estimate
        Share of trials whose choice was the same again.
    by_trait : ByTrait
        The same for the trials of each trait.
    reliability, low, high : float array, shape (K,)
        What the repeats imply for each trait's rating in the whole study: 1 less the variance of
        its win rate over retests, as a share of the variance of win rates between traits.
    overall : Estimate
        The reliability with the mean noise of all traits: the correlation to expect between the
        win rates of two runs of the whole study. Its interval is that of `repeats`, carried over.
    n, lost : int
    """

    repeats: Estimate
    by_trait: ByTrait
    reliability: FloatArray
    low: FloatArray
    high: FloatArray
    overall: Estimate
    n: int
    lost: int


def retest(
    once: IntArray,
    again: IntArray,
    first: IntArray,
    second: IntArray,
    profile: Profile,
    *,
    prompt: NDArray[np.integer] | None = None,
) -> Retest:
    """How often a choice repeats, and the reliability that this implies for each trait.

    Parameters
    ----------
    once, again : int array, shape (n,)
        Verdicts (0, 1, or -1) of the trial and of its repetition.
    first, second : int array, shape (n,)
        The traits of each trial.
    profile : Profile
        Of the whole study: how often each trait was compared, and won.

    Notes
    -----
    A verdict that differs from its repetition in a share d of trials has a variance of d / 2 over
    repetitions. A win rate over N trials has d / (2 N) of it, and the reliability is
    1 - d / (2 N V), V being the variance of the observed win rates between traits (Lord & Novick
    1968, ch. 3: reliability is true over observed variance). The prompts are the same again, so
    this says nothing of other prompts and is an upper bound for them.
    """
    once, again = np.asarray(once), np.asarray(again)
    both = (once >= 0) & (again >= 0)
    same = once[both] == again[both]
    clusters = None if prompt is None else np.asarray(prompt)[both]
    traits = by_trait(same, np.asarray(first)[both], np.asarray(second)[both], profile.traits)
    repeats = proportion(same, clusters=clusters)
    n_by_trait = np.maximum(profile.n_by_trait, 1)
    spread = float((profile.wins_by_trait / n_by_trait).var())
    if spread <= 0:
        raise InputError(
            "all traits have the same win rate; reliability cannot be computed from it"
        )

    def implied(share: FloatArray | float) -> FloatArray:
        return np.clip(1 - (1 - np.asarray(share)) / (2 * n_by_trait * spread), 0.0, 1.0)

    whole = [float(implied(x).mean()) for x in (repeats.estimate, repeats.low, repeats.high)]

    return Retest(
        repeats=repeats,
        by_trait=traits,
        reliability=implied(traits.estimate),
        low=implied(traits.low),
        high=implied(traits.high),
        overall=Estimate(whole[0], whole[1], whole[2], repeats.n),
        n=int(both.sum()),
        lost=int((~both).sum()),
    )


# ---- ratings of several judges -------------------------------------------------------------


def rating_agreement(profiles: Sequence[Profile]) -> FloatArray:
    """Spearman between the ratings of the same replies by several judges, shape (m, m).

    Only traits that all profiles have are compared. NaN with a profile whose ratings are all the
    same, as equal ranks agree with nothing.

    Raises
    ------
    InputError
        Fewer than two profiles, or fewer than three traits in common.
    """
    common = [t for t in profiles[0].traits if all(t in p.traits for p in profiles)]
    if len(profiles) < 2 or len(common) < 3:
        raise InputError(
            f"{len(profiles)} profiles with {len(common)} traits in common: expected at least two "
            "profiles and three traits"
        )
    shared = [p.restrict(common) for p in profiles]
    differ = np.flatnonzero([not p.is_flat for p in shared])
    correlations = np.full((len(shared), len(shared)), np.nan)
    if differ.size:
        ranks = np.array([rankdata(shared[i].strengths) for i in differ])
        correlations[np.ix_(differ, differ)] = np.corrcoef(ranks)
    return correlations
