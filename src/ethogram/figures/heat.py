"""The heat map of models and traits: colour by rating, in each cell the rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import altair as alt
import numpy as np

from ethogram.analysis.cohort import Cohort
from ethogram.figures.labels import head_axis, overhang
from ethogram.figures.names import fit_names, fit_text, gutter, say_cut
from ethogram.figures.shades import fill_by_tint, ink_by_tint, tint
from ethogram.figures.theme import (
    ROOM,
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
from ethogram.ratings.numbers import count_words, rank_words

Order = Literal["mean", "disagreement"]
ORDERS: tuple[Order, ...] = get_args(Order)

ROW = 18
TRAIT_WIDTH, NAME_WIDTH, SPREAD_WIDTH = 130, 160, 60
LEAST_CELL = 31
"""Pixels of the narrowest column that has room for a rank of three digits and a sign of a tie."""


@dataclass(frozen=True)
class _Layout:
    """Pixels of the columns, and names as they are shown."""

    traits: int
    cell: float
    models: list[str]

    @property
    def numbered(self) -> bool:
        return self.cell >= LEAST_CELL


def heat_map(
    cohort: Cohort,
    *,
    theme: Theme = "light",
    by: Order = "mean",
    switch: bool = False,
    count: int = 30,
) -> Figure:
    """Draw the traits on which models agree or disagree, models across.

    Parameters
    ----------
    by : "mean" or "disagreement"
        The traits of the highest and lowest mean rating, or those of the largest standard
        deviation between models.
    switch : bool
        Offer both, `by` first (for a page).
    count : int
        Traits shown, or all where there are fewer.
    """
    colours = palette(theme)
    ratings = ELO_PER_LOGIT * cohort.strengths
    k, m = len(cohort.traits), len(cohort.models)
    reach = float(np.quantile(np.abs(ratings), 0.98)) or 1.0
    orders = (by, *[o for o in ORDERS if o != by]) if switch else (by,)
    picked = {o: _pick(ratings, o, min(count, k)) for o in orders}
    layout = _lay_out(cohort, {cohort.traits[i] for order in picked.values() for i in order})
    rows = [row for o in orders for row in _rows(cohort, picked[o], o, reach, split=count < k)]
    chart = _chart(rows, cohort, layout, colours)
    if switch:
        chart = chart.add_params(_switch(orders))
    caption = (
        f"{_which(by, min(count, k), k, switch=switch)} Colour: the rating, blue above the mean of "
        f"1000, orange below it, full at {reach:.0f} points. "
        f"{_numbers(k, numbered=layout.numbered)} Right: standard deviation of the ratings "
        f"between the {count_words(m, 'model')}, in Elo points, measurement noise included. "
        f"{say_comparisons(cohort.n)}{say_cut(cohort.models, layout.models)}"
    )
    title = {"mean": "Most and least expressed traits", "disagreement": "Where models disagree"}
    name = "ranks" if by == "mean" else "disagreement"
    return Figure(name, title[by] if not switch else TITLE, caption, dress(chart, colours))


TITLE = "Traits by model"


def _pick(ratings: FloatArray, order: Order, count: int) -> list[int]:
    """Traits to show, in order: by falling mean, both ends; or by falling spread."""
    if order == "disagreement":
        return [int(i) for i in np.argsort(-ratings.std(axis=0), kind="stable")[:count]]
    means = np.argsort(-ratings.mean(axis=0), kind="stable")
    top = (count + 1) // 2
    return [int(i) for i in (*means[:top], *means[len(means) - (count - top) :])]


def _lay_out(cohort: Cohort, traits: set[str]) -> _Layout:
    """Share the column's width between names and cells."""
    m = len(cohort.models)
    left = gutter(sorted(traits), TRAIT_WIDTH)
    cell = (ROOM - left - SPREAD_WIDTH) / m
    wide = min(cell, (ROOM - left - overhang(cohort.models, NAME_WIDTH, cell)) / m)
    return _Layout(left, wide, fit_names(cohort.models, NAME_WIDTH))


def _rows(
    cohort: Cohort, picked: list[int], order: Order, reach: float, *, split: bool
) -> list[dict[str, Any]]:
    """One row per cell, with its place from the top; both ends of the list are set apart."""
    ratings = ELO_PER_LOGIT * cohort.strengths
    spread, ranks = ratings.std(axis=0), [rank_words(own) for own in ratings]
    gap_at = (len(picked) + 1) // 2 if split and order == "mean" else len(picked)
    return [
        {
            "order": order,
            "y": (place + (0.6 if place >= gap_at else 0)) * ROW,
            "trait": cohort.traits[i],
            "model": model,
            "rating": float(1000 + ratings[j, i]),
            "rank": ranks[j][i],
            "spread": float(spread[i]),
            "tint": tint(float(ratings[j, i]), reach),
        }
        for place, i in enumerate(picked)
        for j, model in enumerate(cohort.models)
    ]


def _chart(rows: list[dict[str, Any]], cohort: Cohort, layout: _Layout, colours: Palette) -> Chart:
    """Cells with their ranks; the trait on the left and its spread on the right."""
    width = layout.cell * len(cohort.models)
    height = max(row["y"] for row in rows) + ROW
    base = _of_order(rows)
    x = alt.X(
        "model:N",
        sort=list(cohort.models),
        scale=alt.Scale(domain=list(cohort.models), paddingInner=0, paddingOuter=0),
        axis=head_axis(cohort.models, NAME_WIDTH),
        title=None,
    )
    y = alt.Y("y:Q", scale=None, axis=None)
    tips: list[Any] = ["trait:N", "model:N", "rank:N"]
    tips += [alt.Tooltip(f"{field}:Q", format=",.0f") for field in ("rating", "spread")]
    cells = base.mark_rect(
        height=ROW, yOffset=ROW / 2, stroke=colours.background, strokeWidth=1
    ).encode(x=x, y=y, color=fill_by_tint(colours), tooltip=tips)
    layers = [cells]
    if layout.numbered:
        layers.append(
            base.mark_text(dy=ROW / 2 + 1, baseline="middle").encode(
                x=x, y=y, text="rank:N", color=ink_by_tint(colours), tooltip=tips
            )
        )
    for field, at, align in (("label", -8, "right"), ("spread text", width + 10, "left")):
        layers.append(_margin(rows, field, at, align))
    head = [{"x": width + 10, "text": "spread"}]
    layers.append(
        alt.Chart(table(head))
        .mark_text(align="left", baseline="bottom", color=colours.muted)
        .encode(x=alt.X("x:Q", scale=None, axis=None), y=alt.value(height + 17), text="text:N")
    )
    return (
        alt.layer(*layers).resolve_scale(color="independent").properties(width=width, height=height)
    )


def _margin(rows: list[dict[str, Any]], field: str, at: float, align: Any) -> Chart:
    """One text per trait beside the cells."""
    lines = {
        (row["order"], row["y"]): {
            "order": row["order"],
            "y": row["y"],
            "label": fit_text(row["trait"], TRAIT_WIDTH - 10),
            "spread text": f"{row['spread']:,.0f}",
        }
        for row in rows
    }
    return (
        _of_order(list(lines.values()))
        .mark_text(align=align, baseline="middle", dy=ROW / 2 + 1)
        .encode(x=alt.value(at), y=alt.Y("y:Q", scale=None, axis=None), text=f"{field}:N")
    )


def _of_order(rows: list[dict[str, Any]]) -> Chart:
    """A chart of the rows of the order that the reader chose, where there is a choice."""
    chart = alt.Chart(table(rows))
    several = len({row["order"] for row in rows}) > 1
    return chart.transform_filter("datum.order === order_shown") if several else chart


def _switch(orders: tuple[Order, ...]) -> alt.Parameter:
    """What the reader chooses the order with."""
    choice = alt.binding_radio(options=list(orders), name="Traits by ")
    return alt.param(name="order_shown", value=orders[0], bind=choice)


def _which(by: Order, count: int, k: int, *, switch: bool) -> str:
    """Which traits are shown."""
    if count == k:
        mean, spread = f"All {k} traits by mean rating.", f"All {k} traits by disagreement."
    else:
        top = (count + 1) // 2
        mean = f"The {top} highest and {count - top} lowest of {k} traits by mean rating."
        spread = f"The {count} of {k} traits on which models differ most, noise included."
    if switch:
        return f"{mean} The switch shows them by disagreement: {spread[0].lower()}{spread[1:]}"
    return mean if by == "mean" else spread


def _numbers(k: int, *, numbered: bool) -> str:
    """What stands in the cells."""
    if not numbered:
        return "There are too many models for numbers in the cells."
    return (
        f"Number: the trait's rank in that model, 1 the most expressed, {k} the most avoided, "
        "= where traits tie. Ranks in the middle of the list are uncertain by many places."
    )
