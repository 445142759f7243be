"""Breadth: how many next tokens a model seriously considers, from log-probabilities of its replies.

The branching factor (BF) of Yang and Holtzman (2025, arXiv 2506.17871) is exp of the entropy per
token: B equally likely continuations at every position would give as much. A prompt's is estimated
from the replies sampled for it, in two ways: by the entropies of the distributions met on the way
(their estimate for short outputs), and by the log-probabilities of what was sampled (for long ones,
by asymptotic equipartition, AEP). Pure numpy; knows nothing of stores.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.stats import binom

from ethogram.analysis.breadth_tokens import NUCLEUS, VOCABULARY, ReplyBreadth, measure_reply
from ethogram.design import Condition
from ethogram.protocols.breadth import BreadthReply, FloatArray
from ethogram.ratings.quantiles import LEVEL, t_quantile, tails

FEWEST = 5  # prompts with which an interval is given
EDGES = (0, 5, 10, 20, 50, 100, 200, 400, 800, 1600)  # of the bins of positions
DRAWS = 2000

KINDS = ("entropy", "nucleus", "low", "high", "surprisal")


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95% interval, NaN where fewer than `FEWEST` prompts stand behind it."""

    estimate: float
    low: float
    high: float
    n: int


# -- prompts ----------------------------------------------------------------------------------


def log_breadth(
    replies: Iterable[ReplyBreadth],
    kind: str = "entropy",
    *,
    positions: slice = slice(None),
    until: Mapping[str, int] | None = None,
) -> dict[str, float]:
    """Log branching factor of each prompt: the mean over its replies of their mean over positions.

    Parameters
    ----------
    replies : of one model under one condition
    kind : of `KINDS`
    positions : slice
        Only these positions; replies that have none of them are left out.
    until : mapping of prompt to int, optional
        Only so many positions of its replies.
    """
    found: dict[str, list[float]] = {}
    for reply in replies:
        end = None if until is None else until[reply.prompt]
        values = getattr(reply, kind)[:end][positions]
        values = values[~np.isnan(values)]
        if values.size:
            found.setdefault(reply.prompt, []).append(float(values.mean()))
    return {prompt: float(np.mean(means)) for prompt, means in found.items()}


def mean_interval(values: Sequence[float] | FloatArray, *, seed: int = 0) -> Interval:
    """Mean with its bootstrap-t interval, for values that are skewed to the right.

    The bootstrap's percentiles, tried first, covered 86 to 94% with 10 to 50 prompts.
    """
    x = np.asarray(values, dtype=np.float64)
    n, mean = len(x), float(np.mean(x)) if len(x) else float("nan")
    if n < FEWEST:
        return Interval(mean, float("nan"), float("nan"), n)
    drawn = x[np.random.default_rng(seed).integers(0, n, (DRAWS, n))]
    error, errors = x.std(ddof=1) / np.sqrt(n), drawn.std(axis=1, ddof=1) / np.sqrt(n)
    varied = errors > 1e-9 * max(abs(mean), 1)
    if not varied.any():
        return Interval(mean, mean, mean, n)
    t = (drawn.mean(axis=1)[varied] - mean) / errors[varied]
    below, above = np.quantile(t, tails(LEVEL))
    return Interval(mean, float(mean - above * error), float(mean - below * error), n)


def median_interval(values: Sequence[float] | FloatArray) -> Interval:
    """Median with an interval between order statistics (Hettmansperger and Sheather 1986)."""
    x = np.sort(np.asarray(values, dtype=np.float64))
    n, median = len(x), float(np.median(x)) if len(x) else float("nan")
    ranks = np.arange(1, n // 2 + 1)
    covered = 1 - 2 * binom.cdf(ranks - 1, n, 0.5)  # by the interval from the k-th to the last k-th
    if n < FEWEST or covered[0] < LEVEL:
        return Interval(median, float("nan"), float("nan"), n)
    k = int(ranks[covered >= LEVEL][-1])
    if k == len(ranks):
        return Interval(median, float(x[k - 1]), float(x[n - k]), n)
    share = (covered[k - 1] - LEVEL) / (covered[k - 1] - covered[k])
    inward = (n - k) * share / (k + (n - 2 * k) * share)
    low = (1 - inward) * x[k - 1] + inward * x[k]
    high = (1 - inward) * x[n - k] + inward * x[n - k - 1]
    return Interval(median, float(low), float(high), n)


def ratio_interval(one: Mapping[str, float], other: Mapping[str, float]) -> Interval:
    """How many times the breadth under `other` is that under `one`, on the prompts of both.

    Parameters
    ----------
    one, other : mapping of prompt to log branching factor

    Returns
    -------
    Interval
        Ratio of geometric means, with a paired t-interval on the logs.
    """
    both = [prompt for prompt in one if prompt in other]
    x = np.array([one[p] - other[p] for p in both])
    n = len(x)
    if n < FEWEST:
        estimate = float(np.exp(x.mean())) if n else float("nan")
        return Interval(estimate, float("nan"), float("nan"), n)
    half = float(t_quantile(n - 1)) * x.std(ddof=1) / np.sqrt(n)
    estimate, low, high = np.exp(x.mean() + half * np.array([0, -1, 1])).tolist()
    return Interval(estimate, low, high, n)


# -- positions over prompts, conditions ----------------------------------------------------------


@dataclass(frozen=True)
class PositionBin:
    """The breadth over some positions of the replies that reach them.

    Attributes
    ----------
    first, last : int
        Positions, from 1.
    breadth : Interval
        Mean over prompts.
    against_first : Interval
        Times the breadth of the first bin, on the same prompts.
    """

    first: int
    last: int
    breadth: Interval
    against_first: Interval


def position_curve(replies: Sequence[ReplyBreadth], *, seed: int = 0) -> tuple[PositionBin, ...]:
    """Breadth per bin of positions, as far as `FEWEST` prompts reach."""
    found: list[PositionBin] = []
    start = log_breadth(replies, positions=slice(EDGES[0], EDGES[1]))
    for first, last in pairwise(EDGES):
        logs = log_breadth(replies, positions=slice(first, last))
        if len(logs) < FEWEST:
            break
        breadth = mean_interval(np.exp(list(logs.values())), seed=seed)
        found.append(PositionBin(first + 1, last, breadth, ratio_interval(logs, start)))
    return tuple(found)


@dataclass(frozen=True)
class Paired:
    """Two conditions on the same prompts: how many times the one's breadth is the other's.

    Attributes
    ----------
    condition, baseline : str
    ratio : Interval
    equal_length : Interval
        The same over as many positions as each prompt's shortest reply has: breadth changes along
        a reply, and replies under two conditions differ in length.
    sampled : Interval
        The ratio by what was sampled, which counts the tokens that are not listed too.
    """

    condition: str
    baseline: str
    ratio: Interval
    equal_length: Interval
    sampled: Interval


def compare_conditions(one: Sequence[ReplyBreadth], other: Sequence[ReplyBreadth]) -> Paired:
    """Compare `one`'s condition with `other`'s, paired by prompt."""
    shortest: dict[str, int] = {}
    for reply in (*one, *other):
        shortest[reply.prompt] = min(shortest.get(reply.prompt, len(reply)), len(reply))
    return Paired(
        one[0].condition,
        other[0].condition,
        ratio_interval(log_breadth(one), log_breadth(other)),
        ratio_interval(log_breadth(one, until=shortest), log_breadth(other, until=shortest)),
        ratio_interval(log_breadth(one, "surprisal"), log_breadth(other, "surprisal")),
    )


# -- a study ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ConditionBreadth:
    """The breadth of one model under one condition.

    Attributes
    ----------
    model, condition : str
    n_replies : int
    tokens : float
        Median positions of a reply.
    mean, median : Interval
        Of the prompts' branching factors, by the entropy of the listed tokens, renormalised.
    nucleus, aep : Interval
        Mean by the entropy of the nucleus (as published), and by what was sampled.
    low, high : float
        Mean of the prompts' branching factors at the bounds of the entropy.
    hidden : float
        Mean probability that no listed token has.
    unknown : float
        Share of positions whose entropy is not known, as too few tokens are listed.
    short : float
        Share of positions where the listed tokens have less than `NUCLEUS`.
    curve : tuple of PositionBin
    params : tuple of mapping
        The different settings under which the replies were sampled.
    """

    model: str
    condition: str
    n_replies: int
    tokens: float
    mean: Interval
    median: Interval
    nucleus: Interval
    aep: Interval
    low: float
    high: float
    hidden: float
    unknown: float
    short: float
    curve: tuple[PositionBin, ...]
    params: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class ModelBreadth:
    """The breadth of one model: under each condition, and the conditions compared with the first.

    The first is the one in which no trait is named, where there is one.
    """

    model: str
    conditions: tuple[ConditionBreadth, ...]
    paired: tuple[Paired, ...]


def measure_breadth(
    replies: Iterable[BreadthReply], *, vocabulary: int = VOCABULARY, seed: int = 0
) -> tuple[ModelBreadth, ...]:
    """Measure every model under every condition, in the order in which they come."""
    found: dict[str, dict[str, list[ReplyBreadth]]] = {}
    for reply in replies:
        groups = found.setdefault(reply.model, {})
        groups.setdefault(reply.condition, []).append(measure_reply(reply, vocabulary=vocabulary))
    return tuple(_measure_model(model, groups, seed) for model, groups in found.items())


def _measure_model(
    model: str, groups: Mapping[str, Sequence[ReplyBreadth]], seed: int
) -> ModelBreadth:
    ordered = sorted(groups, key=lambda condition: condition != Condition.NATURAL)
    baseline = groups[ordered[0]]
    return ModelBreadth(
        model,
        tuple(_measure_condition(groups[condition], seed) for condition in ordered),
        tuple(compare_conditions(groups[condition], baseline) for condition in ordered[1:]),
    )


def _measure_condition(replies: Sequence[ReplyBreadth], seed: int) -> ConditionBreadth:
    factors = {kind: np.exp(np.array(list(log_breadth(replies, kind).values()))) for kind in KINDS}
    hidden = np.concatenate([reply.hidden for reply in replies])
    entropy = np.concatenate([reply.entropy for reply in replies])
    return ConditionBreadth(
        replies[0].model,
        replies[0].condition,
        n_replies=len(replies),
        tokens=float(np.median([len(reply) for reply in replies])),
        mean=mean_interval(factors["entropy"], seed=seed),
        median=median_interval(factors["entropy"]),
        nucleus=mean_interval(factors["nucleus"], seed=seed),
        aep=mean_interval(factors["surprisal"], seed=seed),
        low=mean_interval(factors["low"]).estimate,
        high=mean_interval(factors["high"]).estimate,
        hidden=float(hidden.mean()),
        unknown=float(np.isnan(entropy).mean()),
        short=float((hidden > 1 - NUCLEUS).mean()),
        curve=position_curve(replies, seed=seed),
        params=_different(reply.params for reply in replies),
    )


def _different(settings: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Return each of some settings once; seeds aside, which differ on purpose."""
    found: list[Mapping[str, Any]] = []
    for sent in settings:
        kept = {key: value for key, value in sent.items() if key != "seed"}
        if kept not in found:
            found.append(kept)
    return tuple(found)
