"""Places of traits in the list, their ranks, and the spread of those over models.

Places are ranges: whatever is above or below a trait beyond noise bounds where it may stand.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ethogram.analysis.claims_study import (
    Estimate,
    Study,
    joint_half,
    least_of,
    moved,
    standardise,
)
from ethogram.errors import InputError
from ethogram.ratings.comparisons import FloatArray, IntArray
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.quantiles import LEVEL

SAME = 1e-9
"""Values that differ by less are a tie: equal win counts leave a solver with other last bits."""


def place_range(
    values: FloatArray, draws: FloatArray, item: int, *, level: float = LEVEL
) -> Estimate:
    """Place of an item, counted from the smallest value, and the places that it may truly have.

    Its differences from the others are tested at once, step by step: what differs beyond noise is
    set aside, and the rest is tested again, since fewer are left. Those below and those above
    bound its place.

    Parameters
    ----------
    values : float array, shape (K,)
    draws : float array, shape (n_draws, K)

    References
    ----------
    Mogstad, Romano, Shaikh and Wilhelm (2024), Review of Economic Studies 91(1), section 3.
    """
    others = _others(values, item)
    gap = values[others] - values[item]
    half = _stepwise_half(gap, draws[:, others] - draws[:, [item]], level)
    return Estimate(
        value=1.0 + float(np.sum(gap < -SAME)),
        low=1.0 + float(np.sum(gap + half < -SAME)),
        high=float(len(values) - np.sum(gap - half > SAME)),
    )


def _others(values: FloatArray, item: int) -> IntArray:
    return np.delete(np.arange(len(values)), item)


def _stepwise_half(gap: FloatArray, drawn: FloatArray, level: float) -> FloatArray:
    """Half widths that tell which gaps differ from zero; no intervals of the gaps' sizes."""
    error, off = standardise(drawn)
    near = np.ones(len(gap), dtype=bool)
    while True:
        half = np.asarray(np.quantile(off[:, near].max(axis=1), level) * error)
        left = near & (np.abs(gap) <= half)
        if not left.any() or np.array_equal(left, near):
            return half
        near = left


def _from_end(study: Study, end: str) -> tuple[FloatArray, FloatArray]:
    """Mean ranks and their draws, signed so that the smallest is at the given end."""
    sign = {"top": 1, "bottom": -1}[end]
    return sign * study.ranks.mean(axis=0), sign * study.drawn_ranks.mean(axis=1)


def place(study: Study, trait: str, end: str) -> Estimate:
    """A trait's place from the top or the bottom, by mean rank over models."""
    i = study.trait(trait)
    values, draws = _from_end(study, end)
    ties = [t for k, t in enumerate(study.cohort.traits) if k != i and _same(values[k], values[i])]
    note = f"tied with {' and '.join(ties)}" if ties else ""
    return replace(place_range(values, draws, i), note=note)


def _same(one: float, other: float) -> bool:
    return abs(one - other) < SAME


def share_in_end(study: Study, trait: str, end: str, count: int) -> Estimate:
    """In which share of the draws a trait is among the last (or first) `count` by mean rank."""
    i = study.trait(trait)
    _, draws = _from_end(study, end)
    within = 1 + np.sum(draws < draws[:, [i]] - SAME, axis=1) <= count
    chance = float(within.mean())
    return Estimate(chance, chance, chance)


def _ratings_from_end(study: Study, end: str) -> tuple[FloatArray, FloatArray]:
    """Mean ratings over models in Elo points, and draws, with the smallest at the given end."""
    scale = {"top": -1, "bottom": 1}[end] * ELO_PER_LOGIT
    return scale * study.cohort.strengths.mean(axis=0), scale * study.draws.mean(axis=1)


def place_by_rating(study: Study, trait: str, end: str) -> Estimate:
    """A trait's place from the top or the bottom, by mean rating over models."""
    return place_range(*_ratings_from_end(study, end), study.trait(trait))


def lead(study: Study, trait: str, end: str) -> Estimate:
    """How many Elo points further out a trait is than the outermost other; negative if it is not.

    By mean rating: ranks have no room for a lead at the end of a list that all models share. The
    interval holds whichever other is truly the outermost.
    """
    gap, drawn, others = _gaps_by_rating(study, trait, end)
    return least_of(gap, drawn, [study.cohort.traits[i] for i in others])


def _gaps_by_rating(study: Study, trait: str, end: str) -> tuple[FloatArray, FloatArray, IntArray]:
    """How far inside a trait all others are by mean rating, the same in draws, and who they are."""
    item = study.trait(trait)
    values, draws = _ratings_from_end(study, end)
    others = _others(values, item)
    return values[others] - values[item], draws[:, others] - draws[:, [item]], others


def clear_lead(study: Study, trait: str, end: str, count: int) -> Estimate:
    """A trait's lead less the mean distance between neighbours among the outermost others.

    That distance is as uncertain as the lead, so the interval bounds both by the same intervals of
    all gaps: it holds whichever others are truly outermost, in whatever order.
    """
    gap, drawn, _ = _gaps_by_rating(study, trait, end)
    if not 1 < count <= len(gap):
        raise InputError(
            f"no distance of the {count} outermost of {len(gap)} other traits, "
            f"expected 2 to {len(gap)}"
        )
    half = joint_half(drawn)

    def usual(nearest: FloatArray, furthest: FloatArray) -> float:
        return float(np.sort(furthest)[count - 1] - nearest.min()) / (count - 1)

    return Estimate(
        float(gap.min()) - usual(gap, gap),
        float((gap - half).min()) - usual(gap - half, gap + half),
        float((gap + half).min()) - usual(gap + half, gap - half),
        f"{usual(gap, gap):.0f}",
    )


def beyond_middle(study: Study, trait: str, end: str) -> Estimate:
    """Least distance, over the models, of a trait from the model's median trait, Elo points.

    Positive if every model has it in the half of the list at this end.
    """
    i = study.trait(trait)
    sign = {"top": 1, "bottom": -1}[end] * ELO_PER_LOGIT
    own = sign * (study.cohort.strengths[:, i] - np.median(study.cohort.strengths, axis=1))
    drawn = sign * (study.draws[:, :, i] - np.median(study.draws, axis=2))
    return least_of(own, drawn, study.cohort.models)


def worst_place(study: Study, trait: str, end: str) -> Estimate:
    """The place furthest from the top (or bottom) that any of the models gives a trait.

    Each model's range is made at a level that lets all of them hold at once.
    """
    i = study.trait(trait)
    sign = {"top": -1, "bottom": 1}[end]
    level = 1 - (1 - LEVEL) / len(study.cohort.models)
    ranges = [
        place_range(sign * row, sign * study.draws[:, m], i, level=level)
        for m, row in enumerate(study.cohort.strengths)
    ]
    furthest = int(np.argmax([r.value for r in ranges]))
    return Estimate(
        ranges[furthest].value,
        max(r.low for r in ranges),
        max(r.high for r in ranges),
        study.cohort.models[furthest],
    )


# -- ranks of a trait, and their spread over models -----------------------------------------


def mean_rank(study: Study, trait: str) -> Estimate:
    """A trait's mean rank over models."""
    i = study.trait(trait)
    estimate = moved(study.ranks[:, i].mean(), study.drawn_ranks[:, :, i].mean(axis=1))
    return replace(estimate, low=max(1.0, estimate.low))


def rank_spread(study: Study, trait: str) -> Estimate:
    """Standard deviation (over n) of a trait's rank over models."""
    i = study.trait(trait)
    estimate = moved(study.ranks[:, i].std(), study.drawn_ranks[:, :, i].std(axis=1))
    return replace(estimate, low=max(0.0, estimate.low))


def excess_rank_spread(study: Study, trait: str) -> Estimate:
    """A trait's rank spread less the mean over all traits."""
    i = study.trait(trait)
    own, drawn = study.ranks.std(axis=0), study.drawn_ranks.std(axis=1)
    return moved(own[i] - own.mean(), drawn[:, i] - drawn.mean(axis=1))


def spread_place(study: Study, trait: str, tier: str) -> Estimate:
    """A trait's place by rank spread, smallest first, among the traits of a tier."""
    start, stop = study.tier(tier)
    traits = study.order[start:stop]
    i = study.trait(trait)
    if i not in traits:
        raise InputError(f"{trait} is not on the tier {tier} in these data")
    own, drawn = study.ranks.std(axis=0), study.drawn_ranks.std(axis=1)
    return place_range(own[traits], drawn[:, traits], int(np.flatnonzero(traits == i)[0]))
