"""The radial figure: all traits around a circle, one translucent layer per model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np

from ethogram.analysis.cohort import Cohort
from ethogram.figures.names import LABEL_SIZE
from ethogram.figures.rim import (
    RADIAL_INNER,
    RADIAL_OUTER,
    RADIAL_SIZE,
    TURN,
    choose_labelled,
    point_at,
    rim_labels,
    say_labelled,
)
from ethogram.figures.theme import (
    Chart,
    Figure,
    Palette,
    Theme,
    dress,
    palette,
    say_comparisons,
    table,
)
from ethogram.ratings.comparisons import FloatArray
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.numbers import count_words


def radial(cohort: Cohort, *, theme: Theme = "light", count: int = 12) -> Figure:
    """Draw all traits around a circle by mean rating, one translucent layer per model.

    Labelled are the `count` most and least expressed traits and those that models dispute most;
    all of them where they are few.
    """
    colours = palette(theme)
    ratings = 1000 + ELO_PER_LOGIT * cohort.strengths
    order = np.argsort(-ratings.mean(axis=0), kind="stable")
    ratings, traits = ratings[:, order], [cohort.traits[i] for i in order]
    low, high = _round_bounds(ratings)
    models, k = cohort.models, len(traits)
    layers = [
        _rings(low, high, colours),
        _wedges(ratings, traits, models, colours, bounds=(low, high)),
        *([_means(ratings, traits, low, high, colours)] if len(models) > 1 else []),
        *rim_labels(traits, ratings, choose_labelled(ratings, count), colours),
        _ring_labels(ratings, low, high, colours),
    ]
    shown = alt.param(
        name="shown",
        value="all models",
        bind=alt.binding_select(options=["all models", *models], name="Show "),
    )
    chart = alt.layer(*layers).properties(width=RADIAL_SIZE, height=RADIAL_SIZE)
    if len(models) > 1:
        chart = chart.add_params(shown)
    several = len(models) > 1
    caption = (
        f"{k} traits of {count_words(len(models), 'model')}, clockwise from the most expressed to "
        f"the most avoided by {'mean ' if several else ''}rating. {say_labelled(ratings, count)} "
        "Each model is one translucent layer that reaches from the circle at 1000 (the middle of "
        "every profile) to the trait's rating: outwards, in blue, where it expresses the trait, "
        "inwards, in orange, where it avoids it. "
        + ("The fuller the colour, the more models agree; thin ticks: means. " if several else "")
        + f"{say_comparisons(cohort.n)} Intervals do not fit here; see the ranked traits."
    )
    return Figure("radial", "The shape of character", caption, dress(chart, colours))


def _rings(low: float, high: float, colours: Palette) -> Chart:
    """Circles every 200 points, the one at 1000 in ink."""
    rows = [{"radius": _radius(v, low, high), "middle": v == 1000} for v in _ring_values(low, high)]
    return (
        alt.Chart(table(rows))
        .mark_arc(fillOpacity=0, strokeWidth=1)
        .encode(
            theta=alt.value(0),
            theta2=alt.value(TURN),
            radius=alt.Radius("radius:Q", scale=None),
            radius2=alt.Radius2("radius"),
            stroke=alt.when("datum.middle")
            .then(alt.value(colours.muted))
            .otherwise(alt.value(colours.grid)),
        )
    )


def _wedges(
    ratings: FloatArray,
    traits: Sequence[str],
    models: Sequence[str],
    colours: Palette,
    *,
    bounds: tuple[float, float],
) -> Chart:
    """One translucent wedge per trait and model, from the circle at 1000 to the rating."""
    step = TURN / len(traits)
    gap = 0.08 * step
    base = _radius(1000, *bounds)
    rows = []
    for i, trait in enumerate(traits):
        for j, model in enumerate(models):
            radius = _radius(float(ratings[j, i]), *bounds)
            rows.append(
                {
                    "trait": trait,
                    "model": model,
                    "rating": round(float(ratings[j, i])),
                    "start": i * step + gap,
                    "stop": (i + 1) * step - gap,
                    "inner": min(base, radius),
                    "outer": max(base, radius),
                }
            )
    layer = 1 - 0.2 ** (1 / len(models))  # all layers together let a fifth through
    opacity: Any = alt.value(0.8)
    if len(models) > 1:
        opacity = (
            alt.when("shown == 'all models'")
            .then(alt.value(layer))
            .when("datum.model == shown")
            .then(alt.value(0.8))
            .otherwise(alt.value(0))
        )
    return (
        alt.Chart(table(rows))
        .mark_arc()
        .encode(
            theta=alt.Theta("start:Q", scale=None),
            theta2=alt.Theta2("stop"),
            radius=alt.Radius("outer:Q", scale=None),
            radius2=alt.Radius2("inner"),
            color=alt.when("datum.rating >= 1000")
            .then(alt.value(colours.expressed))
            .otherwise(alt.value(colours.avoided)),
            opacity=opacity,
            tooltip=["trait:N", "model:N", "rating:Q"],
        )
    )


def _means(
    ratings: FloatArray, traits: Sequence[str], low: float, high: float, colours: Palette
) -> Chart:
    """A tick at each trait's mean over models."""
    step = TURN / len(traits)
    rows = []
    for i, (trait, mean) in enumerate(zip(traits, ratings.mean(axis=0), strict=True)):
        radius = _radius(float(mean), low, high)
        rows.append(
            {
                "trait": trait,
                "mean rating": round(float(mean)),
                "start": i * step,
                "stop": (i + 1) * step,
                "inner": radius - 0.8,
                "outer": radius + 0.8,
            }
        )
    return (
        alt.Chart(table(rows))
        .mark_arc(color=colours.ink)
        .encode(
            theta=alt.Theta("start:Q", scale=None),
            theta2=alt.Theta2("stop"),
            radius=alt.Radius("outer:Q", scale=None),
            radius2=alt.Radius2("inner"),
            tooltip=["trait:N", "mean rating:Q"],
        )
    )


def _ring_labels(ratings: FloatArray, low: float, high: float, colours: Palette) -> Chart:
    """Ratings of the circles, where the mean crosses 1000 and the wedges are short."""
    crossing = int(np.argmin(np.abs(ratings.mean(axis=0) - 1000)))
    angle = crossing / ratings.shape[1] * TURN
    rows = []
    for value in _ring_values(low, high):
        x, y = point_at(angle, _radius(value, low, high))
        rows.append({"value": f"{value:.0f}", "x": x, "y": y})
    base = alt.Chart(table(rows)).encode(
        x=alt.X("x:Q", scale=None, axis=None),
        y=alt.Y("y:Q", scale=None, axis=None),
        text="value:N",
    )
    halo = base.mark_text(
        color=colours.background, stroke=colours.background, strokeWidth=4, fontSize=LABEL_SIZE
    )
    return alt.layer(halo, base.mark_text(color=colours.muted, fontSize=LABEL_SIZE))


def _ring_values(low: float, high: float) -> list[float]:
    step = 200 if high - low > 500 else 100
    first = math.ceil(low / step) * step
    return [float(v) for v in range(first, int(high) + 1, step)]


def _round_bounds(ratings: FloatArray) -> tuple[float, float]:
    """Lowest and highest rating, outwards to hundreds."""
    low, high = math.floor(ratings.min() / 100) * 100.0, math.ceil(ratings.max() / 100) * 100.0
    return min(low, 900.0), max(high, 1100.0)


def _radius(rating: float, low: float, high: float) -> float:
    return RADIAL_INNER + (rating - low) / (high - low) * (RADIAL_OUTER - RADIAL_INNER)
