"""The figure of the directions in which models differ: principal components.

One picture holds one way of scaling the profiles, or two with a switch between them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import altair as alt
import numpy as np

from ethogram.analysis.components import Components
from ethogram.figures.labels import label_layer, place_labels
from ethogram.figures.names import fit_names, fit_text, gutter, say_cut
from ethogram.figures.theme import (
    ROOM,
    Chart,
    Figure,
    Palette,
    Theme,
    dress,
    number_tip,
    palette,
    panel_title,
    table,
)
from ethogram.ratings.comparisons import FloatArray

CHI2_95 = 5.991464547107979  # two degrees of freedom

WIDTH, HEIGHT = ROOM - 62, 440
NAME_WIDTH, TRAIT_WIDTH = 190, 118
SHARES, GAP = 130, 26
ROW = 17


@dataclass(frozen=True)
class _Frame:
    """Where the first two components lie in the plot: one scale for both axes."""

    middle: FloatArray
    unit: float
    """Of the scores, in a pixel."""

    @property
    def x(self) -> tuple[float, float]:
        return self._ends(0, WIDTH)

    @property
    def y(self) -> tuple[float, float]:
        return self._ends(1, HEIGHT)

    def _ends(self, axis: int, pixels: float) -> tuple[float, float]:
        half = self.unit * pixels / 2
        return float(self.middle[axis] - half), float(self.middle[axis] + half)

    def pixel(self, score: FloatArray) -> tuple[float, float]:
        (left, _), (_, top) = self.x, self.y
        return float((score[0] - left) / self.unit), float((top - score[1]) / self.unit)


def component_chart(
    components: Components,
    other: Components | None = None,
    *,
    theme: Theme = "light",
    count: int = 8,
) -> Figure:
    """Draw the models on the first two components, their loadings and the share explained.

    With `other`, of the same models scaled otherwise, a switch shows either.
    """
    colours = palette(theme)
    shown = [components] if other is None else [components, other]
    frames = [_frame(c) for c in shown]
    scatter = _scatter(shown, frames, colours)
    count = min(count, len(components.traits))
    side = (ROOM - 45 - SHARES - 2 * GAP) / 2
    loads = [_loading_bars(shown, which, count, side, colours) for which in range(2)]
    below = alt.hconcat(_share_bars(shown, count, colours), *loads, spacing=GAP)
    chart = alt.vconcat(scatter, below, spacing=26)
    if other is not None:
        chart = chart.add_params(_switch(shown))
    short = fit_names(components.models, NAME_WIDTH)
    caption = _caption(components, other) + say_cut(components.models, short)
    name = "components" if components.standardised else "components-plain"
    title = "The directions in which models differ"
    return Figure(name, title, caption, dress(chart, colours))


def name_axis_by_poles(components: Components, which: int, room: float) -> str:
    """Say a component's share of the variance and what its two ends are."""
    share = f"PC{which + 1} ({components.explained[which]:.0%})"
    low, high = components.poles(which)
    each = (room - 90) / max(1, len(low) + len(high))
    ends = [", ".join(fit_text(trait, each) for trait in end) for end in (low, high)]
    return f"{ends[0]} ← {share} → {ends[1]}".strip()


def _kind(components: Components) -> str:
    return "standardised" if components.standardised else "as they are"


def _switch(shown: list[Components]) -> alt.Parameter:
    kinds = [_kind(c) for c in shown]
    choice = alt.binding_radio(options=kinds, name="Profiles ")
    return alt.param(name="profiles_shown", value=kinds[0], bind=choice)


def _of_kind(shown: list[Components], rows: list[dict[str, Any]]) -> Chart:
    """A chart of the rows of the kind that the reader chose, where there is a choice."""
    chart = alt.Chart(table(rows))
    return chart.transform_filter("datum.kind === profiles_shown") if len(shown) > 1 else chart


def _scale(kinds: list[str], ends: list[tuple[float, float]]) -> alt.Scale:
    """Ends of an axis, which the switch changes."""
    low, high = ends[0]
    if len(kinds) == 1:
        return alt.Scale(domain=[low, high], nice=False, zero=False)
    first = f"profiles_shown === '{kinds[0]}'"
    return alt.Scale(
        domainMin=alt.ExprRef(f"{first} ? {low} : {ends[1][0]}"),
        domainMax=alt.ExprRef(f"{first} ? {high} : {ends[1][1]}"),
        nice=False,
        zero=False,
    )


def _frame(components: Components) -> _Frame:
    outlines = np.concatenate(_outlines(components))
    low, high = outlines.min(axis=0), outlines.max(axis=0)
    size = np.array([WIDTH, HEIGHT])
    return _Frame((low + high) / 2, float(((high - low) / size).max()) * 1.12 or 1.0)


def _outlines(components: Components) -> list[FloatArray]:
    positions = components.positions[:, :2]
    both = zip(positions, components.position_covariance, strict=True)
    return [_ellipse(position, covariance) for position, covariance in both]


def _ellipse(centre: FloatArray, covariance: FloatArray, steps: int = 36) -> FloatArray:
    """Outline of the 95% region of a normal position, shape (steps + 1, 2)."""
    values, vectors = np.linalg.eigh(covariance)
    angle = np.linspace(0, 2 * math.pi, steps + 1)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.asarray(centre + circle * np.sqrt(np.clip(values, 0, None) * CHI2_95) @ vectors.T)


def _scatter(shown: list[Components], frames: list[_Frame], colours: Palette) -> Chart:
    """Models with ellipses on the first two components."""
    kinds = [_kind(c) for c in shown]
    axis = alt.Axis(tickCount=6, title=None)
    x = alt.X("x:Q", scale=_scale(kinds, [f.x for f in frames]), axis=axis)
    y = alt.Y("y:Q", scale=_scale(kinds, [f.y for f in frames]), axis=axis)
    rings = [row for c in shown for row in _ring_rows(c)]
    dots = [row for c in shown for row in _dot_rows(c)]
    labels = [row for c, f in zip(shown, frames, strict=True) for row in _labels(c, f)]
    ellipses = (
        _of_kind(shown, rings)
        .mark_line(filled=True, fillOpacity=0.16, strokeWidth=0.8, color=colours.expressed)
        .encode(x=x, y=y, detail="model:N", order="step:O", tooltip="model:N")
    )
    points = (
        _of_kind(shown, dots)
        .mark_point(filled=True, size=42, opacity=1, color=colours.expressed)
        .encode(x=x, y=y, tooltip="model:N")
    )
    names = label_layer(labels, colours, partial(_of_kind, shown))
    layers = (ellipses, points, names, *_axis_titles(shown, colours))
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)


def _ring_rows(components: Components) -> list[dict[str, Any]]:
    return [
        {"kind": _kind(components), "model": model, "x": float(x), "y": float(y), "step": step}
        for model, outline in zip(components.models, _outlines(components), strict=True)
        for step, (x, y) in enumerate(outline)
    ]


def _dot_rows(components: Components) -> list[dict[str, Any]]:
    return [
        {"kind": _kind(components), "model": model, "x": float(x), "y": float(y)}
        for model, (x, y) in zip(components.models, components.positions[:, :2], strict=True)
    ]


def _labels(components: Components, frame: _Frame) -> list[dict[str, Any]]:
    """Names beside the dots."""
    pixels = [frame.pixel(score) for score in components.positions]
    names = fit_names(components.models, NAME_WIDTH)
    placed = place_labels(pixels, names, pixels, width=WIDTH, height=HEIGHT)
    return [{"kind": _kind(components), **row} for row in placed]


def _axis_titles(shown: list[Components], colours: Palette) -> list[Chart]:
    """Below the plot and on its left, what the ends of the axes mean."""
    rows = [
        {
            "kind": _kind(c),
            "x": name_axis_by_poles(c, 0, WIDTH),
            "y": name_axis_by_poles(c, 1, HEIGHT),
        }
        for c in shown
    ]
    base = _of_kind(shown, rows)
    text: dict[str, Any] = {"color": colours.ink, "align": "center"}
    return [
        base.mark_text(baseline="top", **text).encode(
            x=alt.value(WIDTH / 2), y=alt.value(HEIGHT + 28), text="x:N"
        ),
        base.mark_text(baseline="bottom", angle=270, **text).encode(
            x=alt.value(-38), y=alt.value(HEIGHT / 2), text="y:N"
        ),
    ]


def _loading_bars(
    shown: list[Components], which: int, count: int, room: float, colours: Palette
) -> Chart:
    """The traits with the largest loadings on one component."""
    rows = [row for c in shown for row in _loading_rows(c, which, count)]
    names = gutter([row["trait"] for row in rows], TRAIT_WIDTH)
    reach = max(float(np.abs(c.loadings[:2]).max()) for c in shown) * 1.05
    scale = alt.Scale(domain=[-reach, reach], nice=False)
    axis = alt.Axis(tickCount=3, title=None)
    y = alt.Y("y:Q", scale=None, axis=None)
    bars = (
        _of_kind(shown, rows)
        .mark_rule(strokeWidth=10)
        .encode(
            x=alt.X("loading:Q", scale=scale, axis=axis),
            x2=alt.X2Datum(0),
            y=y,
            color=alt.when("datum.loading > 0")
            .then(alt.value(colours.expressed))
            .otherwise(alt.value(colours.avoided)),
            tooltip=["trait:N", number_tip("loading", ".3f")],
        )
    )
    text = (
        _of_kind(shown, rows)
        .mark_text(align="right", baseline="middle", limit=names - 6)
        .encode(x=alt.value(-6), y=y, text="trait:N")
    )
    return alt.layer(bars, text).properties(
        width=room - names,
        height=ROW * count,
        title=panel_title(f"loadings on PC{which + 1}", colours),
    )


def _loading_rows(components: Components, which: int, count: int) -> list[dict[str, Any]]:
    loading = components.loadings[which]
    order = sorted(components.strongest(which, count), key=lambda i: -loading[i])
    return [
        {
            "kind": _kind(components),
            "trait": components.traits[i],
            "loading": float(loading[i]),
            "y": ROW * (place + 0.5),
        }
        for place, i in enumerate(order)
    ]


def _share_bars(shown: list[Components], count: int, colours: Palette) -> Chart:
    """Share explained by each component, its interval and the null's 95th percentile."""
    rows: list[dict[str, Any]] = [
        {
            "kind": _kind(c),
            "component": str(i + 1),
            "share": float(c.explained[i]),
            "low": float(c.explained_low[i]),
            "high": float(c.explained_high[i]),
            "null": float(c.null_explained[i]),
        }
        for c in shown
        for i in range(min(8, len(c.explained)))
    ]
    tips = [number_tip(field, ".1%") for field in ("share", "low", "high", "null")]
    x = alt.X("component:N", sort=None, title=None, axis=alt.Axis(labelAngle=0, ticks=False))
    base = _of_kind(shown, rows).encode(x=x, tooltip=["component:N", *tips])
    top = max(max(row["high"], row["null"]) for row in rows)
    scale = alt.Scale(domain=[0, top], nice=True)
    y = alt.Y("share:Q", title=None, scale=scale, axis=alt.Axis(format="%", tickCount=3))
    bars = base.mark_bar(color=colours.expressed, opacity=0.55, width=11).encode(y=y)
    whiskers = base.mark_rule(color=colours.expressed).encode(y="low:Q", y2="high")
    null = base.mark_tick(color=colours.ink, thickness=2, width=14).encode(y="null:Q")
    return alt.layer(bars, whiskers, null).properties(
        width=SHARES, height=ROW * count, title=panel_title("variance explained", colours)
    )


def _caption(components: Components, other: Components | None) -> str:
    both = [components] if other is None else [components, other]
    kinds = {True: "each standardised", False: "in plain logits"}
    said = "; or ".join(kinds[c.standardised] for c in both)
    above = "; ".join(
        f"{_above(c.above_null)} above it" + (f" ({_kind(c)})" if other is not None else "")
        for c in both
    )
    why = (
        " Standardising, as the published study did, asks how models order the traits; as they "
        "are, how pronounced a model's preferences are counts too."
        if other is not None
        else ""
    )
    return (
        f"Principal components of {len(components.models)} profiles ({said}, centred trait by "
        f"trait) on {len(components.traits)} traits.{why} An axis is named by its share of the "
        "variance and, at its two ends, the traits that load most on it. Ellipses: 95% regions "
        f"of the measurement, from {components.n_draws:,} bootstrap draws rotated onto this "
        "picture. Bottom left: the variance explained by each component, with its 95% interval; "
        "the dash is the 95th percentile when models are permuted within each trait; "
        f"{above}. Beside it: the traits with the largest loadings."
    )


def _above(count: int) -> str:
    if count > 1:
        return f"the first {count} stand"
    return "the first stands" if count else "none stands"
