"""Figures between models: convergence and deviations.

Each function takes a part of an `ethogram.analysis.analyse.Analysis` and gives a `Figure`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np

from ethogram.analysis.cohort import Cohort
from ethogram.analysis.deviations import Deviations
from ethogram.analysis.tiers import Convergence, Spread, Tier
from ethogram.figures.labels import label_layer, name_axis, place_labels
from ethogram.figures.names import fit_names, gutter, say_cut
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
from ethogram.ratings.comparisons import IntArray
from ethogram.ratings.models import ELO_PER_LOGIT

GAP, TIER_NAMES = 22, 96


def convergence_chart(convergence: Convergence, *, theme: Theme = "light") -> Figure:
    """Draw each trait's spread over models against the null model, and the tiers."""
    colours = palette(theme)
    scatter = _spread_scatter(convergence, colours)
    ranks = _tier_dots(convergence.tiers, "ranks", "mean rank spread", 1.0, colours)
    points = _tier_dots(
        convergence.tiers, "logits", "mean spread, Elo points", ELO_PER_LOGIT, colours
    )
    tiers = alt.hconcat(ranks, points, spacing=GAP + TIER_NAMES, bounds="flush")
    chart = alt.vconcat(scatter, tiers, spacing=24)
    caption = (
        f"Standard deviation (dividing by n) of each of {len(convergence.traits)} traits' ranks "
        f"across {convergence.n_models} models. Grey: a null model in which all models differ "
        "equally on every trait, measured with the same noise; the band and grey bars are its "
        f"95% range in {convergence.n_draws:,} draws, with the tiers formed anew in each. Near "
        "both ends of the list ranks have little room, so the arch alone means nothing; on a tier "
        "below the grey, models agree more than chance. Blue bars: 95% intervals of "
        "the measurement."
    )
    title = "Where models agree more than chance"
    return Figure("convergence", title, caption, dress(chart, colours))


def deviation_panels(
    deviations: Deviations, cohort: Cohort, *, theme: Theme = "light", count: int = 8
) -> Figure:
    """Draw the traits of each model that lie furthest from the other models' mean."""
    colours = palette(theme)
    m = len(deviations.models)
    count = min(count, len(deviations.traits))
    columns = min(m, 2 if m <= 4 else 3)
    picked = [deviations.furthest(i, count) for i in range(m)]
    reach, cut = _reach(deviations, picked)
    width = (ROOM - (columns - 1) * GAP) / columns
    traits = sorted({deviations.traits[i] for places in picked for i in places})
    names = gutter(traits, 0.48 * width)
    titles = fit_names(deviations.models, 0.92 * width)
    parts = [
        _deviation_panel(deviations, i, picked[i], reach, names, colours).properties(
            width=width - names, title=panel_title(titles[i], colours, dx=8 - names)
        )
        for i in range(m)
    ]
    spacing = {"row": 54, "column": GAP + names}
    chart = alt.concat(*parts, columns=columns, spacing=spacing, bounds="flush")
    n = f"{min(cohort.n):,}" if min(cohort.n) == max(cohort.n) else f"{min(cohort.n):,} or more"
    caption = (
        f"The {count} traits (of {len(deviations.traits)}) on which each of {m} models lies "
        "furthest from the mean of the others. One unit is the standard deviation of all such "
        f"differences, {deviations.unit * ELO_PER_LOGIT:.0f} Elo points. Bars: pointwise 95% "
        f"intervals of the measurement, {n} comparisons per model. Blue: more, orange: less than "
        "the others, both at a false discovery rate of "
        f"{deviations.level:.0%} over all {m * len(deviations.traits):,} tests; grey: not "
        "distinguishable from noise. Chosen for being extreme, so slightly exaggerated."
        + (" Intervals that leave a panel are cut at its edge." if cut else "")
        + (" With two models each panel mirrors the other." if m == 2 else "")
        + say_cut(deviations.models, titles)
    )
    return Figure("deviations", "What sets each model apart", caption, dress(chart, colours))


def _spread_scatter(convergence: Convergence, colours: Palette) -> Chart:
    """Traits by mean rank and rank spread, over the null model's band."""
    k = len(convergence.traits)
    half = k // 2
    ends = (
        int(convergence.rank_spread[:half].argmin()),
        half + int(convergence.rank_spread[half:].argmin()),
    )
    extremes = {*convergence.least_agreed(5), *(convergence.traits[i] for i in ends)}
    rows: list[dict[str, Any]] = [
        {
            "trait": trait,
            "mean rank": float(convergence.mean_rank[i]),
            "spread": float(convergence.rank_spread[i]),
            "null": float(convergence.null_rank[i]),
            "null low": float(convergence.null_rank_low[i]),
            "null high": float(convergence.null_rank_high[i]),
            "place": i + 1,
            "label": trait if trait in extremes or k <= 16 else "",
        }
        for i, trait in enumerate(convergence.traits)
    ]
    tips = ["trait:N", *(number_tip(f, ".1f") for f in ("mean rank", "spread", "null"))]
    width, height = ROOM - 70, 280
    y_top = max(max(r["spread"], r["null high"]) for r in rows) * 1.06 or 1.0  # all may be zero
    y = alt.Scale(domain=[0, y_top], nice=False)
    x = alt.X(
        "mean rank:Q",
        scale=alt.Scale(domain=[1, k], nice=False),
        title="mean rank",
        axis=alt.Axis(format="d", tickMinStep=1),
    )
    place = alt.X("place:Q", scale=alt.Scale(domain=[1, k], nice=False), title="mean rank")
    base = alt.Chart(table(rows))
    band = base.mark_area(color=colours.muted, opacity=0.22).encode(
        x=place,
        y=alt.Y("null low:Q", scale=y, title="rank spread over models"),
        y2="null high",
    )
    middle = base.mark_line(color=colours.muted, strokeDash=[4, 3]).encode(
        x=place, y=alt.Y("null:Q", scale=y)
    )
    points = base.mark_point(filled=True, size=30, color=colours.expressed, opacity=0.85).encode(
        x=x, y=alt.Y("spread:Q", scale=y), tooltip=tips
    )
    named = [r for r in rows if r["label"]]
    at = [
        ((r["mean rank"] - 1) / (k - 1) * width, height * (1 - r["spread"] / y_top)) for r in named
    ]
    dots = [
        ((r["mean rank"] - 1) / (k - 1) * width, height * (1 - r["spread"] / y_top)) for r in rows
    ]
    labels = place_labels(at, [r["label"] for r in named], dots, width=width, height=height)
    return alt.layer(band, middle, points, label_layer(labels, colours)).properties(
        width=width, height=height
    )


def _tier_dots(
    tiers: Sequence[Tier], part: str, title: str, scale: float, colours: Palette
) -> Chart:
    """Observed and null spread of each tier as dots with ranges."""
    rows: list[dict[str, Any]] = []
    for tier in tiers:
        spread: Spread = getattr(tier, part)
        for what, value, low, high in (
            ("models", spread.value, spread.low, spread.high),
            ("chance", spread.null, spread.null_low, spread.null_high),
        ):
            rows.append(
                {
                    "tier": tier.name,
                    "what": what,
                    "value": value * scale,
                    "low": low * scale,
                    "high": high * scale,
                    "p": spread.p,
                }
            )
    names = [tier.name for tier in tiers]
    tips = [number_tip(field, ".1f") for field in ("value", "low", "high")]
    base = alt.Chart(table(rows)).encode(
        y=alt.Y("tier:N", sort=names, title=None, axis=alt.Axis(ticks=False)),
        yOffset=alt.YOffset("what:N", sort=["models", "chance"]),
        color=alt.Color(
            "what:N",
            scale=alt.Scale(domain=["models", "chance"], range=[colours.expressed, colours.muted]),
            legend=alt.Legend(title=None, orient="top"),
        ),
        tooltip=["tier:N", "what:N", *tips, number_tip("p", ".2g")],
    )
    bars = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", scale=alt.Scale(zero=True), title=title, axis=alt.Axis(tickCount=5)),
        x2="high",
    )
    dots = base.mark_point(filled=True, size=55, opacity=1).encode(x="value:Q")
    return alt.layer(bars, dots).properties(
        width=(ROOM - GAP) / 2 - TIER_NAMES, height=38 * len(names)
    )


def _reach(deviations: Deviations, picked: Sequence[IntArray]) -> tuple[float, bool]:
    """Half width of the panels, and whether an interval is longer.

    Wide enough for every point and nineteen intervals in twenty: one lopsided trait with an
    endless interval would flatten all the panels.
    """
    unit = deviations.unit if deviations.unit > 0 else 1.0
    edges = np.concatenate(
        [
            np.abs([deviations.low[i, p], deviations.high[i, p]]).max(axis=0) / unit
            for i, p in enumerate(picked)
        ]
    )
    points = np.concatenate([np.abs(deviations.sds[i, p]) for i, p in enumerate(picked)])
    reach = 1.02 * max(float(np.quantile(edges, 0.95)), 1.1 * float(points.max()), 1e-6)
    return reach, bool(edges.max() > reach)


def _deviation_panel(
    deviations: Deviations,
    model: int,
    picked: IntArray,
    reach: float,
    names: float,
    colours: Palette,
) -> Chart:
    """One model's panel: points with intervals around the others' mean."""
    order = sorted(picked, key=lambda i: -deviations.logits[model, i])
    unit = deviations.unit if deviations.unit > 0 else 1.0
    rows = []
    for i in order:
        value = float(deviations.logits[model, i])
        clear = bool(deviations.significant[model, i])
        rows.append(
            {
                "trait": deviations.traits[i],
                "difference": value / unit,
                "low": float(deviations.low[model, i]) / unit,
                "high": float(deviations.high[model, i]) / unit,
                "Elo points": value * ELO_PER_LOGIT,
                "q": float(deviations.q[model, i]),
                "side": ("more" if value > 0 else "less") if clear else "unclear",
            }
        )
    scale = alt.Scale(domain=[-reach, reach], nice=False)
    axis = alt.Axis(tickCount=3, title=None)
    traits = [row["trait"] for row in rows]
    tips = [number_tip(f, ".2f") for f in ("difference", "low", "high")]
    base = alt.Chart(table(rows)).encode(
        y=alt.Y("trait:N", sort=None, title=None, axis=name_axis(traits, names - 10)),
        color=alt.Color(
            "side:N",
            scale=alt.Scale(
                domain=["more", "unclear", "less"],
                range=[colours.expressed, colours.muted, colours.avoided],
            ),
            legend=None,
        ),
        tooltip=[
            "trait:N",
            *tips,
            number_tip("Elo points", ",.0f"),
            number_tip("q", ".2g"),
        ],
    )
    zero = alt.Chart(table([{"x": 0}])).mark_rule(color=colours.muted).encode(x="x:Q")
    bars = base.mark_bar(height=9, opacity=0.45).encode(
        x=alt.X("difference:Q", scale=scale, axis=axis)
    )
    whiskers = base.mark_rule(strokeWidth=1.6, clip=True).encode(
        x=alt.X("low:Q", scale=scale, axis=axis), x2="high"
    )
    return alt.layer(bars, zero, whiskers).properties(height=17 * len(rows))
