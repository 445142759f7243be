"""Two measurements of the same traits: how far they agree, net of noise, and where they part.

What a model says of itself against what it does; what it does freely against what it is forced to.
Pure; knows nothing of stores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.stats import false_discovery_control, norm
from scipy.stats import t as student

from ethogram.analysis.cohort import MINIMUM_TRAITS, rank_strengths
from ethogram.analysis.similarity import correlation_matrix, disattenuate
from ethogram.ratings.comparisons import FloatArray, IntArray
from ethogram.ratings.numbers import say_estimate
from ethogram.ratings.profile import Profile
from ethogram.ratings.quantiles import central_range, t_quantile

DRAWS = 2000
LEAST_RELIABILITY = 0.1
"""Below it a correlation is not corrected: the figure would be mostly the correction."""


class Interval(NamedTuple):
    """A number with its 95% interval; all NaN where it cannot be told."""

    estimate: float
    low: float
    high: float

    @property
    def words(self) -> str:
        """With two decimals, or that it cannot be told."""
        return say_estimate(self.estimate, self.low, self.high)


UNKNOWN = Interval(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class Scores:
    """One measurement of K traits.

    Attributes
    ----------
    traits : tuple of str
    values : float array, shape (K,)
        On a scale of their own.
    variances : float array, shape (K,)
        Squared standard errors, on that scale.
    reliability : float
        Share of the variance over traits that is no noise; may be negative.
    """

    traits: tuple[str, ...]
    values: FloatArray
    variances: FloatArray
    reliability: float

    def of(self, traits: Sequence[str]) -> Scores:
        """Return these traits only."""
        place = {trait: i for i, trait in enumerate(self.traits)}
        keep = np.array([place[trait] for trait in traits], dtype=np.int64)
        return Scores(tuple(traits), self.values[keep], self.variances[keep], self.reliability)


class Agreement(NamedTuple):
    """Spearman's correlation of two measurements over traits.

    Attributes
    ----------
    plain, corrected : Interval
        As measured; divided by the root of both reliabilities, which may exceed 1.
    reliability : tuple of float
        Of the two.
    n : int
        Traits.
    """

    plain: Interval
    corrected: Interval
    reliability: tuple[float, float]
    n: int


class Parted(NamedTuple):
    """A trait that two measurements place apart, in standard deviations over traits."""

    trait: str
    one: float
    other: float
    difference: Interval
    p_adjusted: float


def score_profile(profile: Profile) -> Scores:
    """Take the ratings of a profile; its split-half reliability, else that of standard errors."""
    made = score_strengths(profile.traits, profile.strengths, profile.variances)
    return made if profile.reliability is None else replace(made, reliability=profile.reliability)


def score_strengths(traits: Sequence[str], values: FloatArray, variances: FloatArray) -> Scores:
    """Take numbers with known errors; the reliability is that of the errors."""
    return Scores(tuple(traits), values, variances, float(_from_errors(values, variances)))


def score_items(traits: Sequence[str], answers: FloatArray) -> Scores | None:
    """Average a scale's items, with Cronbach's alpha; None where too little was answered.

    Parameters
    ----------
    traits : sequence of str, length K
    answers : float array, shape (K, I)
        Reversed items turned round already; NaN where an item was not answered.

    Notes
    -----
    Alpha is one minus the mean square of what neither trait nor item explains over that between
    traits (Hoyt 1941, Psychometrika 6(3)), which takes missing answers; that mean square over a
    trait's answers is its squared standard error. Of an item only its mean over traits is taken
    out, so that agreeing with everything cannot raise it.
    """
    there = ~np.isnan(answers)
    kept = there.any(axis=1)
    answers, there = answers[kept], there[kept]
    left = there.sum() - len(answers) - there.any(axis=0).sum() + 1
    if len(answers) < MINIMUM_TRAITS or left < 1:
        return None
    shown = there.any(axis=0)
    answers, there = answers[:, shown], there[:, shown]
    apart = answers - np.nanmean(answers, axis=0)
    values = np.nanmean(apart, axis=1)
    noise = np.nansum((apart - values[:, None]) ** 2) / left
    variances = noise / there.sum(axis=1)
    kept_traits = tuple(traits[i] for i in np.flatnonzero(kept).tolist())
    reliability = float(_from_errors(values, variances))
    return Scores(kept_traits, values - values.mean(), variances, reliability)


def _from_errors(values: FloatArray, variances: FloatArray) -> FloatArray:
    """Return one minus the mean squared standard error over the variance, along the last axis."""
    spread, noise = values.var(axis=-1, ddof=1), variances.mean(axis=-1)
    return np.asarray(1 - np.divide(noise, spread, out=np.ones_like(spread), where=spread > 0))


def measure_agreement(
    one: Scores, other: Scores, *, draws: int = DRAWS, seed: int = 0
) -> Agreement | None:
    """Correlate two measurements over the traits that both have; None for fewer than three.

    Nothing is known of a measurement that says the same of every trait.

    The traits are taken as a sample: intervals are the middle of bootstrap draws of traits, with
    both reliabilities computed anew in each draw, a little widened for few traits.

    References
    ----------
    Spearman (1904), American Journal of Psychology 15(1); Hesterberg (2015), The American
    Statistician 69(4), on expanded percentile intervals.
    """
    pair = _shared(one, other)
    if pair is None:
        return None
    if any(not scores.values.std() for scores in pair):  # the same of every trait
        reliability = (pair[0].reliability, pair[1].reliability)
        return Agreement(UNKNOWN, UNKNOWN, reliability, len(pair[0].traits))
    drawn = _draw_traits(len(pair[0].traits), draws, seed)
    measured, draws_of_it = _correlate(pair, None), _correlate(pair, drawn)
    k, reliability = len(pair[0].traits), (pair[0].reliability, pair[1].reliability)
    plain, corrected = (
        _widened(_middle(one, those, k), float(measured[0]), k)
        for one, those in zip(measured, draws_of_it, strict=True)
    )
    known = min(reliability) >= LEAST_RELIABILITY
    return Agreement(plain, corrected if known else UNKNOWN, reliability, k)


def compare_agreement(
    before: Scores, after: Scores, other: Scores, *, draws: int = DRAWS, seed: int = 0
) -> Interval:
    """Return by how much more `after` agrees with a third measurement than `before` does.

    Corrected for reliabilities, over the traits that all three have, which are drawn together.
    """
    traits = [t for t in before.traits if t in {*after.traits} & {*other.traits}]
    every = [scores.of(traits) for scores in (before, after, other)]
    if len(traits) < MINIMUM_TRAITS or min(s.reliability for s in every) < LEAST_RELIABILITY:
        return UNKNOWN
    drawn = _draw_traits(len(traits), draws, seed)
    first, second = (every[0], every[2]), (every[1], every[2])
    now = _correlate(second, None)[1] - _correlate(first, None)[1]
    draws_of_now = _correlate(second, drawn)[1] - _correlate(first, drawn)[1]
    if not np.ptp(draws_of_now):  # the same ranks before and after: no draw can tell
        return UNKNOWN
    return _middle(now, draws_of_now, len(traits))


def _shared(one: Scores, other: Scores) -> tuple[Scores, Scores] | None:
    """Bring two measurements onto the traits that both have; None for fewer than three."""
    common = set(other.traits)
    traits = [trait for trait in one.traits if trait in common]
    return None if len(traits) < MINIMUM_TRAITS else (one.of(traits), other.of(traits))


def _draw_traits(k: int, draws: int, seed: int) -> IntArray:
    return np.random.default_rng(seed).integers(0, k, (draws, k))


def _correlate(
    pair: tuple[Scores, Scores], drawn: IntArray | None
) -> tuple[FloatArray, FloatArray]:
    """Return Spearman's correlation, and corrected for noise; in each draw, where there are any."""
    rows = np.arange(len(pair[0].traits)) if drawn is None else drawn
    values = np.stack([scores.values[rows] for scores in pair], axis=-2)
    plain = correlation_matrix(rank_strengths(values))
    reliability = np.stack([_drawn_reliability(scores, rows) for scores in pair], axis=-1)
    corrected = disattenuate(plain, np.maximum(reliability, LEAST_RELIABILITY / 2))
    return plain[..., 0, 1], corrected[..., 0, 1]


def _drawn_reliability(scores: Scores, rows: IntArray) -> FloatArray:
    """What the reliability is in each draw: its errors over its spread, scaled to the whole's."""
    whole = float(_from_errors(scores.values, scores.variances))
    drawn = _from_errors(scores.values[rows], scores.variances[rows])
    return (
        drawn * (scores.reliability / whole)
        if whole > LEAST_RELIABILITY / 2
        else (np.full(drawn.shape, scores.reliability))
    )


def _middle(estimate: FloatArray, draws: FloatArray, k: int) -> Interval:
    """Return an estimate with the middle of its draws: as wide as t's and K - 1 make it."""
    level = 1 - 2 * float(norm.sf(np.sqrt(k / (k - 1)) * t_quantile(k - 1)))
    low, high = central_range(draws, level=level)
    return Interval(float(estimate), float(low), float(high))


def _widened(made: Interval, rank: float, k: int) -> Interval:
    """Let an interval of ranks that agree or differ entirely reach towards 0.

    In every draw of traits they do so too. The far end is that of Fisher's transformation at the
    nearest lesser correlation, two neighbours having changed places.
    """
    if abs(rank) < 1 - 1e-9:
        return made
    nearest = 1 - 12 / (k * (k**2 - 1))
    far = np.tanh(np.arctanh(nearest) - t_quantile(k - 1) / np.sqrt(k - 3)) if k > 3 else -1.0
    end = made.estimate * float(far)
    return made._replace(low=min(made.low, end), high=max(made.high, end))


def find_parted(one: Scores, other: Scores, *, rate: float = 0.05) -> tuple[Parted, ...]:
    """Return the traits that two measurements place clearly apart, the furthest first.

    Both are brought to a standard deviation of 1 over traits, their noise taken out; what remains
    of a difference is tested against the errors of both (Benjamini and Hochberg 1995, JRSS B 57).

    Parameters
    ----------
    rate : float
        False discovery rate.
    """
    pair = _shared(one, other)
    if pair is None or min(scores.reliability for scores in pair) < LEAST_RELIABILITY:
        return ()
    (first, first_error), (second, second_error) = (_standardise(scores) for scores in pair)
    freedom = 2 * (len(first) - 1)  # of two spreads that are themselves estimated
    difference, error = first - second, np.sqrt(first_error + second_error)
    p = 2 * student.sf(np.abs(difference) / np.maximum(error, 1e-12), freedom)
    adjusted, half = false_discovery_control(p), t_quantile(freedom) * error
    found = [
        Parted(
            pair[0].traits[i],
            float(first[i]),
            float(second[i]),
            Interval(*(float(difference[i] + sign * half[i]) for sign in (0, -1, 1))),
            float(adjusted[i]),
        )
        for i in np.flatnonzero(adjusted < rate)
    ]
    return tuple(sorted(found, key=lambda parted: -abs(parted.difference.estimate)))


def _standardise(scores: Scores) -> tuple[FloatArray, FloatArray]:
    """Return values and squared errors in standard deviations over traits, noise taken out."""
    true = scores.values.var(ddof=1) * scores.reliability
    return (scores.values - scores.values.mean()) / np.sqrt(true), scores.variances / true
