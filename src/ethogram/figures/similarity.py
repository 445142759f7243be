"""The figure of how alike models are: correlations of every pair, and the tree they make."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import altair as alt
from scipy.cluster.hierarchy import dendrogram

from ethogram.analysis.similarity import Similarity
from ethogram.figures.labels import head_axis, name_axis, overhang
from ethogram.figures.names import fit_names, gutter, say_cut
from ethogram.figures.shades import fill_by_tint, ink_by_tint, tint
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
from ethogram.ratings.comparisons import FloatArray
from ethogram.ratings.numbers import say_interval, say_number

NAME_WIDTH, TREE, GAP = 150, 110, 8
MOST_WIDTH, MOST_HEIGHT = 300.0, 44.0
WHOLE_CELL, LEAST_CELL = 36, 26
"""Pixels that "−0.12" and "−.12" take in a cell."""


def similarity_map(similarity: Similarity, *, theme: Theme = "light") -> Figure:
    """Draw the correlation of every pair of models, with a dendrogram."""
    colours = palette(theme)
    rho, order = similarity.spearman, similarity.leaves
    models = [similarity.models[i] for i in order]
    m = len(models)
    rows: list[dict[str, Any]] = []
    for a, i in enumerate(order):
        for b, j in enumerate(order):
            below = a >= b
            rows.append(
                {
                    "model": models[a],
                    "other": models[b],
                    "shown": float(rho.value[i, j] if below else rho.disattenuated[i, j]),
                    "what": "as measured" if below else "without noise",
                    "Spearman": float(rho.value[i, j]),
                    "low": float(rho.low[i, j]),
                    "high": float(rho.high[i, j]),
                    "without noise": float(rho.disattenuated[i, j]),
                    "Pearson": float(similarity.pearson.value[i, j]),
                    "itself": i == j,
                }
            )
    cell = _cell_width(models)
    tall = min(cell, MOST_HEIGHT)
    for row in rows:
        row |= {"tint": tint(row["shown"], 1.0), "text": _in_cell(row["shown"], cell)}
    matrix = _correlation_cells([_without_nan(row) for row in rows], models, cell, tall, colours)
    chart: Any = matrix
    if m > 2:
        tree = _dendrogram(similarity.tree, m, tall, colours)
        chart = alt.hconcat(matrix, tree, spacing=GAP, bounds="flush")
    caption = (
        f"Spearman correlation of the ratings in {m} models. Below the diagonal as measured "
        f"(mean {say_number(rho.mean, 3)}, 95% interval "
        f"{say_interval(rho.mean_low, rho.mean_high, 3)}, from "
        f"{similarity.n_draws:,} bootstrap draws of the profiles); above it what it would be "
        "without measurement noise (divided by the root of both reliabilities; may exceed 1). "
        "Blue above 0, orange below it."
    )
    if cell < LEAST_CELL:
        caption += " There are too many models for numbers in the cells."
    if m > 2:
        caption += " The tree joins models by one minus the measured correlation, average linkage."
    caption += say_cut(models, fit_names(models, NAME_WIDTH))
    return Figure("similarity", "How alike the models are", caption, dress(chart, colours))


def _cell_width(models: Sequence[str]) -> float:
    """Share the column's width between names, cells and tree."""
    m = len(models)
    free = ROOM - gutter(fit_names(models, NAME_WIDTH), NAME_WIDTH + 10)
    cell = min(MOST_WIDTH, free / m)
    beside = TREE + GAP if m > 2 else overhang(models, NAME_WIDTH, cell)
    return min(MOST_WIDTH, (free - beside) / m)


def _in_cell(value: float, cell: float) -> str:
    """A correlation as it fits into a cell; "" where it is unknown or has no room."""
    if math.isnan(value) or cell < LEAST_CELL:
        return ""
    text = say_number(value, 2)
    return text if cell >= WHOLE_CELL else text.replace("0.", ".", 1)


def _correlation_cells(
    rows: list[dict[str, Any]],
    models: Sequence[str],
    cell: float,
    tall: float,
    colours: Palette,
) -> Chart:
    """The matrix: colour and number."""
    base = alt.Chart(table([r for r in rows if not r["itself"]])).encode(
        x=alt.X(
            "other:N",
            sort=list(models),
            scale=alt.Scale(domain=list(models)),
            title=None,
            axis=head_axis(models, NAME_WIDTH),
        ),
        y=alt.Y(
            "model:N",
            sort=list(models),
            scale=alt.Scale(domain=list(models)),
            title=None,
            axis=name_axis(models, NAME_WIDTH),
        ),
    )
    numbers = ("Spearman", "low", "high", "without noise", "Pearson")
    tips = ["model:N", "other:N", *(number_tip(name, ".3f") for name in numbers)]
    cells = base.mark_rect(stroke=colours.background, strokeWidth=1).encode(
        color=fill_by_tint(colours), tooltip=tips
    )
    text = base.mark_text().encode(text="text:N", color=ink_by_tint(colours), tooltip=tips)
    m = len(models)
    chart = alt.layer(cells, text).resolve_scale(color="independent")
    return chart.properties(width=cell * m, height=tall * m)


def _dendrogram(tree: FloatArray, m: int, tall: float, colours: Palette) -> Chart:
    """The tree, its leaves beside the rows of the matrix."""
    drawn = dendrogram(tree, no_plot=True)
    rows = [
        {"branch": b, "step": s, "leaf": leaf, "distance": distance}
        for b, (leaves, distances) in enumerate(zip(drawn["icoord"], drawn["dcoord"], strict=True))
        for s, (leaf, distance) in enumerate(zip(leaves, distances, strict=True))
    ]
    return (
        alt.Chart(table(rows))
        .mark_line(color=colours.muted, strokeWidth=1.3, strokeJoin="round")
        .encode(
            x=alt.X(
                "distance:Q",
                title="1 − correlation",
                axis=alt.Axis(tickCount=2, format=".2~f", grid=False),
            ),
            y=alt.Y(
                "leaf:Q",
                scale=alt.Scale(domain=[0, 10 * m], reverse=True, nice=False),
                axis=None,
            ),
            detail="branch:N",
            order="step:O",
        )
        .properties(width=TREE - 10, height=tall * m)
    )


def _without_nan(row: dict[str, Any]) -> dict[str, Any]:
    """JSON has no NaN: an unknown number is null."""
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()}
