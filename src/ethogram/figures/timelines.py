"""Figures over time: what a gate said run after run, and how traits drift from release to release.

Each function takes results and gives a `Figure`. Knows nothing of files and stores.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import altair as alt

from ethogram.figures.names import fit_names, text_width
from ethogram.figures.theme import (
    ROOM,
    Chart,
    Figure,
    Palette,
    Theme,
    dress,
    label_by_index,
    number_tip,
    palette,
    panel_title,
    table,
)
from ethogram.ratings.drifts import Drift
from ethogram.ratings.gate_runs import GateRun
from ethogram.ratings.gates import OVERALL, Row, Verdict
from ethogram.ratings.numbers import count_words

MOST_RUNS = 30
MOST_BOUNDS = 8
COLUMNS = 2
GAP, SIDE, HEIGHT = 28, 52, 120
_LABEL_ROOM = 150  # pixels of a label below an axis
_ORDER = (Verdict.FAIL, Verdict.UNDECIDED, Verdict.PASS)


def gate_history(runs: Sequence[GateRun], *, theme: Theme = "light") -> Figure:
    """Draw the verdicts of a gate over its runs, with the interval of each bound.

    Parameters
    ----------
    runs : sequence of GateRun
        Oldest first; one is enough. Drawn are the last of the gate that ran last.
    """
    colours = palette(theme)
    name = runs[-1].gate
    mine = [run for run in runs if run.gate == name]
    shown = mine[-MOST_RUNS:]
    keys = _bounds_shown(shown)
    labels = [f"{datetime.fromtimestamp(run.time, UTC):%m-%d}" for run in shown]
    panels = [
        _panel(
            f"{trait or OVERALL} {words}",
            [_interval(shown, i, trait, words) for i in range(len(shown))],
            labels,
            colours,
            region=_region(shown[-1], trait, words),
            said=[_when(run) for run in shown],
        )
        for trait, words in keys
    ]
    last = shown[-1]
    left = len(last.rows) - len(keys)
    earlier = len(mine) - len(shown)
    caption = (
        f"Gate {name}: {count_words(len(mine), 'run')}, the last on {_when(last)}: {last.verdict} "
        f"({last.after} against {last.before}). Above: the verdict of each run, by month and day. "
        "Below, a panel per bound: the shift in rating points with its interval, all intervals of "
        "a run holding at once; dashed: the bound. Blue: pass, orange: fail, grey: undecided."
    )
    caption += f" Not drawn: {left:,} more bounds." if left > 0 else ""
    caption += f" Not drawn: {earlier:,} earlier runs." if earlier > 0 else ""
    chart = alt.vconcat(
        _verdicts(shown, labels, colours), _grid(panels), spacing=GAP
    ).resolve_scale(color="independent", shape="independent")
    return Figure("gates", f"The gate “{name}” over time", caption, dress(chart, colours))


def _verdicts(runs: Sequence[GateRun], labels: Sequence[str], colours: Palette) -> Chart:
    """Draw one sign per run: its colour and its shape are the verdict."""
    rows = [
        {"place": i, "when": _when(run), "verdict": str(run.verdict), "after": run.after}
        for i, run in enumerate(runs)
    ]
    words = [str(verdict) for verdict in (Verdict.PASS, Verdict.UNDECIDED, Verdict.FAIL)]
    hues = [colours.expressed, colours.muted, colours.avoided]
    width, legend = ROOM - SIDE, alt.Legend(title=None, orient="top")
    return (
        alt.Chart(table(rows))
        .mark_point(filled=True, size=110, opacity=1)
        .encode(
            x=_places(labels, width),
            color=alt.Color(
                "verdict:N",
                scale=alt.Scale(domain=words, range=hues),
                legend=legend,
            ),
            shape=alt.Shape(
                "verdict:N",
                scale=alt.Scale(domain=words, range=["circle", "square", "triangle-down"]),
                legend=legend,
            ),
            tooltip=["when:N", "after:N", "verdict:N"],
        )
        .properties(width=width, height=26)
    )


def drift_lines(found: Drift, *, theme: Theme = "light") -> Figure:
    """Draw traits over releases, each against the one before them all."""
    colours = palette(theme)
    panels = []
    for trait in found.charted:
        path = [
            None
            if shown is None
            else {
                "value": shown.estimate,
                "low": shown.low,
                "high": shown.high,
                "side": _side(shown.low, shown.high),
            }
            for shown in found.path(trait)
        ]
        start = {"value": 0.0, "low": 0.0, "high": 0.0, "side": "unclear"}
        panels.append(_panel(trait, [start, *path], [found.since, *found.releases], colours))
    caption = (
        f"Shifts from {found.since} to {count_words(len(found.releases), 'release')}, in rating "
        "points against the average trait. Bars: the intervals of all traits and releases, also "
        f"those to come, hold at once with probability {100 * found.joint:.4g}%. Blue: risen, "
        "orange: fallen, grey: not shown to have moved."
    )
    if not found.traits:
        caption += f" The {len(found.charted)} traits furthest from {found.since} in any release."
    chart = _grid(panels)
    return Figure("drift", f"Drift since {found.since}", caption, dress(chart, colours))


def _bounds_shown(runs: Sequence[GateRun]) -> list[tuple[str, str]]:
    """Choose the bounds of the last run to draw: failed ones first, but in the gate's order."""
    keyed = [(_key(row), row) for row in runs[-1].rows]
    worst = sorted(keyed, key=lambda pair: _ORDER.index(pair[1].verdict or Verdict.PASS))
    kept = {key for key, _ in worst[:MOST_BOUNDS]}
    return [key for key, _ in keyed if key in kept]


def _key(row: Row) -> tuple[str, str]:
    return row.trait, row.bound.words if row.bound else ""


def _interval(runs: Sequence[GateRun], i: int, trait: str, words: str) -> dict[str, Any] | None:
    """Return one run's interval of a bound; a bound is the same while it asks the same."""
    for row in runs[i].rows:
        if _key(row) == (trait, words):
            return {
                "value": row.interval.estimate,
                "low": row.interval.low,
                "high": row.interval.high,
                "side": _SIDES[row.verdict or Verdict.UNDECIDED],
            }
    return None


_SIDES = {Verdict.PASS: "above", Verdict.FAIL: "below", Verdict.UNDECIDED: "unclear"}


def _region(run: GateRun, trait: str, words: str) -> tuple[float, ...]:
    """Return the ends of what a bound allows, as far as there are any."""
    for row in run.rows:
        if row.bound is not None and _key(row) == (trait, words):
            return tuple(end for end in row.bound.region if abs(end) < float("inf"))
    return ()


def _side(low: float, high: float) -> str:
    return "above" if low > 0 else "below" if high < 0 else "unclear"


def _when(run: GateRun) -> str:
    return datetime.fromtimestamp(run.time, UTC).strftime("%Y-%m-%d %H:%M")


def _panel(
    title: str,
    points: Sequence[dict[str, Any] | None],
    labels: Sequence[str],
    colours: Palette,
    *,
    region: Sequence[float] = (),
    said: Sequence[str] = (),
) -> Chart:
    """Draw one quantity at each place of an axis, with intervals."""
    width = (ROOM - (COLUMNS - 1) * GAP) / COLUMNS - SIDE
    whole = said or labels
    rows = [{"place": i, "when": whole[i], **point} for i, point in enumerate(points) if point]
    x = _places(labels, width)
    tall = alt.Y(
        "low:Q",
        title=None,
        scale=alt.Scale(zero=False, nice=False, padding=6),
        axis=alt.Axis(tickCount=4, format=".0f"),
    )
    base = alt.Chart(table(rows)).encode(
        x=x,
        color=alt.Color(
            "side:N",
            scale=alt.Scale(
                domain=["above", "unclear", "below"],
                range=[colours.expressed, colours.muted, colours.avoided],
            ),
            legend=None,
        ),
        tooltip=["when:N", *map(number_tip, ("value", "low", "high"))],
    )
    lines = [0.0] if not region else [*region]
    marks = alt.Chart(table([{"at": at} for at in lines])).mark_rule(
        color=colours.muted, strokeDash=[4, 3]
    )
    path = (
        alt.Chart(table(rows))
        .mark_line(color=colours.muted, strokeWidth=1)
        .encode(x=x, y=alt.Y("value:Q"))
    )
    bars = base.mark_rule(strokeWidth=2).encode(y=tall, y2="high")
    dots = base.mark_point(filled=True, size=36, opacity=1).encode(y=alt.Y("value:Q"))
    cut = fit_names([title], width)[0]
    return alt.layer(marks.encode(y=alt.Y("at:Q")), path, bars, dots).properties(
        width=width, height=HEIGHT, title=panel_title(cut, colours)
    )


def _places(labels: Sequence[str], width: float) -> alt.X:
    """Set an axis of places with labels below it: upright, as many as there is room for.

    Longer ones, such as names of models, stand on end.
    """
    upright = max(map(text_width, labels)) < 60
    shown = list(labels) if upright else fit_names(labels, _LABEL_ROOM)
    each = 8 + max(map(text_width, shown)) if upright else 16
    step = max(1, math.ceil(len(labels) * each / width))
    axis = alt.Axis(
        values=list(range(len(labels) - 1, -1, -step)),
        labelExpr=label_by_index(shown),
        labelAngle=0 if upright or sum(map(text_width, shown)) < 0.8 * width else -90,
        title=None,
        grid=False,
        labelLimit=0,
    )
    return alt.X(
        "place:Q", scale=alt.Scale(domain=[-0.5, len(labels) - 0.5], nice=False), axis=axis
    )


def _grid(panels: Sequence[Chart]) -> Chart:
    """Set panels side by side, two in a row."""
    rows = [
        alt.hconcat(*panels[i : i + COLUMNS], spacing=GAP + SIDE, bounds="flush")
        for i in range(0, len(panels), COLUMNS)
    ]
    return alt.vconcat(*rows, spacing=GAP)
