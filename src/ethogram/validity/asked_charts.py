"""What other ways of asking found, as charts: along a reply, and trait by trait."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ethogram.analysis.breadth import ConditionBreadth, ModelBreadth
from ethogram.analysis.word_and_deed import Scores
from ethogram.ratings.abstention import FreeRatings
from ethogram.ratings.profile import Profile
from ethogram.ratings.quantiles import normal_quantile
from ethogram.validity.sections import Mark, SectionChart


def free_chart(model: str, judge: str, forced: Profile, ratings: FreeRatings) -> SectionChart:
    """Draw how often each trait is volunteered against its rating when forced."""
    places = {trait: i for i, trait in enumerate(forced.traits)}
    marks = tuple(
        Mark(
            float(forced.ratings[places[trait]]),
            float(ratings.volunteered[i]),
            float(ratings.volunteered_low[i]),
            float(ratings.volunteered_high[i]),
            label=trait,
            across=_across(forced, places[trait]),
        )
        for i, trait in enumerate(ratings.traits)
        if trait in places
    )
    return SectionChart(
        f"free-{model}-{judge}",
        f"{model}: what it volunteers, and what it shows when forced",
        f"{len(marks)} traits by {judge}. Across: the rating of the forced choice; upward: the "
        "share of trials offering the trait in which it is taken, where neither may be. Bars: 95% "
        "intervals. Low and at the right: it wins when forced, and is hardly volunteered.",
        "points",
        "rating when forced",
        "volunteered",
        marks,
        percent=True,
    )


def word_chart(model: str, asked: str, said: Scores, judge: str, deeds: Profile) -> SectionChart:
    """Draw what a model says of itself against its ratings, trait by trait."""
    places = {trait: i for i, trait in enumerate(deeds.traits)}
    errors = normal_quantile() * np.sqrt(said.variances)
    marks = tuple(
        Mark(
            float(deeds.ratings[places[trait]]),
            float(said.values[i]),
            float(said.values[i] - errors[i]),
            float(said.values[i] + errors[i]),
            label=trait,
            across=_across(deeds, places[trait]),
        )
        for i, trait in enumerate(said.traits)
        if trait in places
    )
    scale = "logits, 0 in the middle" if asked == "two words" else "points of the scale, centred"
    return SectionChart(
        f"self-report-{asked}-{model}-{judge}",
        f"{model}: what it says of itself ({asked}), and what it does",
        f"{len(marks)} traits. Across: the rating of its replies by {judge}; upward: its own "
        "answers, asked afresh. Bars: 95% intervals.",
        "points",
        f"rating by {judge}",
        f"self-report ({scale})",
        marks,
    )


def along_chart(model: ModelBreadth) -> SectionChart | None:
    """Draw the branching factor along the reply."""
    marks = tuple(mark for one in model.conditions for mark in _along(one))
    if not marks:
        return None
    return SectionChart(
        f"breadth-{model.model}",
        f"{model.model}: branching factor along the reply",
        "Mean over the prompts whose replies reach these tokens, over the listed tokens "
        "(renormalised). Bars: 95% intervals over prompts. Places: the middle of each stretch.",
        "lines",
        "token of the reply",
        "branching factor",
        marks,
    )


def _along(one: ConditionBreadth) -> Iterator[Mark]:
    for place in one.curve:
        found = place.breadth
        if np.isfinite([found.estimate, found.low, found.high]).all():
            middle = (place.first + place.last) / 2
            yield Mark(middle, found.estimate, found.low, found.high, one.condition)


def _across(profile: Profile, i: int) -> tuple[float, float]:
    return float(profile.rating_low[i]), float(profile.rating_high[i])
