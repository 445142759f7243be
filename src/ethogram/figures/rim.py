"""Which traits the radial names, and their names along its rim with ticks that lead to them."""

from __future__ import annotations

import math
from typing import Any, Literal

import altair as alt
import numpy as np

from ethogram.figures.names import LABEL_SIZE, fit_text
from ethogram.figures.theme import ROOM, Chart, Palette, table
from ethogram.ratings.comparisons import FloatArray

TURN = 2 * math.pi
RADIAL_SIZE = ROOM
RADIAL_INNER, RADIAL_OUTER = 32.0, 222.0
TICK_FROM, TICK_TO = RADIAL_OUTER + 3, RADIAL_OUTER + 18
NAME_ROOM = RADIAL_SIZE / 2 - TICK_TO - 4

LEAST_ANGLE = 1.25 * LABEL_SIZE / (TICK_TO + 3)
"""Between two names, so that they do not touch."""


def choose_labelled(ratings: FloatArray, count: int) -> dict[int, bool]:
    """Choose the traits that are named.

    Parameters
    ----------
    ratings : float array, shape (M, K)
        Traits in order of falling mean.
    count : int
        Of the most expressed, of the least, and of those with the largest standard deviation
        between models among the others; half as many again of the first two with one model.

    Returns
    -------
    dict of int to bool
        Place of the trait, and whether it is named for its spread. All, where they are few.
    """
    m, k = ratings.shape
    if k <= 3 * count:
        return dict.fromkeys(range(k), False)
    ends = count if m > 1 else 3 * count // 2
    chosen = dict.fromkeys((*range(ends), *range(k - ends, k)), False)
    if m > 1:
        spread = ratings.std(axis=0)
        spread[list(chosen)] = -1.0
        disputed = np.argsort(-spread, kind="stable")[:count]
        chosen |= {int(i): True for i in disputed if spread[i] >= 0}
    return dict(sorted(chosen.items()))


def say_labelled(ratings: FloatArray, count: int) -> str:
    """Say which traits are named and what their colours mean."""
    chosen = choose_labelled(ratings, count)
    disputed = sum(chosen.values())
    colours = "Names are blue above the mean of 1000 and orange below it."
    if len(chosen) == ratings.shape[1]:
        return f"All are named. {colours}"
    ends = (len(chosen) - disputed) // 2
    others = (
        f", and in italics the {disputed} others on which models differ most (standard deviation "
        "of the ratings between models, noise included)"
        if disputed
        else ""
    )
    return f"Named are the {ends} most and the {ends} least expressed{others}. {colours}"


def rim_labels(
    traits: list[str], ratings: FloatArray, labelled: dict[int, bool], colours: Palette
) -> list[Chart]:
    """Names along the rim, read outwards on the right and inwards on the left, with ticks."""
    step = TURN / len(traits)
    true = np.array([(place + 0.5) * step for place in labelled])
    shown = spread_angles(true, LEAST_ANGLE)
    above = ratings.mean(axis=0) >= 1000
    rows = [
        _name(traits[place], at, above=bool(above[place]), disputed=disputed)
        for (place, disputed), at in zip(labelled.items(), shown, strict=True)
    ]
    ticks = [_tick(one, other) for one, other in zip(true, shown, strict=True)]
    charts = [_ticks(ticks, colours)]
    sides: tuple[Literal["left", "right"], ...] = ("left", "right")
    for align in sides:
        for disputed in (False, True):
            some = [r for r in rows if r["align"] == align and r["disputed"] is disputed]
            if some:
                charts.append(_names(some, align, colours, italic=disputed))
    return charts


def spread_angles(angles: FloatArray, least: float) -> FloatArray:
    """Move rising angles apart around the circle until neighbours are `least` apart.

    Where the circle has no room for that, they are spread evenly.
    """
    n = len(angles)
    if n < 2:
        return angles
    if n * least >= TURN:
        return np.asarray(angles.mean() + TURN * (np.arange(n) - (n - 1) / 2) / n)
    moved = np.array(angles)
    for _ in range(2000):
        gaps = np.diff(moved, append=moved[0] + TURN)
        short = np.clip(least - gaps, 0, None)
        if short.max() < 5e-4 * least:
            break
        moved += (np.roll(short, 1) - short) / 2
    return moved


def point_at(angle: float, radius: float) -> tuple[float, float]:
    """Pixels of a point at this angle clockwise from the top."""
    half = RADIAL_SIZE / 2
    return half + radius * math.sin(angle), half - radius * math.cos(angle)


def _name(trait: str, angle: float, *, above: bool, disputed: bool) -> dict[str, Any]:
    x, y = point_at(angle, TICK_TO + 3)
    degrees, right = math.degrees(angle), math.sin(angle) >= 0
    return {
        "trait": trait,
        "text": fit_text(trait, NAME_ROOM),
        "x": x,
        "y": y,
        "angle": degrees - (90 if right else 270),
        "align": "left" if right else "right",
        "above": above,
        "disputed": disputed,
    }


def _tick(true: float, shown: float) -> dict[str, Any]:
    (x, y), (x2, y2) = point_at(true, TICK_FROM), point_at(shown, TICK_TO)
    return {"x": x, "y": y, "x2": x2, "y2": y2}


def _ticks(rows: list[dict[str, Any]], colours: Palette) -> Chart:
    return (
        alt.Chart(table(rows))
        .mark_rule(color=colours.muted, strokeWidth=0.8)
        .encode(
            x=alt.X("x:Q", scale=None, axis=None),
            y=alt.Y("y:Q", scale=None, axis=None),
            x2="x2",
            y2="y2",
        )
    )


def _names(
    rows: list[dict[str, Any]], align: Literal["left", "right"], colours: Palette, *, italic: bool
) -> Chart:
    return (
        alt.Chart(table(rows))
        .mark_text(align=align, baseline="middle", fontStyle="italic" if italic else "normal")
        .encode(
            x=alt.X("x:Q", scale=None, axis=None),
            y=alt.Y("y:Q", scale=None, axis=None),
            angle=alt.Angle("angle:Q", scale=None),
            text="text:N",
            tooltip="trait:N",
            color=alt.when("datum.above")
            .then(alt.value(colours.expressed_text))
            .otherwise(alt.value(colours.avoided_text)),
        )
    )
