"""Make profiles: from comparisons, by Elo, from win counts, and the published ones.

`rate` is the product's default. It chooses the model and the interval by what the data are, and
says in the profile what it chose. The formulas are in `ratings.models`, `ratings.covariance` and
`ratings.intervals`; knows nothing of stores, files of trials or services.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.resources import files

import numpy as np

from ethogram.errors import InputError, NotConverged, guess
from ethogram.ratings import arrays
from ethogram.ratings.arrays import check_number
from ethogram.ratings.budget import round_robin_fits
from ethogram.ratings.comparisons import Comparisons, FloatArray, IntArray
from ethogram.ratings.intervals import Intervals, find_intervals, widened
from ethogram.ratings.models import (
    DEFAULT_RIDGE,
    ELO_PER_LOGIT,
    Fit,
    fit_bradley_terry,
    fit_davidson,
    fit_elo,
    fit_elo_orders,
    permute,
    position_covariates,
)
from ethogram.ratings.pairs import PairCounts, check_connected, merge, pair_rows, tally
from ethogram.ratings.phases import say_phase
from ethogram.ratings.posterior import average_priors
from ethogram.ratings.profile import Effect, Profile
from ethogram.ratings.quantiles import LEVEL, check_level, normal_quantile
from ethogram.ratings.resampling import in_blocks, resample_rows, split_half
from ethogram.ratings.spread import first_parameters, resampled_spread, variances
from ethogram.ratings.wordings import wording_spread

__all__ = ["Effect", "Profile", "rate", "rate_counts", "rate_elo", "reference_profiles"]

NOTABLE_PRIOR = 0.1
"""Logits by which the prior may move a strength before the profile warns of it."""

REFERENCE_JUDGE = "GLM-4.5-Air"
REFERENCE_CAVEATS = (
    "The published study showed the traits in one fixed order, so its ratings hold the position "
    "effects of model and judge.",
    "Its prompts and wording differ from ethogram's: compare on shared traits only, with care.",
)
"""What is said wherever a model is placed among the published profiles."""


def rate(
    comparisons: Comparisons,
    *,
    ridge: float | None = None,
    ties: str = "davidson",
    position: bool = True,
    interval: str = "auto",
    resamples: int = 1000,
    splits: int = 50,
    seed: int = 0,
    level: float = LEVEL,
) -> Profile:
    """Rate traits by Bradley-Terry (Davidson where there are ties), with intervals.

    Parameters
    ----------
    comparisons : Comparisons
    ridge : float, optional
        Weight of the N(0, 1/ridge) prior; `Profile.prior_effect` says what it does. If not given
        `DEFAULT_RIDGE`; for adaptive comparisons priors are averaged, see
        `ethogram.ratings.posterior`.
    ties : {"davidson", "half"}
        Model ties, or count them as half a win for each side.
    position : bool
        Fit position effects along, where the design lets them be told from the strengths.
    interval : {"auto", "fisher", "clustered", "bootstrap"}
        See `ethogram.ratings.intervals`. "auto" of adaptive comparisons without a `ridge` is the
        posterior's.
    resamples : int
        For interval="bootstrap".
    splits : int
        Random splits for the split-half reliability; 0 leaves it out.
    seed : int
    level : float
        Of each trait's interval on its own, between 0 and 1.

    Returns
    -------
    Profile

    Raises
    ------
    DisconnectedError
        Some traits never meet the others, so there is no common scale.
    NotConverged
        The intervals, without which nothing is shown, did not converge.
    """
    check_number(splits, "splits", least=0, whole=True)
    check_level(level)
    if interval == "bootstrap":
        check_number(resamples, "resamples", least=2, whole=True)
    say_phase("strengths")
    fit_under = partial(fit_comparisons, comparisons, ties=ties, position=position)
    fitted = fit_under(ridge=DEFAULT_RIDGE if ridge is None else ridge)
    cluster = clusters(comparisons)
    if comparisons.adaptive and ridge is None and interval == "auto":
        fitted, intervals = _averaged(fitted, fit_under, level)
    else:
        intervals = find_intervals(
            fitted.rows,
            fitted.pairs,
            fitted.fit,
            cluster,
            kind=interval,
            level=level,
            resamples=resamples,
            seed=seed,
        )
    intervals, said = widen_for_wordings(comparisons, fitted.fit, intervals)
    fit = fitted.fit
    reliability, why_none = _reliability(fitted, cluster, splits, seed)
    caveats = [
        *fitted.caveats,
        *intervals.caveats,
        *_fit_caveats(comparisons, fitted),
        *why_none,
        *said,
    ]
    return replace(
        _profile(fitted, intervals, comparisons.traits),
        model=comparisons.model,
        judge=comparisons.judge,
        condition=comparisons.condition,
        n=len(comparisons),
        lost=comparisons.lost,
        ties=int(comparisons.tie.sum()),
        effects=tuple(_effect(name, fit, intervals, i) for i, name in enumerate(fitted.names)),
        reliability=reliability,
        caveats=tuple(caveats),
        soft=_is_soft(comparisons),
    )


def widen_for_wordings(
    comparisons: Comparisons, fit: Fit, intervals: Intervals
) -> tuple[Intervals, tuple[str, ...]]:
    """Add to intervals what differs between wordings of the instruction, and say how much it is."""
    try:
        found = wording_spread(comparisons)
    except NotConverged as error:
        return intervals, (f"How far ratings depend on the wording is not known: {error}.",)
    if found is None:
        return intervals, ()
    points = [ELO_PER_LOGIT * value for value in (found.spread, found.low, found.high)]
    said = (
        f"Between the {found.wordings} wordings of the instruction a rating moves by "
        f"{points[0]:.0f} points ({points[1]:.0f} to {points[2]:.0f}; standard deviation): part of "
        "its interval."
    )
    return widened(intervals, fit.parameters, found.added), (said,)


def _averaged(
    fitted: Fitted, fit_under: Callable[..., Fitted], level: float
) -> tuple[Fitted, Intervals]:
    """Put the mean of the posterior in the place of one prior's fit."""
    fit, intervals = average_priors(
        lambda ridge: (fitted.pairs, fit_under(ridge=ridge).fit), level=level
    )
    return replace(fitted, fit=fit), intervals


def _reliability(
    fitted: Fitted, cluster: IntArray, splits: int, seed: int
) -> tuple[float | None, tuple[str, ...]]:
    """Split-half reliability, or None and why."""
    if not splits:
        return None, ()
    try:
        found = split_half(fitted.rows, fitted.fit, cluster, splits=splits, seed=seed)
    except NotConverged as error:
        return None, (f"No split-half reliability: {error}.",)
    if found is None:
        return None, ("Too few prompts per trait for a split-half reliability.",)
    return found, ()


@dataclass(frozen=True)
class Fitted:
    """A fit with the data it was made from.

    Attributes
    ----------
    rows, pairs : PairCounts
        One row per comparison; the same counted by kind.
    fit : Fit
    names : tuple of str
        Of the position effects, in the order of `fit.effects`.
    prior_effect : float
        How far the prior moves any strength, in logits, against one ten times weaker.
    prior_known : bool
        The fit under the weaker prior converged.
    caveats : tuple of str
    """

    rows: PairCounts
    pairs: PairCounts
    fit: Fit
    names: tuple[str, ...]
    prior_effect: float
    prior_known: bool
    caveats: tuple[str, ...]


def fit_comparisons(
    comparisons: Comparisons,
    *,
    ridge: float = DEFAULT_RIDGE,
    ties: str = "davidson",
    position: bool = True,
) -> Fitted:
    """Fit the model that `rate` chooses; options and errors as there."""
    if ties not in ("davidson", "half"):
        raise InputError(f"ties is {ties!r}, expected 'davidson' or 'half'")
    check_number(ridge, "ridge", above=0)
    plain = _rows(comparisons)
    check_connected(plain, comparisons.traits)
    names, columns, caveats = position_covariates(plain, comparisons.judge_first)
    if not position:
        names, columns, caveats = (), plain.covariates, ["Position effects are not taken out."]
    rows = replace(plain, covariates=columns)
    return _fitted(rows, ridge, names, tuple(caveats), davidson=ties == "davidson")


def _fitted(
    rows: PairCounts,
    ridge: float,
    names: tuple[str, ...] = (),
    caveats: tuple[str, ...] = (),
    *,
    davidson: bool = False,
) -> Fitted:
    fit_model = fit_davidson if davidson else fit_bradley_terry
    pairs = merge(rows)
    fit = fit_model(pairs, ridge=ridge)
    weaker = fit_model(pairs, ridge=ridge / 10)
    prior_effect = float(np.abs(fit.strengths - weaker.strengths).max())
    return Fitted(rows, pairs, fit, names, prior_effect, weaker.converged, caveats)


def _rows(comparisons: Comparisons) -> PairCounts:
    return pair_rows(
        comparisons.first,
        comparisons.second,
        comparisons.outcome,
        comparisons.n_traits,
        tie=comparisons.tie,
        weights=comparisons.weight,
    )


def clusters(comparisons: Comparisons) -> IntArray:
    """Prompts as codes from 0, shape (n,); a comparison of unknown prompt stands by itself."""
    alone = comparisons.prompt < 0
    label = np.where(alone, -1 - np.arange(len(alone)), comparisons.prompt)
    code: IntArray = np.unique(label, return_inverse=True)[1]
    return code


def _effect(name: str, fit: Fit, intervals: Intervals, i: int) -> Effect:
    at = len(fit.strengths) + i
    return Effect(name, float(fit.effects[i]), float(intervals.low[at]), float(intervals.high[at]))


def _profile(fitted: Fitted, intervals: Intervals, traits: Sequence[str]) -> Profile:
    """Build a profile of a fit, its labels and losses still blank."""
    pairs, k = fitted.pairs, len(traits)
    return Profile(
        model="",
        judge="",
        condition="",
        method="davidson" if fitted.fit.tie else "bradley-terry",
        traits=tuple(traits),
        strengths=fitted.fit.strengths,
        covariance=first_parameters(intervals.covariance, k),
        low=intervals.low[:k],
        high=intervals.high[:k],
        n_by_trait=_tally(pairs, pairs.count, pairs.count).round().astype(np.int64),
        wins_by_trait=_tally(pairs, pairs.wins, pairs.count - pairs.wins),
        n=round(pairs.count.sum()),
        lost=0,
        ties=0,
        effects=(),
        reliability=None,
        interval_method=intervals.words,
        level=intervals.level,
        prior_effect=fitted.prior_effect,
        caveats=(),
    )


def _tally(pairs: PairCounts, first: FloatArray, second: FloatArray) -> FloatArray:
    """Sum a value of each side of the rows by trait."""
    k = pairs.n_items
    return tally(pairs.first, first, k) + tally(pairs.second, second, k)


def _fit_caveats(comparisons: Comparisons, fitted: Fitted) -> list[str]:
    """What a reader must know of the data and the fit."""
    caveats = _data_caveats(comparisons)
    if _is_weighted(comparisons):
        caveats.append(
            f"Comparisons are weighted, from {comparisons.weight.min():g} to "
            f"{comparisons.weight.max():g}: one of weight 2 counts as two, in wins and in totals."
        )
    if (comparisons.prompt < 0).any():
        caveats.append("Comparisons with unknown prompts are treated as independent.")
    if fitted.prior_effect > NOTABLE_PRIOR and not comparisons.adaptive:
        caveats.append(
            f"The prior moves a strength by up to {fitted.prior_effect * ELO_PER_LOGIT:.0f} points "
            f"(against one ten times weaker); such a trait nearly always wins or loses."
        )
    return [*caveats, *_convergence_caveats(fitted)]


def _convergence_caveats(fitted: Fitted) -> tuple[str, ...]:
    """Say so where a fit did not get there."""
    if fitted.fit.converged and not fitted.prior_known:
        return ("The fit under a weaker prior did not converge; the prior's effect is rough.",)
    return fitted.fit.caveats


def _data_caveats(comparisons: Comparisons) -> list[str]:
    """What is missing, and what was said when the comparisons were read."""
    lost, planned = comparisons.lost, len(comparisons) + comparisons.lost
    have = "has" if lost == 1 else "have"
    said = [f"{lost:,} of {planned:,} planned comparisons {have} no verdict."] if lost else []
    if comparisons.undecided:
        said.append(
            "Every verdict is a tie of one half, so that the ratings are equal and carry no "
            "information; their intervals mean nothing, as nothing varies."
        )
    return [*said, *comparisons.notes]


def _is_soft(comparisons: Comparisons) -> bool:
    """Whether some outcomes are probabilities; a half counts as a tie does."""
    return bool(np.any(comparisons.outcome % 0.5))


def _is_weighted(comparisons: Comparisons) -> bool:
    return bool((comparisons.weight != 1).any())


def rate_elo(
    comparisons: Comparisons,
    *,
    start: float = 1000,
    k: float = 32,
    scale: float = 400,
    order: str = "asked",
    permutations: int = 100,
    resamples: int = 200,
    seed: int = 0,
) -> Profile:
    """Rate traits by Elo: the published protocol, for comparison.

    Parameters
    ----------
    comparisons : Comparisons
        In the order asked.
    start, k, scale : float
        1000, 32 and 400 are the published study's.
    order : {"asked", "mean"}
        One pass in the order asked, or the mean over `permutations` random orders.
    permutations : int
        Random orders for the mean and for `Profile.order_spread`.
    resamples : int
        Resamples of the prompts, each in a random order, for the intervals.
    seed : int

    Returns
    -------
    Profile
        Strengths are the leads over `start`, in logits.
    """
    if order not in ("asked", "mean"):
        raise InputError(f"order is {order!r}, expected 'asked' or 'mean'")
    for value, name in ((k, "k"), (scale, "scale")):
        check_number(value, name, above=0)
    check_number(start, "start")
    check_number(resamples, "resamples", least=2, whole=True)
    rows = _rows(replace(comparisons, weight=np.ones(len(comparisons))))
    check_connected(rows, comparisons.traits)
    games = (rows.first, rows.second, rows.wins, rows.n_items)
    many = partial(fit_elo_orders, *games, start=start, k=k, scale=scale)
    n, cluster = len(comparisons), clusters(comparisons)
    shuffled = in_blocks(partial(permute, n), many, permutations, n, seed)
    refits = in_blocks(partial(resample_rows, cluster), many, resamples, n, seed)
    one_pass = fit_elo(*games, start=start, k=k, scale=scale)
    ratings = one_pass if order == "asked" else shuffled.mean(axis=0)
    logit = math.log(10) / scale
    strengths, covariance = (ratings - start) * logit, resampled_spread(refits) * logit**2
    half = normal_quantile() * np.sqrt(variances(covariance))
    spread = float(shuffled.std(axis=0, ddof=1).mean()) if permutations > 1 else None
    return Profile(
        model=comparisons.model,
        judge=comparisons.judge,
        condition=comparisons.condition,
        method="elo",
        traits=comparisons.traits,
        strengths=strengths,
        covariance=covariance,
        low=strengths - half,
        high=strengths + half,
        n_by_trait=_tally(rows, rows.count, rows.count).astype(np.int64),
        wins_by_trait=_tally(rows, rows.wins, rows.count - rows.wins),
        n=len(comparisons),
        lost=comparisons.lost,
        ties=int(comparisons.tie.sum()),
        effects=(),
        reliability=None,
        interval_method=f"one pass through {resamples} bootstrap resamples of prompts, "
        "each shuffled",
        prior_effect=0.0,
        caveats=_elo_caveats(comparisons, spread),
        order_spread=spread,
        soft=_is_soft(comparisons),
    )


def _elo_caveats(comparisons: Comparisons, spread: float | None) -> tuple[str, ...]:
    caveats = [
        "Elo ratings depend on the order of the comparisons and take no account of position."
    ]
    if spread is not None:
        caveats.append(
            f"Reshuffling the same comparisons moves a rating by {spread:.0f} points (SD)."
        )
    if _is_weighted(comparisons):
        caveats.append("Elo takes no account of weights: each comparison counts once.")
    return (*caveats, *_data_caveats(comparisons))


def rate_counts(
    traits: Sequence[str],
    wins: Sequence[float] | FloatArray,
    *,
    total: float,
    model: str = "",
    judge: str = "",
    condition: str = "feels",
    ridge: float = DEFAULT_RIDGE,
) -> Profile:
    """Rate traits from the win counts of a full round robin.

    In a round robin the counts are all that Bradley-Terry needs: every pair is taken to have met
    total / C(K, 2) times. Intervals are from the Fisher information (profile likelihood where a
    trait seldom won or lost).

    Parameters
    ----------
    traits : sequence of str, length K
    wins : array, shape (K,)
    total : float
        Comparisons made; the wins must add up to it.

    Raises
    ------
    InputError
        Wins that do not add up to `total`, that no round robin can give, or not one for each trait;
        more traits than fit the memory (some thousands: each pair is a row).
    """
    traits = arrays.trait_names(traits)
    arrays.check_labels(model=model, judge=judge, condition=condition)
    k = len(traits)
    check_number(total, "total", least=0)
    check_number(ridge, "ridge", above=0)
    counts = arrays.counts(wins, "wins")
    if counts.shape != (k,):
        raise InputError(f"wins has shape {counts.shape}, expected ({k},): one count per trait")
    if abs(counts.sum() - total) > 0.5:
        raise InputError(f"wins add up to {counts.sum():g}, expected the total, {total:g}")
    if not round_robin_fits(k):
        raise InputError(
            f"win counts of {k:,} traits: the {k * (k - 1) // 2:,} pairs of a round robin do not "
            "fit in memory; give fewer traits, or comparisons to `rate`"
        )
    _check_round_robin(traits, counts, total)
    pairs = _round_robin(counts, total)
    fitted = _fitted(pairs, ridge)
    intervals = find_intervals(
        pairs, fitted.pairs, fitted.fit, np.arange(len(pairs.first)), kind="fisher"
    )
    return replace(
        _profile(fitted, intervals, traits),
        model=model,
        judge=judge,
        condition=condition,
        lost=max(0, k * (k - 1) // 2 - round(total)),
        wins_by_trait=counts,
        caveats=(
            "From win counts alone: comparisons are treated as independent, and neither a "
            "position effect nor a split-half reliability can be estimated.",
            *_convergence_caveats(fitted),
        ),
    )


def _check_round_robin(traits: Sequence[str], wins: FloatArray, total: float) -> None:
    """Refuse counts that no round robin can give (Landau 1953).

    m traits can win no game that none of them plays. Where games were lost, each pair is taken to
    have been meant to meet equally often.
    """
    k = len(wins)
    if k < 2:
        return
    games = math.ceil(total / (k * (k - 1) / 2) - 1e-9)
    best = np.argsort(-wins, kind="stable")
    m = np.arange(1, k + 1)
    most = games * (k * (k - 1) - (k - m) * (k - m - 1)) / 2
    bad = np.flatnonzero(np.cumsum(wins[best]) > most + 0.5)
    if bad.size:
        size = int(bad[0]) + 1
        who = traits[best[0]] if size == 1 else f"the {size} traits that won most"
        raise InputError(
            f"{who} won {wins[best[:size]].sum():g} comparisons, expected at most "
            f"{most[size - 1]:g} of {total:g} in a round robin of {k} traits, where each pair "
            "meets equally often"
        )


def _round_robin(wins: FloatArray, total: float) -> PairCounts:
    """Pair counts with these wins: all that the fit reads are the sums by trait."""
    k = len(wins)
    first, second = np.triu_indices(k, 1)
    count = np.full(len(first), total / len(first))
    # Any split of the pairs' wins with the right sums by trait will do; this one is linear.
    lead = (wins - wins.mean()) / k
    return PairCounts(
        first=first,
        second=second,
        count=count,
        wins=count / 2 + lead[first] - lead[second],
        ties=np.zeros(len(first)),
        covariates=np.zeros((len(first), 0)),
        n_items=k,
    )


@cache
def _reference_table() -> tuple[tuple[str, ...], dict[str, FloatArray]]:
    source = files("ethogram").joinpath("data", "reference", "study_wins.csv")
    text = source.read_text("utf-8")
    header, *rows = csv.reader(text.splitlines())
    traits = tuple(row[0] for row in rows)
    return traits, {
        model: np.array([float(row[i]) for row in rows])
        for i, model in enumerate(header)
        if model not in ("trait", "list_position")
    }


def reference_profiles() -> dict[str, Profile]:
    """The nine profiles of the published study, by model name.

    Made from its public win counts, see `data/reference/README.md`.
    """
    traits, wins = _reference_table()
    return {model: _reference_profile(traits, count, model) for model, count in wins.items()}


def reference_profile(name: str) -> Profile:
    """Return one profile of the published study.

    Raises
    ------
    InputError
        There is none of this name.
    """
    profiles = reference_profiles()
    if name not in profiles:
        raise InputError(
            f"no published profile {name!r}{guess(name, profiles)}; there are {', '.join(profiles)}"
        )
    return profiles[name]


def _reference_profile(traits: Sequence[str], wins: FloatArray, model: str) -> Profile:
    profile = rate_counts(traits, wins, total=wins.sum(), model=model, judge=REFERENCE_JUDGE)
    return replace(profile, caveats=(*profile.caveats, *REFERENCE_CAVEATS))
