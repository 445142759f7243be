"""Figures of profiles: ranks, intervals, distributions, shift (`radial` has the radial).

Each function takes profiles and gives a `Figure`. Knows nothing of files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np

from ethogram.analysis.cohort import Cohort, label_models, rank_strengths
from ethogram.figures.theme import (
    Chart,
    Figure,
    Palette,
    Theme,
    count_of,
    dress,
    interval_level,
    label_by_index,
    missing_verdicts,
    palette,
    say_comparisons,
    table,
)
from ethogram.ratings.comparisons import FloatArray
from ethogram.ratings.models import ELO_PER_LOGIT

if TYPE_CHECKING:
    from ethogram.ratings.profile import Profile
    from ethogram.ratings.shift import Shift


def rank_map(cohort: Cohort, *, theme: Theme = "light", count: int = 20) -> Figure:
    """Draw the ranks of the top and the bottom traits (by mean rank), models across."""
    colours = palette(theme)
    ranks = rank_strengths(cohort.strengths)
    k, m = len(cohort.traits), len(cohort.models)
    order = np.argsort(ranks.mean(axis=0), kind="stable")
    whole = k <= 2 * count
    picked = order if whole else np.concatenate([order[:count], order[-count:]])
    names = [cohort.traits[i] for i in picked]
    rows = [
        {"trait": cohort.traits[i], "model": model, "rank": float(ranks[j, i])}
        for i in picked
        for j, model in enumerate(cohort.models)
    ]
    blocks = [names] if whole else [names[:count], names[count:]]
    cell = 46 if m <= 12 else 34
    parts = [
        _rank_block(rows, block, cohort, colours, cell=cell, head=i == 0)
        for i, block in enumerate(blocks)
    ]
    chart = alt.vconcat(*parts, spacing=14).resolve_scale(x="shared", color="shared")
    which = f"All {k} traits" if whole else f"The {count} highest and {count} lowest of {k} traits"
    caption = (
        f"{which} by mean rank over {count_of(m, 'model')}; each cell is the trait's rank in that "
        f"model, 1 the most expressed, {k} the most avoided. {say_comparisons(cohort.n)} Ranks "
        "in the middle of the list are uncertain by many places."
    )
    title = "All traits, by rank" if whole else "The top and the bottom of the list"
    return Figure("ranks", title, caption, dress(chart, colours), max(420, 150 + cell * m))


def forest(profile: Profile, *, theme: Theme = "light", name: str = "forest") -> Figure:
    """Draw one profile's traits in order of rating, with their intervals."""
    colours = palette(theme)
    order = np.argsort(-profile.ratings, kind="stable")
    rows = [
        {
            "trait": profile.traits[i],
            "rating": float(profile.ratings[i]),
            "low": float(profile.rating_low[i]),
            "high": float(profile.rating_high[i]),
            "n": int(profile.n_by_trait[i]),
            "side": _side(float(profile.rating_low[i]), float(profile.rating_high[i]), 1000.0),
        }
        for i in order
    ]
    columns = 1 if len(rows) <= 40 else 2 if len(rows) <= 80 else 3
    size = math.ceil(len(rows) / columns)
    width = 460 if columns == 1 else 300 if columns == 2 else 200
    domain = [min(r["low"] for r in rows), max(r["high"] for r in rows)]
    parts = [
        _forest_column(rows[start : start + size], domain, width, colours)
        for start in range(0, len(rows), size)
    ]
    chart = alt.hconcat(*parts, spacing=18)
    caption = (
        f"{profile.model or 'The model'}: {len(rows)} traits from {profile.n:,} comparisons "
        f"({missing_verdicts(profile.lost)}), in order of rating, mean 1000. Bars: "
        f"{interval_level(profile)} interval of each trait on its own "
        f"({profile.interval_method}). Blue: above the mean, orange: below "
        "it; grey where the interval contains it."
    )
    title = f"Ranked traits: {profile.model}" if profile.model else "Ranked traits"
    return Figure(name, title, caption, dress(chart, colours), columns * (width + 110))


def distributions(
    profiles: Sequence[Profile],
    *,
    before: Sequence[Profile] | None = None,
    theme: Theme = "light",
) -> Figure:
    """Draw how each model's ratings are spread; with `before`, each over its earlier self."""
    colours = palette(theme)
    labels = label_models(profiles)
    earlier = list(before) if before is not None else [None] * len(profiles)
    spreads = [float(p.ratings.std()) for p in profiles]
    order = np.argsort(spreads, kind="stable")[::-1]
    everything = [p for p in (*profiles, *earlier) if p is not None]
    low = min(float(p.ratings.min()) for p in everything) - 60
    high = max(float(p.ratings.max()) for p in everything) + 60
    grid = np.linspace(low, high, 120)
    rows: list[dict[str, Any]] = []
    marks: list[dict[str, Any]] = []
    for row, i in enumerate(order):
        pair = [("before", earlier[i]), ("after", profiles[i])]
        for when, p in pair:
            if p is not None:
                rows += _density_rows(p, grid, row, when)
                marks += _rug_rows(p, row, when)
    peak = max(r["density"] for r in rows)
    for r in rows:
        r["top"] = r["row"] - 0.86 * r.pop("density") / peak
    names = [labels[i] for i in order]
    chart = _ridges(rows, marks, names, [low, high], colours, both=before is not None)
    first = ", the most spread out first" if len(profiles) > 1 else ""
    when = " Orange: before; blue: after." if before is not None else ""
    caption = (
        f"Ratings of {_traits_of(everything)} traits in {count_of(len(profiles), 'model')}{first}: "
        f"a smoothed density, and one tick per trait.{when} A wide shape is a pronounced "
        "character; measurement noise widens every shape. "
        f"{say_comparisons([p.n for p in everything])}"
    )
    title = "How pronounced a character is"
    return Figure("distributions", title, caption, dress(chart, colours), 760)


def shift_bars(moved: Shift, *, theme: Theme = "light", count: int = 20) -> Figure:
    """Draw the traits that moved furthest between two profiles, with intervals."""
    colours = palette(theme)
    change = moved.raw
    furthest = np.argsort(-np.abs(change.estimate), kind="stable")[:count]
    order = sorted(furthest, key=lambda i: -change.estimate[i])
    rows = [
        {
            "trait": moved.traits[i],
            "shift": float(change.estimate[i] * ELO_PER_LOGIT),
            "low": float(change.low[i] * ELO_PER_LOGIT),
            "high": float(change.high[i] * ELO_PER_LOGIT),
            "adjusted p": float(change.p_adjusted[i]),
            "side": _shift_side(float(change.estimate[i]), float(change.p_adjusted[i])),
        }
        for i in order
    ]
    clear = int((change.p_adjusted < 0.05).sum())
    k = len(moved.traits)
    paired = f"paired by the {moved.n_shared:,} {moved.paired} that both answered"
    which = f"all {k} traits" if len(rows) == k else f"the {len(rows)} of {k} traits furthest apart"
    lean = "" if len(rows) == k else " Chosen for being extreme, so slightly exaggerated."
    caption = (
        f"{moved.after} minus {moved.before}, in Elo points: {which}. Bars: pointwise 95% "
        f"intervals, {paired if moved.paired else 'the two treated as independent'}. Blue: more, "
        f"orange: less, both at a false discovery rate of 5% over {k} tests ({clear} of {k} are); "
        "grey: not distinguishable from noise." + lean
    )
    title = f"{moved.after} against {moved.before}"
    return Figure("shift", title, caption, dress(_shift_chart(rows, colours), colours), 620)


def _shift_chart(rows: Sequence[dict[str, Any]], colours: Palette) -> Chart:
    """Bars from zero with their intervals."""
    base = alt.Chart(table(rows)).encode(
        y=alt.Y("trait:N", sort=None, title=None, axis=alt.Axis(ticks=False)),
        color=_side_colour(["more", "unclear", "less"], colours),
        tooltip=["trait:N", "shift:Q", "low:Q", "high:Q", "adjusted p:Q"],
    )
    axis = alt.Axis(format="d", tickCount=6, title="Elo points")
    bars = base.mark_bar(height=11, opacity=0.45).encode(x=alt.X("shift:Q", axis=axis))
    whiskers = base.mark_rule(strokeWidth=1.6).encode(x=alt.X("low:Q", axis=axis), x2="high")
    zero = alt.Chart(table([{"x": 0}])).mark_rule(color=colours.muted).encode(x="x:Q")
    return alt.layer(bars, zero, whiskers).properties(width=460, height=18 * len(rows))


def _shift_side(estimate: float, p_adjusted: float) -> str:
    if p_adjusted >= 0.05:
        return "unclear"
    return "more" if estimate > 0 else "less"


def _side_colour(sides: Sequence[str], colours: Palette) -> alt.Color:
    """Colour for above, undecided and below."""
    scale = alt.Scale(domain=list(sides), range=[colours.expressed, colours.muted, colours.avoided])
    return alt.Color("side:N", scale=scale, legend=None)


def _rank_block(
    rows: list[dict[str, Any]],
    block: Sequence[str],
    cohort: Cohort,
    colours: Palette,
    *,
    cell: int,
    head: bool,
) -> Chart:
    """One block of the rank map: a coloured cell with its rank."""
    k = len(cohort.traits)
    wanted = set(block)
    axis = alt.Axis(orient="top", labelAngle=-40, title=None, ticks=False) if head else None
    base = alt.Chart(table([r for r in rows if r["trait"] in wanted])).encode(
        x=alt.X("model:N", sort=list(cohort.models), axis=axis),
        y=alt.Y("trait:N", sort=list(block), title=None, axis=alt.Axis(ticks=False)),
    )
    stops = list(np.linspace(1, k, len(colours.diverging)))
    colour = alt.Color(
        "rank:Q",
        scale=alt.Scale(domain=stops, range=list(colours.diverging), interpolate="rgb"),
        legend=None,
    )
    cells = base.mark_rect(stroke=colours.background, strokeWidth=1).encode(
        color=colour, tooltip=["trait:N", "model:N", "rank:Q"]
    )
    # On the outer thirds of the scale the cell is saturated: its text takes the background.
    edge = 0.25 * (k - 1)
    text = base.mark_text(fontSize=10.5 if cell > 40 else 9.5).encode(
        text=alt.Text("rank:Q", format=".3~g"),
        color=alt.when(f"datum.rank < {1 + edge} || datum.rank > {k - edge}")
        .then(alt.value(colours.background))
        .otherwise(alt.value(colours.ink)),
    )
    return alt.layer(cells, text).properties(
        width=cell * len(cohort.models), height=17 * len(block)
    )


def _forest_column(
    rows: Sequence[dict[str, Any]], domain: Sequence[float], width: int, colours: Palette
) -> Chart:
    """One column of ranked traits."""
    base = alt.Chart(table(rows)).encode(
        y=alt.Y("trait:N", sort=None, title=None, axis=alt.Axis(ticks=False, grid=False)),
        color=_side_colour(["above", "unclear", "below"], colours),
        tooltip=["trait:N", "rating:Q", "low:Q", "high:Q", "n:Q"],
    )
    scale = alt.Scale(domain=list(domain), nice=False, zero=False, padding=4)
    axis = alt.Axis(format="d", tickCount=5)
    x = alt.X("rating:Q", scale=scale, axis=axis, title="rating")
    middle = (
        alt.Chart(table([{"x": 1000}]))
        .mark_rule(color=colours.muted, strokeDash=[3, 3])
        .encode(x="x:Q")
    )
    bars = base.mark_rule(strokeWidth=1.6).encode(
        x=alt.X("low:Q", scale=scale, axis=axis, title="rating"), x2="high"
    )
    points = base.mark_point(filled=True, size=26, opacity=1).encode(x=x)
    return alt.layer(middle, bars, points).properties(width=width, height=15 * len(rows))


def _density_rows(profile: Profile, grid: FloatArray, row: int, when: str) -> list[dict[str, Any]]:
    """Gaussian kernel density of the ratings (Silverman's bandwidth)."""
    ratings = profile.ratings
    width = max(1.06 * float(ratings.std()) * len(ratings) ** -0.2, 1.0)
    z = (grid[:, None] - ratings) / width
    density = np.exp(-0.5 * z**2).mean(axis=1) / (width * math.sqrt(2 * math.pi))
    return [
        {"rating": float(x), "density": float(d), "row": row, "when": when}
        for x, d in zip(grid, density, strict=True)
        if d > 0.004 * density.max()
    ]


def _rug_rows(profile: Profile, row: int, when: str) -> list[dict[str, Any]]:
    return [
        {"trait": trait, "rating": float(rating), "row": row + 0.08, "when": when}
        for trait, rating in zip(profile.traits, profile.ratings, strict=True)
    ]


def _ridges(
    rows: list[dict[str, Any]],
    marks: list[dict[str, Any]],
    names: Sequence[str],
    domain: Sequence[float],
    colours: Palette,
    *,
    both: bool,
) -> Any:
    """One ridge per model, on a numeric y axis labelled with the models' names."""
    axis = alt.Axis(
        values=list(range(len(names))),
        labelExpr=label_by_index(names),
        title=None,
        ticks=False,
        labelFontSize=12,
        labelPadding=8,
    )
    scale = alt.Scale(domain=[-1, len(names) - 0.75], reverse=True, nice=False)
    x = alt.X(
        "rating:Q",
        scale=alt.Scale(domain=list(domain), nice=False),
        title="rating",
        axis=alt.Axis(format="d"),
    )
    colour = alt.Color(
        "when:N",
        scale=alt.Scale(domain=["before", "after"], range=[colours.avoided, colours.expressed]),
        legend=alt.Legend(title=None, orient="top") if both else None,
    )
    ridges = (
        alt.Chart(table(rows))
        .mark_area(fillOpacity=0.35, line={"strokeWidth": 1.3})
        .encode(
            x=x,
            y=alt.Y("top:Q", scale=scale, axis=axis),
            y2=alt.Y2("row"),
            detail=["row:N", "when:N"],
            color=colour,
        )
    )
    ticks = (
        alt.Chart(table(marks))
        .mark_tick(thickness=1, size=7, opacity=0.6)
        .encode(
            x=x,
            y=alt.Y("row:Q", scale=scale, axis=axis),
            color=colour,
            tooltip=["trait:N", "rating:Q"],
        )
    )
    height = max(110, 52 * (len(names) + 0.25))
    return alt.layer(ridges, ticks).properties(width=560, height=height)


def _side(low: float, high: float, middle: float) -> str:
    if low > middle:
        return "above"
    return "below" if high < middle else "unclear"


def _traits_of(profiles: Sequence[Profile]) -> str:
    low, high = min(len(p.traits) for p in profiles), max(len(p.traits) for p in profiles)
    return f"{low}" if low == high else f"{low} to {high}"
