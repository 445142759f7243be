"""Figures of the directions in which models differ: components and groups of traits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np

from ethogram.analysis.clusters import TraitClusters
from ethogram.analysis.cohort import Cohort
from ethogram.analysis.components import Components
from ethogram.errors import InputError
from ethogram.figures.labels import label_layer, place_labels
from ethogram.figures.theme import Chart, Figure, Palette, Theme, dress, palette, panel_title, table
from ethogram.ratings.comparisons import FloatArray
from ethogram.ratings.models import ELO_PER_LOGIT

CHI2_95 = 5.991464547107979  # two degrees of freedom


def component_chart(components: Components, *, theme: Theme = "light", count: int = 8) -> Figure:
    """Draw the models on the first two components, their loadings and the share explained."""
    colours = palette(theme)
    scatter = _component_scatter(components, colours)
    loads = [
        _loading_bars(components, c, min(count, len(components.traits)), colours)
        for c in range(min(2, len(components.explained)))
    ]
    scree = _scree(components, colours)
    chart = alt.hconcat(scatter, alt.vconcat(scree, *loads, spacing=16), spacing=34)
    kind = "each standardised" if components.standardised else "in plain logits"
    above = components.above_null
    first = (
        f"the first {above} stand" if above > 1 else "the first stands" if above else "none stands"
    )
    caption = (
        f"Principal components of {len(components.models)} profiles ({kind}, centred trait by "
        f"trait) on {len(components.traits)} traits. Ellipses: 95% regions of the measurement, "
        f"from {components.n_draws:,} bootstrap draws rotated onto this picture. The bars on the "
        "right: the traits with the largest loadings. Top right: variance explained, with "
        "its 95% interval; the dash is the 95th percentile when models are permuted within each "
        f"trait; {first} above it."
    )
    name = "components" if components.standardised else "components-plain"
    title = "The directions in which models differ"
    return Figure(name, title, caption, dress(chart, colours), 900)


def cluster_map(clusters: TraitClusters, cohort: Cohort, *, theme: Theme = "light") -> Figure:
    """Draw the groups of traits that hold, as deviations from the models' mean.

    Raises
    ------
    InputError
        No group holds: there is nothing to draw.
    """
    colours = palette(theme)
    groups: dict[tuple[str, ...], list[str]] = {}
    for method in (clusters.ward, clusters.density):
        for cluster in method.holding:
            method_words = f"{method.method} (stability {cluster.stability:.2f})"
            groups.setdefault(cluster.traits, []).append(method_words)
    if not groups:
        raise InputError("no group of traits holds under resampling; a figure of groups needs one")
    deviation = (cohort.strengths - cohort.strengths.mean(axis=0)) * ELO_PER_LOGIT
    at = {trait: i for i, trait in enumerate(cohort.traits)}
    reach = float(np.abs(deviation).max())
    parts = []
    for number, (traits, methods) in enumerate(groups.items()):
        rows = [
            {"trait": trait, "model": model, "difference": float(deviation[j, at[trait]])}
            for trait in traits
            for j, model in enumerate(cohort.models)
        ]
        title = f"{len(traits)} traits, by {' and '.join(methods)}"
        parts.append(_cluster_block(rows, cohort, title, reach, colours, head=number == 0))
    chart = alt.vconcat(*parts, spacing=18).resolve_scale(x="shared", color="shared")
    run = [c for c in (clusters.ward, clusters.density) if not c.not_run]
    caption = (
        f"Groups among {len(clusters.traits)} traits that rise and fall together over "
        f"{len(cohort.models)} models: Elo points above (blue) and below (orange) the models' "
        f"mean. Only groups that recur in {run[0].n_draws} redraws of the profiles are drawn: "
        "stability is the mean Jaccard similarity to the best match, and must exceed both 0.75 "
        f"and what the best group reaches in {run[0].n_null} data sets without groups (95th "
        f"percentile: {', '.join(f'{c.chance:.2f} for {c.method}' for c in run)})."
    )
    width = 170 + 46 * len(cohort.models)
    return Figure("clusters", "Traits that move together", caption, dress(chart, colours), width)


def _component_scatter(components: Components, colours: Palette) -> Chart:
    """Models with ellipses on the first two components, on one scale for both."""
    positions = components.positions[:, :2]
    outlines = [
        _ellipse(p, c) for p, c in zip(positions, components.position_covariance, strict=True)
    ]
    everything = np.concatenate(outlines)
    middle = (everything.max(axis=0) + everything.min(axis=0)) / 2
    half = float((everything.max(axis=0) - everything.min(axis=0)).max()) / 2 * 1.12
    size = 470
    scales = [
        alt.Scale(domain=[float(c - half), float(c + half)], nice=False, zero=False) for c in middle
    ]
    titles = [f"component {i + 1}: {components.explained[i]:.1%} of the variance" for i in range(2)]
    x = alt.X("x:Q", scale=scales[0], title=titles[0])
    y = alt.Y("y:Q", scale=scales[1], title=titles[1])
    rows = [
        {"model": model, "x": float(px), "y": float(py), "step": step}
        for model, outline in zip(components.models, outlines, strict=True)
        for step, (px, py) in enumerate(outline)
    ]
    dots: list[dict[str, Any]] = [
        {"model": model, "x": float(px), "y": float(py)}
        for model, (px, py) in zip(components.models, positions, strict=True)
    ]
    pixels = [
        (
            (r["x"] - middle[0] + half) / (2 * half) * size,
            (middle[1] + half - r["y"]) / (2 * half) * size,
        )
        for r in dots
    ]
    labels = place_labels(pixels, _short_names(components.models), pixels, width=size, height=size)
    ellipses = (
        alt.Chart(table(rows))
        .mark_line(filled=True, fillOpacity=0.16, strokeWidth=0.8, color=colours.expressed)
        .encode(x=x, y=y, detail="model:N", order="step:O", tooltip="model:N")
    )
    points = (
        alt.Chart(table(dots))
        .mark_point(filled=True, size=42, opacity=1, color=colours.expressed)
        .encode(x=x, y=y, tooltip="model:N")
    )
    return alt.layer(ellipses, points, label_layer(labels, colours)).properties(
        width=size, height=size
    )


def _short_names(models: Sequence[str]) -> list[str]:
    """Drop the vendor in front of a slash where the names stay distinct."""
    short = [model.rpartition("/")[2] for model in models]
    return short if len(set(short)) == len(short) else list(models)


def _ellipse(centre: FloatArray, covariance: FloatArray, steps: int = 36) -> FloatArray:
    """Outline of the 95% region of a normal position, shape (steps + 1, 2)."""
    values, vectors = np.linalg.eigh(covariance)
    angle = np.linspace(0, 2 * math.pi, steps + 1)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.asarray(centre + circle * np.sqrt(np.clip(values, 0, None) * CHI2_95) @ vectors.T)


def _loading_bars(components: Components, which: int, count: int, colours: Palette) -> Chart:
    """The traits with the largest loadings on one component."""
    loading = components.loadings[which]
    order = sorted(components.strongest(which, count), key=lambda i: -loading[i])
    rows = [{"trait": components.traits[i], "loading": float(loading[i])} for i in order]
    reach = float(np.abs(components.loadings[:2]).max()) * 1.05
    return (
        alt.Chart(table(rows))
        .mark_bar(height=9)
        .encode(
            x=alt.X(
                "loading:Q",
                scale=alt.Scale(domain=[-reach, reach], nice=False),
                axis=alt.Axis(tickCount=5, title=None),
            ),
            y=alt.Y("trait:N", sort=None, title=None, axis=alt.Axis(ticks=False, minExtent=95)),
            color=alt.when("datum.loading > 0")
            .then(alt.value(colours.expressed))
            .otherwise(alt.value(colours.avoided)),
            tooltip=["trait:N", "loading:Q"],
        )
        .properties(
            width=190,
            height=15 * len(rows),
            title=panel_title(f"loadings, component {which + 1}", colours, size=11),
        )
    )


def _scree(components: Components, colours: Palette) -> Chart:
    """Share explained by each component, its interval and the null's 95th percentile."""
    rows = [
        {
            "component": str(i + 1),
            "share": float(components.explained[i]),
            "low": float(components.explained_low[i]),
            "high": float(components.explained_high[i]),
            "null": float(components.null_explained[i]),
        }
        for i in range(min(8, len(components.explained)))
    ]
    base = alt.Chart(table(rows)).encode(
        x=alt.X(
            "component:N",
            sort=None,
            title=None,
            axis=alt.Axis(labelAngle=0, ticks=False),
        ),
        tooltip=["component:N", "share:Q", "low:Q", "high:Q", "null:Q"],
    )
    y = alt.Y("share:Q", title=None, axis=alt.Axis(format="%", tickCount=3, minExtent=95))
    bars = base.mark_bar(color=colours.expressed, opacity=0.55, width=14).encode(y=y)
    whiskers = base.mark_rule(color=colours.expressed).encode(y="low:Q", y2="high")
    null = base.mark_tick(color=colours.ink, thickness=2, width=20).encode(y="null:Q")
    return alt.layer(bars, whiskers, null).properties(
        width=190, height=85, title=panel_title("variance explained", colours, size=11)
    )


def _cluster_block(
    rows: list[dict[str, Any]],
    cohort: Cohort,
    title: str,
    reach: float,
    colours: Palette,
    *,
    head: bool,
) -> Chart:
    """One group: traits down, models across, coloured by difference."""
    traits = list(dict.fromkeys(r["trait"] for r in rows))
    axis = alt.Axis(orient="top", labelAngle=-40, title=None, ticks=False) if head else None
    stops = list(np.linspace(reach, -reach, len(colours.diverging)))
    return (
        alt.Chart(table(rows))
        .mark_rect(stroke=colours.background, strokeWidth=1)
        .encode(
            x=alt.X("model:N", sort=list(cohort.models), axis=axis),
            y=alt.Y("trait:N", sort=None, title=None, axis=alt.Axis(ticks=False)),
            color=alt.Color(
                "difference:Q",
                scale=alt.Scale(
                    domain=stops[::-1], range=list(colours.diverging)[::-1], interpolate="rgb"
                ),
                legend=None,
            ),
            tooltip=["trait:N", "model:N", "difference:Q"],
        )
        .properties(
            width=46 * len(cohort.models),
            height=15 * len(traits),
            title=panel_title(title, colours, size=11),
        )
    )
