"""A dumbbell figure: two values of each quantity on one line, such as published and recomputed.

Knows nothing of what the values are; whoever calls it says so in labels, groups and caption.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from ethogram.errors import InputError
from ethogram.figures.names import LABEL_SIZE, text_width, wrap_text
from ethogram.figures.theme import (
    ROOM,
    Chart,
    Figure,
    Palette,
    Theme,
    dress,
    palette,
    panel_title,
    table,
)
from ethogram.ratings.numbers import say_number

LABELS, NUMBERS, GAP = 262, 196, 14
LEFT = -LABELS - GAP
LINE, ROW_GAP = 16, 10


@dataclass(frozen=True)
class Dumbbell:
    """One line of the figure.

    Attributes
    ----------
    label : str
        What the values are of; wrapped if it is long.
    before, after : float or None
        Such as published and recomputed; None: there is no such value.
    low, high : float, optional
        Interval of `after`.
    group : str
        Lines of one group share an axis, which bears this name: give one for each unit.
    digits : int
        After the decimal point.
    suffix : str
        After each number, such as "%".
    """

    label: str
    before: float | None
    after: float | None
    low: float | None = None
    high: float | None = None
    group: str = ""
    digits: int = 0
    suffix: str = ""

    @property
    def side(self) -> str:
        """Whether `before` lies "inside" or "outside" the interval, or is "untested"."""
        if self.before is None or self.low is None or self.high is None:
            return "untested"
        return "inside" if self.low <= self.before <= self.high else "outside"

    @property
    def text(self) -> str:
        """Both numbers and the interval."""
        one, other = self._say(self.before), self._say(self.after)
        if self.after is None or self.low is None or self.high is None:
            return f"{one} → {other}"
        return f"{one} → {other} ({self._say(self.low)} to {self._say(self.high)})"

    def _say(self, value: float | None) -> str:
        return (
            "none"
            if value is None
            else f"{say_number(value, self.digits, grouped=True)}{self.suffix}"
        )

    @property
    def values(self) -> list[float]:
        """All numbers that are there."""
        return [v for v in (self.before, self.after, self.low, self.high) if v is not None]


def draw_dumbbells(
    rows: Sequence[Dumbbell],
    *,
    name: str,
    title: str,
    caption: str = "",
    ends: tuple[str, str] = ("published", "recomputed"),
    theme: Theme = "light",
) -> Figure:
    """Draw each row's two values on one line, rows of one group on one axis.

    Parameters
    ----------
    rows : sequence of Dumbbell
        In order; groups in the order of their first row.
    name, title, caption : str
        Of the figure; the caption goes on to say what the marks are.
    ends : tuple of str
        What `before` and `after` are.

    Raises
    ------
    InputError
        No rows, or none with a value.
    """
    if not any(row.values for row in rows):
        raise InputError("no value is given, expected at least one for a figure of two values")
    colours = palette(theme)
    groups: dict[str, list[Dumbbell]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    numbers = max([NUMBERS, *[text_width(row.text) for row in rows]])
    width = ROOM - LABELS - 2 * GAP - numbers
    panels = [_panel(group, members, width, colours) for group, members in groups.items()]
    chart = alt.vconcat(*panels, spacing=56, bounds="flush") if len(panels) > 1 else panels[0]
    said = f"{caption} {_say_marks(rows, ends)}".strip()
    return Figure(name, title, said, dress(chart, colours))


def _say_marks(rows: Sequence[Dumbbell], ends: tuple[str, str]) -> str:
    """What dots, bars and colours mean, and how many values the intervals exclude."""
    tested = [row for row in rows if row.side != "untested"]
    outside = sum(row.side == "outside" for row in tested)
    said = f"Hollow: {ends[0]}; filled: {ends[1]}."
    if any(row.low is not None for row in rows):
        said += (
            f" Bars: 95% intervals of the {ends[1]} values; blue where the interval contains the "
            f"{ends[0]} value, orange where it does not ({outside} of {len(tested)}), grey where "
            "there is no interval."
        )
    return said


def _panel(group: str, members: Sequence[Dumbbell], width: float, colours: Palette) -> Chart:
    """The lines of one group: labels on the left, numbers on the right."""
    data, lines, top = [], [], 0.0
    for row in members:
        wrapped = wrap_text(row.label, LABELS - 4, LABEL_SIZE) or [""]
        middle = top + (LINE * len(wrapped) + ROW_GAP) / 2
        first = middle - LINE * (len(wrapped) - 1) / 2
        lines += [{"y": first + LINE * i, "text": line} for i, line in enumerate(wrapped)]
        data.append(_datum(row, middle))
        top += LINE * len(wrapped) + ROW_GAP
    layers = [*_marks(data, colours), _text(lines, LEFT), _text(data, width + GAP)]
    options: dict[str, Any] = {"title": panel_title(group, colours, dx=LEFT)} if group else {}
    return alt.layer(*layers).properties(width=width, height=top, **options)


def _datum(row: Dumbbell, y: float) -> dict[str, Any]:
    return {
        "label": row.label,
        "y": y,
        "before": row.before,
        "after": row.after,
        "low": row.low,
        "high": row.high,
        "side": row.side,
        "text": row.text,
    }


def _marks(data: list[dict[str, Any]], colours: Palette) -> list[Chart]:
    """The bar between both values, the interval, and the two dots."""
    axis = alt.Axis(tickCount=4, title=None)
    scale = alt.Scale(zero=False, nice=True, padding=6)
    y = alt.Y("y:Q", scale=None, axis=None)
    hues = alt.Scale(
        domain=["inside", "outside", "untested"],
        range=[colours.expressed, colours.avoided, colours.muted],
    )
    colour = alt.Color("side:N", scale=hues, legend=None)
    base = alt.Chart(table(data)).encode(y=y, tooltip=["label:N", "text:N"])

    def x(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=scale, axis=axis)

    between = base.transform_filter("datum.before !== null && datum.after !== null")
    bounded = base.transform_filter("datum.low !== null && datum.high !== null")
    return [
        between.mark_rule(color=colours.grid, strokeWidth=5).encode(x=x("before"), x2="after"),
        bounded.mark_rule(strokeWidth=1.8).encode(x=x("low"), x2="high", color=colour),
        base.transform_filter("datum.after !== null")
        .mark_point(filled=True, size=70, opacity=1)
        .encode(x=x("after"), color=colour),
        base.transform_filter("datum.before !== null")
        .mark_point(
            filled=True,
            size=70,
            opacity=1,
            fill=colours.background,
            stroke=colours.ink,
            strokeWidth=1.6,
        )
        .encode(x=x("before")),
    ]


def _text(rows: list[dict[str, Any]], at: float) -> Chart:
    return (
        alt.Chart(table(rows))
        .mark_text(align="left", baseline="middle")
        .encode(x=alt.value(at), y=alt.Y("y:Q", scale=None, axis=None), text="text:N")
    )
