"""Figures of sections whose numbers are not all known."""

from __future__ import annotations

import json
import math

import pytest

from ethogram.figures.catalogue import section_drawings
from ethogram.figures.sections import OPEN, section_figure
from ethogram.validity.sections import Mark, Section, SectionChart

NAN, INF = math.nan, math.inf
KINDS = ("lines", "points")


def _chart(kind, *marks, percent=False):
    return SectionChart("held", "Held", "By turn.", kind, "x", "y", marks, ((0.5, "z"),), percent)


def _rows(figure):
    rows = [r for rows in figure.spec()["datasets"].values() for r in rows]
    return [r for r in rows if "series" in r]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("low", "high"), [(NAN, NAN), (-INF, INF), (2.0, INF), (NAN, 5.0)])
def test_a_bound_that_is_not_known_is_drawn_to_the_edge(kind, low, high):
    """Never as a short bar, which would look sure; and the caption says so."""
    known = Mark(1, 3.0, 1.0, 4.0, across=(0.5, 1.5))
    figure = section_figure(_chart(kind, known, Mark(2, 3.5, low, high, across=(1, INF))), "held")
    json.dumps(figure.spec(), allow_nan=False)
    first, second = _rows(figure)[:2]
    assert (first["low"], first["high"]) == (1.0, 4.0)
    assert second["low"] == low if math.isfinite(low) else second["low"] < 1.0
    assert second["high"] == high if math.isfinite(high) else second["high"] > 4.0
    assert figure.caption.endswith(OPEN)


@pytest.mark.parametrize("kind", KINDS)
def test_a_share_without_bounds_may_be_anything(kind):
    """Its bar goes from none to all."""
    (row,) = _rows(section_figure(_chart(kind, Mark(1, 0.5, NAN, NAN), percent=True), "held"))[:1]
    assert (row["low"], row["high"]) == (0.0, 1.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at", [{"x": NAN, "y": 1.0}, {"x": 1.0, "y": NAN}, {"x": INF, "y": 1.0}])
def test_a_mark_without_a_place_is_left_out(kind, at):
    """The others are drawn as they are."""
    figure = section_figure(_chart(kind, Mark(**at, low=0, high=2), Mark(2, 3, 1, 4)), "held")
    json.dumps(figure.spec(), allow_nan=False)
    assert {row["x"] for row in _rows(figure)} == {2}
    assert OPEN not in figure.caption


@pytest.mark.parametrize("kind", KINDS)
def test_a_chart_with_nothing_to_draw_is_no_figure(kind):
    """The section's other charts keep their names."""
    charts = (_chart(kind), _chart(kind, Mark(1, NAN, NAN, NAN)), _chart(kind, Mark(1, 1, 0, 2)))
    drawings = section_drawings(Section("s", "S", ("Held.",), charts=charts))
    assert [draw(theme="light").name for draw in drawings] == ["held-3"]
