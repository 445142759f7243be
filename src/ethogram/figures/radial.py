"""The radial figure: all traits around a circle, one translucent layer per model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import altair as alt
import numpy as np

from ethogram.analysis.cohort import Cohort
from ethogram.figures.theme import (
    Chart,
    Figure,
    Palette,
    Theme,
    count_of,
    dress,
    palette,
    say_comparisons,
    table,
)
from ethogram.ratings.comparisons import FloatArray
from ethogram.ratings.models import ELO_PER_LOGIT

TURN = 2 * math.pi
RADIAL_SIZE = 690
RADIAL_INNER, RADIAL_OUTER = 35.0, 245.0


def radial(cohort: Cohort, *, theme: Theme = "light", every: int = 4) -> Figure:
    """Draw all traits around a circle by mean rating, one translucent layer per model.

    `every` fourth trait is labelled; all of them where they are 40 or fewer.
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
        *_spokes_text(traits, every if k > 40 else 1, colours),
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
    labelled = f"every {_ordinal(every)} trait is labelled" if k > 40 else "all are labelled"
    several = len(models) > 1
    caption = (
        f"{k} traits of {count_of(len(models), 'model')}, clockwise from the most expressed to the "
        f"most avoided by {'mean ' if several else ''}rating; {labelled}. Each model is one "
        "translucent layer that reaches from the circle at 1000 (the middle of every profile) to "
        "the trait's rating: outwards, in blue, where it expresses the trait, inwards, in orange, "
        "where it avoids it. "
        + ("The fuller the colour, the more models agree; thin ticks: means. " if several else "")
        + f"{say_comparisons(cohort.n)} Intervals do not fit here; see the ranked traits."
    )
    return Figure("radial", "The shape of character", caption, dress(chart, colours), RADIAL_SIZE)


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


def _spokes_text(traits: Sequence[str], every: int, colours: Palette) -> list[Chart]:
    """Labels along the rim, read outwards on the right and inwards on the left."""
    step = TURN / len(traits)
    right: list[dict[str, Any]] = []
    left: list[dict[str, Any]] = []
    for i in range(0, len(traits), every):
        angle = (i + 0.5) * step
        x, y = _point(angle, RADIAL_OUTER + 8)
        degrees = math.degrees(angle)
        side, turn = (right, degrees - 90) if angle < math.pi else (left, degrees - 270)
        side.append({"trait": traits[i], "x": x, "y": y, "angle": turn})
    charts: list[Chart] = []
    sides: tuple[tuple[list[dict[str, Any]], Literal["left", "right"]], ...]
    sides = ((right, "left"), (left, "right"))
    for rows, align in sides:
        charts.append(
            alt.Chart(table(rows))
            .mark_text(align=align, baseline="middle", color=colours.ink, fontSize=11)
            .encode(
                x=alt.X("x:Q", scale=None, axis=None),
                y=alt.Y("y:Q", scale=None, axis=None),
                angle=alt.Angle("angle:Q", scale=None),
                text="trait:N",
            )
        )
    return charts


def _ring_labels(ratings: FloatArray, low: float, high: float, colours: Palette) -> Chart:
    """Ratings of the circles, where the mean crosses 1000 and the wedges are short."""
    crossing = int(np.argmin(np.abs(ratings.mean(axis=0) - 1000)))
    angle = crossing / ratings.shape[1] * TURN
    rows = []
    for value in _ring_values(low, high):
        x, y = _point(angle, _radius(value, low, high))
        rows.append({"value": str(int(value)), "x": x, "y": y})
    base = alt.Chart(table(rows)).encode(
        x=alt.X("x:Q", scale=None, axis=None),
        y=alt.Y("y:Q", scale=None, axis=None),
        text="value:N",
    )
    halo = base.mark_text(
        color=colours.background, stroke=colours.background, strokeWidth=4, fontSize=9.5
    )
    return alt.layer(halo, base.mark_text(color=colours.muted, fontSize=9.5))


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


def _point(angle: float, radius: float) -> tuple[float, float]:
    """Pixels of a point at this angle clockwise from the top."""
    half = RADIAL_SIZE / 2
    return half + radius * math.sin(angle), half - radius * math.cos(angle)


def _ordinal(n: int) -> str:
    return {2: "second", 3: "third", 4: "fourth", 5: "fifth"}.get(n, f"{n}th")
