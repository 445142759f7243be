"""The figure of the groups of traits that rise and fall together."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np

from ethogram.analysis.clusters import TraitClusters
from ethogram.analysis.cohort import Cohort
from ethogram.errors import InputError
from ethogram.figures.labels import head_axis, name_axis, overhang
from ethogram.figures.names import fit_names, gutter, say_cut
from ethogram.figures.shades import fill_by_tint, tint
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
from ethogram.ratings.models import ELO_PER_LOGIT

TRAIT_WIDTH, NAME_WIDTH = 150, 160


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
    named = sorted({trait for traits in groups for trait in traits})
    left = gutter(named, TRAIT_WIDTH)
    m = len(cohort.models)
    cell = (ROOM - left) / m
    cell = min(cell, (ROOM - left - overhang(cohort.models, NAME_WIDTH, cell)) / m)
    parts = []
    for number, (traits, methods) in enumerate(groups.items()):
        rows = [
            {
                "trait": trait,
                "model": model,
                "difference": float(deviation[j, at[trait]]),
                "tint": tint(float(deviation[j, at[trait]]), reach),
            }
            for trait in traits
            for j, model in enumerate(cohort.models)
        ]
        title = f"{len(traits)} traits, by {' and '.join(methods)}"
        parts.append(_cluster_block(rows, cohort, title, colours, cell=cell, head=number == 0))
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
    caption += say_cut(cohort.models, fit_names(cohort.models, NAME_WIDTH))
    return Figure("clusters", "Traits that move together", caption, dress(chart, colours))


def _cluster_block(
    rows: list[dict[str, Any]],
    cohort: Cohort,
    title: str,
    colours: Palette,
    *,
    cell: float,
    head: bool,
) -> Chart:
    """One group: traits down, models across, coloured by difference."""
    traits = list(dict.fromkeys(r["trait"] for r in rows))
    axis = head_axis(cohort.models, NAME_WIDTH) if head else None
    return (
        alt.Chart(table(rows))
        .mark_rect(stroke=colours.background, strokeWidth=1)
        .encode(
            x=alt.X("model:N", sort=list(cohort.models), axis=axis, title=None),
            y=alt.Y("trait:N", sort=None, title=None, axis=name_axis(traits, TRAIT_WIDTH - 10)),
            color=fill_by_tint(colours),
            tooltip=["trait:N", "model:N", number_tip("difference", ",.0f")],
        )
        .properties(
            width=cell * len(cohort.models),
            height=17 * len(traits),
            title=panel_title(title, colours),
        )
    )
