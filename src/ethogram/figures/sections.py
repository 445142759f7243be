"""What other ways of asking found, as figures: series with intervals, and named points.

Takes the numbers of a section and gives a `Figure`. Knows nothing of files and stores.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import altair as alt

from ethogram.figures.labels import label_layer, place_labels
from ethogram.figures.names import text_width
from ethogram.figures.theme import (
    ROOM,
    Chart,
    Figure,
    Palette,
    Theme,
    dress,
    number_tip,
    palette,
    table,
)
from ethogram.validity.sections import Mark, SectionChart

WIDTH, HEIGHT = ROOM - 70, 260
SQUARE = 360
NAMED = 40
"""Points that are named; of more, the ones furthest from the middle."""
OPEN = " A bar to the edge: no bound is known there."
_DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3])
_SHAPES = ("circle", "square", "triangle-up", "diamond")


def section_figure(chart: SectionChart, name: str, *, theme: Theme = "light") -> Figure:
    """Draw a section's chart, of which some mark is `drawable`; `name` is the figure's."""
    chart = drawable(chart)
    colours = palette(theme)
    draw = _lines if chart.kind == "lines" else _points
    return Figure(name, chart.title, chart.caption, dress(draw(chart, colours), colours))


def drawable(chart: SectionChart) -> SectionChart:
    """Leave out marks that have no place, and end bars at the edge where no bound is known."""
    marks = [m for m in chart.marks if math.isfinite(m.x) and math.isfinite(m.y)]
    across = _edges(v for m in marks for v in (m.x, *(m.across or ())))
    upright = (
        (0.0, 1.0) if chart.percent else _edges(v for m in marks for v in (m.y, m.low, m.high))
    )
    drawn = tuple(
        replace(
            mark,
            low=mark.low if math.isfinite(mark.low) else min(mark.y, upright[0]),
            high=mark.high if math.isfinite(mark.high) else max(mark.y, upright[1]),
            across=mark.across and _within(mark.across, across),
        )
        for mark in marks
    )
    is_open = any(a != b for a, b in zip(drawn, marks, strict=True))
    return replace(chart, marks=drawn, caption=chart.caption + OPEN if is_open else chart.caption)


def _edges(values: Iterable[float]) -> tuple[float, float]:
    """Return ends that lie beyond all finite values."""
    known = [v for v in values if math.isfinite(v)]
    least, most = min(known, default=0.0), max(known, default=0.0)
    room = 0.1 * (most - least) or 1.0
    return least - room, most + room


def _within(ends: tuple[float, float], edges: tuple[float, float]) -> tuple[float, float]:
    low, high = (e if math.isfinite(e) else edge for e, edge in zip(ends, edges, strict=True))
    return low, high


def _lines(chart: SectionChart, colours: Palette) -> Chart:
    """Draw each series with its intervals; those at one x stand a little apart."""
    series = list(dict.fromkeys(mark.series for mark in chart.marks))
    apart = _apart(chart.marks, len(series))
    rows = [
        {**_row(mark), "at": mark.x + apart * (series.index(mark.series) - (len(series) - 1) / 2)}
        for mark in chart.marks
    ]
    base = alt.Chart(table(rows)).encode(
        x=alt.X(
            "at:Q",
            title=chart.x,
            scale=alt.Scale(zero=False, nice=False, padding=14),
            axis=_whole_numbers(chart.marks),
        ),
        tooltip=[alt.Tooltip("series:N"), alt.Tooltip("x:Q"), *_tips(chart)],
        color=_hue(series, colours),
    )
    y = _y(chart, "low:Q")
    bars = base.mark_rule(strokeWidth=1.5, opacity=0.7).encode(y=y, y2="high")
    path = base.mark_line(strokeWidth=2).encode(
        y=alt.Y("y:Q"),
        strokeDash=alt.StrokeDash(
            "series:N",
            scale=alt.Scale(
                domain=series, range=[_DASHES[(i + i // 4) % 4] for i in range(len(series))]
            ),
            legend=_legend(series),
        ),
    )
    dots = base.mark_point(filled=True, size=44, opacity=1).encode(
        y=alt.Y("y:Q"), shape=_shape(series)
    )
    return alt.layer(*_levels(chart, colours, WIDTH), bars, path, dots).properties(
        width=WIDTH, height=HEIGHT
    )


def _points(chart: SectionChart, colours: Palette) -> Chart:
    """Draw one point per mark with its name; the axes hold the same scale of places."""
    rows = [{**_row(mark), **_across(mark)} for mark in chart.marks]
    across, upright = _reach(rows, "left", "right"), _reach(rows, "low", "high")
    series = list(dict.fromkeys(mark.series for mark in chart.marks))
    base = alt.Chart(table(rows)).encode(
        tooltip=[
            alt.Tooltip("label:N"),
            *([alt.Tooltip("series:N")] if len(series) > 1 else []),
            number_tip("x", ".2f"),
            *_tips(chart),
        ],
        color=_hue(series, colours),
    )
    x = alt.X("x:Q", title=chart.x, scale=alt.Scale(domain=across, nice=False))
    y = _y(chart, "y:Q", domain=upright)
    bars = base.mark_rule(strokeWidth=1, opacity=0.35).encode(
        x=x, y=_y(chart, "low:Q", domain=upright), y2="high"
    )
    beams = base.mark_rule(strokeWidth=1, opacity=0.35).encode(
        x=alt.X("left:Q", title=chart.x, scale=alt.Scale(domain=across, nice=False)),
        x2="right",
        y=y,
    )
    dots = base.mark_point(filled=True, size=36, opacity=0.95).encode(
        x=x, y=y, shape=_shape(series)
    )
    layers = [*_levels(chart, colours, WIDTH), bars, beams, dots]
    names = _names(rows, across, upright)
    if names:
        layers.append(label_layer(names, colours))
    return alt.layer(*layers).properties(width=WIDTH, height=SQUARE)


def _row(mark: Mark) -> dict[str, Any]:
    named = {"series": mark.series, "label": mark.label}
    return {"x": mark.x, "y": mark.y, "low": mark.low, "high": mark.high, **named}


def _across(mark: Mark) -> dict[str, float]:
    left, right = mark.across or (mark.x, mark.x)
    return {"left": left, "right": right}


def _reach(rows: Sequence[dict[str, Any]], low: str, high: str) -> list[float]:
    """Return the ends of an axis that holds all intervals, with some room."""
    least, most = min(row[low] for row in rows), max(row[high] for row in rows)
    room = 0.04 * (most - least) or 1.0
    return [least - room, most + room]


def _names(
    rows: Sequence[dict[str, Any]], across: Sequence[float], upright: Sequence[float]
) -> list[dict[str, Any]]:
    """Place the names of the points, of many the outermost."""
    wide, tall = across[1] - across[0], upright[1] - upright[0]
    places = [
        (WIDTH * (row["x"] - across[0]) / wide, SQUARE * (1 - (row["y"] - upright[0]) / tall))
        for row in rows
    ]
    middle = (WIDTH / 2, SQUARE / 2)
    order = sorted(range(len(rows)), key=lambda i: -math.dist(places[i], middle))
    named = sorted(i for i in order[:NAMED] if rows[i]["label"])
    texts = [rows[i]["label"] for i in named]
    return place_labels([places[i] for i in named], texts, places, width=WIDTH, height=SQUARE)


def _hue(series: Sequence[str], colours: Palette) -> alt.Color:
    """Tell series by colour; one alone needs no legend."""
    hues = [colours.expressed, colours.avoided, colours.muted, colours.ink]
    scale = alt.Scale(domain=series, range=[hues[i % 4] for i in range(len(series))])
    return alt.Color("series:N", scale=scale, legend=_legend(series))


def _shape(series: Sequence[str]) -> alt.Shape:
    """Tell series by shape too: print may be grey."""
    scale = alt.Scale(domain=series, range=_cycle(_SHAPES, len(series)))
    return alt.Shape("series:N", scale=scale, legend=_legend(series))


def _cycle(kinds: Sequence[Any], n: int) -> list[Any]:
    """Deal kinds so that the fifth series, of the first one's colour, has another than it."""
    return [kinds[(i + i // 4) % len(kinds)] for i in range(n)]


def _legend(series: Sequence[str]) -> alt.Legend | None:
    if len(series) < 2:
        return None
    columns = 2 if max(map(text_width, series)) < WIDTH / 2 - 40 else 1
    return alt.Legend(title=None, orient="top", columns=columns, labelLimit=WIDTH - 40)


def _apart(marks: Sequence[Mark], series: int) -> float:
    """Return how far the series at one x stand apart."""
    places = sorted({mark.x for mark in marks})
    gaps = [b - a for a, b in pairwise(places)]
    return 0.3 * min(gaps, default=1.0) / series if series > 1 else 0.0


def _whole_numbers(marks: Sequence[Mark]) -> alt.Axis:
    """Keep an axis of counts to whole numbers."""
    if all(float(mark.x).is_integer() for mark in marks):
        return alt.Axis(format="d", tickMinStep=1, grid=False)
    return alt.Axis(grid=False)


def _y(chart: SectionChart, field: str, *, domain: Sequence[float] | None = None) -> alt.Y:
    scale = (
        alt.Scale(zero=False, nice=True)
        if domain is None
        else alt.Scale(domain=[*domain], nice=False)
    )
    axis = alt.Axis(format="%") if chart.percent else alt.Axis()
    return alt.Y(field, title=chart.y, scale=scale, axis=axis)


def _tips(chart: SectionChart) -> list[alt.Tooltip]:
    style = ".0%" if chart.percent else ".2f"
    return [number_tip(field, style) for field in ("y", "low", "high")]


def _levels(chart: SectionChart, colours: Palette, width: float) -> list[Chart]:
    """Draw dashed lines across, each with its name at the right end."""
    if not chart.levels:
        return []
    base = alt.Chart(table([{"level": at, "name": name} for at, name in chart.levels]))
    y = _y(chart, "level:Q")
    if chart.kind == "points":
        rows = [_row(mark) for mark in chart.marks]
        y = _y(chart, "level:Q", domain=_reach(rows, "low", "high"))
    rule = base.mark_rule(color=colours.muted, strokeDash=[4, 3]).encode(y=y)
    words = base.mark_text(align="right", baseline="bottom", dy=-2, color=colours.muted).encode(
        x=alt.value(width), y=y, text="name:N"
    )
    return [rule, words]
