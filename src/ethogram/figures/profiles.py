"""Figures of profiles: intervals, distributions, shift (`radial` and `heat` have the others).

Each function takes profiles and gives a `Figure`. Knows nothing of files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np

from ethogram.analysis.cohort import label_models
from ethogram.figures.labels import name_axis
from ethogram.figures.names import fit_names, gutter, say_cut
from ethogram.figures.theme import (
    ROOM,
    Chart,
    Figure,
    Palette,
    Theme,
    dress,
    interval_level,
    label_by_index,
    missing_verdicts,
    number_tip,
    palette,
    say_comparisons,
    table,
)
from ethogram.ratings.comparisons import FloatArray
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.numbers import count_words

if TYPE_CHECKING:
    from ethogram.ratings.profile import Profile
    from ethogram.ratings.shift import Shift

TRAIT_WIDTH, NAME_WIDTH = 190, 210
ROW = 16
GAP = 16


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
    names = gutter([r["trait"] for r in rows], TRAIT_WIDTH / math.sqrt(columns))
    width = (ROOM - (columns - 1) * GAP) / columns - names
    domain = [min(r["low"] for r in rows), max(r["high"] for r in rows)]
    parts = [
        _forest_column(rows[start : start + size], domain, width, names, colours)
        for start in range(0, len(rows), size)
    ]
    chart = alt.hconcat(*parts, spacing=GAP + names, bounds="flush") if columns > 1 else parts[0]
    caption = (
        f"{profile.model or 'The model'}: {len(rows)} traits from {profile.n:,} comparisons "
        f"({missing_verdicts(profile.lost)}), in order of rating, mean 1000. Bars: "
        f"{interval_level(profile)} interval of each trait on its own "
        f"({profile.interval_method}). Blue: above the mean, orange: below "
        "it; grey where the interval contains it."
    )
    title = f"Ranked traits: {profile.model}" if profile.model else "Ranked traits"
    return Figure(name, title, caption, dress(chart, colours))


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
    shown = fit_names(names, NAME_WIDTH)
    chart = _ridges(rows, marks, shown, [low, high], colours, both=before is not None)
    first = ", the most spread out first" if len(profiles) > 1 else ""
    when = " Orange: before; blue: after." if before is not None else ""
    caption = (
        f"Ratings of {_traits_of(everything)} traits in {count_words(len(profiles), 'model')}"
        f"{first}: a smoothed density, and one tick per trait.{when} A wide shape is a pronounced "
        "character; measurement noise widens every shape. "
        f"{say_comparisons([p.n for p in everything])}{say_cut(names, shown)}"
    )
    title = "How pronounced a character is"
    return Figure("distributions", title, caption, dress(chart, colours))


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
    return Figure("shift", title, caption, dress(_shift_chart(rows, colours), colours))


def _shift_chart(rows: Sequence[dict[str, Any]], colours: Palette) -> Chart:
    """Bars from zero with their intervals."""
    traits = [row["trait"] for row in rows]
    tips = [number_tip(field, ",.0f") for field in ("shift", "low", "high")]
    base = alt.Chart(table(rows)).encode(
        y=alt.Y("trait:N", sort=None, title=None, axis=name_axis(traits, TRAIT_WIDTH)),
        color=_side_colour(["more", "unclear", "less"], colours),
        tooltip=["trait:N", *tips, number_tip("adjusted p", ".2g")],
    )
    axis = alt.Axis(format=",d", tickCount=8, title="Elo points")
    bars = base.mark_bar(height=12, opacity=0.45).encode(x=alt.X("shift:Q", axis=axis))
    whiskers = base.mark_rule(strokeWidth=1.6).encode(x=alt.X("low:Q", axis=axis), x2="high")
    zero = alt.Chart(table([{"x": 0}])).mark_rule(color=colours.muted).encode(x="x:Q")
    return alt.layer(bars, zero, whiskers).properties(
        width=ROOM - gutter(traits, TRAIT_WIDTH + 10) - 16, height=20 * len(rows)
    )


def _shift_side(estimate: float, p_adjusted: float) -> str:
    if p_adjusted >= 0.05:
        return "unclear"
    return "more" if estimate > 0 else "less"


def _side_colour(sides: Sequence[str], colours: Palette) -> alt.Color:
    """Colour for above, undecided and below."""
    scale = alt.Scale(domain=list(sides), range=[colours.expressed, colours.muted, colours.avoided])
    return alt.Color("side:N", scale=scale, legend=None)


def _forest_column(
    rows: Sequence[dict[str, Any]],
    domain: Sequence[float],
    width: float,
    names: float,
    colours: Palette,
) -> Chart:
    """One column of ranked traits."""
    traits = [row["trait"] for row in rows]
    base = alt.Chart(table(rows)).encode(
        y=alt.Y("trait:N", sort=None, title=None, axis=name_axis(traits, names - 8, grid=False)),
        color=_side_colour(["above", "unclear", "below"], colours),
        tooltip=["trait:N", *map(number_tip, ("rating", "low", "high", "n"))],
    )
    scale = alt.Scale(domain=list(domain), nice=False, zero=False, padding=4)
    axis = alt.Axis(format="d", tickCount=max(2, width // 55))
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
    return alt.layer(middle, bars, points).properties(width=width, height=ROW * len(rows))


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
        labelLimit=0,
        labelPadding=8,
    )
    scale = alt.Scale(domain=[-1, len(names) - 0.75], reverse=True, nice=False)
    x = alt.X(
        "rating:Q",
        scale=alt.Scale(domain=list(domain), nice=False),
        title="rating",
        axis=alt.Axis(format="d", tickCount=8),
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
            tooltip=["trait:N", number_tip("rating")],
        )
    )
    height = max(110, 52 * (len(names) + 0.25))
    return alt.layer(ridges, ticks).properties(
        width=ROOM - gutter(names, NAME_WIDTH + 10) - 8, height=height
    )


def _side(low: float, high: float, middle: float) -> str:
    if low > middle:
        return "above"
    return "below" if high < middle else "unclear"


def _traits_of(profiles: Sequence[Profile]) -> str:
    low, high = min(len(p.traits) for p in profiles), max(len(p.traits) for p in profiles)
    return f"{low}" if low == high else f"{low} to {high}"
