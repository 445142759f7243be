"""Labels beside points, placed so that few overlap (pixels, y downwards)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import altair as alt
import numpy as np

from ethogram.figures.names import LABEL_SIZE, fit_names, text_width
from ethogram.figures.theme import Chart, Palette, quoted, table

SLANT = 45
"""Degrees of the names above columns."""


def place_labels(
    points: Sequence[tuple[float, float]],
    texts: Sequence[str],
    avoid: Sequence[tuple[float, float]],
    *,
    width: float,
    height: float,
    size: float = LABEL_SIZE,
) -> list[dict[str, Any]]:
    """Place one label near each point so that few overlap (greedy, pixels, y downwards).

    Returns
    -------
    rows : list of dict
        text, and x and y of the label's middle; for a label that had to go further, a line
        from the point (px, py) to the label's edge (ex, ey).
    """
    taken: list[tuple[float, float, float, float]] = [
        (x - 4, y - 4, x + 4, y + 4) for x, y in avoid
    ]
    placed = []
    for (x, y), text in zip(points, texts, strict=True):
        half, tall = text_width(text, size) / 2 + 2, 0.6 * size
        spots = [
            (x + dx * (half + gap), y + dy * (tall + gap))
            for gap in (6, 14, 24, 34)
            for dx, dy in ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (-1, -1), (1, 1), (-1, 1))
        ]
        boxes = [(cx - half, cy - tall, cx + half, cy + tall) for cx, cy in spots]
        cost = [
            sum(_overlap(box, other) for other in taken[len(avoid) :])
            + 3 * sum(_overlap(box, other) for other in taken[: len(avoid)])
            + 4 * _outside(box, width, height)
            for box in boxes
        ]
        best = int(np.argmin(cost))
        taken.append(boxes[best])
        left, top, right, bottom = boxes[best]
        row = {"text": text, "x": spots[best][0], "y": spots[best][1]}
        if best >= 8:  # beyond the nearest ring of spots: a line says whose label it is
            row |= {"px": x, "py": y}
            row |= {"ex": min(max(x, left), right), "ey": min(max(y, top), bottom)}
        placed.append(row)
    return placed


def _plain(rows: list[dict[str, Any]]) -> Chart:
    return alt.Chart(table(rows))


def label_layer(
    labels: list[dict[str, Any]],
    colours: Palette,
    chart_of: Callable[[list[dict[str, Any]]], Chart] = _plain,
) -> Chart:
    """Labels at pixel positions, with lines to those that stand off.

    `chart_of` makes a chart of rows, and may filter them.
    """
    far = [row for row in labels if "px" in row]
    lines = (
        chart_of(far)
        .mark_rule(color=colours.muted, strokeWidth=0.7)
        .encode(
            x=alt.X("px:Q", scale=None, axis=None),
            y=alt.Y("py:Q", scale=None, axis=None),
            x2="ex",
            y2="ey",
        )
    )
    names = (
        chart_of(labels)
        .mark_text(color=colours.ink, baseline="middle", align="center")
        .encode(
            x=alt.X("x:Q", scale=None, axis=None),
            y=alt.Y("y:Q", scale=None, axis=None),
            text="text:N",
        )
    )
    return lines + names if far else names


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Shared area of two boxes (left, top, right, bottom)."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def _outside(box: tuple[float, ...], width: float, height: float) -> float:
    """Area of a box outside the picture."""
    area = (box[2] - box[0]) * (box[3] - box[1])
    return area - _overlap(box, (0, 0, width, height))


def name_axis(names: Sequence[str], most: float, **more: Any) -> alt.Axis:
    """Axis of names, the long ones cut in the middle to `most` pixels."""
    options: dict[str, Any] = {"ticks": False, "labelLimit": 0, **more}
    if (expression := rename(names, fit_names(names, most))) is not None:
        options["labelExpr"] = expression
    return alt.Axis(**options)


def head_axis(names: Sequence[str], most: float) -> alt.Axis:
    """Slanting names above columns."""
    return name_axis(names, most, orient="top", labelAngle=-SLANT)


def overhang(names: Sequence[str], most: float, cell: float) -> float:
    """Pixels by which the slanting name of the last column leaves the plot."""
    reach = min(most, text_width(fit_names(names, most)[-1])) + 6
    return max(0.0, reach * math.cos(math.radians(SLANT)) - cell / 2)


def rename(names: Sequence[str], shown: Sequence[str]) -> str | None:
    """Vega expression that shows each name of an axis in its short form; None: all are whole."""
    if list(names) == list(shown):
        return None
    pairs = ",".join(f"{quoted(n)}:{quoted(s)}" for n, s in zip(names, shown, strict=True))
    return f"({{{pairs}}})[datum.label]"
