"""Labels beside points, placed so that few overlap (pixels, y downwards)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np

from ethogram.figures.theme import Chart, Palette, table


def place_labels(
    points: Sequence[tuple[float, float]],
    texts: Sequence[str],
    avoid: Sequence[tuple[float, float]],
    *,
    width: float,
    height: float,
    size: float = 11,
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
        half, tall = 0.27 * size * len(text) + 2, 0.6 * size
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


def label_layer(labels: list[dict[str, Any]], colours: Palette) -> Chart:
    """Labels at pixel positions, with lines to those that stand off."""
    far = alt.Chart(table([row for row in labels if "px" in row]))
    lines = far.mark_rule(color=colours.muted, strokeWidth=0.7).encode(
        x=alt.X("px:Q", scale=None, axis=None),
        y=alt.Y("py:Q", scale=None, axis=None),
        x2="ex",
        y2="ey",
    )
    return lines + (
        alt.Chart(table(labels))
        .mark_text(color=colours.ink, fontSize=11, baseline="middle", align="center")
        .encode(
            x=alt.X("x:Q", scale=None, axis=None),
            y=alt.Y("y:Q", scale=None, axis=None),
            text="text:N",
        )
    )


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Shared area of two boxes (left, top, right, bottom)."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def _outside(box: tuple[float, ...], width: float, height: float) -> float:
    """Area of a box outside the picture."""
    area = (box[2] - box[0]) * (box[3] - box[1])
    return area - _overlap(box, (0, 0, width, height))
