"""Tiers of the list, agreement between models, ratings and components, to test claims on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from ethogram.analysis.claims_places import SAME, place_range
from ethogram.analysis.claims_study import Estimate, Study, least_of, moved
from ethogram.analysis.components import center, principal_positions, share
from ethogram.analysis.similarity import disattenuate
from ethogram.errors import InputError
from ethogram.ratings.comparisons import FloatArray
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.quantiles import normal_quantile

# -- tiers of the list ------------------------------------------------------------------------


def _tier_spreads(study: Study, measure: str) -> tuple[FloatArray, FloatArray]:
    """Spread over models of every trait in order of mean rank, and its draws."""
    if measure == "ranks":
        own, drawn = study.ranks.std(axis=0), study.drawn_ranks.std(axis=1)
    else:
        own = study.cohort.strengths.std(axis=0) * ELO_PER_LOGIT
        drawn = study.draws.std(axis=1) * ELO_PER_LOGIT
    return own[study.order], drawn[:, study.order]


def tier_spread(study: Study, tier: str, measure: str) -> Estimate:
    """Mean spread over models of a tier's traits, in ranks or in points."""
    start, stop = study.tier(tier)
    own, drawn = _tier_spreads(study, measure)
    return moved(own[start:stop].mean(), drawn[:, start:stop].mean(axis=1))


def tier_gap(study: Study, tier: str, other: str, measure: str) -> Estimate:
    """Mean spread of one tier less that of another."""
    (a, b), (c, d) = study.tier(tier), study.tier(other)
    own, drawn = _tier_spreads(study, measure)
    gap = own[a:b].mean() - own[c:d].mean()
    return moved(gap, drawn[:, a:b].mean(axis=1) - drawn[:, c:d].mean(axis=1))


def tier_ratio(study: Study, tier: str, other: str, measure: str) -> Estimate:
    """Mean spread of one tier over that of another."""
    (a, b), (c, d) = study.tier(tier), study.tier(other)
    own, drawn = _tier_spreads(study, measure)
    if own[c:d].mean() < SAME:
        raise InputError(f"the models do not differ on {other} in these data")
    ratio = own[a:b].mean() / own[c:d].mean()
    return moved(ratio, drawn[:, a:b].mean(axis=1) / drawn[:, c:d].mean(axis=1))


def tier_beside_chance(study: Study, tier: str, measure: str) -> Estimate:
    """Mean spread of a tier less that of models that differ equally on every trait.

    The interval is the null model's 95% range about the difference, so that it leaves out zero
    exactly if the spread lies outside of that range.
    """
    start, _ = study.tier(tier)
    found = next(t for t in study.convergence.tiers if t.traits[0] == _at(study, start))
    spread, scale = (
        (found.ranks, 1.0) if measure == "ranks" else (found.logits, float(ELO_PER_LOGIT))
    )
    return Estimate(
        scale * (spread.value - spread.null),
        scale * (spread.value - spread.null_high),
        scale * (spread.value - spread.null_low),
        f"{scale * spread.value:.1f}, by chance {scale * spread.null:.1f}, p {spread.p:.2g}",
    )


def _at(study: Study, place: int) -> str:
    return str(study.cohort.traits[study.order[place]])


# -- between models ---------------------------------------------------------------------------


SUMMARIES: dict[str, Callable[..., Any]] = {
    "mean": np.mean,
    "median": np.median,
    "least": np.min,
    "most": np.max,
}


def spearman_summary(study: Study, which: str) -> Estimate:
    """Mean, median, least or most of the rank correlations of all pairs of models."""
    first, second = study.pairs
    summary = SUMMARIES[which]
    values = study.spearman[first, second]
    note = ""
    if which in ("least", "most"):
        at = int(values.argmin() if which == "least" else values.argmax())
        note = f"{study.cohort.models[first[at]]} and {study.cohort.models[second[at]]}"
    return moved(summary(values), summary(study.drawn_spearman[:, first, second], axis=1), note)


def pair_place(study: Study, one: str, other: str, end: str) -> Estimate:
    """Place of two models among all pairs, counted from the most or from the least alike."""
    sign = {"most": -1, "least": 1}[end]
    first, second = study.pairs
    wanted = {study.model(one), study.model(other)}
    at = next(
        k
        for k, ab in enumerate(zip(first.tolist(), second.tolist(), strict=True))
        if set(ab) == wanted
    )
    values, drawn = study.spearman[first, second], study.drawn_spearman[:, first, second]
    return place_range(sign * values, sign * drawn, at)


def group_lead(study: Study, *models: str) -> Estimate:
    """Mean rank correlation within a group of models less that of all other pairs."""
    members = [study.model(m) for m in models]
    _check_others(study, members)
    first, second = study.pairs
    inside = np.isin(first, members) & np.isin(second, members)

    def lead_of(table: FloatArray) -> FloatArray:
        values = table[..., first, second]
        return np.asarray(values[..., inside].mean(axis=-1) - values[..., ~inside].mean(axis=-1))

    return moved(lead_of(study.spearman), lead_of(study.drawn_spearman))


def group_beside_tightest(study: Study, *models: str) -> Estimate:
    """Mean rank correlation within a group less that of the tightest other group of its size.

    The interval holds whichever of the other groups is truly the tightest.
    """
    members = tuple(sorted(study.model(m) for m in models))
    _check_others(study, members)
    everyone = range(len(study.cohort.models))
    others = [group for group in combinations(everyone, len(members)) if group != members]

    def less_others(table: FloatArray) -> FloatArray:
        means = np.stack([_within(table, group) for group in others], axis=-1)
        return np.asarray(_within(table, members)[..., None] - means)

    notes = [", ".join(study.cohort.models[m] for m in group) for group in others]
    return least_of(less_others(study.spearman), less_others(study.drawn_spearman), notes)


def group_without_noise(study: Study, *models: str) -> Estimate:
    """Mean rank correlation within a group, corrected for the noise of both profiles."""
    members = tuple(study.model(m) for m in models)
    reliability = study.cohort.reliability
    table = disattenuate(study.spearman, reliability)
    drawn = disattenuate(study.drawn_spearman, reliability)
    return moved(_within(table, members), _within(drawn, members))


def _check_others(study: Study, members: Sequence[int]) -> None:
    if len(members) >= len(study.cohort.models):
        raise InputError("there are no other models in these data")


def _within(table: FloatArray, members: Sequence[int]) -> FloatArray:
    """Mean of a table of pairs (..., M, M) over the pairs within a group."""
    pairs = list(combinations(members, 2))
    return np.asarray(table[..., [a for a, _ in pairs], [b for _, b in pairs]].mean(axis=-1))


# -- ratings and components -------------------------------------------------------------------


def extreme_rating(study: Study, end: str) -> Estimate:
    """The lowest or highest rating of any trait in any model, Elo points."""
    pick: Callable[..., FloatArray] = {"lowest": np.min, "highest": np.max}[end]
    rows, draws = (1000 + ELO_PER_LOGIT * s for s in (study.cohort.strengths, study.draws))
    at = int((rows.argmin if end == "lowest" else rows.argmax)())
    m, i = np.unravel_index(at, rows.shape)
    note = f"{study.cohort.traits[i]} of {study.cohort.models[m]}"
    return moved(pick(rows), pick(draws, axis=(1, 2)), note)


def explained(study: Study, component: int) -> Estimate:
    """Share of variance of a principal component (1 = first), each profile standardised."""
    own, drawn = study.explained
    if len(own) < component:
        raise InputError(f"{len(own)} models have no component {component}")
    return moved(own[component - 1], drawn[:, component - 1])


def component_share(study: Study, tier: str) -> Estimate:
    """Share of the first three components' variance on a tier, less its share of the traits."""
    start, stop = study.tier(tier)
    on = study.order[start:stop]
    if study.cohort.strengths.std(axis=0).max() < SAME:
        raise InputError("the models do not differ in these data")

    def of(strengths: FloatArray) -> FloatArray:
        rows = center(strengths, standardised=True)
        positions, variance = principal_positions(rows, 3)
        unit = positions / np.sqrt(variance)[..., None, :]
        by_trait = ((np.swapaxes(unit, -1, -2) @ rows) ** 2).sum(axis=-2)
        return np.asarray(share(by_trait)[..., on].sum(axis=-1) - (stop - start) / rows.shape[-1])

    return moved(of(study.cohort.strengths), of(study.draws))


def difference_noise(study: Study, model: str, *traits: str) -> Estimate:
    """Half width of the interval of a difference from a profile as precise as a model's own.

    The widest over some traits, Elo points.
    """
    m = study.model(model)
    variance = study.cohort.variances[m, [study.trait(t) for t in traits]]
    half = float((normal_quantile() * ELO_PER_LOGIT * np.sqrt(2 * variance)).max())
    return Estimate(half, half, half)
